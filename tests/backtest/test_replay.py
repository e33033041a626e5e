"""Whole sessions through core and exchange: deterministic, resumable, conserved, exact, flat in memory."""

import hashlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from touchstone import config
from touchstone.backtest import replay as replay_module
from touchstone.backtest.replay import Replay
from touchstone.core.calibration import ledger
from touchstone.core.trading import pnl
from touchstone.data.generate import generate
from touchstone.data.tape import Tape, open_tape
from touchstone.data.units import coin_of

SZ = 2


class Keep:
    """Everything written down, as bytes by table."""

    keeps_market = True

    def __init__(self) -> None:
        self.tables: dict[str, bytes] = {}

    def take(self, table: str, rows: Any) -> None:
        self.tables[table] = self.tables.get(table, b"") + np.ascontiguousarray(rows).tobytes()


def run(tape: Tape, settings: config.Config, **options: Any) -> Replay:
    made = Replay(settings, SZ, **options)
    made.run(tape)
    return made


@pytest.fixture(scope="module")
def whole(tape: Tape, settings: config.Config) -> tuple[Replay, Keep]:
    made = Replay(settings, SZ)
    keep = Keep()
    made.sinks.append(keep)
    made.run(tape)
    return made, keep


def test_the_session_trades_and_predicts(whole: tuple[Replay, Keep]) -> None:
    made, _ = whole
    assert made.state.profit.n_fills > 20
    assert made.counts["predictions"] > 500
    assert made.counts["calibrations"] in (10, 11)  # each minute, and the last one
    assert made.counts["alerts"] == 0
    cards = made.state.models.cards
    assert cards[1].events[0] > 0, "both outcome classes"
    assert cards[1].events[1] > 0, "both outcome classes"


def test_two_runs_have_one_digest(whole: tuple[Replay, Keep], tape: Tape, settings: config.Config) -> None:
    assert run(tape, settings).digest() == whole[0].digest()


def test_the_digest_tells_runs_apart(whole: tuple[Replay, Keep], tape: Tape, settings: config.Config) -> None:
    other = settings.model_copy(update={"seed": settings.seed + 1})
    assert run(tape, other).digest() != whole[0].digest()


def test_the_digest_does_not_depend_on_chunks(
    whole: tuple[Replay, Keep], tape: Tape, settings: config.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_module, "CHUNK", 777)
    made = Replay(settings, SZ)
    made.run(tape)
    assert made.digest() == whole[0].digest()


def test_a_checkpoint_continues_to_the_same_bytes(
    whole: tuple[Replay, Keep], tape: Tape, settings: config.Config
) -> None:
    first, keep = Replay(settings, SZ), Keep()
    first.sinks.append(keep)
    first.run(tape, stop=len(tape) // 2)
    saved = first.checkpoint()
    second = Replay(settings, SZ)
    second.restore(saved)
    second.sinks.append(keep)
    second.run(tape, start=len(tape) // 2)
    assert second.machine["state"].tobytes() == whole[0].machine["state"].tobytes()
    assert second.venue.tobytes() == whole[0].venue.tobytes()
    assert keep.tables == whole[1].tables


def test_a_checkpoint_of_another_size_is_refused(settings: config.Config) -> None:
    with pytest.raises(ValueError, match="another version"):
        Replay(settings, SZ).restore(b"\0" * 1000)


def test_predictions_and_money_add_up_at_any_moment(tape: Tape, settings: config.Config) -> None:
    made = Replay(settings, SZ)
    step = len(tape) // 40
    for start in range(0, 40 * step, step):
        made.run(tape, start=start, stop=start + step)
        state = made.state
        assert ledger.is_conserved(state.ledger)
        assert pnl.is_exact(state.profit, np.int64(state.book.mid2), state.attribution)
        assert state.ledger.n_evicted == 0
    assert made.state.profit.n_fills > 0


def test_exchange_and_core_agree_on_the_money(whole: tuple[Replay, Keep]) -> None:
    state, account = whole[0].state, whole[0].venue[0].account
    in_flight = whole[0].venue[0].responses.n
    if in_flight == 0:
        assert account.position == state.profit.position
        assert 2 * (account.cash - account.start) == state.profit.cash2
        assert 2 * account.fees == state.profit.fees2


def test_the_journal_alone_leads_the_core_to_the_same_state(
    whole: tuple[Replay, Keep], settings: config.Config
) -> None:
    from touchstone.core import engine, records
    from touchstone.core.events import EVENT

    machine = Replay(settings, SZ).machine
    journal = np.frombuffer(whole[1].tables["events"], EVENT).copy()  # writable: the type that is compiled
    at = 0
    while at < len(journal):
        at = engine.step_rows(machine, journal, np.int64(at), np.int64(len(journal)))
        records.clear(machine[0].out)
        machine[0].out.n_actions = 0
    from touchstone.core.phases.resolve import write_calibration

    write_calibration(machine[0].state, machine[0].out)
    assert machine["state"].tobytes() == whole[0].machine["state"].tobytes()


def test_every_invariant_of_the_quotes(whole: tuple[Replay, Keep], settings: config.Config) -> None:
    from touchstone.core import grid
    from touchstone.core.records import QUOTE

    state = whole[0].state
    quotes = np.frombuffer(whole[1].tables["quotes"], QUOTE)
    assert len(quotes) > 100
    assert state.n_unsound == 0
    for quote in quotes:
        bids = [int(px) for px, qty in zip(quote["px"][0], quote["qty"][0], strict=True) if qty]
        asks = [int(px) for px, qty in zip(quote["px"][1], quote["qty"][1], strict=True) if qty]
        touch = quote["market"]["best_px"]
        if bids and asks:
            assert max(bids) < min(asks)
        assert all(px < touch[1] for px in bids)
        assert all(px > touch[0] for px in asks)
        for px, qty in zip(quote["px"].ravel(), quote["qty"].ravel(), strict=True):
            if qty:
                assert grid.is_valid_price(state.grid, np.int64(px))
                held = abs(int(quote["position"]))
                assert px * qty >= 10_000_000 or qty <= held  # dust leaves reduce-only
        for s in (0, 1):
            terms, half = quote["term_bps"][s], quote["half_spread_bps"][s]
            assert sum(terms) == pytest.approx(half, abs=1e-9)


def test_positions_stay_in_their_limit(whole: tuple[Replay, Keep], settings: config.Config) -> None:
    from touchstone.core.records import FILL_ROW

    fills = np.frombuffer(whole[1].tables["fills"], FILL_ROW)
    notional = np.abs(fills["position_after"]) * fills["px"]
    assert notional.max() <= settings.max_position_notional * 1e6 * 1.005  # the limit moves with the mid


def test_every_fill_knows_its_predictions(whole: tuple[Replay, Keep]) -> None:
    from touchstone.core.records import FILL_ROW, PREDICTION

    fills = np.frombuffer(whole[1].tables["fills"], FILL_ROW)
    predictions = np.frombuffer(whole[1].tables["predictions"], PREDICTION)
    known = {int(row["prediction_id"]): row for row in predictions}
    for fill in fills:
        row = known[int(fill["fill_prediction_id"])]
        assert row["cloid"] == fill["cloid"]
        assert fill["as_prediction_id"] == fill["fill_prediction_id"] + 1
        assert row["made_ns"] == fill["prediction_ns"] <= fill["recv_ns"]
        assert row["fill_p"][1] == fill["predicted_fill_prob"]
        assert row["as_loc"][4] == fill["predicted_as_bps"]
        assert fill["at_decision"]["t_ns"] <= fill["at_fill"]["t_ns"] == fill["recv_ns"]
        assert fill["at_decision"]["mid2"] > 0


def test_every_prediction_has_one_outcome_per_target(whole: tuple[Replay, Keep]) -> None:
    from touchstone.core.records import OUTCOME

    outcomes = np.frombuffer(whole[1].tables["outcomes"], OUTCOME)
    keys = outcomes["prediction_id"] * 100 + outcomes["target"]
    assert len(np.unique(keys)) == len(keys)


def test_memory_does_not_grow_with_the_tape(tmp_path: Path, settings: config.Config) -> None:
    def peak_kb() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    coin = coin_of("hyna:HYPE")
    short = open_tape(generate(tmp_path / "short.tape", coin, minutes=20, seed=1))
    long = open_tape(generate(tmp_path / "long.tape", coin, minutes=120, seed=1))
    run(short, settings)
    before = peak_kb()
    run(long, settings)
    assert peak_kb() - before < 12_000 + len(long) * 48 // 1024  # the mapped tape itself may be resident


COPIES = """
import json, sys
from touchstone import config
from touchstone.backtest.replay import Replay
from touchstone.data.tape import open_tape
tape = open_tape(sys.argv[1])
Replay(config.load(None), 2).run(tape)
copies = {}
for name, module in sorted(sys.modules.items()):
    if name.startswith(("touchstone.core", "touchstone.exchange", "touchstone.backtest")):
        for function in vars(module).values():
            if hasattr(function, "signatures") and hasattr(function, "py_func"):
                copies[f"{function.py_func.__module__}.{function.py_func.__name__}"] = len(function.signatures)
json.dump(copies, sys.stdout)
"""


def test_no_function_is_compiled_twice(tape: Tape) -> None:
    """More than one signature means a type that differs between callers: twice the compile time.

    In a process of its own: other tests call single functions with types that the engine never hands them.
    """
    if os.environ.get("NUMBA_DISABLE_JIT") == "1":
        pytest.skip("nothing is compiled")
    done = subprocess.run(
        [sys.executable, "-c", COPIES, str(tape.path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    copies = json.loads(done.stdout)
    assert len(copies) > 150
    assert {where: n for where, n in copies.items() if n > 1} == {}


PLAIN = """
import hashlib, json, sys
from touchstone import config
from touchstone.backtest.replay import Replay
from touchstone.data.tape import open_tape
tape = open_tape(sys.argv[1])
settings = config.parse(sys.argv[2])
made = Replay(settings, 2)
made.run(tape, stop=int(sys.argv[3]))
venue = hashlib.blake2b(made.venue.tobytes()).hexdigest()
json.dump({"digest": made.digest(), "counts": made.counts, "venue": venue}, sys.stdout)
"""


def test_plain_python_gives_the_same_bytes(tape: Tape, settings: config.Config) -> None:
    rows = 9000
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-c", PLAIN, str(tape.path), config.to_toml(settings), str(rows)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    plain = json.loads(done.stdout)
    made = Replay(settings, SZ)
    made.run(tape, stop=rows)
    assert made.counts["fills"] > 0, "the part compared must contain fills"
    assert plain["counts"] == made.counts
    assert plain["digest"] == made.digest()
    assert plain["venue"] == hashlib.blake2b(made.venue.tobytes()).hexdigest()
