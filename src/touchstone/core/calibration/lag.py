"""Lead-lag predictions: frozen each second while the reference is there, resolved on the same clock, scored, learned.

Three targets: P(our mid is higher in 1 s) against the rate of that, and the move after 1 and 10 s against no move. The
forecasts are the leader's alone: what the microprice says is not in them.
"""

import numpy as np

from touchstone.core import records, targets
from touchstone.core.calibration import scorecard
from touchstone.core.conventions import BPS, FAIR_HORIZONS_NS
from touchstone.core.jit import compiled, inline, record
from touchstone.core.models import fair, lag

HORIZONS = np.array(FAIR_HORIZONS_NS)
N_LAG = lag.N_LAG
N_PENDING = 64
MASK = np.int64(N_PENDING - 1)
ANY_DEPTH, NO_SEQUENCE, BY_TAPE = np.int64(0), np.int64(0), np.int64(1)
UP, MOVE = targets.LAG_TARGET, targets.LAG_MOVE_TARGET
HORIZON_UP = np.int64(0)
NAN = np.float64("nan")

PENDING = record(
    [
        ("prediction_id", "i8"),
        ("made_ns", "i8"),
        ("mid2", "i8"),
        ("x_bps", "f8"),  # the leader's move that our mid had not followed
        ("u", "f8"),
        ("raw_p_up", "f8"),  # before recalibration
        ("p_up", "f8"),
        ("up_baseline", "f8"),
        ("up_is_window", "i8"),
        ("fair_bps", "f8", (N_LAG,)),  # the fair value's prediction then: what is left is ours to explain
        ("move_bps", "f8", (N_LAG,)),
        ("is_window", "i8", (N_LAG,)),
    ]
)

LAG_LEDGER = record(
    [
        ("entry", PENDING, (N_PENDING,)),
        ("n_made", "i8"),
        ("due", "i8", (N_LAG,)),  # cursors: next entry to resolve at each horizon
        ("newest_id", "i8"),  # 0: none
        ("newest_ns", "i8"),
    ]
)


def reset(models):
    """Model at its prior, scorecards without data."""
    lag.reset(models.lag, lag.MEMORY, lag.SCALE_MEMORY)
    scorecard.reset(models.cards[UP], scorecard.BINARY, HORIZONS[HORIZON_UP])
    for h in range(N_LAG):
        scorecard.reset(models.cards[MOVE + h], scorecard.CONTINUOUS, HORIZONS[h])


@compiled
def freeze(ledger, models, market, out):
    """Freeze the lead-lag predictions of this second."""
    book = ledger.lag
    if out.n_predictions >= records.N_PREDICTIONS or book.n_made - book.due[N_LAG - 1] >= N_PENDING:
        ledger.n_evicted += 1
        return
    now_ns = np.int64(market.t_ns)
    entry = book.entry[book.n_made & MASK]
    book.n_made += 1
    entry.prediction_id = ledger.next_id
    ledger.next_id += 1
    book.newest_id = entry.prediction_id
    book.newest_ns = now_ns
    entry.made_ns = now_ns
    entry.mid2 = market.mid2
    entry.x_bps = market.lag_gap_bps
    entry.u = lag.scaled(models.lag, market.lag_gap_bps)
    entry.raw_p_up = lag.p_up(models.lag, entry.u)
    entry.p_up = scorecard.forecast(models.cards[UP], entry.raw_p_up)
    entry.up_baseline = scorecard.baseline(models.cards[UP], ANY_DEPTH)
    entry.up_is_window = 0
    if now_ns >= ledger.window_end_ns[UP]:
        entry.up_is_window = 1
        ledger.window_end_ns[UP] = now_ns + HORIZONS[HORIZON_UP]
    ledger.made[UP] += 1
    row = out.predictions[records.begin_prediction(out, np.int64(entry.prediction_id), records.KIND_LAG, market)]
    row.lag_gap_bps = entry.x_bps
    row.p_up = entry.p_up
    row.p_up_baseline = entry.up_baseline
    for h in range(N_LAG):
        target = MOVE + h
        move, sd = lag.predict(models.lag, h, market.lag_gap_bps)
        expected, _ = fair.predict(models.fair, h, market.displacement_bps)
        entry.move_bps[h] = move
        entry.fair_bps[h] = expected
        entry.is_window[h] = 0
        if now_ns >= ledger.window_end_ns[target]:
            entry.is_window[h] = 1
            ledger.window_end_ns[target] = now_ns + HORIZONS[h]
        row.lag_bps[h] = move
        row.lag_sd_bps[h] = sd
        ledger.made[target] += 1


@compiled
def resolve(ledger, models, out, mid2, sees, now_ns):
    """Resolve what is due: mid2 is the mid as we know it at now_ns, if we see one."""
    book = ledger.lag
    for h in range(N_LAG):
        while book.due[h] < book.n_made:
            entry = book.entry[book.due[h] & MASK]
            if entry.made_ns + HORIZONS[h] > now_ns:
                break
            book.due[h] += 1
            if mid2 <= 0 or not sees:
                _void(ledger, out, entry, np.int64(h), now_ns)
                continue
            actual = (np.float64(mid2) / np.float64(entry.mid2) - 1.0) * BPS
            _score_move(ledger, models, out, entry, np.int64(h), actual, now_ns)
            if h == HORIZON_UP:
                y = np.int64(1) if mid2 > entry.mid2 else np.int64(0)
                _score_up(ledger, models, out, entry, y, now_ns)


@compiled
def _score_move(ledger, models, out, entry, h, actual, now_ns):
    """Squared error against that of no move; then learn what the fair value had not said."""
    target = MOVE + h
    move = np.float64(entry.move_bps[h])
    loss = (actual - move) * (actual - move)
    card = models.cards[target]
    scorecard.learn_apart(
        card,
        entry.made_ns,
        ANY_DEPTH,
        loss,
        actual * actual,
        move * move,
        NAN,
        NAN,
        NO_SEQUENCE,
        entry.is_window[h],
        BY_TAPE,
    )
    lag.learn(models.lag, h, entry.x_bps, actual - entry.fair_bps[h])
    ledger.resolved[target, targets.DECIDED_TAPE] += 1
    decided, made = targets.DECIDED_TAPE, entry.prediction_id
    records.outcome(out, made, target, now_ns, decided, ANY_DEPTH, move, 0.0, actual, loss, actual * actual)


@compiled
def _score_up(ledger, models, out, entry, y, now_ns):
    raw, p, q = np.float64(entry.raw_p_up), np.float64(entry.p_up), np.float64(entry.up_baseline)
    card = models.cards[UP]
    scorecard.learn_recalibrated(card, entry.made_ns, ANY_DEPTH, raw, p, q, y, entry.up_is_window, BY_TAPE)
    lag.learn_up(models.lag, entry.u, y)
    ledger.resolved[UP, targets.DECIDED_TAPE] += 1
    decided, made = targets.DECIDED_TAPE, entry.prediction_id
    loss, loss_baseline = (p - y) * (p - y), (q - y) * (q - y)
    records.outcome(out, made, UP, now_ns, decided, ANY_DEPTH, p, q, np.float64(y), loss, loss_baseline)


@compiled
def _void(ledger, out, entry, h, now_ns):
    """There is no mid to compare with."""
    reason, made = targets.VOID_NO_MID, entry.prediction_id
    ledger.resolved[MOVE + h, reason] += 1
    records.outcome(out, made, MOVE + h, now_ns, reason, ANY_DEPTH, entry.move_bps[h], 0.0, NAN, NAN, NAN)
    if h == HORIZON_UP:
        ledger.resolved[UP, reason] += 1
        records.outcome(out, made, UP, now_ns, reason, ANY_DEPTH, entry.p_up, entry.up_baseline, NAN, NAN, NAN)


@inline
def pending(ledger, target):
    """Unresolved predictions of a target of ours."""
    h = HORIZON_UP if target == UP else target - MOVE
    return np.int64(ledger.lag.n_made - ledger.lag.due[h])
