"""Champion and challenger over sessions at the local exchange: who trades, what is kept, who takes over."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.traders import COMPILE_S, SETTINGS, TraderProcess
from tests.session.forecasts import winning

from touchstone import config
from touchstone.session.replay import replay

CHANGED = SETTINGS + "[models]\nfill_memory_outcomes = 500.0\n"


def models_of(session: Path) -> config.Models:
    return config.load(session / "config.toml").models


def trade(trader: TraderProcess, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """A session until something holds; its result."""
    trader.start()
    trader.until(lambda told: told["fills"] > 0 and holds(told), "it trades", COMPILE_S)
    assert trader.terminate() == 0, trader.words()
    return trader.result()


def test_a_change_of_models_is_a_challenger_until_it_has_won(trader: TraderProcess) -> None:
    first = trade(trader, lambda told: True)
    assert first["challenger"] is None
    incumbent = models_of(trader.session)

    # Other settings: the incumbent's go on trading, the others run beside and leave a record.
    (trader.folder / "config.toml").write_text(CHANGED)
    second = trade(trader, lambda told: told["challenger"]["events"] > 5_000)
    found = second["challenger"]
    assert found["changed"] == {"fill_memory_outcomes": {"incumbent": 20_000.0, "challenger": 500.0}}
    assert models_of(trader.session) == incumbent
    assert "the incumbent's go on trading" in trader.words()
    assert (found["kept"], found["goes_on"]) == (True, False)
    assert found["targets"]["fill_1s"]["n"] > 50
    assert replay(trader.session).difference is None  # the trading session is the same again, byte for byte
    (record,) = (trader.desk.folder / "evidence").glob("*.comparison")

    # It has won: it takes over, with what it has learned.
    record.write_bytes(winning("fill_10s").pack())
    third = trade(trader, lambda told: True)
    assert third["challenger"] is None
    assert models_of(trader.session).fill_memory_outcomes == 500.0
    assert "the challenger has won and takes over" in trader.words()
    assert [line for line in trader.words().splitlines() if "evidence of earlier sessions" in line][-1]
    assert any(line["what"] == "challenger took over" for line in trader.desk.history())
    (incumbent_of_market,) = (trader.desk.folder / "evidence").glob("*.json")
    assert json.loads(incumbent_of_market.read_text())["models"]["fill_memory_outcomes"] == 500.0
