"""No order left: cancel what is open on a dex until the exchange itself says that nothing is.

Used by the operator's kill, by flattening and by the watchdog; so it needs an account and a client, and nothing else.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from touchstone.clients.errors import ClientError, NotSentError, UnknownOutcomeError
from touchstone.clients.hyperliquid import Client
from touchstone.clients.hyperliquid.metadata import ASSETS_PER_DEX, BUILDER_ASSETS
from touchstone.venues.hyperliquid import errors
from touchstone.venues.hyperliquid.actions import Cancel, CancelOrders
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.info import Meta, PerpDex
from touchstone.venues.hyperliquid.replies import Accepted, Refused, Status, statuses
from touchstone.venues.hyperliquid.shapes import FrontendOrder

Sleep = Callable[[float], Awaitable[None]]  # seconds of the trader's clock

BATCH = 40  # cancels in one action: a batch of 40 weighs 2, so 1000 orders are gone within a minute's weight
PAUSE_S = 0.5  # between looking, so that what was sent is in a block
LONGEST_PAUSE_S = 8.0
SETTLE_S = 1.5  # nothing open is believed when it is still so after this: an order may have been on its way
HOPELESS = (errors.UNKNOWN_SIGNER, errors.UNFUNDED, errors.AGENT_EXPIRED, errors.UNKNOWN_VAULT, errors.UNRECOVERABLE)


@dataclass(slots=True)
class Cancelled:
    """What came of it. `is_none_left` only where the exchange was asked and said so, twice."""

    n_orders: int = 0  # different orders that were open
    n_requests: int = 0  # charged to the account's quota
    is_none_left: bool = False
    reasons: Counter[str] = field(default_factory=Counter)  # what went wrong on the way, by its text


class NotCancelledError(ClientError):
    """Orders may still be open; the text says why."""


async def read_assets(client: Client, dex: str) -> dict[str, int]:
    """Asset id of every coin of a dex, delisted ones included. Raises ClientError."""
    meta: Meta = await client.info("meta", dex=dex)
    first = 0
    if dex:
        dexs: list[PerpDex | None] = await client.info("perpDexs")
        names = ["" if entry is None else entry.name for entry in dexs]
        if dex not in names:
            raise NotCancelledError(f"there is no dex {dex!r} on {client.network.name}")
        first = BUILDER_ASSETS + ASSETS_PER_DEX * names.index(dex)
    return {asset.name: first + index for index, asset in enumerate(meta.universe)}


async def cancel_all(
    client: Client,
    dex: str,
    *,
    coin: str | None = None,
    bound_s: float = 60.0,
    assets: dict[str, int] | None = None,
    sleep: Sleep = asyncio.sleep,
    is_ours: Callable[[], bool] = lambda: True,
) -> Cancelled:
    """Cancel every open order of the account on a dex (or in one coin of it) and confirm; at most `bound_s` of pauses.

    `assets` as of `read_assets`, where known before. Stops when `is_ours` says that the account has another owner.
    Raises NotCancelledError where the key cannot cancel at all; an exchange out of reach is tried again until the end.
    """
    done = Cancelled()
    seen: set[int] = set()
    waited_s, pause_s, looked_empty = 0.0, PAUSE_S, 0
    while is_ours():
        try:
            assets = assets or await read_assets(client, dex)
            orders: list[FrontendOrder] = await client.info("frontendOpenOrders", user=client.account, dex=dex)
            orders = [order for order in orders if coin in (None, order.coin)]
            looked_empty = 0 if orders else looked_empty + 1
            done.is_none_left = looked_empty == 2
            if done.is_none_left:
                return done
            if not is_ours():  # asking may have taken its time
                break
            seen |= {order.oid for order in orders}
            done.n_orders = len(seen)
            await _cancel(client, orders, assets, done)
            if {order.coin for order in orders} - assets.keys():
                assets = None  # listed since they were read
            pause_s = SETTLE_S if not orders else PAUSE_S
        except NotCancelledError:
            raise
        except (ClientError, WireError) as error:
            done.reasons[str(error)] += 1
            pause_s = min(2.0 * pause_s, LONGEST_PAUSE_S)
        if waited_s >= bound_s:
            break
        await sleep(pause_s)
        waited_s += pause_s
    return done


async def _cancel(client: Client, orders: list[FrontendOrder], assets: dict[str, int], done: Cancelled) -> None:
    """One attempt at each: those that wait for a trigger apart, for the fast lane does not take them."""
    for is_trigger in (False, True):
        wanted = [order for order in orders if order.is_trigger == is_trigger and order.coin in assets]
        for at in range(0, len(wanted), BATCH):
            batch = [Cancel(assets[order.coin], order.oid) for order in wanted[at : at + BATCH]]
            try:
                reply = await client.send(CancelOrders(batch, fast=not is_trigger))
            except (NotSentError, UnknownOutcomeError) as error:
                done.reasons[str(error)] += 1
                continue
            if isinstance(reply, Accepted):
                done.n_requests += len(batch)
            else:
                _give_up_where_hopeless(reply)
            for status in statuses(reply, len(batch)):
                if isinstance(status, Status) and status.error:
                    done.reasons[status.error] += 1


def _give_up_where_hopeless(reply: Refused) -> None:
    found = errors.recognise(reply.response)
    if found is not None and found.refusal in HOPELESS:
        raise NotCancelledError(f"the exchange does not take this key's orders: {reply.response}")
