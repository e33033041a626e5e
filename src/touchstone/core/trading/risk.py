"""Breakers: each has a cause, a severity, and a stated way back. The most severe active one decides the risk state.

    breaker               trips when                                               back when
  reduce only
    position_limit        |position| x mid >= position_notional                    under 90 %
    open_notional         resting notional >= open_notional                        under 90 %
    liquidation_distance  mid nearer to liquidation than liquidation_bps           beyond 125 %
    free_margin           free share of the margin (if not told: withdrawable      beyond 125 %
                          / account value) <= free_margin
    order_rate            `may_send` refused: the token bucket is empty            bucket half full
    fill_burst            burst_fills or burst_notional on one side within         burst_hold_ns after the last one
                          burst_ns, no fill on the other
    operator_reduce_only  command                                                  COMMAND_RESUME
  pulled
    waiting_for_data      no market event ever                                     first market event
    stale_data            no market event for stale_ns (receive time)              fresh for health_hold_ns
    feed_lag              newest block came lag_ns off its exchange time           under half of it for health_hold_ns
    feed_down             market or account feed reported down                     up for health_hold_ns
    blind_book            one-sided or crossed for blind_ns                        valid for health_hold_ns
    price_jump            mid jump_bps, or jump_sigmas (at least jump_least_bps),  under half of each for jump_hold_ns
                          from an extreme of the last jump_ns
    operator_halt         command                                                  COMMAND_RESUME
  killed
    session_loss          session PnL <= -session_loss                             COMMAND_CLEAR (so for all killed)
    drawdown              account value under its peak by the share `drawdown`
    internal_error        the engine says so (full buffer, broken identity)
    operator_kill         command

A limit of zero trips at once (fails safe); to switch a breaker off give an unreachable limit. Inputs that are unknown
(NaN, or UNKNOWN for money) are not judged: the breaker stays as it is. COMMAND_CLEAR starts loss and peak afresh.
"""

import math

import numpy as np

from touchstone.core import events
from touchstone.core.conventions import NS, side_index
from touchstone.core.jit import compiled, inline
from touchstone.core.trading.breakers import (  # noqa: F401  (records and names are part of this module's face)
    BLIND_BOOK,
    DRAWDOWN,
    FEED_DOWN,
    FEED_LAG,
    FILL_BURST,
    FREE_MARGIN,
    INPUTS,
    INTERNAL_ERROR,
    KILLED,
    LIMITS,
    LIQUIDATION_DISTANCE,
    N_BURST,
    N_REASONS,
    N_SLICES,
    NO,
    NO_HOLD,
    NONE,
    NORMAL,
    OPEN_NOTIONAL,
    OPERATOR_HALT,
    OPERATOR_KILL,
    OPERATOR_REDUCE_ONLY,
    ORDER_RATE,
    POSITION_LIMIT,
    PRICE_JUMP,
    PULLED,
    REASON_NAMES,
    REDUCE_ONLY,
    RISK,
    SESSION_LOSS,
    SEVERITY,
    STALE_DATA,
    STATE_NAMES,
    UNKNOWN,
    WAITING_FOR_DATA,
    YES,
    judge,
    resolve,
)

RELEASE_UNDER, RELEASE_BEYOND = 0.9, 1.25


def reset(risk):
    """Start afresh; `limits` stay as the shell has written them. A kill is cleared too: restore it with `kill`."""
    risk.state = PULLED
    risk.reason = WAITING_FOR_DATA
    risk.state_since_ns = 0
    risk.n_changes = 0
    risk.active[:] = 0
    risk.since_ns[:] = 0
    risk.last_true_ns[:] = 0
    risk.n_trips[:] = 0
    risk.active[WAITING_FOR_DATA] = 1
    risk.is_unresolved = 1
    risk.mid2 = 0
    risk.session_pnl = UNKNOWN
    risk.loss_from = 0
    risk.equity = UNKNOWN
    risk.equity_peak = UNKNOWN
    risk.withdrawable = UNKNOWN
    risk.tokens = risk.limits.orders_burst
    risk.tokens_ns = 0
    risk.n_refused = 0
    risk.n_market = 0
    risk.market_ns = 0
    risk.block_ns = 0
    risk.lag_ns = 0
    risk.feed_down[:] = 0
    risk.blind_since_ns = 0
    risk.slice_id[:] = -1
    risk.slice_until_ns = 0
    risk.burst_n = 0


@compiled
def kill(risk, now_ns, code):
    """Latch a KILLED reason (also used by the shell to restore a kill after a restart)."""
    judge(risk, now_ns, code, YES, NO, NO_HOLD)
    resolve(risk, now_ns)


@inline
def _refill(risk, now_ns):
    if risk.tokens_ns > 0 and now_ns > risk.tokens_ns:
        gained = np.float64(now_ns - risk.tokens_ns) / NS * risk.limits.orders_per_s
        risk.tokens = min(risk.tokens + gained, np.float64(risk.limits.orders_burst))
    risk.tokens_ns = max(np.int64(risk.tokens_ns), np.int64(now_ns))


# The breakers, one function each.


@inline
def _position_limit(risk, now_ns, inputs):
    if risk.mid2 <= 0:
        return
    held = np.float64(abs(inputs.position)) * np.float64(risk.mid2) * 0.5
    limit = np.float64(risk.limits.position_notional)
    judge(risk, now_ns, POSITION_LIMIT, held >= limit, held < RELEASE_UNDER * limit, NO_HOLD)


@inline
def _open_notional(risk, now_ns, inputs):
    resting = np.float64(inputs.open_notional)
    limit = np.float64(risk.limits.open_notional)
    judge(risk, now_ns, OPEN_NOTIONAL, resting >= limit, resting < RELEASE_UNDER * limit, NO_HOLD)


@inline
def _liquidation_distance(risk, now_ns, inputs):
    x = inputs.liquidation_bps
    limit = risk.limits.liquidation_bps
    judge(risk, now_ns, LIQUIDATION_DISTANCE, x <= limit, x > RELEASE_BEYOND * limit, NO_HOLD)


@inline
def _free_margin(risk, now_ns, inputs):
    """As handed in, else what the account says of itself: withdrawable / account value."""
    x = inputs.free_margin
    if x != x and risk.equity > 0 and risk.withdrawable >= 0:
        x = np.float64(risk.withdrawable) / np.float64(risk.equity)
    limit = risk.limits.free_margin
    judge(risk, now_ns, FREE_MARGIN, x <= limit, x > RELEASE_BEYOND * limit, NO_HOLD)


@inline
def _order_rate(risk, now_ns):
    _refill(risk, now_ns)
    judge(risk, now_ns, ORDER_RATE, NO, risk.tokens >= 0.5 * risk.limits.orders_burst, NO_HOLD)


@inline
def _session_loss(risk, now_ns, inputs):
    if inputs.session_pnl == UNKNOWN:
        return
    risk.session_pnl = inputs.session_pnl
    loss = risk.loss_from - inputs.session_pnl
    judge(risk, now_ns, SESSION_LOSS, loss >= risk.limits.session_loss, NO, NO_HOLD)


@inline
def _drawdown(risk, now_ns):
    if risk.equity == UNKNOWN:
        return
    peak = np.float64(risk.equity_peak)
    fallen = peak - np.float64(risk.equity)
    judge(risk, now_ns, DRAWDOWN, peak <= 0.0 or fallen >= risk.limits.drawdown * peak, NO, NO_HOLD)


@inline
def _data(risk, now_ns):
    """Waiting, stale, late, down: never-seen data are waited for, they are not stale."""
    hold = risk.limits.health_hold_ns
    waiting = risk.n_market == 0
    judge(risk, now_ns, WAITING_FOR_DATA, waiting, not waiting, NO_HOLD)
    silent = (not waiting) and now_ns - risk.market_ns >= risk.limits.stale_ns
    judge(risk, now_ns, STALE_DATA, silent, not silent, hold)
    late = (not waiting) and risk.lag_ns >= risk.limits.lag_ns
    judge(risk, now_ns, FEED_LAG, late, 2 * risk.lag_ns < risk.limits.lag_ns, hold)
    down = risk.feed_down[events.FEED_MARKET] == 1 or risk.feed_down[events.FEED_ACCOUNT] == 1
    judge(risk, now_ns, FEED_DOWN, down, not down, hold)


@inline
def _blind_book(risk, now_ns, inputs):
    valid = 0 < inputs.bid_px < inputs.ask_px
    if valid:
        risk.mid2 = inputs.bid_px + inputs.ask_px
        risk.blind_since_ns = 0
    elif risk.blind_since_ns == 0:
        risk.blind_since_ns = now_ns
    blind = (not valid) and now_ns - risk.blind_since_ns >= risk.limits.blind_ns
    # Before the first event there is no book to be blind to: that is waiting for data.
    judge(risk, now_ns, BLIND_BOOK, blind and risk.n_market > 0, valid, risk.limits.health_hold_ns)


@compiled
def _turn_slice(risk, now_ns, mid2):
    """A new slice of the price jump's window begins, the oldest leaves it."""
    length_ns = max(risk.limits.jump_ns // N_SLICES, 1)
    number = now_ns // length_ns
    risk.slice_number = number
    risk.slice_until_ns = (number + 1) * length_ns
    i = number % N_SLICES
    risk.slice_id[i] = number
    risk.slice_low[i] = mid2
    risk.slice_high[i] = mid2
    low, high = mid2, mid2
    for j in range(N_SLICES):
        if number - N_SLICES < risk.slice_id[j] <= number:
            low = min(low, np.int64(risk.slice_low[j]))
            high = max(high, np.int64(risk.slice_high[j]))
    risk.window_low, risk.window_high = low, high


@inline
def _price_jump(risk, now_ns, inputs):
    """Move of the mid from the extremes of the window, kept as lows and highs of N_SLICES time slices."""
    if not 0 < inputs.bid_px < inputs.ask_px:
        return
    mid2 = np.int64(risk.mid2)
    if now_ns >= risk.slice_until_ns:
        _turn_slice(risk, now_ns, mid2)
    i = risk.slice_number % N_SLICES
    risk.slice_low[i] = min(risk.slice_low[i], mid2)
    risk.slice_high[i] = max(risk.slice_high[i], mid2)
    low, high = min(np.int64(risk.window_low), mid2), max(np.int64(risk.window_high), mid2)
    risk.window_low, risk.window_high = low, high
    move = max(np.float64(mid2 - low) / np.float64(low), np.float64(high - mid2) / np.float64(high)) * 1e4
    trips = move >= risk.limits.jump_bps
    clears = move < 0.5 * risk.limits.jump_bps
    if 0.0 < inputs.sigma < math.inf:
        unit = inputs.sigma * math.sqrt(np.float64(max(risk.limits.jump_ns, 1)) / NS)
        edge = max(risk.limits.jump_sigmas * unit, risk.limits.jump_least_bps)
        trips = trips or move >= edge
        clears = clears and move < 0.5 * edge
    judge(risk, now_ns, PRICE_JUMP, trips, clears, risk.limits.jump_hold_ns)


@compiled
def on_fill(risk, now_ns, side, notional):
    """Own fill: side +1 / -1, notional in micro. Trips the one-sided burst breaker."""
    i = risk.burst_n % N_BURST
    risk.burst_t[i] = now_ns
    risk.burst_s[i] = side_index(side)
    risk.burst_notional[i] = notional
    risk.burst_n += 1
    s = side_index(side)
    n = np.int64(0)
    n_other = np.int64(0)
    total = np.int64(0)
    for j in range(min(risk.burst_n, N_BURST)):
        if now_ns - risk.burst_t[j] <= risk.limits.burst_ns:
            if risk.burst_s[j] == s:
                n += 1
                total += risk.burst_notional[j]
            else:
                n_other += 1
    burst = n_other == 0 and (n >= risk.limits.burst_fills or total >= risk.limits.burst_notional)
    judge(risk, now_ns, FILL_BURST, burst, NO, NO_HOLD)
    resolve(risk, now_ns)


@compiled
def may_send(risk, now_ns, n):
    """Take n tokens for n places or amends; False (breaker on, counted) if there are not enough. Cancels need none."""
    _refill(risk, now_ns)
    if risk.tokens >= n:
        risk.tokens -= n
        return True
    risk.n_refused += n
    judge(risk, now_ns, ORDER_RATE, YES, NO, NO_HOLD)
    resolve(risk, now_ns)
    return False


@compiled
def on_event(risk, event):
    """Take in what concerns risk: market data (freshness), EQUITY, FEED_UP / FEED_DOWN, OPERATOR. Others: nothing."""
    now_ns = np.int64(event.recv_ns)
    kind = np.int64(event.kind)
    if kind <= events.MARKET_KIND_LAST:
        on_market(risk, now_ns, np.int64(event.exch_ns))
    elif kind == events.EQUITY:
        on_equity(risk, np.int64(event.px), np.int64(event.aux))
    elif kind == events.FEED_UP or kind == events.FEED_DOWN:
        on_feed(risk, np.int64(event.code), kind == events.FEED_DOWN)
    elif kind == events.OPERATOR:
        on_command(risk, now_ns, np.int64(event.code))


@inline
def on_market(risk, now_ns, exch_ns):
    """A market event came at now_ns. An old record among newer ones is not a late feed: the newest block counts.

    A block from the future means that a clock is wrong: the exchange would call our orders expired.
    """
    risk.n_market += 1
    risk.market_ns = max(np.int64(risk.market_ns), now_ns)
    risk.block_ns = max(np.int64(risk.block_ns), exch_ns)
    risk.lag_ns = abs(now_ns - np.int64(risk.block_ns))


@inline
def on_equity(risk, equity, withdrawable):
    """Account value and what of it is free, micro; withdrawable < 0: unknown."""
    risk.equity = equity
    risk.equity_peak = max(np.int64(risk.equity_peak), equity)
    risk.withdrawable = withdrawable


@inline
def on_feed(risk, feed, is_down):
    """FEED_* reported down or up."""
    if 0 <= feed < 3:
        risk.feed_down[feed] = 1 if is_down else 0


@compiled
def on_command(risk, now_ns, command):
    """COMMAND_* of the operator; the state follows at once."""
    if command == events.COMMAND_HALT:
        judge(risk, now_ns, OPERATOR_HALT, YES, NO, NO_HOLD)
    elif command == events.COMMAND_REDUCE_ONLY:
        judge(risk, now_ns, OPERATOR_REDUCE_ONLY, YES, NO, NO_HOLD)
    elif command == events.COMMAND_RESUME:
        risk.active[OPERATOR_HALT] = 0
        risk.active[OPERATOR_REDUCE_ONLY] = 0
        risk.is_unresolved = 1
    elif command == events.COMMAND_KILL:
        judge(risk, now_ns, OPERATOR_KILL, YES, NO, NO_HOLD)
    elif command == events.COMMAND_CLEAR:
        for code in range(N_REASONS):
            if SEVERITY[code] == KILLED:
                risk.active[code] = 0
        risk.is_unresolved = 1
        risk.equity_peak = risk.equity
        if risk.session_pnl != UNKNOWN:
            risk.loss_from = risk.session_pnl
    resolve(risk, now_ns)


@compiled
def on_transfer(risk, micro):
    """A deposit (+) or withdrawal (-) moves the peak along, so that it is no drawdown."""
    if risk.equity_peak != UNKNOWN:
        risk.equity_peak += micro
        risk.equity += micro


@inline
def update(risk, now_ns, inputs):
    """Judge every breaker on one set of INPUTS at one time; call on every event and timer. Returns the risk state."""
    _blind_book(risk, now_ns, inputs)
    _data(risk, now_ns)
    _price_jump(risk, now_ns, inputs)
    _position_limit(risk, now_ns, inputs)
    _open_notional(risk, now_ns, inputs)
    _liquidation_distance(risk, now_ns, inputs)
    _free_margin(risk, now_ns, inputs)
    _order_rate(risk, now_ns)
    judge(risk, now_ns, FILL_BURST, NO, YES, risk.limits.burst_hold_ns)
    _session_loss(risk, now_ns, inputs)
    _drawdown(risk, now_ns)
    resolve(risk, now_ns)
    return np.int64(risk.state)
