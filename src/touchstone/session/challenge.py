"""Champion and challenger: which of two settings of a model predicts better, by what both said of the same events.

For each target, outcomes that both cores predicted (beside.py) fall into time blocks of max(2 tau, 30 s); those whose
window (tau up to the resolution) reaches over the start of a block are left out, so that all of a block is known before
the windows of the next begin. Of block b

    d_b = mean loss of the incumbent - mean loss of the challenger        (positive: the challenger is better)

over the same outcomes. Both directions have an e-process over the blocks: it exceeds 1/alpha ever with a chance of at
most alpha where the other is no worse, so one may look at any time. As in the scorecards (calibration/evidence.py),

    probabilities   the mean over the block's outcomes of e-values of Henzi and Ziegel 2022 for the Brier score, of p
                    against q with b = (p + q) / 2 and an alternative pi on q's side of b: pi / b where the event came,
                    (1 - pi) / (1 - b) where not. pi = b + k (q - p), kept off 0 and 1, in six strategies k = 1/4 to 8
                    (a mean of e-values is one). Clipped differences would not do: where events are rare, the clip
                    takes away what a forecast that is too low loses when one comes
    the rest        bets on d_b, clipped at 4 x the mean |d| of the blocks before; the first ten only set that scale.
                    What is tested is the mean of the clipped d_b, given the past

For the eye: the mean of d_b with its 90 % interval, mean +- t(0.95, B - 1) s / sqrt(B), and the effect that B blocks
would show in 80 % of cases, (t(0.95) + t(0.8)) s / sqrt(B) (insight/paired.py).

Verdicts stand among all targets of the change by e-BH at 5 %, each direction by itself: WINS, LOSES, NOT SHOWN; WARMING
under 30 blocks, NO DATA without one. The challenger wins when a target wins and none loses.
"""

import hashlib
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from touchstone.core.calibration import blocks, evidence
from touchstone.core.conventions import NS
from touchstone.core.jit import record
from touchstone.core.targets import IS_BINARY, N_TARGETS, TARGET_NAMES
from touchstone.insight.paired import LEVEL, POWER, t_quantile
from touchstone.session.beside import Paired

WINS, LOSES, NOT_SHOWN, WARMING, NO_DATA = "WINS", "LOSES", "NOT SHOWN", "WARMING", "NO DATA"
FALSE_SHARE = 0.05  # of the verdicts, at most
NO_BLOCK = -1
BOLDNESS = np.array([0.25, 0.5, 1.0, 2.0, 4.0, 8.0])  # alternatives of Henzi and Ziegel: 0.25 is that of the scorecards
LEAST_E = 0.5  # no single outcome costs more than half

HORIZON_NS = tuple(round(float(name.rpartition("_")[2].removesuffix("s")) * NS) for name in TARGET_NAMES)
BLOCK_NS = tuple(max(2 * horizon_ns, blocks.SHORTEST_NS) for horizon_ns in HORIZON_NS)

# What a setting of [models] changes the predictions of. The rest says how quotes use them, or matters before there are
# data only: no prediction can show what it is worth, `touchstone compare` can.
_ORDERS = ("fill", "adverse", "toxic", "edge")
CONCERNS: dict[str, tuple[str, ...]] = {
    "volatility_half_life_s": (*_ORDERS, "belief"),
    "volatility_slow_half_life_s": ("fill", "belief", "edge"),
    "intensity_half_life_s": ("fill",),
    "intensity_prior_per_s": ("fill",),
    "decay_prior_per_bps": ("fill",),
    "fill_memory_outcomes": ("fill",),
    "adverse_memory_fills": ("adverse", "toxic", "edge"),
    "inputs": ("fill", "fair", "lag", "belief", "edge"),  # shuffled: the placebo
    "regime": ("edge",),  # whose context it is; a belief that one of the two does not have cannot be paired
    "toxicity": ("adverse", "toxic"),
}

SCORE = record(  # of one target
    [
        ("block", "i8"),  # the one that fills now; time // length
        ("block_n", "i8"),
        ("block_gain", "f8"),
        ("block_better", "f8", (evidence.LINES,)),  # of probabilities: sums of e-values for the challenger, against it
        ("block_worse", "f8", (evidence.LINES,)),
        ("n", "i8"),  # pairs taken in
        ("n_left_out", "i8"),  # pairs whose window reaches over the start of a block
        ("n_unpaired", "i8"),  # outcomes that only one of the two had
        ("incumbent", "f8"),  # sums of losses over the n pairs
        ("challenger", "f8"),
        ("n_blocks", "i8"),  # that are over
        ("average", "f8"),  # of d_b
        ("squares", "f8"),  # of d_b, about the average
        ("better", evidence.BETS),  # of probabilities
        ("worse", evidence.BETS),
        ("bounded", evidence.BOUNDED),  # of the rest: skill and harm of the challenger
    ]
)
COMPARISON = record([("score", SCORE, (N_TARGETS,))])


def concerned(names: Iterable[str]) -> list[int]:
    """Targets whose predictions the settings of these names change."""
    kinds = {kind for name in names for kind in CONCERNS.get(name, ())}
    return [target for target, name in enumerate(TARGET_NAMES) if name.partition("_")[0] in kinds]


def key(incumbent: str, challenger: str) -> str:
    """Tells the comparison of two models (keys of carry.py) from others, and from one of another layout."""
    parts = [incumbent, challenger, repr(COMPARISON["score"].base.descr)]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()


class Comparison:
    """What has been seen of a challenger so far, over any number of sessions."""

    def __init__(self, content: bytes | None = None) -> None:
        """content: of `pack`, to go on from. Raises ValueError where it does not fit."""
        self._record: Any = np.zeros(1, COMPARISON)
        if content is None:
            self._record["score"]["block"] = NO_BLOCK
        else:
            if len(content) != COMPARISON.itemsize:
                raise ValueError(f"a comparison of {len(content)} bytes, expected {COMPARISON.itemsize}")
            self._record.view(np.uint8)[:] = np.frombuffer(content, np.uint8)
        self._scores = self._record[0].score

    def pack(self) -> bytes:
        """All of it, as bytes."""
        content: bytes = self._record.tobytes()
        return content

    def take(self, pairs: Paired) -> None:
        """Take in outcomes that both predicted, in the order of their resolution."""
        for target in np.unique(pairs.target).tolist():
            self._take(target, pairs, pairs.target == target)

    def count_unpaired(self, counts: Any) -> None:
        """Outcomes by target that only one of the two had."""
        for target in range(N_TARGETS):
            self._scores[target].n_unpaired += int(counts[target])

    def _take(self, target: int, pairs: Paired, of_it: Any) -> None:
        score, length_ns = self._scores[target], BLOCK_NS[target]
        block = pairs.resolved_ns // length_ns
        within = ((pairs.resolved_ns - HORIZON_NS[target]) // length_ns == block) & (block >= score.block)
        score.n_left_out += int((of_it & ~within).sum())
        kept = of_it & within
        if not kept.any():
            return
        block, loss, other = block[kept], pairs.loss[kept], pairs.loss_challenger[kept]
        score.n += len(block)
        score.incumbent += float(loss.sum())
        score.challenger += float(other.sum())
        starts = np.flatnonzero(np.diff(block, prepend=NO_BLOCK - 1))
        counts = np.diff(starts, append=len(block)).tolist()
        gains = np.add.reduceat(loss - other, starts).tolist()
        better = worse = None
        if IS_BINARY[target]:
            p, q = (_clipped(each[kept]) for each in (pairs.forecast, pairs.forecast_challenger))
            better = np.add.reduceat(e_values(p, q, pairs.outcome[kept]), starts)
            worse = np.add.reduceat(e_values(q, p, pairs.outcome[kept]), starts)
        for i, number in enumerate(block[starts].tolist()):
            if number != score.block:
                _close(score, IS_BINARY[target])
                score.block = number
            score.block_n += counts[i]
            score.block_gain += gains[i]
            if better is not None and worse is not None:
                score.block_better += better[i]
                score.block_worse += worse[i]

    def summary(self, targets: list[int]) -> dict[str, Any]:
        """Verdict and what it is made of, by target; docs/json.md."""
        found = {TARGET_NAMES[target]: self._summary(target) for target in targets}
        verdicts = list(_judge(found).values())
        for of_target, verdict in zip(found.values(), verdicts, strict=True):
            of_target["verdict"] = verdict
        return {"verdict": overall(verdicts), "targets": found}

    def _summary(self, target: int) -> dict[str, Any]:
        score = self._scores[target]
        n, count = int(score.n), int(score.n_blocks)
        se = math.sqrt(float(score.squares) / (count - 1) / count) if count >= blocks.FEWEST else None
        reach = t_quantile((1.0 + LEVEL) / 2.0, count - 1.0) if se is not None else 0.0
        gain = float(score.average) if count else None
        wide = se is not None and gain is not None
        return {
            "verdict": NO_DATA,
            "n": n,
            "blocks": count,
            "block_s": BLOCK_NS[target] / NS,
            "loss_incumbent": float(score.incumbent) / n if n else None,
            "loss_challenger": float(score.challenger) / n if n else None,
            "gain": gain,
            "low": gain - reach * se if wide and gain is not None and se is not None else None,
            "high": gain + reach * se if wide and gain is not None and se is not None else None,
            "minimum_detectable": (reach + t_quantile(POWER, count - 1.0)) * se if se is not None else None,
            "e_better": _e_value(score, target, "better") if count else None,
            "e_worse": _e_value(score, target, "worse") if count else None,
            "clipped": int(score.bounded.n_clipped),
            "left_out": int(score.n_left_out),
            "unpaired": int(score.n_unpaired),
        }


def e_values(p: Any, q: Any, outcome: Any) -> Any:
    """E-values [n, strategies] against "p is no worse than q" in the Brier score; p, q inside (0, 1), outcome 0 or 1.

    `evidence.henzi_ziegel` with bolder and less bold alternatives. 1 where the forecasts are equal.
    """
    p, q, y = (each[:, np.newaxis] for each in (p, q, outcome > 0.5))
    boundary = 0.5 * (p + q)
    off = np.clip(BOLDNESS * (q - p), -LEAST_E * boundary, LEAST_E * (1.0 - boundary))
    return np.where(y, 1.0 + off / boundary, 1.0 - off / (1.0 - boundary))


def _clipped(p: Any) -> Any:
    return np.clip(p, evidence.P_CLIP, 1.0 - evidence.P_CLIP)


def _close(score: Any, is_binary: bool) -> None:
    """A block is over: bet on its gain."""
    if score.block_n > 0:
        n = int(score.block_n)
        d = float(score.block_gain) / n
        if is_binary:
            for bets, total in ((score.better, score.block_better), (score.worse, score.block_worse)):
                for k in range(evidence.LINES):
                    evidence.multiply(bets.line[k], np.float64(math.log(float(total[k]) / n)))
        else:
            evidence.bet_on_difference(score.bounded, np.float64(d))
        score.n_blocks += 1
        off = d - float(score.average)
        score.average += off / int(score.n_blocks)
        score.squares += off * (d - float(score.average))
    score.block_n = 0
    score.block_gain = 0.0
    score.block_better[:] = 0.0
    score.block_worse[:] = 0.0


def _judge(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    """A verdict by target: discoveries of either direction among all of them."""
    verdicts = {}
    better, worse = (_discoveries([each[name] for each in found.values()]) for name in ("e_better", "e_worse"))
    for (name, each), wins, loses in zip(found.items(), better, worse, strict=True):
        if each["blocks"] == 0:
            verdicts[name] = NO_DATA
        elif each["blocks"] < blocks.FEWEST:
            verdicts[name] = WARMING
        else:
            verdicts[name] = WINS if wins else LOSES if loses else NOT_SHOWN
    return verdicts


def overall(verdicts: list[str]) -> str:
    """Of the challenger as a whole: one target must win, and none may lose."""
    for verdict in (LOSES, WINS, NOT_SHOWN, WARMING):
        if verdict in verdicts:
            return verdict
    return NO_DATA


def _discoveries(values: list[float | None]) -> list[bool]:
    logs = np.array([math.nan if value is None else math.log(value) for value in values])
    found = np.zeros(len(logs), np.int64)
    evidence.e_bh(logs, np.int64(len(logs)), np.float64(math.log(FALSE_SHARE)), found)
    return [bool(each) for each in found]


def _e_value(score: Any, target: int, which: str) -> float:
    of_rest = score.bounded.skill if which == "better" else score.bounded.harm
    bets = score[which] if IS_BINARY[target] else of_rest
    return math.exp(min(max(float(evidence.log_e(bets)), -690.0), 690.0))
