"""Environments of their own for the programs that we are measured against: pinned, checked by hash, kept in .bench."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".bench"


def python_of(name: str) -> Path:
    """Interpreter of the environment of requirements/bench-NAME.txt, made on first use. Raises CalledProcessError."""
    pinned = ROOT / "requirements" / f"bench-{name}.txt"
    folder = WORK / name
    python = folder / "bin" / "python"
    done = folder / "installed.txt"
    if done.is_file() and done.read_text() == pinned.read_text():
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes"]
    subprocess.run([*install, "-r", str(pinned)], check=True)
    done.write_text(pinned.read_text())
    return python
