"""Backtests and sessions in the reactive market: runs under several assumptions, put together into one result."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from touchstone.backtest import scenario as scenarios
from touchstone.backtest.reactive import Reactive
from touchstone.backtest.replay import Replay
from touchstone.backtest.scenario import Scenario
from touchstone.backtest.shell import Progress, Shell
from touchstone.config import Config
from touchstone.core.conventions import NS
from touchstone.core.trading import breakers
from touchstone.data.tape import Tape, open_tape
from touchstone.data.units import Coin, coin_of
from touchstone.session import result, warm
from touchstone.session.log import SessionLog
from touchstone.session.report import leave_report
from touchstone.session.sinks import Alerts, Sinks, Truth
from touchstone.session.store import LOG, Journaling, SessionStore

DECIDED = ("ADDS VALUE", "HARMFUL", "FIXABLE")
SIZE_DECIMALS = 2  # of the empty market that is compiled with; the compiled code is the same for all

Say = Callable[[str], None]


def no_progress(done: int, total: int) -> None:
    """For callers that show none."""


def compile_ahead(say: Say, market: Scenario | None = None) -> float:
    """Compile (or load) all that a run and its result need, before its first event; the seconds that it took.

    market: the scenario that will be run in, None for a tape.
    """
    return warm.compile_ahead(say, "reactive_loop.run" if market else "loop.run", lambda: _run_nothing(market))


def _run_nothing(market: Scenario | None) -> None:
    """A run without an event, and its result."""
    settings = Config()
    shell: Shell
    if market:
        shell = session = Reactive(settings, SIZE_DECIMALS, market, seed=settings.seed)
        session.run(0.0)
    else:
        shell = replay = Replay(settings, SIZE_DECIMALS)
        replay.end()
    result.headline(shell, settings, None)
    result.problems(shell, Alerts())


def backtest(
    path: Path, config: Config, *, progress: Progress, session: Path | None = None, say: Say | None = None
) -> dict[str, Any]:
    """Replay a tape as configured, then with the pessimistic queue and at 0x and 2x the latency; the documented result.

    A verdict that the pessimistic queue does not confirm becomes NOT PROVEN. `session`: folder to keep the run in; its
    log's calibration lines are also given to `say`.
    Raises DataError for an unusable tape.
    """
    tape = open_tape(path)
    steps = _Steps(progress, 4)
    replay = Replay(config, tape.meta.sz_decimals)

    def finish(seconds: float, sinks: Sinks) -> dict[str, Any]:
        made = result.whole(replay, config, sinks, seconds)
        made["span_s"] = (tape.meta.last_exch_ns - tape.meta.first_exch_ns) / NS
        made["data_quality"] = tape.meta.quality
        made["variants"] = _variants(tape, config, steps)
        _confirm(made)
        return made

    return _keep(replay, config, tape.coin, session, say, lambda: replay.run(tape, steps.of(0)), finish)


def run_scenario(
    config: Config,
    scenario: Scenario | str,
    *,
    minutes: float,
    seed: int,
    folder: Path | None = None,
    progress: Progress = no_progress,
    variants: bool = False,
    say: Say | None = None,
    evidence: bytes = b"",
) -> dict[str, Any]:
    """Trade `minutes` in the reactive market of a scenario (or its name); the documented result (docs/json.md).

    seed: of the market. Runs with one seed meet the same latent price and the same wishes of every other trader,
    whatever the configuration does: paired differences are ours. The trader's own chance follows `config.seed`.
    folder: where to keep the session (configuration, journal, database with table `truth`, result); None keeps nothing.
    say: hears the calibration lines of a session that is kept.
    variants: also run at 0x and 2x the latency (the result's `variants`; empty without).
    evidence: what the models of an earlier session left (session/carry.py), to start with.
    Raises ScenarioError for an unknown name, DataError for a coin whose size decimals are not known.
    """
    the_scenario = scenarios.load(scenario) if isinstance(scenario, str) else scenario
    coin = coin_of(config.market.coin)
    steps = _Steps(progress, 3 if variants else 1)
    session = Reactive(config, coin.sz_decimals, the_scenario, seed=seed, evidence=evidence)
    truth = Truth()
    session.sinks.append(truth)

    def finish(seconds: float, sinks: Sinks) -> dict[str, Any]:
        made = result.whole(session, config, sinks, seconds)
        made["span_s"] = minutes * 60.0
        made["scenario"] = {"name": the_scenario.name, "hash": the_scenario.hash, "seed": seed}
        made["assumptions"]["queue_model"] = None  # our orders are matched
        made["truth"] = truth.summary()
        made["informed_fills"] = truth.informed()
        made["totals"] |= _known(session, truth)
        made["problems"] += _problems_of_market(session)
        if variants:
            for number, (name, factor) in enumerate((("latency_0x", 0.0), ("latency_2x", 2.0)), 1):
                other = Reactive(
                    config, coin.sz_decimals, the_scenario, seed=seed, latency_factor=factor, digest=False
                )
                other.run(minutes, steps.of(number))
                made["variants"][name] = result.headline(other, config, None)
        return made

    return _keep(session, config, coin, folder, say, lambda: session.run(minutes, steps.of(0)), finish)


def sums_of_scenario(
    config: Config, scenario: Scenario | str, *, minutes: float, seed: int, evidence: bytes = b""
) -> dict[str, Any]:
    """What `run_scenario` tells of the sums: `totals`, whether `killed`, `problems`, `digest`.

    Comparisons ask for no more, and the intervals of a result take ten times as long as its session.
    """
    the_scenario = scenarios.load(scenario) if isinstance(scenario, str) else scenario
    decimals = coin_of(config.market.coin).sz_decimals
    session = Reactive(config, decimals, the_scenario, seed=seed, evidence=evidence)
    truth, alerts = Truth(), Alerts()
    session.sinks += [truth, alerts]
    session.run(minutes)
    return {
        "totals": result.totals(session, config) | _known(session, truth),
        "killed": int(session.state.risk.state) == int(breakers.KILLED),
        "problems": result.problems(session, alerts) + _problems_of_market(session),
        "digest": session.digest(),
    }


def _known(session: Reactive, truth: Truth) -> dict[str, Any]:
    """Totals that only the market knows: fills of informed takers, and what the latent price made of the position."""
    return {"informed": truth.informed_fills, "drift": truth.drift(float(session.world[0].latent.px))}


def _problems_of_market(session: Reactive) -> list[str]:
    """What would make a run in the reactive market unsound, in words."""
    world = session.world[0]
    lost = (
        (int(world.n_truth_lost), "fills whose truth was lost"),
        (int(world.feed.n_overflow), "market rows that found no room"),
        (int(session.venue[0].n_overflow), "requests or answers that found no room"),
    )
    found = [f"{count} {what}" for count, what in lost if count]
    if int(world.book.position.sum()) or int(world.book.cash.sum()):
        found.append("sizes or money of all traders together do not add up to zero")
    return found


def _keep(
    shell: Shell,
    config: Config,
    coin: Coin,
    folder: Path | None,
    say: Say | None,
    run: Callable[[], None],
    finish: Callable[[float, Sinks], dict[str, Any]],
) -> dict[str, Any]:
    """Run, make the result, and keep the session where a folder is given."""
    sinks = Sinks()
    shell.sinks += [sinks.outcomes, sinks.alerts, sinks.leadlag]
    store = SessionStore(folder, config, coin) if folder else None
    log = SessionLog(folder / LOG, say, mi_decay=sinks.leadlag.decay_per_day) if folder else None
    try:
        if store and log:
            store.begin(shell.machine["state"].tobytes())
            shell.sinks += [Journaling(store), store, log]
        started = time.perf_counter()
        run()
        made = finish(time.perf_counter() - started, sinks)
        if store:
            store.finish(shell.machine["state"].tobytes(), made)
    finally:
        for sink in (store, log):
            if sink:
                sink.close()
    if folder:
        leave_report(folder, say)
    return made


class _Steps:
    """Progress over several runs of one length."""

    def __init__(self, progress: Progress, runs: int) -> None:
        self._progress = progress
        self._runs = runs

    def of(self, number: int) -> Progress:
        return lambda done, total: self._progress(number * total + done, self._runs * total)


def _variants(tape: Tape, config: Config, steps: _Steps) -> dict[str, Any]:
    """The headline under other assumptions about the exchange."""
    pessimistic = config.model_copy(
        update={"exchange": config.exchange.model_copy(update={"queue_model": "risk_averse"})}
    )
    runs = (
        ("pessimistic_queue", pessimistic, 1.0),
        ("latency_0x", config, 0.0),
        ("latency_2x", config, 2.0),
    )
    made = {}
    for number, (name, settings, factor) in enumerate(runs, 1):
        replay = Replay(settings, tape.meta.sz_decimals, latency_factor=factor, digest=False)
        replay.run(tape, steps.of(number))
        made[name] = result.headline(replay, settings, None)
    return made


def _confirm(made: dict[str, Any]) -> None:
    """Verdicts on a simulated queue stand only if the pessimistic queue gives the same."""
    other = made["variants"]["pessimistic_queue"]["models"]
    for name, model in made["models"].items():
        model["verdict_chosen_queue"] = model["verdict"]
        if model["verdict"] in DECIDED and other[name]["verdict"] != model["verdict"]:
            model["verdict"] = "NOT PROVEN"
