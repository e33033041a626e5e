"""Exchange time against the wall's, and which of both a client goes by."""

import time

from touchstone.local.server.clock import Clock


def test_a_recording_runs_at_its_own_time_and_speed() -> None:
    clock = Clock(0, 100.0)
    clock.restart(1_000_000)
    time.sleep(0.05)
    assert 1_005_000 <= clock.now_ms() < 1_050_000
    assert abs(clock.wait_s(clock.now_ms() + 10_000) - 0.1) < 0.01


def test_a_live_market_runs_with_the_wall() -> None:
    clock = Clock(0, 1.0)
    clock.restart()
    assert abs(clock.now_ms() - clock.wall_ms()) < 5
    clock.skew_ms = 3_000
    assert abs(clock.now_ms() - clock.wall_ms() - 3_000) < 5


def test_a_client_goes_by_the_wall_or_by_the_exchange() -> None:
    clock = Clock(0, 10.0)
    clock.restart(1_000_000_000_000)
    wall = int(clock.wall_ms())
    assert abs(clock.client_ms(wall) - wall) < 100
    assert abs(clock.client_ms(1_000_000_000_123) - 1_000_000_000_000) < 1_000
    # Five seconds of the wall are fifty of an exchange that runs at ten times its speed.
    assert abs(clock.exchange_ms(wall + 5_000, wall) - 1_000_000_050_000) < 1_000
    assert clock.exchange_ms(1_000_000_005_000, 1_000_000_000_000) == 1_000_000_005_000
