"""What became of the predictions: sums of outcomes by target, depth and time, and the scorecards along the time."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from touchstone.insight.intervals import Interval, skill_interval
from touchstone.insight.readings import clustered
from touchstone.insight.readings.clustered import Estimate
from touchstone.insight.readings.folder import NS, NoDataError, Session
from touchstone.insight.readings.path import bounds_ns
from touchstone.insight.words import horizon_s

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHORTEST_BLOCK_S = 120  # twice the longest horizon of a prediction
CARD_BLOCK_S = 30  # shortest of a scorecard
BLOCKS = 500  # at most, about, in a session
CHUNK = 250_000  # rows summed at once: what one sort takes in memory
PLACES = 64  # more than there are targets, or depth buckets: one number names both and the block, which sorts fastest


@dataclass(frozen=True)
class OutcomeSums:
    """Sums over tape-decided outcomes with a score, one entry per target, depth bucket and time block.

    `forecast`, `outcome`, `baseline`: probabilities, or bps (no baseline there: NaN); losses as scored.
    """

    target_names: tuple[str, ...]
    depth_edges_bps: Floats
    block_s: float
    target: Ints
    bucket: Ints
    block: Ints  # resolved time // block_s
    n: Floats
    forecast: Floats
    outcome: Floats
    baseline: Floats
    loss: Floats
    loss_baseline: Floats

    def of(self, name: str) -> NDArray[np.bool_]:
        """Which entries are of a target. Raises NoDataError: none is."""
        if name not in self.target_names:
            raise NoDataError(f"this session has no model {name}")
        chosen: NDArray[np.bool_] = self.target == self.target_names.index(name)
        if not chosen.any():
            raise NoDataError(f"no prediction of {name} has a scored outcome")
        return chosen

    def estimate(self, chosen: NDArray[np.bool_], column: str) -> Estimate:
        """Mean of a column over some entries, with its interval from the time blocks."""
        _, at = np.unique(self.block[chosen], return_inverse=True)
        totals = clustered.sums(at, getattr(self, column)[chosen])
        return clustered.of_blocks(totals, clustered.sums(at, self.n[chosen]), n=int(self.n[chosen].sum()))


def bucket_name(edges_bps: Floats, bucket: int) -> str:
    """A depth bucket in words, bps from the mid."""
    if bucket == 0:
        return f"< {edges_bps[0]:g}"
    if bucket >= len(edges_bps):
        return f"> {edges_bps[-1]:g}"
    return f"{edges_bps[bucket - 1]:g} to {edges_bps[bucket]:g}"


def read_outcomes(session: Session, shortest_s: int = SHORTEST_BLOCK_S) -> OutcomeSums:
    """One pass over the outcomes, in chunks, so that memory does not grow with the session. Raises NoDataError.

    shortest_s: least length of a time block.
    """
    session.require("outcomes")
    first, last = bounds_ns(session)
    block_ns = max(shortest_s * NS, (last - first) // BLOCKS)
    tape = session.names("decided").index("tape")
    newest = session.rows("outcomes", "SELECT max(rowid) FROM outcomes")[0][0] or 0
    sql = (
        f"SELECT (resolved_ns / ? * {PLACES} + target) * {PLACES} + bucket AS place, count(*), sum(forecast), "
        "sum(outcome), sum(baseline), sum(loss), sum(loss_baseline) FROM outcomes WHERE rowid BETWEEN ? AND ? "
        "AND decided = ? AND loss IS NOT NULL AND loss_baseline IS NOT NULL GROUP BY 1"
    )
    found: list[tuple[float, ...]] = []
    for start in range(1, newest + 1, CHUNK):
        found += session.rows("outcomes", sql, (block_ns, start, start + CHUNK - 1, tape))
    if not found:
        raise NoDataError("no prediction has a scored outcome yet")
    table = np.array([[np.nan if value is None else value for value in row[1:]] for row in found], np.float64)
    keys, at = np.unique(np.array([row[0] for row in found], np.int64), return_inverse=True)
    sums = [clustered.sums(at, values, len(keys)) for values in table.T]
    bucket, target, block = keys % PLACES, keys // PLACES % PLACES, keys // (PLACES * PLACES)
    names, edges = session.names("target"), session.values("depth_edge_bps")
    return OutcomeSums(names, edges, block_ns / NS, target, bucket, block, *sums)


@dataclass(frozen=True)
class DepthRow:
    """One depth bucket of a target: what was forecast, what happened, and what the baseline said."""

    bucket: int
    name: str  # bps from mid
    forecast: float
    baseline: float | None
    outcome: Estimate


def by_depth(sums: OutcomeSums, target: str) -> list[DepthRow]:
    """A target by depth bucket, nearest first. Raises NoDataError."""
    chosen = sums.of(target)
    rows = []
    for bucket in np.unique(sums.bucket[chosen]):
        here = chosen & (sums.bucket == bucket)
        n = float(sums.n[here].sum())
        baseline = float(sums.baseline[here].sum()) / n
        rows.append(
            DepthRow(
                int(bucket),
                bucket_name(sums.depth_edges_bps, int(bucket)),
                float(sums.forecast[here].sum()) / n,
                baseline if np.isfinite(baseline) else None,
                sums.estimate(here, "outcome"),
            )
        )
    return rows


def skill(sums: OutcomeSums, chosen: NDArray[np.bool_]) -> Estimate:
    """Skill 1 - loss / baseline loss of some entries; interval of the gain's time blocks over the baseline's mean."""
    _, at = np.unique(sums.block[chosen], return_inverse=True)
    gain = clustered.sums(at, (sums.loss_baseline - sums.loss)[chosen])
    against = clustered.sums(at, sums.loss_baseline[chosen])
    return clustered.of_blocks(gain, against, n=int(sums.n[chosen].sum()))


def skill_intervals(session: Session) -> dict[str, Interval]:
    """Bootstrap interval of each model's skill over time blocks of at least max(2 horizons, 30 s), as of a scorecard.

    None below 30 blocks: such a model is not in the answer. Raises NoDataError.
    """
    sums = read_outcomes(session, CARD_BLOCK_S)
    found = {}
    for target, name in enumerate(sums.target_names):
        chosen = sums.target == target
        merged = max(math.ceil(2 * horizon_s(name) / sums.block_s), 1)
        _, at = np.unique(sums.block[chosen] // merged, return_inverse=True)
        model, baseline = (clustered.sums(at, values[chosen]) for values in (sums.loss, sums.loss_baseline))
        if interval := skill_interval(model, baseline):
            found[name] = interval
    return found


@dataclass(frozen=True)
class Scores:
    """Scorecards of one model along the time: one entry a calibration record (five minutes); NaN: not known yet."""

    t_ns: Ints
    n: Floats
    n_eff: Floats
    skill: Floats
    loss: Floats
    mcb: Floats
    dsc: Floats
    unc: Floats
    ir: Floats
    e_skill_log10: Floats
    e_harm_log10: Floats
    coverage50: Floats
    coverage90: Floats
    verdict: NDArray[np.object_]
    degraded: NDArray[np.bool_]


_SCORES = {name: name for name in ("n", "n_eff", "loss", "mcb", "dsc", "unc", "ir", "coverage50", "coverage90")} | {
    "bss": "skill",
    "e_skill": "e_skill_log10",
    "e_harm": "e_harm_log10",
}  # column of the table: field here


def read_scores(session: Session) -> dict[str, Scores]:
    """By model. Raises NoDataError: no calibration record was written."""
    found = {}
    names = [name for (name,) in session.rows("calibrations", "SELECT DISTINCT model FROM calibrations ORDER BY rowid")]
    for name in names:
        sql = f"SELECT t_ns, verdict, degraded, {', '.join(_SCORES)} FROM calibrations WHERE model = ? ORDER BY rowid"
        rows = session.read("calibrations", sql, (name,))
        numbers = {field: rows[column].astype(np.float64) for column, field in _SCORES.items()}
        found[name] = Scores(
            t_ns=rows["t_ns"], verdict=rows["verdict"], degraded=rows["degraded"].astype(bool), **numbers
        )
    if not found:
        raise NoDataError("no calibration record was written: the session was shorter than its interval")
    return found
