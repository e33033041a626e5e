"""The faults that are on now, and their chance: one seeded generator, so that a rehearsal can be repeated."""

import math
import random
from http import HTTPStatus

from touchstone.local.server.settings import Faults, Latency

HTML = "<html>\r\n<head><title>{0}</title></head>\r\n<body><center><h1>{0}</h1></center></body>\r\n</html>\r\n"


class FaultInjector:
    """Draws which fault befalls a request or message, and counts them."""

    def __init__(self, plan: Faults, seed: int) -> None:
        self.plan = plan
        self.counts: dict[str, int] = {}
        self._random = random.Random(seed)

    def draw(self, name: str, chance: float) -> bool:
        """Whether a fault of a chance happens; counted where it does."""
        happens = chance > 0 and self._random.random() < chance
        if happens:
            self.count(name)
        return happens

    def count(self, name: str) -> None:
        """One more fault of a name."""
        self.counts[name] = self.counts.get(name, 0) + 1

    def delay_s(self, latency: Latency) -> float:
        """A delay in seconds."""
        delay = latency.median_ms
        if delay and latency.spread:
            delay *= math.exp(self._random.gauss(0.0, latency.spread))
        if latency.tail_chance and self._random.random() < latency.tail_chance:
            self.count("tail latency")
            delay += self._random.expovariate(1.0) * latency.tail_ms
        return delay / 1e3

    def http_fault(self) -> HTTPStatus | None:
        """The status with which an HTTP request fails before it is read."""
        plan = self.plan
        if self.draw("429", plan.too_many_requests_chance):
            return HTTPStatus.TOO_MANY_REQUESTS
        if self.draw("500", plan.server_error_chance):
            return HTTPStatus.INTERNAL_SERVER_ERROR
        if self.draw("502", plan.bad_gateway_chance):
            return HTTPStatus.BAD_GATEWAY
        return None

    def loses_response(self) -> bool:
        """Whether an action is executed and not answered."""
        return self.draw("lost response", self.plan.lost_response_chance)

    def events_first(self) -> bool:
        """Whether a block's events go out before its answers: as the plan says, else by a coin."""
        return self.plan.event_before_response or self._random.random() < 0.5
