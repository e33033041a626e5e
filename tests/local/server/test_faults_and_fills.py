"""Chance of faults, delays, and fills merged by order and block."""

import statistics

from touchstone.local.server.faults import FaultInjector
from touchstone.local.server.fills import merged
from touchstone.local.server.settings import Faults, Latency
from touchstone.venues.hyperliquid.shapes import Fill


def test_the_same_seed_draws_the_same_faults() -> None:
    plan = Faults(too_many_requests_chance=0.1, bad_gateway_chance=0.1, server_error_chance=0.1)
    runs = [[FaultInjector(plan, seed).http_fault() for _ in range(1)] for seed in (1, 1, 2)]
    first, again, other = ([injector.http_fault() for _ in range(500)] for injector in (
        FaultInjector(plan, 1), FaultInjector(plan, 1), FaultInjector(plan, 2)
    ))  # fmt: skip
    assert runs[0] == runs[1]
    assert first == again != other
    assert {status and status.value for status in first} == {None, 429, 500, 502}
    injector = FaultInjector(plan, 1)
    failures = sum(injector.http_fault() is not None for _ in range(5_000))
    assert failures == sum(injector.counts.values())
    assert abs(failures / 5_000 - 0.271) < 0.03  # 1 - 0.9^3


def test_delays_have_the_median_and_the_tail_that_were_asked() -> None:
    injector = FaultInjector(Faults(), 1)
    plain = [injector.delay_s(Latency(median_ms=20.0, spread=0.5)) for _ in range(4_000)]
    assert abs(statistics.median(plain) - 0.020) < 0.001
    assert abs(statistics.quantiles(plain, n=100)[83] / 0.020 - 1.644) < 0.1  # exp(0.5), one standard deviation up
    tailed = [injector.delay_s(Latency(tail_chance=0.1, tail_ms=500.0)) for _ in range(4_000)]
    assert abs(sum(delay > 0 for delay in tailed) / 4_000 - 0.1) < 0.02
    assert abs(statistics.mean(delay for delay in tailed if delay) - 0.5) < 0.1
    assert injector.delay_s(Latency()) == 0.0


def fill(px: str, sz: str, start: str, oid: int = 1, time: int = 5, side: str = "B") -> Fill:
    return Fill("BTC", px, sz, side, time, start, "Open Long", "0.0", "0x0", oid, True, "0.5", tid=int(start[0]))  # type: ignore[arg-type]


def test_parts_of_an_order_in_a_block_are_one_fill() -> None:
    newest_first = [fill("11", "1.0", "3.0", oid=2), fill("20", "2.0", "1.0"), fill("14", "1.0", "0.0")]
    whole = merged(newest_first)
    assert [(f.oid, f.px, f.sz, f.start_position, f.fee) for f in whole] == [
        (2, "11", "1.0", "3.0", "0.5"),
        (1, "18", "3.0", "0.0", "1.0"),
    ]
    assert merged([fill("1", "1", "0"), fill("1", "1", "1", time=6)]) == [fill("1", "1", "0"), fill("1", "1", "1", time=6)]
