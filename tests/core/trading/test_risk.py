"""Every breaker trips, holds, releases or latches as its line in the table says."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest

from touchstone.core import events
from touchstone.core.trading import risk as rk

S = 1_000_000_000
T0 = 1_700_000_000 * S
SETTINGS = {
    "position_notional": 1_000_000_000,
    "open_notional": 2_000_000_000,
    "session_loss": 50_000_000,
    "drawdown": 0.05,
    "liquidation_bps": 500.0,
    "free_margin": 0.2,
    "orders_per_s": 2.0,
    "orders_burst": 10.0,
    "jump_bps": 100.0,
    "jump_sigmas": 8.0,
    "jump_least_bps": 20.0,
    "jump_ns": 8 * S,
    "jump_hold_ns": 5 * S,
    "stale_ns": 3 * S,
    "lag_ns": 4 * S,
    "blind_ns": S // 4,
    "health_hold_ns": 2 * S,
    "burst_fills": 5,
    "burst_notional": 500_000_000,
    "burst_ns": S,
    "burst_hold_ns": 10 * S,
}


class Desk:
    """A risk record with its inputs and a clock; `at` advances time with fresh market data unless told otherwise."""

    def __init__(self):
        self.risk = np.zeros(1, rk.RISK)[0]
        assert set(SETTINGS) == set(rk.LIMITS.names)
        for name, value in SETTINGS.items():
            self.risk.limits[name] = value
        rk.reset(self.risk)
        self.inputs = np.zeros(1, rk.INPUTS)[0]
        self.set(bid_px=99_990, ask_px=100_010, session_pnl=0)
        self.set(sigma=math.nan, liquidation_bps=math.nan, free_margin=math.nan)

    def set(self, **values):
        for name, value in values.items():
            self.inputs[name] = value

    def event(self, seconds, kind, lag_s=0.2, **values):
        event = np.zeros(1, events.EVENT)[0]
        event.recv_ns = T0 + round(seconds * S)
        event.exch_ns = event.recv_ns - round(lag_s * S)
        event.kind = kind
        event.aux = -1  # EQUITY: withdrawable unknown
        for name, value in values.items():
            event[name] = value
        rk.on_event(self.risk, event)

    def at(self, seconds, fresh=True, lag_s=0.2, **values):
        self.set(**values)
        if fresh:
            self.event(seconds, events.BBO, lag_s)
        state = rk.update(self.risk, np.int64(T0 + round(seconds * S)), self.inputs)
        assert state == self.risk.state
        return rk.STATE_NAMES[state], rk.REASON_NAMES[self.risk.reason]

    def command(self, seconds, command):
        self.event(seconds, events.OPERATOR, code=command)

    def fill(self, seconds, side, notional):
        rk.on_fill(self.risk, np.int64(T0 + round(seconds * S)), np.int64(side), np.int64(notional))

    def may_send(self, seconds, n):
        return rk.may_send(self.risk, np.int64(T0 + round(seconds * S)), np.int64(n))


@pytest.fixture
def desk():
    desk = Desk()
    assert desk.at(0) == NORMAL
    return desk


NORMAL = ("normal", "none")


def test_waits_for_data_before_the_first_event():
    desk = Desk()
    assert desk.at(0, fresh=False, bid_px=0, ask_px=0) == ("pulled", "waiting_for_data")
    assert desk.at(100, fresh=False) == ("pulled", "waiting_for_data")  # never seen is not stale
    assert desk.risk.n_trips[rk.STALE_DATA] == 0
    assert desk.at(101, bid_px=99_990, ask_px=100_010) == NORMAL


def test_position_limit(desk):
    # mid 100,000: 10,000 size units are 1e9 micro
    assert desk.at(1, position=9_999) == NORMAL
    assert desk.at(2, position=-10_000) == ("reduce_only", "position_limit")
    assert desk.at(3, position=-9_500) == ("reduce_only", "position_limit")  # hysteresis
    assert desk.at(4, position=-8_999) == NORMAL
    assert desk.risk.n_trips[rk.POSITION_LIMIT] == 1


def test_open_notional(desk):
    assert desk.at(1, open_notional=2_000_000_000) == ("reduce_only", "open_notional")
    assert desk.at(2, open_notional=1_900_000_000) == ("reduce_only", "open_notional")
    assert desk.at(3, open_notional=1_700_000_000) == NORMAL


@pytest.mark.parametrize(
    ("name", "reason", "limit"),
    [("liquidation_bps", "liquidation_distance", 500.0), ("free_margin", "free_margin", 0.2)],
)
def test_margin(desk, name, reason, limit):
    assert desk.at(1, **{name: 1.01 * limit}) == NORMAL
    assert desk.at(2, **{name: limit}) == ("reduce_only", reason)
    assert desk.at(3, **{name: 1.2 * limit}) == ("reduce_only", reason)
    assert desk.at(4, **{name: math.nan}) == ("reduce_only", reason)  # unknown releases nothing
    assert desk.at(5, **{name: 1.3 * limit}) == NORMAL
    assert desk.at(6, **{name: math.nan}) == NORMAL  # and trips nothing


def test_free_margin_from_the_account(desk):
    desk.event(1, events.EQUITY, px=1_000_000, aux=300_000)
    assert desk.at(1) == NORMAL
    desk.event(2, events.EQUITY, px=1_000_000, aux=200_000)
    assert desk.at(2) == ("reduce_only", "free_margin")
    assert desk.at(3, free_margin=0.9) == NORMAL  # what is handed in counts more


def test_session_loss_latches_until_cleared(desk):
    assert desk.at(1, session_pnl=-49_999_999) == NORMAL
    assert desk.at(2, session_pnl=-50_000_000) == ("killed", "session_loss")
    assert desk.at(1000, session_pnl=10_000_000) == ("killed", "session_loss")
    desk.command(1001, events.COMMAND_RESUME)
    assert desk.at(1002, session_pnl=-60_000_000) == ("killed", "session_loss")
    desk.command(1003, events.COMMAND_CLEAR)
    assert desk.at(1004) == NORMAL  # counted afresh from -60
    assert desk.at(1005, session_pnl=-109_000_000) == NORMAL
    assert desk.at(1006, session_pnl=-110_000_000) == ("killed", "session_loss")


def test_session_loss_unknown_is_not_zero(desk):
    assert desk.at(1, session_pnl=-50_000_000)[0] == "killed"
    fresh = Desk()
    assert fresh.at(1, session_pnl=rk.UNKNOWN) == NORMAL


def test_drawdown_is_of_account_value(desk):
    desk.event(1, events.EQUITY, px=1_000_000)
    desk.event(2, events.EQUITY, px=1_200_000)
    desk.event(3, events.EQUITY, px=1_141_000)
    assert desk.at(3) == NORMAL  # 4.9 % of the peak account value, whatever share of the peak profit
    desk.event(4, events.EQUITY, px=1_140_000)
    assert desk.at(4) == ("killed", "drawdown")
    desk.event(5, events.EQUITY, px=1_300_000)
    assert desk.at(5) == ("killed", "drawdown")
    desk.event(6, events.EQUITY, px=1_000_000)
    desk.command(7, events.COMMAND_CLEAR)
    assert desk.at(7) == NORMAL
    assert desk.risk.equity_peak == 1_000_000


def test_a_withdrawal_is_no_drawdown(desk):
    desk.event(1, events.EQUITY, px=1_000_000)
    rk.on_transfer(desk.risk, np.int64(-500_000))
    desk.event(2, events.EQUITY, px=500_000)
    assert desk.at(2) == NORMAL
    desk.event(3, events.EQUITY, px=0)
    assert desk.at(3) == ("killed", "drawdown")


def test_order_rate(desk):
    assert desk.may_send(1, 10)
    assert not desk.may_send(1, 1)
    assert desk.risk.n_refused == 1
    assert desk.at(1) == ("reduce_only", "order_rate")
    assert desk.at(3.4) == ("reduce_only", "order_rate")  # 4.8 tokens
    assert desk.at(3.6) == NORMAL
    assert desk.may_send(3.6, 5)
    assert not desk.may_send(3.6, 2)
    assert desk.may_send(1000, 10)
    assert not desk.may_send(1000, 1)  # never more than the bucket


def test_fill_burst(desk):
    for i in range(4):
        desk.fill(1 + 0.2 * i, -1, 1_000_000)
    assert desk.at(1.7) == NORMAL
    desk.fill(1.8, -1, 1_000_000)
    assert desk.at(1.8) == ("reduce_only", "fill_burst")
    assert desk.at(11.7) == ("reduce_only", "fill_burst")
    assert desk.at(11.9) == NORMAL
    desk.fill(20, 1, 500_000_000)  # by notional, one fill
    assert desk.at(20) == ("reduce_only", "fill_burst")


def test_fills_on_both_sides_or_spread_out_are_no_burst(desk):
    for i in range(10):
        desk.fill(1 + 0.1 * i, 1 if i % 3 else -1, 1_000_000)
    assert desk.at(2) == NORMAL
    for i in range(100):
        desk.fill(10 + 0.3 * i, 1, 1_000_000)
    assert desk.at(40) == NORMAL


def test_price_jump_in_bps(desk):
    assert desk.at(1, bid_px=100_490, ask_px=100_510) == NORMAL  # 50 bps
    assert desk.at(2, bid_px=101_010, ask_px=101_030) == ("pulled", "price_jump")  # 102 bps from the low
    for t in range(3, 16):
        state = desk.at(t)
        assert state == (("pulled", "price_jump") if t < 12 else NORMAL), t
    assert desk.risk.n_trips[rk.PRICE_JUMP] == 1


def test_price_jump_in_sigmas(desk):
    # 8 sigma sqrt(8 s) = 22.6 bps at sigma 1
    assert desk.at(1, sigma=1.0, bid_px=100_190, ask_px=100_210) == NORMAL
    assert desk.at(2, bid_px=99_960, ask_px=99_980) == ("pulled", "price_jump")
    quiet = Desk()
    quiet.at(0, sigma=0.01)
    assert quiet.at(1, bid_px=100_170, ask_px=100_190) == NORMAL  # many sigmas, but under jump_least_bps
    slow = Desk()
    for t in range(60):  # 5 bps a second: never 100 within the window
        assert slow.at(t, bid_px=99_990 + 50 * t, ask_px=100_010 + 50 * t) == NORMAL


def test_stale_data(desk):
    assert desk.at(2.9, fresh=False) == NORMAL
    assert desk.at(3.0, fresh=False) == ("pulled", "stale_data")
    assert desk.at(4.0) == ("pulled", "stale_data")  # back, but held
    assert desk.at(4.9) == ("pulled", "stale_data")
    assert desk.at(5.0) == NORMAL


def test_feed_lag(desk):
    desk.event(1, events.TRADE, lag_s=100)  # an old record is not a late feed: a newer block has been seen
    assert desk.at(1, fresh=False) == NORMAL
    assert desk.at(10, lag_s=4.5) == ("pulled", "feed_lag")
    assert desk.at(11, lag_s=3) == ("pulled", "feed_lag")
    assert desk.at(12, lag_s=1) == NORMAL


def test_a_clock_that_is_wrong_is_a_feed_lag_too(desk):
    """Blocks from the future: by that clock our orders would have expired before they arrived."""
    assert desk.at(10, lag_s=-3.5) == NORMAL
    assert desk.at(11, lag_s=-4.5) == ("pulled", "feed_lag")
    assert desk.at(13, lag_s=-3) == ("pulled", "feed_lag")
    assert desk.at(14, lag_s=-1) == ("pulled", "feed_lag")
    assert desk.at(17, lag_s=1) == NORMAL


def test_feed_down(desk):
    desk.event(1, events.FEED_DOWN, code=events.FEED_REFERENCE)
    assert desk.at(1) == NORMAL
    desk.event(2, events.FEED_DOWN, code=events.FEED_ACCOUNT)
    assert desk.at(2) == ("pulled", "feed_down")
    desk.event(3, events.FEED_UP, code=events.FEED_ACCOUNT)
    assert desk.at(3) == ("pulled", "feed_down")
    assert desk.at(4) == NORMAL  # two seconds after it was last seen down


@pytest.mark.parametrize("book", [{"bid_px": 0}, {"ask_px": 0}, {"bid_px": 100_020}, {"bid_px": 100_010}])
def test_blind_book(desk, book):
    assert desk.at(1, **book) == NORMAL  # grace
    assert desk.at(1.3) == ("pulled", "blind_book")
    assert desk.at(2, bid_px=99_990, ask_px=100_010) == ("pulled", "blind_book")
    assert desk.at(3.4) == NORMAL


def test_operator(desk):
    desk.command(1, events.COMMAND_REDUCE_ONLY)
    assert desk.at(1) == ("reduce_only", "operator_reduce_only")
    desk.command(2, events.COMMAND_HALT)
    assert desk.at(2) == ("pulled", "operator_halt")
    desk.command(3, events.COMMAND_KILL)
    assert rk.STATE_NAMES[desk.risk.state] == "killed"  # at once
    desk.command(4, events.COMMAND_RESUME)
    assert desk.at(4) == ("killed", "operator_kill")
    desk.command(5, events.COMMAND_CLEAR)
    assert desk.at(5) == NORMAL


def test_the_most_severe_breaker_decides(desk):
    assert desk.at(1, position=20_000) == ("reduce_only", "position_limit")
    assert desk.at(5, fresh=False) == ("pulled", "stale_data")
    rk.kill(desk.risk, np.int64(T0 + 6 * S), rk.INTERNAL_ERROR)
    assert desk.at(6, fresh=False) == ("killed", "internal_error")
    desk.command(7, events.COMMAND_CLEAR)
    assert desk.at(7) == ("pulled", "stale_data")
    assert desk.at(20) == ("reduce_only", "position_limit")
    assert desk.risk.state_since_ns == T0 + 20 * S
    assert desk.risk.since_ns[rk.POSITION_LIMIT] == T0 + 1 * S


def test_zero_limits_fail_safe():
    desk = Desk()
    for name in rk.LIMITS.names:
        desk.risk.limits[name] = 0
    rk.reset(desk.risk)
    assert desk.at(0)[0] == "killed"


def trace():
    rng = np.random.default_rng(29)
    desk = Desk()
    states = []
    for i in range(400):
        t = i * 0.5 + float(rng.uniform(0, 0.4))
        mid = int(100_000 * (1 + rng.normal(0, 3e-3)))
        width = int(rng.choice([10, 10, 10, 0]))
        desk.set(sigma=float(rng.choice([1.0, 3.0, math.nan])), liquidation_bps=float(rng.uniform(300, 3000)))
        desk.set(bid_px=mid - width, ask_px=mid + width, session_pnl=int(rng.integers(-(10**7), 10**7)))
        if rng.random() < 0.3:
            desk.fill(t, int(rng.choice([-1, 1])), int(rng.integers(10**6, 10**8)))
        if rng.random() < 0.1:
            desk.event(t, events.EQUITY, px=int(rng.integers(97, 103)) * 10**6)
        if rng.random() < 0.1:
            desk.command(t, events.COMMAND_CLEAR)
        states.append((*desk.at(t, fresh=rng.random() < 0.5, position=int(rng.integers(-(10**4), 10**4))),))
        states.append(desk.may_send(t, int(rng.integers(1, 4))))
    return desk.risk.tobytes() + repr(states).encode()


def test_same_bytes_in_plain_python():
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    plain = subprocess.run([sys.executable, __file__], env=env, capture_output=True, text=True, check=True).stdout
    assert plain == trace().hex()


if __name__ == "__main__":
    sys.stdout.write(trace().hex())
