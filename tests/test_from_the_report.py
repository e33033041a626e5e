"""docs/from-the-report.md: every row has an answer, and every file and command that it names exists."""

import re
from pathlib import Path

import pytest

from touchstone.cli.main import app

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/from-the-report.md"

# Names that the report uses for its parts, figures and criteria; each must have a row.
NAMED = (
    "ModelCalibrationOrchestrator CalibratedFillModel CalibratedAdverseSelection CalibratedLagAnalyzer "
    "BayesianFillModel AdverseSelectionEstimator PredictionOutcomeStore TrackedOrder FillState FillSignalSnapshot "
    "MarketParams DepthDecayAS FillProfitabilityTracker OrderManager EdgeScatter HMM BOCPD NormalInverseGamma "
    "bid_toxicity_gate ask_toxicity_gate should_widen_spread as_calibration_tracker predict() record_outcome() "
    "information_ratio() fill_ir fill_samples fill_brier as_ir as_samples lag_ir lag_mi_decay p_positive signal_led"
).split()
ROWS_OF_SECTION = {  # at least: the tables, steps and criteria of each part of the report, counted by hand
    "Executive summary": 5,
    "Part 1: calibration": 3 + 5 + 5 + 3,
    "Part 2: edge prediction": 1 + 5 + 3 + 4,
    "Part 3: adverse selection": 4 + 5 + 3,
    "Part 4: life of a quote": 6 + 4,
    "Part 5: quota": 3,
    "Part 6: priorities": 4 + 3 + 3 + 3,
    "Part 7: success criteria": 4 + 3 + 3 + 3,
    "Appendix: code snippets": 5,
    "What the report's own fixes get wrong": 41,
}


def sections() -> dict[str, list[tuple[str, str]]]:
    """Rows (of the report, answer) by section."""
    found: dict[str, list[tuple[str, str]]] = {}
    for part in PAGE.read_text().split("\n## ")[1:]:
        title, _, body = part.partition("\n")
        lines = [line for line in body.splitlines() if line.startswith("|")][2:]
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        assert all(len(row) == 2 for row in cells), title
        found[title] = [(row[0], row[1]) for row in cells]
    return found


ROWS = [(title, *row) for title, rows in sections().items() for row in rows]


def test_every_part_of_the_report_is_there() -> None:
    counts = {title: len(rows) for title, rows in sections().items()}
    assert counts.keys() == ROWS_OF_SECTION.keys()
    assert all(counts[title] >= least for title, least in ROWS_OF_SECTION.items()), counts


def test_every_name_of_the_report_has_a_row() -> None:
    text = "\n".join(row[1] for row in ROWS)
    assert [name for name in NAMED if name not in text] == []


@pytest.mark.parametrize(("title", "asked", "answer"), ROWS, ids=[row[1][:40] for row in ROWS])
def test_the_answer_exists(title: str, asked: str, answer: str) -> None:
    assert asked
    quoted = re.findall(r"`([^`]+)`", answer)
    files = [name for name in quoted if re.fullmatch(r"[\w./-]+/[\w.-]+\.\w+", name)]
    commands = [name.split()[1:] for name in quoted if name.startswith("touchstone ")]
    issues = [int(number) for number in re.findall(r"issue (\d+)", answer)]
    assert files or commands or issues or "Differs:" in answer, f"{title}: no answer to {asked!r}"
    assert [name for name in files if not (ROOT / name).is_file()] == []
    for command, *_ in commands:
        assert command in app, f"no command {command}"
    assert all(3 <= number <= 7 for number in issues)
