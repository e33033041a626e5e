"""One WebSocket connection: a bounded queue of frames to send, written by a task of its own.

A reader too slow for its queue is disconnected, and so the others never wait for it.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from touchstone.local.server.clock import monotonic_s
from touchstone.local.server.faults import FaultInjector
from touchstone.local.server.peers import Peer
from touchstone.local.server.settings import Limits

LONGEST_HOLD_S = 1.0  # that a frame waits to be overtaken


class Session:
    """Frames go out in order of their due times, which latency may only push back, faults of private frames reorder."""

    def __init__(
        self, socket: web.WebSocketResponse, request: web.BaseRequest, peer: Peer, limits: Limits, faults: FaultInjector
    ) -> None:
        self.peer = peer
        self.keys: set[Any] = set()  # of subscriptions
        self.users: dict[Any, str] = {}  # user followed by a subscription
        self.close_reason = ""
        self._socket = socket
        self._request = request
        self._limits = limits
        self._faults = faults
        self._queue: deque[tuple[float, bytes]] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._last_due_s = 0.0
        self._sent_s = monotonic_s()
        self._held_back: bytes | None = None  # a private frame that the next one overtakes

    def send(self, frame: bytes) -> None:
        """Queue a frame."""
        due_s = monotonic_s() + self._faults.delay_s(self._faults.plan.outbound)
        self._put(max(due_s, self._last_due_s), frame)

    def send_private(self, frame: bytes) -> None:
        """Queue a frame about a user: this is where private messages are delayed, doubled and reordered."""
        plan = self._faults.plan
        if self._held_back is None and self._faults.draw("reordered", plan.private_reorder_chance):
            self._held_back = frame
            asyncio.get_running_loop().call_later(LONGEST_HOLD_S, self._release)
            return
        self._send_private(frame)
        self._release()

    def _release(self) -> None:
        if self._held_back is not None:
            frame, self._held_back = self._held_back, None
            self._send_private(frame)

    def _send_private(self, frame: bytes) -> None:
        plan = self._faults.plan
        delay_s = self._faults.delay_s(plan.outbound) + self._faults.delay_s(plan.private_delay)
        due_s = max(monotonic_s() + delay_s, self._last_due_s)
        self._put(due_s, frame)
        if self._faults.draw("duplicated", plan.private_duplicate_chance):
            self._put(due_s, frame)

    def _put(self, due_s: float, frame: bytes) -> None:
        if self.close_reason:
            return
        if len(self._queue) >= self._limits.queue_frames or self._queued_bytes + len(frame) > self._limits.queue_bytes:
            self.abort("slow reader")
            return
        self._last_due_s = due_s
        self._queue.append((due_s, frame))
        self._queued_bytes += len(frame)
        self._wake.set()

    def abort(self, reason: str) -> None:
        """Break the connection without a close frame."""
        if self.close_reason:
            return
        self.close_reason = reason
        self._faults.count(reason)
        self._queue.clear()
        self._wake.set()
        if self._request.transport is not None:
            self._request.transport.abort()

    @property
    def is_silent(self) -> bool:
        """Whether nothing was sent for too long."""
        return monotonic_s() - self._sent_s >= self._limits.silence_s

    async def close(self, reason: str) -> None:
        """Close in order."""
        self.close_reason = self.close_reason or reason
        self._wake.set()
        with suppress(ConnectionError, RuntimeError):
            await self._socket.close(code=WSCloseCode.GOING_AWAY, message=reason.encode())

    async def write(self) -> None:
        """Send what is queued until the connection ends."""
        while not self.close_reason:
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
                continue
            due_s, frame = self._queue.popleft()
            self._queued_bytes -= len(frame)
            if (wait_s := due_s - monotonic_s()) > 0:
                await asyncio.sleep(wait_s)
            if self._faults.plan.silent:
                self._faults.count("silent")
                continue
            with suppress(ConnectionError, RuntimeError):
                await self._socket.send_frame(frame, WSMsgType.TEXT)
                self._sent_s = monotonic_s()
