"""What our fills earn where informed takers crowd: in a hot market, and deep in a quiet one.

HOT     the fast volatility is well above the slow one (*heat*). Makers set their spreads for the usual volatility;
        beyond it a move of the leader passes a resting quote before anybody can take it away
DEEP    behind our second level while nobody has traded for longer than usual. Takers come in bursts, which thin the
        book; what reaches a deep level out of the blue is mostly a jump that an informed taker saw

Uninformed fills do not crowd there (the study is in docs/edge-and-gate.md). By place and side, the edge of a fill
after its fee at 10 s, in units of sigma sqrt 10 s at the decision, is Normal with a Normal-Inverse-Gamma posterior
(edge.py).

Prior, from the tuning seeds: mean -0.4 (there hot fills earned -0.40 in volatile, -0.54 in cascade; deep ones -0.48 in
normal, -0.40 in lag_0.3), worth 20 fills; s = 1.36 (adverse.py). So P(mean < 0) is 0.91 before there are data, and a
market in which such fills earn their fee finds that out. Own fills only: a shadow's are worse. Sums decay per unit of
weight, the prior does not.
"""

import math

import numpy as np

from touchstone.core.jit import compiled, inline, record
from touchstone.core.models import edge

HOT, DEEP = np.int64(0), np.int64(1)
NOWHERE = np.int64(-1)
N_PLACES = 2

QUIET = 1.5  # times the mean time between aggressive orders, without one
DEEP_LEVELS = 2  # levels of a side that are not deep

PRIOR_MEAN, PRIOR_K = -0.4, 20.0  # sigma sqrt 10 s; fills
PRIOR_A, PRIOR_SQUARE = 5.0, 1.85
PRIOR_B = (PRIOR_A - 1.0) * PRIOR_SQUARE
MEMORY = 500.0  # units of weight
Z_MOST = 10.0  # outcomes beyond this many sigma sqrt 10 s are clipped, counted
ROOT_10S = math.sqrt(10.0)

CROWDED = record(  # of one place and side
    [
        ("n", "f8"),  # decayed weight
        ("average", "f8"),
        ("squares", "f8"),  # about the average
        ("n_outcomes", "i8"),
        ("n_clipped", "i8"),
        ("n_skipped", "i8"),  # outcomes without a volatility or a value
    ]
)


def reset(model):
    """Start from the prior."""
    model.n = 0.0
    model.average = 0.0
    model.squares = 0.0
    model.n_outcomes = 0
    model.n_clipped = 0
    model.n_skipped = 0


@inline
def heat(sigma, sigma_slow):
    """Fast volatility over slow (bps per sqrt second); 0 where either is not known or the book is dead."""
    return np.float64(sigma) / np.float64(sigma_slow) if sigma > 0.0 and sigma_slow > 0.0 else 0.0


@inline
def _posterior(model):
    return edge.posterior(PRIOR_MEAN, PRIOR_K, PRIOR_A, PRIOR_B, model.n, model.average, model.squares)


@inline
def mean(model):
    """Posterior mean of what a fill earns there, sigma sqrt 10 s."""
    m, _, _, _ = _posterior(model)
    return m


@compiled
def p_loss(model):
    """P(the mean edge of a fill there < 0)."""
    m, k, a, b = _posterior(model)
    return edge.p_above(-m, k, a, b, 0.0)


@compiled
def learn(model, sigma, weight, edge_bps):
    """Take in one fill of our own, once: volatility at the decision, weight in (0, 1], edge after its fee at 10 s."""
    if not 0.0 < sigma < math.inf or not abs(edge_bps) < math.inf:
        model.n_skipped += 1
        return
    z = edge_bps / (sigma * ROOT_10S)
    if abs(z) > Z_MOST:
        model.n_clipped += 1
        z = Z_MOST if z > 0.0 else -Z_MOST
    model.n_outcomes += 1
    keep = 1.0 - weight / MEMORY
    before = keep * model.n
    model.n = before + weight
    gap = z - model.average
    model.average += weight / model.n * gap
    model.squares = keep * model.squares + weight * gap * gap * before / model.n
