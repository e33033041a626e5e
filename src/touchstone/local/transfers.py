"""Collateral moved by its owner: between spot and perps, between dexs, to another user."""

from typing import TYPE_CHECKING

from touchstone.local import margin, refusals
from touchstone.local.records import Trader
from touchstone.local.wire import NO_HASH, money
from touchstone.venues.hyperliquid import actions, errors, user_actions
from touchstone.venues.hyperliquid.numbers import NumberError, parse
from touchstone.venues.hyperliquid.replies import DEFAULT, Refused, Reply
from touchstone.venues.hyperliquid.shapes import LedgerEntry

if TYPE_CHECKING:
    from touchstone.local.engine import Engine

SPOT = "spot"
Send = user_actions.SendAsset | actions.AgentSendAsset


def class_transfer(engine: "Engine", trader: Trader, action: user_actions.UsdClassTransfer) -> Reply:
    """USDC between spot and the validators' dex."""
    micro = _amount(action.amount.partition(" ")[0])
    source, to = (SPOT, "") if action.to_perp else ("", SPOT)
    token = engine.dexs[""].collateral
    if not micro or not _move(engine, trader, source, trader, to, token, micro):
        return _refused()
    delta = {"type": "accountClassTransfer", "usdc": money(micro), "toPerp": action.to_perp}
    _note(engine, delta, trader)
    return DEFAULT


def usd_send(engine: "Engine", trader: Trader, action: user_actions.UsdSend) -> Reply:
    """USDC of the validators' dex to another user."""
    micro = _amount(action.amount)
    token = engine.dexs[""].collateral
    to = _trader(engine, action.destination)
    if to is None:
        return Refused(errors.INVALID_SEND.render())
    if not micro or not _move(engine, trader, "", to, "", token, micro):
        return _refused()
    sent = {"usdc": money(micro), "user": trader.user, "destination": to.user, "fee": "0.0"}
    _note(engine, {"type": "internalTransfer", **sent}, trader, to)
    return DEFAULT


def send_asset(engine: "Engine", trader: Trader, action: Send) -> Reply:
    """A dex's collateral from a dex, or spot, to another, of the same user or another."""
    micro = _amount(action.amount)
    token = action.token.partition(":")[0]
    places = {SPOT, *engine.dexs}
    if not micro or action.source_dex not in places or action.destination_dex not in places:
        return Refused(errors.INVALID_SEND.render())
    to = _trader(engine, action.destination)
    if to is None:
        return Refused(errors.INVALID_SEND.render())
    if isinstance(action, actions.AgentSendAsset) and to is not trader:
        return Refused(errors.AGENT_SEND.render())
    for place in (action.source_dex, action.destination_dex):
        if place != SPOT and engine.dexs[place].collateral != token:
            return Refused(errors.INVALID_SEND.render())
    if not _move(engine, trader, action.source_dex, to, action.destination_dex, token, micro):
        return _refused()
    delta = {
        "type": "send", "user": trader.user, "destination": to.user, "sourceDex": action.source_dex,
        "destinationDex": action.destination_dex, "token": token, "amount": money(micro), "usdcValue": money(micro),
        "fee": "0.0", "nativeTokenFee": "0.0", "nonce": action.nonce, "feeToken": "",
    }  # fmt: skip
    _note(engine, delta, trader, to)
    return DEFAULT


def _trader(engine: "Engine", address: str) -> Trader | None:
    """Whose address it is; None where it is none."""
    try:
        return engine.trader(actions.address(address, "destination"))
    except errors.WireError:
        return None


def _amount(text: str) -> int:
    """Micro of an amount, 0 where it is none."""
    try:
        return max(parse(text, 6), 0)
    except NumberError:
        return 0


def _refused() -> Refused:
    return Refused(refusals.INSUFFICIENT_BALANCE.render())


def _move(
    engine: "Engine", source: Trader, from_place: str, to: Trader, to_place: str, token: str, micro: int
) -> bool:
    """Whether it could be moved."""
    if from_place == SPOT:
        if source.spot.get(token, 0) < micro:
            return False
        source.spot[token] -= micro
    else:
        account = source.account(engine.dexs[from_place])
        if margin.withdrawable(account) < micro:
            return False
        account.raw -= micro
        engine.totals[from_place].deposits -= micro
        engine.journal.changed(source, from_place)
    if to_place == SPOT:
        to.spot[token] = to.spot.get(token, 0) + micro
    else:
        to.account(engine.dexs[to_place]).raw += micro
        engine.totals[to_place].deposits += micro
        engine.journal.changed(to, to_place)
    return True


def _note(engine: "Engine", delta: dict[str, object], *traders: Trader) -> None:
    for trader in dict.fromkeys(traders):
        trader.ledger.append(LedgerEntry(time=engine.now_ms, hash=engine.journal.action_hash or NO_HASH, delta=delta))
