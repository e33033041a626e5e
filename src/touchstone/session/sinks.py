"""What is gathered along the way of a run for its result: outcomes, alerts, pairs of the reference, the truth."""

from typing import Any

import numpy as np

from touchstone.core.records import ALERT_NAMES
from touchstone.core.targets import DECIDED_TAPE, IS_BINARY, N_TARGETS
from touchstone.insight import intervals
from touchstone.session.leadlag import LeadLag

KEPT_OUTCOMES = 1_000_000
LARGE_PIECE = 1 << 16


class Outcomes:
    """Tape-decided outcomes of probabilities, for the interval of `ir`; the newest million of each target."""

    def __init__(self) -> None:
        self._kept: dict[int, list[Any]] = {t: [] for t in range(N_TARGETS) if IS_BINARY[t]}
        self._counts = dict.fromkeys(self._kept, 0)

    def take(self, table: str, rows: Any) -> None:
        """Keep what concerns probabilities."""
        if table != "outcomes":
            return
        rows = np.asarray(rows).view(np.ndarray)
        decided = rows[rows["decided"] == DECIDED_TAPE]
        for target, kept in self._kept.items():
            part = decided[decided["target"] == target][["forecast", "outcome", "bucket", "resolved_ns"]].copy()
            if len(part) == 0:
                continue
            kept.append(part)
            self._counts[target] += len(part)
            while len(kept) > 1 and len(kept[-2]) <= len(kept[-1]) < LARGE_PIECE:  # a live session has few at a time
                last = kept.pop()
                kept[-1] = np.concatenate([kept[-1], last])
            while self._counts[target] - len(kept[0]) >= KEPT_OUTCOMES:
                self._counts[target] -= len(kept.pop(0))

    def ratio_interval(self, target: int, block_ns: int) -> intervals.Interval | None:
        """Interval of `ir` of a target, None without 30 blocks."""
        kept = self._kept.get(target)
        if not kept:
            return None
        rows = np.concatenate(kept)
        y = rows["outcome"].astype(np.int64)
        return intervals.ratio_interval(rows["forecast"], y, rows["bucket"], rows["resolved_ns"] // block_ns)


class Alerts:
    """How often each alert came, and where it came first."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.first: dict[str, tuple[int, float, int]] = {}

    def take(self, table: str, rows: Any) -> None:
        """Count alerts."""
        if table != "alerts":
            return
        for row in rows:
            name = ALERT_NAMES[int(row["code"])]
            self.counts[name] = self.counts.get(name, 0) + 1
            self.first.setdefault(name, (int(row["t_ns"]), float(row["value"]), int(row["cloid"])))


class Sinks:
    """What every result is made from, besides the final state."""

    def __init__(self) -> None:
        self.outcomes = Outcomes()
        self.alerts = Alerts()
        self.leadlag = LeadLag()


class Truth:
    """What only a simulated market knows of our fills: who made them, and the latent price."""

    def __init__(self) -> None:
        self.maker_fills = 0
        self.informed_fills = 0
        self.taker_fills = 0
        self._position = 0
        self._bought_at_latent = 0.0  # money, micro: sum of side x size x latent price
        self._edge_bps = {False: 0.0, True: 0.0}  # sums over maker fills, by informed

    def take(self, table: str, rows: Any) -> None:
        """Count fills."""
        if table != "truth":
            return
        rows = np.asarray(rows).view(np.ndarray)
        edge_bps = rows["side"] * (rows["latent_px"] / rows["px"] - 1.0) * 1e4
        made = rows["taker"] == 0
        for informed in (False, True):
            kind = made & (rows["informed"] == int(informed))
            self._edge_bps[informed] += float(edge_bps[kind].sum())
        self.taker_fills += int((~made).sum())
        self.maker_fills += int(made.sum())
        self.informed_fills += int(rows["informed"].sum())
        signed = rows["side"] * rows["qty"]
        self._position += int(signed.sum())
        self._bought_at_latent += float((signed * rows["latent_px"]).sum())

    def drift(self, latent_px: float) -> float:
        """Money that the latent price's own moves made of our position; `latent_px` at the end, price units.

        Integral of position before a move x move. Where nothing foretells the latent price its expectation is 0
        whatever we do, so PnL less drift estimates the same as PnL, without the luck of an open position.
        """
        return (self._position * latent_px - self._bought_at_latent) / 1e6

    def informed(self) -> dict[str, Any]:
        """Number and share of the maker fills that an informed taker made."""
        share = self.informed_fills / self.maker_fills if self.maker_fills else None
        return {"n": self.informed_fills, "share": share}

    def summary(self) -> dict[str, Any]:
        """As documented in docs/json.md; edges against the latent price at the fill, positive = good for us."""
        noise = self.maker_fills - self.informed_fills
        return {
            "maker_fills": self.maker_fills,
            "taker_fills": self.taker_fills,
            "informed_fills": self.informed_fills,
            "informed_share": self.informed()["share"],
            "informed_edge_bps": self._edge_bps[True] / self.informed_fills if self.informed_fills else None,
            "uninformed_edge_bps": self._edge_bps[False] / noise if noise else None,
        }
