"""`touchstone dashboard`: pages, metrics and alerts of a session; and how `touchstone run` starts them beside one."""

import os
import socket
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from touchstone import config
from touchstone.cli import output

LOG = "dashboard.log"
PORTS = 100  # tried from the configured one on
ENDS_S = 15.0  # for its last alerts
NICENESS = 5  # whatever happens here, the trader comes first


def dashboard(
    session: Path | None = None,
    *,
    port: Annotated[int | None, Parameter(validator=validators.Number(gte=0, lte=65_535))] = None,
    pages: bool = True,
    open_browser: Annotated[bool, Parameter(name="--open", negative=())] = False,
    config_file: Annotated[Path | None, Parameter(name="--config")] = None,
    child: Annotated[bool, Parameter(show=False, negative=())] = False,
) -> int:
    """Show a session, running or past, on pages at a loopback address; also serve its metrics and send its alerts.

    Parameters
    ----------
    session
        Folder of the session; by default the newest one.
    port
        Port on loopback; by default the configuration's, or the next free one.
    pages
        With `--no-pages` only metrics and alerts, in a third of the memory.
    open_browser
        Open the pages in the browser.
    config_file
        Configuration file (TOML) for [dashboard], [alerts] and [live] sessions; by default the session's own.
    child
        End when standard input does: started beside a session.
    """
    from touchstone.watch import token
    from touchstone.watch.standing import Reader, newest

    with suppress(OSError):
        os.nice(NICENESS)
    asked = config.load(config_file)
    folder = session or newest(Path(asked.live.sessions))
    standing = Reader(folder).read()
    settings = asked if config_file else config.load(folder / "config.toml")
    at = free_port(settings.dashboard.port if port is None else port)
    if not child:
        output.say(f"dashboard of {folder}: http://127.0.0.1:{at}  metrics: http://127.0.0.1:{at}/metrics")
        if standing.is_live or standing.phase == "starting":
            output.say(f"token for commands: {token.issue(folder)}")
        if open_browser:
            webbrowser.open(f"http://127.0.0.1:{at}")
    if pages:
        from touchstone.dashboard.app import serve

        serve(folder, settings, port=at, ends_with_input=child, say=output.say)
    else:
        from touchstone.watch.serve import serve as serve_metrics

        serve_metrics(folder, settings.alerts, port=at, ends_with_input=child, say=output.say)
    return output.OK


def free_port(first: int) -> int:
    """`first`, or the next port that is free on loopback. Raises WrongUseError."""
    for number in range(first, first + PORTS):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError, OverflowError):
                probe.bind(("127.0.0.1", number))
                return int(probe.getsockname()[1])
    raise output.WrongUseError(f"no free port from {first} on; name one by --port")


@dataclass
class Beside:
    """Starts the dashboard of a session as a process of its own, once its folder is there."""

    settings: config.Config
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, folder: Path) -> None:
        """Start it and say where; what it says goes to dashboard.log. It never raises: trading does not need it."""
        from touchstone.watch import token

        try:
            at = free_port(self.settings.dashboard.port)
            given = token.issue(folder)
            with (folder / LOG).open("ab") as log:
                child = subprocess.Popen(
                    [sys.executable, "-m", "touchstone", "dashboard", str(folder), "--port", str(at), "--child"],
                    stdin=subprocess.PIPE, stdout=log, stderr=log, env=_environment(), start_new_session=True,
                )  # fmt: skip
        except (OSError, output.WrongUseError) as error:
            output.say(f"no dashboard: {error}")
            return
        self._children.append(child)
        output.say(f"dashboard: http://127.0.0.1:{at}   token for its commands: {given}")

    def stop(self) -> None:
        """End it with the session."""
        for child in self._children:
            assert child.stdin is not None
            child.stdin.close()
            try:
                child.wait(ENDS_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@contextmanager
def beside(settings: config.Config, *, wanted: bool) -> Iterator[Beside | None]:
    """What starts the dashboard beside a session, and ends it; None where it is not wanted."""
    started = Beside(settings) if wanted and settings.dashboard.enabled else None
    try:
        yield started
    finally:
        if started is not None:
            started.stop()


def _environment() -> dict[str, str]:
    """Ours without the secrets of trading."""
    from touchstone.live.keys import SECRET_VARIABLES

    return {name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES}
