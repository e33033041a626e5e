"""A second core beside the one that trades: it predicts the same, learns the same, and sends nothing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from touchstone import config
from touchstone.backtest import runner
from touchstone.cli.main import main
from touchstone.core import state as core
from touchstone.core.targets import N_TARGETS, TARGET_NAMES
from touchstone.session import carry, journal
from touchstone.session.beside import Beside, BesideError, challenger_of
from touchstone.session.challenge import CONCERNS, Comparison, concerned
from touchstone.session.challenger import ChallengeError, Challenger, changes, check, over
from touchstone.session.replay import replay
from touchstone.session.store import FINAL, START, STATES

MINUTES = 12


def with_models(settings: config.Config, **changed: Any) -> config.Config:
    return settings.model_copy(update={"models": settings.models.model_copy(update=changed)})


def made(folder: Path, settings: config.Config, minutes: float = MINUTES, seed: int = 3, **given: Any) -> Path:
    runner.run_scenario(settings, "normal", minutes=minutes, seed=seed, folder=folder, **given)
    return folder


@pytest.fixture(scope="module")
def session(settings: config.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("beside") / "session", settings)


def both(session: Path, settings: config.Config, changed: config.Config) -> tuple[Beside, dict[str, tuple[int, float]]]:
    """Both cores after a session, and by target (pairs, largest difference of a loss over the mean loss)."""
    start = (session / STATES / START).read_bytes()
    beside = Beside(start, challenger_of(start, settings, changed))
    parts = []
    for block in journal.read(session):
        if block.kind == journal.EVENTS:
            beside.feed(block.payload)
            parts.append(beside.pairs())
    parts = [each for each in (*parts, beside.pairs(at_least=1)) if each is not None]
    found = {}
    for target, name in enumerate(TARGET_NAMES):
        losses = [np.concatenate([getattr(each, key)[each.target == target] for each in parts]) for key in
                  ("loss", "loss_challenger")]  # fmt: skip
        n = len(losses[0])
        found[name] = (n, float(np.abs(losses[0] - losses[1]).max() / losses[0].mean()) if n else 0.0)
    return beside, found


def same(beside: Beside) -> None:
    """The two are one in all that predicts, learns and counts money; the challenger has sent nothing."""
    one, other = beside.incumbent.state, beside.challenger.state
    for part in ("profit", "volatility", "intensity", "microprice", "regime", "changepoint", "marks"):
        assert one[part].tobytes() == other[part].tobytes(), part
    for model in ("fill_model", "adverse", "capture", "capture_through", "fair", "belief", "edge", "cards", "crowded"):
        assert one.models[model].tobytes() == other.models[model].tobytes(), model
    assert int(one.profit.n_fills) > 0
    assert (int(other.orders.n_placed), int(other.orders.n_amended)) == (0, 0)
    assert int(other.seen.n_unmatched) == int(one.seen.n_unmatched) == 0
    assert int(other.ledger.n_evicted) == 0


def test_the_same_settings_predict_the_same(session: Path, settings: config.Config) -> None:
    """Exactly: of orders, samples and the clock, in every target."""
    beside, found = both(session, settings, settings)
    assert {name for name, (n, _) in found.items() if n == 0} == {"toxic_signals_10s"}
    assert {name: worst for name, (_, worst) in found.items() if worst != 0.0} == {}
    assert beside.n_unpaired.sum() == 0
    same(beside)


def test_the_same_settings_never_win_or_lose(session: Path, settings: config.Config) -> None:
    comparison = Comparison()
    Challenger(session, settings, settings, comparison).run(lambda: False)
    found = comparison.summary(list(range(N_TARGETS)))
    assert found["verdict"] in ("WARMING", "NO DATA")
    assert {each["e_better"] for each in found["targets"].values()} == {1.0, None}
    assert {each["gain"] for each in found["targets"].values()} == {0.0, None}


def test_a_challenger_begins_with_what_the_incumbent_knows(
    session: Path, settings: config.Config, tmp_path: Path
) -> None:
    """In the middle of a record too; but its own evidence begins at nothing."""
    machine = core.new_machine()
    machine["state"].view(np.uint8)[:] = np.frombuffer((session / STATES / FINAL).read_bytes(), np.uint8)
    evidence = carry.pack(machine[0].state)
    second = made(tmp_path / "second", settings, seed=4, evidence=evidence)
    start = (second / STATES / START).read_bytes()
    machine["state"].view(np.uint8)[:] = np.frombuffer(start, np.uint8)
    assert int(machine[0].state.models.cards[0].n) > 0, "the session has begun without evidence"
    challenger = challenger_of(start, settings, settings)
    assert int(challenger[0].state.models.cards[0].n) == 0
    beside, found = both(second, settings, settings)
    assert {name: worst for name, (_, worst) in found.items() if worst != 0.0} == {}
    assert beside.incumbent.state.models.fill_model.tobytes() == beside.challenger.state.models.fill_model.tobytes()


def test_its_own_evidence_goes_on(session: Path, settings: config.Config) -> None:
    """From one session to the next, with what it has earned."""
    changed = with_models(settings, intensity_half_life_s=60.0)
    first = Challenger(session, settings, changed, Comparison())
    first.run(lambda: False)
    second = Challenger(session, settings, changed, Comparison(), first.evidence())
    assert (first.goes_on, second.goes_on) == (False, True)
    assert carry.left_ns(second.evidence()) == 0  # nothing heard yet
    assert second.evidence()[8:] == first.evidence()[8:]


def test_changed_settings_are_those_of_the_challenger(session: Path, settings: config.Config) -> None:
    changed = with_models(settings, volatility_half_life_s=10.0, intensity_half_life_s=60.0)
    start = (session / STATES / START).read_bytes()
    state = challenger_of(start, settings, changed)[0].state
    assert float(state.params.volatility_half_life_s) == 10.0
    assert float(state.volatility.keep[0]) == pytest.approx(2.0 ** (-1.0 / 10.0))
    assert float(state.intensity.decay) == pytest.approx(np.log(2.0) / 60.0)


@pytest.mark.parametrize(
    "changed",
    [{"intensity_half_life_s": 60.0}, {"adverse_memory_fills": 100.0}, {"toxicity": True}, {"careful_cap_bps": 0.0},
     {"gate": True}],
)  # fmt: skip
def test_a_setting_changes_the_targets_that_it_concerns(
    session: Path, settings: config.Config, changed: dict[str, Any]
) -> None:
    """And no other; a decision at another time may move an order's second prediction by a trifle."""
    _, found = both(session, settings, with_models(settings, **changed))
    (name,) = changed
    expected = {TARGET_NAMES[target].partition("_")[0] for target in concerned([name])}
    moved = {target.partition("_")[0] for target, (_, worst) in found.items() if worst > 1e-3}
    assert moved == expected - {"edge"} or moved == expected
    assert expected == set(CONCERNS.get(name, ()))


def test_a_gate_hides_no_shadow(settings: config.Config, tmp_path: Path) -> None:
    """Its shadows are made without an action: each event is looked behind."""
    gated = with_models(settings, gate=True, gate_lot_share=0.5)
    session = made(tmp_path / "gated", gated, minutes=6)
    beside, found = both(session, gated, gated)
    assert int(beside.incumbent.state.gate.n_episodes.sum()) > 0
    assert {name: worst for name, (_, worst) in found.items() if worst != 0.0} == {}


def test_a_handicapped_incumbent_is_beaten_and_a_handicapped_challenger_loses(
    settings: config.Config, tmp_path: Path
) -> None:
    """A volatility that knows one second, in either place: within an hour."""
    handicap, verdicts = with_models(settings, volatility_half_life_s=1.0), {}
    for name, incumbent, changed in (("weak", handicap, settings), ("strong", settings, handicap)):
        session = made(tmp_path / name, incumbent, minutes=60)
        config.save(changed, tmp_path / "changed.toml")
        document = over([session], tmp_path / "changed.toml", is_over=lambda _: True)
        verdicts[name] = document["verdict"]
        assert document["targets"]["adverse_1s"]["verdict"] == document["verdict"]
    assert verdicts == {"weak": "WINS", "strong": "LOSES"}
    assert replay(tmp_path / "weak").same  # the session that traded is not touched


@pytest.mark.slow
def test_settings_that_hardly_differ_do_not_win(settings: config.Config, tmp_path: Path) -> None:
    changed = with_models(settings, adverse_memory_fills=2_100.0, fill_memory_outcomes=21_000.0)
    wins = 0
    for seed in range(8):
        session, comparison = made(tmp_path / f"s{seed}", settings, minutes=60, seed=seed), Comparison()
        Challenger(session, settings, changed, comparison).run(lambda: False)
        wins += comparison.summary(concerned(changes(settings.models, changed.models)))["verdict"] == "WINS"
    assert wins <= 2  # at 5 % each more than 2 of 8 has a chance of 0.6 %


def test_the_command_prints_a_table_and_a_document(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "changed.toml").write_text(
        "[models]\nintensity_half_life_s = 60.0\n[evaluation]\ncalibration_interval_s = 60.0\n"
    )
    arguments = ["challenge", str(session), str(session), "--config", str(tmp_path / "changed.toml"), "--follow"]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "[models] intensity_half_life_s 600.0 -> 60.0" in shown
    assert "fill_10s" in shown
    assert main([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["changed"] == {"intensity_half_life_s": {"incumbent": 600.0, "challenger": 60.0}}
    assert set(document["targets"]) == {"fill_1s", "fill_10s", "fill_60s"}
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
    keys = set(document) | set(document["targets"]["fill_1s"])
    assert [key for key in keys if f"`{key}`" not in page] == []


# --- What it refuses, and journals that are not finished


def test_a_killed_session_counts_as_far_as_it_goes(session: Path, settings: config.Config, tmp_path: Path) -> None:
    (path,) = (session / journal.FOLDER).glob("*.log")
    cut = tmp_path / "cut"
    (cut / journal.FOLDER).mkdir(parents=True)
    (cut / STATES).mkdir()
    (cut / journal.FOLDER / path.name).write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (cut / STATES / START).write_bytes((session / STATES / START).read_bytes())
    challenger = Challenger(cut, settings, with_models(settings, intensity_half_life_s=60.0), Comparison())
    challenger.run(lambda: False)
    assert challenger.n_market > 0
    assert challenger.comparison.summary([0])["targets"]["fill_1s"]["n"] > 0


def test_a_state_of_another_core_is_refused(session: Path, settings: config.Config) -> None:
    with pytest.raises(BesideError, match="bytes"):
        challenger_of((session / STATES / START).read_bytes()[:-8], settings, settings)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "nothing to compare"),
        ("[models]\ncareful_cap_bps = 1.0\n", "touchstone compare can"),
        ("[market]\ncoin = 'BTC'\n", "is for BTC"),
        ("[quoting]\nlevels = 5\n[models]\nintensity_half_life_s = 60.0\n", r"\[quoting\] levels"),
        ("[models]\nenabled = false\n[quoting]\nrule = 'ticks'\n", r"\[quoting\] rule"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(
    session: Path, tmp_path: Path, text: str, complaint: str
) -> None:
    (tmp_path / "changed.toml").write_text(text)
    with pytest.raises(ChallengeError, match=complaint):
        over([session], tmp_path / "changed.toml", is_over=lambda _: True)


def test_models_that_are_off_predict_nothing(settings: config.Config) -> None:
    with pytest.raises(ChallengeError, match="predicts nothing"):
        check(settings.models, settings.models.model_copy(update={"enabled": False}))


def test_a_journal_without_a_market_is_refused(session: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    (bare / STATES).mkdir(parents=True)
    (bare / STATES / START).write_bytes((session / STATES / START).read_bytes())
    (bare / "config.toml").write_bytes((session / "config.toml").read_bytes())
    meta = journal.read(session).meta
    assert meta is not None
    from touchstone.data.units import coin_of

    journal.Journal(bare, coin_of(meta.coin, meta.sz_decimals), meta.core).close()
    (tmp_path / "changed.toml").write_text("[models]\nintensity_half_life_s = 60.0\n")
    with pytest.raises(ChallengeError, match="no row of the market"):
        over([bare], tmp_path / "changed.toml", is_over=lambda _: True)
