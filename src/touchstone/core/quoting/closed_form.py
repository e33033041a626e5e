"""The GLFT quotes in closed form: an approximation that ignores the inventory limit (glft.py solves it exactly).

The bid stands half + skew q - shift from the fair price, the ask half - skew q + shift.
"""

import math

from touchstone.core.jit import inline

TINY = 1e-12  # xi/k below which its limit is taken


@inline
def fill_terms(k, xi):
    """ln(1 + xi/k)/xi and ln[(1 + xi/k)^{1 + k/xi}]; 1/k and 1 as xi -> 0. Needs k > 0, xi >= 0."""
    x = xi / k
    if x < TINY:
        return 1.0 / k, 1.0
    log_term = math.log1p(x)
    return log_term / xi, log_term / x + log_term


@inline
def constants(a, k, gamma, xi, lot):
    """(c1, c2) of the closed form for orders of size `lot`: half = c1 + lot/2 sigma c2, skew per unit = sigma c2.

    c1 bps; c2 sqrt second per unit. a per s, k per bps, gamma and xi per (bps x unit). Needs a, k, lot > 0.
    Source: Gueant 2017, eq. 4.6-4.7; xi = 0 is model B.
    """
    c1, log_power = fill_terms(k, xi * lot)
    return c1, math.sqrt(gamma / (2.0 * a * lot * k) * math.exp(log_power))


@inline
def closed_form(a, k, sigma, gamma, xi, lot, impact, drift):
    """(half, skew, shift): delta_bid = half + skew q - shift, delta_ask = half - skew q + shift, q in units.

    half, shift in bps, skew in bps per unit. Ignores the inventory limit. shift is NaN for a drift without risk
    aversion. Needs valid inputs, see solve(). Source: GLFT 2013, its asymptotic quotes with drift and impact.
    """
    c1, c2 = constants(a, k, gamma, xi, lot)
    skew = sigma * c2 * math.exp(k * impact / 4.0)
    half = c1 + 0.5 * impact + 0.5 * lot * skew
    risk = gamma * sigma * sigma
    shift = 0.0
    if drift != 0.0:
        shift = drift / risk * skew if risk > 0.0 else math.nan
    return half, skew, shift
