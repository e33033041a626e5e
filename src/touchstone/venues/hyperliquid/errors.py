"""What goes wrong: our error about a message, and the venue's refusals as one table, written and recognised by it.

A refusal of one order carries ` asset=<id>` on the wire; texts are recognised by their beginning: a suffix may follow.
"""

import re
from dataclasses import dataclass, field

from touchstone import TouchstoneError


class WireError(TouchstoneError, ValueError):
    """A message, number or signature that cannot be what it should be; the text names it, its value and the rule."""


@dataclass(frozen=True)
class Refusal:
    """A refusal of the venue. `text` has its values in braces; `status` is what the order's history shows."""

    name: str
    text: str
    status: str | None = None
    variants: tuple[str, ...] = ()  # older or rarer wordings, recognised and never written
    _patterns: list[tuple[str, re.Pattern[str]]] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        for text in (self.text, *self.variants):
            parts = re.split(r"\{(\w+)\}", text)
            pattern = "".join(  # the last value is greedy: numbers have points, sentences end in one
                (f"(?P<{part}>.+{'' if i == len(parts) - 2 else '?'})") if i % 2 else re.escape(part)
                for i, part in enumerate(parts)
            )
            self._patterns.append((parts[0], re.compile(pattern)))

    def render(self, asset: int | None = None, **values: object) -> str:
        """The text on the wire; `asset` for the refusal of one order. Raises KeyError where a value is missing."""
        suffix = "" if asset is None else f" asset={asset}"
        return self.text.format_map(values) + suffix

    def match(self, text: str) -> dict[str, str] | None:
        """Values of `text` (without its asset suffix) if it is this refusal, else None."""
        for beginning, pattern in self._patterns:
            if text.startswith(beginning) and (found := pattern.match(text)):
                return found.groupdict()
        return None


@dataclass(frozen=True)
class Recognised:
    """A refusal read from the wire: which, with which values, and of which asset where it names one."""

    refusal: Refusal
    values: dict[str, str]
    asset: int | None


# Of one order, or one cancel, in a batch.
TICK = Refusal("tick", "Price must be divisible by tick size.", "tickRejected")
MIN_NOTIONAL = Refusal("min_notional", "Order must have minimum value of $10.", "minTradeNtlRejected")
MIN_NOTIONAL_SPOT = Refusal(
    "min_notional_spot", "Order must have minimum value of 10 {quote_token}.", "minTradeNtlRejected"
)
MARGIN = Refusal("margin", "Insufficient margin to place order.", "perpMarginRejected")
REDUCE_ONLY = Refusal("reduce_only", "Reduce only order would increase position.", "reduceOnlyRejected")
POST_ONLY = Refusal(
    "post_only", "Post only order would have immediately matched, bbo was {bid}@{ask}.", "badAloPxRejected"
)
IOC = Refusal(
    "ioc", "Order could not immediately match against any resting orders.", "iocCancelRejected"
)
TRIGGER_PRICE = Refusal("trigger_price", "Invalid TP/SL price.", "badTriggerPxRejected")
NO_LIQUIDITY = Refusal(
    "no_liquidity", "No liquidity available for market order.", "marketOrderNoLiquidityRejected"
)
OPEN_INTEREST_CAP = Refusal(  # the same text, with status positionFlipAtOpenInterestCapRejected, for a flip
    "open_interest_cap",
    "Order would increase open interest while open interest is capped",
    "positionIncreaseAtOpenInterestCapRejected",
)
OPEN_INTEREST_PRICE = Refusal(
    "open_interest_price",
    "Order rejected due to price more aggressive than oracle while at open interest cap",
    "tooAggressiveAtOpenInterestCapRejected",
)
OPEN_INTEREST_SPEED = Refusal(
    "open_interest_speed", "Order would increase open interest too quickly", "openInterestIncreaseRejected"
)
SPOT_BALANCE = Refusal("spot_balance", "Insufficient spot balance", "insufficientSpotBalanceRejected")
ORACLE_BAND = Refusal(
    "oracle_band", "Order price too far from oracle", "oracleRejected", ("Price too far from oracle",)
)
MARGIN_TIER = Refusal(
    "margin_tier",
    "Order would cause position to exceed margin tier limit at current leverage",
    "perpMaxPositionRejected",
)
NOT_OPEN = Refusal("not_open", "Order was never placed, already canceled, or filled.")
INVALID_PRICE = Refusal("invalid_price", "Order has invalid price.")
INVALID_SIZE = Refusal("invalid_size", "Order has invalid size.")
ZERO_SIZE = Refusal("zero_size", "Order has zero size.")
REFERENCE_BAND = Refusal(
    "reference_band",
    "Order price cannot be more than 95% away from the reference price",
    None,
    ("Order price cannot be more than 80% away from the reference price",),
)
TWAP_DURATION = Refusal("twap_duration", "Invalid TWAP duration: {minutes} min(s)")
TWAP_VALUE = Refusal("twap_value", "TWAP order value too small. Min is ${minimum}")
TWAP_NOT_OPEN = Refusal("twap_not_open", "TWAP was never placed, already canceled, or filled.")

# Of a whole action: {"status": "err", "response": text}.
ADDRESS_LIMIT = Refusal(
    "address_limit",
    "Too many cumulative requests sent ({used} > {cap}) for cumulative volume traded ${volume}. "
    "Place taker orders to free up 1 request per USDC traded.",
)
SCHEDULE_VOLUME = Refusal(
    "schedule_volume",
    "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: ${volume}.",
)
UNKNOWN_SIGNER = Refusal(
    "unknown_signer",
    "User or API Wallet {address} does not exist.",
    None,
    ("L1 error: User or API Wallet {address} does not exist.",),
)
UNFUNDED = Refusal("unfunded", "Must deposit before performing actions. User: {address}")
UNRECOVERABLE = Refusal("unrecoverable", "Unable to recover signer.")
MODIFY_GONE = Refusal("modify_gone", "Cannot modify canceled or filled order")
MODIFY_REFUSED = Refusal("modify_refused", "Error placing new order during modify: {inner}")
LEVERAGE_SWITCH = Refusal("leverage_switch", "Cannot switch leverage type with open position.")
NOT_ISOLATED = Refusal("not_isolated", "Position does not use isolated margin.")
UNKNOWN_VAULT = Refusal("unknown_vault", "Vault not registered: {address}")
SUB_ACCOUNT_VOLUME = Refusal(
    "sub_account_volume", "Cannot create sub-accounts until enough volume traded. Required: ${required}"
)
POST_ONLY_WINDOW = Refusal("post_only_window", "Only post-only orders allowed immediately after network upgrade")
UNIFIED_ACCOUNT = Refusal("unified_account", "Action disabled when unified account is active")
BATCH_SIZE = Refusal("batch_size", "Signed action over weight limit of 200.")
TRIGGER_COUNT = Refusal("trigger_count", "Unexpected number of trigger orders")
INVALID_SEND = Refusal("invalid_send", "Invalid send")
UNKNOWN_REFERRAL = Refusal("unknown_referral", "Referral code not registered")
BUILDER_FEE = Refusal("builder_fee", "Builder fee has not been approved")
EXPIRED = Refusal("expired", "Action already expired")
NONCE_DUPLICATE = Refusal("nonce_duplicate", "Invalid nonce: duplicate nonce {nonce}")
NONCE_TOO_LOW = Refusal("nonce_too_low", "Invalid nonce: nonce too low {nonce} < {bound}")
NONCE_TOO_HIGH = Refusal("nonce_too_high", "Invalid nonce: nonce too high {nonce} > {bound}")  # wording not captured
AGENT_USED = Refusal("agent_used", "Extra agent already used.")
AGENT_EXPIRED = Refusal("agent_expired", "Agent valid_until already expired.")
AGENT_COUNT = Refusal(
    "agent_count", "Too many extra agents for cumulative volume traded. Current limit is {limit}"
)
AGENT_REMOVAL = Refusal("agent_removal", "User has pending agent removal")
AGENT_SEND = Refusal("agent_send", "Agent can only send asset to same user or their sub-accounts.")

# Of a WebSocket frame: {"channel": "error", "data": text}.
ALREADY_SUBSCRIBED = Refusal("already_subscribed", "Already subscribed: {subscription}")
ALREADY_UNSUBSCRIBED = Refusal("already_unsubscribed", "Already unsubscribed: {subscription}")
INVALID_SUBSCRIPTION = Refusal("invalid_subscription", "Invalid subscription {subscription}")
INVALID_FRAME = Refusal("invalid_frame", "Error parsing JSON into valid websocket request: {frame}")
USER_LIMIT = Refusal("user_limit", "Cannot track more than {limit} total users.")
SUBSCRIPTION_LIMIT = Refusal("subscription_limit", "Cannot subscribe to more than {limit} channels.")
MESSAGE_LIMIT = Refusal("message_limit", "Cannot send more than {limit} messages per minute.")
POST_LIMIT = Refusal("post_limit", "too many pending post requests id={id}")

# Of an HTTP request, as plain text.
UNREADABLE = Refusal("unreadable", "Failed to deserialize the JSON body into the target type")

REFUSALS: dict[str, Refusal] = {value.name: value for value in list(globals().values()) if isinstance(value, Refusal)}

_ASSET = re.compile(r"(.*?) asset=(\d+)\s*", re.DOTALL)


def recognise(text: str) -> Recognised | None:
    """Which refusal a text of the venue is, by its beginning; None for one that is not in the table (count it)."""
    asset = None
    if suffixed := _ASSET.fullmatch(text):
        text, asset = suffixed[1], int(suffixed[2])
    for refusal in REFUSALS.values():
        if (values := refusal.match(text)) is not None:
            return Recognised(refusal, values, asset)
    return None
