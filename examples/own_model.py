"""A fill model of one's own, held against the shipped one on the outcomes of an exported session.

    touchstone export SESSION --out exported
    python examples/own_model.py exported

The model: logistic in depth / (sigma sqrt(10 s)) and in the queue ahead, fitted by Newton's method on the first half of
the session and judged on the second, which it has not seen. The shipped model's forecasts there were made live.

This is done on exported data, and only there: it says whether an idea is worth building, not what it earns. A model
that quotes is part of the compiled core: its prediction is made and frozen where the order is made, its outcome comes
from the same timer, and its bold part has no influence before its own evidence is there. The way in: a record with
`update` and `predict` beside `src/touchstone/core/models/fill.py`, a target in `src/touchstone/core/targets.py`, the
prediction in `src/touchstone/core/calibration/ledger.py`; then `touchstone compare` on the same markets.
"""

import argparse
from pathlib import Path

import numpy as np
import polars as pl

HORIZON_S = 10.0
RIDGE = 1.0  # prior: each coefficient is normal with this precision
STEPS = 25
MODEL = "fill_10s"


def table(folder: Path) -> pl.DataFrame:
    """One row per tape-decided outcome, with what was known when the forecast was made."""
    outcomes = pl.read_parquet(folder / "outcomes.parquet").filter(
        (pl.col("model") == MODEL) & (pl.col("decided") == "tape") & pl.col("loss_baseline").is_not_null()
    )
    known = pl.read_parquet(folder / "predictions.parquet").select(
        "prediction_id", "made_at", "depth_bps", "queue_ahead", "sigma"
    )
    return outcomes.join(known, on="prediction_id").sort("made_at", "prediction_id")


def inputs(rows: pl.DataFrame) -> np.ndarray:
    """Design matrix (n, 3): one, distance in standard deviations, queue in logarithms."""
    reach = np.maximum(rows["sigma"].to_numpy(), 0.1) * np.sqrt(HORIZON_S)
    distance = rows["depth_bps"].to_numpy() / reach
    queue = np.log1p(np.maximum(rows["queue_ahead"].to_numpy(), 0.0))
    return np.stack([np.ones(len(distance)), distance, queue], axis=1)


def fit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Coefficients of the logistic regression with a ridge (but for the constant)."""
    w = np.zeros(x.shape[1])
    penalty = RIDGE * np.eye(x.shape[1])
    penalty[0, 0] = 0.0
    for _ in range(STEPS):
        p = forecast(x, w)
        hessian = (x * (p * (1.0 - p))[:, None]).T @ x + penalty + 1e-9 * np.eye(x.shape[1])
        w = w + np.linalg.solve(hessian, x.T @ (y - p) - penalty @ w)
    return w


def forecast(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """P(first fill within 10 s)."""
    return 1.0 / (1.0 + np.exp(-np.clip(x @ w, -30.0, 30.0)))


def learn(rows: pl.DataFrame) -> np.ndarray:
    """Coefficients from the first half, without the outcomes that were still open when the second began."""
    half = rows.height // 2
    known = rows[:half].filter(pl.col("resolved_at") < rows["made_at"][half])
    return fit(inputs(known), known["outcome"].to_numpy())


def judge(rows: pl.DataFrame) -> dict[str, float]:
    """Learn on the first half; Brier scores of the baseline, the shipped model and ours on the second."""
    after = rows[rows.height // 2 :]
    ours = forecast(inputs(after), learn(rows))
    return {
        "n": float(after.height),
        "baseline": float(after["loss_baseline"].mean()),
        "shipped": float(after["loss"].mean()),
        "ours": float(np.mean((ours - after["outcome"].to_numpy()) ** 2)),
    }


def main() -> None:
    """Print the scores on the second half."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    rows = table(given.folder)
    if rows.height < 200:
        raise SystemExit(f"{given.folder}: {rows.height} outcomes of {MODEL} are too few to learn from and judge")
    found = judge(rows)
    print(f"Brier scores over {found['n']:,.0f} outcomes that the new model has not seen (lower is better):")
    for name in ("baseline", "shipped", "ours"):
        print(f"  {name:9} {found[name]:.4f}  skill {1.0 - found[name] / found['baseline']:+.4f}")
    print("One session is one draw: repeat on others, and mind that neighbouring outcomes share a price path.")


if __name__ == "__main__":
    main()
