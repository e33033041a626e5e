"""Scores of one forecast against one outcome. All are losses: smaller is better."""

import math

from touchstone.core.jit import compiled, inline
from touchstone.core.numerics import INV_SQRT_PI, log_beta, normal_cdf, normal_pdf, student_t_cdf, student_t_pdf

P_CLIP = 1e-6  # the log score clips probabilities to [P_CLIP, 1 - P_CLIP]


@inline
def brier(p, y):
    """(p - y)^2 of a probability p and an outcome y in {0, 1}."""
    return (p - y) * (p - y)


@inline
def log_score(p, y):
    """(-ln probability of what happened, whether p was clipped to [1e-6, 1 - 1e-6])."""
    clipped = False
    if p < P_CLIP:
        p = P_CLIP
        clipped = True
    elif p > 1.0 - P_CLIP:
        p = 1.0 - P_CLIP
        clipped = True
    if y:
        return -math.log(p), clipped
    return -math.log1p(-p), clipped


@inline
def crps_normal(y, mu, sigma):
    """CRPS of Normal(mu, sigma) at y, in y's unit (Gneiting-Raftery 2007 eq 21); |y - mu| where sigma <= 0."""
    if not sigma > 0.0:
        return abs(y - mu)
    z = (y - mu) / sigma
    return sigma * (z * (2.0 * normal_cdf(z) - 1.0) + 2.0 * normal_pdf(z) - INV_SQRT_PI)


@compiled
def crps_student_t(y, dof, loc, scale):
    """CRPS of a Student-t at y, in y's unit (Jordan-Kruger-Lerch 2019, appendix A).

    dof > 1 (NaN otherwise: the mean does not exist); |y - loc| where scale <= 0.
    """
    if not dof > 1.0:
        return math.nan
    if not scale > 0.0:
        return abs(y - loc)
    z = (y - loc) / scale
    below = student_t_cdf(z, dof)
    spread = math.exp(log_beta(0.5, dof - 0.5) - 2.0 * log_beta(0.5, 0.5 * dof))
    inner = 2.0 * student_t_pdf(z, dof) * (dof + z * z) - 2.0 * math.sqrt(dof) * spread
    return scale * (z * (2.0 * below - 1.0) + inner / (dof - 1.0))
