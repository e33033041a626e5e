"""The `touchstone` command. What needs the compiler is imported inside the command that needs it."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter, validators

from touchstone import __version__, config
from touchstone.cli import operator, output
from touchstone.cli.alerts import alerts_app
from touchstone.cli.challenge import challenge
from touchstone.cli.dashboard import dashboard
from touchstone.cli.doctor import doctor
from touchstone.cli.exchange import exchange
from touchstone.cli.export import export
from touchstone.cli.keys import keys_app
from touchstone.cli.replay import replay
from touchstone.cli.report import report
from touchstone.cli.run import run

app = App(
    name="touchstone",
    help="A market maker for Hyperliquid perpetuals that measures itself.",
    help_epilogue="Exit codes: 0 ok, 1 ran and found a problem, 2 wrong usage or configuration, 3 venue refused or "
    "unreachable, 4 killed by risk.",
    version=__version__,
    suppress_keyboard_interrupt=False,
    help_format="plaintext",
)
config_app = App(name="config", help="Show, check and explain the configuration.", help_format="plaintext")
app.command(config_app)
app.command(run)
app.command(exchange)
app.command(replay)
app.command(challenge)
app.command(report)
app.command(export)
app.command(keys_app)
app.command(doctor)
app.command(dashboard)
app.command(alerts_app)
for operated, command in operator.COMMANDS:
    app.command(command, name=operated)

Json = Annotated[bool, Parameter(name="--json", negative=())]
ComparedConfig = Annotated[Path, Parameter(negative=())]
ConfigFile = Annotated[Path | None, Parameter(name="--config")]


@app.command(name="import")
def import_(
    path: Path,
    *,
    coin: str | None = None,
    out: Path | None = None,
    sz_decimals: Annotated[int | None, Parameter(validator=validators.Number(gte=0, lte=6))] = None,
    json: Json = False,
) -> int:
    """Turn a recording into a tape, and say what was wrong with it.

    Parameters
    ----------
    path
        Recording of Hyperliquid: a folder or a file of one; raw lines of Binance (several files that follow each
        other by the common start of their names), which become a reference venue; a LOBSTER archive. Or the folder of
        a session: what it heard of its market.
    coin
        Coin (or Binance symbol) to take, where the recording holds several.
    out
        Tape to write; by default named after the recording, in the working folder.
    sz_decimals
        Decimals of the coin's sizes, where they are not known; finer sizes of Binance are rounded to them.
    json
        Print the quality report as JSON.
    """
    tape, quality = _import(path, coin, out, sz_decimals)
    if json:
        output.print_json({"tape": tape, "data_quality": quality})
    else:
        from touchstone.insight.data_tables import data_table

        console = output.stdout()
        console.print(f"tape {tape}", markup=False, soft_wrap=True)
        console.print(data_table({"data_quality": quality}))
    return output.OK


@app.command
def backtest(
    path: Path | None = None,
    *,
    scenario: str | None = None,
    minutes: Annotated[float, Parameter(validator=validators.Number(gt=0, lte=100_000))] = 53.0,
    seed: Annotated[int | None, Parameter(validator=validators.Number(gte=0))] = None,
    coin: str | None = None,
    config_file: ConfigFile = None,
    session: Path | None = None,
    sz_decimals: Annotated[int | None, Parameter(validator=validators.Number(gte=0, lte=6))] = None,
    json: Json = False,
) -> int:
    """Replay a recording with our orders in it, or trade in a simulated market that reacts to them, and report.

    Parameters
    ----------
    path
        A tape, or a recording (imported for this run only; `touchstone import` keeps the tape).
    scenario
        Instead of a recording, what the market is like: calm, normal, volatile, cascade, thin, lag_0.1, lag_0.3,
        lag_0.55, or a file.
    minutes
        Length of a run in a scenario, in market time.
    seed
        Seed of a scenario's market and of the trader's own chance; by default the configuration's.
    coin
        Coin to take, where the recording holds several.
    config_file
        Configuration file (TOML); defaults where it says nothing.
    session
        Folder to keep the session in; nothing is kept without it.
    sz_decimals
        Decimals of the coin's sizes, where they are not known.
    json
        Print the result as JSON instead of the report.
    """
    settings = config.load(config_file)
    if session is not None:
        output.refuse_existing(session)
    if (path is None) == (scenario is None):
        raise output.WrongUseError("give either a recording to replay or --scenario: one of the two")
    if scenario is not None:
        result = _in_scenario(settings, scenario, minutes, seed, session)
    else:
        assert path is not None
        result = _on_tape(settings, path, coin, sz_decimals, session)
    if session is not None:
        output.say(f"session in {session}; again with: touchstone report {session}")
    return output.show(result, json)


def _in_scenario(
    settings: config.Config, scenario: str, minutes: float, seed: int | None, session: Path | None
) -> dict[str, Any]:
    from touchstone.backtest import scenario as scenarios
    from touchstone.backtest.runner import compile_ahead, run_scenario

    if seed is not None:
        settings = settings.model_copy(update={"seed": seed})
    market = scenarios.load(scenario)
    compile_ahead(output.say, market)
    with output.progress(f"{settings.market.coin}, {market.name}, {minutes:g} min") as progress:
        return run_scenario(
            settings,
            market,
            minutes=minutes,
            seed=settings.seed,
            folder=session,
            progress=progress,
            variants=True,
            say=output.say,
        )


def _on_tape(
    settings: config.Config, path: Path, coin: str | None, sz_decimals: int | None, session: Path | None
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="touchstone-") as temporary:
        tape = path
        if not _is_tape(path):
            tape, _ = _import(path, coin, Path(temporary) / "recording.tape", sz_decimals)
        _refuse_reference(path, tape)
        settings = _for_market_of(settings, tape)
        from touchstone.backtest.runner import backtest as replay
        from touchstone.backtest.runner import compile_ahead

        compile_ahead(output.say)
        with output.progress(settings.market.coin) as progress:
            return replay(tape, settings, progress=progress, session=session)


@app.command
def compare(
    *,
    a: ComparedConfig | None = None,
    b: ComparedConfig | None = None,
    ablate: str | None = None,
    scenario: str = "normal",
    tape: Annotated[list[Path] | None, Parameter(negative=())] = None,
    seeds: Annotated[int, Parameter(validator=validators.Number(gte=2, lte=10_000))] = 16,
    minutes: Annotated[float, Parameter(validator=validators.Number(gt=0, lte=100_000))] = 60.0,
    block: Annotated[float, Parameter(validator=validators.Number(gte=20, lte=86_400))] = 60.0,
    jobs: Annotated[int | None, Parameter(validator=validators.Number(gte=1, lte=1_024))] = None,
    json: Json = False,
) -> int:
    """Run two configurations on the same markets and say what B changes, with what certainty.

    Without a tape it is in the reactive market of a scenario, a pair of runs a seed.

    Parameters
    ----------
    a
        Configuration file (TOML) to compare with; with --ablate the whole one, by default all defaults.
    b
        Configuration file (TOML) to judge.
    ablate
        Instead of a second configuration: a model of [models] to switch off, or `all` of them one by one.
    scenario
        Scenario of the market.
    tape
        Tape to run both on instead; may be given several times. One tape is one pair, resampled by time blocks.
    seeds
        Number of pairs; their seeds count up from the configuration's.
    minutes
        Length of each run in market time.
    block
        Shortest time block of a single tape, seconds; longer than a position is held, and at least twice 10 s.
    jobs
        Runs at once; by default one a core.
    json
        Print the result as JSON instead of the report.
    """
    if ablate is not None:
        if b is not None or tape:
            raise output.WrongUseError("--ablate compares --a with itself in a scenario: it takes no --b and no --tape")
        return _ablate(a, ablate, scenario, seeds, minutes, jobs, json)
    if a is None or b is None:
        raise output.WrongUseError("give both --a and --b, or --ablate MODEL")
    config_a, config_b = _load_compared(a, "A"), _load_compared(b, "B")
    from touchstone.backtest.compare import compare_seeds, compare_tapes
    from touchstone.backtest.runner import compile_ahead
    from touchstone.backtest.scenario import load as load_scenario

    compile_ahead(output.say, None if tape else load_scenario(scenario))
    with output.progress(f"{config_a.market.coin}, A and B") as progress:
        if tape:
            for each in tape:
                _refuse_reference(each, each)
            config_a, config_b = (_for_market_of(each, tape[0]) for each in (config_a, config_b))
            document = compare_tapes(config_a, config_b, tape, block_s=block, progress=progress, jobs=jobs)
        else:
            numbers = range(config_a.seed, config_a.seed + seeds)
            document = compare_seeds(
                config_a,
                config_b,
                scenario=scenario,
                seeds=numbers,
                minutes=minutes,
                progress=progress,
                jobs=jobs,
            )
    document = {"a": a, "b": b} | document
    if json:
        output.print_json(document)
    else:
        from touchstone.insight.comparison import print_comparison

        print_comparison(output.plain(document), output.stdout())
    return output.exit_code_of(document)


def _ablate(
    path: Path | None, models: str, scenario: str, seeds: int, minutes: float, jobs: int | None, json: bool
) -> int:
    settings = config.load(None) if path is None else _load_compared(path, "A")
    if models == "all":
        named = [name for name in config.SWITCHES if getattr(settings.models, name)]
    else:
        named = models.split(",")
    from touchstone.backtest import compare as comparing
    from touchstone.backtest.runner import compile_ahead
    from touchstone.backtest.scenario import load as load_scenario

    for name in named:
        comparing.without(settings, name)  # refused before anything is compiled
    compile_ahead(output.say, load_scenario(scenario))
    with output.progress(f"{settings.market.coin}, without {', '.join(named)}") as progress:
        document = {"a": path} | comparing.ablate(
            settings,
            named,
            scenario=scenario,
            seeds=range(settings.seed, settings.seed + seeds),
            minutes=minutes,
            progress=progress,
            jobs=jobs,
        )
    if json:
        output.print_json(document)
    else:
        from touchstone.insight.ablation import print_ablation

        print_ablation(output.plain(document), output.stdout())
    return output.exit_code_of(document)


@config_app.command
def show(config_file: Path | None = None) -> int:
    """Print a whole configuration as TOML: the defaults, or a file with the defaults filled in.

    Parameters
    ----------
    config_file
        Configuration file (TOML).
    """
    sys.stdout.write(config.to_toml(config.load(config_file)))
    return output.OK


@config_app.command
def check(config_file: Path) -> int:
    """Check a configuration file and print what follows from it.

    Parameters
    ----------
    config_file
        Configuration file (TOML).
    """
    settings = config.load(config_file)
    market = settings.market
    output.stdout().print(
        f"{config_file} is valid: {market.coin}, money in {market.currency}, fees {settings.maker_fee_bps:g} maker and "
        f"{settings.taker_fee_bps:g} taker bps, largest position {settings.max_position_notional:,g} {market.currency}",
        markup=False,
    )
    return output.OK


@config_app.command
def reference() -> int:
    """Print the configuration reference as Markdown (docs/configuration.md is this output)."""
    sys.stdout.write(config.reference())
    return output.OK


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (without the program's name; by default the process's own) and return its exit code."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        words = " ".join(token for token in tokens[:2] if not token.startswith("-") and token in _COMMANDS)
        output.complain(f"{error}\nSee: touchstone {words}{' ' if words else ''}--help")
        return output.WRONG_USE
    except (Exception, KeyboardInterrupt) as error:
        return output.explain(error)
    return code if isinstance(code, int) else output.OK


_COMMANDS = frozenset(
    "run exchange import backtest challenge compare report export config show check reference keys new doctor "
    "dashboard alerts test".split()
) | {name for name, _ in operator.COMMANDS}


def _load_compared(path: Path, name: str) -> config.Config:
    try:
        return config.load(path)
    except config.ConfigError as error:
        raise config.ConfigError(f"{name}: {error}") from error


def _refuse_reference(path: Path, tape: Path) -> None:
    from touchstone.data.tape import open_tape

    if open_tape(tape, verify=False).meta.details.get("role") == "reference":
        raise output.WrongUseError(
            f"{path} holds a reference venue only: nothing is traded there; backtest a recording of the market itself"
        )


def _is_tape(path: Path) -> bool:
    from touchstone.data.tape import is_tape

    return path.is_file() and is_tape(path)


def _import(path: Path, coin: str | None, out: Path | None, sz_decimals: int | None) -> tuple[Path, dict[str, Any]]:
    if (path / "events").is_dir():
        from touchstone.session import heard

        tape = out or Path(f"{path.name}.tape")
        count = heard.tape_of(path, tape)
        return tape, {"rows_read": {"journal": count}, "rows_kept": {"journal": count}}

    from touchstone.data.catalogue import import_path

    tape, quality = import_path(path, coin=coin, out=out, sz_decimals=sz_decimals)
    return tape, quality.as_dict()


def _for_market_of(settings: config.Config, tape: Path) -> config.Config:
    """The configuration for the market that a tape holds: its coin and dex decide fees and collateral."""
    from touchstone.data.tape import open_tape

    meta = open_tape(tape, verify=False).meta
    coin = f"{meta.dex}:{meta.coin}" if meta.dex and ":" not in meta.coin else meta.coin
    market = config.Market(coin=coin or settings.market.coin, collateral=meta.collateral)
    return settings.model_copy(update={"market": market})


if __name__ == "__main__":
    sys.exit(main())
