"""Starting quickly: what needs no kernel does not load the compiler."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("numba", "llvmlite", "polars")


def loaded_by(code: str, cwd: Path) -> set[str]:
    """Heavy modules that are loaded after `code` has run in a fresh interpreter."""
    tail = f"\nimport sys\nprint('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, cwd=cwd, check=True)
    return set(done.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize(
    "code",
    [
        "import touchstone.cli.main",
        "import touchstone.insight.report",
        "import touchstone.config",
        "from touchstone.cli.main import main; assert main(['--help']) == 0",
        "from touchstone.cli.main import main; assert main(['backtest', '--help']) == 0",
        "from touchstone.cli.main import main; assert main(['config', 'show']) == 0",
        "from touchstone.cli.main import main; assert main(['keys', 'show', 'none.json']) == 2",
        "from touchstone.cli.main import main; assert main(['status']) == 2",
        "from touchstone.cli.main import main; assert main(['doctor', '--url', 'http://127.0.0.1:9']) == 1",
    ],
)
def test_no_compiler_is_loaded(code: str, tmp_path: Path) -> None:
    assert loaded_by(code, tmp_path) == set()


def test_showing_a_session_needs_no_compiler(tmp_path: Path) -> None:
    pages = ("page", "side_by_side", "weekly")
    code = "\n".join(f"import touchstone.insight.page.{name}" for name in pages)
    assert "numba" not in loaded_by(f"import touchstone.session.store\n{code}", tmp_path)


def test_the_module_is_the_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "touchstone", "bogus"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Unknown command" in done.stderr
