"""`touchstone challenge`: other settings of the models against those of sessions, by what both predict of the same."""

import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from touchstone.cli import output

Existing = Annotated[Path, Parameter(validator=validators.Path(exists=True, file_okay=False))]
File = Annotated[Path, Parameter(name="--config", validator=validators.Path(exists=True, dir_okay=False))]
LOOK_S = 1.0


def challenge(
    *sessions: Existing,
    config_file: File,
    follow: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Hold other settings of [models] against those of sessions: a second core hears all, sends nothing, and predicts.

    Exit code 0 whatever the verdict; 2 where the two cannot be held against each other, with the reason.

    Parameters
    ----------
    sessions
        Folders of sessions, finished, running (as far as they have come) or killed; live, paper or of a backtest.
    config_file
        Configuration file (TOML) whose [models] are the challenger's; all else must be as in the sessions.
    follow
        Of a session that runs: go on until it ends.
    json
        Print the document as JSON.
    """
    if not sessions:
        raise output.WrongUseError("name at least one session")
    from touchstone.insight.challenge_tables import print_challenge
    from touchstone.insight.readings.folder import RESULT
    from touchstone.session.challenger import over
    from touchstone.session.replay import is_compiled

    def is_over(folder: Path) -> bool:
        """Whether the last session has ended; waits a moment if not."""
        if not follow or (folder / RESULT).is_file():
            return True
        time.sleep(LOOK_S)
        return False

    if not is_compiled():
        output.say("compiling the core: once per version, about a minute")
    with output.progress("both cores") as progress:
        document = over(list(sessions), config_file, progress=progress, is_over=is_over)
    if json:
        output.print_json(document)
    else:
        print_challenge(document, output.stdout())
    return output.OK
