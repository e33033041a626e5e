"""Scenario files: strict, known by their hash, unchanged since documented."""

import re
from pathlib import Path

import pytest
import tomli_w

from touchstone.backtest import scenario

DOCS = Path(__file__).parents[2] / "docs" / "scenarios.md"


def test_the_names() -> None:
    assert scenario.names() == ["calm", "cascade", "lag_0.1", "lag_0.3", "lag_0.55", "normal", "thin", "volatile"]


def test_documented_hashes_are_those_of_the_files() -> None:
    """A scenario is never changed once results refer to it: add a file instead."""
    documented = dict(re.findall(r"^\| `([\w.]+)` \| `([0-9a-f]{16})` \|", DOCS.read_text(encoding="utf-8"), re.M))
    assert documented == {name: scenario.load(name).hash for name in scenario.names()}


def edited(table: str, **changes: object) -> str:
    content = scenario.load("normal").model_dump(exclude={"name"})
    part = content["makers"][0] if table == "makers" else content[table] if table else content
    part.update(changes)
    return tomli_w.dumps(content)


def test_the_hash_is_of_the_content() -> None:
    text = edited("")
    assert scenario.parse("# a remark\n" + text, "other").hash == scenario.load("normal").hash
    assert scenario.parse(edited("", about="other words")).hash == scenario.load("normal").hash
    assert scenario.parse(edited("noise", per_h=113.0)).hash != scenario.load("normal").hash


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (edited("noise", per_hour=3.0), "unknown key noise.per_hour; did you mean per_h"),
        (edited("makers", half_spread=3.0), "makers.0.half_spread; did you mean half_spread_bps"),
        (edited("noise", excitation=1.0), "noise.excitation = 1.0 is not allowed"),
        (edited("market", block_ms=100.0), "leader_ms = 80: at least block_ms = 100"),
        (edited("makers", levels=33), "makers.0.levels = 33 is not allowed"),
        (edited("").replace("price = 40.0\n", ""), "market.price is missing"),
        ("price = ", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(scenario.ScenarioError, match=re.escape(words)):
        scenario.parse(text, "mine")


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(edited("market", price=7.0))
    found = scenario.load(str(tmp_path / "mine.toml"))
    assert (found.name, found.market.price) == ("mine", 7.0)
    with pytest.raises(scenario.ScenarioError, match=r"other\.toml"):
        scenario.load(str(tmp_path / "other.toml"))


def test_the_example_can_be_traded_in() -> None:
    examples = Path(__file__).resolve().parents[2] / "examples"
    assert scenario.load(str(examples / "coarse.toml")).name == "coarse"


def test_an_unknown_name_leads_to_the_nearest() -> None:
    with pytest.raises(scenario.ScenarioError, match="did you mean volatile"):
        scenario.load("volatil")


def test_lags_differ_in_nothing_else() -> None:
    """So that a comparison over them is one of the lag."""
    for name, lag in (("lag_0.1", 0.1), ("lag_0.3", 0.3), ("lag_0.55", 0.55)):
        content = scenario.load(name).model_dump(exclude={"name", "about"})
        assert {maker.pop("lag_s") for maker in content["makers"]} == {lag}
        normal = scenario.load("normal").model_dump(exclude={"name", "about"})
        for maker in normal["makers"]:
            maker.pop("lag_s")
        assert content == normal
