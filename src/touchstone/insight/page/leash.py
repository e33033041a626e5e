"""Panels about how far models may move quotes, what their caution cost, and what fills earn in each context."""

from touchstone.insight.charts import bars
from touchstone.insight.page.html import Panel, panel, table
from touchstone.insight.readings.folder import NoDataError
from touchstone.insight.readings.outcomes import bucket_name
from touchstone.insight.readings.readings import Readings
from touchstone.insight.words import count, number

SHOWN_CONTEXTS = 10


def panels(readings: Readings) -> list[Panel]:
    """In the order of the page."""
    return [
        panel("Influence", "How far may each model move a quote closer?", lambda: influence(readings)),
        panel("Cost of caution", "What did each careful part earn or cost?", lambda: caution(readings),
              note="Bps per window and side, against an order that rested without it; lines: 90 %."),
        panel("Edge by context", "Where do fills earn, after the fee?", lambda: contexts(readings)),
    ]  # fmt: skip


def influence(readings: Readings) -> str:
    """Models that have earned something, or were mended."""
    cards = readings.result.get("models") or {}
    if not cards:
        raise NoDataError("no model was asked for a prediction, or no scorecard was written yet")
    told = {name: card for name, card in cards.items() if card.get("influence") or card.get("recalibrated")}
    if not told:
        return '<p class="note">No model has earned influence: none may move a quote closer.</p>'
    rows = [
        [name, number(card.get("influence"), ".0%"), "recalibrated" if card.get("recalibrated") else ""]
        for name, card in told.items()
    ]
    return table(("model", "influence", ""), rows, text=(0, 2))


def caution(readings: Readings) -> str:
    """Each careful part that has been paired with an order without it."""
    found = readings.result.get("caution") or {}
    told = {name: row for name, row in found.items() if row.get("windows") and row.get("bps") is not None}
    if not told:
        raise NoDataError("no pair of orders, with and without a careful part, has come to its end")
    items = [
        bars.Bar(name, row["bps"], row["low"], row["high"], note=f"n {row['windows']:,}") for name, row in told.items()
    ]
    return bars.bars(items, "What careful parts earned", "bps per window and side", form="+.3f")


def contexts(readings: Readings) -> str:
    """What fills earn by regime, side, position and depth; those with most of them."""
    found = readings.result.get("edge") or []
    if not found:
        raise NoDataError("no fill of ours came to its end under the edge model, or the session ran without it")
    names, edges = readings.session.names("regime"), readings.session.values("depth_edge_bps")

    def regime(code: int) -> str:
        return names[code] if code < len(names) else str(code)

    def depth(bucket: int) -> str:
        return f"{bucket_name(edges, bucket)} bps"

    rows = [
        [
            f"{regime(row['regime'])}, {row['side']}, {row['position']}, {depth(row['depth_bucket'])}",
            number(row["n"], ",.1f"),
            number(row["bps"], "+.2f"), number(row["sd"], ".2f"), number(row["p_above_0"], ".2f"),
            "widened" if row["should_widen"] else "",
        ]
        for row in found[:SHOWN_CONTEXTS]
    ]  # fmt: skip
    made = table(("market, side, position, depth", "fills", "bps", "sd", "P(> 0)", ""), rows)
    rest = len(found) - SHOWN_CONTEXTS
    return made + (f'<p class="note">and {count(rest)} contexts more</p>' if rest > 0 else "")
