"""Write docs/scenarios.md: every scenario with its hash, its parameters and what was measured in it.

    python -m benchmarks.scenarios > docs/scenarios.md
"""

from typing import Any

import numpy as np

from touchstone import config
from touchstone.backtest import scenario
from touchstone.exchange import market, venue
from touchstone.session import params as settings

HOURS = 24
SEED = np.int64(1)
SZ_DECIMALS = 2
COLUMNS = ("calm", "normal", "volatile", "cascade", "thin")
TABLES = ("market", "latent", "feed", "impact", "noise")

HEAD = f"""# Scenarios

Markets for `touchstone run --scenario NAME` and for comparisons: files of `src/touchstone/exchange/scenarios`, written
to this page by `python -m benchmarks.scenarios > docs/scenarios.md`. A scenario is never changed once it is published;
a new idea is a new file. The hash is of the content (names and numbers, not words), is part of every result
(`scenario.hash`), and a test compares it with the files.

Who trades there: a latent price that a leading venue shows at once; makers who quote around what they knew one lag ago
and learn from trades and from the sizes at the touch, ours included; noise takers in excited bursts, slices of hidden
parent orders; informed takers who hit quotes that the leader has left behind by more than their cost. All meet our
orders by price and time in one order book of 70 ms blocks. Each draws its luck from a stream of its own that nothing
else touches: two runs with one seed differ only by what our orders cause. The code: `src/touchstone/exchange/agents`.

`normal` is calibrated, by `tests/exchange/test_market.py`, so that one small order a side 8 bps from mid, moved each
second with 0.1 s of latency, is filled 30 to 40 times an hour with 2.0 to 2.8 bps of adverse selection at 10 s. The
`lag_` scenarios are `normal` with every competitor that many seconds behind the leader; `normal` itself has 0.1 s.

## Hashes and measurements

{HOURS} hours of each without us, seed {SEED}, sampled each second: median spread, root-mean-square return of a second,
kurtosis of one-minute returns, trades (fills of resting orders), the informed takers' share of them, notional traded.

| scenario | hash | spread bps | sigma bps/s^0.5 | kurtosis | trades/h | informed | notional/h |
|---|---|---|---|---|---|---|---|"""


def measure(given: scenario.Scenario) -> list[str]:
    """The measured cells of a scenario's row."""
    params = scenario.world_params(given, SZ_DECIMALS, 10.0)
    world, venues = np.zeros(1, market.WORLD), np.zeros(1, venue.VENUE)
    venue.reset(venues[0], settings.venue_params(config.load(None), SZ_DECIMALS))
    market.reset(world[0], params, SEED)
    world[0].feed.is_on = 0
    per_s = np.int64(round(1e9 / int(params.block_ns)))
    touch = np.zeros((HOURS * 3600, 2))
    for second in range(len(touch)):
        market.run(world[0], venues, per_s)
        touch[second] = world[0].book.best_px
    touch = touch[(touch > 0).all(axis=1)]
    mid = touch.mean(axis=1)
    seconds = np.diff(np.log(mid)) * 1e4
    minutes = np.diff(np.log(mid[::60])) * 1e4
    spread = float(np.median((touch[:, 1] - touch[:, 0]) / mid * 1e4))
    sigma = float(np.sqrt((seconds**2).mean()))
    kurtosis = float(((minutes - minutes.mean()) ** 4).mean() / minutes.var() ** 2)
    trades = int(world[0].n_trades)
    informed = int(world[0].n_informed_trades) / trades
    return [
        f"{spread:.2f}",
        f"{sigma:.2f}",
        f"{kurtosis:.1f}",
        f"{trades / HOURS:,.0f}",
        f"{informed:.1%}",
        f"{int(world[0].volume) / 1e6 / HOURS:,.0f}",
    ]


def parameters(name: str, given: dict[str, scenario.Scenario]) -> list[str]:
    """The table of one part of the files."""
    docs: dict[str, Any] = {column: getattr(given[column], name).model_dump() for column in COLUMNS}
    lines = ["", f"## `[{name}]`", "", f"| | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for key in docs["normal"]:
        lines.append(f"| `{key}` | " + " | ".join(f"{docs[column][key]:g}" for column in COLUMNS) + " |")
    return lines


def traders(name: str, given: dict[str, scenario.Scenario]) -> list[str]:
    """One row per maker or informed taker."""
    keys = list(type(getattr(given["normal"], name)[0]).model_fields)
    lines = ["", f"## `[[{name}]]`", "", f"| scenario | {' | '.join(keys)} |", "|---" * (len(keys) + 1) + "|"]
    for column in COLUMNS:
        for one in getattr(given[column], name):
            lines.append(f"| {column} | " + " | ".join(f"{value:g}" for value in one.model_dump().values()) + " |")
    return lines


def report() -> None:
    """Print the page."""
    given = {name: scenario.load(name) for name in scenario.names()}
    lines = [HEAD]
    for name, one in given.items():
        lines.append(f"| `{name}` | `{one.hash}` | " + " | ".join(measure(one)) + " |")
    lines += ["", "What each is for:", ""]
    lines += [f"- `{name}`: {one.about}" for name, one in given.items()]
    for table in TABLES:
        lines += parameters(table, given)
    lines += traders("makers", given) + traders("informed", given)
    print("\n".join(lines))


if __name__ == "__main__":
    report()
