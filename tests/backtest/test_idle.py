"""Models that move no quote: scored all the same, or skipped, which changes nothing but what is known of them."""

from typing import Any

import numpy as np
import pytest

from touchstone import config
from touchstone.backtest.replay import Replay
from touchstone.core import records, targets
from touchstone.core.calibration import ledger
from touchstone.data.tape import Tape

OF_THE_TWO = [n for n, name in enumerate(targets.TARGET_NAMES) if name.startswith(("fair", "edge"))]


class Keep:
    """Rows by table."""

    def __init__(self) -> None:
        self._tables: dict[str, list[Any]] = {}

    def take(self, table: str, rows: Any) -> None:
        self._tables.setdefault(table, []).append(np.asarray(rows).copy())

    def rows(self, table: str) -> Any:
        return np.concatenate(self._tables[table])


def run(tape: Tape, settings: config.Config, idle: str) -> tuple[Replay, Keep]:
    models = settings.models.model_copy(update={"fair": False, "edge": False, "idle": idle})
    made, keep = Replay(settings.model_copy(update={"models": models}), tape.meta.sz_decimals), Keep()
    made.sinks.append(keep)
    made.run(tape)
    return made, keep


@pytest.fixture(scope="module")
def both(tape: Tape, settings: config.Config) -> dict[str, tuple[Replay, Keep]]:
    return {idle: run(tape, settings, idle) for idle in ("scored", "skipped")}


def test_the_same_is_sent_and_filled(both: dict[str, tuple[Replay, Keep]]) -> None:
    for table in ("orders", "events"):
        scored, skipped = (keep.rows(table) for _, keep in both.values())
        assert scored.tobytes() == skipped.tobytes()


def test_what_is_skipped_has_no_outcomes_and_no_ids(both: dict[str, tuple[Replay, Keep]]) -> None:
    (_, scored), (_, skipped) = both["scored"], both["skipped"]
    for n in OF_THE_TWO:
        assert (scored.rows("outcomes")["target"] == n).any()
        assert not (skipped.rows("outcomes")["target"] == n).any()
    assert (scored.rows("fills")["edge_prediction_id"] > 0).any()
    assert not skipped.rows("fills")["edge_prediction_id"].any()
    assert np.isnan(skipped.rows("fills")["predicted_edge_bps"]).all()
    assert not (skipped.rows("predictions")["kind"] == records.KIND_FAIR).any()


def test_every_prediction_is_accounted_for(both: dict[str, tuple[Replay, Keep]]) -> None:
    for made, _ in both.values():
        assert ledger.is_conserved(made.state.ledger)
        assert made.problems() == []
    assert not both["skipped"][0].state.ledger.made[OF_THE_TWO].any()
