"""The belief about the next move: frozen each second, resolved 10 s later on the same clock, scored, learned."""

import numpy as np

from touchstone.core import records, targets
from touchstone.core.calibration import scorecard
from touchstone.core.conventions import BPS, NS
from touchstone.core.jit import compiled, inline, record
from touchstone.core.models import belief
from touchstone.core.numerics import hash_unit

HORIZON_NS = np.int64(belief.HORIZON_S * NS)
N_PENDING = 16
MASK = np.int64(N_PENDING - 1)
ANY_DEPTH, NO_SEQUENCE, BY_TAPE = np.int64(0), np.int64(0), np.int64(1)
TARGET = targets.BELIEF_TARGET
SALT = np.int64(4)  # of the place within a cell
NAN = np.float64("nan")

PENDING = record(
    [
        ("prediction_id", "i8"),
        ("made_ns", "i8"),
        ("mid2", "i8"),
        ("is_window", "i8"),
        ("density", belief.FROZEN),
    ]
)

BELIEF_LEDGER = record([("entry", PENDING, (N_PENDING,)), ("n_made", "i8"), ("due", "i8")])


def reset(models):
    """Model at its prior, scorecard without data."""
    belief.reset(models.belief)
    scorecard.reset(models.cards[TARGET], scorecard.CONTINUOUS, HORIZON_NS)


@compiled
def freeze(ledger, models, market, out, cell_bps):
    """Freeze the belief of this second. cell_bps: half a tick, the grid that the mid lives on."""
    book = ledger.belief
    if out.n_predictions >= records.N_PREDICTIONS or book.n_made - book.due >= N_PENDING:
        ledger.n_evicted += 1
        return
    now_ns = np.int64(market.t_ns)
    entry = book.entry[book.n_made & MASK]
    book.n_made += 1
    entry.prediction_id = ledger.next_id
    ledger.next_id += 1
    entry.made_ns = now_ns
    entry.mid2 = market.mid2
    entry.is_window = 0
    if now_ns >= ledger.window_end_ns[TARGET]:
        entry.is_window = 1
        ledger.window_end_ns[TARGET] = now_ns + HORIZON_NS
    belief.freeze(models.belief, entry.density, np.float64(market.sigma_slow), cell_bps)
    ledger.made[TARGET] += 1
    row = out.predictions[records.begin_prediction(out, np.int64(entry.prediction_id), records.KIND_BELIEF, market)]
    for j in range(belief.N_PARTS):
        row.belief_weight[j] = entry.density.weight[j]
        row.belief_scale_bps[j] = entry.density.scale_bps[j]


@compiled
def resolve(ledger, models, out, mid2, sees, now_ns):
    """Resolve what is due: mid2 is the mid as we know it at now_ns, if we see one."""
    book = ledger.belief
    while book.due < book.n_made:
        entry = book.entry[book.due & MASK]
        if entry.made_ns + HORIZON_NS > now_ns:
            break
        book.due += 1
        made = np.int64(entry.prediction_id)
        if mid2 <= 0 or not sees:
            reason = targets.VOID_NO_MID
            ledger.resolved[TARGET, reason] += 1
            records.outcome(out, made, TARGET, now_ns, reason, ANY_DEPTH, 0.0, NAN, NAN, NAN, NAN)
            continue
        actual = (np.float64(mid2) / np.float64(entry.mid2) - 1.0) * BPS
        density = entry.density
        p, below = belief.probability(density, actual)
        loss = belief.log_loss(p)
        loss_slow = belief.log_loss(belief.probability_slow(density, actual))
        pit = below + hash_unit(made, SALT, SALT) * p  # anywhere in its cell: uniform if the belief is right
        card = models.cards[TARGET]
        scorecard.learn_continuous(
            card, entry.made_ns, ANY_DEPTH, loss, loss_slow, pit, NAN, NO_SEQUENCE, entry.is_window, BY_TAPE
        )
        belief.learn(models.belief, density, actual)
        decided = targets.DECIDED_TAPE
        ledger.resolved[TARGET, decided] += 1
        records.outcome(out, made, TARGET, now_ns, decided, ANY_DEPTH, 0.0, NAN, actual, loss, loss_slow)


@inline
def pending(ledger):
    """Unresolved beliefs."""
    return np.int64(ledger.belief.n_made - ledger.belief.due)
