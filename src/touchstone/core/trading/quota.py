"""The request budget: what is left, how fast it goes, what a request is worth.

Hyperliquid gives an address 10,000 requests plus one per unit of collateral traded. Between the exchange's snapshots we
count for ourselves: requests sent, and one request earned per 10^6 micro traded.

Shadow price: what a request costs in micro. The sustainable rate spreads the headroom over `plan_s` and adds what
trading earns; spending faster raises the price with the square of the excess, between the price at which Hyperliquid
sells requests (500 micro) and 100 times that. It is a function of the state alone, so it cannot wind up.
"""

import math

import numpy as np

from touchstone.core.conventions import NS
from touchstone.core.jit import compiled, inline, record
from touchstone.core.quick import decay

MICRO_PER_REQUEST = 1_000_000
PRICE_LEAST = 500  # micro: 0.0005 USDC per reserved request
PRICE_MOST_FACTOR = 100.0
RATE_S = 300.0  # time constant of the rates
RATE_LEAST_S = 10.0  # a rate over less time than this is not believed
FORCE_REQUESTS = 1000
FORCE_LEFT_S = 1800.0

QUOTA = record(
    [
        # settings
        ("headroom_trigger", "f8"),  # fraction of the allowance, 0.10
        ("position_threshold", "f8"),  # fraction of the position limit, 0.01
        ("plan_s", "f8"),  # the headroom should last this long, 14400
        # state
        ("known", "i8"),  # 0: no snapshot yet, counting from the configured allowance
        ("used", "i8"),  # by the last snapshot
        ("allowed", "i8"),
        ("spent", "i8"),  # since then, by our count
        ("earned_micro", "i8"),  # traded since then
        ("started_ns", "i8"),  # of the rates; 0 before the first request or trade
        ("rate_ns", "i8"),
        ("spent_level", "f8"),  # decayed counts
        ("earned_level", "f8"),
        ("n_snapshots", "i8"),
        ("n_bad_snapshots", "i8"),  # ignored: nothing allowed, or negative use
    ]
)


def reset(q, allowance, headroom_trigger, position_threshold, plan_s):
    """Start with a configured allowance (requests); the other settings as in the record."""
    q.headroom_trigger = headroom_trigger
    q.position_threshold = position_threshold
    q.plan_s = max(plan_s, 1.0)
    q.known = 0
    q.used = 0
    q.allowed = allowance
    q.spent = 0
    q.earned_micro = 0
    q.started_ns = 0
    q.rate_ns = 0
    q.spent_level = 0.0
    q.earned_level = 0.0
    q.n_snapshots = 0
    q.n_bad_snapshots = 0


@compiled
def update(q, used, allowed):
    """Take in a snapshot by the exchange (QUOTA event: qty, aux); it replaces our own count."""
    if allowed <= 0 or used < 0:
        q.n_bad_snapshots += 1
        return
    q.known = 1
    q.used = used
    q.allowed = allowed
    q.spent = 0
    q.earned_micro = 0
    q.n_snapshots += 1


@inline
def _decay(q, now_ns):
    """Bring the decayed counts to now; time never runs backwards."""
    if q.started_ns == 0:
        q.started_ns = now_ns
        q.rate_ns = now_ns
    if now_ns > q.rate_ns:
        share = decay(np.float64(now_ns - q.rate_ns) / NS / RATE_S)
        q.spent_level *= share
        q.earned_level *= share
        q.rate_ns = now_ns


@compiled
def spend(q, now_ns, n):
    """n requests were sent (an amend is one, cancel plus place are two)."""
    _decay(q, now_ns)
    q.spent += n
    q.spent_level += n


@compiled
def on_volume(q, now_ns, notional_micro):
    """A fill of this notional earned requests."""
    _decay(q, now_ns)
    q.earned_micro += notional_micro
    q.earned_level += np.float64(notional_micro) / MICRO_PER_REQUEST


@inline
def allowance(q):
    """Requests allowed in total, those earned since the last snapshot included."""
    return q.allowed + q.earned_micro // MICRO_PER_REQUEST


@inline
def headroom(q):
    """Requests left; may be negative."""
    return allowance(q) - q.used - q.spent


@inline
def headroom_share(q):
    """Requests left as a share of the allowance, at most 1, negative once overspent; 0 where nothing is allowed."""
    if allowance(q) <= 0:
        return 0.0
    return np.float64(headroom(q)) / np.float64(allowance(q))


@inline
def _window_s(q, now_ns):
    """Seconds that a decayed count stands for: RATE_S (1 - exp(-age / RATE_S))."""
    age_s = np.float64(max(now_ns - q.started_ns, 0)) / NS
    return max(-RATE_S * math.expm1(-age_s / RATE_S), RATE_LEAST_S)


@inline
def _faded(q, now_ns):
    return math.exp(-np.float64(max(now_ns - q.rate_ns, 0)) / NS / RATE_S)


@compiled
def rate(q, now_ns):
    """Requests per second, over the last five minutes or so; 0 before the first request."""
    return q.spent_level * _faded(q, now_ns) / _window_s(q, now_ns)


@compiled
def time_left_s(q, now_ns):
    """Seconds until the headroom is gone at the current rate, earnings not counted; inf at rate 0, 0 if it is gone."""
    left = np.float64(headroom(q))
    speed = rate(q, now_ns)
    if left <= 0.0:
        return 0.0
    if speed <= 0.0:
        return math.inf
    return left / speed


@compiled
def price(q, now_ns):
    """Shadow price of one request in micro, from 500 to 50,000."""
    left = np.float64(headroom(q))
    most = np.int64(PRICE_LEAST * PRICE_MOST_FACTOR)
    if left <= 0.0:
        return most
    earning = q.earned_level * _faded(q, now_ns) / _window_s(q, now_ns)
    excess = rate(q, now_ns) / (left / q.plan_s + earning)
    factor = min(max(excess * excess, 1.0), PRICE_MOST_FACTOR)
    return np.int64(PRICE_LEAST * factor)


@compiled
def is_forcing(q, now_ns, position, position_limit):
    """Inventory forcing: only the reducing side is quoted. position, limit > 0: any one unit (size or notional).

    All three: headroom under `headroom_trigger` of the allowance; fewer than 1000 requests or 30 minutes left at the
    current rate; at least `position_threshold` of the limit held.
    """
    if headroom_share(q) >= q.headroom_trigger:
        return False
    if headroom(q) >= FORCE_REQUESTS and time_left_s(q, now_ns) >= FORCE_LEFT_S:
        return False
    if position == 0:
        return False
    return np.float64(abs(position)) >= q.position_threshold * np.float64(position_limit)
