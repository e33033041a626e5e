"""What is told, and when: once, not too often, at night only what cannot wait."""

from datetime import datetime, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone.config import Alerts
from touchstone.watch.alerts import Alerter, AlertLog, Line, is_quiet, read_log
from touchstone.watch.rules import Finding

NOON, NIGHT = datetime(2026, 1, 5, 12, 0), datetime(2026, 1, 5, 23, 30)
QUOTA = Finding("quota", "warning", "9 % of the request quota is left")
KILL = Finding("kill", "critical", "trading is killed by drawdown")


class Told:
    """An alerter with its messages and its log."""

    def __init__(self, **settings: object) -> None:
        self.texts: list[str] = []
        self.lines: list[Line] = []
        self.alerter = Alerter(Alerts.model_validate(settings), self.texts.append, self.lines.append)

    def at(self, now_s: float, *found: Finding, wall: datetime = NOON) -> list[str]:
        """What is told at this moment."""
        before = len(self.texts)
        self.alerter.take(found, now_s, wall)
        return self.texts[before:]


def test_a_thing_is_told_once_and_its_end() -> None:
    told = Told()
    assert told.at(0.0, QUOTA) == [f"warning: {QUOTA.text}"]
    assert [told.at(float(s), QUOTA) for s in range(1, 100)] == [[]] * 99
    assert told.at(100.0) == [f"over: {QUOTA.text}"]
    assert [line.what for line in told.lines] == ["began", "ended"]


def test_what_lasts_is_told_again_after_repeat_min() -> None:
    told = Told(repeat_min=10.0)
    times = [s for s in range(0, 1_801, 60) if told.at(float(s), QUOTA)]
    assert times == [0, 600, 1_200, 1_800]


def test_what_flaps_is_told_once_in_repeat_min() -> None:
    told = Told(repeat_min=10.0)
    began = [s for s in range(600) if f"warning: {QUOTA.text}" in told.at(float(s), *([QUOTA] if s % 2 else []))]
    assert began == [1]


def test_a_rule_waits_as_long_as_it_says() -> None:
    told = Told()
    slow = Finding("inventory", "warning", "long", "long", after_s=300.0)
    assert told.at(0.0, slow) == told.at(299.0, slow) == []
    assert told.at(300.0, slow) == ["warning: long"]
    told = Told()
    assert told.at(0.0, slow) == told.at(200.0) == told.at(201.0, slow) == told.at(400.0, slow) == []
    assert told.lines == []  # it never lasted long enough to count


def test_at_most_so_many_in_an_hour_then_their_number() -> None:
    told = Told(most_per_hour=3)
    many = [Finding("degraded", "warning", f"model {i}", str(i)) for i in range(10)]
    assert len(told.at(0.0, *many)) == 3
    assert told.at(60.0, *many, KILL) == [f"critical: {KILL.text}"]
    told.at(61.0, *many, KILL)  # looking again holds nothing more back
    told.at(3_700.0)  # what was told is over
    assert told.at(7_400.0) == ["7 messages were held back; see alerts.log"]


def test_quiet_hours_let_only_the_critical_through_and_the_rest_wait() -> None:
    told = Told(quiet_hours="22:00-07:00")
    assert told.at(0.0, QUOTA, KILL, wall=NIGHT) == [f"critical: {KILL.text}"]
    assert told.at(30_000.0, QUOTA, wall=datetime(2026, 1, 6, 7, 0))[-1] == f"warning: {QUOTA.text}"
    told = Told(quiet_hours="22:00-07:00")
    assert told.at(0.0, QUOTA, wall=NIGHT) == told.at(10.0, wall=NIGHT) == []  # over before morning: never told
    assert [(line.what, line.told) for line in told.lines] == [("began", False), ("ended", False)]


@given(at=st.times())
def test_quiet_hours_over_midnight_are_the_complement_of_the_day(at: time) -> None:
    at = at.replace(tzinfo=None)
    assert is_quiet("22:00-07:00", at) != is_quiet("07:00-22:00", at)
    assert not is_quiet("", at)


@pytest.mark.parametrize("wrong", ["22-7", "25:00-07:00", "22:00", "22:00-07:61"])
def test_hours_that_are_none_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="quiet_hours"):
        Alerts(quiet_hours=wrong)


def test_the_log_is_read_back_newest_first_without_half_a_line(tmp_path: Path) -> None:
    said: list[str] = []
    log = AlertLog(tmp_path, said.append)
    lines = [Line(i, "began", "quota", "", "warning", f"text {i}", True) for i in range(5)]
    for line in lines:
        log.note(line)
    with (tmp_path / "alerts.log").open("ab") as file:
        file.write(b'{"wall_ns": 6, "wh')
    assert read_log(tmp_path, newest=4) == lines[:-4:-1]
    assert read_log(tmp_path / "elsewhere") == []
    assert said == []
    AlertLog(tmp_path / "elsewhere", said.append).note(lines[0])
    assert "text 0" in said[0]
