"""The terminal report: words that follow from the numbers, lines that sum, no data never shown as zero."""

import copy
import io
import re
from typing import Any

import pytest
from rich.console import Console

from touchstone.insight import report, sentences, tables, words

KEYS = (
    *("n", "n_eff", "pending", "voided", "tape_decided", "model_decided", "brier", "crps", "bss", "bss_low"),
    *("bss_high", "mcb", "dsc", "unc", "ir", "coverage50", "coverage90", "e_skill", "e_harm", "degraded"),
)


def card(**values: Any) -> dict[str, Any]:
    return dict.fromkeys(KEYS) | {"verdict": "NO DATA"} | values


RESULT: dict[str, Any] = {
    "coin": "SOL",
    "currency": "USDC",
    "events": 1_234_567,
    "events_per_s": 8.1e6,
    "span_s": 2088.0,
    "orders": 812,
    "fills": 32,
    "volume": 1612.25,
    "pnl": {
        "total": -1.7600005,
        "spread_capture": 1.25,
        "adverse_selection": 2.18,
        "post_horizon": -0.5000005,
        "opening_inventory": 0.0,
        "fees": 0.4,
        "funding": 0.07,
    },
    "edge_per_fill": {"bps": -0.74, "se": 1.4, "low": -3.1, "high": 1.62, "n": 32},
    "toxic_fills": {"n": 18, "share": 0.5806},
    "inventory": {"mean_abs_notional": 81.125, "max_abs_notional": 250.0},
    "markouts": [
        {"horizon_s": 1.0, "side": "bid", "bps": -1.2, "se": 0.9, "n": 17},
        {"horizon_s": 1.0, "side": "ask", "bps": 0.4, "se": 1.0, "n": 15},
        {"horizon_s": 1.0, "side": "both", "bps": -0.45, "se": 0.7, "n": 32},
        {"horizon_s": 10.0, "side": "both", "bps": -2.18, "se": 2.65, "n": 31},
        {"horizon_s": 10.0, "side": "bid", "bps": None, "se": None, "n": 0},
    ],
    "models": {
        "fill_10s": card(
            n=12_345, n_eff=812.4, pending=3, voided=7, tape_decided=12_345, model_decided=411, brier=0.0871,
            bss=0.083, bss_low=0.021, bss_high=0.142, mcb=0.002, dsc=0.011, unc=0.1, ir=5.5, e_skill=143.2, e_harm=0.01,
            verdict="ADDS VALUE",
        ),
        "fill_60s": card(n=2_000, n_eff=29.8, pending=60, voided=7, tape_decided=2_000, verdict="WARMING"),
        "adverse_10s": card(
            n=31, n_eff=31.0, pending=1, voided=0, tape_decided=31, crps=4.21, coverage50=0.48, coverage90=0.93,
            bss=0.01, verdict="WARMING",
        ),
        "fair_1s": card(n=2088, verdict="HARMFUL", degraded=True, ir=14.0),
        "toxic_10s": card(n=0),
    },
    "quotes": {"time_at_touch": 0.314, "mean_depth_bps": 4.2, "requests_per_fill": 25.4, "requests": None},
    "not_quoting_s": {"price_jump": 18.0, "stale_data": 130.0},
    "quoting": [
        {"side": "bid", "reason": None, "since_s": None},
        {"side": "ask", "reason": "negative_value", "since_s": 2000.0},
    ],
    "risk": {"state": "normal", "reason": None, "since_s": None},
    "assumptions": {"queue_model": "power2"},
    "variants": {
        "pessimistic_queue": {
            "fills": 20,
            "volume": 1000.0,
            "pnl": {"total": -2.0, "spread_capture": 0.7, "fees": 0.2},
            "edge_per_fill": {"bps": -1.9, "low": -5.0, "high": 1.0},
            "models": {"fill_10s": {"verdict": "NOT PROVEN"}, "fair_1s": {"verdict": "HARMFUL"}},
        },
        "latency_0x": {"fills": 40, "pnl": {"total": 0.5}, "edge_per_fill": {"bps": None}},
        "latency_2x": None,
    },
    "data_quality": {
        "rows_read": {"trades": 4437},
        "rows_kept": {"trades": 4400},
        "gaps": {"trades": {"count": 1, "longest_s": 18.2}},
        "problems": {
            "duplicate_trade_id": {
                "count": 30, "dropped": True, "first": {"file": "SOL_trades.csv.gz", "line": 7, "value": "123"},
            },
            "nan": {"count": 0, "dropped": True, "first": None},
        },
    },
    "digest": "3f9a",
}  # fmt: skip


def text_of(result: Any, width: int = 100, terminal: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False, force_terminal=terminal, no_color=not terminal)
    report.print_report(result, console)
    return out.getvalue()


def changed(**values: Any) -> dict[str, Any]:
    return copy.deepcopy(RESULT) | values


def test_the_report_begins_with_what_happened_in_words() -> None:
    text = text_of(RESULT)
    first = text.split("Where the money went")[0]
    assert "SOL, 34.8 min, 1,234,567 events (8,100,000 per second), 812 orders, 32 fills." in first
    assert "Lost 1.7600005 USDC. Edge per fill -0.74 bps, 90 % interval -3.10 to +1.62: cannot be told from" in first
    assert "1 HARMFUL (fair_1s); 1 ADDS VALUE (fill_10s); 2 WARMING (fill_60s, adverse_10s); 1 NO DATA" in first
    assert "DEGRADED: fair_1s" in first
    assert "Not the same under the pessimistic queue: fill_10s" in " ".join(first.split())
    assert "ask not quoted by rule negative_value since 33.3 min into the run" in " ".join(first.split())


def test_every_line_fits_in_a_hundred_columns() -> None:
    assert max(len(line.rstrip()) for line in text_of(RESULT).splitlines()) <= 100


def test_every_column_is_legible_in_a_hundred_columns() -> None:
    text = text_of(RESULT)
    for shown in ("[+0.021, +0.142]", "48/93", ">10", "adverse_10s", "HARMFUL DEGRADED", "-2.18 ± 2.65 (31)"):
        assert shown in text, shown
    assert "…" not in text


def test_meaning_does_not_depend_on_colour() -> None:
    plain, styled = text_of(RESULT), text_of(RESULT, terminal=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", styled) == plain


def test_attribution_lines_sum_to_the_total_exactly() -> None:
    text = text_of(RESULT)
    assert "-2.1800000" in text  # adverse selection is a cost: shown with the sign it has in the sum
    assert "-1.7600005" in text
    assert "DIFFERENCE" not in text


def test_attribution_that_does_not_sum_is_said() -> None:
    broken = changed()
    broken["pnl"]["fees"] = 0.5
    assert "DIFFERENCE (must be 0)" in text_of(broken)
    assert "+0.1000000" in text_of(broken)


def test_binary_fractions_do_not_disturb_the_sum() -> None:
    pnl = dict.fromkeys((key for key, _, _ in words.PNL_LINES), 0.0) | {"spread_capture": 0.1, "post_horizon": 0.2}
    assert "DIFFERENCE" not in text_of(changed(pnl=pnl | {"total": 0.3}))


@pytest.mark.parametrize(
    ("low", "high", "telling"), [(0.1, 2.0, "above zero"), (-2.0, -0.1, "below zero"), (-1.0, 1.0, "cannot be told")]
)
def test_money_is_told_from_zero_by_its_interval(low: float, high: float, telling: str) -> None:
    assert telling in sentences.money_sentence(changed(edge_per_fill={"bps": 0.5, "low": low, "high": high}))


def test_without_fills_nothing_is_said_about_edge() -> None:
    assert "nothing can be said about edge" in sentences.money_sentence(changed(fills=0))


def test_missing_values_are_never_zero() -> None:
    text = text_of(RESULT)
    line = next(line for line in text.splitlines() if line.strip().startswith("toxic_10s"))
    assert "NO DATA" in line
    assert "0.0000" not in line
    assert line.count("n/a") >= 5


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None])
def test_what_is_no_number_is_not_available(bad: float | None) -> None:
    models = {"fill_1s": card(n=5, ir=bad, bss=bad, bss_low=bad, bss_high=0.1, verdict="WARMING")}
    line = next(line for line in text_of(changed(models=models)).splitlines() if line.strip().startswith("fill_1s"))
    assert "nan" not in line
    assert "inf" not in line


def test_an_empty_result_still_gives_a_report_that_says_so() -> None:
    text = text_of({})
    assert "Models: NO DATA" in text
    assert text.count("no data") >= 5
    assert "DIFFERENCE" not in text


def test_a_rule_that_stops_trading_is_named_with_its_time() -> None:
    risk = {"state": "killed", "reason": "session_loss", "since_s": 60.0}
    sentence = sentences.quoting_sentence(changed(risk=risk))
    assert "Risk state killed by rule session_loss since 60.0 s into the run" in sentence


def test_problems_are_in_the_headline() -> None:
    assert "PROBLEM: identity broken at fill 7" in text_of(changed(problems=["identity broken at fill 7"]))


def test_data_problems_are_counted_and_placed() -> None:
    text = text_of(RESULT)
    assert "trades: 4,437 rows read, 4,400 used, 1 gaps, longest 18.2 s" in text
    assert "duplicate trade id" in text
    assert "SOL_trades.csv.gz:7" in text


def test_toxic_fills_and_inventory_stand_beside_the_other_assumptions() -> None:
    lines = {" ".join(line.split()) for line in text_of(RESULT).splitlines()}
    assert "toxic fills 58.1% n/a n/a" in lines
    assert "mean absolute position 81.12 n/a n/a" in lines


def test_bars_show_sign_and_size() -> None:
    assert tables.bar(2.0, 2.0) == " " * 12 + "|" + "#" * 12
    assert tables.bar(-1.0, 2.0) == " " * 6 + "#" * 6 + "|"
    assert tables.bar(None, 2.0) == ""
    assert tables.bar(1.0, 0.0) == ""


def test_the_calibration_line_has_the_names_that_operators_search_for() -> None:
    line = sentences.calibration_line(RESULT)
    assert "fill_ir=5.50 fill_samples=12345 fill_brier=0.0871 fill_n_eff=812 fill_verdict=ADDS_VALUE" in line
    assert "as_ir=n/a as_samples=31" in line
    assert "lag_ir=n/a lag_samples=0 lag_mi_decay=n/a/day" in line
    assert "edge_ir=n/a" in line
    assert "degraded=fair_1s" in line
    assert "no_ask=negative_value since_s=2000" in line
    assert "\n" not in line


def test_the_decay_of_the_lag_information_is_in_the_line_once_it_is_known() -> None:
    card = {"ir": 2.0, "n": 900, "n_eff": 450.0, "verdict": "ADDS VALUE", "mi_decay_per_day": -0.00123}
    line = sentences.calibration_line(changed(models={"lag_1s": card}))
    assert "lag_ir=2.00 lag_samples=900 lag_mi_decay=-0.00123/day" in line


LEAD_LAG = {
    "reference": "live", "lag_s": 0.3, "lag_s_low": 0.25, "lag_s_high": 0.35, "tradable_lag_s": 0.4, "rho": 0.881,
    "llr": 14.2, "minutes": 29, "minutes_skipped": 1, "days": 0, "decay": None,
    "information": {
        "nats": 0.42, "low": 0.38, "high": 0.46, "lag_s": 0.4, "null95": 0.011, "p": 0.005, "n": 1790,
    },
}  # fmt: skip


def test_lead_lag_with_its_intervals_and_what_chance_does() -> None:
    lines = {" ".join(line.split()) for line in text_of(changed(lead_lag=LEAD_LAG)).splitlines()}
    assert "lag, s (+ it leads) +0.30 [+0.25, +0.35] of 29 minutes" in lines
    assert "information in a second, nats 0.4200 [0.3800, 0.4600]" in lines
    assert "chance reaches, 1 in 20 0.0110" in lines
    assert "change per day, nats n/a 0 days" in lines


def test_without_a_reference_there_is_no_lead_lag_and_a_stale_one_is_named() -> None:
    assert "no data: no reference venue was heard" in text_of(RESULT)
    assert "the reference is stale: its terms are off" in text_of(changed(lead_lag=LEAD_LAG | {"reference": "stale"}))


def test_without_data_the_calibration_line_shows_no_zero_for_a_ratio() -> None:
    line = sentences.calibration_line({})
    assert "fill_ir=n/a fill_samples=0 fill_brier=n/a" in line
    assert "=0.0" not in line


def test_the_picture_shows_the_report_and_fetches_nothing() -> None:
    drawn = report.draw_report(RESULT, "touchstone report one")
    assert drawn.startswith("<svg")
    words = re.sub(r"<[^>]*>", " ", drawn).replace("&#160;", " ")
    for word in ("Where", "money", "fill_10s", "one"):
        assert word in words
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "")
