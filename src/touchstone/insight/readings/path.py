"""The session along its time: price, our quotes, position, and where the money came from, on one grid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from touchstone.insight.readings.folder import MICRO, NS, NoDataError, Session

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

POINTS = 600  # of a path: more than a picture has columns
LONGEST_HELD_S = 60.0  # between two decisions that a line may join, or three times their usual distance
QUOTE_COLUMNS = ("decided_ns", "market_mid2", "market_best_px_0", "market_best_px_1", "px_0_0", "px_1_0", "position")


@dataclass(frozen=True)
class Quotes:
    """The newest quote decision in each of at most `POINTS` stretches of time; NaN: no order wanted on that side."""

    t_ns: Ints
    mid: Floats  # collateral per coin
    best_bid: Floats
    best_ask: Floats
    our_bid: Floats  # nearest level
    our_ask: Floats
    half_spread_bps: Floats  # (n, 2) of bid and ask, after clamps
    position: Floats  # coin
    reference: Ints  # code of the reference venue's state
    data_age_s: Floats

    def along(self, *columns: Floats) -> tuple[Ints, list[Floats]]:
        """Times and columns with an empty place where nothing was decided for long, so that no line bridges it."""
        apart_s = np.diff(self.t_ns) / NS
        usual_s = float(np.median(apart_s)) if len(apart_s) else 0.0
        behind = np.flatnonzero(apart_s > max(LONGEST_HELD_S, 3.0 * usual_s)) + 1
        filled = [np.insert(column.astype(np.float64), behind, np.nan) for column in columns]
        return np.insert(self.t_ns, behind, self.t_ns[behind - 1] + 1), filled


def bounds_ns(session: Session) -> tuple[int, int]:
    """First and last time that a session wrote anything down with. Raises NoDataError: it wrote nothing."""
    found: list[int] = []
    for table, column in (
        ("quotes", "decided_ns"),
        ("predictions", "made_ns"),
        ("fills", "recv_ns"),
        ("calibrations", "t_ns"),
        ("alerts", "t_ns"),
    ):
        if not session.has(table, column):
            continue
        for order in ("ASC", "DESC"):  # rows are in the order of time
            sql = f"SELECT {column} FROM {table} WHERE {column} > 0 ORDER BY rowid {order} LIMIT 1"
            found += [row[0] for row in session.rows(table, sql)]
    if not found:
        raise NoDataError("the session wrote nothing down")
    return min(found), max(found)


def read_quotes(session: Session, points: int = POINTS) -> Quotes:
    """Quote decisions, thinned out. Raises NoDataError: nothing was quoted."""
    session.require("quotes")
    first, last = bounds_ns(session)
    step = max((last - first) // points, 1)
    rows = session.read(
        "quotes",
        "SELECT max(decided_ns) AS t, market_mid2, market_best_px_0, market_best_px_1, px_0_0, px_1_0, position, "
        "half_spread_bps_0, half_spread_bps_1, market_reference, market_data_age_ns "
        "FROM quotes GROUP BY (decided_ns - ?) / ? ORDER BY t",
        (first, step),
    )
    if len(rows["t"]) == 0:
        raise NoDataError("nothing was quoted")
    unit = session.px_unit

    def price(name: str, scale: float = 1.0) -> Floats:
        return np.where(rows[name] > 0, rows[name] * scale * unit, np.nan)

    return Quotes(
        t_ns=rows["t"],
        mid=price("market_mid2", 0.5),
        best_bid=price("market_best_px_0"),
        best_ask=price("market_best_px_1"),
        our_bid=price("px_0_0"),
        our_ask=price("px_1_0"),
        half_spread_bps=np.stack([rows["half_spread_bps_0"], rows["half_spread_bps_1"]], axis=1).astype(np.float64),
        position=rows["position"] * session.qty_unit,
        reference=rows["market_reference"],
        data_age_s=rows["market_data_age_ns"] / NS,
    )


@dataclass(frozen=True)
class Money:
    """The accounts along the time, collateral; they add up at each time: total = the lines with their signs.

    Funding is not in the tables with its time: `funding` is what the total of each fill says so far.
    """

    t_ns: Ints
    total: Floats
    spread_capture: Floats
    adverse_selection: Floats  # at 10 s, positive = against us; a fill not yet 10 s old is valued at the present mid
    post_horizon: Floats
    opening_inventory: Floats
    fees: Floats
    funding: Floats
    position: Floats  # coin
    mid: Floats


def read_money(session: Session, points: int = POINTS) -> Money:
    """PnL and its lines on a grid of the mids that quotes and fills tell. Raises NoDataError: no fill."""
    raw = _raw_fills(session)
    mids = _mids(session, points)
    t_ns = np.unique(np.concatenate([mids[0], raw["exch_ns"]]))
    times, values = np.concatenate([mids[0], raw["exch_ns"]]), np.concatenate([mids[1], raw["mid2"]])
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    mid2 = values[np.searchsorted(times, t_ns, side="right") - 1]
    return _account(session, raw, t_ns, mid2)


def _raw_fills(session: Session) -> dict[str, NDArray[np.int64]]:
    """Fills in whole units, each with its mid at the fill and 10 s later (0: not known yet, its own where missing)."""
    horizon = int(np.flatnonzero(np.isclose(session.values("markout_horizon_s"), 10.0))[0])
    raw = session.read(
        "fills",
        "SELECT fill_id, exch_ns, side * qty AS signed, px, fee_micro, position_after, pnl_total, "
        "CASE WHEN mid2_before > 0 THEN mid2_before ELSE 2 * px END AS mid2, at_fill_mid2 FROM fills ORDER BY rowid",
    )
    if len(raw["fill_id"]) == 0:
        raise NoDataError("no order was filled")
    due = {}
    if session.has("markouts"):
        due = dict(session.rows("markouts", "SELECT fill_id, mid2 FROM markouts WHERE horizon = ?", (horizon,)))
    later = [due.get(int(fill), 0) or (int(mid) if int(fill) in due else 0) for fill, mid in zip(
        raw["fill_id"], raw["mid2"], strict=True)]  # fmt: skip
    raw["mid2_later"] = np.array(later, np.int64)
    return raw


def _mids(session: Session, points: int) -> tuple[Ints, Ints]:
    """(times, twice the mid in price units): of the fair-value predictions each second, else of the quotes."""
    first, last = bounds_ns(session)
    step = max((last - first) // points, 1)
    sources = []
    if session.has("predictions", "made_ns", "mid2", "kind"):
        kind = session.names("prediction_kind").index("fair")
        sources.append(("predictions", "made_ns", "mid2", f"kind = {kind} AND mid2 > 0"))
    sources.append(("quotes", "decided_ns", "market_mid2", "market_mid2 > 0"))
    for table, time, mid2, chosen in sources:
        opening = session.read(
            table, f"SELECT {time} AS t, {mid2} AS mid2 FROM {table} WHERE {chosen} ORDER BY rowid LIMIT 1"
        )
        if len(opening["t"]) == 0:
            continue
        rows = session.read(
            table,
            f"SELECT max({time}) AS t, {mid2} AS mid2 FROM {table} WHERE {chosen} GROUP BY ({time} - ?) / ? ORDER BY t",
            (first, step),
        )
        return np.concatenate([opening["t"], rows["t"]]), np.concatenate([opening["mid2"], rows["mid2"]])
    raise NoDataError("no mid was written down")


def _account(session: Session, raw: dict[str, Ints], t_ns: Ints, mid2: Ints) -> Money:
    """The identity of docs/concepts.md at each time, in ledger units (half micro), then as money."""
    upto = np.searchsorted(raw["exch_ns"], t_ns, side="right")  # fills known at each time

    def so_far(per_fill: Ints) -> Ints:
        return np.concatenate([[0], np.cumsum(per_fill)])[upto]

    signed, cash2 = raw["signed"], -2 * raw["signed"] * raw["px"] - 2 * raw["fee_micro"]
    opened = int(raw["position_after"][0] - signed[0])
    mid2_open = int(mid2[0])
    position = opened + so_far(signed)
    value2 = signed * raw["mid2"]
    spread2, fees2 = so_far(signed * (raw["mid2"] - 2 * raw["px"])), so_far(2 * raw["fee_micro"])
    # A fill's mid 10 s later is used from 10 s after it on; until then the present mid stands for it.
    is_due = raw["mid2_later"] > 0
    due_ns = np.sort(raw["exch_ns"][is_due] + 10 * NS)
    due_upto = np.searchsorted(due_ns, t_ns, side="right")

    def due_so_far(per_fill: Ints) -> Ints:
        return np.concatenate([[0], np.cumsum(per_fill[is_due])])[due_upto]

    due_qty, due_value2 = due_so_far(signed), due_so_far(value2)
    due_later2 = due_so_far(signed * raw["mid2_later"])
    pending_qty, pending_value2 = so_far(signed) - due_qty, so_far(value2) - due_value2
    adverse2 = due_value2 - due_later2 + pending_value2 - pending_qty * mid2
    post2 = due_qty * mid2 - due_later2
    opening2 = opened * (mid2 - mid2_open)
    funding2 = _funding(raw, cash2, opened, mid2_open)
    funding2_at = np.concatenate([[0], funding2])[upto]
    total2 = spread2 - adverse2 + post2 + opening2 - fees2 + funding2_at
    unit = 2.0 * MICRO
    return Money(
        t_ns=t_ns,
        total=total2 / unit,
        spread_capture=spread2 / unit,
        adverse_selection=adverse2 / unit,
        post_horizon=post2 / unit,
        opening_inventory=opening2 / unit,
        fees=fees2 / unit,
        funding=funding2_at / unit,
        position=(position * session.qty_unit).astype(np.float64),
        mid=(mid2 * 0.5 * session.px_unit).astype(np.float64),
    )


def _funding(raw: dict[str, Ints], cash2: Ints, opened: int, mid2_open: int) -> Ints:
    """What each fill's total holds beyond trades and fees: the funding so far, ledger units."""
    traded = np.cumsum(cash2) + raw["position_after"] * raw["at_fill_mid2"] - opened * mid2_open
    return np.asarray(raw["pnl_total"] - traded, np.int64)
