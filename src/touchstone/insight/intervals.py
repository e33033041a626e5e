"""Block-bootstrap intervals of the headline scores. For the eye only: verdicts come from e-processes.

Outcomes of one time block share a price path, so whole blocks are drawn with replacement. Blocks must be at least twice
the horizon long, as those of a scorecard are. Below 30 blocks there is no interval.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST_BLOCKS = 30
DRAWS = 1000
LEVEL = 0.9
RATIO_CAP = 10.0
CELLS_PER_LOGIT = 798 / 16  # as in core/calibration/reliability.py
LOGIT_LIMIT = 8.0
P_TINY = 1e-12

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Interval:
    """Central 90 % bootstrap interval."""

    low: float
    high: float


def skill_interval(model: Floats, baseline: Floats, *, draws: int = DRAWS, seed: int = 0) -> Interval | None:
    """Interval of the skill score 1 - loss / baseline loss, from the loss sums of each block (both of shape [blocks]).

    None under 30 blocks, or where the baseline's loss is 0 in a draw.
    """
    _same_length(model=model, baseline=baseline)
    weights = _weights(len(model), draws, seed)
    if weights is None:
        return None
    against = weights @ baseline
    if not np.all(against > 0.0):
        return None
    return _central(1.0 - (weights @ model) / against)


def gain_interval(
    counts: Ints, model: Floats, baseline: Floats, *, draws: int = DRAWS, seed: int = 0
) -> Interval | None:
    """Interval of the mean of d = baseline loss - model loss, in the loss's unit, from the sums of each block.

    All of shape [blocks]; counts: outcomes in the block, > 0. None under 30 blocks.
    """
    _same_length(counts=counts, model=model, baseline=baseline)
    weights = _weights(len(model), draws, seed)
    if weights is None:
        return None
    return _central((weights @ (baseline - model)) / (weights @ counts))


def ratio_interval(
    p: Floats, y: Ints, bucket: Ints, block: Ints, *, draws: int = DRAWS, seed: int = 0
) -> Interval | None:
    """Interval of `ir` = DSC / MCB (CORP, within depth buckets, capped at 10) from single outcomes.

    p: forecasts; y: outcomes 0 or 1; bucket: depth bucket; block: number of the time block; all of shape [outcomes].
    None under 30 blocks, or where no draw has a defined ratio.
    """
    _same_length(p=p, y=y, bucket=bucket, block=block)
    block_names, block_of = np.unique(block, return_inverse=True)
    weights = _weights(len(block_names), draws, seed)
    if weights is None:
        return None
    inside = np.clip(p, P_TINY, 1.0 - P_TINY)
    logit = np.log(inside) - np.log1p(-inside)
    cell = np.floor((np.clip(logit, -LOGIT_LIMIT - 1e-9, LOGIT_LIMIT) + LOGIT_LIMIT) * CELLS_PER_LOGIT).astype(np.int64)
    columns, column_of = np.unique(np.stack([bucket, cell]), axis=1, return_inverse=True)  # sorted: bucket, then cell
    shape = (len(block_names), columns.shape[1])
    n, events, loss = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    at = (block_of, column_of.reshape(-1))
    np.add.at(n, at, 1.0)
    np.add.at(events, at, y)
    np.add.at(loss, at, (p - y) ** 2)
    starts = np.flatnonzero(np.diff(columns[0], prepend=-1))
    ratios = [
        _ratio(float(total), n_row, events_row, starts)
        for total, n_row, events_row in zip(
            (weights @ loss).sum(axis=1), weights @ n, weights @ events, strict=True
        )
    ]
    defined = np.array([ratio for ratio in ratios if ratio is not None])
    return _central(defined) if len(defined) else None


def _ratio(loss: float, n: Floats, events: Floats, starts: Ints) -> float | None:
    """DSC / MCB of cell sums; `starts` are the first cells of each depth bucket."""
    unc = recalibrated = 0.0
    for bucket_n, bucket_events in zip(np.split(n, starts[1:]), np.split(events, starts[1:]), strict=True):
        pools = isotonic(bucket_n, bucket_events)
        recalibrated += sum(s * (m - s) / m for m, s in pools)
        total, hits = float(bucket_n.sum()), float(bucket_events.sum())
        if total > 0.0:
            unc += hits * (total - hits) / total
    mcb, dsc = loss - recalibrated, unc - recalibrated
    if dsc <= 1e-12:
        return 0.0 if mcb > 0.0 else None
    return RATIO_CAP if dsc >= RATIO_CAP * mcb else dsc / mcb


def isotonic(n: Floats, events: Floats) -> list[tuple[float, float]]:
    """Pools (n, events) of the isotonic regression of events / n over cells in order; empty cells are skipped."""
    pools: list[tuple[float, float]] = []
    for m, s in zip(n.tolist(), events.tolist(), strict=True):
        if m == 0.0:
            continue
        while pools and pools[-1][1] * m >= s * pools[-1][0]:
            before_m, before_s = pools.pop()
            m, s = m + before_m, s + before_s
        pools.append((m, s))
    return pools


def _weights(blocks: int, draws: int, seed: int) -> Floats | None:
    """How often each draw takes each block, shape [draws, blocks]; None under 30 blocks."""
    if blocks < FEWEST_BLOCKS:
        return None
    generator = np.random.default_rng(seed)
    return generator.multinomial(blocks, np.full(blocks, 1.0 / blocks), size=draws).astype(np.float64)


def _central(values: Floats) -> Interval:
    tail = (1.0 - LEVEL) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return Interval(float(low), float(high))


def _same_length(**arrays: NDArray[np.generic]) -> None:
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"arrays of one outcome or block each must have one length, got {lengths}")
