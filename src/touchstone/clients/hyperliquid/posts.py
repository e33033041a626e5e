"""Actions that were posted over the WebSocket and wait for their answer, by number."""

import asyncio
from collections import Counter

from touchstone.clients.errors import NotSentError, UnknownOutcomeError
from touchstone.venues.hyperliquid.replies import Reply

ReplyFuture = asyncio.Future[Reply]


class Posts:
    """Every post ends once: by its answer, by its time (`post_s`), or with the connection."""

    def __init__(self, post_s: float, counts: Counter[str]) -> None:
        self._post_s = post_s
        self._counts = counts
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, tuple[ReplyFuture, asyncio.TimerHandle]] = {}
        self._late: set[int] = set()  # given up, and still in flight as far as the venue is concerned
        self._number = 0

    @property
    def in_flight(self) -> int:
        """Posts that the venue may still be working on."""
        return len(self._waiting) + len(self._late)

    @property
    def n_late(self) -> int:
        """Those of them for which nobody waits any more."""
        return len(self._late)

    def next_number(self) -> int:
        """Number of the next post."""
        self._number += 1
        return self._number

    def wait_for(self, number: int, future: ReplyFuture) -> None:
        """It was written."""
        self._waiting[number] = (future, self._loop.call_later(self._post_s, self._too_late, number))

    def settle(self, number: int, outcome: Reply | Exception) -> None:
        """Its answer came."""
        entry = self._waiting.pop(number, None)
        if entry is None:
            self._late.discard(number)
            self._counts["late_replies"] += 1
            return
        future, timer = entry
        timer.cancel()
        end(future, outcome, self._counts)

    def lose(self, reason: str) -> None:
        """The connection is gone, and with it every answer."""
        waiting, self._waiting = self._waiting, {}
        self._late.clear()
        for future, timer in waiting.values():
            timer.cancel()
            end(future, UnknownOutcomeError(f"an action was sent and not answered: {reason}"), self._counts)

    def _too_late(self, number: int) -> None:
        future, _ = self._waiting.pop(number)
        self._late.add(number)
        reason = f"an action was sent and not answered within {self._post_s:g} s"
        end(future, UnknownOutcomeError(reason), self._counts)


def end(future: ReplyFuture, outcome: Reply | Exception, counts: Counter[str]) -> None:
    """Give an action its outcome, and count one that is no answer."""
    counts["not_sent"] += isinstance(outcome, NotSentError)
    counts["unknown_outcomes"] += isinstance(outcome, UnknownOutcomeError)
    if future.done():  # cancelled by whoever waited
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def failed_post(text: str) -> Exception:
    """What an error in place of an answer (`429 Too Many Requests: null`) means for its action."""
    if text[:1] == "4":
        return NotSentError(f"the venue did not take it: {text!r}")
    return UnknownOutcomeError(f"the venue answered {text!r}")  # how far it came is not known
