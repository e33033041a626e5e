"""The configuration in the units of the compiled parts: PARAMS of the core, VENUE_PARAMS of the exchange."""

from typing import Any

from touchstone.config import Config, ConfigError
from touchstone.core.calibration.shadow import CAPACITY as TRACKED_ORDERS
from touchstone.core.conventions import FILL_HORIZONS_NS, MS, NS
from touchstone.core.market import queue
from touchstone.core.params import RULE_AVELLANEDA, RULE_FIXED, RULE_GLFT, RULE_TICKS
from touchstone.exchange import rules

MICRO = 1_000_000
QUEUE_KINDS = {
    "risk_averse": queue.PESSIMISTIC,
    "power": queue.POWER,
    "power2": queue.POWER2,
    "power3": queue.POWER3,
    "log": queue.LOG,
    "log2": queue.LOG2,
}
RULES = {"glft": RULE_GLFT, "fixed": RULE_FIXED, "avellaneda": RULE_AVELLANEDA, "ticks": RULE_TICKS}
MAX_LEVERAGE = 10  # of HYPE; the venue's metadata are not in a recording
MAINTENANCE_SHARE = 0.5 / MAX_LEVERAGE  # half the initial margin


def micro(amount: float) -> int:
    """Whole micro-units of an amount of collateral."""
    return round(amount * MICRO)


def nanoseconds(seconds: float) -> int:
    """Whole nanoseconds of seconds."""
    return round(seconds * NS)


def fill_params(params: Any, config: Config, sz_decimals: int) -> None:
    """Write a configuration into a PARAMS record. Raises ConfigError where it exceeds what the ledger can follow."""
    quoting, models, risk = config.quoting, config.models, config.risk
    if models.enabled:
        _check_ledger_capacity(config)
    params.seed = config.seed
    params.sz_decimals = sz_decimals
    params.min_notional = micro(config.exchange.min_notional)
    params.maker_fee_bps = config.maker_fee_bps
    params.taker_fee_bps = config.taker_fee_bps
    params.capital = micro(config.capital.capital)
    params.maintenance_share = MAINTENANCE_SHARE
    params.rule = RULES[quoting.rule]
    params.levels = quoting.levels
    params.level_spacing_bps = quoting.level_spacing_bps
    params.order_notional = micro(quoting.order_notional)
    params.order_size = round(quoting.order_size * 10**sz_decimals)
    params.max_position_notional = micro(config.max_position_notional)
    params.skew_bps_at_limit = quoting.inventory_skew_bps_at_limit
    params.min_half_spread_bps = quoting.min_half_spread_bps
    params.max_half_spread_bps = quoting.max_half_spread_bps
    params.fixed_half_spread_bps = quoting.fixed_half_spread_bps
    params.half_spread_ticks = quoting.half_spread_ticks
    params.skew_ticks_per_lot = quoting.skew_ticks_per_lot
    params.level_spacing_ticks = quoting.level_spacing_ticks
    params.avellaneda_horizon_s = quoting.avellaneda_horizon_s
    params.requote_ns = quoting.requote_interval_ms * MS
    params.decides_on_clock = int(quoting.decide == "clock")
    params.amends = int(quoting.move == "amend")
    params.keep_tolerance_bps = quoting.keep_tolerance_bps
    params.temperature_bps = quoting.temperature_bps
    params.has_lag = int(models.lag)
    params.has_fill = int(models.fill)
    params.has_adverse = int(models.adverse)
    params.has_fair = int(models.fair)
    params.has_edge = int(models.edge)
    params.shuffles_inputs = int(models.inputs == "shuffled")
    params.follows_fair = int(models.fair or models.idle == "scored")
    params.follows_edge = int(models.edge or models.idle == "scored")
    params.has_gate = int(models.gate)
    params.heeds_threat = int(models.gate and models.gate_lot_share == 0.0)
    params.gate_heat = models.gate_heat
    params.gate_lot_share = models.gate_lot_share
    params.gate_try_share = models.gate_try_share
    params.has_regime = int(models.regime)
    params.has_toxicity = int(models.toxicity)
    params.has_funding = int(models.funding)
    params.funding_horizon_h = models.funding_horizon_h
    has_hours = config.market.dex != ""  # the main dex lists what trades around the clock
    params.oracle_still_ns = nanoseconds(models.oracle_still_after_s) if has_hours else 0
    params.oracle_pause_ns = nanoseconds(models.oracle_pause_after_s) if has_hours else 0
    params.reference_stale_ns = nanoseconds(config.reference.stale_after_s)
    params.careful_cap_bps = models.careful_cap_bps
    params.has_models = int(models.enabled)
    params.volatility_half_life_s = models.volatility_half_life_s
    params.volatility_slow_half_life_s = models.volatility_slow_half_life_s
    params.volatility_prior = models.volatility_prior
    params.intensity_half_life_s = models.intensity_half_life_s
    params.intensity_prior_per_s = models.intensity_prior_per_s
    params.decay_prior_per_bps = models.decay_prior_per_bps
    params.fill_memory = models.fill_memory_outcomes
    params.adverse_memory = models.adverse_memory_fills
    params.initial_requests = config.quota.initial_requests
    params.headroom_trigger = config.quota.headroom_trigger
    params.position_threshold = config.quota.position_threshold
    params.plan_s = config.quota.plan_h * 3600.0
    params.latency_ns = round(config.exchange.order_latency_median_ms * MS)
    params.markout_grace_ns = nanoseconds(config.evaluation.markout_grace_s)
    params.stale_ns = nanoseconds(risk.stale_after_s)
    params.evaluation_window_ns = nanoseconds(config.evaluation.window_s)
    params.calibration_ns = nanoseconds(config.evaluation.calibration_interval_s)
    params.queue_kind = QUEUE_KINDS[config.exchange.queue_model]
    params.queue_n = config.exchange.queue_exponent
    params.venue_is_simulated = 1
    params.feed_includes_own = 0
    _fill_limits(params.limits, config)


def _fill_limits(limits: Any, config: Config) -> None:
    risk, capital = config.risk, config.capital.capital
    limits.position_notional = micro(config.max_position_notional)
    limits.open_notional = micro(risk.max_open_notional_fraction * capital)
    limits.session_loss = micro(risk.max_loss_fraction * capital)
    limits.drawdown = risk.max_drawdown_fraction
    limits.liquidation_bps = risk.min_liquidation_distance_bps
    limits.free_margin = risk.min_free_margin_fraction
    limits.orders_per_s = risk.max_order_rate_per_s
    limits.orders_burst = risk.order_burst
    limits.jump_bps = risk.price_jump_bps
    limits.jump_sigmas = risk.price_jump_sigmas
    limits.jump_least_bps = risk.price_jump_least_bps
    limits.jump_ns = nanoseconds(risk.price_jump_window_s)
    limits.jump_hold_ns = nanoseconds(risk.price_jump_pause_s)
    limits.stale_ns = nanoseconds(risk.stale_after_s)
    limits.lag_ns = nanoseconds(risk.max_feed_lag_s)
    limits.blind_ns = nanoseconds(risk.blind_after_s)
    limits.health_hold_ns = nanoseconds(risk.recovery_s)
    limits.burst_fills = risk.burst_fills
    limits.burst_notional = micro(risk.burst_notional_fraction * capital)
    limits.burst_ns = nanoseconds(risk.burst_window_s)
    limits.burst_hold_ns = nanoseconds(risk.burst_pause_s)


def _check_ledger_capacity(config: Config) -> None:
    """Every order is followed for the longest horizon: the most that can be sent in that time must have room."""
    longest_s = FILL_HORIZONS_NS[-1] / NS
    orders = config.risk.max_order_rate_per_s * longest_s + config.risk.order_burst
    samples = 2 * (longest_s / config.evaluation.window_s + 1)
    renewals = 2 * 64
    if orders + samples + renewals > TRACKED_ORDERS:
        most = (TRACKED_ORDERS - samples - renewals - config.risk.order_burst) / longest_s
        raise ConfigError(
            f"[risk] max_order_rate_per_s = {config.risk.max_order_rate_per_s:g} is not allowed: predictions of "
            f"{orders + samples + renewals:.0f} orders would be open at once, {TRACKED_ORDERS} can be; "
            f"at most {most:.0f}"
        )


def venue_params(config: Config, sz_decimals: int, latency_factor: float = 1.0) -> Any:
    """VENUE_PARAMS of a configuration, every latency times `latency_factor`."""
    exchange = config.exchange

    def delay(median_ms: float, p99_ms: float) -> Any:
        median, p99 = round(median_ms * latency_factor * MS), round(p99_ms * latency_factor * MS)
        return (median, p99) if exchange.latency == "sampled" else median

    median, p99 = exchange.order_latency_median_ms, exchange.order_latency_p99_ms
    tail = p99 / median if median > 0 else 1.0
    return rules.hyperliquid_params(
        sz_decimals,
        min_notional=micro(exchange.min_notional),
        maker_fee=round(config.maker_fee_bps * 1e5),
        taker_fee=round(config.taker_fee_bps * 1e5),
        block_ns=round(exchange.block_ms * MS) if latency_factor > 0 else 0,
        order_latency=delay(median, p99),
        cancel_latency=delay(exchange.cancel_latency_ms, exchange.cancel_latency_ms * tail),
        response_ns=round(exchange.response_latency_ms * latency_factor * MS),
        queue_kind=int(QUEUE_KINDS[exchange.queue_model]),
        queue_n=exchange.queue_exponent,
        partial_fills=int(exchange.partial_fills),
        seed=config.seed,
        cash=micro(config.capital.capital),
        max_leverage=MAX_LEVERAGE,
    )
