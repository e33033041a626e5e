"""Why a quote or a fill is there: the decision with its terms, the predictions with their inputs, what became of them.

Rows of `session.db` are in the order of time and of their ids, so one is found by halving: no index is needed, which
would cost the trader at each write.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from touchstone.insight.readings import NoDataError, Session

NS = 1_000_000_000
LONGEST_NS = 200 * NS  # until the last outcome of a prediction, with its grace

Row = dict[str, Any]


@dataclass
class Explained:
    """What is known of one decision; `names` gives the codes their words. Prices and sizes are still in units."""

    quote: Row | None = None
    fill: Row | None = None
    markouts: list[Row] = field(default_factory=list)
    predictions: list[Row] = field(default_factory=list)
    outcomes: list[Row] = field(default_factory=list)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    px_unit: float = 1.0
    qty_unit: float = 1.0
    currency: str = ""

    def name(self, kind: str, code: Any) -> str:
        """A code in words."""
        listed = self.names.get(kind, ())
        return listed[code] if isinstance(code, int) and 0 <= code < len(listed) else str(code)


def explain_fill(folder: Path, fill_id: int) -> Explained:
    """A fill, the decision behind its order, and its outcome. Raises NoDataError, UnreadableSessionError."""
    with Session(folder) as session:
        found = _about(session)
        found.fill = _row(session, "fills", "fill_id", fill_id)
        if found.fill is None:
            raise NoDataError(f"there is no fill {fill_id}")
        found.markouts = _rows(
            session, "markouts", "SELECT * FROM markouts WHERE fill_id = ? ORDER BY horizon", fill_id
        )
        prediction = _row(session, "predictions", "prediction_id", found.fill["fill_prediction_id"])
        if prediction is not None:
            _decision(session, found, prediction["quote_id"], only=prediction["cloid"])
    return found


def explain_quote(folder: Path, quote_id: int) -> Explained:
    """A quote decision and what became of its predictions. Raises NoDataError, UnreadableSessionError."""
    with Session(folder) as session:
        found = _about(session)
        _decision(session, found, quote_id)
        if found.quote is None:
            raise NoDataError(f"there is no quote {quote_id}")
    return found


def quote_at(folder: Path, t_ns: int) -> int:
    """Number of the quote decision that held at a time. Raises NoDataError."""
    with Session(folder) as session:
        at = _first_at(session, "quotes", "decided_ns", t_ns + 1) - 1
        rows = session.rows("quotes", "SELECT quote_id FROM quotes WHERE rowid = ?", (max(at, 1),))
        if not rows:
            raise NoDataError("no quote was decided by then")
        return int(rows[0][0])


def _about(session: Session) -> Explained:
    kinds = (
        "term",
        "no_quote",
        "trigger",
        "risk_state",
        "risk_reason",
        "target",
        "decided",
        "prediction_kind",
        "markout_horizon_s",
    )
    return Explained(
        names={kind: session.names(kind) for kind in kinds},
        px_unit=session.px_unit,
        qty_unit=session.qty_unit,
        currency=session.currency,
    )


def _decision(session: Session, found: Explained, quote_id: int, only: int | None = None) -> None:
    """The quote, its predictions (of one order only, if asked), and their outcomes."""
    found.quote = _row(session, "quotes", "quote_id", quote_id)
    if found.quote is None:
        return
    first = _first_at(session, "predictions", "made_ns", found.quote["decided_ns"])
    made = _rows(
        session,
        "predictions",
        "SELECT * FROM predictions WHERE rowid BETWEEN ? AND ? AND quote_id = ?",
        first,
        first + 64,
        quote_id,
    )
    found.predictions = [row for row in made if only is None or row["cloid"] == only]
    ids = {row["prediction_id"] + k for row in found.predictions for k in range(2)}  # fill, then adverse selection
    if not ids or not session.has("outcomes"):
        return
    begins = _first_at(session, "outcomes", "resolved_ns", found.quote["decided_ns"])
    ends = _first_at(session, "outcomes", "resolved_ns", found.quote["decided_ns"] + LONGEST_NS)
    marks = ",".join("?" * len(ids))
    found.outcomes = _rows(
        session,
        "outcomes",
        "SELECT * FROM outcomes WHERE rowid BETWEEN ? AND ? "
        f"AND prediction_id IN ({marks}) ORDER BY prediction_id, target",
        begins,
        ends,
        *sorted(ids),
    )


def _rows(session: Session, table: str, sql: str, *parameters: Any) -> list[Row]:
    try:
        cursor = session.cursor(table, sql, parameters)
    except NoDataError:
        return []
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _row(session: Session, table: str, column: str, value: int) -> Row | None:
    at = _first_at(session, table, column, value)
    found = _rows(session, table, f"SELECT * FROM {table} WHERE rowid = ? AND {column} = ?", at, value)
    return found[0] if found else None


def _first_at(session: Session, table: str, column: str, least: int) -> int:
    """The first rowid whose ascending column is at least this; one behind the last where none is."""
    low, high = 1, int(session.rows(table, f"SELECT coalesce(max(rowid), 0) FROM {table}")[0][0]) + 1
    while low < high:
        middle = (low + high) // 2
        value = session.rows(table, f"SELECT {column} FROM {table} WHERE rowid = ?", (middle,))
        if value and value[0][0] >= least:
            high = middle
        else:
            low = middle + 1
    return low
