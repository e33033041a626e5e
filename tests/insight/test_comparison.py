"""The comparison's terminal report: words that follow from the numbers, no data never shown as zero."""

import copy
import io
from typing import Any

import pytest
from rich.console import Console

from touchstone.insight import comparison

NOTHING = dict.fromkeys(("a", "b", "difference", "se", "low", "high", "p", "minimum_detectable"))


def row(better: str | None, verdict: str, values: tuple[float, ...] | None = None, n: int = 16) -> dict[str, Any]:
    names = ("a", "b", "difference", "low", "high", "minimum_detectable")
    known = dict(zip(names, values, strict=True)) if values else {}
    return NOTHING | known | {"better": better, "verdict": verdict, "n": n}


DOCUMENT: dict[str, Any] = {
    "coin": "hyna:HYPE",
    "currency": "USDE",
    "differences": [
        {"setting": "[quoting] fixed_half_spread_bps", "a": 6.0, "b": 8.0},
        {"setting": "[quoting] rule", "a": "glft", "b": "fixed"},
    ],
    "market": {"kind": "scenario", "scenario": "normal", "minutes": 10.0, "seeds": list(range(1, 17))},
    "pairs": 16,
    "resampled": {"unit": "pair", "n": 16, "block_s": None},
    "confidence": 0.9,
    "power": 0.8,
    "measures": {
        "edge_per_fill": row("higher", "higher", (2.552, 3.341, 0.789, 0.131, 1.447, 0.96)),
        "edge_per_notional": row("higher", "unclear", (2.3, 2.4, 0.1, -0.3, 0.5, 0.7)),
        "adverse_selection": row("lower", "higher", (1.0, 2.0, 1.0, 0.5, 1.5, 0.7)),
        "toxic_fills": row("lower", "lower", (0.329, 0.317, -0.012, -0.02, -0.004, 0.011)),
        "informed_fills": row("lower", "no data", n=0),
        "fills": row(None, "lower", (524.0, 311.0, -213.0, -265.0, -161.0, 77.0)),
        "volume": row(None, "lower", (21_410.0, 12_532.0, -8_879.0, -12_081.0, -5_676.0, 4_717.0)),
        "requests": row(None, "unclear", (1.2e6, 1.3e6, 1e5, -1e5, 3e5, 2e5)),
        "two_sided": row(None, "lower", (0.91, 0.84, -0.07, -0.09, -0.05, 0.02)),
        "inventory": row(None, "unclear", (51.2, 50.9, -0.3, -7.9, 7.2, 11.2)),
        "net_pnl_per_notional": row("higher", "no interval") | {"a": 2.0, "b": 2.5, "difference": 0.5},
        "net_pnl": row("higher", "lower", (5.08, 3.35, -1.73, -2.79, -0.67, 1.56)),
    },
    "caveats": ["one pair, resampled by 34 blocks"],
    "problems": [],
}


def text_of(document: Any) -> str:
    out = io.StringIO()
    comparison.print_comparison(document, Console(file=out, width=100, highlight=False, no_color=True))
    return out.getvalue()


def changed(**edge: Any) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    document["measures"]["edge_per_fill"] |= edge
    return document


def line_of(words: str) -> str:
    return next(line for line in text_of(DOCUMENT).splitlines() if line.strip().startswith(words))


def test_it_begins_with_what_was_run_what_it_did_and_what_differs() -> None:
    text = text_of(DOCUMENT)
    assert text.startswith("hyna:HYPE, B against A, 16 pairs: scenario normal, 10 min each, seeds 1 to 16.\n")
    assert "Edge per fill: +0.79 bps under B, 90% interval +0.13 to +1.45: B is better." in text
    assert line_of("[quoting] fixed_half_spread_bps").split()[-2:] == ["6", "8"]
    assert line_of("[quoting] rule").split()[-2:] == ["glft", "fixed"]


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        ("edge per fill, bps", "0.96 16 better"),
        ("edge / notional, bps", "[-0.30, +0.50] 0.70 16 unclear"),
        ("adverse selection, bps", "16 worse"),  # more of it is worse
        ("toxic fills, %", "32.9 31.7 -1.2 [-2.0, -0.4] 1.1 16 better"),
        ("informed fills, %", "n/a n/a n/a n/a n/a 0 no data"),
        ("fills/h", "524 311 -213 [-265, -161] 77.0 16 lower"),  # fewer fills are neither better nor worse
        ("volume, USDE/h", "21.4k 12.5k -8,879 [-12.1k, -5,676] 4,717 16 lower"),
        ("requests/h", "1.2M 1.3M +100.0k [-100.0k, +300.0k] 200.0k 16 unclear"),
        ("net PnL / notional, bps", "2.00 2.50 +0.50 n/a n/a 16 n/a"),
        ("net PnL, USDE/h", "16 worse"),
    ],
)
def test_lines(words: str, ends: str) -> None:
    assert " ".join(line_of(words).split()).endswith(ends)


def test_the_reader_is_told_how_many_differ_by_chance() -> None:
    assert "7 of 10 measures differ; without any effect 1.0 are expected to" in " ".join(text_of(DOCUMENT).split())


def test_every_line_fits_in_a_hundred_columns() -> None:
    lines = text_of(DOCUMENT).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 100
    assert "…" not in "".join(lines)


@pytest.mark.parametrize(
    ("edge", "words"),
    [
        ({"verdict": "lower", "difference": -0.5, "low": -0.9, "high": -0.1}, "-0.50 bps under B, 90% interval -0.90"),
        ({"verdict": "unclear"}, "no effect; an effect of 0.96 bps would be seen in 80% of such comparisons"),
        ({"verdict": "same", "difference": 0.0, "low": 0.0, "high": 0.0}, "exactly the same"),
        ({"verdict": "no interval", "low": None, "high": None, "n": 6}, "6 pairs with fills are too few to say more"),
        ({"verdict": "no data", "a": None, "b": None, "difference": None}, "no data, because A had no fill and B had"),
    ],
)
def test_edge_in_words(edge: dict[str, Any], words: str) -> None:
    assert words in " ".join(text_of(changed(**edge)).split())


def test_the_same_configuration_is_said() -> None:
    assert "nothing: A and B are the same configuration" in text_of(copy.deepcopy(DOCUMENT) | {"differences": []})


def test_notes_and_problems_are_told() -> None:
    text = text_of(copy.deepcopy(DOCUMENT) | {"problems": ["B, seed 3: position differs"]})
    assert "NOTE: one pair, resampled by 34 blocks" in text
    assert "PROBLEM: B, seed 3: position differs" in text


def test_tapes_are_named() -> None:
    market = {"kind": "tape", "tapes": ["data/SOL.tape"]}
    assert "1 pair: tape SOL.tape." in text_of(copy.deepcopy(DOCUMENT) | {"market": market, "pairs": 1})
