"""The curve of adverse selection against depth: fitted to sums of fills, either sign, honest where it cannot tell."""

from typing import Any

import numpy as np
import pytest

from touchstone.core.conventions import depth_bucket
from touchstone.core.models import adverse
from touchstone.session.adverse import curves

TEN = 4


def filled(as0: float, rate: float, sd: float, n: int, seed: int = 1) -> Any:
    """A model whose curves hold n fills with losses as0 exp(-rate depth), before the block; after it 1 bps less."""
    model, rng = np.zeros(1, adverse.ADVERSE)[0], np.random.default_rng(seed)
    adverse.reset(model, 500.0, 2000.0)
    for _ in range(n):
        depth = float(rng.uniform(1, 10))
        loss = as0 * np.exp(-rate * depth) + sd * rng.standard_normal()
        bucket = np.int64(depth_bucket(depth))
        for reference, less in ((0, 0.0), (1, 1.0)):
            sums = model.curve[reference, TEN, bucket]
            sums.n += 1
            sums.depth += depth
            sums.loss += loss - less
            sums.square += (loss - less) ** 2
        model.noise[TEN] += 15.0**2
    return model


def at(model: Any, name: str = "before_block") -> Any:
    return next(row for row in curves(model) if row["horizon_s"] == 10 and row["from"] == name)


@pytest.mark.parametrize(("as0", "rate"), [(5.0, 0.2), (1.0, -0.15), (-4.0, 0.1)])
def test_is_found_whatever_its_sign(as0: float, rate: float) -> None:
    found = at(filled(as0, rate, 12.0, 20_000))
    curve = found["curve"]
    for key, true in (("as0", as0), ("rate", rate)):
        low, high = curve[f"{key}_low"], curve[f"{key}_high"]
        value = curve["as0_bps" if key == "as0" else "rate_per_bps"]
        error = (high - low) / 3.29
        assert abs(value - true) < 4 * error + 0.06 * abs(true)  # a bucket's mean is not the curve at its mean depth
    assert curve["rate_low"] * curve["rate_high"] > 0
    assert curve["d_char_low"] < curve["d_char_bps"] < curve["d_char_high"]
    assert (found["slope"]["p_rises"] > 0.9) == (as0 * -rate > 0)


def test_a_session_does_not_tell_it() -> None:
    """The setting of the report: 32 fills with sd 15 leave the sign open, and say so."""
    curve = at(filled(5.0, 0.2, 15.0, 32))["curve"]
    assert curve["rate_low"] < 0 < curve["rate_high"]
    assert curve["d_char_bps"] is None
    assert curve["d_char_low"] is None


def test_errors_and_noise_stand_beside_every_mean() -> None:
    found = at(filled(5.0, 0.2, 15.0, 400))
    assert found["se"] == pytest.approx(15.0 / 20.0, rel=0.15)
    assert found["noise_bps"] == pytest.approx(15.0)
    assert sum(row["n"] for row in found["by_depth"]) == found["n"] == 400
    assert all(row["se"] > 0 for row in found["by_depth"] if row["n"] > 1)


def test_from_either_mid() -> None:
    model = filled(5.0, 0.2, 3.0, 2000)
    assert at(model)["bps"] - at(model, "after_block")["bps"] == pytest.approx(1.0)


def test_without_fills_there_is_nothing() -> None:
    assert curves(filled(1.0, 0.0, 1.0, 0)) == []
