"""Verdicts among several sessions: e-BH by hand, and that one session more makes each harder."""

from typing import Any

from touchstone.insight.multiplicity import discoveries, judge_together


def test_by_hand() -> None:
    """N = 4, alpha = .05: needs 80 for one, 40 each for two, 26.7 each for three."""
    assert discoveries([79.0, 1.0, 1.0, 1.0]) == [False] * 4
    assert discoveries([80.0, 1.0, 1.0, 1.0]) == [True, False, False, False]
    assert discoveries([41.0, 1.0, 45.0, 1.0]) == [True, False, True, False]
    assert discoveries([30.0, 27.0, 45.0, 1.0]) == [True, True, True, False]
    assert discoveries([None, 20.0]) == [False, True]  # one hypothesis
    assert discoveries([]) == []


def session(coin: str, *values: float) -> dict[str, Any]:
    cards = {f"m{i}": {"verdict": "ADDS VALUE", "e_skill": v, "e_harm": 0.1} for i, v in enumerate(values)}
    return {"coin": coin, "models": cards}


def test_more_sessions_ask_for_more() -> None:
    alone, other = session("HYPE", 45.0, 50.0), session("BTC", 1.0, 1.0, 1.0, 1.0)
    words = judge_together([alone])
    assert "m0 (HYPE), m1 (HYPE)" in words[0]
    judge_together([alone, other])  # now two of six: 60 each
    assert {card["verdict_over_sessions"] for card in alone["models"].values()} == {"NOT PROVEN"}
    assert {card["verdict"] for card in alone["models"].values()} == {"ADDS VALUE"}
    assert "none" in judge_together([alone, other])[1]
