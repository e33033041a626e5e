"""The result of a session that did not end by itself, or goes on: what its tables tell, in the keys of docs/json.md."""

from typing import TYPE_CHECKING, Any

import numpy as np

from touchstone.insight.readings import clustered
from touchstone.insight.readings import fills as fills_of
from touchstone.insight.readings.folder import NS, NoDataError
from touchstone.insight.readings.outcomes import read_scores
from touchstone.insight.readings.path import bounds_ns, read_money
from touchstone.insight.readings.requests import read_requests

if TYPE_CHECKING:
    from touchstone.insight.readings.folder import Session

FEWEST_FOR_INTERVAL = 10  # as in a finished session's result


def result_of_tables(session: "Session") -> dict[str, Any]:
    """Every key of a result that can be known; what cannot is None or empty."""
    made: dict[str, Any] = {
        "coin": session.config.market.coin,
        "currency": session.currency,
        "events": None,
        "events_per_s": None,
        "span_s": None,
        "orders": None,
        "fills": 0,
        "volume": 0.0,
        "pnl": {},
        "edge_per_fill": {},
        "toxic_fills": {},
        "markouts": [],
        "models": {},
        "quotes": {},
        "not_quoting_s": {},
        "quoting": [],
        "risk": {},
        "alerts": {},
        "variants": {},
        "problems": ["the session did not end by itself, or goes on: this is what its tables hold so far"],
    }
    for part in (_span, _requests, _fills, _money, _models, _alerts):
        try:
            part(session, made)
        except NoDataError:
            continue  # it stays unknown, which the report says
    return made


def _span(session: "Session", made: dict[str, Any]) -> None:
    first, last = bounds_ns(session)
    made["span_s"] = (last - first) / NS


def _requests(session: "Session", made: dict[str, Any]) -> None:
    counts = read_requests(session)
    placed, amended, cancelled = (int(kind[-1]) for kind in (counts.placed, counts.amended, counts.cancelled))
    made["orders"] = placed + amended
    requests = placed + amended + cancelled
    made["quotes"] = {"requests": requests, "placed": placed, "amended": amended, "cancelled": cancelled}


def _fills(session: "Session", made: dict[str, Any]) -> None:
    fills = fills_of.read_fills(session)
    made["fills"], made["volume"] = len(fills), float(fills.notional.sum())
    if made["quotes"]:
        made["quotes"]["requests_per_fill"] = made["quotes"]["requests"] / len(fills)
    for h, seconds in enumerate(fills.horizons_s):
        for side, chosen in (("bid", fills.side > 0), ("ask", fills.side < 0), ("both", fills.side != 0)):
            values = fills.realised_bps[chosen, h]
            made["markouts"].append({"horizon_s": float(seconds), "side": side, **_mean(values)})
    edge = fills_of.edge_bps(fills, session.config.maker_fee_bps)
    found = clustered.mean(edge, fills.blocks())
    low, high = (found.low, found.high) if found.n >= FEWEST_FOR_INTERVAL else (None, None)
    made["edge_per_fill"] = {"bps": found.mean, "se": found.se, "low": low, "high": high, "n": found.n}
    toxic, known = int((edge < 0.0).sum()), int(np.isfinite(edge).sum())
    made["toxic_fills"] = {"n": toxic, "share": toxic / known if known else None}


def _mean(values: Any) -> dict[str, Any]:
    values = values[np.isfinite(values)]
    n = len(values)
    if n == 0:
        return {"bps": None, "se": None, "n": 0}
    return {"bps": float(values.mean()), "se": float(values.std(ddof=1)) / n**0.5 if n > 1 else None, "n": n}


def _money(session: "Session", made: dict[str, Any]) -> None:
    money = read_money(session)
    lines = ("total", "spread_capture", "adverse_selection", "post_horizon", "opening_inventory", "fees", "funding")
    made["pnl"] = {name: float(getattr(money, name)[-1]) for name in lines}


def _models(session: "Session", made: dict[str, Any]) -> None:
    columns = session.read(
        "calibrations", "SELECT model, made, resolved, voided FROM calibrations WHERE rowid IN "
        "(SELECT max(rowid) FROM calibrations GROUP BY model) ORDER BY rowid",
    )  # fmt: skip
    counted = {name: row for name, *row in zip(*columns.values(), strict=True)}
    for name, scores in read_scores(session).items():
        predicted, resolved, voided = (int(value) for value in counted[name])
        loss = _known(scores.loss[-1])
        is_binary = bool(np.isfinite(scores.unc[-1])) or name.startswith(("fill", "toxic")) or name == "lag_1s"
        is_squared, is_log = name.startswith(("fair", "lag_move")), name.startswith("belief")
        made["models"][name] = {
            "n": int(scores.n[-1]),
            "n_eff": _known(scores.n_eff[-1]),
            "made": predicted,
            "pending": predicted - resolved - voided,
            "voided": voided,
            "brier": loss if is_binary else None,
            "crps": None if is_binary or is_squared or is_log else loss,
            "squared_error": loss if is_squared else None,
            "log_score": loss if is_log else None,
            "bss": _known(scores.skill[-1]),
            "mcb": _known(scores.mcb[-1]),
            "dsc": _known(scores.dsc[-1]),
            "unc": _known(scores.unc[-1]),
            "ir": _known(scores.ir[-1]),
            "coverage50": _known(scores.coverage50[-1]),
            "coverage90": _known(scores.coverage90[-1]),
            "e_skill": _power(scores.e_skill_log10[-1]),
            "e_harm": _power(scores.e_harm_log10[-1]),
            "degraded": bool(scores.degraded[-1]),
            "verdict": str(scores.verdict[-1]),
        }


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _power(log10: float) -> float | None:
    return 10.0 ** min(max(float(log10), -300.0), 300.0) if np.isfinite(log10) else None


def _alerts(session: "Session", made: dict[str, Any]) -> None:
    names = session.names("alert")
    counted = session.rows("alerts", "SELECT code, count(*) FROM alerts GROUP BY code")
    made["alerts"] = {names[code]: count for code, count in counted}
