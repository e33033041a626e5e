"""The Vovk-Azoury-Warmuth forecaster: linear regression that is careful where it has seen little.

    yhat_t = b' (A + x x')^-1 x,   A = diag(a) + sum over s < t of x_s x_s',   b = sum of x_s y_s

(Vovk 2001, Azoury-Warmuth 2001): ridge regression with the present x counted among the past ones, which draws the
forecast to 0 by 1 / (1 + x' A^-1 x). Its regret against the best fixed weights grows with d ln T whatever the outcomes
are. Here 0 is a prior mean of the weights, and the past fades while the prior does not.
"""

from touchstone.core.jit import compiled, inline, record

N_X = 4

VAW = record(
    [
        ("prior_mean", "f8", (N_X,)),
        ("prior_precision", "f8", (N_X,)),  # in outcomes of unit variance
        ("precision", "f8", (N_X, N_X)),  # A
        ("weighted", "f8", (N_X,)),  # b, of y less the prior's forecast
        ("covariance", "f8", (N_X, N_X)),  # A^-1
        ("location", "f8", (N_X,)),  # weights: prior mean + A^-1 b
    ]
)


def reset(v, prior_mean, prior_precision):
    """Start from the prior; both f8[4], precisions > 0."""
    for i in range(N_X):
        v.prior_mean[i] = prior_mean[i]
        v.prior_precision[i] = prior_precision[i]
        v.weighted[i] = 0.0
        for j in range(N_X):
            v.precision[i, j] = prior_precision[i] if i == j else 0.0
            v.covariance[i, j] = 1.0 / prior_precision[i] if i == j else 0.0
        v.location[i] = prior_mean[i]


@inline
def at(v, w, x, y, z):
    """Ridge regression's forecast at the features (w, x, y, z)."""
    return v.location[0] * w + v.location[1] * x + v.location[2] * y + v.location[3] * z


@inline
def leverage(v, w, x, y, z):
    """x' A^-1 x: variance of the forecast in units of an outcome's."""
    c = v.covariance
    diagonal = c[0, 0] * w * w + c[1, 1] * x * x + c[2, 2] * y * y + c[3, 3] * z * z
    crossed = w * (c[0, 1] * x + c[0, 2] * y + c[0, 3] * z) + x * (c[1, 2] * y + c[1, 3] * z) + c[2, 3] * y * z
    return diagonal + 2.0 * crossed


@inline
def predict(v, w, x, y, z):
    """(forecast, leverage) at the features (w, x, y, z)."""
    m = v.prior_mean
    prior = m[0] * w + m[1] * x + m[2] * y + m[3] * z
    lever = leverage(v, w, x, y, z)
    return prior + (at(v, w, x, y, z) - prior) / (1.0 + lever), lever


@compiled
def learn(v, keep, weight, w, x, y, z, outcome):
    """Take in one outcome, once, as `weight` of one; `keep` in (0, 1]: what is left of the evidence of those before."""
    m = v.prior_mean
    residual = outcome - (m[0] * w + m[1] * x + m[2] * y + m[3] * z)
    features = (w, x, y, z)
    for i in range(N_X):
        v.weighted[i] = keep * v.weighted[i] + weight * features[i] * residual
        for j in range(N_X):
            v.precision[i, j] = keep * v.precision[i, j] + weight * features[i] * features[j]
        v.precision[i, i] += (1.0 - keep) * v.prior_precision[i]
    _solve(v)


@inline
def _solve(v):
    """A^-1 by sweeping out each row in turn: A is symmetric and at least its prior, so no pivot is small."""
    c = v.covariance
    for i in range(N_X):
        for j in range(N_X):
            c[i, j] = v.precision[i, j]
    for p in range(N_X):
        pivot = 1.0 / c[p, p]
        c[p, p] = 1.0
        for j in range(N_X):
            c[p, j] *= pivot
        for i in range(N_X):
            if i != p:
                factor = c[i, p]
                c[i, p] = 0.0
                for j in range(N_X):
                    c[i, j] -= factor * c[p, j]
    for i in range(N_X):
        total = v.prior_mean[i]
        for j in range(N_X):
            total += c[i, j] * v.weighted[j]
        v.location[i] = total
