"""Writing a session's tables as Parquet files, in pieces, so that memory does not grow with the session."""

import csv
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import polars as pl

from touchstone.insight.export.column import Column
from touchstone.insight.export.columns import columns_of
from touchstone.insight.readings.folder import LEDGER_PER_UNIT, MICRO, NS, Session, UnreadableSessionError

CHUNK = 100_000  # rows in memory at once


def export(session: Session, out: Path) -> dict[str, int]:
    """Write every table into the folder `out`; rows by table. Raises UnreadableSessionError: an older schema."""
    if session.schema == 0:
        raise UnreadableSessionError(
            f"{session.folder}: written by an older version of Touchstone, whose tables do not say what their codes "
            "mean; run it again to export it"
        )
    out.mkdir(parents=True, exist_ok=True)
    counts, listed = {}, []
    for table in session.tables():
        present = session.table_columns(table)
        columns = columns_of(table, [name for name, _ in present])
        kinds = dict(present)
        counts[table] = _write(session, table, columns, kinds, out / f"{table}.parquet")
        listed += [(table, column.name, column.unit, column.meaning) for column in columns]
    with (out / "columns.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("table", "column", "unit", "meaning"), *listed])
    about = {
        "session": session.name,
        "about": session.about,
        "finished": session.is_finished,
        "config": session.config.model_dump(),
        "result": session.result,
    }
    (out / "session.json").write_bytes(msgspec.json.format(msgspec.json.encode(about), indent=2))
    return counts


def _write(session: Session, table: str, columns: list[Column], kinds: dict[str, str], path: Path) -> int:
    """One table into one file."""
    rows = 0
    with TemporaryDirectory(dir=path.parent, prefix=f".{table}.") as folder:
        pieces = []
        for at, frame in enumerate(_frames(session, table, columns, kinds)):
            piece = Path(folder) / f"{at:06d}.parquet"
            frame.write_parquet(piece, compression="zstd")
            pieces.append(piece)
            rows += frame.height
        if len(pieces) == 1:
            pieces[0].replace(path)
        else:
            pl.scan_parquet(pieces).sink_parquet(path, compression="zstd")
    return rows


def _frames(session: Session, table: str, columns: list[Column], kinds: dict[str, str]) -> Iterator[pl.DataFrame]:
    """The table in pieces of the exported columns; at least one, so that an empty table has its columns."""
    schema = {column.source: _type(kinds[column.source]) for column in columns}
    turned = [_turned(session, column) for column in columns]
    with closing(session.cursor(table, f"SELECT * FROM {table}")) as cursor:
        while True:
            rows = cursor.fetchmany(CHUNK)
            yield pl.DataFrame(rows, schema=schema, orient="row").select(turned)
            if len(rows) < CHUNK:
                return


def _type(sql: str) -> Any:
    return {"INTEGER": pl.Int64, "REAL": pl.Float64}.get(sql, pl.String)


def _turned(session: Session, column: Column) -> pl.Expr:
    """A column in the unit of the export."""
    values = pl.col(column.source)
    match column.kind:
        case "time":
            made = pl.when(values > 0).then(values).cast(pl.Datetime("ns", "UTC"))
        case "price":
            made = pl.when(values > 0).then(values * session.px_unit)
        case "mid":
            made = pl.when(values > 0).then(values * (0.5 * session.px_unit))
        case "size":
            made = values * session.qty_unit
        case "money":
            made = values / MICRO
        case "ledger":
            made = values / LEDGER_PER_UNIT
        case "seconds":
            made = values / NS
        case "flag":
            made = values != 0
        case kind if kind.startswith("code:"):
            names = session.names(kind.removeprefix("code:"))
            number = kind.endswith("_s")
            known: dict[int, Any] = {code: float(name) if number else name for code, name in enumerate(names)}
            made = values.replace_strict(known, default=None, return_dtype=pl.Float64 if number else pl.String)
        case _:
            made = values
    return made.alias(column.name)
