"""How every command speaks: results on standard output, everything else on standard error."""

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from touchstone import TouchstoneError
from touchstone.data.errors import DataError
from touchstone.redact import redact

OK, PROBLEM, WRONG_USE, VENUE, KILLED = 0, 1, 2, 3, 4
INTERRUPTED = 130
WIDTH = 100

Progress = Callable[[int, int], None]


def stdout() -> Console:
    """Console for results: at most 100 columns on a terminal, exactly 100 in a pipe or file."""
    console = Console(highlight=False)
    console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    return console


def stderr() -> Console:
    """Console for progress and messages."""
    return Console(stderr=True, highlight=False)


def say(message: str) -> None:
    """One message for people."""
    stderr().print(message, markup=False, soft_wrap=True)


def complain(about: object) -> None:
    """One error for people."""
    say(redact(f"error: {about}"))


def print_json(value: Any) -> None:
    """One JSON document on standard output; NaN and infinities become null (msgspec's rule)."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(plain(value)), indent=2).decode() + "\n")


def plain(value: Any) -> Any:
    """The same value in built-in types: NumPy scalars become numbers, arrays lists, paths text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # NumPy, without importing it
        return plain(value.tolist())
    return value


@contextmanager
def progress(words: str) -> Iterator[Progress]:
    """A progress bar on standard error; silent where that is not a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = stderr()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def exit_code_of(result: Mapping[str, Any]) -> int:
    """4 if risk killed the run, 1 if it found a problem, else 0."""
    if (result.get("risk") or {}).get("state") == "killed":
        return KILLED
    return PROBLEM if result.get("problems") else OK


def show(result: Mapping[str, Any], as_json: bool) -> int:
    """A session's result as its report or as JSON; the exit code that it means."""
    if as_json:
        print_json(result)
    else:
        from touchstone.insight.report import print_report

        print_report(plain(result), stdout())
    return exit_code_of(result)


def refuse_existing(folder: Path) -> None:
    """Raises WrongUseError for a folder with something in it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WrongUseError(f"{folder} exists and is not empty; a session is never written over: choose another folder")


class WrongUseError(TouchstoneError):
    """The command cannot do what was asked."""

    exit_code = WRONG_USE


def explain(error: BaseException) -> int:
    """Print what went wrong in one message and return the exit code; a traceback only with TOUCHSTONE_DEBUG.

    What could be a private key is hidden, wherever a user may have put it.
    """
    if os.environ.get("TOUCHSTONE_DEBUG"):
        sys.stderr.write(redact("".join(traceback.format_exception(error))))
    match error:
        case KeyboardInterrupt():
            say("interrupted")
            return INTERRUPTED
        case TouchstoneError():
            complain(error)
            return error.exit_code
        case DataError():
            complain(error)
            return WRONG_USE
        case OSError(filename=str() | bytes() | Path()):
            complain(f"{error.filename!s}: {error.strerror}")
            return WRONG_USE
    complain(f"unexpected {type(error).__name__}: {error}")
    say("This is a fault of Touchstone; TOUCHSTONE_DEBUG=1 shows where it happened.")
    return PROBLEM
