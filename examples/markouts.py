"""What were fills worth later, and for whom? Markouts by side and by depth, with honest standard errors.

    touchstone export SESSION --out exported
    python examples/markouts.py exported

Fills of one moment share a price path. A standard error that takes them as independent is too small, so the error
here comes from time blocks, as in the report: with sums D and counts N per block,

    V = B/(B-1) sum (D - mean N)^2 / (sum N)^2
"""

import argparse
from pathlib import Path

import polars as pl

BLOCK_S = 60
FEWEST_BLOCKS = 10


def marked(folder: Path) -> pl.DataFrame:
    """One row per fill and horizon, with the fill's side, depth and time block."""
    fills = pl.read_parquet(folder / "fills.parquet")
    marks = pl.read_parquet(folder / "markouts.parquet").drop_nulls("realised_bps")
    depth = pl.col("at_decision_depth_bps")
    block = pl.col("exchange_at").dt.epoch("s") // BLOCK_S
    known = fills.with_columns(
        side=pl.when(pl.col("side") > 0).then(pl.lit("bid")).otherwise(pl.lit("ask")),
        depth=pl.when(depth < depth.median()).then(pl.lit("near")).otherwise(pl.lit("far")),
        block=block,
    )
    return marks.join(known.select("fill_id", "side", "depth", "block", "price", "size"), on="fill_id")


def curve(marks: pl.DataFrame, by: str) -> pl.DataFrame:
    """Mean markout per horizon and group: bps, naive and block standard error, n, blocks."""
    keys = [by, "horizon_s"]
    per_block = marks.group_by([*keys, "block"]).agg(d=pl.col("realised_bps").sum(), n=pl.len())
    mean = per_block.group_by(keys).agg(mean=pl.col("d").sum() / pl.col("n").sum())
    excess = (pl.col("d") - pl.col("mean") * pl.col("n")).pow(2).sum()
    count = pl.len().cast(pl.Float64)
    blocks = per_block.join(mean, on=keys).group_by(keys).agg(
        bps=pl.col("mean").first(),
        se=(pl.when(count >= FEWEST_BLOCKS).then(count / (count - 1) * excess).sqrt() / pl.col("n").sum()),
        n=pl.col("n").sum(),
        blocks=pl.len(),
    )  # fmt: skip
    naive = marks.group_by(keys).agg(naive_se=pl.col("realised_bps").std() / pl.len().cast(pl.Float64).sqrt())
    return blocks.join(naive, on=keys).select(*keys, "bps", "se", "naive_se", "n", "blocks").sort(keys)


def main() -> None:
    """Print the curves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    if not (given.folder / "fills.parquet").exists():
        raise SystemExit(f"{given.folder}: no fills.parquet: no order of that session was filled")
    marks = marked(given.folder)
    with pl.Config(tbl_rows=-1):
        for by in ("side", "depth"):
            print(curve(marks, by))


if __name__ == "__main__":
    main()
