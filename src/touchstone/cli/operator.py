"""The operator's commands: to the session of the account while one runs, else to the exchange itself."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from touchstone import TouchstoneError, config
from touchstone.cli import output
from touchstone.cli.where import HERE, PasswordDescriptor, Where
from touchstone.live import control, keys
from touchstone.live.desk import Desk, Kill, desks_of

if TYPE_CHECKING:
    from touchstone.clients.hyperliquid import Client
    from touchstone.live.cancel import Cancelled

PATIENCE_S = 15.0  # for a session to answer
ENDS_S = 90.0  # for one that was killed to pull its orders, confirm and end


Note = Annotated[str, Parameter(help="Why, for the log.")]


class AmbiguousError(TouchstoneError):
    """More than one account, or none, could be meant."""

    exit_code = output.WRONG_USE


def status(*, where: Where = HERE) -> int:
    """Show how the session of the account stands, or what its last one left."""
    settings = where.settings()
    desk = _desk(settings)
    if desk is None:
        raise AmbiguousError(f"no account was traded on {settings.account.network} from {settings.live.sessions} yet")
    kill, holder = desk.killed(), desk.holder()
    document: dict[str, Any] = {
        "account": desk.address,
        "network": desk.network,
        "session": str(holder) if holder else None,
        "killed": str(kill) if kill else None,
        "last": next((line.get("session") for line in reversed(desk.history()) if line["what"] == "session"), None),
    }
    answer = _asked(desk, "status", {})
    return _show(document | (answer or asyncio.run(_seen(desk, settings))), where)


def pause(*, where: Where = HERE) -> int:
    """Have the running session take its quotes out of the book until `touchstone resume`."""
    return _only_running("pause", where)


def resume(*, where: Where = HERE) -> int:
    """Have the running session quote again after `pause` or `reduce-only`."""
    return _only_running("resume", where)


def reduce_only(*, where: Where = HERE) -> int:
    """Have the running session quote only the side that reduces its position."""
    return _only_running("reduce_only", where)


def kill(*, where: Where = HERE, note: Note = "", password_fd: PasswordDescriptor = None) -> int:
    """Stop trading: cancel every order of the account on the dex, confirm, and let no session start until `clear`."""
    settings = where.settings()
    desk = _desk(settings)
    if desk is not None and (answer := _asked(desk, "kill", {"note": note})) is not None:
        ended = _ended(desk, settings, answer)
        _show(ended, where)
        return output.OK if ended["session_ended"] and ended["no_order_left"] is not False else output.PROBLEM
    if desk is not None:  # the latch comes first: it needs no key and no exchange
        desk.kill(Kill(time.time_ns(), "operator", "", note))
        output.say(f"{desk.address} on {desk.network} is killed; cancelling its orders")
    document, is_done = asyncio.run(_kill(settings, _key(settings, password_fd), note))
    _show(document, where)
    return output.OK if is_done else output.PROBLEM


def clear(*, where: Where = HERE, note: Note = "") -> int:
    """Take the kill latch away, so that sessions may start again; the log keeps what it was."""
    settings = where.settings()
    desk = _desk(settings)
    if desk is not None and (answer := _asked(desk, "clear", {"note": note})) is not None:
        return _show(answer, where)
    cleared = desk.clear(time.time_ns(), note) if desk is not None else None
    account = desk.address if desk is not None else None
    return _show({"account": account, "cleared": str(cleared) if cleared else "nothing: it was not killed"}, where)


def flatten(*, where: Where = HERE, password_fd: PasswordDescriptor = None) -> int:
    """Cancel every order of the account on the dex, then close the position in the coin: as maker, then as taker."""
    settings = where.settings()
    desk = _desk(settings)
    live = settings.live
    longest_s = live.flatten_maker_s + live.flatten_taker_s + 120.0
    answer = None if desk is None else _asked(desk, "flatten", {}, longest_s)
    if answer is None:
        answer = asyncio.run(_flatten(settings, _key(settings, password_fd)))
    _show(answer, where)
    return output.OK if answer.get("flat") else output.PROBLEM


# To the exchange itself.


async def _kill(settings: config.Config, key: keys.Key, note: str) -> tuple[dict[str, Any], bool]:
    from touchstone.live.cancel import cancel_all
    from touchstone.live.identity import signed_in

    async with signed_in(settings.account, key, now_ms=_now_ms, say=output.say) as client:
        desk = Desk.of(Path(settings.live.sessions), client.network.name, client.account)
        if desk.killed() is None:
            desk.kill(Kill(time.time_ns(), "operator", "", note))
        done = await cancel_all(client, settings.market.dex)
        return await _killed(settings, client, done), done.is_none_left


async def _killed(settings: config.Config, client: "Client", done: "Cancelled") -> dict[str, Any]:
    from touchstone.clients.errors import ClientError
    from touchstone.clients.hyperliquid import read_market
    from touchstone.clients.hyperliquid.account import standing

    position: float | None = None
    try:
        market = await read_market(client, settings.market.coin, allow_delisted=True)
        position = (await standing(client, market)).size / 10**market.sz_decimals
    except ClientError as error:
        output.say(f"the position cannot be told: {error}")
    return {
        "account": client.account,
        "network": client.network.name,
        "killed": True,
        "orders_cancelled": done.n_orders,
        "no_order_left": done.is_none_left,
        "requests": done.n_requests,
        "coin": settings.market.coin,
        "position": position,
        "reasons": dict(done.reasons),
    }


async def _flatten(settings: config.Config, key: keys.Key) -> dict[str, Any]:
    from touchstone.clients.hyperliquid import read_market
    from touchstone.live.flatten import AskedBook, Plan
    from touchstone.live.flatten import flatten as flatten_account
    from touchstone.live.identity import signed_in

    async with signed_in(settings.account, key, now_ms=_now_ms, say=output.say) as client:
        desk = Desk.of(Path(settings.live.sessions), client.network.name, client.account)
        with desk.lock(now_ns=time.time_ns(), session=Path("touchstone flatten")):
            market = await read_market(client, settings.market.coin, allow_delisted=True)
            done = await flatten_account(
                client, market, AskedBook(client, market), Plan.of(settings.live), now_ns=time.time_ns, say=output.say
            )
        return {"account": client.account, "network": client.network.name} | done.as_dict()


def _key(settings: config.Config, password_fd: int | None) -> keys.Key:
    account = settings.account
    return keys.load(account.keystore, account.network, password_fd=password_fd, say=output.say)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


# To the session.


def _asked(desk: Desk, command: str, arguments: dict[str, Any], patience_s: float = PATIENCE_S) -> Any:
    """The session's answer; None, and said, where none can be had. Raises ControlError where it refuses."""
    try:
        return control.ask(desk.folder, command, arguments, timeout_s=patience_s)
    except control.NotRunningError:
        if holder := desk.holder():
            output.say(f"{holder} trades the account and hears no commands")
    except control.SilentError as error:
        output.say(f"{error}; it is {desk.holder() or 'gone'}: end it by its process id if it hangs")
    return None


def _ended(desk: Desk, settings: config.Config, answer: dict[str, Any]) -> dict[str, Any]:
    """What a session that was killed leaves: waits for its end, then asks the exchange, which needs no key."""
    live = settings.live
    deadline_s = time.monotonic() + ENDS_S + (live.on_kill == "flatten") * (live.flatten_maker_s + live.flatten_taker_s)
    while (is_running := desk.holder() is not None) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    kill, seen = desk.killed(), asyncio.run(_seen(desk, settings))
    return answer | {
        "session_ended": not is_running,
        "killed": str(kill) if kill else False,
        "no_order_left": None if seen["open_orders"] is None else seen["open_orders"] == 0,
        "position": seen["position"],
    }


async def _seen(desk: Desk, settings: config.Config) -> dict[str, Any]:
    """Open orders on the dex and the position as the exchange shows them; None, and said, where it cannot be asked."""
    from touchstone.clients.hyperliquid import Client
    from touchstone.live.identity import network_of

    try:
        client = Client(network_of(settings.account), account=desk.address, signer=None, now_ms=_now_ms)
        try:
            market = settings.market
            orders = await client.info("frontendOpenOrders", user=desk.address, dex=market.dex)
            state = await client.info("clearinghouseState", user=desk.address, dex=market.dex)
            held = (entry.position for entry in state.asset_positions if entry.position.coin == market.coin)
            return {"open_orders": len(orders), "position": next((float(found.szi) for found in held), 0.0)}
        finally:
            await client.stop()
    except TouchstoneError as error:
        output.say(f"open orders and position were not asked for: {error}")
        return {"open_orders": None, "position": None}


def _only_running(command: str, where: Where) -> int:
    settings = where.settings()
    desk = _desk(settings)
    answer = None if desk is None else _asked(desk, command, {})
    if answer is None:
        raise control.NotRunningError(f"no session of the account runs on {settings.account.network}")
    return _show(answer, where)


def _desk(settings: config.Config) -> Desk | None:
    """Desk of the account; where none is named the only one with a session, or the only one. Raises AmbiguousError."""
    sessions, account = Path(settings.live.sessions), settings.account
    if account.address:
        return Desk.of(sessions, account.network, account.address)
    found = [Desk(folder) for folder in desks_of(sessions, account.network)]
    found = [desk for desk in found if desk.holder()] or found
    if len(found) > 1:
        raise AmbiguousError(
            f"several accounts on {account.network}: name one by --address: {', '.join(desk.address for desk in found)}"
        )
    return found[0] if found else None


def _show(document: dict[str, Any], where: Where) -> int:
    if where.json:
        output.print_json(document)
        return output.OK
    console = output.stdout()
    for name, value in document.items():
        words = "-" if value in (None, {}, "") else value
        console.print(f"{name.replace('_', ' '):<18} {words}", markup=False, soft_wrap=True)
    return output.OK


COMMANDS: tuple[tuple[str, Callable[..., int]], ...] = (
    ("status", status),
    ("pause", pause),
    ("resume", resume),
    ("reduce-only", reduce_only),
    ("flatten", flatten),
    ("kill", kill),
    ("clear", clear),
)
