"""Over several sessions, say one for each coin, more models look good by chance: which verdicts stand among them all.

The e-Benjamini-Hochberg procedure (Wang-Ramdas 2022): of N e-values the k largest are discoveries, for the largest k
with the k-th at least N / (alpha k). The expected share of false discoveries is at most alpha, whatever depends on
what.
"""

from collections.abc import Sequence
from typing import Any

ALPHA = 0.05
DECIDED = (("ADDS VALUE", "e_skill"), ("HARMFUL", "e_harm"))


def discoveries(values: Sequence[float | None], alpha: float = ALPHA) -> list[bool]:
    """Which e-values are discoveries; None is no hypothesis."""
    known = sorted((value for value in values if value is not None), reverse=True)
    found = [k for k, value in enumerate(known, 1) if value >= len(known) / (alpha * k)]
    least = known[found[-1] - 1] if found else None
    return [value is not None and least is not None and value >= least for value in values]


def judge_together(results: Sequence[dict[str, Any]]) -> list[str]:
    """Write `verdict_over_sessions` into each card of the results; says which verdicts stand, in words."""
    cards = [
        (str(result.get("coin")), name, card)
        for result in results
        for name, card in (result.get("models") or {}).items()
    ]
    for _, _, card in cards:
        card["verdict_over_sessions"] = card.get("verdict")
    words = []
    for verdict, key in DECIDED:
        stands = discoveries([card.get(key) for _, _, card in cards])
        for (_, _, card), is_found in zip(cards, stands, strict=True):
            if card.get("verdict") == verdict and not is_found:
                card["verdict_over_sessions"] = "NOT PROVEN"
        kept = [f"{name} ({coin})" for coin, name, card in cards if card["verdict_over_sessions"] == verdict]
        words.append(f"{verdict} among all {len(cards)} models of {len(results)} sessions: {', '.join(kept) or 'none'}")
    return words
