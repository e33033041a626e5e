"""Lead-lag in the reactive market: the scenario's lag is found, the models add value, the result tells it."""

from typing import Any

import numpy as np
import pytest

from touchstone import config
from touchstone.backtest import runner, scenario
from touchstone.backtest.reactive import Reactive
from touchstone.core.conventions import MS
from touchstone.core.market import leadlag
from touchstone.core.quoting.params import TERM_LAG

SZ = 2


class Rows:
    """Rows of some tables."""

    def __init__(self, *tables: str) -> None:
        self.of: dict[str, list[Any]] = {name: [] for name in tables}

    def take(self, table: str, rows: Any) -> None:
        if table in self.of:
            self.of[table].append(np.array(rows).view(np.ndarray).copy())

    def __getitem__(self, table: str) -> Any:
        return np.concatenate(self.of[table])


@pytest.mark.parametrize(("name", "lag_ms"), [("lag_0.1", 100), ("lag_0.3", 300), ("lag_0.55", 550)])
def test_the_lag_of_a_scenario_is_found(settings: config.Config, name: str, lag_ms: int) -> None:
    session, rows = Reactive(settings, SZ, scenario.load(name), seed=5, digest=False), Rows("lags")
    session.sinks.append(rows)
    session.run(12.0)
    found = rows["lags"]
    assert len(found) >= 10
    assert (abs(found["lag_ns"] - lag_ms * MS) <= leadlag.STEP_NS).mean() > 0.8  # by the minute: within a step
    assert int(found["mean_lag_ns"][-1]) == lag_ms * MS
    assert (found["llr"] > 1).all()
    # As our clock sees it: our feed takes 80 ms and a log-normal part around 90, the leader's 80.
    behind_ms = (found["tradable_lag_ns"][-1] - found["mean_lag_ns"][-1]) / MS
    assert 60 < behind_ms < 160


def test_the_result_tells_what_the_leader_says(settings: config.Config) -> None:
    made = runner.run_scenario(settings, "lag_0.3", minutes=30.0, seed=2)
    told = made["lead_lag"]
    assert made["problems"] == []
    assert told["reference"] == "live"
    assert told["lag_s"] == pytest.approx(0.3)
    assert told["lag_s_low"] <= 0.3 <= told["lag_s_high"]
    information = told["information"]
    assert 0.3 <= information["lag_s"] <= told["tradable_lag_s"] + 0.2  # by our clock, in steps of 0.1 s
    assert information["p"] < 0.01
    assert information["null95"] < information["low"] < information["nats"] < information["high"]
    assert told["decay"] is None  # one day is no series
    for name in ("lag_1s", "lag_move_1s"):
        card = made["models"][name]
        assert card["verdict"] == "ADDS VALUE"
        assert card["influence"] > 0
        assert card["bss_low"] > 0.1
        assert card["made"] == card["tape_decided"] + card["pending"] + card["voided"]
    assert made["models"]["lag_1s"]["mi_decay_per_day"] is None
    assert made["models"]["lag_1s"]["brier"] is not None
    assert made["models"]["lag_move_1s"]["squared_error"] is not None


def test_switched_off_the_leader_is_not_heard(settings: config.Config) -> None:
    models = settings.models.model_copy(update={"lag": False})
    session = Reactive(settings.model_copy(update={"models": models}), SZ, scenario.load("lag_0.3"), seed=2)
    rows = Rows("quotes", "pairs", "lags")
    session.sinks.append(rows)
    session.run(6.0)
    assert rows.of["pairs"] == rows.of["lags"] == []
    assert (rows["quotes"]["market"]["reference"] == leadlag.NEVER_HEARD).all()
    assert (rows["quotes"]["term_bps"][:, :, TERM_LAG] == 0).all()
