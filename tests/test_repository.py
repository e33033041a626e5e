"""The repository itself: nothing that holds on one machine only, no loose ends, no page that points nowhere."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from touchstone.cli.main import app

ROOT = Path(__file__).resolve().parent.parent
TEXT = {".py", ".md", ".toml", ".txt", ".in", ".yml", ".yaml", ".cfg", ".json", ".sh", ""}

# Written in pieces, so that this file does not find itself.
FORBIDDEN = {
    "absolute machine path": r"(?<![\w.~-])/(?:" + "|".join(["home", "root", "work", "opt", "mnt", "Users"]) + r")/\w",
    "package registry": "|".join([r"pypi\.o" + "rg", "python" + "hosted", r"\.npm" + "js", r"conda\.ana" + "conda"]),
    "loose end": r"\b(?:" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b",
}


def files() -> list[Path]:
    """Files of the repository: tracked, or new and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0 and done.stdout:
        found = [ROOT / name for name in done.stdout.splitlines()]
    else:  # an unpacked archive
        found = [path for folder in ("src", "tests", "docs", "requirements") for path in (ROOT / folder).rglob("*")]
    hidden = (".hypothesis", "__pycache__")
    return sorted(p for p in found if p.is_file() and p.suffix in TEXT and not set(hidden) & set(p.parts))


PAGES = [path for path in files() if path.suffix == ".md"]


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_contains(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    local = [link for link in links if link and not link.startswith(("http:", "https:", "mailto:"))]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_files_and_commands_named_in_words_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:src|tests|docs|examples|requirements)/[\w./-]+\.\w+)`", text)
    assert [name for name in named if not (ROOT / name).is_file()] == []
    commands = re.findall(r"(?:`|bin/)touchstone ([a-z-]+)", text)
    assert [command for command in commands if command not in app] == []
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert [target for target in re.findall(r"`make ([a-z-]+)`", text) if target not in targets] == []


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_requirements_are_pinned_and_hashed(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text()
    pinned = re.findall(r"^([\w.-]+)==\S+ \\$", text, flags=re.MULTILINE)
    wanted = re.findall(r"^([\w.-]+)", (ROOT / f"requirements/{name}.in").read_text(), flags=re.MULTILINE)
    assert {entry.lower() for entry in wanted if not entry.startswith("-")} <= set(pinned)
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert not re.search(r"^-|://", text, flags=re.MULTILINE)


def test_the_development_pins_contain_the_runtime_pins() -> None:
    pins = {
        name: set(re.findall(r"^(\S+==\S+) \\$", (ROOT / f"requirements/{name}.txt").read_text(), flags=re.MULTILINE))
        for name in ("runtime", "dev")
    }
    assert pins["runtime"] <= pins["dev"]


def test_declared_dependencies_are_those_that_are_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.match(r"[\w-]+", entry).group() for entry in project["dependencies"]}  # type: ignore[union-attr]
    wanted = re.findall(r"^([\w.-]+)", (ROOT / "requirements/runtime.in").read_text(), flags=re.MULTILINE)
    assert declared == set(wanted) - {"setuptools"}


def test_the_version_is_written_once_more_and_the_same() -> None:
    import touchstone

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == touchstone.__version__
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_package_of_the_layout_has_its_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layered = {name for layer in contracts[0]["layers"] for name in re.findall(r"touchstone\.(\w+)", layer)}
    packages = {path.parent.name for path in (ROOT / "src/touchstone").glob("*/__init__.py")}
    assert packages == layered


def test_the_test_command_of_the_continuous_integration_is_make_test() -> None:
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & 0o111
    assert "make test" in script.read_text()
