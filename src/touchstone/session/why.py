"""Why an order was quoted as it was, and what became of it: out of the tables of its session, for docs/json.md."""

import sqlite3
from pathlib import Path
from typing import Any

from touchstone.core import actions
from touchstone.core.conventions import MARKOUT_HORIZONS_NS, NS
from touchstone.core.market.leadlag import REFERENCE_NAMES
from touchstone.core.models import edge
from touchstone.core.phases.triggers import TRIGGER_NAMES
from touchstone.core.quoting.ladder import NO_QUOTE_NAMES
from touchstone.core.quoting.params import MAX_LEVELS, MODEL_TERMS, TERM_NAMES, TERM_TARGETS
from touchstone.core.records import KIND_NAMES
from touchstone.core.targets import DECIDED_NAMES, TARGET_NAMES, VOID_REJECTED
from touchstone.core.trading import breakers
from touchstone.session import journal
from touchstone.session.store import DATABASE, SessionError

SIDES = ("bid", "ask")
ACTION_NAMES = {int(actions.PLACE): "place", int(actions.AMEND): "amend", int(actions.CANCEL): "cancel"}
Row = dict[str, Any]

# What a decision went by: column of `quotes` (without `market_`), unit, and the news that it is as old as.
INPUTS = (
    ("sigma", "bps/sqrt s", "book"),
    ("sigma_slow", "bps/sqrt s", "book"),
    ("a", "per s", "trade"),
    ("k", "per bps", "trade"),
    ("gamma", "per bps lot", "book"),
    ("imbalance", "", "book"),
    ("flow_z", "", "trade"),
    ("displacement_bps", "bps", "book"),
    ("fair_move_bps", "bps", "book"),
    ("lag_gap_bps", "bps", "reference"),
    ("lag_move_bps", "bps", "reference"),
    ("lag_announced_bps", "bps", None),
    ("adverse_bps", "bps", None),
    ("p_toxic", "", None),
    ("edge_bps", "bps", None),
    ("regime", "", "book"),
    ("position_share", "of limit", None),
    ("inventory_lots", "lots", None),
)


def explain(session: Path, cloid: int) -> dict[str, Any]:
    """Everything behind one order of a session. Raises SessionError where there is no such session or order."""
    path = Path(session) / DATABASE
    if not path.is_file():
        raise SessionError(f"{session}: {DATABASE} is missing; give the folder of a session")
    coin = journal.read(session).meta
    if coin is None:
        raise SessionError(f"{session}: its journal was never begun; there is no order to explain")
    database = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    try:
        return _explain(_Session(database), cloid, coin)
    except sqlite3.OperationalError as error:
        raise SessionError(f"{path}: {error}; the session is of another version, or has no order yet") from error
    finally:
        database.close()


class _Session:
    """Rows of a session's tables as dictionaries."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def rows(self, table: str, where: str, *values: int) -> list[Row]:
        """Rows of a table, oldest first; a table that was never written to has none."""
        known = self._database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        if not known:
            return []
        query = f"SELECT * FROM {table} WHERE {where} ORDER BY rowid"
        return [dict(row) for row in self._database.execute(query, values)]


def _explain(session: _Session, cloid: int, coin: journal.JournalMeta) -> dict[str, Any]:
    sent = session.rows("orders", "cloid = ? AND kind IN (1, 2)", cloid)
    if not sent:
        known = session.rows("orders", "rowid IN (SELECT max(rowid) FROM orders)")
        most = f"; the newest is {known[0]['cloid']}" if known else "; it sent none"
        raise SessionError(f"order {cloid} is not one of this session{most}")
    order = sent[0]
    predictions = session.rows("predictions", "cloid = ?", cloid)
    quote_id = predictions[0]["quote_id"] if predictions else None
    decided = session.rows("quotes", "quote_id = ?", quote_id) if quote_id is not None else []
    if not decided:  # a rule without models: its decision is the one of that moment
        decided = session.rows("quotes", "decided_ns = ?", order["decided_ns"])
    return {
        "order": _order(order, coin),
        "decision": _decision(decided[0], order, coin) if decided else None,
        "predictions": [_prediction(session, row) for row in predictions],
        "outcome": _outcome(session, order, coin),
    }


def _price(units: int, coin: journal.JournalMeta) -> float:
    return float(units) / 10.0 ** (6 - coin.sz_decimals)


def _size(units: int, coin: journal.JournalMeta) -> float:
    return float(units) / 10.0**coin.sz_decimals


def _order(order: Row, coin: journal.JournalMeta) -> dict[str, Any]:
    return {
        "cloid": order["cloid"],
        "coin": coin.coin,
        "sent": ACTION_NAMES[order["kind"]],
        "replaces": order["target"] or None,
        "decided_ns": order["decided_ns"],
        "side": SIDES[0] if order["side"] > 0 else SIDES[1],
        "px": _price(order["px"], coin),
        "qty": _size(order["qty"], coin),
        "reason": actions.REASON_NAMES[order["reason"]],
        "reduce_only": bool(order["bits"] & int(actions.BIT_REDUCE_ONLY)),
    }


def _decision(quote: Row, order: Row, coin: journal.JournalMeta) -> dict[str, Any]:
    s = 0 if order["side"] > 0 else 1
    level = next((j for j in range(MAX_LEVELS) if quote[f"px_{s}_{j}"] == order["px"]), None)
    return {
        "quote_id": quote["quote_id"],
        "trigger": TRIGGER_NAMES[quote["trigger"]],
        "risk_state": breakers.STATE_NAMES[quote["risk_state"]],
        "risk_reason": breakers.REASON_NAMES[quote["risk_reason"]],
        "position": _size(quote["position"], coin),
        "mid": _price(quote["market_mid2"], coin) / 2.0,
        "reference": REFERENCE_NAMES[quote["market_reference"]],
        "inputs": _inputs(quote, s),
        "terms": _terms(quote, s),
        "half_spread_bps": quote[f"half_spread_bps_{s}"],
        "model_free_bps": quote[f"model_free_bps_{s}"],
        "level": level,
        "value_bps": None if level is None else quote[f"value_bps_{s}_{level}"],
        "no_quote": _no_quote(quote, s),
        "gate": {
            "state": "closed" if quote[f"gate_closed_{s}"] else "open",
            "p_loss": quote[f"gate_p_loss_{s}"],
            "propensity": quote[f"gate_propensity_{s}"] or None,
        },
    }


def _no_quote(quote: Row, s: int) -> str | None:
    reason = quote[f"no_quote_reason_{s}"]
    return NO_QUOTE_NAMES[reason] if reason else None


def _inputs(quote: Row, s: int) -> list[dict[str, Any]]:
    """Every input as it stood, and how old its news was; per-side ones for the order's side."""
    ages = {
        "book": quote["market_data_age_ns"],
        "trade": quote["market_trade_age_ns"],
        "reference": quote["market_reference_age_ns"],
    }
    found = []
    for name, unit, news in INPUTS:
        column = f"market_{name}" if f"market_{name}" in quote else f"market_{name}_{s}"
        age = ages[news] if news else None
        age_s = None if age is None or age < 0 else age / NS
        found.append({"name": name, "value": quote[column], "unit": unit, "news": news, "age_s": age_s})
    return found


def _terms(quote: Row, s: int) -> list[dict[str, Any]]:
    """Every term of the half-spread; for a model's also what it asked for and how far it had its way."""
    targets = {int(term): int(target) for term, target in zip(MODEL_TERMS, TERM_TARGETS, strict=True)}
    found = []
    for term, name in enumerate(TERM_NAMES):
        target = targets.get(term)
        found.append(
            {
                "term": name,
                "bps": quote[f"term_bps_{s}_{term}"],
                "asked_bps": quote[f"asked_bps_{s}_{term}"] if target is not None else None,
                "model": TARGET_NAMES[target] if target is not None else None,
                "influence": quote[f"influence_{target}"] if target is not None else None,
                "careful_share": quote[f"careful_share_{term}"] if target is not None else None,
            }
        )
    return found


def _prediction(session: _Session, row: Row) -> dict[str, Any]:
    first = row["prediction_id"]
    outcomes = session.rows("outcomes", "prediction_id BETWEEN ? AND ?", first, first + 2)
    return {
        "prediction_id": first,
        "kind": KIND_NAMES[row["kind"]],
        "made_ns": row["made_ns"],
        "model_version": row["model_version"],
        "depth_bps": row["depth_bps"],
        "queue_ahead": row["queue_ahead"],
        "edge_context": edge.name_of(row["edge_context"]),
        "p_edge": row["p_edge"],
        "outcomes": [
            {
                "target": TARGET_NAMES[found["target"]],
                "forecast": found["forecast"],
                "baseline": found["baseline"],
                "outcome": found["outcome"],
                "decided": DECIDED_NAMES[found["decided"]],
                "after_s": (found["resolved_ns"] - row["made_ns"]) / NS,
            }
            for found in outcomes
        ],
    }


def _outcome(session: _Session, order: Row, coin: journal.JournalMeta) -> dict[str, Any]:
    """Fills with their markouts, and how the order ended as far as it is written down."""
    cloid = order["cloid"]
    fills = session.rows("fills", "cloid = ?", cloid)
    filled = sum(row["qty"] for row in fills)
    replaced = session.rows("orders", "target = ? AND kind = 2", cloid)
    cancelled = session.rows("orders", "cloid = ? AND kind = 3", cloid)
    of_order = "prediction_id IN (SELECT prediction_id FROM predictions WHERE cloid = ?)"
    refused = session.rows("outcomes", f"decided = {int(VOID_REJECTED)} AND {of_order}", cloid)
    ended = "not told: it rested on, or the exchange took it away"
    if filled >= order["qty"]:
        ended = "filled"
    elif refused:
        ended = "refused by the exchange"
    elif replaced:
        ended = f"replaced by {replaced[0]['cloid']} ({actions.REASON_NAMES[replaced[0]['reason']]})"
    elif cancelled:
        ended = f"cancelled ({actions.REASON_NAMES[cancelled[0]['reason']]})"
    last = replaced or cancelled or fills[-1:]
    until_ns = last[0].get("decided_ns", last[0].get("recv_ns")) if last else None
    return {
        "ended": ended,
        "after_s": None if until_ns is None else (until_ns - order["decided_ns"]) / NS,
        "filled": _size(filled, coin),
        "fills": [_fill(session, row, coin) for row in fills],
    }


def _fill(session: _Session, row: Row, coin: journal.JournalMeta) -> dict[str, Any]:
    return {
        "fill_id": row["fill_id"],
        "after_s": (row["recv_ns"] - row["prediction_ns"]) / NS if row["prediction_ns"] else None,
        "px": _price(row["px"], coin),
        "qty": _size(row["qty"], coin),
        "fee": row["fee_micro"] / 1e6,
        "depth_bps": row["at_fill_depth_bps"],
        "predicted_fill_prob": row["predicted_fill_prob"],
        "predicted_as_bps": row["predicted_as_bps"],
        "predicted_edge_bps": row["predicted_edge_bps"],
        "markouts": [
            {
                "horizon_s": MARKOUT_HORIZONS_NS[found["horizon"]] / NS,
                "realised_bps": found["realised_bps"],
                "adverse_bps": found["adverse_bps"],
            }
            for found in session.rows("markouts", "fill_id = ?", row["fill_id"])
        ],
    }
