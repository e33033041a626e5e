"""The page that a session leaves in its folder; that it cannot be written never spoils the session."""

from collections.abc import Callable
from pathlib import Path

from touchstone.insight.page.page import REPORT, write_report


def leave_report(folder: Path, say: Callable[[str], None] | None) -> None:
    """Write `report.html` into a finished session's folder, or say why not."""
    try:
        write_report(folder)
    except Exception as error:  # whatever it is: orders are gone, the result is written, the page can be made again
        if say is not None:
            say(f"{folder / REPORT} was not written ({type(error).__name__}: {error}); try touchstone report --html")
