"""Why a quote or a fill is there: its terms, the inputs of its predictions, what became of them."""

from collections.abc import Callable

from nicegui import ui

from touchstone import TouchstoneError
from touchstone.dashboard.data import Shown
from touchstone.dashboard.explain import Explained, Row, explain_fill, explain_quote, quote_at
from touchstone.dashboard.page import Page
from touchstone.dashboard.words import clock, empty, is_number, number, percent, plain, table, tile, tiles
from touchstone.insight.readings import NoDataError

SIDES = ("bid", "ask")
PROBABILITIES = ("fill", "toxic", "lag_1s")  # of targets; the rest are in bps
INPUTS = (  # column of market, words, format, unit
    ("sigma", "volatility", ".3f", "bps per √s"),
    ("sigma_slow", "slow volatility", ".3f", "bps per √s"),
    ("a", "intensity at the touch", ".3f", "per s"),
    ("k", "its decay", ".3f", "per bps"),
    ("gamma", "risk aversion", ".3g", "per bps and lot"),
    ("imbalance", "book imbalance", "+.3f", ""),
    ("flow_z", "order flow", "+.2f", "sd"),
    ("displacement_bps", "microprice - mid", "+.3f", "bps"),
    ("fair_move_bps", "predicted move of the mid", "+.3f", "bps"),
    ("lag_gap_bps", "reference's move not followed yet", "+.3f", "bps"),
    ("lag_move_bps", "predicted move from it", "+.3f", "bps"),
    ("inventory_lots", "inventory", "+.2f", "lots"),
)


def build(page: Page, parameters: dict[str, str]) -> None:
    """Lay it out: everything about one fill or one quote decision; it is past, so it is read once."""
    try:
        found = _read(page.shown, parameters)
    except (NoDataError, TouchstoneError, ValueError) as error:
        _panel("Why", empty(str(error)))
        return
    if found.fill is not None:
        _panel(f"Fill {found.fill['fill_id']}", fill(found))
    if found.quote is None:
        _panel("The decision", empty("its quote was not written down"))
        return
    _panel(f"Quote decision {found.quote['quote_id']}", decision(found))
    _panel(
        "Terms of the half-spread",
        terms(found),
        "half",
        "Additive, bps per side; positive moves the quote away from the mid.",
    )
    _panel("What it was decided on", inputs(found), "half")
    _panel("Levels", levels(found))
    _panel(
        "Predictions frozen with it",
        predictions(found),
        "",
        "Probability of a fill with its standard deviation; loss if filled.",
    )
    _panel(
        "What became of them",
        outcomes(found),
        "",
        "Tape: a trade or the touch decides. Model: only our queue model says so; not scored.",
    )


def _read(shown: Shown, parameters: dict[str, str]) -> Explained:
    if parameters.get("fill"):
        return explain_fill(shown.folder, int(parameters["fill"]))
    if parameters.get("quote"):
        return explain_quote(shown.folder, int(parameters["quote"]))
    if parameters.get("at"):  # ms
        return explain_quote(shown.folder, quote_at(shown.folder, int(parameters["at"]) * 1_000_000))
    raise NoDataError("nothing was asked: click on a fill or a quote")


def _panel(title: str, content: str, size: str = "", note: str = "") -> None:
    with ui.element("section").classes(f"panel {size}"):
        below = f'<p class="note">{note}</p>' if note else ""
        ui.html(f"<h2>{title}</h2>{content}{below}", sanitize=False)


def fill(found: Explained) -> str:
    """The fill, what was predicted of it, and what came."""
    row = found.fill
    assert row is not None
    px, qty = row["px"] * found.px_unit, row["qty"] * found.qty_unit
    ahead = row["at_decision_queue_ahead"]
    rested_s = (row["exch_ns"] - row["prediction_ns"]) / 1e9 if row["prediction_ns"] else None
    head = tiles(
        tile(
            "bought" if row["side"] > 0 else "sold",
            f"{qty:g} at {px:g}",
            f"{clock(row['exch_ns'])} UTC, trade {row['trade_id']}",
        ),
        tile(
            "P(fill) predicted, 10 s",
            percent(row["predicted_fill_prob"]),
            f"decided {number(rested_s, ',.2f')} s before",
        ),
        tile("Loss predicted, 10 s, bps", number(row["predicted_as_bps"], "+.2f"), "positive = against us"),
        tile(
            "Depth at decision, bps",
            number(row["at_decision_depth_bps"], "+.2f"),
            f"queue ahead {number(ahead * found.qty_unit if is_number(ahead) else None, ',.4g')}",
        ),
        tile(
            f"Fee, {found.currency}",
            f"{row['fee_micro'] / 1e6:+.6f}",
            "maker; positive = paid" if not row["bits"] & 1 else "taker; positive = paid",
        ),
        tile("Position after, coin", f"{row['position_after'] * found.qty_unit:+g}", ""),
    )
    marks = [
        (
            f"{found.name('markout_horizon_s', mark['horizon'])} s",
            number(mark["realised_bps"], "+.2f"),
            number(mark["adverse_bps"], "+.2f"),
        )
        for mark in found.markouts
    ]
    after = table(
        ("after the fill", "markout, bps", "loss, bps"), marks, note="" if marks else "no horizon has come yet"
    )
    return (
        f'{head}<div class="ladder" style="margin-top:10px"><div>{after}</div><div>{_signals(row, found)}</div></div>'
    )


def _signals(row: Row, found: Explained) -> str:
    """Signals when the order was decided and when it was filled."""
    signals: tuple[tuple[str, str, Callable[[str], object], str], ...] = (
        ("mid", "", lambda at: row[f"{at}_mid2"] * 0.5 * found.px_unit or None, ",.8g"),
        ("volatility", "bps per √s", lambda at: row[f"{at}_sigma"], ".3f"),
        ("imbalance", "", lambda at: row[f"{at}_imbalance"], "+.3f"),
        ("order flow", "sd", lambda at: row[f"{at}_flow_z"], "+.2f"),
        ("microprice - mid", "bps", lambda at: row[f"{at}_displacement_bps"], "+.3f"),
        ("P(toxic) bid", "%", lambda at: _percent(row[f"{at}_p_toxic_0"]), ".1f"),
        ("P(toxic) ask", "%", lambda at: _percent(row[f"{at}_p_toxic_1"]), ".1f"),
    )
    rows = [
        (words, *(number(value(at), form, unit) for at in ("at_decision", "at_fill")))
        for words, unit, value, form in signals
    ]
    return table(("signal", "when decided", "when filled"), rows)


def _percent(value: object) -> float | None:
    return 100.0 * value if isinstance(value, float) else None


def decision(found: Explained) -> str:
    """When, why then, in which state."""
    quote = found.quote
    assert quote is not None
    calm = quote["risk_reason"] == 0
    sides = [
        f"no {side}: {plain(found.name('no_quote', quote[f'no_quote_reason_{s}']))}"
        for s, side in enumerate(SIDES)
        if quote[f"no_quote_reason_{s}"]
    ]
    halves = " / ".join(number(quote[f"half_spread_bps_{s}"], ".2f") for s in range(2))
    return tiles(
        tile(
            "Decided", f"{clock(quote['decided_ns'])} UTC", f"because: {plain(found.name('trigger', quote['trigger']))}"
        ),
        tile("Half-spread bid / ask, bps", halves, "; ".join(sides) or "both sides quoted"),
        tile(
            "Mid",
            number(quote["market_mid2"] * 0.5 * found.px_unit, ",.8g"),
            f"position {quote['position'] * found.qty_unit:+g}",
        ),
        tile(
            "Risk state",
            plain(found.name("risk_state", quote["risk_state"])),
            "no breaker" if calm else plain(found.name("risk_reason", quote["risk_reason"])),
        ),
    )


def terms(found: Explained) -> str:
    """Every term of both sides, and their sum."""
    quote = found.quote
    assert quote is not None
    rows = [
        (plain(name), *(number(quote.get(f"term_bps_{s}_{t}"), "+.3f") for s in range(2)))
        for t, name in enumerate(found.names["term"])
        if any(quote.get(f"term_bps_{s}_{t}") for s in range(2))
    ]
    total = ("half-spread", *(number(quote[f"half_spread_bps_{s}"], "+.3f") for s in range(2)))
    return table(("term", "bid, bps", "ask, bps"), [*rows, total])


def inputs(found: Explained) -> str:
    """Estimates and signals of the moment."""
    quote = found.quote
    assert quote is not None
    rows = [(words, number(quote.get(f"market_{name}"), form, unit)) for name, words, form, unit in INPUTS]
    rows += [(f"P(toxic) {side}", percent(quote.get(f"market_p_toxic_{s}"))) for s, side in enumerate(SIDES)]
    rows += [
        (f"predicted loss at 10 s, {side}", number(quote.get(f"market_adverse_bps_{s}"), "+.3f", "bps"))
        for s, side in enumerate(SIDES)
    ]
    return table(("", ""), rows)


def levels(found: Explained) -> str:
    """What was wanted at each level."""
    quote = found.quote
    assert quote is not None
    rows = []
    for s, side in enumerate(SIDES):
        for at in range(16):
            px = quote.get(f"px_{s}_{at}")
            if px and quote.get(f"qty_{s}_{at}"):
                mid = quote["market_mid2"] * 0.5
                depth = (1 - 2 * s) * (mid - px) / mid * 1e4 if mid else None
                rows.append(
                    (
                        f"{side} {at + 1}",
                        number(px * found.px_unit, ",.8g"),
                        number(quote[f"qty_{s}_{at}"] * found.qty_unit, ",.6g"),
                        number(depth, "+.2f"),
                        number(quote.get(f"value_bps_{s}_{at}"), "+.4f"),
                    )
                )
    return table(
        ("level", f"price, {found.currency}", "size, coin", "depth, bps", "expected value, bps"),
        rows,
        note="" if rows else "no level was wanted",
    )


def predictions(found: Explained) -> str:
    """One row an order."""
    rows = []
    for row in found.predictions:
        fills = [f"{percent(row[f'fill_p_{h}'])} ± {percent(row[f'fill_sd_{h}'])}" for h in range(3)]
        rows.append(
            (
                f"{'bid' if row['side'] > 0 else 'ask'} {row['px'] * found.px_unit:g}",
                plain(found.name("prediction_kind", row["kind"])),
                number(row["depth_bps"], "+.2f"),
                number(row["queue_ahead"] * found.qty_unit, ",.4g"),
                *fills,
                f"{number(row['as_loc_4'], '+.2f')} ± {number(row['as_scale_4'], '.2f')}",
                percent(row["p_toxic"]),
            )
        )
    head = (
        "order",
        "",
        "depth, bps",
        "ahead, coin",
        "P(fill 1 s)",
        "P(fill 10 s)",
        "P(fill 60 s)",
        "loss at 10 s, bps",
        "P(toxic)",
    )
    return table(
        head, rows, left=2, note="" if rows else "nothing was predicted: nothing was sent, or the quote was kept"
    )


def outcomes(found: Explained) -> str:
    """Forecast, baseline, outcome."""
    rows = [
        (
            found.name("target", row["target"]),
            plain(found.name("decided", row["decided"])),
            "probability" if found.name("target", row["target"]).startswith(PROBABILITIES) else "bps",
            clock(row["resolved_ns"]),
            number(row["forecast"], ".3f"),
            number(row["baseline"], ".3f"),
            number(row["outcome"], ".3f"),
            number(row["loss"], ".4f"),
            number(row["loss_baseline"], ".4f"),
        )
        for row in found.outcomes
    ]
    head = ("model", "decided by", "of", "resolved, UTC", "forecast", "baseline", "outcome", "score", "baseline's")
    return table(head, rows, left=3, note="" if rows else "no outcome yet")
