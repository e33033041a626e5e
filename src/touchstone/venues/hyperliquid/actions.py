"""Actions that a trading key signs (L1), canonical from the moment they exist: the order of keys is that of the fields.

The venue reads what a client sends into types like these, writes it again and hashes that. So numbers lose trailing
zeros, hex is lower case, an optional that is null or false is absent, unknown keys are gone. Sources: hyperliquid.md 4.
"""

import re
from copy import copy
from typing import Any, Literal

import msgspec
from msgspec import field

from touchstone.venues.hyperliquid import user_actions
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.numbers import canonical

_HEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]*)")


def lower_hex(text: str, n_bytes: int, what: str) -> str:
    """`0x` and 2 n_bytes lower-case digits; given with or without 0x, in any case. Raises WireError."""
    match = _HEX.fullmatch(text)
    if match is None or len(match[1]) != 2 * n_bytes:
        raise WireError(f"{what} {text[:80]!r}: must be 0x and {2 * n_bytes} hexadecimal digits")
    return "0x" + match[1].lower()


def address(text: str, what: str = "address") -> str:
    """An account address in lower case. Raises WireError."""
    return lower_hex(text, 20, what)


def cloid(text: str) -> str:
    """A client order id in lower case. Raises WireError."""
    return lower_hex(text, 16, "cloid")


class Part(msgspec.Struct, rename="camel", omit_defaults=True):
    """Part of an action; absent optionals are None and are not written."""


class L1Action(Part, tag_field="type"):
    """An action signed through the phantom agent: by the account's key or by an agent's."""


# Orders.


class Limit(Part):
    tif: str  # Alo, Ioc, Gtc; the venue's own front end also sends FrontendMarket


class Trigger(Part):
    is_market: bool
    trigger_px: str
    tpsl: Literal["tp", "sl"]

    def __post_init__(self) -> None:
        self.trigger_px = canonical(self.trigger_px, "triggerPx")


class OrderType(Part):
    """Exactly one of the two."""

    limit: Limit | None = None
    trigger: Trigger | None = None

    def __post_init__(self) -> None:
        if (self.limit is None) == (self.trigger is None):
            raise WireError("order type `t`: needs exactly one of `limit` and `trigger`")


class Order(Part):
    """One order. Price and size are canonical decimal text; numbers.py makes them from units."""

    asset: int = field(name="a")
    is_buy: bool = field(name="b")
    px: str = field(name="p")
    sz: str = field(name="s")
    reduce_only: bool = field(name="r")
    type: OrderType = field(name="t")
    cloid: str | None = field(default=None, name="c")

    def __post_init__(self) -> None:
        self.px = canonical(self.px, "price")
        self.sz = canonical(self.sz, "size")
        if self.cloid is not None:
            self.cloid = cloid(self.cloid)


_BLANK = Order(0, True, "1", "1", False, OrderType(limit=Limit("Gtc")))


def rendered_order(
    asset: int, is_buy: bool, px: str, sz: str, reduce_only: bool, kind: OrderType, order_cloid: str
) -> Order:
    """An order of texts that numbers.render_price and render_size made, and a cloid in lower case.

    They are canonical, so they are not looked at again: that costs a tenth of the way from a book to an order.
    """
    order = copy(_BLANK)
    order.asset, order.is_buy, order.px, order.sz = asset, is_buy, px, sz
    order.reduce_only, order.type, order.cloid = reduce_only, kind, order_cloid
    return order


class Builder(Part):
    """Fee to a builder: `fee` in tenths of a basis point of notional."""

    address: str = field(name="b")
    fee: int = field(name="f")

    def __post_init__(self) -> None:
        self.address = address(self.address, "builder")


class Priority(Part):
    p: int  # 1e-8 of notional


class PlaceOrders(L1Action, tag="order"):
    orders: list[Order]
    grouping: Literal["na", "normalTpsl", "positionTpsl"] | Priority
    builder: Builder | None = None


class Cancel(Part):
    asset: int = field(name="a")
    oid: int = field(name="o")


class CancelOrders(L1Action, tag="cancel"):
    cancels: list[Cancel]
    fast: bool | None = field(default=None, name="f")

    def __post_init__(self) -> None:
        self.fast = self.fast or None


class CloidCancel(Part):
    asset: int
    cloid: str

    def __post_init__(self) -> None:
        self.cloid = cloid(self.cloid)


class CancelByCloid(L1Action, tag="cancelByCloid"):
    cancels: list[CloidCancel]
    fast: bool | None = field(default=None, name="f")

    def __post_init__(self) -> None:
        self.fast = self.fast or None


class Replacement(Part):
    """New order in place of one known by oid or cloid."""

    oid: int | str
    order: Order

    def __post_init__(self) -> None:
        if isinstance(self.oid, str):
            self.oid = cloid(self.oid)


_REPLACED = Replacement(0, _BLANK)


def rendered_replacement(old_cloid: str, order: Order) -> Replacement:
    """A replacement of a cloid in lower case by a `rendered_order`."""
    replacement = copy(_REPLACED)
    replacement.oid, replacement.order = old_cloid, order
    return replacement


class ModifyOrder(L1Action, tag="modify"):
    oid: int | str
    order: Order
    always_place: bool | None = field(default=None, name="a")

    def __post_init__(self) -> None:
        if isinstance(self.oid, str):
            self.oid = cloid(self.oid)
        self.always_place = self.always_place or None


class ModifyOrders(L1Action, tag="batchModify"):
    modifies: list[Replacement]
    always_place: bool | None = field(default=None, name="a")

    def __post_init__(self) -> None:
        self.always_place = self.always_place or None


class ScheduleCancel(L1Action, tag="scheduleCancel"):
    """Cancel all orders at `time` (ms); without time the schedule is cleared."""

    time: int | None = None


class Twap(Part):
    asset: int = field(name="a")
    is_buy: bool = field(name="b")
    sz: str = field(name="s")
    reduce_only: bool = field(name="r")
    minutes: int = field(name="m")
    randomize: bool = field(name="t")

    def __post_init__(self) -> None:
        self.sz = canonical(self.sz, "size")


class PlaceTwap(L1Action, tag="twapOrder"):
    twap: Twap
    details: dict[str, Any] | None = None


class CancelTwap(L1Action, tag="twapCancel"):
    asset: int = field(name="a")
    twap_id: int = field(name="t")


# Margin and the account.


class UpdateLeverage(L1Action, tag="updateLeverage"):
    asset: int
    is_cross: bool
    leverage: int


class UpdateIsolatedMargin(L1Action, tag="updateIsolatedMargin"):
    """`ntli` in micro-units of collateral; negative takes margin out."""

    asset: int
    is_buy: bool
    ntli: int


class TopUpIsolatedOnlyMargin(L1Action, tag="topUpIsolatedOnlyMargin"):
    asset: int
    leverage: str

    def __post_init__(self) -> None:
        self.leverage = canonical(self.leverage, "leverage")


class Noop(L1Action, tag="noop"):
    """Uses its nonce up and does nothing: cancels an action in flight under the same nonce."""


class ReserveRequestWeight(L1Action, tag="reserveRequestWeight"):
    weight: int
    destination: str | None = None

    def __post_init__(self) -> None:
        if self.destination is not None:
            self.destination = address(self.destination, "destination")


class SetReferrer(L1Action, tag="setReferrer"):
    code: str


class RegisterReferrer(L1Action, tag="registerReferrer"):
    code: str


class AgentEnableDexAbstraction(L1Action, tag="agentEnableDexAbstraction"):
    pass


class AgentSetAbstraction(L1Action, tag="agentSetAbstraction"):
    abstraction: Literal["i", "u", "p"]


class AgentSendAsset(L1Action, tag="agentSendAsset"):
    destination: str
    source_dex: str
    destination_dex: str
    token: str
    amount: str
    from_sub_account: str
    nonce: int

    def __post_init__(self) -> None:
        self.destination = address(self.destination, "destination")
        self.amount = canonical(self.amount, "amount")


class CreateSubAccount(L1Action, tag="createSubAccount"):
    name: str


class SubAccountTransfer(L1Action, tag="subAccountTransfer"):
    """`usd` in micro-units."""

    sub_account_user: str
    is_deposit: bool
    usd: int

    def __post_init__(self) -> None:
        self.sub_account_user = address(self.sub_account_user, "subAccountUser")


class SubAccountSpotTransfer(L1Action, tag="subAccountSpotTransfer"):
    sub_account_user: str
    is_deposit: bool
    token: str
    amount: str

    def __post_init__(self) -> None:
        self.sub_account_user = address(self.sub_account_user, "subAccountUser")
        self.amount = canonical(self.amount, "amount")


class VaultTransfer(L1Action, tag="vaultTransfer"):
    """`usd` in micro-units."""

    vault_address: str
    is_deposit: bool
    usd: int

    def __post_init__(self) -> None:
        self.vault_address = address(self.vault_address, "vaultAddress")


class Hip3LiquidatorTransfer(L1Action, tag="hip3LiquidatorTransfer"):
    dex: str
    ntl: int
    is_deposit: bool


class GossipPriorityBid(L1Action, tag="gossipPriorityBid"):
    slot_id: int
    ip: str
    max_gas: int


class ClaimRewards(L1Action, tag="claimRewards"):
    pass


class EvmUserModify(L1Action, tag="evmUserModify"):
    using_big_blocks: bool


Content = dict[str, Any] | list[Any] | None  # as sent, its keys in the order in which they came


class PerpDeploy(L1Action, tag="perpDeploy"):
    """Deployer's action on a builder dex: one variant, whose content is kept as sent."""

    register_asset2: Content = None
    register_asset: Content = None
    set_oracle: Content = None
    set_funding_multipliers: Content = None
    set_funding_interest_rates: Content = None
    halt_trading: Content = None
    set_margin_table_ids: Content = None
    insert_margin_table: Content = None
    set_fee_recipient: Content = None
    set_open_interest_caps: Content = None
    set_sub_deployers: Content = None
    set_margin_modes: Content = None
    set_deployer_fees: Content = None
    set_perp_annotation: Content = None
    disable_dex: dict[str, Any] | list[Any] | str | None = None


L1 = (
    PlaceOrders | CancelOrders | CancelByCloid | ModifyOrder | ModifyOrders | ScheduleCancel | PlaceTwap | CancelTwap
    | UpdateLeverage | UpdateIsolatedMargin | TopUpIsolatedOnlyMargin | Noop | ReserveRequestWeight
    | SetReferrer | RegisterReferrer | AgentEnableDexAbstraction | AgentSetAbstraction | AgentSendAsset
    | CreateSubAccount | SubAccountTransfer | SubAccountSpotTransfer | VaultTransfer | Hip3LiquidatorTransfer
    | GossipPriorityBid | ClaimRewards | EvmUserModify | PerpDeploy
)  # fmt: skip
Action = L1 | user_actions.User


class Signature(msgspec.Struct):
    """r and s as hexadecimal text, leading zeros or not; v is 27 or 28."""

    r: str
    s: str
    v: int


class Request(msgspec.Struct, rename="camel"):
    """Body of /exchange and payload of a WebSocket post; `action` is read by `decode_action`."""

    action: msgspec.Raw
    nonce: int
    signature: Signature
    vault_address: str | None = None
    expires_after: int | None = None

    def __post_init__(self) -> None:
        if self.vault_address is not None:
            self.vault_address = address(self.vault_address, "vaultAddress")


_PACKER = msgspec.msgpack.Encoder()
_ACTION: msgspec.json.Decoder[Action] = msgspec.json.Decoder(Action)
_REQUEST = msgspec.json.Decoder(Request)


def pack(action: object) -> bytes:
    """The bytes that are hashed: msgpack in its shortest form, keys in their order."""
    if isinstance(action, PerpDeploy):  # of 16 fields: msgspec would write a long header, however few are present
        action = msgspec.to_builtins(action)
    return _PACKER.encode(action)


def decode_action(raw: bytes | str | msgspec.Raw) -> Action:
    """An action from JSON, canonical. Raises WireError for an unknown type, a missing key or a bad value."""
    try:
        return _ACTION.decode(raw)
    except msgspec.DecodeError as error:
        raise WireError(f"action: {error}") from error


def decode_request(raw: bytes | str | msgspec.Raw) -> Request:
    """A signed request from JSON. Raises WireError."""
    try:
        return _REQUEST.decode(raw)
    except msgspec.DecodeError as error:
        raise WireError(f"request: {error}") from error
