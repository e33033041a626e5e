"""How many informed fills could be avoided by anybody who knows what the core knows: an offline bound for the gate.

`python -m benchmarks.gate_study [--scenarios normal:24,volatile:10] [--first 1001] [--minutes 60]`

Plays tuning seeds without a gate and looks at the core four times a second. Each maker fill, with the generator's
informed flag, is joined with what was known 0.4 s before it, when a cancel could still have come in time. Classifiers
(logistic, boosted trees, extremely random trees; scikit-learn) are fitted on other seeds than they are judged on. The
figure: share of the informed fills avoided where a tenth of the others is given up, with a 90 % bootstrap interval over
seeds; the same where the generator's hidden state (volatility, heat of jumps, heat of noise) is known too; and what the
same inputs say of a fill that loses at 10 s (toxic), as skill against its rate.
"""

import argparse
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from touchstone.backtest import scenario as scenarios
from touchstone.backtest.reactive import Reactive
from touchstone.config import Config
from touchstone.core.conventions import NS, TOXIC_HORIZON

SCENARIOS = "normal:24,volatile:10,cascade:10,thin:14,lag_0.3:14,lag_0.55:14"  # seeds of each
STEP_S = 0.25
REACTION_S = 0.4  # from what the core knows to a cancel that is there
GIVEN_UP = 0.1
JUMP_SIGMAS, JUMP_LEAST_BPS, JUMP_MOST_BPS = 2.5, 3.0, 40.0  # a conspicuous move of the leader within a step
FOLDS, DRAWS = 8, 400
KNOWN = ("sigma", "sigma_slow", "a", "k", "p_change", "mean_trade_qty")
SIGNED = (
    *("imbalance", "ofi", "flow_z", "displacement_bps", "lag_gap_bps", "lag_move_bps", "fair_move_bps"),
    *("oracle_gap_bps", "position_share"),
)
OF_SIDE = ("p_toxic", "toxicity_x", "toxicity_p", "adverse_bps", "edge_bps", "lag_term_bps")
Table = dict[str, np.ndarray[Any, Any]]


class Kept:
    """Fills, markouts and truth of a run."""

    def __init__(self) -> None:
        self.parts: dict[str, list[Any]] = {"fills": [], "markouts": [], "truth": []}

    def take(self, table: str, rows: Any) -> None:
        """Copies of what is wanted."""
        if table in self.parts:
            self.parts[table].append(np.asarray(rows).view(np.ndarray).copy())


def play(name: str, seed: int, minutes: float) -> list[dict[str, float]]:
    """Every maker fill of a run: its inputs, `hidden_*`, `informed`, `edge_bps` after fee, `seed`."""
    session = Reactive(Config(seed=seed), 2, scenarios.load(name), seed=seed, digest=False)
    kept = Kept()
    session.sinks.append(kept)
    state, world = session.state, session.world[0]
    market, seen = [], []
    steps = int(minutes * 60 / STEP_S)
    for step in range(steps):
        session.run(STEP_S / 60, is_end=step == steps - 1)
        market.append(state.market_params.copy())
        hidden = (world.latent.log_volatility, world.latent.heat, world.noise.heat, world.flow_pressure)
        half = (state.ladder.half_spread_bps[0], state.ladder.half_spread_bps[1])
        seen.append((world.now_ns, world.latent.px, state.book.mid2, *half, *hidden))
    if not kept.parts["truth"]:
        return []
    tables = {name: np.concatenate(parts) for name, parts in kept.parts.items()}
    return _fills(tables, np.array(market), np.array(seen, np.float64), seed)


def _fills(tables: Table, market: Any, seen: Any, seed: int) -> list[dict[str, float]]:
    truth = {int(row["trade_id"]): row for row in tables["truth"]}
    at_10s = tables["markouts"][tables["markouts"]["horizon"] == TOXIC_HORIZON]
    realised = dict(zip(at_10s["fill_id"].tolist(), at_10s["realised_bps"].tolist(), strict=True))
    leader, mid = np.log(seen[:, 1]) * 1e4, np.log(np.maximum(seen[:, 2] / 2, 1.0)) * 1e4
    heat = _jumps(np.diff(leader, prepend=leader[0]), market["sigma"])
    found = []
    for fill in tables["fills"]:
        fact = truth[int(fill["trade_id"])]
        if fact["taker"]:
            continue
        then = int(fill["exch_ns"]) - int(REACTION_S * NS)
        i = max(int(np.searchsorted(seen[:, 0], then, side="right")) - 1, 0)
        row = _known(fill, market[i], seen[i], leader, mid, i, then)
        threat = -float(fill["side"])
        row |= {key: threat * values[i] if key == "jumps_signed" else values[i] for key, values in heat.items()}
        row |= {f"hidden_{n}": value for n, value in enumerate((*seen[i, 5:8], threat * seen[i, 8]))}
        fee_bps = abs(fill["fee_micro"]) / max(int(fill["px"]) * int(fill["qty"]), 1) * 1e4
        row["informed"] = float(fact["informed"])
        row["edge_bps"] = realised.get(int(fill["fill_id"]), math.nan) - fee_bps
        row["seed"] = float(seed)
        found.append(row)
    return found


def _jumps(moves: Any, sigma: Any) -> Table:
    """Decayed sums of the leader's conspicuous moves, and the time since the last."""
    size = np.abs(moves)
    conspicuous = size - JUMP_SIGMAS * np.maximum(sigma, 0.5) * math.sqrt(STEP_S) > JUMP_LEAST_BPS
    jump = np.where(conspicuous, np.minimum(size, JUMP_MOST_BPS), 0.0)
    names = ("jumps_20s", "jumps_60s", "jumps_signed", "since_jump")
    made = {name: np.zeros(len(moves)) for name in names}
    short, long, signed, last = 0.0, 0.0, 0.0, -math.inf
    keep_20, keep_60 = math.exp(-STEP_S / 20), math.exp(-STEP_S / 60)
    for i, each in enumerate(jump):
        short, long = keep_20 * short + each, keep_60 * long + each
        signed = keep_20 * signed + math.copysign(each, moves[i])
        last = i if each > 0 else last
        for name, value in zip(names, (short, long, signed, math.log1p(min((i - last) * STEP_S, 1e3))), strict=True):
            made[name][i] = value
    return made


def _known(fill: Any, known: Any, seen: Any, leader: Any, mid: Any, i: int, then: int) -> dict[str, float]:
    """What the core knew of the order and the market then; signed inputs: + threatens the order's side."""
    side, price = float(fill["side"]), math.log(float(fill["px"])) * 1e4
    s, threat = int(side < 0), -side
    age_s = (then - int(fill["prediction_ns"])) / NS
    touch = known["best_px"]
    row = {
        "depth_bps": float(fill["at_decision"]["depth_bps"]),
        "queue_ahead": float(fill["at_decision"]["queue_ahead"]),
        "from_mid_bps": side * (mid[i] - price),
        "from_leader_bps": side * (leader[i] - price),
        "beyond_half_bps": side * (mid[i] - price) - seen[3 + s],
        "half_spread_bps": seen[3 + s],
        "age": math.log1p(max(age_s, 0.0)),
        "is_new": float(age_s < 0.0),
        "spread_bps": 2e4 * (touch[1] - touch[0]) / seen[2] if seen[2] > 0 else math.nan,
        "trade_age": math.log1p(max(float(known["trade_age_ns"]), 0.0) / NS),
        "heat": known["sigma"] / max(known["sigma_slow"], 0.1),
        "gap_bps": threat * (leader[i] - mid[i]),
        "flow_size": abs(known["flow_z"]),
        "ofi_size": abs(known["ofi"]),
    }
    row |= {name: float(known[name]) for name in KNOWN}
    row |= {name: threat * float(known[name]) for name in SIGNED}
    row |= {name: float(known[name][s]) for name in OF_SIDE}
    row |= {f"regime_{k}": float(p) for k, p in enumerate(known["regime_p"])}
    for seconds in (1, 5, 10, 30, 60):
        move = leader[i] - leader[max(i - int(seconds / STEP_S), 0)]
        row |= {f"leader_{seconds}s": threat * move, f"leader_{seconds}s_size": abs(move)}
    for seconds in (5, 60):
        moves = np.diff(leader[max(i - int(seconds / STEP_S), 0) : i + 1])
        row[f"leader_volatility_{seconds}s"] = float(np.sqrt(np.mean(moves**2) / STEP_S)) if len(moves) else math.nan
    return row


def _logistic() -> Any:
    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(C=0.05, max_iter=2000))


def _boosted() -> Any:
    return HistGradientBoostingClassifier(
        max_depth=3, learning_rate=0.05, max_iter=80, min_samples_leaf=15, l2_regularization=5, random_state=0
    )


def _random() -> Any:
    trees = ExtraTreesClassifier(100, min_samples_leaf=5, max_features=0.5, random_state=0)
    return make_pipeline(SimpleImputer(), trees)


MODELS: dict[str, Callable[[], Any]] = {"logistic": _logistic, "boosted": _boosted, "random": _random}


def held_out(model: Callable[[], Any], x: Any, y: Any, seeds: Any) -> Any:
    """P(y = 1) of each row by a model fitted on other seeds."""
    p = np.full(len(y), math.nan)
    for fitted, judged in GroupKFold(min(len(np.unique(seeds)), FOLDS)).split(x, y, seeds):
        p[judged] = model().fit(x[fitted], y[fitted]).predict_proba(x[judged])[:, 1]
    return p


def avoided(score: Any, informed: Any) -> float:
    """Share of the informed fills above the threshold that a tenth of the others exceeds."""
    return float(np.mean(score[informed == 1] > np.quantile(score[informed == 0], 1 - GIVEN_UP, method="higher")))


def study(name: str, rows: list[dict[str, float]]) -> None:
    """Print a scenario's figures."""
    table = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    inputs = [key for key in table if key not in ("informed", "edge_bps", "seed") and not key.startswith("hidden")]
    hidden = [key for key in table if key.startswith("hidden")]
    y, seeds = table["informed"].astype(int), table["seed"]

    def matrix(names: list[str]) -> Any:
        values = np.column_stack([table[key] for key in names])
        return np.clip(np.where(np.isfinite(values), values, np.nan), -1e6, 1e6)

    x = matrix(inputs)
    p = {key: held_out(model, x, y, seeds) for key, model in MODELS.items()}
    ranks = sum(np.argsort(np.argsort(values)) for values in p.values())
    rng = np.random.default_rng(0)
    each = np.unique(seeds)
    rows_of = {seed: np.flatnonzero(seeds == seed) for seed in each}
    drawn = [np.concatenate([rows_of[seed] for seed in rng.choice(each, len(each))]) for _ in range(DRAWS)]
    low, high = np.quantile([avoided(ranks[rows], y[rows]) for rows in drawn], [0.05, 0.95])
    print(f"{name}: {len(each)} runs, {len(y)} fills, {y.mean():.1%} informed")
    for key, values in p.items():
        print(f"  {key:8} AUC {roc_auc_score(y, values):.2f}, informed avoided {avoided(values, y):.1%}")
    print(f"  together {avoided(ranks, y):.1%} [{low:.1%}, {high:.1%}]")
    more = held_out(_boosted, matrix(inputs + hidden), y, seeds)
    print(f"  with the generator's hidden state {avoided(more, y):.1%}")
    single = sorted(((max(avoided(values, y) for values in (c, -c)), key) for c, key in zip(x.T, inputs, strict=True)
                     if np.isfinite(c).all()), reverse=True)
    print("  by one input alone: " + ", ".join(f"{key} {share:.0%}" for share, key in single[:6]))
    known = np.isfinite(table["edge_bps"])
    toxic = (table["edge_bps"][known] < 0).astype(int)
    for key in ("logistic", "boosted"):
        q = held_out(MODELS[key], x[known], toxic, seeds[known])
        skill = 1 - np.mean((q - toxic) ** 2) / np.mean((toxic.mean() - toxic) ** 2)
        print(f"  toxic, {key}: AUC {roc_auc_score(toxic, q):.2f}, skill {skill:+.3f}", flush=True)


def main() -> None:
    """Play and print, scenario by scenario."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", default=SCENARIOS)
    parser.add_argument("--first", type=int, default=1001)
    parser.add_argument("--minutes", type=float, default=60.0)
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    for part in given.scenarios.split(","):
        name, _, n = part.partition(":")
        seeds = range(given.first, given.first + int(n or 10))
        study(name, [row for seed in seeds for row in play(name, seed, given.minutes)])


if __name__ == "__main__":
    main()
