"""Sessions in the reactive market: deterministic, resumable, paired, with the truth beside them."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from touchstone import config
from touchstone.backtest import scenario
from touchstone.backtest.reactive import TRUTH, Reactive
from touchstone.backtest.runner import run_scenario
from touchstone.core import events
from touchstone.core.calibration import ledger
from touchstone.core.conventions import NS
from touchstone.core.records import FILL_ROW
from touchstone.core.trading import pnl
from touchstone.exchange import market
from touchstone.exchange.transit import MAX_RESPONSES
from touchstone.session import carry

SZ = 2
MINUTES = 12.0


class Keep:
    """Everything written down, as bytes by table."""

    def __init__(self) -> None:
        self.tables: dict[str, bytes] = {}

    def take(self, table: str, rows: Any) -> None:
        self.tables[table] = self.tables.get(table, b"") + np.ascontiguousarray(rows).tobytes()


def new(settings: config.Config, *, name: str = "volatile", seed: int = 3) -> tuple[Reactive, Keep]:
    made, keep = Reactive(settings, SZ, scenario.load(name), seed=seed), Keep()
    made.sinks.append(keep)
    return made, keep


@pytest.fixture(scope="module")
def whole(settings: config.Config) -> tuple[Reactive, Keep]:
    made, keep = new(settings)
    made.run(MINUTES)
    return made, keep


def test_a_fill_that_the_end_was_too_soon_for_is_no_difference(settings: config.Config) -> None:
    """One that the exchange knows of and the core never heard of is."""
    made, _ = new(settings)
    venue = made.venue[0]
    venue.account.position -= 94
    assert made.problems() == ["position differs: exchange -94, core 0"]
    venue.responses.head, venue.responses.n = MAX_RESPONSES - 1, 2
    for place, (kind, qty) in ((MAX_RESPONSES - 1, (events.FILL, 94)), (0, (events.FILL_DETAIL, -380))):
        row = venue.responses.ring[place]
        row.kind, row.qty, row.side = kind, qty, -1
    assert made.problems() == []


def test_the_session_trades_and_is_sound(whole: tuple[Reactive, Keep]) -> None:
    made, _ = whole
    assert made.state.profit.n_fills > 20
    assert ledger.is_conserved(made.state.ledger)
    scratch = np.zeros(1, pnl.ATTRIBUTION)[0]
    assert pnl.is_exact(made.state.profit, np.int64(made.state.book.mid2), scratch)
    assert made.state.n_time_back == 0
    assert not made.state.is_halted
    assert made.world[0].feed.n_overflow == 0
    assert made.venue[0].n_overflow == 0


def test_fills_are_decided_by_matching_alone(whole: tuple[Reactive, Keep]) -> None:
    """No queue model: neither the exchange's flag, nor an outcome of a live order, is a model's."""
    fills = np.frombuffer(whole[1].tables["fills"], FILL_ROW)
    assert not (fills["bits"] & 2).any()
    assert whole[0].venue[0].n_fills_by_model == 0


def test_the_truth_is_known_of_every_fill(whole: tuple[Reactive, Keep]) -> None:
    truth = np.frombuffer(whole[1].tables[TRUTH], market.TRUTH)
    fills = np.frombuffer(whole[1].tables["fills"], FILL_ROW)
    seen = truth[: len(fills)]  # the last ones may not have reached us
    for name in ("trade_id", "exch_ns", "side", "px", "qty"):
        assert (seen[name] == fills[name]).all(), name
    assert 0 < truth["informed"].sum() < len(truth)
    assert np.abs(truth["latent_px"] / truth["px"] - 1).max() < 0.02


def test_two_accounts_of_the_money_agree(whole: tuple[Reactive, Keep]) -> None:
    world, account = whole[0].world[0], whole[0].venue[0].account
    assert account.position == world.book.position[0]
    assert account.cash + account.fees - account.funding - account.start == world.book.cash[0]
    assert world.book.position.sum() == 0
    assert world.book.cash.sum() == 0


def test_one_seed_one_digest(whole: tuple[Reactive, Keep], settings: config.Config) -> None:
    again, _ = new(settings)
    again.run(MINUTES)
    assert again.digest() == whole[0].digest()
    other, _ = new(settings, seed=4)
    other.run(MINUTES)
    assert other.digest() != whole[0].digest()


def test_a_checkpoint_continues_to_the_same_bytes(whole: tuple[Reactive, Keep], settings: config.Config) -> None:
    first, keep = new(settings)
    first.run(MINUTES / 3, is_end=False)
    saved = first.checkpoint()
    second, _ = new(settings)
    second.restore(saved)
    second.sinks = [keep]
    second.run(2 * MINUTES / 3)
    assert second.machine["state"].tobytes() == whole[0].machine["state"].tobytes()
    assert second.world.tobytes() == whole[0].world.tobytes()
    assert keep.tables == whole[1].tables


def test_a_checkpoint_of_another_size_is_refused(settings: config.Config) -> None:
    with pytest.raises(ValueError, match="another version"):
        new(settings)[0].restore(b"\0" * 1000)


def test_paired_runs_share_everybody_elses_luck(whole: tuple[Reactive, Keep], settings: config.Config) -> None:
    """Whatever our trader does: latent path, wishes of the noise takers, errors of the makers."""
    quoting = settings.quoting.model_copy(update={"rule": "fixed", "fixed_half_spread_bps": 1.0, "levels": 1})
    other, keep = new(settings.model_copy(update={"quoting": quoting}))
    other.run(MINUTES)
    a, b = whole[0].world[0], other.world[0]
    assert keep.tables["fills"] != whole[1].tables["fills"]
    assert a.latent.tobytes() == b.latent.tobytes()
    assert a.noise.tobytes() == b.noise.tobytes()
    assert a.maker["error"].tobytes() == b.maker["error"].tobytes()


def test_drift_is_what_the_latent_price_made_of_the_position(
    whole: tuple[Reactive, Keep], settings: config.Config
) -> None:
    truth = np.frombuffer(whole[1].tables[TRUTH], market.TRUTH)
    position = np.cumsum(truth["side"] * truth["qty"])
    path = np.append(truth["latent_px"], whole[0].world[0].latent.px)
    made = run_scenario(settings, "volatile", minutes=MINUTES, seed=3)
    assert made["totals"]["drift"] == pytest.approx(float((position * np.diff(path)).sum()) / 1e6)


def test_a_session_starts_with_the_evidence_of_another_after_it(
    whole: tuple[Reactive, Keep], settings: config.Config
) -> None:
    left = carry.pack(whole[0].state)
    made = Reactive(settings, SZ, scenario.load("volatile"), seed=5, evidence=left)
    later_ns = int(made.world[0].now_ns) - scenario.START_NS
    assert MINUTES * 60 * NS < later_ns + made.world[0].params.block_ns <= (MINUTES + 1) * 60 * NS + NS
    assert carry.pack(made.state)[8:] == left[8:]
    made.run(MINUTES)
    assert made.problems() == []
    assert made.state.models.adverse.n_own[4] > whole[0].state.models.adverse.n_own[4]


def test_evidence_of_another_version_is_refused(settings: config.Config) -> None:
    with pytest.raises(ValueError, match="another version"):
        Reactive(settings, SZ, scenario.load("volatile"), seed=5, evidence=b"\0" * 100)


def test_the_result_and_the_folder(tmp_path: Path, settings: config.Config) -> None:
    result = run_scenario(settings, "volatile", minutes=MINUTES, seed=3, folder=tmp_path / "s")
    assert result["scenario"] == {"name": "volatile", "hash": scenario.load("volatile").hash, "seed": 3}
    assert result["problems"] == []
    truth = result["truth"]
    assert truth["maker_fills"] + truth["taker_fills"] >= result["fills"] > 0
    assert result["informed_fills"] == {"n": truth["informed_fills"], "share": truth["informed_share"]}
    database = sqlite3.connect(tmp_path / "s" / "session.db")
    query = "SELECT count(*), sum(t.informed), min(t.latent_px) FROM truth t JOIN fills f ON f.trade_id = t.trade_id"
    n, informed, least = database.execute(query).fetchone()
    assert n == result["fills"]
    assert informed <= truth["informed_fills"]
    assert least > 100_000
    assert (tmp_path / "s" / "result.json").is_file()


COPIES = """
import json, sys
from touchstone import config
from touchstone.backtest import scenario
from touchstone.backtest.reactive import Reactive
Reactive(config.load(None), 2, scenario.load("volatile"), seed=3).run(3.0)
copies = {}
for name, module in sorted(sys.modules.items()):
    if name.startswith(("touchstone.core", "touchstone.exchange", "touchstone.backtest")):
        for function in vars(module).values():
            if hasattr(function, "signatures") and hasattr(function, "py_func"):
                copies[f"{function.py_func.__module__}.{function.py_func.__name__}"] = len(function.signatures)
json.dump(copies, sys.stdout)
"""


def test_no_function_is_compiled_twice() -> None:
    """In a process of its own, as in test_replay."""
    if os.environ.get("NUMBA_DISABLE_JIT") == "1":
        pytest.skip("nothing is compiled")
    done = subprocess.run([sys.executable, "-c", COPIES], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    copies = json.loads(done.stdout)
    assert copies["touchstone.backtest.reactive_loop.run"] == 1
    assert {where: n for where, n in copies.items() if n > 1} == {}


PLAIN = """
import json, sys
from touchstone import config
from touchstone.backtest import scenario
from touchstone.backtest.reactive import Reactive
made = Reactive(config.parse(sys.argv[1]), 2, scenario.load("volatile"), seed=3)
made.run(float(sys.argv[2]))
json.dump({"digest": made.digest(), "counts": made.counts}, sys.stdout)
"""


def test_plain_python_gives_the_same_bytes(settings: config.Config) -> None:
    minutes = 2.2
    command = [sys.executable, "-c", PLAIN, config.to_toml(settings), str(minutes)]
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    plain = json.loads(done.stdout)
    made, _ = new(settings)
    made.run(minutes)
    assert made.counts["orders"] > 0, "the part compared must contain orders of ours"
    assert plain["counts"] == made.counts
    assert plain["digest"] == made.digest()
