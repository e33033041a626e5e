"""Special functions and the counter hash that the core needs, with the same bits compiled and in plain Python.

`math.lgamma` and friends differ between the two modes, so gamma, beta and Student-t functions are our own. Every
function is total: arguments outside the domain give NaN or a documented clip, never an exception.
"""

import math

import numpy as np

from touchstone.core.jit import compiled, inline

SQRT_2 = math.sqrt(2.0)
HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
INV_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)
INV_SQRT_PI = 1.0 / math.sqrt(math.pi)
LOG_10 = math.log(10.0)

P_TINY = 1e-12  # logit clips here
EXP_LARGEST = 700.0  # math.exp raises beyond 709.78 in plain Python
BETA_ITERATIONS = 20_000
DOF_NORMAL = 1e8  # Student-t beyond this is the Normal to 1e-8

_M32 = np.uint64(0xFFFFFFFF)
_S11, _S27, _S30, _S31, _S32 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)
_MUL_1 = np.uint64(0xBF58476D1CE4E5B9)  # splitmix64's finaliser (Steele, Lea, Flood 2014)
_MUL_2 = np.uint64(0x94D049BB133111EB)
_KEY_SEED = np.uint64(0x9E3779B97F4A7C15)  # keep 0 away from the finaliser's fixed point
_KEY_A = np.uint64(0xD1B54A32D192ED03)
_KEY_B = np.uint64(0x8CB92BA72F3D8DD7)
_KEY_STREAM = np.uint64(0x9E3779B97F4A7C15)  # odd: numbers stay apart


@inline
def normal_pdf(x):
    """Density of the standard Normal."""
    return INV_SQRT_2PI * math.exp(-0.5 * x * x)


@inline
def normal_cdf(x):
    """Distribution function of the standard Normal, accurate in both tails."""
    return 0.5 * math.erfc(-x / SQRT_2)


@inline
def sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


@inline
def logit(p):
    """ln(p / (1-p)) with p clipped to [1e-12, 1 - 1e-12]."""
    log_p, log_rest = logs(p)
    return log_p - log_rest


@inline
def logs(p):
    """ln p and ln(1-p) with p clipped to [1e-12, 1 - 1e-12]."""
    if p < P_TINY:
        p = P_TINY
    elif p > 1.0 - P_TINY:
        p = 1.0 - P_TINY
    return math.log(p), math.log1p(-p)


@inline
def softplus(x):
    """ln(1 + exp(x)), without overflow: -ln sigmoid(-x)."""
    if x > 0.0:
        return x + math.log1p(math.exp(-x))
    return math.log1p(math.exp(x))


@inline
def log_add_exp(x, y):
    """ln(exp(x) + exp(y)), without overflow; x, y may be -inf."""
    if x < y:
        x, y = y, x
    if y == -math.inf:
        return x
    return x + math.log1p(math.exp(y - x))


@inline
def exp_bounded(x):
    """exp(x) with x clipped at 700: finite, and the same in both modes."""
    return math.exp(x) if x < EXP_LARGEST else math.exp(EXP_LARGEST)


@inline
def _stirling_tail(x):
    """lgamma(x) - ((x-1/2) ln x - x + ln(2 pi)/2) for x >= 10, to 1e-16 (Abramowitz-Stegun 6.1.41)."""
    z = 1.0 / (x * x)
    s = 1.0 / 156.0 - z * (3617.0 / 122400.0)
    s = -691.0 / 360360.0 + z * s
    s = 1.0 / 1188.0 + z * s
    s = -1.0 / 1680.0 + z * s
    s = 1.0 / 1260.0 + z * s
    s = -1.0 / 360.0 + z * s
    s = 1.0 / 12.0 + z * s
    return s / x


@compiled
def lgamma(x):
    """Logarithm of the gamma function for x > 0 (NaN otherwise), to 1e-13 absolute or relative."""
    if not x > 0.0:
        return math.nan
    product = 1.0
    while x < 10.0:
        product *= x
        x += 1.0
    return (x - 0.5) * math.log(x) - x + HALF_LOG_2PI + _stirling_tail(x) - math.log(product)


@compiled
def log_gamma_ratio(x, step):
    """ln Gamma(x + step) - ln Gamma(x) for x, step > 0, without cancellation for large x."""
    if not (x > 0.0 and step > 0.0):
        return math.nan
    if x < 10.0:
        return lgamma(x + step) - lgamma(x)
    top = x + step
    growth = (x - 0.5) * math.log1p(step / x) + step * math.log(top) - step
    return growth + _stirling_tail(top) - _stirling_tail(x)


@compiled
def log_beta(a, b):
    """Logarithm of the beta function for a, b > 0 (NaN otherwise)."""
    if a < b:
        a, b = b, a
    return lgamma(b) - log_gamma_ratio(a, b)


@compiled
def _beta_fraction(a, b, x):
    """Continued fraction of the incomplete beta (modified Lentz; DLMF 8.17.22). Needs x < (a+1)/(a+b+2)."""
    tiny = 1e-300
    c = 1.0
    d = 1.0 - (a + b) * x / (a + 1.0)
    if abs(d) < tiny:
        d = tiny
    d = 1.0 / d
    h = d
    for i in range(1, BETA_ITERATIONS):
        m = np.float64(i)
        step = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        d = 1.0 + step * d
        if abs(d) < tiny:
            d = tiny
        c = 1.0 + step / c
        if abs(c) < tiny:
            c = tiny
        d = 1.0 / d
        h *= d * c
        step = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        d = 1.0 + step * d
        if abs(d) < tiny:
            d = tiny
        c = 1.0 + step / c
        if abs(c) < tiny:
            c = tiny
        d = 1.0 / d
        change = d * c
        h *= change
        if abs(change - 1.0) < 1e-15:
            break
    return h


@compiled
def beta_cdf_pair(a, b, x, complement):
    """I_x(a, b) with 1 - x given too, so that neither end loses digits. a, b > 0; NaN otherwise."""
    if not (a > 0.0 and b > 0.0 and x >= 0.0 and complement >= 0.0):
        return math.nan
    if x == 0.0:
        return 0.0
    if complement == 0.0:
        return 1.0
    log_x = math.log(x) if x < 0.5 else math.log1p(-complement)
    log_c = math.log(complement) if complement < 0.5 else math.log1p(-x)
    front = math.exp(a * log_x + b * log_c - log_beta(a, b))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_fraction(a, b, x) / a
    return 1.0 - front * _beta_fraction(b, a, complement) / b


@compiled
def beta_cdf(a, b, x):
    """Regularised incomplete beta I_x(a, b), a, b > 0, 0 <= x <= 1 (NaN otherwise)."""
    return beta_cdf_pair(a, b, x, 1.0 - x)


@compiled
def student_t_pdf(x, dof):
    """Density of the standard Student-t with dof > 0 degrees of freedom (NaN otherwise)."""
    if not dof > 0.0:
        return math.nan
    if dof > DOF_NORMAL:
        return normal_pdf(x)
    return math.exp(-log_beta(0.5, 0.5 * dof) - 0.5 * math.log(dof) - 0.5 * (dof + 1.0) * math.log1p(x * x / dof))


@compiled
def student_t_cdf(x, dof):
    """Distribution function of the standard Student-t, accurate in both tails; dof > 0 (NaN otherwise)."""
    if not dof > 0.0 or math.isnan(x):
        return math.nan
    if dof > DOF_NORMAL:
        return normal_cdf(x)
    if abs(x) > 1e150:
        return 0.0 if x < 0.0 else 1.0
    total = dof + x * x
    tail = 0.5 * beta_cdf_pair(0.5 * dof, 0.5, dof / total, x * x / total)
    return tail if x < 0.0 else 1.0 - tail


@inline
def _multiply(x, y):
    """x * y mod 2^64 by 32-bit halves: NumPy scalars would warn of the overflow."""
    x_low, x_high = x & _M32, x >> _S32
    y_low, y_high = y & _M32, y >> _S32
    low = x_low * y_low
    high = (((x_low * y_high) & _M32) + ((x_high * y_low) & _M32) + (low >> _S32)) & _M32
    return (high << _S32) | (low & _M32)


@inline
def _mix(z):
    z = _multiply(z ^ (z >> _S30), _MUL_1)
    z = _multiply(z ^ (z >> _S27), _MUL_2)
    return z ^ (z >> _S31)


@inline
def hash_u64(seed, a, b):
    """Pseudo-random uint64 of three int64 counters (splitmix64's finaliser, chained)."""
    h = _mix(np.uint64(np.int64(seed)) ^ _KEY_SEED)
    h = _mix(h ^ _mix(np.uint64(np.int64(a)) ^ _KEY_A))
    return _mix(h ^ _mix(np.uint64(np.int64(b)) ^ _KEY_B))


@inline
def hash_unit(seed, a, b):
    """Pseudo-random float in [0, 1) of three int64 counters, on a grid of 2^-53."""
    return np.float64(hash_u64(seed, a, b) >> _S11) * (1.0 / 9007199254740992.0)


@inline
def stream_unit(key, number):
    """Pseudo-random float in [0, 1) number `number` of the stream with this uint64 key (from `hash_u64`)."""
    z = _mix(key ^ _multiply(np.uint64(np.int64(number)), _KEY_STREAM))
    return np.float64(z >> _S11) * (1.0 / 9007199254740992.0)
