"""What a user can set: one TOML file, validated, every field with its unit, its range and its meaning.

The descriptions here are the configuration reference (docs/configuration.md is written from them). An unknown key is an
error that names the nearest valid one; a wrong value is an error that names key, value and what is allowed.
"""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin

import tomli_w
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from touchstone import TouchstoneError
from touchstone.redact import looks_like_key, redact

COLLATERAL_OF_DEX = {"": "USDC", "hyna": "USDE", "flx": "USDH", "vntl": "USDH", "km": "USDH", "cash": "USDT0"}
HYPERLIQUID_MIN_NOTIONAL = 10.0


class ConfigError(TouchstoneError, ValueError):
    """The configuration cannot be used; the message names each key, its value and what would be right."""

    exit_code = 2


class Section(BaseModel):
    """A table of the file: immutable, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def field(default: Any, description: str) -> Any:
    """A field with its default and its line of the reference."""
    return Field(default=default, description=description)


NetworkName = Literal["local", "testnet", "mainnet"]
Fraction = Annotated[float, Gt(0), Le(1)]
Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]


class Market(Section):
    """Which market we quote."""

    coin: Annotated[str, Field(min_length=1)] = field(
        "hyna:HYPE", "Coin as Hyperliquid names it; `dex:COIN` on a builder dex (HIP-3), plain `COIN` on the main one."
    )
    collateral: str = field(
        "", "Currency of all money; empty means the dex's own (USDC on the main dex, USDE on hyna, USDC if not known)."
    )

    feed: Literal["book", "touch"] = field(
        "book",
        "What the trader listens to: `book` is every level and every trade, `touch` only best prices and their sizes "
        "after each block; the models need the book.",
    )

    @property
    def dex(self) -> str:
        """Name of the builder dex, empty for the main one."""
        return self.coin.partition(":")[0] if ":" in self.coin else ""

    @property
    def currency(self) -> str:
        """Currency of all money, resolved."""
        return self.collateral or COLLATERAL_OF_DEX.get(self.dex, "USDC")


class Fees(Section):
    """What a fill costs, before the exchange's own word is known."""

    maker_bps: Annotated[float, Ge(-5), Le(20)] = field(
        1.5, "Fee of a maker fill in bps of its notional, main dex; negative is a rebate."
    )
    taker_bps: Annotated[float, Ge(0), Le(50)] = field(4.5, "Fee of a taker fill in bps of its notional, main dex.")
    deployer_scale: Annotated[float, Ge(0), Le(10)] = field(
        1.0,
        "Fee scale s of the builder dex (`deployerFeeScale`): both fees times 1 + s below 1, times 2 s from 1 on. "
        "No effect on the main dex.",
    )


class Capital(Section):
    """How much money is at work; the limits scale with it."""

    capital: Positive = field(1_000.0, "Money of the account that this trader may use, in units of the collateral.")
    max_position_fraction: Annotated[float, Gt(0), Le(20)] = field(
        0.5, "Largest position, long or short, as a fraction of capital (notional; above 1 it needs leverage)."
    )


class Quoting(Section):
    """How prices and sizes are formed."""

    rule: Literal["glft", "fixed", "avellaneda", "ticks"] = field(
        "glft",
        "Rule of the base half-spread: `glft` solves Gueant-Lehalle-Fernandez-Tapia with inventory bounds, `fixed` "
        "uses `fixed_half_spread_bps`, `avellaneda` is Avellaneda-Stoikov with a rolling horizon, `ticks` stands "
        "`half_spread_ticks` from the mid, moved by the inventory, at the nearest price and never better than the "
        "touch, one lot at each level, nothing added by fee, limit or model.",
    )
    half_spread_ticks: Annotated[float, Gt(0), Le(10_000)] = field(3.0, "Half-spread of the rule `ticks`, ticks.")
    skew_ticks_per_lot: Annotated[float, Ge(0), Le(10_000)] = field(
        0.5, "How far the rule `ticks` moves both quotes per lot of inventory, ticks."
    )
    level_spacing_ticks: Annotated[int, Ge(1), Le(1_000)] = field(
        1, "Distance between two levels of the rule `ticks`, ticks."
    )
    levels: Annotated[int, Ge(1), Le(8)] = field(3, "Price levels per side.")
    level_spacing_bps: Annotated[float, Gt(0), Le(100)] = field(2.0, "Distance between two levels, bps of mid.")
    order_notional: Positive = field(
        50.0, "Size of one lot of inventory and of one level before allocation, in units of the collateral."
    )
    order_size: Annotated[float, Ge(0), Le(1e9)] = field(
        0.0, "The same size in units of the coin, whatever the price; 0 means `order_notional` decides."
    )
    inventory_skew_bps_at_limit: Annotated[float, Ge(0), Le(100)] = field(
        8.0, "How far both quotes move, in bps, when the position is at its limit; risk aversion is solved from it."
    )
    min_half_spread_bps: Annotated[float, Ge(0), Le(1_000)] = field(
        1.0, "No quote is closer to the reservation price than this, bps."
    )
    max_half_spread_bps: Annotated[float, Gt(0), Le(1_000)] = field(
        50.0, "No quote is farther from the reservation price than this, bps."
    )
    fixed_half_spread_bps: Annotated[float, Gt(0), Le(1_000)] = field(8.0, "Half-spread of the rule `fixed`, bps.")
    avellaneda_horizon_s: Annotated[float, Gt(0), Le(3_600)] = field(
        10.0, "Horizon T - t of the rule `avellaneda`, seconds; the formula is only good for short ones."
    )
    requote_interval_ms: Annotated[int, Ge(1), Le(600_000)] = field(
        500, "Least time between two decisions that only the clock or the touch asks for, milliseconds."
    )
    decide: Literal["events", "clock"] = field(
        "events",
        "What asks for a decision: `events` also fills, answers to our orders and a mid that moved against a quote, "
        "`clock` only each `requote_interval_ms`; a worse risk state and the operator always do.",
    )
    move: Literal["amend", "cancel_place"] = field(
        "amend", "How an order moves: by one request that replaces it, or by a cancel and a new order."
    )
    keep_tolerance_bps: Annotated[float, Ge(0), Le(100)] = field(
        1.0, "A resting order this close to the wanted price stays where it is and keeps its place in the queue, bps."
    )
    temperature_bps: Annotated[float, Gt(0), Le(100)] = field(
        0.5, "Temperature of the entropy-regularised allocation of size over levels, bps; lower is more selective."
    )


class Models(Section):
    """Where estimates start, how fast they forget, and how far a model may widen a quote."""

    enabled: bool = field(
        True,
        "Whether markets are estimated and orders predicted at all; false is for the rule `ticks`, which needs "
        "neither: no estimators, no predictions, no shadows, no evaluation sample.",
    )
    volatility_half_life_s: Annotated[float, Gt(0), Le(86_400)] = field(60.0, "Half-life of the volatility, seconds.")
    volatility_slow_half_life_s: Annotated[float, Gt(0), Le(864_000)] = field(
        1_800.0, "Half-life of the slow volatility that the fast one is compared with, seconds."
    )
    volatility_prior: Annotated[float, Gt(0), Le(1_000)] = field(
        1.8, "Volatility before there are data, bps per square-root second (1.8 is about 100 % a year)."
    )
    intensity_half_life_s: Annotated[float, Gt(0), Le(864_000)] = field(
        600.0, "Half-life of the fill intensity A exp(-k depth), seconds."
    )
    intensity_prior_per_s: Annotated[float, Gt(0), Le(1_000)] = field(
        0.1, "Intensity A before there are data: sweeps per second and side that pass the mid."
    )
    decay_prior_per_bps: Annotated[float, Gt(0), Le(100)] = field(
        0.2, "Decay k of the intensity before there are data, per bps of depth."
    )
    fill_memory_outcomes: Annotated[float, Ge(100), Le(1e9)] = field(
        20_000.0, "Memory of the fill model: outcomes after which the weight of one has fallen to 1/e."
    )
    adverse_memory_fills: Annotated[float, Ge(100), Le(1e9)] = field(
        2_000.0, "Memory of the adverse-selection model, likewise in fills; a single depth bucket has a quarter of it."
    )
    lag: bool = field(
        True,
        "Whether the reference venue's price is listened to: how far it leads ours, and what that says of our mid.",
    )
    fill: bool = field(
        True, "Whether the fill model, as far as it has earned it, decides how likely a fill is; else the tape's rate."
    )
    adverse: bool = field(
        True, "Whether adverse selection widens quotes and lowers a level's value. Predicted and scored in any case."
    )
    fair: bool = field(True, "Whether the microprice's forecast moves quotes; see `idle` for what false leaves of it.")
    gate: bool = field(
        True,
        "Whether a side is withdrawn while the market is hot, its deep levels while nobody trades, as far as such "
        "fills lose, and whether a side that the leader's move threatens is repriced in full at once.",
    )
    gate_heat: Annotated[float, Gt(1), Le(10)] = field(
        1.25,
        "A market is hot from this ratio of the volatility (`volatility_half_life_s`) to the slow one on; lower gates "
        "more often.",
    )
    gate_lot_share: Annotated[float, Ge(0), Lt(1)] = field(
        0.0,
        "For comparison: above 0, the gate withdraws both sides in this share of the minutes, drawn by lot, whatever "
        "the market does.",
    )
    gate_try_share: Annotated[float, Ge(0), Le(0.5)] = field(
        0.1, "Share of those episodes in which the side quotes all the same, at the smallest size, to check the gate."
    )
    inputs: Literal["real", "shuffled"] = field(
        "real",
        "For comparison, shuffled is a placebo: the models see returns, volume, imbalance, flows, the leader and the "
        "gaps of oracle and mark as they were a minute to an hour before.",
    )
    edge: bool = field(
        True,
        "Whether quotes widen where fills of their context (regime, position, depth, side) are shown to lose; see "
        "`idle` for what false leaves of it.",
    )
    idle: Literal["scored", "skipped"] = field(
        "scored",
        "What becomes of `fair` and `edge` where they are false: scored, they are predicted all the same, so that one "
        "sees what they would be worth; skipped, they cost nothing.",
    )
    regime: bool = field(
        True,
        "Whether the kind of market (quiet, normal, volatile, cascade) and its change points are followed: the belief "
        "about the next move, and the term of the quotes that it asks for.",
    )
    toxicity: bool = field(
        False,
        "Experimental: whether P(toxic) of a fill comes from the classifier over the market's signals; false: from "
        "side, depth and volatility alone. Off, because its signals have shown no skill (docs/models.md).",
    )
    funding: bool = field(True, "Whether the funding that a position costs moves the reservation price.")
    funding_horizon_h: Annotated[float, Ge(0), Le(168)] = field(
        1.0, "How long a position is thought to be held when its funding is priced, hours."
    )
    oracle_still_after_s: Annotated[float, Ge(0), Le(604_800)] = field(
        60.0,
        "Coins of builder dexs: an oracle price that has not changed for this long widens both sides by what it may "
        "have moved unseen, seconds; 0 means never.",
    )
    oracle_pause_after_s: Annotated[float, Ge(0), Le(604_800)] = field(
        600.0,
        "Coins of builder dexs: after this long the thing itself is off hours, and only the side that reduces the "
        "position is quoted, seconds; 0 means never.",
    )
    careful_cap_bps: Annotated[float, Ge(0), Le(100)] = field(
        5.0, "Each term by which an unproven model may move a quote away from mid is at most this, bps."
    )


class Risk(Section):
    """Limits, as fractions of capital where they are about money. A breached limit takes orders out of the book."""

    max_open_notional_fraction: Annotated[float, Gt(0), Le(20)] = field(
        1.0, "Resting orders together, fraction of capital; at this only the reducing side is quoted."
    )
    max_loss_fraction: Fraction = field(0.05, "Loss of the session at which trading is killed, fraction of capital.")
    max_drawdown_fraction: Fraction = field(
        0.05, "Fall of the account value from its peak at which trading is killed, fraction of that peak."
    )
    min_liquidation_distance_bps: Annotated[float, Ge(0), Le(10_000)] = field(
        300.0, "Distance of the mid to our liquidation price below which only the reducing side is quoted, bps."
    )
    min_free_margin_fraction: Annotated[float, Ge(0), Lt(1)] = field(
        0.1, "Free share of the margin at or below which only the reducing side is quoted."
    )
    max_order_rate_per_s: Annotated[float, Gt(0), Le(1_000)] = field(
        20.0, "Requests per second that may go on for ever; the refill of the token bucket."
    )
    order_burst: Annotated[int, Ge(1), Le(10_000)] = field(
        60, "Requests that may be sent at once; the size of the token bucket. Empty, only the reducing side is quoted."
    )
    price_jump_bps: Annotated[float, Gt(0), Le(10_000)] = field(
        100.0, "Move of the mid within `price_jump_window_s` that pulls the quotes, bps."
    )
    price_jump_sigmas: Annotated[float, Gt(0), Le(1_000)] = field(
        10.0, "The same in units of the volatility over that window; both limits hold."
    )
    price_jump_least_bps: Annotated[float, Ge(0), Le(10_000)] = field(
        25.0, "A move smaller than this is no jump, however quiet the market was, bps."
    )
    price_jump_window_s: Annotated[float, Gt(0), Le(3_600)] = field(10.0, "Window of the price jump, seconds.")
    price_jump_pause_s: Annotated[float, Ge(0), Le(86_400)] = field(
        10.0, "Quotes stay away this long after the jump has passed, seconds."
    )
    stale_after_s: Annotated[float, Gt(0), Le(600)] = field(
        5.0, "Market data older than this is no market data: quotes are pulled, a mid counts as missing; seconds."
    )
    max_feed_lag_s: Annotated[float, Gt(0), Le(600)] = field(
        5.0,
        "Quotes are pulled when the newest block reached us this long after its exchange time (or before it: then a "
        "clock is wrong), seconds.",
    )
    blind_after_s: Annotated[float, Gt(0), Le(600)] = field(
        2.0, "Quotes are pulled when the book was one-sided or crossed for this long, seconds."
    )
    recovery_s: Annotated[float, Ge(0), Le(3_600)] = field(
        2.0, "Data must be good again for this long before quotes come back, seconds."
    )
    burst_fills: Annotated[int, Ge(2), Le(1_000)] = field(
        5, "Fills of one side within `burst_window_s`, none of the other, after which only the reducing side is quoted."
    )
    burst_notional_fraction: Annotated[float, Gt(0), Le(20)] = field(
        0.4, "The same by money: notional of those fills, fraction of capital."
    )
    burst_window_s: Annotated[float, Gt(0), Le(600)] = field(2.0, "Window of the one-sided burst of fills, seconds.")
    burst_pause_s: Annotated[float, Ge(0), Le(86_400)] = field(
        10.0, "How long that lasts after the last such fill, seconds."
    )


class Quota(Section):
    """The exchange's request allowance per address: an initial amount, plus one per unit of collateral traded."""

    initial_requests: Annotated[int, Ge(0), Le(10_000_000)] = field(10_000, "Requests left when the session starts.")
    headroom_trigger: Annotated[float, Ge(0), Lt(1)] = field(
        0.10, "Share of the allowance left below which only the reducing side is quoted (inventory forcing)."
    )
    position_threshold: Annotated[float, Ge(0), Le(1)] = field(
        0.01, "Position, as a share of its limit, below which inventory forcing does not start."
    )
    plan_h: Annotated[float, Gt(0), Le(8_760)] = field(
        4.0, "The allowance should last this long; spending faster makes each request dearer, hours."
    )


class Exchange(Section):
    """How the simulated exchange treats our orders; results are also given under pessimistic assumptions."""

    block_ms: Annotated[float, Ge(0), Le(10_000)] = field(
        70.0, "Time between blocks, milliseconds; 0 executes every request as it arrives."
    )
    latency: Literal["constant", "sampled"] = field(
        "sampled", "`constant` uses the medians, `sampled` draws each delay from a log-normal law."
    )
    order_latency_median_ms: Annotated[float, Ge(0), Le(60_000)] = field(
        200.0, "Median time from sending an order to its block, milliseconds."
    )
    order_latency_p99_ms: Annotated[float, Ge(0), Le(60_000)] = field(
        900.0, "99th percentile of the same; its tail when `latency` is `sampled`."
    )
    cancel_latency_ms: Annotated[float, Ge(0), Le(60_000)] = field(
        380.0, "Median time from sending a cancel to its block, milliseconds; the tail is in proportion to orders."
    )
    response_latency_ms: Annotated[float, Ge(0), Le(60_000)] = field(
        140.0, "Time from a block to our learning of what happened to our order in it, milliseconds."
    )
    queue_model: Literal["risk_averse", "power", "power2", "power3", "log", "log2"] = field(
        "power3",
        "How the queue ahead of us shrinks when a level does: `risk_averse` only by trades (pessimistic), the others "
        "by a probability that the decrease was ahead.",
    )
    queue_exponent: Annotated[float, Gt(0), Le(10)] = field(
        5.0, "Exponent n of the `power` queue models. Default of both: docs/queue-study.md."
    )
    partial_fills: bool = field(True, "Whether a trade smaller than our order fills a part of it.")
    min_notional: Annotated[float, Ge(0), Le(1_000_000)] = field(
        HYPERLIQUID_MIN_NOTIONAL, "Smallest order the exchange takes, in units of the collateral."
    )


class Evaluation(Section):
    """How the models are measured."""

    window_s: Annotated[float, Ge(1), Le(600)] = field(
        10.0, "One order a side in each window is drawn for the evaluation sample, seconds."
    )
    calibration_interval_s: Annotated[float, Ge(1), Le(86_400)] = field(
        300.0, "Time between two calibration lines, seconds."
    )
    markout_grace_s: Annotated[float, Ge(0), Le(60)] = field(
        2.0, "A quiet feed resolves a markout this long after it was due, seconds."
    )


class Account(Section):
    """Whose money it is and whose key signs. A key itself is never in this file."""

    network: NetworkName = field(
        "local", "Exchange that is traded on: `local` is one on this machine, where no order costs money."
    )
    url: str = field("", "URL of the local exchange (`touchstone exchange` prints it); of no use on other networks.")
    address: str = field(
        "", "Address of the account; empty means that for which the key signs: its own, or the one that approved it."
    )
    keystore: str = field(
        "", "Keystore file of the agent's key (`touchstone keys new`); the variable TOUCHSTONE_KEY comes before it."
    )
    agent: str = field("", "Address that the key must have; empty means any. Guards against a mix-up of keys.")
    watchdog_keystore: str = field(
        "", "Keystore file of the watchdog's own agent key; the variable TOUCHSTONE_WATCHDOG_KEY comes before it."
    )


class Live(Section):
    """Trading over sockets: what must be said before it may start, and how it ends."""

    live: bool = field(False, "Whether real money may be traded; mainnet needs true, and `max_notional`, and a key.")
    max_notional: Annotated[float, Ge(0)] = field(
        0.0, "Most that position and resting orders of one side may be worth together, in units of the collateral; "
        "0 means only the limits of [capital] and [risk], which mainnet refuses.",
    )
    leverage: Annotated[int, Ge(1), Le(50)] = field(5, "Leverage set on the coin before trading.")
    margin_mode: Literal["isolated", "cross"] = field(
        "isolated", "Margin mode set on the coin before trading; many coins of builder dexs take only `isolated`."
    )
    expires_after_s: Annotated[float, Ge(0), Le(600)] = field(
        10.0, "The exchange refuses an order that reaches it later than this after it was sent, seconds; 0 means never."
    )
    signatures_ahead: Annotated[int, Ge(0), Le(1_000)] = field(
        32, "Signatures whose greater part is prepared while nothing waits for it (docs/decisions/0010); 0 makes each "
        "when it is needed, by RFC 6979.",
    )
    on_kill: Literal["hold", "flatten"] = field(
        "hold", "What becomes of the position when trading is killed; orders are cancelled in any case."
    )
    flatten_maker_s: Annotated[float, Ge(0), Le(3_600)] = field(
        20.0, "Flattening stands at the touch as a maker for this long before it takes, seconds."
    )
    flatten_taker_s: Annotated[float, Gt(0), Le(3_600)] = field(
        20.0, "Flattening takes for at most this long, then says what is left, seconds."
    )
    flatten_cap_bps: Annotated[float, Gt(0), Le(1_000)] = field(
        50.0, "Taking pays at most this much away from the mid, bps."
    )
    dead_man: Literal["auto", "schedule", "watchdog", "off"] = field(
        "auto",
        "What cancels our orders when this process dies: `schedule` the exchange itself (it wants 1,000,000 of volume "
        "first), `watchdog` a second process with a key of its own, `auto` the first of them that can be had.",
    )
    dead_man_s: Annotated[float, Ge(10), Le(600)] = field(
        60.0, "The exchange cancels this long after it last heard of us, seconds; it is told twice in that time."
    )
    heartbeat_s: Annotated[float, Ge(1), Le(60)] = field(
        5.0, "The watchdog cancels when the trader was silent for this long, seconds; at once when it has died."
    )
    uncovered_notional: Annotated[float, Gt(0)] = field(
        500.0, "Most that resting orders may be worth while nothing would cancel them if this machine died "
        "(no `schedule`), in units of the collateral.",
    )
    sessions: str = field("sessions", "Folder of the sessions and of what is kept for each account.")


class Reference(Section):
    """The venue whose price leads ours. Without one nothing is stale: its terms are off, and it is said so."""

    venue: Literal["auto", "binance", "off"] = field(
        "auto", "Where reference prices come from: `binance` its USD-M perps; `auto` the stream of a local exchange, "
        "none elsewhere; `off` nowhere.",
    )
    symbol: str = field("", "Symbol there; empty means the coin's own against USDT.")
    stale_after_s: Annotated[float, Ge(1), Le(600)] = field(
        5.0, "A silence after which the reference counts as stale and is connected anew, seconds of the wall."
    )


class Dashboard(Section):
    """The pages, metrics and alerts beside a session: a process of its own, that only reads."""

    enabled: bool = field(True, "Whether `touchstone run` starts it; `--no-dashboard` leaves it out once.")
    port: Annotated[int, Ge(0), Le(65_535)] = field(
        8480, "Port on loopback, for pages and `/metrics`; the next free one where it is taken. 0 takes any."
    )


class Alerts(Section):
    """What is told to the operator, and how often. Where to is a secret: variable TOUCHSTONE_ALERT_URLS, or a file."""

    urls_file: str = field(
        "", "File with the URLs of the services, one a line, as apprise writes them; only its owner may read it. The "
        "variable TOUCHSTONE_ALERT_URLS comes before it.",
    )
    quiet_hours: str = field(
        "", "Hours of the day, local time, in which only critical alerts are sent, like `22:00-07:00`; the others wait."
    )
    repeat_min: Annotated[float, Gt(0), Le(10_080)] = field(
        60.0, "An alert that lasts is sent again after this long, minutes; what comes and goes is sent once in it."
    )
    most_per_hour: Annotated[int, Ge(1), Le(1_000)] = field(
        12, "Most messages sent in an hour; critical ones are never held back, of the others the number is told."
    )
    stale_s: NotNegative = field(10.0, "Stale market or reference data are told after this long, seconds of the wall.")
    disconnect_s: NotNegative = field(5.0, "A lost connection is told after this long, seconds of the wall.")
    quota_pct: Annotated[float, Ge(0), Le(100)] = field(15.0, "Told when less of the request quota is left, percent.")
    inventory_share: Fraction = field(0.8, "Told when the position is at least this share of its limit ...")
    inventory_s: NotNegative = field(300.0, "... on one side for this long, seconds of the wall.")
    free_margin_share: Annotated[float, Ge(0), Le(1)] = field(0.3, "Told when a smaller share of the margin is free.")
    stuck_events: Annotated[int, Ge(1)] = field(
        10_000, "A model without a scored outcome is told after this many events of the market ..."
    )
    stuck_s: NotNegative = field(600.0, "... and this much market time, seconds.")

    @model_validator(mode="after")
    def _hours_are_hours(self) -> Self:
        if self.quiet_hours and not re.fullmatch(f"{_HOUR}-{_HOUR}", self.quiet_hours):
            raise ValueError(f"[alerts] quiet_hours = {self.quiet_hours!r} is not allowed: write like 22:00-07:00")
        if "://" in self.urls_file:
            raise ValueError("[alerts] urls_file is a URL: URLs hold secrets, write them into a file and name that")
        return self


_HOUR = r"(?:[01]\d|2[0-3]):[0-5]\d"


class Config(Section):
    """Everything that a user can set."""

    seed: Annotated[int, Ge(0), Lt(2**53)] = field(
        1, "Seed of every random choice: evaluation sample, sampled latency, simulated market."
    )
    market: Market = Market()
    fees: Fees = Fees()
    capital: Capital = Capital()
    quoting: Quoting = Quoting()
    models: Models = Models()
    risk: Risk = Risk()
    quota: Quota = Quota()
    exchange: Exchange = Exchange()
    evaluation: Evaluation = Evaluation()
    account: Account = Account()
    reference: Reference = Reference()
    live: Live = Live()
    dashboard: Dashboard = Dashboard()
    alerts: Alerts = Alerts()

    @property
    def fee_factor(self) -> float:
        """By what the builder dex multiplies both fees; 1 on the main dex (Hyperliquid's HIP-3 rule)."""
        if not self.market.dex:
            return 1.0
        scale = self.fees.deployer_scale
        return 1.0 + scale if scale < 1.0 else 2.0 * scale

    @property
    def maker_fee_bps(self) -> float:
        """Fee of a maker fill, bps of notional, on this dex. A rebate is not multiplied."""
        return self.fees.maker_bps * (self.fee_factor if self.fees.maker_bps > 0 else 1.0)

    @property
    def taker_fee_bps(self) -> float:
        """Fee of a taker fill, bps of notional, on this dex."""
        return self.fees.taker_bps * self.fee_factor

    @property
    def max_position_notional(self) -> float:
        """Largest position in units of the collateral."""
        return self.capital.capital * self.capital.max_position_fraction

    def with_coin(self, coin: str) -> Self:
        """The same configuration for another coin; a stated collateral is kept only on the same dex."""
        market = Market(coin=coin, feed=self.market.feed)
        if market.dex == self.market.dex:
            market = Market(coin=coin, feed=self.market.feed, collateral=self.market.collateral)
        return self.model_copy(update={"market": market})

    def at(
        self,
        *,
        network: NetworkName | None = None,
        url: str | None = None,
        address: str | None = None,
        coin: str | None = None,
    ) -> Self:
        """The same configuration with what a command line says instead; None changes nothing. Raises ConfigError."""
        given = {"network": network, "url": url, "address": address}
        account = self.account.model_copy(update={name: value for name, value in given.items() if value is not None})
        try:
            _check_account(account)
        except ValueError as error:
            raise ConfigError(redact(str(error))) from None
        moved = self.model_copy(update={"account": account})
        return moved if coin is None else moved.with_coin(coin)

    @model_validator(mode="after")
    def _values_fit_together(self) -> Self:
        quoting, exchange, models = self.quoting, self.exchange, self.models
        _check_account(self.account)
        _require(
            quoting.min_half_spread_bps <= quoting.max_half_spread_bps,
            "[quoting] min_half_spread_bps",
            quoting.min_half_spread_bps,
            f"at most max_half_spread_bps = {quoting.max_half_spread_bps:g}",
        )
        _require(
            quoting.order_notional >= exchange.min_notional,
            "[quoting] order_notional",
            quoting.order_notional,
            f"at least [exchange] min_notional = {exchange.min_notional:g}",
        )
        _require(
            quoting.order_notional <= self.max_position_notional,
            "[quoting] order_notional",
            quoting.order_notional,
            f"at most the largest position, [capital] capital x max_position_fraction = {self.max_position_notional:g}",
        )
        if models.enabled and self.market.feed == "touch":
            raise ValueError("[market] feed = 'touch' is not allowed: [models] enabled = true needs the book")
        if not models.enabled and quoting.rule != "ticks":
            raise ValueError(f"[models] enabled = false is not allowed: [quoting] rule = {quoting.rule!r} needs them")
        _require(
            exchange.order_latency_p99_ms >= exchange.order_latency_median_ms,
            "[exchange] order_latency_p99_ms",
            exchange.order_latency_p99_ms,
            f"at least order_latency_median_ms = {exchange.order_latency_median_ms:g}",
        )
        _require(
            models.volatility_slow_half_life_s >= models.volatility_half_life_s,
            "[models] volatility_slow_half_life_s",
            models.volatility_slow_half_life_s,
            f"at least volatility_half_life_s = {models.volatility_half_life_s:g}",
        )
        return self


# The models that can be switched off one by one.
SWITCHES = tuple(name for name, info in Models.model_fields.items() if info.annotation is bool and name != "enabled")

SECTIONS: dict[str, type[Section]] = {
    name: info.annotation
    for name, info in Config.model_fields.items()
    if isinstance(info.annotation, type) and issubclass(info.annotation, Section)
}


def load(path: Path | None) -> Config:
    """Configuration from a TOML file; defaults where it says nothing, all defaults without a file.

    Raises ConfigError for a missing or unreadable file, an unknown key, a wrong value.
    """
    if path is None:
        return Config()
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the configuration {path} is not UTF-8 text") from error
    return parse(text, str(path))


def check_may_trade(config: Config, network: str) -> None:
    """Raises ConfigError unless the configuration allows trading on this network: real money is asked for twice."""
    if network != "mainnet":
        return
    missing = []
    if not config.live.live:
        missing.append("[live] live = true")
    if not config.live.max_notional:
        missing.append("[live] max_notional = the most that may be at stake")
    if missing:
        raise ConfigError(f"trading on mainnet needs {' and '.join(missing)} in the configuration, besides the key")
    if config.quoting.order_notional > config.live.max_notional:
        raise ConfigError(
            f"[live] max_notional = {config.live.max_notional:g} is not allowed: at least one order, "
            f"[quoting] order_notional = {config.quoting.order_notional:g}"
        )


def parse(text: str, name: str = "configuration") -> Config:
    """Configuration from TOML text; `name` is what error messages call it. Raises ConfigError."""
    try:
        return Config.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name} is not valid TOML: {error}") from error
    except ValidationError as error:
        lines = [_explain(problem) for problem in error.errors()]
    # Outside the handler, so that pydantic's error is not part of ours: it shows values, one of which may be a key.
    raise ConfigError(redact("\n  ".join([f"{name}:", *lines]) if len(lines) > 1 else f"{name}: {lines[0]}"))


def to_toml(config: Config) -> str:
    """The configuration as TOML text, every value written out."""
    return tomli_w.dumps(config.model_dump())


def save(config: Config, path: Path) -> None:
    """Write the configuration, every value written out."""
    path.write_text(to_toml(config), encoding="utf-8")


def reference() -> str:
    """The configuration reference in Markdown, from the fields and their descriptions."""
    lines = [
        "# Configuration",
        "",
        "Written by `touchstone config reference`; do not edit. Your file holds only what differs from the defaults:",
        "`touchstone config show` prints a whole one, `touchstone config check FILE` checks yours. An unknown key is",
        "an error. Names end in their unit; money is in units of the collateral.",
        "",
        *_table("at the top of the file", Config),
    ]
    for name, section in SECTIONS.items():
        lines += ["", f"## `[{name}]`", "", section.__doc__ or "", "", *_table(f"`[{name}]`", section)]
    return "\n".join(lines) + "\n"


def _table(caption: str, section: type[Section]) -> list[str]:
    rows = [f"| {caption} | default | allowed | meaning |", "|---|---|---|---|"]
    for name, info in section.model_fields.items():
        if section is not Config or name not in SECTIONS:
            default = tomli_w.dumps({name: info.default}).partition(" = ")[2].strip()
            rows.append(f"| `{name}` | `{default}` | {allowed(info)} | {info.description} |")
    return rows


def allowed(info: FieldInfo) -> str:
    """What a field takes, in words: its choices or its range."""
    if get_origin(info.annotation) is Literal:
        return "one of " + ", ".join(get_args(info.annotation))
    words = {bool: "true or false", int: "whole number", float: "number", str: "text"}
    kind = words.get(info.annotation, "value") if isinstance(info.annotation, type) else "value"
    bounds = []
    for limit in info.metadata:
        match limit:
            case Gt(bound):
                bounds.append(f"above {bound:,}")
            case Ge(bound):
                bounds.append(f"at least {bound:,}")
            case Lt(bound):
                bounds.append(f"below {bound:,}")
            case Le(bound):
                bounds.append(f"at most {bound:,}")
    return " ".join([kind, " and ".join(bounds)]).strip()


def _require(holds: bool, key: str, value: float, condition: str) -> None:
    if not holds:
        raise ValueError(f"{key} = {value:g} is not allowed: {condition}")


def _check_account(account: Account) -> None:
    """Addresses are addresses; a key is nowhere."""
    for name, value in account:
        if looks_like_key(Path(value).name):
            raise ValueError(f"[account] {name} looks like a private key: never in a file; make another key")
    for name in ("address", "agent"):
        value = getattr(account, name)
        if value and not re.fullmatch("0x[0-9a-fA-F]{40}", value):
            raise ValueError(f"[account] {name} = {value!r} is not allowed: 0x and 40 hexadecimal digits")


def _explain(problem: Any) -> str:
    """One pydantic problem as a sentence."""
    *where, key = [str(part) for part in problem["loc"]] or [""]
    place = f"[{where[0]}] {key}" if where else key
    if problem["type"] == "extra_forbidden":
        return f"unknown key {place}{_nearest(where[0] if where else '', key)}"
    section = SECTIONS.get(where[0], Config) if where else Config
    info = section.model_fields.get(key)
    if problem["type"] == "value_error":  # of a check of ours, which says all; the input may hold a secret
        return str(problem["msg"]).removeprefix("Value error, ")
    if key in SECTIONS and not where:
        return f"{key} = {problem['input']!r} is not allowed: it is a section, write [{key}]"
    if info is None:
        return str(problem["msg"])
    return f"{place} = {problem['input']!r} is not allowed: {allowed(info)}"


def _nearest(section: str, key: str) -> str:
    """Words that lead from an unknown key to the one that was meant: same section first, then everywhere."""
    known = SECTIONS.get(section, Config).model_fields
    everywhere = {name: home for home, fields in SECTIONS.items() for name in fields.model_fields}
    if key in everywhere:
        return f"; did you mean [{everywhere[key]}] {key}?"
    if close := difflib.get_close_matches(key, known, n=1):
        return f"; did you mean {f'[{section}] ' if section else ''}{close[0]}?"
    if close := difflib.get_close_matches(key, everywhere, n=1):
        return f"; did you mean [{everywhere[close[0]]}] {close[0]}?"
    names = ", ".join(known)
    return f"; {f'[{section}]' if section else 'the file'} has {names}"
