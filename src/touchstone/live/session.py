"""One live session: an account's coin at an exchange, from the first look to the last order gone."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from touchstone import TouchstoneError
from touchstone.clients.hyperliquid import Client, ClientError, Market, read_fees
from touchstone.config import Config
from touchstone.core import events, state
from touchstone.live import rows as make
from touchstone.live.cancel import cancel_all
from touchstone.live.clock import Clock, monotonic_s
from touchstone.live.fast_frames import FastFrames
from touchstone.live.latency import Latencies
from touchstone.live.outbox import Outbox, Wanted
from touchstone.live.recovery import PositionError, Recovery
from touchstone.live.trader import TIMER_NS, Journals, Trader
from touchstone.venues.hyperliquid.actions import UpdateLeverage
from touchstone.venues.hyperliquid.replies import Refused
from touchstone.venues.hyperliquid.stream import Subscription

NS, MS = 1_000_000_000, 1_000_000
BOTH = (events.FEED_MARKET, events.FEED_ACCOUNT)
DRAIN_S = 0.1  # of the wall: how often what was written down goes to the database
AUDIT_S, QUOTA_S, FEES_S = 30, 60, 600  # of the trader's time
SAME_FEE_BPS = 1e-4
LEAST_POLL_S = 1.0  # of the wall, however fast the trader's time runs
OVERDUE_NS = 10 * NS  # an order that waits for longer is asked for
PULL_S = 5.0  # of the wall: how long the core's own cancels may take at the end
LAST_LOOK_S = 60.0  # of the wall: how long the orders left at the end are cancelled again and again
MOST_POSITION_AGE_S = 2.0  # a position that differs for so long is looked into

_POSITION, _FEED_UP, _FEED_DOWN = int(events.POSITION), int(events.FEED_UP), int(events.FEED_DOWN)
_FILL = int(events.FILL)


class LiveError(TouchstoneError):
    """The session cannot go on; the message says why."""

    exit_code = 3


@dataclass(frozen=True)
class Start:
    """What the exchange says before the first event."""

    market: Market
    position: int  # size units
    time_ms: int  # fills of blocks up to here are in it


@dataclass
class Ends:
    """Why a session ended, in words; `by_risk` where trading was killed."""

    reason: str = ""
    by_risk: bool = False


def subscriptions(account: str, market: Market) -> list[Subscription]:
    """What a session listens to."""
    public = [Subscription(type=kind, coin=market.coin) for kind in ("l2Book", "bbo", "trades", "activeAssetCtx")]
    users = [Subscription(type=kind, user=account) for kind in ("orderUpdates", "userFills", "userEvents")]
    return [*public, *users, Subscription(type="clearinghouseState", user=account, dex=market.dex)]


class Session:
    """Hears the exchange, drives the trader, keeps core and exchange in agreement. All methods on one event loop."""

    def __init__(
        self,
        client: Client,
        config: Config,
        start: Start,
        clock: Clock,
        *,
        journal: Journals,
        cloid_tag: int,
        expires_after_ms: int,
        shows_own_orders: bool,
        is_simulated: bool,
        at_rest: Callable[[Any], None] = lambda state: None,
        say: Callable[[str], None],
    ) -> None:
        self.client = client
        self.clock = clock
        self.start = start
        self.say = say
        self._at_rest = at_rest  # told the core's state when all that it took in and wrote down is handed over
        market = start.market
        self.frames = FastFrames(market.sz_decimals, market.coin, cloid_tag=cloid_tag, say=say)
        self.frames.account.fills_after_ms = start.time_ms
        self.trader = Trader(config, market.sz_decimals, journal=journal, send=self._send)
        params = self.trader.state.params
        params.venue_is_simulated = int(is_simulated)
        params.feed_includes_own = int(shows_own_orders)
        params.maintenance_share = 0.5 / market.max_leverage
        self.outbox = Outbox(
            client, market, clock, cloid_tag=cloid_tag, expires_after_ms=expires_after_ms,
            hear=self.trader.take_rows, doubt=self._doubt,
        )  # fmt: skip
        self.recovery = Recovery(
            client, market, self.frames.account, self.trader, self.outbox, clock,
            expires_after_ms=expires_after_ms, say=say,
        )  # fmt: skip
        self.ends = Ends()
        self.timer_late = Latencies()  # by the wall
        self.steps = Latencies()  # of the wall: from a frame's receipt to all its orders written
        self.reference = "none"  # up, stale, or never heard of
        self.reference_since_ns = 0
        self.standing: tuple[dict[str, Any], list[dict[str, Any]]] | None = None  # risk and quoting, when it ended
        self.challenger: Callable[[], dict[str, Any]] | None = None  # how the one beside stands
        self.n_downs = 0
        self.failure: BaseException | None = None
        self._ended = asyncio.Event()
        self._is_trading = False
        self._is_up = False
        self._sees_all = False  # no gap since the account was looked at
        self._n_ups = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._reconciling: asyncio.Task[None] | None = None
        self._differs_since_s: float | None = None
        self._settling: set[int] = set()

    # -- what the client tells ------------------------------------------------------------------------------------

    def on_frame(self, frame: memoryview | bytes) -> None:
        """A message of the exchange, to the core at once."""
        if not self._is_trading:
            return
        began_s = monotonic_s()
        trader = self.trader
        count = self.frames.take(frame, self.clock.now_ns(), trader.buffer, 0)
        if count == 0:
            return
        if trader.kinds[count - 1] == _POSITION:  # beside fills on their way it says nothing yet
            count -= 1
            self._look_at_position(int(trader.buffer["qty"][count]))
            if count == 0:
                return
        trader.feed(count)
        self.steps.add(monotonic_s() - began_s)
        if self._sees_all and trader.kinds[0] == _FILL:
            newest_ms = int(trader.buffer["exch_ns"][:count].max()) // MS
            self.recovery.newest_fill_ms = max(self.recovery.newest_fill_ms, newest_ms)
        self._check_core()

    def on_up(self) -> None:
        """Connected again: what happened in the meantime is asked for before the core may quote."""
        self._is_up = True
        self._n_ups += 1
        if self._is_trading:
            self.frames.restart()
            self.reconcile_soon("the connection is back")

    def on_down(self, reason: str) -> None:
        """The connection is lost: the core is blind."""
        self._is_up = False
        if self._is_trading:
            self.n_downs += 1
            self.say(f"connection lost: {reason}")
            self.lost_sight()

    def take_reference(self, rows: Any) -> None:
        """Rows of the reference venue: prices and trades, and whether it is there at all."""
        if not self._is_trading:
            return
        kind = int(rows["kind"][0])
        if kind in (_FEED_UP, _FEED_DOWN):
            self.reference = "up" if kind == _FEED_UP else "stale"
            self.reference_since_ns = self.clock.now_ns()
            if kind == _FEED_DOWN:
                self.say("the reference venue is stale: its terms are off until it is back")
        self.trader.buffer[: len(rows)] = rows
        self.trader.feed(len(rows))

    # -- the life of a session ------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start the core afresh, with the position that the exchange names."""
        state.reset(self.trader.state, np.int64(self.start.position), np.int64(0))

    def go(self) -> None:
        """Let the core hear; it quotes after a first look at account and quota."""
        self._is_trading = True
        self.frames.restart()
        self.lost_sight()
        self.reconcile_soon("the session begins")
        self._spawn(self._timer())
        self._spawn(self._drain())
        self._spawn(self._poll(self.recovery.read_quota, QUOTA_S))
        self._spawn(self._poll(self._audit, AUDIT_S))
        self._spawn(self._poll(self._look_at_fees, FEES_S))

    async def until(self, end_ns: int | None) -> Ends:
        """Trade until a time of the clock, `end`, or a halt of the core."""
        with contextlib.suppress(TimeoutError):
            timeout_s = None if end_ns is None else max(self.clock.until_s(end_ns), 0.0)
            await asyncio.wait_for(self._ended.wait(), timeout_s)
        if not self.ends.reason:
            self.ends.reason = "the time is over"
        return self.ends

    def end(self, reason: str, *, by_risk: bool = False) -> None:
        """Ask the session to end; the first reason counts."""
        if not self._ended.is_set():
            self.ends = Ends(reason, by_risk)
            self._ended.set()

    async def finish(self) -> None:
        """Pull every order, see that none is left, take in what is still told, stop."""
        self.command(events.COMMAND_HALT, of_end=True)
        deadline_s = monotonic_s() + PULL_S
        while self.trader.live_orders() and monotonic_s() < deadline_s and self.trader.is_sound:
            await asyncio.sleep(0.02)
        try:
            async with asyncio.timeout(LAST_LOOK_S):
                await self._leave_nothing()
        except TimeoutError:
            self.fail(LiveError("the exchange did not answer at the end: orders may be open; touchstone kill cancels"))
        finally:
            self._is_trading = False
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self.trader.finish()

    async def _leave_nothing(self) -> None:
        market = self.start.market
        left = await cancel_all(self.client, market.dex, coin=market.coin, sleep=self.sleep)
        if left.n_orders:
            self.say(f"{left.n_orders} orders were still open at the end; they are cancelled")
        if not left.is_none_left:
            self.fail(LiveError(f"orders may be open: {dict(left.reasons)}; touchstone kill cancels them"))
        if self.trader.is_sound:
            await self._stop_reconciling()
            with contextlib.suppress(PositionError):  # alerted by the core, so it is a problem of the result
                await self._insist(self.recovery.reconcile, "the last look", but=PositionError)

    async def sleep(self, seconds: float) -> None:
        """Seconds of the trader's clock."""
        await asyncio.sleep(seconds / self.clock.speed)

    def command(self, code: Any, *, of_end: bool = False) -> None:
        """An operator's command to the core (events.COMMAND_*), journaled like everything; or the session's own."""
        self.trader.take_rows([make.command(code, self.clock.now_ns(), of_end=of_end)])

    def charge(self, n_requests: int) -> None:
        """Requests that were sent beside the core count against the quota too."""
        self.trader.take_rows([make.requests(n_requests, self.clock.now_ns())])

    async def set_leverage(self, leverage: int, *, is_cross: bool) -> None:
        """Leverage and margin mode, before trading. Raises LiveError where the exchange refuses."""
        action = UpdateLeverage(self.start.market.asset, is_cross, leverage)
        reply = await self.client.send(action)
        if isinstance(reply, Refused):
            mode = "cross" if is_cross else "isolated"
            raise LiveError(f"leverage {leverage} {mode} for {self.start.market.coin}: {reply.response}")

    async def wake(self, commands: Sequence[Any]) -> None:
        """Go on behind a crash: blind since then, and what never left us is void, before time goes on for the core."""
        self.trader.holds_time = self.trader.first_ns > 0
        self.lost_sight()
        for command in commands:
            self.command(command)
        await self._insist(self.recovery.void_lost, "asking for orders")
        self.trader.holds_time = False

    def lost_sight(self) -> None:
        """Nothing that the core knows is recent: it is blind until the exchange has been asked."""
        self._sees_all = False
        self.trader.take_rows(make.feed(False, BOTH, self.clock.now_ns()))

    def reconcile_soon(self, why: str) -> None:
        """Reconcile in the background, once however often it is asked for, until it succeeds."""
        if self._reconciling is None or self._reconciling.done():
            self._reconciling = self._spawn(self._reconcile(why))

    # -- inside -----------------------------------------------------------------------------------------------------

    def _send(self, wanted: list[Wanted]) -> None:
        self.outbox.send(wanted)

    def _doubt(self, cloids: Sequence[int]) -> None:
        new = [cloid for cloid in cloids if cloid not in self._settling]
        if new:
            self._settling.update(new)
            self._spawn(self._settle(new))

    async def _settle(self, cloids: list[int]) -> None:
        try:
            await self._insist(lambda: self.recovery.settle(cloids), "asking for orders")
        finally:
            self._settling.difference_update(cloids)

    async def _reconcile(self, why: str) -> None:
        self.say(f"reconciling with the exchange: {why}")
        asked = -1
        while asked != self._n_ups:  # what was asked before another gap ended says nothing of that gap
            asked = self._n_ups
            await self._insist(self.recovery.reconcile, "reconciling")
        if self._is_up:
            self._sees_all = True
            self.trader.take_rows(make.feed(True, BOTH, self.clock.now_ns()))

    async def _stop_reconciling(self) -> None:
        if self._reconciling is not None:
            self._reconciling.cancel()
            await asyncio.gather(self._reconciling, return_exceptions=True)

    async def _insist(
        self, act: Callable[[], Awaitable[None]], what: str, *, but: type[ClientError] | tuple[()] = ()
    ) -> None:
        """Until it succeeds or raises `but`: the core stays pulled meanwhile, or the order in doubt stays counted."""
        pause_s = 0.2
        while True:
            try:
                await act()
            except but:
                raise
            except ClientError as error:
                self.say(f"{what}: {error}; again in {pause_s:g} s")
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, 5.0)
            else:
                return

    def _look_at_position(self, theirs: int) -> None:
        """Position by the exchange's stream: a difference that lasts is looked into."""
        if theirs == int(self.trader.state.profit.position):
            self._differs_since_s = None
        elif self._differs_since_s is None:
            self._differs_since_s = monotonic_s()
        elif monotonic_s() - self._differs_since_s > MOST_POSITION_AGE_S:
            self._differs_since_s = None
            self.lost_sight()
            self.reconcile_soon("the position differs")

    def _check_core(self) -> None:
        if self.trader.failure is not None:
            self.fail(self.trader.failure)
        elif self.trader.is_halted:
            self.end("a buffer of the core was full", by_risk=True)
        elif self.trader.is_killed:
            self.end("risk has killed trading", by_risk=True)

    async def _timer(self) -> None:
        """The core's clock: each timer at its time, as far as the event loop lets it."""
        while True:
            due_ns = self.trader.timer_ns or self.clock.now_ns() + TIMER_NS
            await asyncio.sleep(max(self.clock.until_s(due_ns), 0.0))
            now_ns = self.clock.now_ns()
            if self.trader.timer_ns:
                self.timer_late.add(max(self.clock.wall_s(now_ns - due_ns), 0.0))
            self.trader.tick(now_ns)
            self._check_core()

    async def _drain(self) -> None:
        while True:
            await asyncio.sleep(DRAIN_S)
            self.trader.flush()
            self._check_core()
            if self.trader.failure is None:
                self.trader.drain()
                self._at_rest(self.trader.machine["state"])

    async def _poll(self, act: Callable[[], Awaitable[None]], every_s: float) -> None:
        while True:
            await asyncio.sleep(max(self.clock.wall_s(round(every_s * NS)), LEAST_POLL_S))
            try:
                await act()
            except ClientError as error:
                self.say(f"{error}; asked again later")

    async def _audit(self) -> None:
        """What waits for an answer for too long is asked for."""
        self._doubt(self.recovery.overdue(OVERDUE_NS))

    async def _look_at_fees(self) -> None:
        """Fees follow the account's volume: what it pays now, to the core."""
        maker_bps, taker_bps = await read_fees(self.client, self.start.market)
        known = self.trader.state.params
        if max(abs(maker_bps - known.maker_fee_bps), abs(taker_bps - known.taker_fee_bps)) > SAME_FEE_BPS:
            self.say(f"the account now pays {maker_bps:g} bps as maker, {taker_bps:g} as taker")
            self.trader.take_rows([make.fees(maker_bps, taker_bps, self.clock.now_ns())])

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """The session cannot go on: orders are pulled, the error is told at the end. The first one counts."""
        if self.failure is None:
            self.failure = error
            self.say(f"error: {error}")
        self.end(f"{type(error).__name__}: {error}")
