"""A whole live session as a command runs it: where, for whom, with what; then trade; then leave nothing behind."""

import asyncio
import contextlib
import hashlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from touchstone import config as configuration
from touchstone.clients.hyperliquid import Market, account
from touchstone.config import Config
from touchstone.core import events
from touchstone.core.jit import source_hash
from touchstone.core.trading import breakers
from touchstone.data.units import Coin
from touchstone.live import cancel, challenger, deadman, flatten, keys, resume, warm
from touchstone.live.challenger import Chosen, Places
from touchstone.live.clock import monotonic_s, wall_ns
from touchstone.live.control import Control
from touchstone.live.desk import Kill, write_whole
from touchstone.live.local_exchange import LocalExchange
from touchstone.live.operator import Operator
from touchstone.live.publish import Publisher
from touchstone.live.reference import follow
from touchstone.live.resume import About
from touchstone.live.session import Ends, Session, Start, subscriptions
from touchstone.live.status import line, status
from touchstone.live.warnings import quota_warning
from touchstone.live.where import Where
from touchstone.live.work import Work, work_of
from touchstone.session import carry, result
from touchstone.session.challenge import WINS
from touchstone.session.log import SessionLog
from touchstone.session.report import leave_report
from touchstone.session.sinks import Sinks
from touchstone.session.store import LOG, SessionStore

MICRO = 1_000_000
LOOK_S = 1.0  # of the wall, between two looks at how the session stands

Say = Callable[[str], None]


async def trade(
    config: Config, where: Where, *, minutes: float | None, folder: Path, say: Say, show: Say,
    begins: Callable[[Path], None] = lambda folder: None, replaces_models: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Trade until the time is over (None: until a signal) and return the documented result (docs/json.md).

    folder: of the session, where it begins a new one. `say` hears what happened, `show` how the session stands,
    `begins` its folder as soon as it is there. replaces_models: trade with the [models] of `config` even where others
    have the market's record.
    """
    if where.starts is None:
        configuration.check_may_trade(config, config.account.network)
    async with AsyncExitStack() as stack:
        compiling = asyncio.create_task(asyncio.to_thread(warm.compile_ahead, say))
        if where.starts is not None:
            exchange = await LocalExchange.start(where.starts, speed=where.speed, seed=where.seed, say=say)
            stack.push_async_callback(exchange.stop)
            here = config.account.model_copy(update={"network": "local", "url": exchange.url})
            config = config.model_copy(update={"account": here})
        await compiling
        work = await stack.enter_async_context(work_of(config, where, say))
        chosen = challenger.choose(_places(work), work.config, replaces=replaces_models)
        work = replace(work, config=chosen.config)
        return await _trade(work, chosen, minutes=minutes, folder=folder, say=say, show=show, begins=begins)


async def _trade(
    work: Work, chosen: Chosen, *, minutes: float | None, folder: Path, say: Say, show: Say,
    begins: Callable[[Path], None],
) -> dict[str, Any]:  # fmt: skip
    """One session, from the account's lock to its result."""
    began_s = monotonic_s()
    toml = configuration.to_toml(work.config)
    network, coin = work.client.network, work.market.coin
    going_on = resume.unfinished(work.desk, network=network.name, url=network.url, coin=coin, config_toml=toml)
    if going_on:
        folder = going_on[0]
    with work.lock(folder):
        about = going_on[1] if going_on else await _about(work)
        store = SessionStore(folder, work.config, _coin(work.market), goes_on=going_on is not None)
        sinks = Sinks()
        log_of = SessionLog(folder / LOG, say, mi_decay=sinks.leadlag.decay_per_day)
        with contextlib.closing(store), contextlib.closing(log_of) as log:
            cover = await _cover(work, folder, say)
            session = _session(work, about, store, cover.kind, say)
            session.trader.sinks += [sinks.outcomes, sinks.alerts, sinks.leadlag, store]
            if going_on:
                say(f"going on with {folder}, which did not end by itself")
                resume.load_start(session.trader, store.start)
                retraced = resume.retrace(session.trader, folder, session.recovery)
                store.drop_ahead()
                say(f"{retraced.n_events:,} events from the journal: the core stands where it stood")
                is_cleared = work.desk.n_cleared(folder) > retraced.n_cleared
                await session.wake([*([events.COMMAND_CLEAR] if is_cleared else []), *retraced.again])
            else:
                session.begin()
                _take_over(work, session, say)
                about.write(folder)
                store.begin(session.trader.machine["state"].tobytes())
                work.desk.set_last_session(coin, folder.resolve())
            session.trader.sinks.append(log)
            begins(folder)
            async with _challenger(work, chosen, session, folder, log.warn) as beside:
                try:
                    ends = await _live(
                        work, session, cover, minutes=minutes, folder=folder, say=say, show=show, warn=log.warn,
                        alerts=sinks.alerts.counts,
                    )  # fmt: skip
                finally:
                    await cover.stop()
                if session.failure is not None:
                    raise session.failure
                made = _result(work, session, sinks, monotonic_s() - began_s, ends, folder)
                if beside is not None:
                    store.journal.flush()
                    made["challenger"] = await beside.stop()
                    _tell_of_win(work, made["challenger"], folder, log.warn)
            store.finish(session.trader.machine["state"].tobytes(), made)
            _keep(work, session)
    leave_report(folder, say)
    return made


@contextlib.asynccontextmanager
async def _challenger(
    work: Work, chosen: Chosen, session: Session, folder: Path, warn: Say
) -> AsyncIterator[challenger.Beside | None]:
    """The challenger's process, where there is a challenger; it does not outlive the session."""
    if chosen.words:
        warn(chosen.words)
    if chosen.took_over:
        work.desk.note("challenger took over", wall_ns(), session=str(folder), models=chosen.words)
    places = _places(work)
    if places is None or chosen.changed is None:
        yield None
        return
    beside = challenger.Beside(places, chosen, folder, warn)
    await beside.start(work.clock.now_ns())
    session.challenger = beside.look
    try:
        yield beside
    finally:
        await beside.kill()


def _tell_of_win(work: Work, standing: dict[str, Any], folder: Path, warn: Say) -> None:
    """A challenger that has won takes over at the next start: the operator is told, and the desk's log has it."""
    if standing["verdict"] == WINS and standing["kept"]:
        warn("the challenger has won: at the next start with the same configuration it takes over")
        work.desk.note("challenger won", wall_ns(), session=str(folder), changed=standing["changed"])


async def _about(work: Work) -> About:
    """Nothing of the account rests, and so the position stands still: that is where a session begins."""
    await _clear(work)
    standing = await account.standing(work.client, work.market)
    network = work.client.network
    time_ms = max(standing.time_ms or 0, await _newest_fill_ms(work))
    words = f"{network.url} {work.client.account} {work.market.coin} {work.clock.now_ns()}"
    tag = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    return About(
        network=network.name, url=network.url, account=work.client.account, coin=work.market.coin, cloid_tag=tag,
        position=standing.size, time_ms=time_ms,
    )  # fmt: skip


async def _clear(work: Work) -> None:
    """Cancel whatever rests of an earlier time in the coin."""
    market, speed = work.market, work.clock.speed
    cancelled = await cancel.cancel_all(
        work.client, market.dex, coin=market.coin, sleep=lambda seconds: asyncio.sleep(seconds / speed)
    )
    if not cancelled.is_none_left:
        raise cancel.NotCancelledError("orders of an earlier time are still open; nothing is started beside them")


async def _newest_fill_ms(work: Work) -> int:
    """Time of the newest fill that is in the position."""
    since_ms = work.clock.now_ms() - 60_000
    fills = await account.fills_since(work.client, work.market, since_ms)
    return fills[-1].time if fills else 0


def _session(work: Work, about: About, store: SessionStore, cover: deadman.Kind, say: Say) -> Session:
    session = Session(
        work.client, work.config, Start(work.market, about.position, about.time_ms), work.clock,
        journal=store.journal, cloid_tag=about.cloid_tag,
        expires_after_ms=round(1e3 * work.config.live.expires_after_s),
        shows_own_orders=work.where.shows_own_orders, is_simulated=not work.where.shows_own_orders,
        at_rest=lambda state: store.checkpoint(state.tobytes()) if store.journal.is_full else None, say=say,
    )  # fmt: skip
    _cap(session, work, cover)
    return session


def _cap(session: Session, work: Work, cover: deadman.Kind) -> None:
    """The notional caps of [live], over all other limits; of resting orders where nobody outside would cancel them."""
    params, live = session.trader.state.params, work.config.live
    if live.max_notional > 0:
        most = round(live.max_notional * MICRO)
        params.max_position_notional = min(int(params.max_position_notional), most)
        params.limits.position_notional = min(int(params.limits.position_notional), most)
    resting = deadman.resting_cap(live, cover)
    if resting is not None and work.where.starts is None:  # an exchange of our own ends with us
        params.limits.open_notional = min(int(params.limits.open_notional), round(resting * MICRO))


def _coin(market: Market) -> Coin:
    return Coin(market.coin, market.sz_decimals, market.collateral)


def _places(work: Work) -> Places | None:
    """Where what the models learn is kept; None for a simulated market, which is not the same the next time."""
    if work.where.starts is not None and work.where.mirrors is None:
        return None
    return Places(work.desk, work.market.coin, work.where.mirrors or work.client.network.url)


def _take_over(work: Work, session: Session, say: Say) -> None:
    """What the models of earlier sessions have learned and earned."""
    places = _places(work)
    if places is not None and (path := places.evidence(work.config)).exists():
        took = carry.unpack(session.trader.state, path.read_bytes(), work.clock.now_ns())
        say(f"evidence of earlier sessions from {path}" if took else f"{path} does not fit this session: left out")


def _keep(work: Work, session: Session) -> None:
    """What they have learned here; from now on they are the incumbent."""
    if (places := _places(work)) is not None:
        write_whole(places.evidence(work.config), carry.pack(session.trader.state))
        places.set_incumbent(work.config.models)


async def _live(
    work: Work, session: Session, cover: deadman.Cover, *,
    minutes: float | None, folder: Path, say: Say, show: Say, warn: Say, alerts: dict[str, int],
) -> Ends:  # fmt: skip
    """Trade until the end, whatever it is; every order is gone when this returns. Why it ended."""
    client, clock, config = work.client, work.clock, work.config
    await client.start(session, subscriptions(client.account, work.market))
    if int(session.trader.state.profit.position) == 0:
        await session.set_leverage(
            min(config.live.leverage, work.market.max_leverage),
            is_cross=config.live.margin_mode == "cross" and not work.market.only_isolated,
        )
    control = Control(work.desk.folder, Operator(session, lambda: _flatten(work, say)), say)
    await control.start()
    end_ns = None if minutes is None else clock.now_ns() + round(minutes * 60e9)
    publisher = Publisher(session, config, alerts, folder, _fixed(work))
    watching = asyncio.create_task(_watch(session, cover, publisher, config.market.currency, show, warn))
    publishing = asyncio.create_task(publisher.publish())
    reference = follow(
        config, client.network, work.market, session, is_mirror=work.where.mirrors is not None, say=say
    )
    asyncio.get_running_loop().set_exception_handler(lambda _, context: session.fail(_error_of(context)))
    with _signals(session):
        try:
            session.go()
            if reference is not None:
                await reference.start()
            ends = await session.until(end_ns)
            if ends.by_risk:  # first of all: it must hold whatever happens from here on
                _latch(work, session, folder, ends.reason)
            say(f"ending: {ends.reason}")
        finally:
            watching.cancel()
            publishing.cancel()
            session.standing = result.standing(session.trader)
            if reference is not None:
                await reference.stop()
            await control.stop()
            await session.finish()
    if ends.by_risk and config.live.on_kill == "flatten":
        await _flatten(work, say)
    return ends


async def _cover(work: Work, folder: Path, say: Say) -> deadman.Cover:
    """Who cancels our orders if we die."""
    if work.where.starts is not None:
        return deadman.Uncovered()
    watchdog_key = keys.load_watchdog(work.config.account)
    clock = work.clock
    return await deadman.cover(
        work.config.live, work.client, watchdog_key=watchdog_key, dex=work.market.dex, desk=work.desk.folder,
        session=folder, now_ms=clock.now_ms, vault=work.vault,
        sleep=lambda seconds: asyncio.sleep(seconds / clock.speed), say=say,
    )  # fmt: skip


async def _flatten(work: Work, say: Say) -> dict[str, Any]:
    live, clock = work.config.live, work.clock
    plan = flatten.Plan(maker_s=live.flatten_maker_s, taker_s=live.flatten_taker_s, cap_bps=live.flatten_cap_bps)
    done = await flatten.flatten(
        work.client, work.market, flatten.AskedBook(work.client, work.market), plan, now_ns=clock.now_ns,
        sleep=lambda seconds: asyncio.sleep(seconds / clock.speed), say=say,
    )  # fmt: skip
    return done.as_dict()


def _error_of(context: dict[str, Any]) -> BaseException:
    """What went wrong in a callback that nobody waits for."""
    error: BaseException | None = context.get("exception")
    return error or RuntimeError(str(context.get("message")))


def _latch(work: Work, session: Session, folder: Path, reason: str) -> None:
    rule = breakers.REASON_NAMES[int(session.trader.state.risk.reason)]
    work.desk.kill(Kill(when_ns=wall_ns(), rule=rule, session=str(folder.resolve()), note=reason))


def _fixed(work: Work) -> dict[str, Any]:
    """What `status.json` says of where a session trades."""
    return {
        "pid": os.getpid(),
        "network": work.client.network.name,
        "account": work.client.account,
        "desk": str(work.desk.folder.resolve()),
        "speed": work.clock.speed,
    }


async def _watch(
    session: Session, cover: deadman.Cover, publisher: Publisher, currency: str, show: Say, warn: Say
) -> None:
    """Each second: how the session stands, and word of it when the quota begins to force the inventory down.

    The core is also told of the requests that were made beside it.
    """
    was_forcing, charged = False, 0
    while True:
        await asyncio.sleep(LOOK_S)
        if cover.n_requests > charged:
            session.charge(cover.n_requests - charged)
            charged = cover.n_requests
        document = status(session, publisher.models)
        show(line(document, currency))
        if document["quota"]["forcing"] and not was_forcing:
            reduces: Literal["bids", "asks"] = "asks" if document["position"] > 0 else "bids"
            warn(quota_warning(document["position"], document["quota"]["headroom_pct"] / 100.0, reduces))
        was_forcing = document["quota"]["forcing"]


@contextlib.contextmanager
def _signals(session: Session) -> Any:
    """SIGINT and SIGTERM end the session in order; a second one is as the system has it."""
    loop = asyncio.get_running_loop()

    def asked(name: signal.Signals) -> None:
        session.end(f"{name.name} received")
        loop.remove_signal_handler(name)

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, asked, name)
    try:
        yield
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)


def _result(
    work: Work, session: Session, sinks: Sinks, seconds: float, ends: Ends, folder: Path
) -> dict[str, Any]:
    made = result.whole(session.trader, work.config, sinks, seconds)
    trader, state = session.trader, session.trader.state
    made["span_s"] = (int(state.now_ns) - trader.first_ns) / 1e9 if trader.first_ns else 0.0
    made["assumptions"]["queue_model"] = None if work.where.shows_own_orders else made["assumptions"]["queue_model"]
    if session.standing is not None:  # before the orders were pulled for the end
        made["risk"], made["quoting"] = session.standing
    made["live"] = {
        "folder": str(folder),
        "network": work.client.network.name,
        "account": work.client.account,
        "core": source_hash(),
        "speed": work.clock.speed,
        "ended": ends.reason,
        "connection_losses": session.n_downs,
        "timers_skipped": trader.n_timers_skipped,
        "latency": {"step": session.steps.summary(), "timer_late": session.timer_late.summary()},
        "requests": session.outbox.counts,
        "recovery": session.recovery.counts,
        "frames": dict(session.frames.counts),
        "client": work.client.counters,
    }
    return made
