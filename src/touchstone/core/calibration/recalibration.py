"""Would the forecasts be good if only their level and slope were corrected? Online logit recalibration.

r = sigmoid(a + b logit p), starting at a = 0, b = 1 and learned from past outcomes only, by one Newton step each on a
Gaussian prior (the Laplace approximation of Bayesian logistic regression, updated outcome by outcome). A weight below 1
tempers outcomes that share one price path.
"""

from touchstone.core.jit import inline, record
from touchstone.core.numerics import logit, sigmoid

PRIOR_PRECISION = 4.0  # prior standard deviation 1/2 of both coefficients

RECALIBRATION = record(
    [
        ("a", "f8"),
        ("b", "f8"),
        ("precision_aa", "f8"),
        ("precision_ab", "f8"),
        ("precision_bb", "f8"),
    ]
)


@inline
def reset(r):
    """Identity."""
    r.a = 0.0
    r.b = 1.0
    r.precision_aa = PRIOR_PRECISION
    r.precision_ab = 0.0
    r.precision_bb = PRIOR_PRECISION


@inline
def predict(r, p):
    """Recalibrated probability."""
    return sigmoid(r.a + r.b * logit(p))


@inline
def learn(r, p, y, share):
    """Take in one outcome y in {0, 1} of a forecast p, as `share` of an outcome."""
    x = logit(p)
    rate = sigmoid(r.a + r.b * x)
    weight = share * rate * (1.0 - rate)
    r.precision_aa += weight
    r.precision_ab += weight * x
    r.precision_bb += weight * x * x
    determinant = r.precision_aa * r.precision_bb - r.precision_ab * r.precision_ab
    if determinant > 0.0:  # always, by the prior; guarded against rounding
        error = share * (y - rate)
        r.a += error * (r.precision_bb - r.precision_ab * x) / determinant
        r.b += error * (r.precision_aa * x - r.precision_ab) / determinant
