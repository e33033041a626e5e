"""A confidence sequence: an interval of a mean that holds at every time at once, so that looking often costs nothing.

For d_t in [-1, 1] with sum s and V = sum of (d_i - mean before)^2, the capital of a bet on a mean above m,

    M(s - n m, V),  M(s, V) = integral of exp(l s - psi(l) V) over a gamma law of l in [0, 1/c),
    psi(l) = (-ln(1 - c l) - c l) / c^2,

exceeds 1/a with probability at most a (empirical Bernstein; Howard et al. 2021, Choe-Ramdas 2023 theorem 2, c = 2).
"""

import math

C = 2.0
BEST_AT = 10.0  # the mixture is tuned to this V
LEAST_V = 1.0
STEPS = 200


def lower_gamma(a: float, x: float) -> float:
    """ln P(a, x), the regularised lower incomplete gamma function; a, x > 0."""
    if x < a + 1.0:  # series
        term = total = 1.0 / a
        n = a
        while abs(term) > 1e-17 * abs(total):
            n += 1.0
            term *= x / n
            total += term
        return a * math.log(x) - x - math.lgamma(a) + math.log(total)
    b = x + 1.0 - a  # continued fraction of the upper one (modified Lentz)
    c, d = 1e300, 1.0 / b
    h = d
    for i in range(1, 10_000):
        an = -i * (i - a)
        b += 2.0
        d = 1.0 / (an * d + b)
        c = b + an / c
        h *= d * c
        if abs(d * c - 1.0) < 1e-16:
            break
    return math.log1p(-math.exp(a * math.log(x) - x - math.lgamma(a) + math.log(h)))


def log_capital(s: float, v: float, alpha: float) -> float:
    """ln M(s, v) of the gamma-exponential mixture, tuned for one side at level alpha; s >= 0, v > 0."""
    level = math.log(1.0 / (2.0 * alpha))
    rho = BEST_AT / (2.0 * level + math.log1p(2.0 * level))
    shape = rho / C**2
    lead = shape * math.log(shape) - math.lgamma(shape) - lower_gamma(shape, shape)
    a, x = (v + rho) / C**2, (C * s + v + rho) / C**2
    return lead + math.lgamma(a) + lower_gamma(a, x) - a * math.log(x) + (C * s + v) / C**2



def sequence(n: int, total: float, square: float, alpha: float) -> tuple[float, float] | None:
    """Interval of the mean of n values in [-1, 1] at level 1 - alpha, valid at all n at once; None without values.

    total: their sum; square: V above.
    """
    if n == 0:
        return None
    v, half = max(square, LEAST_V), alpha / 2.0
    low, high = 0.0, 1.0
    while log_capital(high, v, half) < math.log(1.0 / half):
        high *= 2.0
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        if middle in (low, high):  # no number lies between them
            break
        if log_capital(middle, v, half) < math.log(1.0 / half):
            low = middle
        else:
            high = middle
    mean, radius = total / n, high / n
    return max(mean - radius, -1.0), min(mean + radius, 1.0)
