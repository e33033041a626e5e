"""Our fills with their markouts, and what can be said of them by side, depth and regime."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from touchstone.insight.readings import clustered
from touchstone.insight.readings.clustered import Estimate
from touchstone.insight.readings.folder import LEDGER_PER_UNIT, MICRO, NS, NoDataError, Session

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHORTEST_BLOCK_NS = 30 * NS
TOXIC_HORIZON_S = 10.0
SIDES = ("bid", "ask")

_SQL = """
    SELECT fill_id, cloid, exch_ns, recv_ns, side, px, qty, fee_micro, bits, mid2_before, position_after,
           fill_prediction_id, as_prediction_id, edge_prediction_id, lag_prediction_id, prediction_ns,
           predicted_fill_prob, predicted_as_bps, at_decision_mid2, at_decision_depth_bps, at_decision_queue_ahead,
           at_decision_p_toxic_0, at_decision_p_toxic_1, at_decision_regime, at_fill_mid2, at_fill_depth_bps,
           at_fill_regime, spread_capture, pnl_total
    FROM fills ORDER BY rowid
"""


@dataclass(frozen=True)
class Fills:
    """One entry a fill, in the order in which we heard of them. Times in ns; side +1 = we bought."""

    fill_id: Ints
    cloid: Ints
    t_ns: Ints  # exchange
    recv_ns: Ints
    side: Ints
    px: Floats  # collateral per coin
    qty: Floats  # coin
    notional: Floats  # collateral
    fee: Floats  # collateral, positive = paid
    is_taker: NDArray[np.bool_]
    mid_before: Floats  # just before the aggressing block; NaN: not known
    position: Floats  # after it, coin
    prediction_ns: Ints  # when the order was decided
    predicted_fill_p: Floats  # within 10 s
    predicted_adverse_bps: Floats  # at 10 s
    adverse_prediction_id: Ints
    edge_prediction_id: Ints
    depth_bps: Floats  # from the mid at the decision
    depth_at_fill_bps: Floats
    queue_ahead: Floats  # at the decision, coin
    regime: Ints  # code; 0 where there is no regime model
    horizons_s: Floats
    realised_bps: Floats  # (n, horizons) markout before fees, positive = good for us; NaN: not known (yet)
    adverse_bps: Floats  # (n, horizons) move of the mid against us
    spread_capture: Floats  # collateral
    pnl_total: Floats  # collateral, of the session so far, with funding

    def __len__(self) -> int:
        return len(self.fill_id)

    def horizon(self, seconds: float = TOXIC_HORIZON_S) -> int:
        """Index of a horizon."""
        return int(np.flatnonzero(np.isclose(self.horizons_s, seconds))[0])

    def blocks(self, horizon_s: float = TOXIC_HORIZON_S) -> Ints:
        """Number of the time block of each fill: max(2 horizons, 30 s) long."""
        made: Ints = self.t_ns // max(int(2 * horizon_s * NS), SHORTEST_BLOCK_NS)
        return made


def read_fills(session: Session) -> Fills:
    """Every fill of a session. Raises NoDataError: there is none."""
    rows = session.read("fills", _SQL)
    n = len(rows["fill_id"])
    if n == 0:
        raise NoDataError("no order was filled")
    horizons = session.values("markout_horizon_s")
    realised, adverse = np.full((n, len(horizons)), np.nan), np.full((n, len(horizons)), np.nan)
    if session.has("markouts"):
        marks = session.read("markouts", "SELECT fill_id, horizon, realised_bps, adverse_bps FROM markouts")
        order = np.argsort(rows["fill_id"], kind="stable")
        place = order[np.clip(np.searchsorted(rows["fill_id"][order], marks["fill_id"]), 0, n - 1)]
        known = rows["fill_id"][place] == marks["fill_id"]
        at = (place[known], marks["horizon"][known])
        realised[at], adverse[at] = marks["realised_bps"][known], marks["adverse_bps"][known]
    px, qty = rows["px"] * session.px_unit, rows["qty"] * session.qty_unit
    mid_before = np.where(rows["mid2_before"] > 0, rows["mid2_before"] * 0.5 * session.px_unit, np.nan)
    return Fills(
        fill_id=rows["fill_id"],
        cloid=rows["cloid"],
        t_ns=rows["exch_ns"],
        recv_ns=rows["recv_ns"],
        side=rows["side"],
        px=px,
        qty=qty,
        notional=px * qty,
        fee=rows["fee_micro"] / MICRO,
        is_taker=(rows["bits"] & 1) == 1,
        mid_before=mid_before,
        position=rows["position_after"] * session.qty_unit,
        prediction_ns=rows["prediction_ns"],
        predicted_fill_p=rows["predicted_fill_prob"].astype(np.float64),
        predicted_adverse_bps=rows["predicted_as_bps"].astype(np.float64),
        adverse_prediction_id=rows["as_prediction_id"],
        edge_prediction_id=rows["edge_prediction_id"],
        depth_bps=rows["at_decision_depth_bps"].astype(np.float64),
        depth_at_fill_bps=rows["at_fill_depth_bps"].astype(np.float64),
        queue_ahead=rows["at_decision_queue_ahead"] * session.qty_unit,
        regime=rows["at_fill_regime"],
        horizons_s=horizons,
        realised_bps=realised,
        adverse_bps=adverse,
        spread_capture=rows["spread_capture"] / LEDGER_PER_UNIT,
        pnl_total=rows["pnl_total"] / LEDGER_PER_UNIT,
    )


@dataclass(frozen=True)
class Curve:
    """A markout curve: one estimate a horizon, in bps before fees, positive = good for us."""

    name: str
    horizons_s: Floats
    points: tuple[Estimate, ...]

    @property
    def n(self) -> int:
        """Fills with a markout at any horizon."""
        return max((point.n for point in self.points), default=0)


def curve(fills: Fills, name: str, chosen: NDArray[np.bool_]) -> Curve:
    """The markout curve of some of the fills."""
    points = [
        clustered.mean(fills.realised_bps[chosen, h], fills.blocks(float(seconds))[chosen])
        for h, seconds in enumerate(fills.horizons_s)
    ]
    return Curve(name, fills.horizons_s, tuple(points))


def curves_by_side(fills: Fills) -> list[Curve]:
    """Bid, ask, both."""
    return [
        curve(fills, "bid", fills.side > 0),
        curve(fills, "ask", fills.side < 0),
        curve(fills, "both", np.ones(len(fills), bool)),
    ]


def curves_by_depth(fills: Fills, groups: int = 3) -> list[Curve]:
    """Groups of like size by distance from the mid at the decision, nearest first."""
    known = np.isfinite(fills.depth_bps)
    if not known.any():
        raise NoDataError("no fill has a known depth")
    edges = np.quantile(fills.depth_bps[known], np.linspace(0.0, 1.0, groups + 1))
    made = []
    for at in range(groups):
        upper = fills.depth_bps <= edges[at + 1] if at == groups - 1 else fills.depth_bps < edges[at + 1]
        chosen = known & (fills.depth_bps >= edges[at]) & upper
        if chosen.any():
            made.append(curve(fills, f"{edges[at]:.1f} to {edges[at + 1]:.1f} bps", chosen))
    return made


def curves_by_regime(session: Session, fills: Fills) -> list[Curve]:
    """By regime at the fill. Raises NoDataError: the session has no regime model."""
    try:
        names = session.names("regime")
    except NoDataError as error:
        raise NoDataError("this session ran without a regime model") from error
    return [curve(fills, names[code], fills.regime == code) for code in np.unique(fills.regime) if code < len(names)]


def edge_bps(fills: Fills, fee_bps: float) -> Floats:
    """Realised half-spread minus fee at 10 s of each fill, bps; NaN: not known."""
    made: Floats = fills.realised_bps[:, fills.horizon()] - fee_bps
    return made
