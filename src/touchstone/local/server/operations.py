"""Actions by what the server must know of them: how many parts, whether they cancel or take, who carries them out."""

from decimal import Decimal
from typing import TYPE_CHECKING

from touchstone.local.server.authentication import Sender
from touchstone.venues.hyperliquid import actions, user_actions
from touchstone.venues.hyperliquid.replies import DEFAULT, Accepted, Response

if TYPE_CHECKING:
    from touchstone.local.server.gateway import Gateway

_ENGINE = (
    actions.PlaceOrders, actions.CancelOrders, actions.CancelByCloid, actions.ModifyOrder, actions.ModifyOrders,
    actions.ScheduleCancel, actions.UpdateLeverage, actions.UpdateIsolatedMargin, actions.TopUpIsolatedOnlyMargin,
    actions.Noop, actions.ReserveRequestWeight, actions.AgentSendAsset, actions.SubAccountTransfer,
    user_actions.SendAsset, user_actions.UsdSend, user_actions.UsdClassTransfer,
)  # fmt: skip
_DIRECTORY = (
    actions.SetReferrer, actions.RegisterReferrer, actions.AgentEnableDexAbstraction,
    actions.AgentSetAbstraction, actions.CreateSubAccount,
    user_actions.ApproveAgent, user_actions.ApproveBuilderFee, user_actions.UserDexAbstraction,
    user_actions.UserSetAbstraction,
)  # fmt: skip


def is_cancel(action: actions.Action) -> bool:
    """Whether it counts against the higher ceiling."""
    return isinstance(action, actions.CancelOrders | actions.CancelByCloid)


def is_served(action: actions.Action) -> bool:
    """TWAP, multi-sig, spot, vaults, staking and deployment are not."""
    return isinstance(action, _ENGINE + _DIRECTORY)


def is_of_directory(action: actions.Action) -> bool:
    """Whether the server itself carries it out."""
    return isinstance(action, _DIRECTORY)


def takes(action: actions.Action) -> bool:
    """Whether it may place an order that is not post-only."""
    if isinstance(action, actions.PlaceOrders):
        orders = action.orders
    elif isinstance(action, actions.ModifyOrder):
        orders = [action.order]
    elif isinstance(action, actions.ModifyOrders):
        orders = [part.order for part in action.modifies]
    else:
        return False
    return any(order.type.limit is None or order.type.limit.tif != "Alo" for order in orders)


# Actions that the server carries out.


def carry_out(gateway: "Gateway", sender: Sender, action: actions.Action) -> Accepted:
    """An action of the directory. Raises ActionRefused."""
    directory, now_ms = gateway.directory, gateway.exchange.now_ms
    match action:
        case user_actions.ApproveAgent():
            n = len(directory.sub_accounts(sender.account))
            name = action.agent_name or ""
            former = directory.agents.approve(sender.account, action.agent_address, name, now_ms, sub_accounts=n)
            if former is not None:
                gateway.authenticator.forget(former)
        case user_actions.ApproveBuilderFee():
            directory.approve_builder(sender.account, action.builder, action.max_fee_rate)
        case user_actions.UserSetAbstraction() | actions.AgentSetAbstraction():
            directory.set_mode(sender.user, action.abstraction)
        case user_actions.UserDexAbstraction() | actions.AgentEnableDexAbstraction():
            directory.set_mode(sender.user, "dexAbstraction")
        case actions.RegisterReferrer():
            directory.register_code(sender.user, action.code)
        case actions.SetReferrer():
            directory.set_referrer(sender.user, action.code)
        case actions.CreateSubAccount():
            return Accepted(Response("createSubAccount", _create_sub_account(gateway, sender, action.name)))
    return DEFAULT


def _create_sub_account(gateway: "Gateway", sender: Sender, name: str) -> str:
    volume = Decimal(gateway.budgets.rate_limit(sender.account).cum_vlm)
    sub = gateway.directory.create_sub_account(sender.account, name, volume)
    gateway.exchange.deposit(sub, "", 0)
    return sub

