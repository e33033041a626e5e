"""Is a model calibrated? Reliability by depth from an exported session, with polars and again with DuckDB.

    touchstone export SESSION --out exported
    python examples/calibration.py exported [MODEL]

Only tape-decided outcomes count: those that our queue model decided would only tell us what we believe already.
"""

import argparse
from pathlib import Path

import duckdb
import polars as pl

BINS = 10
KEYS = ["bucket", "group"]
SQL = """
    WITH scored AS (
        SELECT bucket, forecast, outcome, loss, loss_baseline,
               ntile({bins}) OVER (PARTITION BY bucket ORDER BY forecast, prediction_id) AS "group"
        FROM read_parquet('{path}')
        WHERE model = '{model}' AND decided = 'tape' AND loss_baseline IS NOT NULL
    )
    SELECT bucket, "group", count(*) AS n, avg(forecast) AS forecast, avg(outcome) AS observed
    FROM scored GROUP BY bucket, "group" ORDER BY bucket, "group"
"""


def scored(folder: Path, model: str) -> pl.DataFrame:
    """Outcomes of a model that the tape decided and that have a baseline."""
    outcomes = pl.scan_parquet(folder / "outcomes.parquet")
    chosen = (pl.col("model") == model) & (pl.col("decided") == "tape") & pl.col("loss_baseline").is_not_null()
    return outcomes.filter(chosen).collect()


def reliability(outcomes: pl.DataFrame) -> pl.DataFrame:
    """Per depth bucket, groups of equal count by forecast: what was said, what happened."""
    ranked = outcomes.sort("bucket", "forecast", "prediction_id").with_columns(
        place=pl.int_range(pl.len()).over("bucket"), size=pl.len().over("bucket")
    )
    # Groups as ntile has them: the first ones are larger by one where the number does not divide.
    rest, whole = pl.col("size") % BINS, pl.col("size") // BINS
    edge = rest * (whole + 1)
    group = (
        pl.when(pl.col("place") < edge)
        .then(pl.col("place") // (whole + 1))
        .otherwise(rest + (pl.col("place") - edge) // pl.max_horizontal(whole, 1))
    )
    return (
        ranked.with_columns(group=group + 1)
        .group_by(KEYS)
        .agg(n=pl.len(), forecast=pl.col("forecast").mean(), observed=pl.col("outcome").mean())
        .sort(KEYS)
    )


def reliability_sql(folder: Path, model: str) -> pl.DataFrame:
    """The same in SQL."""
    found = duckdb.sql(SQL.format(bins=BINS, path=folder / "outcomes.parquet", model=model))
    return pl.DataFrame(found.fetchall(), schema=found.columns, orient="row")


def same(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    """Whether two tables of groups agree, but for rounding."""
    if one.shape != other.shape or one.columns != other.columns:
        return False
    differences = (one - other).select(pl.all().abs().max()).row(0)
    return max(float(value) for value in differences) < 1e-9


def skill(outcomes: pl.DataFrame) -> float:
    """1 - score / baseline score, the number in the report's table of models."""
    return 1.0 - float(outcomes["loss"].sum()) / float(outcomes["loss_baseline"].sum())


def main() -> None:
    """Print the table and the skill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("model", nargs="?", default="fill_10s")
    given = parser.parse_args()
    outcomes = scored(given.folder, given.model)
    if outcomes.is_empty():
        raise SystemExit(f"{given.folder}: {given.model} has no tape-decided outcome with a baseline")
    table = reliability(outcomes)
    with pl.Config(tbl_rows=-1):
        print(table)
    in_sql = reliability_sql(given.folder, given.model)
    print(f"DuckDB says the same: {same(table, in_sql)}")
    print(f"skill of {given.model} over {outcomes.height:,} outcomes: {skill(outcomes):+.4f}")


if __name__ == "__main__":
    main()
