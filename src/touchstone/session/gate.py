"""What the gate was worth: toxic fills avoided, benign ones lost, and the money between them, with intervals."""

import math
from typing import Any

from touchstone.core.conventions import NS
from touchstone.core.quoting import gate

Z90 = 1.6448536269514722
FEWEST = 10


def scorecard(state: Any, observed_s: float) -> dict[str, Any]:
    """The gate of a session as documented in docs/json.md; `observed_s` of market time, both sides.

    A fill counts as toxic where it earned less than its fee at 10 s. `kept`: our fills; `avoided`: fills of the shadows
    of suppressed quotes, as far as the tape decides; `tried`: fills of the episodes that quoted all the same.
    """
    the_gate = state.gate
    groups = {name: _group(the_gate.tally[i]) for i, name in enumerate(gate.GROUP_NAMES)}
    closed_ns = [int(the_gate.closed_ns[s]) for s in range(2)]
    for s in range(2):
        if int(the_gate.is_closed[s]):
            closed_ns[s] += int(state.now_ns) - int(the_gate.since_ns[s])
    kept, avoided = groups["kept"], groups["avoided"]
    all_fills = kept["n"] + avoided["n"]
    toxic = _share(avoided["toxic"], kept["toxic"] + avoided["toxic"])
    benign = _share(avoided["benign"], kept["benign"] + avoided["benign"])
    difference = None if toxic["share"] is None or benign["share"] is None else toxic["share"] - benign["share"]
    spread = None
    if difference is not None and min(kept["toxic"] + avoided["toxic"], kept["benign"] + avoided["benign"]) >= FEWEST:
        spread = Z90 * math.hypot(toxic["se"] or 0.0, benign["se"] or 0.0)
    return {
        "is_on": bool(state.params.has_gate),
        "episodes": [int(n) for n in the_gate.n_episodes],  # bid, ask
        "tried": [int(n) for n in the_gate.n_tried],
        "propensity": float(state.params.gate_try_share),
        "closed_share": sum(closed_ns) / NS / 2.0 / observed_s if observed_s > 0 else None,
        "groups": groups,
        "toxic_avoided": toxic["share"],
        "benign_lost": benign["share"],
        "random_gate": avoided["n"] / all_fills if all_fills else None,  # what chance would avoid of both, at this rate
        "difference": difference,
        "difference_low": difference - spread if difference is not None and spread is not None else None,
        "difference_high": difference + spread if difference is not None and spread is not None else None,
        "saved_bps": None if avoided["bps"] is None else -avoided["bps"],  # per fill avoided
        "saved_low": None if avoided["high"] is None else -avoided["high"],
        "saved_high": None if avoided["low"] is None else -avoided["low"],
    }


def _group(tally: Any) -> dict[str, Any]:
    benign, toxic = int(tally.n[gate.BENIGN]), int(tally.n[gate.TOXIC])
    n = benign + toxic
    mean = float(tally.total) / n if n else None
    se = None
    if mean is not None and n > 1:
        se = math.sqrt(max(float(tally.squares) - n * mean * mean, 0.0) / (n - 1) / n)
    wide = mean is not None and se is not None and n >= FEWEST
    return {
        "n": n,
        "benign": benign,
        "toxic": toxic,
        "bps": mean,
        "se": se,
        "low": mean - Z90 * se if wide and mean is not None and se is not None else None,
        "high": mean + Z90 * se if wide and mean is not None and se is not None else None,
    }


def _share(part: int, whole: int) -> dict[str, float | None]:
    if whole == 0:
        return {"share": None, "se": None}
    share = part / whole
    return {"share": share, "se": math.sqrt(share * (1.0 - share) / whole)}
