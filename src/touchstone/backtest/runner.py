"""Backtests and generated sessions: replays under several assumptions, put together into one result."""

import time
from pathlib import Path
from typing import Any

from touchstone.backtest import result
from touchstone.backtest.replay import Progress, Replay
from touchstone.backtest.store import SessionStore
from touchstone.config import Config
from touchstone.core.conventions import NS
from touchstone.data.tape import Tape, open_tape

DECIDED = ("ADDS VALUE", "HARMFUL", "FIXABLE")


def backtest(path: Path, config: Config, *, progress: Progress, session: Path | None = None) -> dict[str, Any]:
    """Replay a tape as configured, then with the pessimistic queue and at 0x and 2x the latency; the documented result.

    A verdict that the pessimistic queue does not confirm becomes NOT PROVEN. `session`: folder to keep the run in.
    Raises DataError for an unusable tape.
    """
    tape = open_tape(path)
    steps = _Steps(progress, len(tape), 4)
    outcomes, alerts = result.Outcomes(), result.Alerts()
    replay = Replay(config, tape.meta.sz_decimals)
    replay.sinks += [outcomes, alerts]
    store = SessionStore(session, config, tape.coin) if session else None
    try:
        if store:
            replay.sinks.append(store)
        started = time.perf_counter()
        replay.run(tape, steps.of(0))
        seconds = time.perf_counter() - started
        made = _result(replay, config, tape, outcomes, alerts, seconds)
        made["variants"] = _variants(tape, config, steps)
        _confirm(made)
        if store:
            store.finish(replay.machine["state"].tobytes(), made)
    finally:
        if store:
            store.close()
    return made


def run_session(config: Config, *, minutes: float, seed: int, folder: Path, progress: Progress) -> dict[str, Any]:
    """A session over a generated market, kept in `folder`: the tape, the journal, the database, the result."""
    from touchstone.data.generate import generate
    from touchstone.data.units import coin_of

    folder.mkdir(parents=True, exist_ok=True)
    tape = generate(folder / "market.tape", coin_of(config.market.coin), minutes=minutes, seed=seed)
    return backtest(tape, config, progress=progress, session=folder)


class _Steps:
    """Progress over several replays of one tape."""

    def __init__(self, progress: Progress, rows: int, replays: int) -> None:
        self._progress = progress
        self._rows = rows
        self._total = rows * replays

    def of(self, number: int) -> Progress:
        return lambda done, _: self._progress(number * self._rows + done, self._total)


def _result(
    replay: Replay, config: Config, tape: Tape, outcomes: result.Outcomes, alerts: result.Alerts, seconds: float
) -> dict[str, Any]:
    risk, quoting = result.standing(replay)
    state = replay.state
    return {
        "coin": config.market.coin,
        "currency": config.market.currency,
        "events": len(tape),
        "events_per_s": len(tape) / seconds if seconds > 0 else None,
        "span_s": (tape.meta.last_exch_ns - tape.meta.first_exch_ns) / NS,
        "orders": int(state.orders.n_placed + state.orders.n_amended),
        **result.headline(replay, config, outcomes),
        "markouts": result.markouts(state),
        "quotes": result.quotes(replay),
        "not_quoting_s": result.not_quoting(state),
        "quoting": quoting,
        "risk": risk,
        "alerts": dict(alerts.counts),
        "counters": _counters(replay),
        "assumptions": {
            "queue_model": config.exchange.queue_model,
            "latency": config.exchange.latency,
            "order_latency_median_ms": config.exchange.order_latency_median_ms,
        },
        "data_quality": tape.meta.quality,
        "problems": result.problems(replay, alerts),
        "digest": replay.digest(),
    }


def _counters(replay: Replay) -> dict[str, int]:
    """Every drop, clamp, skip and eviction that was counted, by place; only those that are not zero."""
    found: dict[str, int] = {}
    _collect(replay.state, "core", found)
    _collect(replay.venue[0], "exchange", found)
    return found


_TELLING = (
    *("late", "outside", "crossed", "off_grid", "clamped", "capped", "scaled", "skipped", "dropped", "beyond_book"),
    *("evicted", "full", "unmatched", "duplicates", "invalid", "no_mid", "moved_off_touch", "rate_limited", "missed"),
    *("no_room", "not_tracked", "time_back", "unsound", "bad", "overflow", "refused", "too_old", "mismatches", "lost"),
)


def _collect(record: Any, prefix: str, found: dict[str, int]) -> None:
    for name in record.dtype.names:
        kind = record.dtype[name]
        if kind.names:
            _collect(record[name], f"{prefix}.{name}", found)
        elif name.startswith("n_") and not kind.shape and name[2:].endswith(_TELLING) and int(record[name]):
            found[f"{prefix}.{name}"] = int(record[name])


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
