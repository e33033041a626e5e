"""P(toxic) of a fill from what the market shows when its order is decided: Bayesian logistic regression, online.

Toxic: realised half-spread at 10 s - fee < 0. The logit is linear in

    1                                   constant
    logit of p0                         the model without signals (adverse.py): side, depth, volatility
    book imbalance, order flow imbalance, signed trade flow (with its magnitude), oracle - mid, funding rate,
    the leader's move                   signed; turned so that positive threatens the order's side
    P(volatile) + P(cascade), P(change)  unsigned

all taken at one time (one MarketParams), each in units of its own decayed root mean square (unsigned ones less their
mean, in standard deviations) of half an hour, within +-4; what is not known counts as 0, its usual value. Scales start
at PRIOR_SCALE with the weight of 60 seconds.

Prior of the weights: Normal, independent; constant 0 (sd 0.3), logit of p0 1 (sd 0.2), each signal 0 (sd 0.1: at two of
its units and one prior sd it moves the odds by a factor of 1.2). So without data it is the model without signals, and a
thousand outcomes move it two thirds of the way.

One Newton step per outcome (the extended Kalman filter of a logistic regression, full covariance), learned from the
first fill of each order, real or shadow, that the tape decided. Fills of one side within some seconds share one price
path, so they share a weight: an outcome takes half of what its side has, and a side gets 1 back in 10 s, up to 2.
Forgetting widens the posterior by 1/MEMORY per unit of weight, never beyond the prior.
"""

import math

import numpy as np

from touchstone.core.conventions import NS
from touchstone.core.jit import compiled, inline, record
from touchstone.core.numerics import logit, sigmoid

SIGNAL_NAMES = ("imbalance", "ofi", "flow", "oracle_gap", "funding", "leader", "regime", "change")
N_SIGNALS = len(SIGNAL_NAMES)
N_SIGNED = 6  # the first ones have a direction, positive = upwards
IMBALANCE, OFI, FLOW, ORACLE_GAP, FUNDING, LEADER, REGIME, CHANGE = (np.int64(i) for i in range(N_SIGNALS))
N_X = 2 + N_SIGNALS

PRIOR_SCALE = np.array([0.5, 5.0, 2.0, 3.0, 2e-5, 1.0, 0.3, 0.2])
PRIOR_CENTRE = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.05])
PRIOR_S, MEMORY_S = 60.0, 2600.0  # seconds: half an hour's half-life
X_MOST = 4.0
LOGIT_MOST = 6.0

PRIOR_WEIGHT = np.array([0.0, 1.0] + [0.0] * N_SIGNALS)
PRIOR_SD = np.array([0.3, 0.2] + [0.1] * N_SIGNALS)
MEMORY = 2000.0  # units of weight
PATH_S, PURSE = 10.0, 2.0  # outcomes this near in time share a price path; most weight that a side has

N_GROUPS = 10  # of predicted probability, for the calibration against money

GROUP = record(  # fills whose predicted P(toxic) fell in one tenth of [0, 1]
    [
        ("n", "i8"),
        ("p", "f8"),  # sums
        ("toxic", "i8"),
        ("adverse_bps", "f8"),  # realised markout loss at 10 s
        ("adverse2", "f8"),
    ]
)

TOXICITY = record(
    [
        # scales of the signals
        ("raw", "f8", (N_SIGNALS,)),  # as last observed; NaN: not known
        ("n_seconds", "f8", (N_SIGNALS,)),  # decayed
        ("average", "f8", (N_SIGNALS,)),
        ("square", "f8", (N_SIGNALS,)),
        ("centre", "f8", (N_SIGNALS,)),
        ("per_scale", "f8", (N_SIGNALS,)),
        # posterior
        ("location", "f8", (N_X,)),
        ("covariance", "f8", (N_X, N_X)),
        ("direction", "f8", (N_X,)),  # scratch
        ("x", "f8", (N_X,)),  # scratch
        ("purse", "f8", (2,)),  # weight that outcomes of a side may still take
        ("purse_ns", "i8", (2,)),
        ("n_outcomes", "i8"),
        ("weight", "f8"),  # of them all
        ("n_skipped", "i8"),
        ("group", GROUP, (N_GROUPS,)),
    ]
)


def reset(model):
    """Weights and scales at their priors."""
    model.n_outcomes = 0
    model.n_skipped = 0
    model.weight = 0.0
    for s in range(2):
        model.purse[s] = PURSE
        model.purse_ns[s] = 0
    for i in range(N_SIGNALS):
        model.raw[i] = math.nan
        model.n_seconds[i] = 0.0
        model.average[i] = 0.0
        model.square[i] = 0.0
        model.centre[i] = PRIOR_CENTRE[i]
        model.per_scale[i] = 1.0 / PRIOR_SCALE[i]
    for i in range(N_X):
        model.location[i] = PRIOR_WEIGHT[i]
        for j in range(N_X):
            model.covariance[i, j] = PRIOR_SD[i] * PRIOR_SD[i] if i == j else 0.0
    for g in range(N_GROUPS):
        group = model.group[g]
        group.n = 0
        group.p = 0.0
        group.toxic = 0
        group.adverse_bps = 0.0
        group.adverse2 = 0.0


@compiled
def learn_scales(model):
    """Take in one second of the signals as they stand in `raw`."""
    keep = 1.0 - 1.0 / MEMORY_S
    for i in range(N_SIGNALS):
        value = model.raw[i]
        if value != value:
            continue
        n = keep * model.n_seconds[i] + 1.0
        model.n_seconds[i] = n
        model.average[i] += (value - model.average[i]) / n
        model.square[i] += (value * value - model.square[i]) / n
        whole = PRIOR_S + n
        prior = PRIOR_SCALE[i] * PRIOR_SCALE[i]
        if i < N_SIGNED:
            square = (PRIOR_S * prior + n * model.square[i]) / whole
        else:
            centre = (PRIOR_S * PRIOR_CENTRE[i] + n * model.average[i]) / whole
            model.centre[i] = centre
            about = max(model.square[i] - 2.0 * centre * model.average[i] + centre * centre, 0.0)
            square = (PRIOR_S * prior + n * about) / whole
        model.per_scale[i] = 1.0 / math.sqrt(square)


@inline
def standardise(model, signals):
    """`raw` into `signals` (f8[N_SIGNALS]): units of its own scale, within +-X_MOST, 0 where it is not known."""
    for i in range(N_SIGNALS):
        value = (model.raw[i] - model.centre[i]) * model.per_scale[i]
        signals[i] = min(max(value, -X_MOST), X_MOST) if value == value else 0.0


@inline
def start_from(x, p0):
    """P(toxic) without signals into the inputs x."""
    x[1] = min(max(logit(p0), -LOGIT_MOST), LOGIT_MOST)


@inline
def features(x, signals, s, p0):
    """Inputs into x (f8[N_X]) of an order of side index s (0 bid, 1 ask); p0: P(toxic) without signals."""
    threat = np.float64(2 * s - 1)  # what goes up threatens the ask
    x[0] = 1.0
    start_from(x, p0)
    for i in range(N_SIGNALS):
        x[2 + i] = threat * signals[i] if i < N_SIGNED else signals[i]


@inline
def _project(model, x):
    """Mean and variance of the logit at x; leaves covariance @ x in the scratch."""
    centre, spread = 0.0, 0.0
    for i in range(N_X):
        centre += x[i] * model.location[i]
        row = 0.0
        for j in range(N_X):
            row += model.covariance[i, j] * x[j]
        model.direction[i] = row
        spread += x[i] * row
    return centre, max(spread, 0.0)


@compiled
def predict(model, x):
    """P(toxic); the logit's uncertainty draws it to 1/2 (MacKay 1992)."""
    centre, spread = _project(model, x)
    return sigmoid(centre / math.sqrt(1.0 + math.pi / 8.0 * spread))


@inline
def _plain(model, x):
    centre = 0.0
    for i in range(N_X):
        centre += x[i] * model.location[i]
    return sigmoid(centre)


@compiled
def per_side(model, signals, p0, p_toxic):
    """P(toxic) of a bid and an ask whose P(toxic) without signals is p0, into p_toxic (f8[2]); posterior mean only."""
    for s in range(2):
        features(model.x, signals, s, p0)
        p_toxic[s] = _plain(model, model.x)


@inline
def _weight(model, s, block_ns):
    """Weight of an outcome of side s whose fill came at exchange time block_ns: half of what the side has."""
    elapsed_s = np.float64(max(block_ns - model.purse_ns[s], np.int64(0))) / NS
    share = 0.5 * min(model.purse[s] + elapsed_s / PATH_S, PURSE)
    model.purse[s] = share
    model.purse_ns[s] = max(np.int64(model.purse_ns[s]), block_ns)
    return share


@compiled
def learn(model, x, p, s, block_ns, y, adverse_bps):
    """Take in one fill, once: inputs x, probability p and side index s as frozen, exchange time, outcome.

    y = 1: it was toxic; adverse_bps: its markout loss at 10 s.
    """
    if not (0.0 <= p <= 1.0 and abs(adverse_bps) < math.inf):
        model.n_skipped += 1
        return
    for i in range(N_X):
        if not abs(x[i]) < math.inf:
            model.n_skipped += 1
            return
    model.n_outcomes += 1
    group = model.group[min(np.int64(p * N_GROUPS), np.int64(N_GROUPS - 1))]
    group.n += 1
    group.p += p
    group.toxic += y
    group.adverse_bps += adverse_bps
    group.adverse2 += adverse_bps * adverse_bps
    share = _weight(model, s, block_ns)
    model.weight += share
    _forget(model, share)
    centre, spread = _project(model, x)
    q = sigmoid(centre)
    weight = share * q * (1.0 - q)
    gain = weight / (1.0 + weight * spread)
    surprise = share * (np.float64(y) - q) / (1.0 + weight * spread)
    for i in range(N_X):
        model.location[i] += surprise * model.direction[i]
        for j in range(N_X):
            model.covariance[i, j] -= gain * model.direction[i] * model.direction[j]


@inline
def _forget(model, share):
    """Widen each weight by share/MEMORY unless it would become less certain than its prior."""
    keep = 1.0 - share / MEMORY
    wider = 1.0 / math.sqrt(keep)
    for i in range(N_X):
        if model.covariance[i, i] < keep * PRIOR_SD[i] * PRIOR_SD[i]:
            for j in range(N_X):
                model.covariance[i, j] *= wider
                model.covariance[j, i] *= wider
