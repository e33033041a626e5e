"""What we would like to have in the book: terms, levels, values, sizes.

Every half-spread is a sum of terms in bps per side (widening is asymmetric by nature), each kept with the quote. The
*careful* part of a model's term (away from the mid) counts in full within a cap; the *bold* part (closer) is multiplied
by the model's influence, which is 0 until its record shows that it adds value.
"""

import math

import numpy as np

from touchstone.core import grid as price_grid
from touchstone.core.calibration import ledger
from touchstone.core.conventions import BPS, FILL_HORIZONS_NS, NS, depth_bucket
from touchstone.core.jit import compiled, inline, record
from touchstone.core.market import book as order_book
from touchstone.core.models import adverse, capture, fill
from touchstone.core.params import RULE_AVELLANEDA, RULE_FIXED, RULE_GLFT, RULE_TICKS
from touchstone.core.quoting import avellaneda, glft, sizing
from touchstone.core.quoting.params import (
    MAX_LEVELS,
    N_TERMS,
    TERM_ADVERSE,
    TERM_BASE,
    TERM_CLAMP,
    TERM_FAIR,
    TERM_FEE,
    TERM_INVENTORY,
    TERM_LAG,
    TERM_STALENESS,
)
from touchstone.core.targets import ADVERSE_TARGET, FAIR_TARGET, FILL_TARGET, LAG_MOVE_TARGET

HORIZON_10S, HORIZON_60S = np.int64(1), np.int64(2)  # indexes into FILL_HORIZONS_NS
HORIZONS_S = np.array([ns / NS for ns in FILL_HORIZONS_NS])
FAIR_1S, LAG_1S = FAIR_TARGET, LAG_MOVE_TARGET
MARKOUT_10S = np.int64(4)  # index into MARKOUT_HORIZONS_NS
ADVERSE_10S = np.int64(ADVERSE_TARGET + 4)
TYPICAL_AGE_NS = np.int64(NS)  # a feed that spoke within this time is fresh
ZERO_LOTS = np.float64(0.0)
ONE = np.int64(1)

NO_QUOTE_NAMES = (
    "quoting",
    "no_book",
    "killed",
    "pulled",
    "reduce_only",
    "position_limit",
    "negative_value",
    "below_min_notional",
    "order_rate",
    "ledger_full",
    "quota",
    "warming_up",
    "refused",
)
(
    QUOTING,
    NO_BOOK,
    NO_KILLED,
    NO_PULLED,
    NO_REDUCE_ONLY,
    NO_POSITION_LIMIT,
    NO_NEGATIVE_VALUE,
    NO_MIN_NOTIONAL,
    NO_ORDER_RATE,
    NO_LEDGER_FULL,
    NO_QUOTA,
    NO_WARMING,
    NO_REFUSED,  # the exchange refused what was sent: waiting before the next try
) = (np.int64(i) for i in range(len(NO_QUOTE_NAMES)))

N_NO_QUOTE = len(NO_QUOTE_NAMES)

LADDER = record(
    [
        ("term_bps", "f8", (2, N_TERMS)),
        ("half_spread_bps", "f8", (2,)),
        ("is_priced", "i8", (2,)),  # 0: there is no half-spread (tables unsolved, or inventory at its bound)
        ("index", "i8", (2, MAX_LEVELS)),  # grid index, 0 = none
        ("px", "i8", (2, MAX_LEVELS)),
        ("depth_bps", "f8", (2, MAX_LEVELS)),
        ("queue_ahead", "f8", (2, MAX_LEVELS)),
        ("fill_p", "f8", (2, MAX_LEVELS)),  # within 10 s
        ("edge_bps", "f8", (2, MAX_LEVELS)),  # expected, if filled: half-spread then - fee - adverse selection at 10 s
        ("value_bps", "f8", (2, MAX_LEVELS)),  # fill_p x (edge - inventory term)
        ("qty", "i8", (2, MAX_LEVELS)),  # wanted; 0 = no quote at this level
        ("is_reduce", "i8", (2,)),
        ("no_quote", "i8", (2,)),  # NO_QUOTE reason of a side without an order
        ("no_quote_since_ns", "i8", (2,)),
        ("features", fill.FEATURES),  # scratch
        ("values", "f8", (MAX_LEVELS,)),  # scratch
        ("sizes", "i8", (MAX_LEVELS,)),  # scratch
        ("allocation", sizing.SCRATCH),
        ("n_clamped", "i8"),  # half-spreads moved into [min, max]
        ("n_careful_capped", "i8"),
        ("n_careful_scaled", "i8"),  # times all careful terms together exceeded a base half-spread
        ("n_moved_off_touch", "i8"),  # levels that would have crossed
    ]
)


@inline
def _within_cap(ladder, term, cap):
    """A careful term within its cap; counted when it was wider."""
    if term > cap:
        ladder.n_careful_capped += 1
        return cap
    return term


@compiled
def _base_and_skewed(table, params, market):
    """(base, bid, ask) half-spreads in bps at rest and at the present inventory, adverse selection apart; NaN: none."""
    q = np.float64(market.inventory_lots)
    lots_at_limit = max(np.float64(params.max_position_notional) / np.float64(max(params.order_notional, 1)), 1.0)
    if params.rule == RULE_FIXED:
        base = np.float64(params.fixed_half_spread_bps)
        skew = params.skew_bps_at_limit * q / lots_at_limit
        return base, base + skew, base - skew
    if params.rule == RULE_AVELLANEDA:
        variance = market.sigma * market.sigma * params.avellaneda_horizon_s
        gamma = params.skew_bps_at_limit / (lots_at_limit * variance) if variance > 0.0 else 0.0
        base = avellaneda.half_spread(gamma, market.sigma, market.k, params.avellaneda_horizon_s)
        skew = avellaneda.skew(q, gamma, market.sigma, params.avellaneda_horizon_s)
        return base, base + skew, base - skew
    base, _ = glft.quote(table, ZERO_LOTS)
    bid, ask = glft.quote(table, q)
    return base, bid, ask


@compiled
def form_terms(ladder, params, market, free, impacted, influence):
    """Half-spread of each side as a sum of terms. `free`, `impacted`: GLFT tables without and with adverse selection.

    influence f8[N_TARGETS]: share of its bold part that each model has earned.
    """
    base, free_bid, free_ask = _base_and_skewed(free, params, market)
    hit_bid, hit_ask = free_bid, free_ask
    if params.rule == RULE_GLFT:
        hit_bid, hit_ask = glft.quote(impacted, np.float64(market.inventory_lots))
    cap = np.float64(params.careful_cap_bps)
    age_s = np.float64(max(market.data_age_ns - TYPICAL_AGE_NS, 0)) / NS
    staleness = _within_cap(ladder, market.sigma * math.sqrt(age_s), cap)
    for s in range(2):
        terms = ladder.term_bps[s]
        with_inventory = free_bid if s == 0 else free_ask
        with_impact = hit_bid if s == 0 else hit_ask
        adverse_term = with_impact - with_inventory
        fair_term = -market.fair_move_bps if s == 0 else np.float64(market.fair_move_bps)
        if math.isnan(base + with_inventory + adverse_term + fair_term):
            ladder.is_priced[s] = 0
            continue
        ladder.is_priced[s] = 1
        adverse_term = _leash(ladder, adverse_term, cap, influence[ADVERSE_10S])
        fair_term = _leash(ladder, fair_term, cap, influence[FAIR_1S])
        threat = -market.lag_move_bps if s == 0 else np.float64(market.lag_move_bps)
        earned = influence[LAG_1S]
        lag_careful = (1.0 - earned) * _within_cap(ladder, max(threat, 0.0), cap)
        careful = max(adverse_term, 0.0) + max(fair_term, 0.0) + lag_careful
        if careful > base:  # unproven models together: at most one base half-spread
            ladder.n_careful_scaled += 1
            adverse_term *= base / careful if adverse_term > 0.0 else 1.0
            fair_term *= base / careful if fair_term > 0.0 else 1.0
            lag_careful *= base / careful
        terms[TERM_BASE] = base
        terms[TERM_INVENTORY] = with_inventory - base
        terms[TERM_FEE] = params.maker_fee_bps
        terms[TERM_ADVERSE] = adverse_term
        terms[TERM_FAIR] = fair_term
        terms[TERM_LAG] = earned * threat + lag_careful
        market.lag_term_bps[s] = terms[TERM_LAG]
        terms[TERM_STALENESS] = staleness
        half = 0.0
        for term in range(N_TERMS - 1):
            half += terms[term]
        clamped = min(max(half, np.float64(params.min_half_spread_bps)), np.float64(params.max_half_spread_bps))
        terms[TERM_CLAMP] = clamped - half
        if clamped != half:
            ladder.n_clamped += 1
        ladder.half_spread_bps[s] = clamped


@compiled
def form_terms_in_ticks(ladder, params, market, grid):
    """The rule of ticks: half-spread and inventory, nothing added; prices follow from `place_levels_in_ticks`."""
    tick_bps = _tick(market, grid) / (0.5 * np.float64(market.mid2)) * BPS
    for s in range(2):
        terms = ladder.term_bps[s]
        for term in range(N_TERMS):
            terms[term] = 0.0
        away = np.float64(1 - 2 * s)
        terms[TERM_BASE] = params.half_spread_ticks * tick_bps
        terms[TERM_INVENTORY] = away * params.skew_ticks_per_lot * market.inventory_lots * tick_bps
        ladder.half_spread_bps[s] = terms[TERM_BASE] + terms[TERM_INVENTORY]
        ladder.is_priced[s] = 1


@inline
def _tick(market, grid):
    """Tick (price units, float) at the touch."""
    return np.float64(price_grid.tick_at(grid, np.int64(market.best_px[1])))


@compiled
def place_levels_in_ticks(ladder, params, market, book, grid):
    """Prices of each level: the nearest valid one, never better than the touch of its own side."""
    tick = _tick(market, grid)
    reservation = 0.5 * np.float64(market.mid2) - params.skew_ticks_per_lot * market.inventory_lots * tick
    half = params.half_spread_ticks * tick
    for s in range(2):
        touch = price_grid.index_of(grid, np.int64(market.best_px[s]))
        if s == 0:
            first = min(price_grid.index_nearest(grid, reservation - half), touch)
        else:
            first = max(price_grid.index_nearest(grid, reservation + half), touch)
        outward = (2 * s - 1) * np.int64(params.level_spacing_ticks)
        for j in range(params.levels):
            _put_level(ladder, book, grid, np.int64(s), np.int64(j), max(first + j * outward, ONE))
            ladder.fill_p[s, j] = math.nan  # this rule asks for no value
            ladder.edge_bps[s, j] = math.nan
            ladder.value_bps[s, j] = math.nan


@inline
def _put_level(ladder, book, grid, s, j, index):
    px = price_grid.price_of(grid, index)
    ladder.index[s, j] = index
    ladder.px[s, j] = px
    ladder.depth_bps[s, j] = order_book.depth_bps(book, s, px)
    ladder.queue_ahead[s, j] = queue_at(book, s, index)


@inline
def _leash(ladder, term, cap, influence):
    """Careful (away from mid): in full within the cap. Bold (closer): as far as the model has earned it."""
    return _within_cap(ladder, term, cap) if term > 0.0 else term * influence


@compiled
def place_levels(ladder, params, market, book, grid):
    """Prices of each level on the venue's grid, away from the touch of the other side, each price once."""
    mid = 0.5 * np.float64(market.mid2)
    for s in range(2):
        if not ladder.is_priced[s]:
            for j in range(params.levels):
                ladder.px[s, j] = 0
            continue
        opposite = price_grid.index_of(grid, np.int64(market.best_px[1 - s]))
        previous = np.int64(0)
        for j in range(params.levels):
            depth = ladder.half_spread_bps[s] + np.float64(j) * params.level_spacing_bps
            if s == 0:
                index = price_grid.index_at_or_below(grid, mid * (1.0 - depth / BPS))
                if index >= opposite:
                    index = opposite - 1
                    ladder.n_moved_off_touch += 1
                if j > 0 and index >= previous:
                    index = previous - 1
            else:
                index = price_grid.index_at_or_above(grid, mid * (1.0 + depth / BPS))
                if index <= opposite:
                    index = opposite + 1
                    ladder.n_moved_off_touch += 1
                if j > 0 and index <= previous:
                    index = previous + 1
            previous = index
            _put_level(ladder, book, grid, np.int64(s), np.int64(j), index)


@inline
def queue_at(book, s, index):
    """Size in front of a new order at a grid index (size units); beyond the visible book the touch stands in."""
    slot = order_book.slot_of(book, index)
    if slot >= 0 and order_book.is_known(book, s, slot):
        return np.float64(order_book.net_qty(book, s, slot))
    if book.best[s] >= 0:
        return np.float64(order_book.net_qty(book, s, np.int64(book.best[s])))
    return 0.0


@inline
def value_at(ladder, models, params, market, s, depth_bps, queue_ahead, h):
    """(P(fill within FILL_HORIZONS_NS[h]), expected edge in bps if filled) of an order at a depth, behind a queue.

    The probability is that of the measured intensity, moved towards the fill model as far as that has earned it. What
    the models take off the quoted distance (mid coming nearer before the fill, adverse selection after it) counts as
    far as one base half-spread until the adverse selection model has shown that it adds value, and in full from then
    on: doubt alone does not withdraw a side. The leader's move, as far as it is believed in the quotes, counts as made:
    it brings the mid nearer to the side that it threatens.
    """
    raw_depth_bps = depth_bps
    depth_bps = depth_bps - ladder.term_bps[s, TERM_LAG]
    rate = market.a * math.exp(-market.k * max(depth_bps, 0.0))
    p = -math.expm1(-rate * HORIZONS_S[h])
    trusted = models.influence[FILL_TARGET + h]
    if trusted > 0.0:
        ledger.fill_features(ladder.features, market, s, raw_depth_bps, queue_ahead)
        predicted, _ = fill.predict(models.fill_model, ladder.features, h)
        p += trusted * (predicted - p)
    bucket = depth_bucket(depth_bps)
    half_spread, _ = capture.predict(models.capture_10s, bucket, depth_bps)
    loss, _, _ = adverse.predict(models.adverse, MARKOUT_10S, bucket, s, market.sigma)
    taken = depth_bps - half_spread + loss - market.lag_announced_bps
    earned = models.influence[ADVERSE_10S]
    most = np.float64(ladder.term_bps[s, TERM_BASE])
    if taken > most:
        taken = most + earned * (taken - most)
    elif taken < 0.0:
        taken *= earned
    return p, depth_bps - params.maker_fee_bps - taken


@compiled
def value_levels(ladder, models, params, market):
    """Expected value of every level, whether or not we may quote it.

    To what a fill earns comes what it does to our inventory: the inventory term of the half-spread is the price that
    GLFT puts on holding one more lot that way, so a fill that reduces is worth that much more.
    """
    for s in range(2):
        for j in range(params.levels):
            p, edge = 0.0, 0.0
            if ladder.is_priced[s]:
                depth, ahead = ladder.depth_bps[s, j], ladder.queue_ahead[s, j]
                p, edge = value_at(ladder, models, params, market, np.int64(s), depth, ahead, HORIZON_10S)
            ladder.fill_p[s, j] = p
            ladder.edge_bps[s, j] = edge
            ladder.value_bps[s, j] = p * (edge - ladder.term_bps[s, TERM_INVENTORY])


@compiled
def size_side(ladder, params, grid, s, room, is_reducing, only_reduce, position, order_qty):
    """Sizes of one side. `room`: how much more we may hold that way (size units); returns the NO_QUOTE reason."""
    n = np.int64(params.levels)
    for j in range(n):
        ladder.qty[s, j] = 0
    ladder.is_reduce[s] = 0
    held = abs(position)
    if only_reduce:
        ladder.is_reduce[s] = 1
        room = min(room, held)
    if not ladder.is_priced[s]:
        return NO_POSITION_LIMIT if held > 0 else NO_WARMING
    least = price_grid.smallest_order_qty(grid, np.int64(ladder.px[s, 0]))
    if room <= 0:
        return NO_POSITION_LIMIT
    if room < least:
        if only_reduce:  # dust: the whole of it, reduce-only, exempt from the minimum
            ladder.qty[s, 0] = room
            return QUOTING
        return NO_MIN_NOTIONAL
    if params.rule == RULE_TICKS:
        for j in range(n):
            qty = min(room, order_qty)
            ladder.qty[s, j] = qty if qty >= least else 0
            room -= ladder.qty[s, j]
        return QUOTING
    for j in range(n):
        ladder.values[j] = ladder.value_bps[s, j]
    whole = min(room, order_qty * n)
    sizing.allocate(
        ladder.values, n, whole, params.temperature_bps, least, order_qty * 2, ladder.sizes, ladder.allocation
    )
    placed = np.int64(0)
    for j in range(n):
        ladder.qty[s, j] = ladder.sizes[j]
        placed += ladder.sizes[j]
    if placed > 0:
        return QUOTING
    if is_reducing:  # never withdrawn: the way out stays open
        ladder.qty[s, 0] = max(min(held, order_qty), least)
        return QUOTING
    return NO_NEGATIVE_VALUE


@compiled
def is_sound(ladder, params, market, grid):
    """The invariants of what is wanted: bids below asks, neither crossing the touch, on the grid, each price once."""
    for s in range(2):
        for j in range(params.levels):
            if ladder.qty[s, j] == 0:
                continue
            px = np.int64(ladder.px[s, j])
            if not price_grid.is_valid_price(grid, px):
                return False
            if (s == 0 and px >= market.best_px[1]) or (s == 1 and px <= market.best_px[0]):
                return False
            if j > 0 and ladder.px[s, j] == ladder.px[s, j - 1]:
                return False
    return ladder.qty[0, 0] == 0 or ladder.qty[1, 0] == 0 or ladder.px[0, 0] < ladder.px[1, 0]
