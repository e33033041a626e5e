"""What we would like to have in the book: terms, levels, values, sizes.

Every half-spread is a sum of terms in bps per side (widening is asymmetric by nature), each kept with the quote. The
*careful* part of a model's term (away from the mid) counts in full within a cap, until its cost is shown; the *bold*
part (closer) is multiplied by the model's influence, which is 0 until its record shows that it adds value.
"""

import math

import numpy as np

from touchstone.core import grid as price_grid
from touchstone.core.calibration import caution, ledger, scorecard
from touchstone.core.conventions import BPS, FILL_HORIZONS_NS, NS, depth_bucket
from touchstone.core.jit import compiled, inline, record
from touchstone.core.market import book as order_book
from touchstone.core.models import adverse, capture, fill
from touchstone.core.params import RULE_AVELLANEDA, RULE_FIXED, RULE_GLFT, RULE_TICKS
from touchstone.core.quoting import avellaneda, glft, sizing
from touchstone.core.quoting.params import (
    MAX_LEVELS,
    MODEL_TERMS,
    N_MODEL_TERMS,
    N_TERMS,
    TERM_ADVERSE,
    TERM_BASE,
    TERM_CLAMP,
    TERM_EDGE,
    TERM_FAIR,
    TERM_FEE,
    TERM_FUNDING,
    TERM_INVENTORY,
    TERM_LAG,
    TERM_ORACLE,
    TERM_REGIME,
    TERM_STALENESS,
    TERM_TARGETS,
)
from touchstone.core.targets import ADVERSE_TARGET, FILL_TARGET

HORIZON_10S, HORIZON_60S = np.int64(1), np.int64(2)  # indexes into FILL_HORIZONS_NS
HORIZONS_S = np.array([ns / NS for ns in FILL_HORIZONS_NS])
MARKOUT_10S = np.int64(4)  # index into MARKOUT_HORIZONS_NS
ADVERSE_10S = np.int64(ADVERSE_TARGET + 4)
THREAT_SHARE = 0.3  # of a side's distance: beyond it what the leash withholds of the leader's move counts at once
LEADER_WEIGHT = 0.5  # of what the leader's move is more than the move that we expect of our mid
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
    "off_hours",
    "bid_toxicity_gate",
    "ask_toxicity_gate",
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
    NO_OFF_HOURS,
    NO_BID_GATE,
    NO_ASK_GATE,
) = (np.int64(i) for i in range(len(NO_QUOTE_NAMES)))

N_NO_QUOTE = len(NO_QUOTE_NAMES)

LADDER = record(
    [
        ("term_bps", "f8", (2, N_TERMS)),
        ("asked_bps", "f8", (2, N_TERMS)),  # what each model would have, before its leash
        ("half_spread_bps", "f8", (2,)),
        ("model_free_bps", "f8", (2,)),  # half-spread without any model's term
        ("is_priced", "i8", (2,)),  # 0: there is no half-spread (tables unsolved, or inventory at its bound)
        ("index", "i8", (2, MAX_LEVELS)),  # grid index, 0 = none
        ("px", "i8", (2, MAX_LEVELS)),
        ("depth_bps", "f8", (2, MAX_LEVELS)),
        ("queue_ahead", "f8", (2, MAX_LEVELS)),
        ("fill_p", "f8", (2, MAX_LEVELS)),  # within 10 s
        ("edge_bps", "f8", (2, MAX_LEVELS)),  # expected, if filled: half-spread then - fee - adverse selection at 10 s
        ("full_edge_bps", "f8", (2, MAX_LEVELS)),  # with all that models take off: prices a side that the gate keeps
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
        ("is_threatened", "i8", (2,)),  # the leader's move counts in full, beyond the leash
        ("n_threatened", "i8"),  # half-spreads with the leader's move in full, beyond the leash
        ("n_moved_off_touch", "i8"),  # levels that would have crossed
    ]
)


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
def form_terms(ladder, params, market, free, impacted, models):
    """Half-spread of each side as a sum of terms. `free`, `impacted`: GLFT tables without and with adverse selection.

    models: `influence` is the share of its own way that each has earned, `caution` what its careful part may count.
    """
    base, free_bid, free_ask = _base_and_skewed(free, params, market)
    hit_bid, hit_ask = free_bid, free_ask
    if params.rule == RULE_GLFT:
        hit_bid, hit_ask = glft.quote(impacted, np.float64(market.inventory_lots))
    cap = np.float64(params.careful_cap_bps)
    age_s = np.float64(max(market.data_age_ns - TYPICAL_AGE_NS, 0)) / NS
    staleness = min(market.sigma * math.sqrt(age_s), cap)
    oracle = min(np.float64(market.oracle_term_bps), cap)
    carry = min(max(np.float64(market.funding_carry_bps), -cap), cap)
    for s in range(2):
        ladder.is_threatened[s] = 0
        terms, asked = ladder.term_bps[s], ladder.asked_bps[s]
        with_inventory = free_bid if s == 0 else free_ask
        with_impact = hit_bid if s == 0 else hit_ask
        asked[TERM_ADVERSE] = with_impact - with_inventory
        asked[TERM_FAIR] = -market.fair_move_bps if s == 0 else np.float64(market.fair_move_bps)
        asked[TERM_LAG] = -market.lag_move_bps if s == 0 else np.float64(market.lag_move_bps)
        asked[TERM_REGIME] = market.regime_term_bps
        asked[TERM_EDGE] = market.edge_widen_bps[s]
        if math.isnan(base + with_inventory + asked[TERM_ADVERSE] + asked[TERM_FAIR]):
            ladder.is_priced[s] = 0
            continue
        ladder.is_priced[s] = 1
        terms[TERM_BASE] = base
        terms[TERM_INVENTORY] = with_inventory - base
        terms[TERM_FEE] = params.maker_fee_bps
        terms[TERM_STALENESS] = staleness
        terms[TERM_FUNDING] = carry if s == 0 else -carry
        terms[TERM_ORACLE] = oracle
        _leash(ladder, terms, asked, base, cap, models)
        without = base + terms[TERM_INVENTORY] + terms[TERM_FEE] + staleness + terms[TERM_FUNDING] + oracle
        half = without
        for n in range(N_MODEL_TERMS):
            half += terms[MODEL_TERMS[n]]
        withheld = _threat(asked[TERM_LAG], market, s) - terms[TERM_LAG]
        is_heard = params.heeds_threat and caution.share(models.caution, TERM_LAG) > 0.0
        if is_heard and withheld > THREAT_SHARE * (half - terms[TERM_LAG]):
            ladder.is_threatened[s] = 1
            ladder.n_threatened += 1
            terms[TERM_LAG] += withheld
            half += withheld
        market.lag_term_bps[s] = terms[TERM_LAG]
        clamped = _clamp(params, half)
        terms[TERM_CLAMP] = clamped - half
        if clamped != half:
            ladder.n_clamped += 1
        ladder.half_spread_bps[s] = clamped
        ladder.model_free_bps[s] = _clamp(params, without)


@inline
def _threat(expected_bps, market, s):
    """How far the leader's move takes the price toward a side, for who knows it: between its mean and all of it.

    Who takes a stale quote goes by where the leader stands, not by how much of it our mid will follow.
    """
    gap_bps = -market.lag_gap_bps if s == 0 else np.float64(market.lag_gap_bps)
    if gap_bps > expected_bps:  # not where it is unknown
        return expected_bps + LEADER_WEIGHT * (gap_bps - expected_bps)
    return expected_bps


@inline
def _clamp(params, half):
    return min(max(half, np.float64(params.min_half_spread_bps)), np.float64(params.max_half_spread_bps))


@inline
def _leash(ladder, terms, asked, base, cap, models):
    """What each model asks for, as far as it has earned it; of the rest the careful part (away from mid), in its cap.

    Careful parts that are not proven come to at most one base half-spread together.
    """
    together = 0.0
    for n in range(N_MODEL_TERMS):
        term = MODEL_TERMS[n]
        careful = max(asked[term], 0.0)
        if careful > cap:
            ladder.n_careful_capped += 1
            careful = cap
        terms[term] = (1.0 - models.influence[TERM_TARGETS[n]]) * caution.share(models.caution, term) * careful
        together += terms[term]
    fits = 1.0
    if together > base:
        ladder.n_careful_scaled += 1
        fits = base / together
    for n in range(N_MODEL_TERMS):
        term = MODEL_TERMS[n]
        terms[term] = models.influence[TERM_TARGETS[n]] * asked[term] + fits * terms[term]


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
def index_at_depth(grid, s, mid, depth_bps):
    """Grid index of the price at a depth from mid (price units), or of the next one farther away."""
    if s == 0:
        return price_grid.index_at_or_below(grid, mid * (1.0 - depth_bps / BPS))
    return price_grid.index_at_or_above(grid, mid * (1.0 + depth_bps / BPS))


@inline
def off_touch(s, index, opposite):
    """The index, or the nearest one that does not cross the other side's touch (its grid index)."""
    return min(index, opposite - 1) if s == 0 else max(index, opposite + 1)


@compiled
def place_levels(ladder, params, market, book, grid):
    """Prices of each level on the venue's grid, away from the touch of the other side, each price once."""
    for s in range(2):
        place_side(ladder, params, market, book, grid, np.int64(s))


@compiled
def place_side(ladder, params, market, book, grid, s):
    """Prices of the levels of one side."""
    mid = 0.5 * np.float64(market.mid2)
    if not ladder.is_priced[s]:
        for j in range(params.levels):
            ladder.px[s, j] = 0
        return
    opposite = price_grid.index_of(grid, np.int64(market.best_px[1 - s]))
    previous = np.int64(0)
    for j in range(params.levels):
        depth = ladder.half_spread_bps[s] + np.float64(j) * params.level_spacing_bps
        at_depth = index_at_depth(grid, s, mid, depth)
        index = off_touch(s, at_depth, opposite)
        if index != at_depth:
            ladder.n_moved_off_touch += 1
        if j > 0 and s == 0 and index >= previous:
            index = previous - 1
        elif j > 0 and s == 1 and index <= previous:
            index = previous + 1
        previous = index
        _put_level(ladder, book, grid, s, np.int64(j), index)


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
    """(P(fill within FILL_HORIZONS_NS[h]), expected edge, full edge in bps if filled) of an order, behind a queue.

    The probability is that of the measured intensity, moved towards the fill model as far as that has earned it. What
    the models take off the quoted distance (mid coming nearer before the fill, adverse selection after it) counts as
    far as one base half-spread, in the full edge without a bound: to withdraw a side is the gate's, which goes on
    trying it. A side withdrawn for its value would have no more fills that could show the estimate to be wrong. What
    they add counts as far as the adverse selection model has earned it. The leader's move, as far as it is believed
    in the quotes, counts as made: it brings the mid nearer to the side that it threatens.
    """
    raw_depth_bps = depth_bps
    depth_bps = depth_bps - ladder.term_bps[s, TERM_LAG]
    rate = market.a * math.exp(-market.k * max(depth_bps, 0.0))
    p = -math.expm1(-rate * HORIZONS_S[h])
    trusted = models.influence[FILL_TARGET + h] if params.has_fill else 0.0
    if trusted > 0.0:
        ledger.fill_features(ladder.features, market, s, raw_depth_bps, queue_ahead)
        predicted, _ = fill.predict(models.fill_model, ladder.features, h)
        p += trusted * (scorecard.forecast(models.cards[FILL_TARGET + h], predicted) - p)
    bucket = depth_bucket(depth_bps)
    half_spread, _ = capture.predict(models.capture, bucket, depth_bps)
    loss, _, _ = adverse.predict(models.adverse, MARKOUT_10S, bucket, s, market.sigma, market.toxicity_x[s])
    taken = depth_bps - half_spread + loss - market.lag_announced_bps
    full_edge = depth_bps - params.maker_fee_bps - taken
    if not params.has_adverse:
        taken = 0.0
    if taken < 0.0:
        taken *= models.influence[ADVERSE_10S]
    taken = min(taken, np.float64(ladder.term_bps[s, TERM_BASE]))
    return p, depth_bps - params.maker_fee_bps - taken, full_edge


@compiled
def value_levels(ladder, models, params, market):
    """`value_side` of both."""
    for s in range(2):
        value_side(ladder, models, params, market, np.int64(s))


@compiled
def value_side(ladder, models, params, market, s):
    """Expected value of every level of a side, whether or not we may quote it.

    To what a fill earns comes what it does to our inventory: the inventory term of the half-spread is the price that
    GLFT puts on holding one more lot that way, so a fill that reduces is worth that much more.
    """
    for j in range(params.levels):
        p, edge, full_edge = 0.0, 0.0, 0.0
        if ladder.is_priced[s]:
            depth, ahead = ladder.depth_bps[s, j], ladder.queue_ahead[s, j]
            p, edge, full_edge = value_at(ladder, models, params, market, s, depth, ahead, HORIZON_10S)
        ladder.fill_p[s, j] = p
        ladder.edge_bps[s, j] = edge
        ladder.full_edge_bps[s, j] = full_edge
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
