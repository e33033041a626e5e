"""The command line: what goes to which stream, exit codes, errors in words. The shells behind it are stand-ins."""

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from touchstone import TouchstoneError, __version__, config
from touchstone.cli.main import main
from touchstone.data.errors import DataError
from touchstone.insight.comparison import LINES

RESULT: dict[str, Any] = {
    "coin": "SOL",
    "currency": "USDC",
    "events": np.int64(10),
    "fills": 0,
    "pnl": {"total": np.float64(0.0)},
    "edge_per_fill": {"bps": math.nan, "se": math.inf},
    "digest": "3f9a",
}


NO_EFFECT = dict.fromkeys(("a", "b", "difference", "low", "high", "minimum_detectable", "better")) | {
    "n": 0,
    "verdict": "no data",
}


class Shells:
    """Stand-ins for the importer, the runner and the readings, put where the command line imports them from."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.result: dict[str, Any] = dict(RESULT)
        self.error: BaseException | None = None
        self.meta = SimpleNamespace(coin="SOL", dex="", collateral="USDC", details={})
        shells = {"backtest": self.backtest, "run_scenario": self.run_scenario, "compile_ahead": self.compile_ahead}
        self._put(monkeypatch, "touchstone.backtest.runner", **shells)
        self._put(monkeypatch, "touchstone.live.run", trade=self.trade)
        self._put(monkeypatch, "touchstone.backtest.scenario", load=lambda name: SimpleNamespace(name=name))
        self._put(
            monkeypatch,
            "touchstone.backtest.compare",
            compare_seeds=lambda a, b, **options: self.compare("seeds", a, b, options),
            compare_tapes=lambda a, b, tapes, **options: self.compare("tapes", a, b, options | {"tapes": tapes}),
        )
        self._put(monkeypatch, "touchstone.insight.readings", open_session=self.open_session)
        self._put(monkeypatch, "touchstone.insight.readings.readings", Readings=lambda session: session)
        self._put(monkeypatch, "touchstone.insight.findings", find=lambda readings: [])
        self._put(monkeypatch, "touchstone.insight.finding_lines", finding_lines=lambda found, currency: "")
        self._put(monkeypatch, "touchstone.data.catalogue", import_path=self.import_path)
        self._put(monkeypatch, "touchstone.data.tape", is_tape=self.is_tape, open_tape=self.open_tape)

    @staticmethod
    def _put(monkeypatch: pytest.MonkeyPatch, name: str, **functions: Any) -> None:
        module = ModuleType(name)
        vars(module).update(functions)
        monkeypatch.setitem(sys.modules, name, module)

    def _done(self, name: str, what: Any) -> dict[str, Any]:
        self.calls.append((name, what))
        if self.error:
            raise self.error
        return self.result

    def backtest(self, tape: Path, settings: config.Config, *, progress: Any, session: Path | None) -> Any:
        progress(1, 2)
        assert tape.exists()
        return self._done("backtest", (tape, settings, session))

    def run_scenario(self, settings: config.Config, market: Any, **options: Any) -> Any:
        options.pop("progress")(2, 2)
        options.pop("say")("calibration fill_ir=n/a")
        assert options.pop("variants")
        return self._done("run", (settings, options | {"scenario": market.name}))

    async def trade(self, settings: config.Config, where: Any, **options: Any) -> Any:
        options.pop("say")("a word")
        options.pop("show")("a line")
        assert callable(options.pop("begins"))
        made = self._done("trade", (settings, where, options))
        return made | {"live": {"folder": str(options["folder"])}}

    def compare(self, name: str, a: config.Config, b: config.Config, options: dict[str, Any]) -> Any:
        options.pop("progress")(2, 2)
        self._done(name, (a, b, options))
        return {
            "coin": a.market.coin,
            "currency": a.market.currency,
            "differences": [],
            "market": {"kind": "scenario", "scenario": "thin", "minutes": 1.0, "seeds": [1, 2]},
            "pairs": 2,
            "resampled": {"unit": "pair", "n": 2, "block_s": None},
            "confidence": 0.9,
            "power": 0.8,
            "measures": {key: dict(NO_EFFECT) for key, *_ in LINES},
            "caveats": [],
            "problems": self.result.get("problems", []),
        }

    def compile_ahead(self, say: Any, market: Any = None) -> float:
        say("compiled")
        return 1.0

    @contextmanager
    def open_session(self, folder: Path) -> Iterator[Any]:
        yield SimpleNamespace(result=self._done("report", folder))

    def import_path(self, path: Path, coin: str | None, out: Path | None, sz_decimals: int | None) -> Any:
        self._done("import", (path, coin, out, sz_decimals))
        tape = out or Path("SOL.tape")
        if tape.parent.exists():
            tape.write_bytes(b"TAPE")
        return tape, SimpleNamespace(as_dict=lambda: {"rows_read": {"trades": 3}, "rows_kept": {"trades": 3}})

    def is_tape(self, path: Path) -> bool:
        return path.read_bytes() == b"TAPE"

    def open_tape(self, path: Path, verify: bool) -> Any:
        assert not verify
        return SimpleNamespace(meta=self.meta)


@pytest.fixture
def shells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shells:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TOUCHSTONE_DEBUG", raising=False)
    return Shells(monkeypatch)


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    path = tmp_path / "SOL.tape"
    path.write_bytes(b"TAPE")
    return path


def test_help_lists_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for word in ("run", "import", "backtest", "compare", "report", "config", "Exit codes"):
        assert word in text


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bogus"], 'Unknown command "bogus"'),
        (["backtest"], "one of the two"),
        (["run", "--paper"], "name the market to mirror"),
        (["run", "--paper", "--network", "mainnet", "--scenario", "thin"], "leave out --scenario"),
        (["run", "--network", "mainnet", "--speed", "2"], "time of the wall"),
        (["run", "--scenario", "thin", "--market", "recorded", "x"], "one of the two"),
        (["report", "nowhere"], "does not exist"),
        (["run", "--minutes", "-3"], "--minutes"),
        (["run", "--minutes", "soon"], "soon"),
        (["run", "--jsn"], "Did you mean --json?"),
        (["compare", "--a", "a.toml"], "--b"),
        (["compare", "--a", "nowhere.toml", "--b", "nowhere.toml"], "A: cannot read the configuration nowhere.toml"),
        (["compare", "--a", "a.toml", "--b", "b.toml", "--seeds", "1"], "--seeds"),
        (["config", "check", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_one_message(
    shells: Shells, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words.lower() in captured.err.lower()
    assert "Traceback" not in captured.err
    assert shells.calls == []


def test_a_tape_is_replayed_as_the_market_that_it_holds(shells: Shells, tape: Path) -> None:
    shells.meta = SimpleNamespace(coin="HYPE", dex="hyna", collateral="USDE", details={})
    assert main(["backtest", str(tape)]) == 0
    name, (used, settings, session) = shells.calls[-1]
    assert (name, used, session) == ("backtest", tape, None)
    assert settings.market.coin == "hyna:HYPE"
    assert settings.maker_fee_bps == 3.0


def test_a_coin_of_the_main_dex_pays_the_base_fee(shells: Shells, tape: Path) -> None:
    assert main(["backtest", str(tape)]) == 0
    assert shells.calls[-1][1][1].maker_fee_bps == 1.5


def test_a_recording_is_imported_for_the_run_and_leaves_nothing(shells: Shells, tmp_path: Path) -> None:
    recording = tmp_path / "recording"
    recording.mkdir()
    assert main(["backtest", str(recording), "--coin", "SOL", "--sz-decimals", "2"]) == 0
    (_, (path, coin, out, decimals)), (_, (tape, _, _)) = shells.calls
    assert (path, coin, decimals) == (recording, "SOL", 2)
    assert out == tape
    assert not tape.exists()
    assert sorted(tmp_path.iterdir()) == [recording]


def test_json_is_one_document_on_standard_output(
    shells: Shells, tape: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backtest", str(tape), "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["events"] == 10
    assert document["edge_per_fill"] == {"bps": None, "se": None}
    assert "NaN" not in captured.out


def test_without_json_it_is_a_report(shells: Shells, tape: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", str(tape)]) == 0
    assert "Where the money went" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("extra", "code"),
    [({}, 0), ({"problems": ["identity broken"]}, 1), ({"risk": {"state": "killed", "reason": "drawdown"}}, 4)],
)
def test_the_exit_code_tells_how_the_run_ended(shells: Shells, tape: Path, extra: dict[str, Any], code: int) -> None:
    shells.result |= extra
    assert main(["backtest", str(tape)]) == code
    assert main(["report", str(tape.parent)]) == code


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (DataError("x.csv: no trades"), 2, "error: x.csv: no trades"),
        (TouchstoneError("ledger full"), 1, "error: ledger full"),
        (FileNotFoundError(2, "No such file or directory", "gone.tape"), 2, "error: gone.tape: No such file"),
        (ZeroDivisionError("division by zero"), 1, "unexpected ZeroDivisionError"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_errors_are_one_message_without_a_traceback(
    shells: Shells, tape: Path, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, words: str
) -> None:
    shells.error = error
    assert main(["backtest", str(tape)]) == code
    captured = capsys.readouterr()
    assert words in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_debugging_shows_the_traceback(
    shells: Shells, tape: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHSTONE_DEBUG", "1")
    shells.error = ZeroDivisionError()
    assert main(["backtest", str(tape)]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_scenario_in_process_runs_with_its_options(
    shells: Shells, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.toml").write_text("[quoting]\nlevels = 5\n")
    arguments = ["--minutes", "2", "--seed", "9", "--config", "mine.toml", "--session", "here", "--scenario", "thin"]
    assert main(["backtest", *arguments]) == 0
    settings, options = shells.calls[-1][1]
    assert settings.quoting.levels == 5
    assert settings.seed == 9
    assert options == {"scenario": "thin", "minutes": 2.0, "seed": 9, "folder": Path("here")}
    assert "touchstone report here" in capsys.readouterr().err


def test_a_session_trades_with_its_options(shells: Shells, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--minutes", "2", "--seed", "9", "--out", "here", "--scenario", "thin", "--speed", "5"]) == 0
    settings, where, options = shells.calls[-1][1]
    assert settings.seed == where.seed == 9
    assert where.starts == ["--market", "thin", "--coin", "hyna:HYPE"]
    assert where.shows_own_orders
    assert where.speed == 5.0
    assert options == {"minutes": 2.0, "folder": Path("here"), "replaces_models": False}
    assert "touchstone report here" in capsys.readouterr().err


def test_a_session_gets_a_folder_of_its_own_and_the_length_of_the_first_by_default(shells: Shells) -> None:
    assert main(["run"]) == 0
    _, where, options = shells.calls[-1][1]
    assert options["folder"].parent == Path("sessions")
    assert options["minutes"] == 53.0
    assert where.speed == 20.0


def test_the_operator_may_replace_the_models(shells: Shells) -> None:
    assert main(["run", "--replace-models"]) == 0
    assert shells.calls[-1][1][2]["replaces_models"]


def test_a_challenge_needs_a_session_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "changed.toml").write_text("[models]\nintensity_half_life_s = 60.0\n")
    assert main(["challenge", "--config", str(tmp_path / "changed.toml")]) == 2
    assert "name at least one session" in capsys.readouterr().err


def test_paper_differs_by_the_exchange_alone(shells: Shells) -> None:
    assert main(["run", "--paper", "--network", "mainnet"]) == 0
    _, where, options = shells.calls[-1][1]
    assert where.starts == ["--market", "mirror", "https://api.hyperliquid.xyz", "--coin", "hyna:HYPE"]
    assert where.mirrors == "https://api.hyperliquid.xyz"
    assert not where.shows_own_orders
    assert options["minutes"] is None


def test_a_real_network_is_that_of_the_settings(shells: Shells) -> None:
    assert main(["run", "--network", "testnet", "--minutes", "1"]) == 0
    settings, where, _ = shells.calls[-1][1]
    assert settings.account.network == "testnet"
    assert where.starts is None


@pytest.mark.parametrize("arguments", [["run", "--out"], ["backtest", "SOL.tape", "--session"]])
def test_a_session_is_never_written_over(
    shells: Shells, tape: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    (tape.parent / "old").mkdir()
    (tape.parent / "old" / "config.toml").write_text("")
    assert main([*arguments, "old"]) == 2
    assert "never written over" in capsys.readouterr().err
    assert shells.calls == []


@pytest.fixture
def pair(tmp_path: Path) -> list[str]:
    (tmp_path / "a.toml").write_text("seed = 7\n[quoting]\nlevels = 1\n")
    (tmp_path / "b.toml").write_text("seed = 7\n[quoting]\nlevels = 2\n")
    return ["compare", "--a", "a.toml", "--b", "b.toml"]


def test_two_configurations_are_compared_over_seeds_that_count_up(shells: Shells, pair: list[str]) -> None:
    assert main([*pair, "--scenario", "toxic", "--seeds", "3", "--minutes", "2", "--jobs", "2"]) == 0
    name, (a, b, options) = shells.calls[-1]
    assert (name, a.quoting.levels, b.quoting.levels) == ("seeds", 1, 2)
    assert options == {"scenario": "toxic", "seeds": range(7, 10), "minutes": 2.0, "jobs": 2}


def test_two_configurations_are_compared_on_the_market_of_a_tape(
    shells: Shells, pair: list[str], tape: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*pair, "--tape", str(tape), "--tape", "other.tape", "--block", "90", "--json"]) == 0
    name, (a, b, options) = shells.calls[-1]
    assert (name, a.market.coin, b.market.coin) == ("tapes", "SOL", "SOL")
    assert options == {"tapes": [tape, Path("other.tape")], "block_s": 90.0, "jobs": None}
    document = json.loads(capsys.readouterr().out)
    assert (document["a"], document["b"]) == ("a.toml", "b.toml")


def test_a_problem_in_a_compared_run_is_exit_code_1(
    shells: Shells, pair: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    shells.result |= {"problems": ["B, seed 8: position differs"]}
    assert main(pair) == 1
    assert "PROBLEM: B, seed 8" in capsys.readouterr().out


def test_an_error_in_a_compared_configuration_names_which(
    shells: Shells, pair: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b.toml").write_text("[quoting]\nlevel = 2\n")
    assert main(pair) == 2
    assert "error: B: b.toml: unknown key" in capsys.readouterr().err


def test_import_names_the_tape_and_its_quality(
    shells: Shells, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(tmp_path), "--coin", "SOL", "--out", "a.tape"]) == 0
    assert "tape a.tape" in capsys.readouterr().out
    assert main(["import", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["tape"] == "SOL.tape"
    assert document["data_quality"]["rows_read"] == {"trades": 3}


def test_config_commands(shells: Shells, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.toml"
    assert main(["config", "show"]) == 0
    mine.write_text(capsys.readouterr().out)
    assert config.load(mine) == config.Config()
    assert main(["config", "check", "mine.toml"]) == 0
    assert "valid" in capsys.readouterr().out
    assert main(["config", "reference"]) == 0
    assert capsys.readouterr().out == config.reference()
    mine.write_text("[quoting]\nlevel = 1\n")
    assert main(["config", "check", "mine.toml"]) == 2
    assert "did you mean [quoting] levels?" in capsys.readouterr().err
