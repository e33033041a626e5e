"""What comes in, a signed action or an info request as bytes, over HTTP or a WebSocket post, to its answer."""

import asyncio
from typing import Any

import msgspec

from touchstone.local.exchange import LocalExchange
from touchstone.local.server import operations
from touchstone.local.server.authentication import Authenticator, Sender, StaleAction
from touchstone.local.server.blocks import BlockLoop
from touchstone.local.server.budget import STALE_COST, Budgets
from touchstone.local.server.clock import Clock, monotonic_s
from touchstone.local.server.directory import Directory
from touchstone.local.server.faults import FaultInjector
from touchstone.local.server.peers import Peer
from touchstone.local.server.queries import Queries
from touchstone.local.server.refusals import ActionRefused, not_json, unreadable
from touchstone.venues.hyperliquid import actions
from touchstone.venues.hyperliquid.errors import BATCH_SIZE, POST_ONLY_WINDOW, UNKNOWN_VAULT, WireError
from touchstone.venues.hyperliquid.info import InfoRequest
from touchstone.venues.hyperliquid.numbers import render
from touchstone.venues.hyperliquid.replies import Accepted, Refused
from touchstone.venues.hyperliquid.user_actions import UsdSend
from touchstone.venues.hyperliquid.weights import action_weight, info_weight, items_weight, n_parts

MOST_PARTS = 200
Body = bytes | msgspec.Raw
_INFO = msgspec.json.Decoder(InfoRequest)


class LostResponse(Exception):  # noqa: N818
    """A fault: the action was executed, and nobody will hear of it."""


class Gateway:
    """Reads, authenticates, charges, submits, answers."""

    def __init__(
        self,
        exchange: LocalExchange,
        clock: Clock,
        blocks: BlockLoop,
        directory: Directory,
        authenticator: Authenticator,
        budgets: Budgets,
        queries: Queries,
        faults: FaultInjector,
    ) -> None:
        self.exchange = exchange
        self.clock = clock
        self.blocks = blocks
        self.directory = directory
        self.authenticator = authenticator
        self.budgets = budgets
        self.queries = queries
        self.faults = faults

    async def ask(self, body: Body, peer: Peer) -> tuple[str, bytes]:
        """Type and answer of an info request. Raises NotServed."""
        request = _read(_INFO.decode, body)
        peer.spend(info_weight(request.type), monotonic_s())
        await self._delay(self.faults.plan.inbound)
        answer = self.queries.answer(request)
        if isinstance(answer, list):
            peer.weight.add(items_weight(request.type, len(answer)), monotonic_s())
        encoded = msgspec.json.encode(answer)
        await self._delay(self.faults.plan.outbound)
        return request.type, encoded

    async def act(self, body: Body, peer: Peer) -> bytes:
        """Answer of a signed action. Raises NotServed, LostResponse."""
        request = _read(actions.decode_request, body)
        action = _read(actions.decode_action, request.action)
        peer.spend(action_weight(n_parts(action)), monotonic_s())
        await self._delay(self.faults.plan.inbound)
        try:
            reply = await self._carry_out(request, action)
        except StaleAction as stale:
            self.budgets.charge(stale.user, STALE_COST)
            reply = Refused(stale.text)
        except ActionRefused as refused:
            reply = Refused(refused.text)
        if self.faults.loses_response():
            raise LostResponse
        await self._delay(self.faults.plan.outbound)
        return msgspec.json.encode(reply)

    async def _carry_out(self, request: actions.Request, action: actions.Action) -> Any:
        now_ms = int(self.clock.client_ms(request.nonce))
        sender = self.authenticator.identify(request, action, now_ms)
        if refusal := self.authenticator.nonce_refusal(sender, request.nonce, now_ms):
            raise ActionRefused(refusal)
        n = n_parts(action)
        if n > MOST_PARTS:
            raise ActionRefused(BATCH_SIZE.render())
        self._check(sender, action)
        self.budgets.admit(sender.user, n, self.exchange.now_ms, is_cancel=operations.is_cancel(action))
        self.authenticator.use_nonce(sender, request.nonce, now_ms)
        if operations.is_of_directory(action):
            reply = operations.carry_out(self, sender, action)
            await self.blocks.next_block()
            return reply
        return await self._submit(sender, action, request)

    def _check(self, sender: Sender, action: actions.Action) -> None:
        """What the engine does not know. Raises ActionRefused."""
        if not operations.is_served(action):
            name = type(action).__struct_config__.tag
            raise ActionRefused(f"{name} is not served by the local exchange")
        if self.faults.plan.post_only and operations.takes(action):
            self.faults.count("post-only window")
            raise ActionRefused(POST_ONLY_WINDOW.render())
        if isinstance(action, actions.PlaceOrders) and action.builder is not None:
            self.directory.check_builder(sender.user, action.builder.address, action.builder.fee)
        if isinstance(action, actions.AgentSendAsset):
            self.directory.check_agent_send(sender.account, action.destination)

    async def _submit(self, sender: Sender, action: actions.Action, request: actions.Request) -> Any:
        if isinstance(action, actions.ScheduleCancel) and action.time is not None:
            action.time = self.clock.exchange_ms(action.time, request.nonce)
        user = sender.user
        if isinstance(action, actions.SubAccountTransfer):
            user, action = self._sub_account_transfer(sender, action, request.nonce)
        expires = request.expires_after
        ticket = self.exchange.submit(
            user,
            action,
            int(1e6 * self.clock.now_ms()),
            expires_after=None if expires is None else self.clock.exchange_ms(expires, request.nonce),
            fails_to_replace=self.faults.plan.modify_cancels_only,
        )
        reply = await self.blocks.executed(ticket)
        if isinstance(action, actions.ReserveRequestWeight) and isinstance(reply, Accepted):
            self.budgets.reserve(action.destination or sender.user, action.weight)
        return reply

    def _sub_account_transfer(
        self, sender: Sender, action: actions.SubAccountTransfer, nonce: int
    ) -> tuple[str, actions.Action]:
        """Who sends what to whom. Raises ActionRefused for another's sub-account."""
        sub = action.sub_account_user
        if self.directory.master_of_sub_account(sub) != sender.account:
            raise ActionRefused(UNKNOWN_VAULT.render(address=sub))
        payer, payee = (sender.account, sub) if action.is_deposit else (sub, sender.account)
        amount = render(action.usd, 6)
        return payer, UsdSend(payee, amount, nonce, signature_chain_id="0x0", hyperliquid_chain="Testnet")

    async def _delay(self, latency: Any) -> None:
        if (delay := self.faults.delay_s(latency)) > 0:
            await asyncio.sleep(delay)


def _read(decode: Any, body: Body) -> Any:
    """Decoded, or NotServed: a body that is JSON of the wrong shape is another thing than one that is no JSON."""
    try:
        return decode(body)
    except (WireError, msgspec.ValidationError, RecursionError, ValueError) as error:
        cause = error.__cause__ if isinstance(error, WireError) and error.__cause__ else error
        is_shape = isinstance(cause, WireError | msgspec.ValidationError)
        raise (unreadable() if is_shape else not_json()) from error
