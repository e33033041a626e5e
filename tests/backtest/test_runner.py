"""A whole backtest as the command runs it: its folder, its database, its log, its documented result."""

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from touchstone import config
from touchstone.backtest import runner
from touchstone.backtest.replay import Replay
from touchstone.core.events import OWN_KIND_FIRST
from touchstone.data.tape import Tape
from touchstone.insight.readings.folder import load_result
from touchstone.session import journal as journals
from touchstone.session import result, warm
from touchstone.session.sinks import Alerts

ROOT = Path(__file__).resolve().parents[2]
FREE = {"not_quoting_s", "alerts", "counters", "trips", "problems", "rows_read", "rows_kept"}
FREE |= {"gaps", "clock"}  # keys are names


@pytest.fixture(scope="module")
def session(
    tape: Tape, settings: config.Config, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any], list[str]]:
    folder = tmp_path_factory.mktemp("sessions") / "one"
    said: list[str] = []
    made = runner.backtest(tape.path, settings, progress=lambda done, total: None, session=folder, say=said.append)
    return folder, made, said


def keys_of(value: Any) -> Iterator[str]:
    """Every key of a result that has a fixed meaning."""
    if isinstance(value, list):
        for entry in value:
            yield from keys_of(entry)
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield key
            if key == "models":
                for card in entry.values():
                    yield from keys_of(card)
            elif key not in FREE:
                yield from keys_of(entry)


def test_every_key_of_the_result_is_documented(session: tuple[Path, dict[str, Any], list[str]]) -> None:
    documented = set(re.findall(r"`(\w+)`", (ROOT / "docs/json.md").read_text()))
    assert set(keys_of(session[1])) - documented == set()


def test_the_result_is_kept_as_it_was_shown(session: tuple[Path, dict[str, Any], list[str]]) -> None:
    folder, made, _ = session
    assert load_result(folder) == json.loads(json.dumps(made))
    assert made["problems"] == []
    assert made["events"] > 0
    assert set(made["variants"]) == {"pessimistic_queue", "latency_0x", "latency_2x"}
    lines = made["pnl"]
    total = lines["spread_capture"] - lines["adverse_selection"] + lines["post_horizon"]
    total += lines["opening_inventory"] - lines["fees"] + lines["funding"]
    assert round(total * 2e6) == round(lines["total"] * 2e6)


def test_the_database_holds_every_row(session: tuple[Path, dict[str, Any], list[str]]) -> None:
    folder, made, _ = session
    with sqlite3.connect(folder / "session.db") as database:

        def ask(query: str) -> Any:
            return database.execute(query).fetchone()[0]

        assert ask("select count(*) from fills") == made["fills"]
        assert ask("select count(*) from orders where kind in (1, 2)") == made["orders"]
        assert ask("select count(*) from orders") == made["quotes"]["requests"]
        # each prediction of a fill has its outcome or is pending
        resolved = ask("select count(*) from outcomes where target = 0")
        model = made["models"]["fill_1s"]
        assert resolved == model["made"] - model["pending"]
        # every fill finds its prediction
        assert ask(
            "select count(*) from fills left join predictions on fill_prediction_id = predictions.prediction_id "
            "where predictions.prediction_id is null and fills.fill_prediction_id > 0"
        ) == 0  # fmt: skip
        assert ask("select sum(fee_micro) from fills") == round(made["pnl"]["fees"] * 1e6)
        assert ask("select count(distinct model) from calibrations") == len(made["models"])


def test_the_journal_is_what_the_core_was_fed(session: tuple[Path, dict[str, Any], list[str]]) -> None:
    folder, made, _ = session
    journal = journals.read(folder)
    fed = [block.rows()["kind"] for block in journal if block.kind == journals.EVENTS]
    assert sum(int((kinds < OWN_KIND_FIRST).sum()) for kinds in fed) == made["events"]
    assert journal.n_actions == made["quotes"]["requests"]


def test_the_log_has_a_calibration_line_for_each_interval(session: tuple[Path, dict[str, Any], list[str]]) -> None:
    folder, _, said = session
    lines = (folder / "session.log").read_text().splitlines()
    calibrations = [line for line in lines if "event=\"calibration" in line]
    assert len(calibrations) == len(said) >= 10  # each minute of ten
    last = said[-1]
    for name in ("fill_ir=", "fill_samples=", "fill_brier=", "as_ir=", "as_samples=", "lag_ir=", "lag_mi_decay="):
        assert name in last
    samples = re.search(r"fill_samples=(\d+)", last)
    assert samples is not None
    assert int(samples.group(1)) > 0
    assert "lag_ir=n/a" in last, "no lag model yet: that is not 0"


def test_compiling_ahead_leaves_nothing_to_compile() -> None:
    said: list[str] = []
    runner.compile_ahead(said.append)
    assert runner.compile_ahead(said.append) < 2.0


def test_a_touch_that_was_lost_on_its_way_is_a_problem() -> None:
    made = Replay(config.Config(), 2)
    assert result.problems(made, Alerts()) == []
    made.loop[0].n_touch_lost = 3
    assert any("3 changes of the touch" in words for words in result.problems(made, Alerts()))


def test_compiled_code_that_nothing_uses_any_more_is_removed(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        (folder / "inner").mkdir(parents=True)
    os.utime(old, (1_000, 1_000))
    os.utime(new, (3_000, 3_000))
    assert warm.remove_unused(tmp_path, 2_000) == 1
    assert [folder.name for folder in tmp_path.iterdir()] == ["new"]
