"""Chance of faults and delays."""

import statistics

from touchstone.local.server.faults import FaultInjector
from touchstone.local.server.settings import Faults, Latency


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
