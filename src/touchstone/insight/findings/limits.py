"""Rules about what held us back: data that are not fresh, the request budget, the position limit."""

import numpy as np

from touchstone.insight.findings.finding import Finding, Severity, exact, rule, span_s
from touchstone.insight.readings import clustered
from touchstone.insight.readings.clustered import NOTHING, Estimate
from touchstone.insight.readings.fills import edge_bps
from touchstone.insight.readings.folder import NS, NoDataError
from touchstone.insight.readings.path import Money
from touchstone.insight.readings.readings import Readings
from touchstone.insight.readings.requests import PRICE

FEED_REASONS = ("stale_data", "feed_lag", "feed_down", "blind_book")
LEAST_STALE, OFTEN_STALE = 0.02, 0.10
LEAST_PULLED = 0.01
LEAST_QUOTA = 0.01
LEAST_AT_LIMIT, NEAR_LIMIT = 0.05, 0.9
BLOCK_NS = 60 * NS


@rule(
    "stale feed",
    "Were the market's and the reference venue's data fresh?",
    f"decisions with a stale reference took at least {LEAST_STALE:.0%} of the time (high from {OFTEN_STALE:.0%} on), "
    f"or it was stale at the last decision; or the market's own feed tripped a breaker ({', '.join(FEED_REASONS)}) and "
    f"at least {LEAST_PULLED:.0%} of the time was lost to it",
)
def stale_feed(readings: Readings) -> list[Finding]:
    return [found for found in (_stale_reference(readings), _stale_market(readings)) if found]


def _stale_reference(readings: Readings) -> Finding | None:
    try:
        quotes, names = readings.quotes, readings.session.names("reference")
    except NoDataError:
        return None
    stale = quotes.reference == names.index("stale")
    held = np.diff(quotes.t_ns, append=quotes.t_ns[-1]).astype(np.float64)
    share = float(held[stale].sum() / held.sum()) if held.sum() > 0 else float(stale.mean())
    ended = bool(stale[-1])  # not after it: a session that ends leaves the reference venue first
    if share < LEAST_STALE and not ended:
        return None
    bps, money, n = _edge_while(readings, quotes.t_ns, stale)
    evidence = [f"stale in {share:.0%} of the time that we quoted" + ("; stale at the last decision" if ended else "")]
    if n:
        evidence.append(f"{n:,} fills came meanwhile")
    return Finding(
        "stale feed",
        Severity.HIGH if share >= OFTEN_STALE else Severity.MEDIUM,
        f"The reference venue was stale in {share:.0%} of the time: its models had no say",
        tuple(evidence),
        "Look at its connection (`touchstone doctor`, session.log) and at `[reference] stale_after_s`: a quiet market "
        "is not a stale feed. While it is stale the lag term is 0 and nobody guards against its moves.",
        "edge of the fills that came while it was stale, at 10 s after fees",
        bps,
        money,
    )


def _edge_while(readings: Readings, t_ns: np.ndarray, during: np.ndarray) -> tuple[Estimate, Estimate, int]:
    """Edge of the fills whose newest decision was during something."""
    try:
        fills = readings.fills
    except NoDataError:
        return NOTHING, NOTHING, 0
    at = np.clip(np.searchsorted(t_ns, fills.t_ns, side="right") - 1, 0, len(t_ns) - 1)
    chosen = during[at]
    if not chosen.any():
        return NOTHING, NOTHING, 0
    edge = edge_bps(fills, readings.fee_bps)[chosen]
    bps = clustered.mean(edge, fills.blocks()[chosen], fills.notional[chosen])
    return bps, bps.times(float(fills.notional[chosen].sum()) / 1e4), int(chosen.sum())


def _stale_market(readings: Readings) -> Finding | None:
    trips = (readings.result.get("risk") or {}).get("trips") or {}
    tripped = {name: trips[name] for name in FEED_REASONS if trips.get(name)}
    pulled = float((readings.result.get("not_quoting_s") or {}).get("pulled") or 0.0)
    span = span_s(readings)
    if not tripped or not pulled >= LEAST_PULLED * span:
        return None
    pnl = readings.result.get("pnl") or {}
    earned = (pnl.get("spread_capture") or 0.0) - (pnl.get("fees") or 0.0)
    forgone = earned * pulled / max(span - pulled, 1.0)
    volume = float(readings.result.get("volume") or 0.0)
    words = ", ".join(f"{name} {count}x" for name, count in tripped.items())
    return Finding(
        "stale feed",
        Severity.HIGH if pulled >= OFTEN_STALE * span else Severity.MEDIUM,
        f"The market's own feed kept us out of the book for {pulled:,.0f} s ({pulled / span:.0%})",
        (f"breakers: {words}", f"all quotes pulled for {pulled:,.0f} s of {span:,.0f} s"),
        "Look at connection losses and feed lag under Latency and Data quality; a feed that stutters at the same time "
        "of day is the provider's. `[risk] stale_after_s` and `max_feed_lag_s` say from when on it counts.",
        "what the time out of the book cost (+ saved), at the rate of spread minus fees of the rest",
        exact(-1e4 * forgone / volume) if volume else NOTHING,
        exact(-forgone) if volume else NOTHING,
    )


@rule(
    "quota-bound",
    "Does the request budget decide what we quote?",
    f"at least {LEAST_QUOTA:.0%} of the time of a side was lost to rule `quota`, or the requests used reached the "
    "share of the allowance from which inventory is forced (1 - `headroom_trigger`): high; at this session's rate the "
    "budget is used up within `[quota] plan_h`: medium",
)
def quota_bound(readings: Readings) -> list[Finding]:
    requests, settings = readings.requests, readings.session.config.quota
    used, allowed = float(requests.used[-1]), float(requests.allowed[-1])
    most = float((requests.used / requests.allowed).max())
    lost = float((readings.result.get("not_quoting_s") or {}).get("quota") or 0.0)
    span = span_s(readings)
    hours = span / 3600.0
    earned = allowed - settings.initial_requests
    net_rate = (used - earned) / hours if hours > 0 else 0.0
    left_h = (allowed - used) / net_rate if net_rate > 0 else float("inf")
    is_bound = lost >= LEAST_QUOTA * span or most >= 1.0 - settings.headroom_trigger
    if not is_bound and not (left_h < settings.plan_h and hours >= 0.25):
        return []
    volume = float(readings.result.get("volume") or 0.0)
    cost = max(used - earned, 0.0) * PRICE
    evidence = [
        f"{used:,.0f} requests sent, {earned:,.0f} earned by trading, {allowed:,.0f} allowed: {most:.0%} used at most",
        f"{net_rate:,.0f} requests an hour more than trading earns: "
        + (f"the rest lasts {left_h:.1f} h" if left_h > 0 else "nothing is left"),
    ]
    if lost:
        evidence.append(f"not quoting by rule quota: {lost:,.0f} s")
    fills = readings.result.get("fills") or 0
    if fills:
        evidence.append(f"{used / fills:,.0f} requests per fill")
    return [
        Finding(
            "quota-bound",
            Severity.HIGH if is_bound else Severity.MEDIUM,
            "The request budget decides what is quoted" if is_bound else f"The request budget lasts {left_h:.1f} hours",
            tuple(evidence),
            "Send fewer requests per fill: a larger `keep_tolerance_bps` or `requote_interval_ms`, fewer `levels`; or "
            f"buy requests at {PRICE:g} {readings.session.currency} each. Wider quotes make it worse: fewer fills earn "
            "fewer requests.",
            f"price of the requests beyond those earned, at {PRICE:g} each",
            exact(-1e4 * cost / volume) if volume else NOTHING,
            exact(-cost),
        )
    ]


@rule(
    "inventory-bound",
    "Does the position limit decide which side we quote?",
    f"at least {LEAST_AT_LIMIT:.0%} of the time of a side was lost to rules `position_limit`, `reduce_only` and "
    "`below_min_notional` (the limit leaves less than the exchange takes), or the position was beyond "
    f"{NEAR_LIMIT:.0%} of its limit in at least {LEAST_AT_LIMIT:.0%} of the time",
)
def inventory_bound(readings: Readings) -> list[Finding]:
    seconds = readings.result.get("not_quoting_s") or {}
    trips = (readings.result.get("risk") or {}).get("trips") or {}
    lost = float(seconds.get("position_limit") or 0.0) + float(seconds.get("below_min_notional") or 0.0)
    if trips.get("position_limit"):
        lost += float(seconds.get("reduce_only") or 0.0)
    span, limit = span_s(readings), readings.session.config.max_position_notional
    money = readings.money
    held_s = np.diff(money.t_ns, append=money.t_ns[-1]) / NS
    near = np.abs(money.position * money.mid) >= NEAR_LIMIT * limit
    near_share = float(held_s[near].sum() / held_s.sum()) if held_s.sum() > 0 else 0.0
    lost_share = lost / span if span > 0 else 0.0
    if max(lost_share, near_share) < LEAST_AT_LIMIT:
        return []
    total, bps = _carried(money, readings)
    largest = float(np.abs(money.position * money.mid).max())
    return [
        Finding(
            "inventory-bound",
            Severity.HIGH if max(lost_share, near_share) >= 0.25 else Severity.MEDIUM,
            f"The position limit decides the side: near or at it in {max(near_share, lost_share):.0%} of the time",
            (
                f"position beyond {NEAR_LIMIT:.0%} of the limit ({limit:,.0f} {readings.session.currency}) in "
                f"{near_share:.0%} of the time, largest {largest:,.0f}",
                f"a side kept out by the limit for {lost:,.0f} s ({lost_share:.0%})",
            ),
            "Skew harder (`inventory_skew_bps_at_limit`), quote smaller lots (`order_notional`) or lower the limit: at "
            "the limit the price of the position is paid without a say in it.",
            "what the position won or lost by moves of the mid",
            bps,
            total,
        )
    ]


def _carried(money: Money, readings: Readings) -> tuple[Estimate, Estimate]:
    """Position x move of the mid over the session: (money, bps of volume); interval from minutes as independent."""
    moved = money.position[:-1] * np.diff(money.mid)
    _, at = np.unique(money.t_ns[:-1] // BLOCK_NS, return_inverse=True)
    minutes = clustered.sums(at, moved)
    per_minute = clustered.of_blocks(minutes, np.ones(len(minutes)), n=len(minutes))
    total = per_minute.times(float(len(minutes)))
    volume = float(readings.result.get("volume") or 0.0)
    return total, total.times(1e4 / volume) if volume else NOTHING
