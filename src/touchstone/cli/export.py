"""`touchstone export`: the tables of a session as Parquet files."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from touchstone.cli import output


def export(
    session: Annotated[Path, Parameter(validator=validators.Path(exists=True))],
    *,
    out: Path,
    json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Write every table of a session as a Parquet file, with a list of its columns, their units and meanings.

    Parameters
    ----------
    session
        Folder of the session.
    out
        Folder to write into; made where it does not exist, and otherwise empty.
    json
        Print the rows of each file as JSON.
    """
    output.refuse_existing(out)
    from touchstone.insight.export.write import export as write
    from touchstone.insight.readings import open_session

    with open_session(session) as opened:
        rows = write(opened, out)
    if json:
        output.print_json({"out": out, "rows": rows})
    else:
        console = output.stdout()
        for table, count in rows.items():
            console.print(f"{out / table}.parquet: {count:,} rows", markup=False, soft_wrap=True)
    return output.OK
