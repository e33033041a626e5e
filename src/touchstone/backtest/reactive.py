"""A session in the reactive market: core, our account and the other traders on one order book."""

import numpy as np

from touchstone.backtest import reactive_loop, scenario
from touchstone.backtest.loop import DRAIN, FINISHED, HALTED, PAUSED
from touchstone.backtest.scenario import Scenario
from touchstone.backtest.shell import Progress, Shell
from touchstone.config import Config
from touchstone.core.conventions import NEVER_NS, NS
from touchstone.exchange import market
from touchstone.session import carry

TRUTH = "truth"  # table of what only the market knows: of each fill, whether an informed taker made it
PROGRESS_NS = 300 * NS
START_STEP_NS = 60 * NS


class Reactive(Shell):
    """A run in the market of a scenario; `run` goes on for some minutes, `checkpoint` and `restore` between.

    `seed` is the market's: every agent's chance. The trader's own (latencies, sample) is the configuration's.
    `evidence`: what the models of an earlier session left (session/carry.py); this one then starts with the next minute
    after it. Raises ValueError for evidence of another version.
    """

    def __init__(
        self,
        config: Config,
        sz_decimals: int,
        the_scenario: Scenario,
        *,
        seed: int,
        latency_factor: float = 1.0,
        digest: bool = True,
        evidence: bytes = b"",
    ) -> None:
        super().__init__(config, sz_decimals, latency_factor=latency_factor, tables=(TRUTH,), digest=digest)
        self.world = np.zeros(1, market.WORLD)
        start_ns = scenario.START_NS
        if evidence:
            start_ns += -((start_ns - carry.left_ns(evidence)) // START_STEP_NS) * START_STEP_NS
        params = scenario.world_params(the_scenario, sz_decimals, config.exchange.min_notional, start_ns)
        market.reset(self.world[0], params, np.int64(seed))
        self.venue_params.block_ns = params.block_ns
        self.loop[0].pause_ns = self.world[0].now_ns
        core = self.machine[0].state.params
        core.venue_is_simulated = 0  # whether a live order of ours fills is decided by matching, not by a queue model
        core.feed_includes_own = 1
        self.reset()
        if evidence and not carry.unpack(self.state, evidence, start_ns):
            raise ValueError(f"evidence of {len(evidence)} bytes does not fit; it was left by another version")

    def run(self, minutes: float, progress: Progress | None = None, *, is_end: bool = True) -> None:
        """Go on for `minutes`. The last part hears out the market's rows and writes the last calibration record."""
        the_loop, world = self.loop[0], self.world[0]
        self.listen()
        start_ns, length_ns = int(the_loop.pause_ns), round(minutes * 60 * NS)  # where the last part was to stop
        stop_ns = start_ns + length_ns
        the_loop.end_ns = stop_ns if is_end else NEVER_NS
        the_loop.pause_ns = min(start_ns + PROGRESS_NS, stop_ns)
        why = DRAIN
        while why not in (HALTED, FINISHED) and not (why == PAUSED and the_loop.pause_ns == stop_ns and not is_end):
            if why == PAUSED:
                the_loop.pause_ns = min(the_loop.pause_ns + PROGRESS_NS, stop_ns)
            why = reactive_loop.run(self.machine, self.venue, self.loop, self.world)
            self.drain()
            if progress:
                progress(min(int(world.now_ns), stop_ns) - start_ns, length_ns)
        if is_end:
            self.finish()

    def drain(self) -> None:
        """Also the truth."""
        super().drain()
        world = self.world[0]
        told = world.truth[: int(world.n_truth)]
        self.take(TRUTH, told)
        told.view(np.uint8)[:] = 0  # so that the world's bytes do not depend on when it was drained
        world.n_truth = 0

    def checkpoint(self) -> bytes:
        """All that a continuation needs."""
        return self.save(self.world)

    def restore(self, saved: bytes) -> None:
        """Go on from a checkpoint of the same configuration and scenario. Raises ValueError for another size."""
        self.load(saved, self.world)
