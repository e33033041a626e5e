"""The study as a page of Markdown."""

from collections.abc import Iterable, Sequence

from benchmarks.queue.study import KINDS, LEVELS, MODELS, VIEWS, Flags, Model, Score, Study, seconds
from touchstone.core.conventions import FILL_HORIZONS_NS
from touchstone.insight.intervals import Interval

LONG_QUEUE = 300  # shares ahead; the median is about 100
VIEW_NAMES = {
    "degraded": "Degraded view (book each 0.5 s, touch on change, trades), as Hyperliquid shows it",
    "full": "Full view (all visible levels after every message)",
}


def page(study: Study, command: str, source: str) -> str:
    """The whole of docs/queue-study.md."""
    chosen, second = study.chosen(), ~study.first_half
    parts = [
        "# Which queue model is right",
        f"Written by `{command}`; do not edit.",
        _what(study, source),
        "## Answer",
        _answer(study, chosen),
        "## Scores on the second half of the day",
        "Exponents were chosen on the first half (best Brier of the family on the degraded view). Brier is the share "
        "of orders about which the model is wrong, in %; bias is its fill rate less the true one, in percentage "
        "points, with central 90 % intervals by blocks of 120 s.",
    ]
    for view, words in VIEW_NAMES.items():
        parts += [f"### {words}", _scores(study, view, _shown(study, chosen), second)]
    parts += [
        "### Degraded view, only orders whose own life decides (no virtual order)",
        _scores(study, "degraded", _shown(study, chosen), second, own_life=True),
        "## Error of the size ahead, by level joined",
        "Model's size ahead less the true one in shares, second half: mean (mean of the absolute value), over the time "
        "that both are known.",
        _front_errors(study, _shown(study, chosen), second),
        f"## Long queues: at least {LONG_QUEUE} shares ahead",
        "Both halves, degraded view.",
        _scores(study, "degraded", _shown(study, chosen), study.ghosts.ahead >= LONG_QUEUE),
        "## All models on the first half",
        "Brier in % / |bias| in percentage points, both averaged over the horizons: what the choice was made on.",
        _all_models(study),
    ]
    return "\n\n".join(parts) + "\n"


def _shown(study: Study, chosen: Model) -> list[Model]:
    best = [study.best_of_family("degraded", name, study.first_half) for name in KINDS]
    return list(dict.fromkeys([*best, chosen]))


def _what(study: Study, source: str) -> str:
    ghosts, own = study.ghosts, [study.decided_by_own_life(tau).mean() for tau in FILL_HORIZONS_NS]
    shares = ", ".join(f"{share:.0%} within {seconds(tau)}" for share, tau in zip(own, FILL_HORIZONS_NS, strict=True))
    return (
        f"{len(ghosts):,} limit orders of {source} that joined a visible level (1 to {LEVELS[-1]}) behind others are "
        "followed as *ghosts*: the model sees sizes and trades without the order itself, the truth is in the order "
        f"numbers. The order's own life decides the outcome of {shares}; for the rest a virtual order keeps its place "
        "after the cancel, and is filled when an order younger than it is executed at its price, an execution happens "
        "at a worse price, or an opposite order comes to rest at or beyond its price. Everybody else acts as they did. "
        f"In {ghosts.n_out_of_turn} cases an order was passed over while it rested: service by age holds. Orders whose "
        "horizon ends after the day are left out. Beyond the visible book only a trade through the price fills "
        f"({study.followed['degraded'].n_beyond_book:,} orders on the degraded view when they came to rest). Hidden "
        "executions are in neither truth nor view. Views are by message; Hyperliquid's touch comes at most once a "
        "block. How: `benchmarks/queue/ghosts.py`, with `follow.py` and `study.py` beside it."
    )


def _answer(study: Study, chosen: Model) -> str:
    second, averse = ~study.first_half, Model("risk_averse")
    brier = {m: study.mean_brier("degraded", m, second) for m in (chosen, averse)}
    gain = study.brier_gain("degraded", averse, chosen, second)
    equal = ", ".join(f"`{m}`" for m in study.equals("degraded", study.first_half))
    lowest, below = ("" if flag else "NOT " for flag in is_pessimistic(study, averse, second))
    return "\n".join(
        [
            f"* Chosen: **`{chosen}`** (`exchange.queue_model`, `exchange.queue_exponent`). On the first half of the "
            f"degraded view {equal} cannot be told apart by Brier; it has the smallest bias of these.",
            f"* On the second half it is wrong about {brier[chosen][0]:.2%} of the orders, and its fill rate is off by "
            f"{brier[chosen][1] * 100:.2f} percentage points (means over the horizons).",
            f"* `risk_averse` is pessimistic: its fill rate is {lowest}the lowest of all models in both views at every "
            f"horizon, and {below}below the true one. Order by order it is also the most accurate "
            f"({brier[averse][0]:.2%} wrong; better than the chosen one by {_points(gain)}): those who cancel stand "
            f"mostly at the back here. Its rate is off by {brier[averse][1] * 100:.2f} points. It is not the default "
            "because every backtest runs it besides the chosen model as the lower bound "
            "([decision 4](decisions/0004-queue-model.md)).",
            "* All models agree on most orders: the tape itself decides whether a price is traded through. The choice "
            "moves fill rates by less than one percentage point.",
        ]
    )


def is_pessimistic(study: Study, model: Model, which: Flags) -> tuple[bool, bool]:
    """(no model has a lower fill rate, the true rate is not below it), in every view at every horizon."""
    lowest = below = True
    for view in VIEWS:
        for tau in FILL_HORIZONS_NS:
            rates = [study.outcomes(view, m, tau, which)[0].mean() for m in MODELS]
            own, true = (x.mean() for x in study.outcomes(view, model, tau, which))
            lowest &= bool(own <= min(rates))
            below &= bool(own <= true)
    return lowest, below


def _points(interval: Interval | None) -> str:
    if interval is None:
        return "n/a"
    return f"{interval.low * 100:.2f} to {interval.high * 100:.2f} points"


def _scores(study: Study, view: str, models: Sequence[Model], which: Flags, *, own_life: bool = False) -> str:
    head = ["model"]
    chosen = {tau: which & study.decided_by_own_life(tau) if own_life else which for tau in FILL_HORIZONS_NS}
    for tau in FILL_HORIZONS_NS:
        true = study.score(view, MODELS[0], tau, chosen[tau])
        head += [f"Brier {seconds(tau)}", f"bias {seconds(tau)} (true {true.true_rate:.2%} of {true.n:,})"]
    rows = []
    for model in models:
        row = [f"`{model}`"]
        for tau in FILL_HORIZONS_NS:
            score = study.score(view, model, tau, chosen[tau])
            row += [f"{score.brier * 100:.2f}", _bias(score)]
        rows.append(row)
    return _table(head, rows)


def _bias(score: Score) -> str:
    text = f"{score.bias * 100:+.2f}"
    if score.bias_interval is None:
        return text
    return f"{text} ({score.bias_interval.low * 100:+.2f} to {score.bias_interval.high * 100:+.2f})"


def _front_errors(study: Study, models: Sequence[Model], which: Flags) -> str:
    rows = []
    for view in VIEW_NAMES:
        for model in models:
            found = [study.front_error(view, model, level, which) for level in LEVELS]
            rows.append([view, f"`{model}`", *(f"{mean:+.1f} ({size:.1f})" for _, mean, size in found)])
    return _table(["view", "model", *(f"level {level}" for level in LEVELS)], rows)


def _all_models(study: Study) -> str:
    rows = []
    for model in MODELS:
        found = [study.mean_brier(view, model, study.first_half) for view in VIEW_NAMES]
        rows.append([f"`{model}`", *(f"{brier * 100:.3f} / {bias * 100:.3f}" for brier, bias in found)])
    return _table(["model", *VIEW_NAMES], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
