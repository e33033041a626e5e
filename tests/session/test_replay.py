"""A session replays to the byte, whole or killed; and any change of what was recorded is named."""

import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from touchstone import config
from touchstone.backtest import runner
from touchstone.backtest import scenario as scenarios
from touchstone.cli.main import main
from touchstone.core import records
from touchstone.core.actions import ACTION
from touchstone.core.events import EVENT, NOT_OF_CORE
from touchstone.core.state import STATE
from touchstone.data.generate import generate
from touchstone.data.units import coin_of
from touchstone.session import journal as journals
from touchstone.session.journal import ACTIONS, EVENTS, Journal, JournalError
from touchstone.session.replay import ReplayError, first_difference, replay
from touchstone.session.store import SessionStore, Table


@pytest.fixture(scope="module")
def on_tape(settings: config.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backtest's session."""
    folder = tmp_path_factory.mktemp("tape")
    tape = generate(folder / "market.tape", coin_of("hyna:HYPE"), minutes=6, seed=5)
    runner.backtest(tape, settings, progress=lambda done, total: None, session=folder / "session")
    return folder / "session"


@pytest.fixture(scope="module")
def in_scenario(settings: config.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenario") / "session"
    runner.run_scenario(settings, scenarios.load("normal"), minutes=6, seed=3, folder=folder)
    return folder


@pytest.fixture
def copy(on_tape: Path, tmp_path: Path) -> Path:
    """A session to be changed."""
    return shutil.copytree(on_tape, tmp_path / "session")


def killed(folder: Path, *, keep_bytes: int, rows: int) -> Path:
    """As if it had been killed: the journal ends somewhere, the tables end earlier."""
    for name in ("result.json", "state/final.bin"):
        (folder / name).unlink()
    (path,) = (folder / "events").glob("*.log")
    os.truncate(path, keep_bytes)
    with sqlite3.connect(folder / "session.db") as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            database.execute(f"DELETE FROM {table} WHERE rowid > {rows}")
    return folder


def rewritten(folder: Path, change: Any, *, goes_on: bool = False) -> None:
    """The journal again, each block's rows as `change` gives them (None: without it)."""
    blocks = list(journals.read(folder))
    meta = blocks[0].meta
    shutil.rmtree(folder / "events")
    with Journal(folder, coin_of(meta.coin, meta.sz_decimals), meta.core) as journal:
        for block in blocks:
            rows = change(block.number, block.kind, block.rows().copy())
            if rows is not None:
                (journal.append if block.kind == EVENTS else journal.append_actions)(rows)


@pytest.mark.parametrize("which", ["on_tape", "in_scenario"])
def test_a_session_is_the_same_again(which: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(which)
    result = json.loads((folder / "result.json").read_text())
    made = replay(folder)
    assert made.difference is None
    assert made.same
    assert made.is_finished
    assert made.core == made.core_here
    assert (made.torn_bytes, made.actions_ahead, made.rows_ahead) == (0, 0, {})
    assert made.actions == made.rows["orders"] == result["quotes"]["requests"] > 0
    assert made.rows["fills"] == result["fills"] > 0
    assert min(made.rows[name] for name in ("quotes", "predictions", "outcomes", "markouts", "calibrations")) > 0
    assert made.checkpoints == 1  # the final state
    assert made.not_compared == (["truth"] if which == "in_scenario" else [])


@pytest.mark.parametrize("share", [0.0, 0.13, 0.5, 0.77, 0.999])
def test_a_killed_session_is_the_same_as_far_as_it_goes(copy: Path, share: float) -> None:
    (path,) = (copy / "events").glob("*.log")
    first = next(iter(journals.read(copy)))
    size = path.stat().st_size
    whole = journals.BLOCK_BYTES + len(first.payload)
    keep = first.offset + whole + round(share * (size - first.offset - whole))
    made = replay(killed(copy, keep_bytes=keep, rows=3))
    assert made.difference is None
    assert not made.is_finished
    assert made.events > 0
    assert all(count <= 3 for count in made.rows.values())
    assert made.rows["quotes"] == 3
    assert made.rows_ahead["quotes"] > 0
    assert made.checkpoints == 0


def test_actions_wanted_at_the_moment_of_a_crash_are_no_difference(copy: Path) -> None:
    """Killed between the journal of the events and that of the actions, then gone on with in the same folder."""
    blocks = list(journals.read(copy))
    last = max(block.number for block in blocks if block.kind == ACTIONS)
    rewritten(copy, lambda number, kind, rows: rows if number < last else None)
    for name in ("result.json", "state/final.bin"):
        (copy / name).unlink()
    with sqlite3.connect(copy / "session.db") as database:
        for table in ("quotes", "predictions", "outcomes", "fills", "markouts", "calibrations", "alerts"):
            if database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
                database.execute(f"DELETE FROM {table} WHERE rowid > 3")
    made = replay(copy)
    assert made.difference is None
    assert made.actions_ahead == len(blocks[last]) > 0
    assert made.rows["orders"] == made.actions + made.actions_ahead
    coin = coin_of("hyna:HYPE")
    later = np.zeros(1, EVENT)
    later["recv_ns"] = max(int(block.rows()["recv_ns"][-1]) for block in blocks if block.kind == EVENTS) + 1
    later["kind"] = 32
    with Journal(copy, coin, made.core, goes_on=True) as journal:
        journal.append(later)
    assert replay(copy).difference is None
    assert replay(copy).actions_ahead == made.actions_ahead


def test_checkpoints_at_segments_are_compared(settings: config.Config, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(journals, "SEGMENT_BYTES", 1 << 20)
    monkeypatch.setattr(Journal.__init__, "__kwdefaults__", {"segment_bytes": 1 << 20, "goes_on": False})
    tape = generate(tmp_path / "market.tape", coin_of("hyna:HYPE"), minutes=6, seed=5)
    folder = tmp_path / "session"
    runner.backtest(tape, settings, progress=lambda done, total: None, session=folder)
    states = sorted(path.name for path in (folder / "state").iterdir())
    assert states[:2] == ["0001.bin", "0002.bin"]
    assert states[-2:] == ["final.bin", "start.bin"]
    assert len(list((folder / "events").iterdir())) == len(states) - 1
    made = replay(folder)
    assert made.same
    assert made.checkpoints == len(states) - 1
    spoilt = bytearray((folder / "state" / "0002.bin").read_bytes())
    spoilt[STATE.fields["n_decisions"][1]] ^= 1
    (folder / "state" / "0002.bin").write_bytes(spoilt)
    found = replay(folder).difference
    assert found is not None
    assert (found.table, found.column, found.note) == ("state", "n_decisions", "0002.bin")


def test_a_session_killed_between_its_last_record_and_its_result_is_the_same(copy: Path) -> None:
    for name in ("result.json", "state/final.bin"):
        (copy / name).unlink()
    made = replay(copy)
    assert made.difference is None
    assert not made.is_finished
    assert made.rows_ahead == {}


def test_going_on_drops_what_does_not_follow_from_the_journal(copy: Path, settings: config.Config) -> None:
    def count() -> int:
        with sqlite3.connect(copy / "session.db") as database:
            found: int = database.execute("SELECT count(*) FROM calibrations").fetchone()[0]
        return found

    before = count()
    rows = np.zeros(3, records.CALIBRATION)
    per_record = len(list(Table("calibrations", rows.dtype).values(rows[:1])))
    (copy / "result.json").unlink()
    with SessionStore(copy, settings, coin_of("hyna:HYPE"), goes_on=True) as store:
        store.take("calibrations", rows)
        assert count() == before, "passed over: they are there already"
        store.drop_ahead()
        assert count() == 3 * per_record < before
        store.take("calibrations", rows[:1])
    assert count() == 4 * per_record
    assert not (copy / "state" / "final.bin").exists()


# ------------------------------------------------------------ differences


def test_an_event_more_is_noticed(copy: Path) -> None:
    """One trade of the market counted twice."""

    def twice(number: int, kind: int, rows: Any) -> Any:
        if number:
            return rows
        at = int(np.flatnonzero(rows["kind"] == 5)[20])
        return np.insert(rows, at, rows[at])

    rewritten(copy, twice)
    made = replay(copy)
    assert made.difference is not None
    assert made.events > 0


@pytest.mark.parametrize(
    ("table", "column", "change"),
    [
        ("quotes", "half_spread_bps_0", "half_spread_bps_0 + 1e-12"), ("predictions", "made_ns", "made_ns + 1"),
        ("outcomes", "forecast", "forecast + 0.25"), ("fills", "fee_micro", "fee_micro + 1"),
        ("markouts", "mid2", "mid2 + 1"), ("calibrations", "verdict", "'ADDS VALUE'"), ("orders", "px", "px + 10"),
    ],
)  # fmt: skip
def test_a_changed_row_is_named(copy: Path, table: str, column: str, change: str) -> None:
    with sqlite3.connect(copy / "session.db") as database:
        database.execute(f"UPDATE {table} SET {column} = {change} WHERE rowid = 5")
        (recorded,) = database.execute(f"SELECT {column} FROM {table} WHERE rowid = 5").fetchone()
    found = replay(copy).difference
    assert found is not None
    assert (found.table, found.row, found.column, found.recorded) == (table, 4, column, recorded)
    assert found.replayed != recorded
    when = {"quotes": "decided_ns", "fills": "recv_ns", "orders": "decided_ns"}.get(table)
    if when:
        with sqlite3.connect(copy / "session.db") as database:
            assert found.event_ns == database.execute(f"SELECT {when} FROM {table} WHERE rowid = 5").fetchone()[0]


def test_the_earliest_of_several_differences_is_named(copy: Path) -> None:
    with sqlite3.connect(copy / "session.db") as database:
        database.execute("UPDATE quotes SET position = position + 1 WHERE rowid = 40")
        database.execute("UPDATE orders SET px = px + 1 WHERE rowid = 2")
        database.execute("UPDATE outcomes SET loss = 9 WHERE rowid = 90")
    found = replay(copy).difference
    assert found is not None
    assert (found.table, found.row) == ("orders", 1)


def test_a_row_too_few_or_too_many_in_a_finished_session_is_named(copy: Path) -> None:
    with sqlite3.connect(copy / "session.db") as database:
        n = database.execute("SELECT count(*) FROM markouts").fetchone()[0]
        database.execute("INSERT INTO markouts SELECT * FROM markouts WHERE rowid = 1")
    found = replay(copy).difference
    assert found is not None
    assert (found.table, found.row, found.replayed, found.note) == ("markouts", n, None, "not made by the replay")
    with sqlite3.connect(copy / "session.db") as database:
        database.execute("DELETE FROM markouts WHERE rowid >= ?", (n,))
    found = replay(copy).difference
    assert found is not None
    assert (found.table, found.row, found.recorded, found.note) == ("markouts", n - 1, None, "not in the database")


def test_a_changed_action_is_named(copy: Path) -> None:
    def other(number: int, kind: int, rows: Any) -> Any:
        if kind == ACTIONS and rows["cloid"][0] == 1:
            rows["qty"][0] += 1
        return rows

    rewritten(copy, other)
    found = replay(copy).difference
    assert found is not None
    assert (found.table, found.row, found.column) == ("actions", 0, "qty")
    assert found.recorded == found.replayed + 1


@pytest.mark.parametrize("how", ["lost", "added"])
def test_an_action_lost_or_added_is_named(copy: Path, how: str) -> None:
    def other(number: int, kind: int, rows: Any) -> Any:
        if kind == EVENTS or number > 1:
            return rows
        return rows[:-1] if how == "lost" else np.concatenate([rows, rows[-1:]])

    rewritten(copy, other)
    found = replay(copy).difference
    assert found is not None
    assert found.table == "actions"
    assert found.note == ("not in the journal" if how == "lost" else "not wanted by the replay")


def test_another_final_state_is_named(copy: Path) -> None:
    path = copy / "state" / "final.bin"
    raw = bytearray(path.read_bytes())
    position = STATE.fields["profit"][1] + STATE["profit"].fields["position"][1]
    raw[position] ^= 1
    path.write_bytes(raw)
    found = replay(copy).difference
    assert found is not None
    assert (found.table, found.column, found.note) == ("state", "profit.position", "final.bin")
    assert abs(found.recorded - found.replayed) == 1


def test_the_place_of_a_byte_in_a_record() -> None:
    zeros = np.zeros(1, STATE)
    for path, change in {
        "orders.slot[7].px": lambda one: one.orders.slot[7].__setitem__("px", 5),
        "depth_time[1]": lambda one: one.depth_time.__setitem__(1, 2.5),
        "quoting_ns[0]": lambda one: one.quoting_ns.__setitem__(0, -1),
    }.items():
        other = zeros.copy()
        change(other[0])
        found, before, after = first_difference(zeros.tobytes(), other.tobytes(), STATE)
        assert (found, before) == (path, 0)
        assert after in (5, 2.5, -1)
    action = np.zeros(2, ACTION)
    action["bits"][1] = 4
    assert first_difference(action[:1].tobytes(), action[1:].tobytes(), ACTION) == ("bits", 0, 4)
    assert NOT_OF_CORE < 0


# ------------------------------------------------------------ what cannot be replayed


def test_a_session_of_another_core_is_named(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = list(journals.read(copy))
    shutil.rmtree(copy / "events")
    with Journal(copy, coin_of("hyna:HYPE"), "an older core") as journal:
        for block in blocks:
            (journal.append if block.kind == EVENTS else journal.append_actions)(block.rows())
    assert main(["replay", str(copy)]) == 0
    assert "the session was made by core an older core" in capsys.readouterr().out
    start = copy / "state" / "start.bin"
    start.write_bytes(start.read_bytes() + b"\0" * 8)
    with pytest.raises(ReplayError, match=r"core here has .* made by core an older core, .*the program that made it"):
        replay(copy)


@pytest.mark.parametrize("name", ["state/start.bin", "session.db", "events"])
def test_a_part_that_is_missing_is_named(copy: Path, name: str) -> None:
    path = copy / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises((ReplayError, JournalError), match=name):
        replay(copy)
    assert main(["replay", str(copy)]) == 2


def test_the_command_tells_in_words_and_in_json(
    on_tape: Path, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(on_tape)]) == 0
    assert "the same, byte for byte" in capsys.readouterr().out
    assert main(["replay", str(on_tape), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["same"] is True
    assert document["difference"] is None
    with sqlite3.connect(copy / "session.db") as database:
        database.execute("UPDATE fills SET qty = qty + 1 WHERE rowid = 2")
    assert main(["replay", str(copy)]) == 1
    assert "DIFFERENT, first at fills row 1, qty: recorded" in capsys.readouterr().out
    assert main(["replay", str(copy), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["difference"]["column"] == "qty"
