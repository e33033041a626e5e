"""Whose [models] trade: the incumbent's, until others have won or the operator says so."""

from pathlib import Path
from typing import Any

import pytest
from tests.session.forecasts import winning

from touchstone.config import Config
from touchstone.live.challenger import Beside, Places, choose
from touchstone.live.desk import Desk
from touchstone.session import carry
from touchstone.session.challenge import Comparison

COIN = "hyna:HYPE"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(Desk.of(tmp_path, "testnet", "0x" + "ab" * 20), COIN, "https://exchange")


def having(**models: Any) -> Config:
    settings = Config()
    return settings.model_copy(update={"models": settings.models.model_copy(update=models)})


CHANGED = having(intensity_half_life_s=60.0)


def test_without_an_incumbent_nothing_is_held_against_anything(places: Places) -> None:
    assert choose(places, CHANGED, replaces=False).config == CHANGED
    places.set_incumbent(Config().models)
    assert choose(None, CHANGED, replaces=False).config == CHANGED  # a simulated market: nothing is kept
    assert choose(places, Config(), replaces=False).changed is None


def test_other_settings_run_beside_and_the_incumbent_trades(places: Places) -> None:
    places.set_incumbent(Config().models)
    chosen = choose(places, CHANGED, replaces=False)
    assert (chosen.config, chosen.changed) == (Config(), CHANGED)
    assert chosen.changes == {"intensity_half_life_s": (600.0, 60.0)}
    assert "intensity_half_life_s = 60.0 (incumbent 600.0)" in chosen.words
    assert "so far: NO DATA" in chosen.words


def test_all_but_the_models_is_as_it_is_configured(places: Places) -> None:
    places.set_incumbent(Config().models)
    wider = CHANGED.model_copy(update={"quoting": CHANGED.quoting.model_copy(update={"levels": 5})})
    assert choose(places, wider, replaces=False).config.quoting.levels == 5


@pytest.mark.parametrize(
    ("changed", "replaces", "says"),
    [
        (CHANGED, True, "taken at once"),
        (having(careful_cap_bps=1.0, gate=True), False, "no prediction can show"),
    ],
)
def test_what_holds_at_once(places: Places, changed: Config, replaces: bool, says: str) -> None:
    places.set_incumbent(Config().models)
    chosen = choose(places, changed, replaces=replaces)
    assert (chosen.config, chosen.changed) == (changed, None)
    assert says in chosen.words


def test_a_winner_takes_over_and_a_loser_does_not(places: Places) -> None:
    places.set_incumbent(Config().models)
    record = places.comparison(Config(), CHANGED)
    record.write_bytes(winning("fair_1s").pack())  # which this change does not concern
    assert choose(places, CHANGED, replaces=False).changed == CHANGED
    record.write_bytes(winning("fill_10s").pack())
    chosen = choose(places, CHANGED, replaces=False)
    assert (chosen.config, chosen.changed, chosen.took_over) == (CHANGED, None, True)


def test_a_record_is_of_two_models_in_one_market(places: Places) -> None:
    places.set_incumbent(Config().models)
    places.comparison(Config(), CHANGED).write_bytes(winning("fill_10s").pack())
    assert choose(places, having(intensity_half_life_s=61.0), replaces=False).changed is not None
    slower = Config().model_copy(update={"evaluation": Config().evaluation.model_copy(update={"window_s": 20.0})})
    assert places.comparison(slower, CHANGED) != places.comparison(Config(), CHANGED)


def test_a_damaged_record_is_none(places: Places) -> None:
    places.set_incumbent(Config().models)
    places.comparison(Config(), CHANGED).write_bytes(Comparison().pack()[:-8])
    assert "so far: NO DATA" in choose(places, CHANGED, replaces=False).words


def test_models_of_another_version_are_no_incumbent(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their code is not here to run beside."""
    places.set_incumbent(Config().models)
    monkeypatch.setattr(carry, "MODEL_VERSION", carry.MODEL_VERSION + 1)
    assert choose(places, CHANGED, replaces=False).config == CHANGED


@pytest.mark.asyncio
async def test_a_challenger_that_dies_is_told_of_and_adds_nothing(places: Places, tmp_path: Path) -> None:
    """Here there is no journal to follow, so it dies at once; the trader only hears of it."""
    places.set_incumbent(Config().models)
    folder, said = tmp_path / "session", list[str]()
    folder.mkdir()
    beside = Beside(places, choose(places, CHANGED, replaces=False), folder, said.append)
    await beside.start(now_ns=1)
    standing = await beside.stop()
    assert standing["kept"] is False
    assert standing["verdict"] == "NO DATA"
    assert "ended by itself" in standing["note"]
    assert "adds nothing to its record" in standing["note"]
    assert len(said) == 1
    assert not places.comparison(Config(), CHANGED).exists()
    assert (folder / "challenger.log").read_text() != ""
    await beside.kill()
