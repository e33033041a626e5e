"""Avellaneda-Stoikov quotes: the reference rule for a short, finite horizon.

    reservation price = fair - q gamma sigma^2 tau,   total spread = gamma sigma^2 tau + (2/gamma) ln(1 + gamma/k)

This is the exact solution only to first order in the time left, tau, and knows no inventory limit. With a long horizon
it is wrong: at sigma = .3, A = .9, k = .3, gamma = .01, q = 10 the bid stands 8.95 from mid at tau = 600 s where 3.99
is right (3.562 for 3.548 at 30 s, equal to six digits at 1 s). A maker without an end of day has no tau: use glft.

Source: Avellaneda and Stoikov 2008 (Quantitative Finance 8:217-224), reservation price and total spread of section 3.
"""

import math

from touchstone.core.jit import inline

_TINY = 1e-12  # gamma/k below which its limit is taken


@inline
def half_spread(gamma, sigma, k, time_left):
    """Half of the total spread in bps, whatever the inventory; 1/k for gamma -> 0; NaN unless k > 0 and gamma >= 0.

    gamma per (bps x lot), sigma bps per sqrt second, k per bps, time_left s.
    """
    if not (k > 0.0 and gamma >= 0.0):
        return math.nan
    x = gamma / k
    at_touch = 1.0 / k if x < _TINY else math.log1p(x) / gamma
    return 0.5 * gamma * sigma * sigma * time_left + at_touch


@inline
def skew(q, gamma, sigma, time_left):
    """How far in bps the reservation price lies below the fair price at q lots (long > 0).

    The bid stands half_spread + skew from the fair price, the ask half_spread - skew. Units as half_spread().
    """
    return q * gamma * sigma * sigma * time_left
