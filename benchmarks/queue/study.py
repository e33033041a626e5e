"""Scores of the queue models against the truth, and the choice among them.

Forecasts are yes or no: filled within tau, as the simulated exchange would say. Brier is then the share of ghosts about
which the model is wrong; bias is the model's fill rate less the true one.

The choice is made on the first half of the day and on the degraded view, by Brier, then |bias|, both averaged over the
horizons. Models whose Brier does not differ from the best one's (paired 90 % interval by blocks of time holds 0) are
equal, and |bias| decides among them. Not eligible: models that depend on the unit of size, and the pessimistic model,
because every backtest runs it besides the chosen one as the lower bound.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.queue import ghosts as ghost_orders
from benchmarks.queue.follow import Followed, degraded_view, follow, full_view
from benchmarks.queue.ghosts import Ghosts
from touchstone.core.conventions import FILL_HORIZONS_NS, NS
from touchstone.core.market import queue
from touchstone.data import lobster
from touchstone.data.lobster import Day
from touchstone.data.quality import Quality
from touchstone.insight.intervals import Interval, gain_interval

BLOCK_NS = 2 * max(FILL_HORIZONS_NS)
EXPONENTS = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
LEVELS = (1, 2, 3, 4, 5)
VIEWS = {"full": full_view, "degraded": degraded_view}

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, order=True)
class Model:
    """A queue model as the configuration names it; the log models have no exponent."""

    name: str
    exponent: float = 1.0

    def __str__(self) -> str:
        return f"{self.name} {self.exponent:g}" if self.name.startswith("power") else self.name

    @property
    def is_eligible(self) -> bool:
        """Whether it may become the default: see the head of this file."""
        return self.name.startswith("power")


KINDS = {
    "risk_averse": queue.PESSIMISTIC,
    "power": queue.POWER,
    "power2": queue.POWER2,
    "power3": queue.POWER3,
    "log": queue.LOG,
    "log2": queue.LOG2,
}
MODELS = (
    Model("risk_averse"),
    *(Model(name, n) for name in ("power", "power2", "power3") for n in EXPONENTS),
    Model("log"),
    Model("log2"),
)


@dataclass(frozen=True)
class Score:
    """One model, view and horizon on some ghosts; intervals are central 90 % by time blocks, None under 30 of them."""

    n: int
    true_rate: float
    rate: float
    brier: float
    brier_interval: Interval | None
    bias_interval: Interval | None

    @property
    def bias(self) -> float:
        """Model's fill rate less the true one."""
        return self.rate - self.true_rate


@dataclass(frozen=True)
class Study:
    """All ghosts of a day under all models and views."""

    day: Day
    ghosts: Ghosts
    followed: dict[str, Followed]

    @property
    def first_half(self) -> Flags:
        """Ghosts that came in the first half of the day."""
        time = self.day.messages["time_ns"]
        flags: Flags = self.ghosts.entry_ns < (int(time[0]) + int(time[-1])) // 2
        return flags

    def decided(self, tau_ns: int) -> Flags:
        """Ghosts whose horizon ends before the day does."""
        flags: Flags = self.ghosts.entry_ns + tau_ns <= int(self.day.messages["time_ns"][-1])
        return flags

    def decided_by_own_life(self, tau_ns: int) -> Flags:
        """Ghosts whose real order was itself filled within tau, or still rested then."""
        flags: Flags = np.minimum(self.ghosts.fill_ns, self.ghosts.entry_ns + tau_ns) <= self.ghosts.gone_ns
        return flags

    def score(self, view: str, model: Model, tau_ns: int, which: Flags) -> Score:
        """Score of the decided ghosts among `which`."""
        p, y = self.outcomes(view, model, tau_ns, which)
        _, block = np.unique(self.ghosts.entry_ns[which & self.decided(tau_ns)] // BLOCK_NS, return_inverse=True)
        count = np.bincount(block)
        wrong, model_fills, fills = (np.bincount(block, weights=w) for w in ((p - y) ** 2, p, y))
        return Score(
            len(y),
            float(y.mean()),
            float(p.mean()),
            float(((p - y) ** 2).mean()),
            gain_interval(count, np.zeros_like(wrong), wrong),
            gain_interval(count, fills, model_fills),
        )

    def mean_brier(self, view: str, model: Model, which: Flags) -> tuple[float, float]:
        """(Brier, |bias|), both averaged over the horizons: the order in which models are ranked."""
        outcomes = [self.outcomes(view, model, tau, which) for tau in FILL_HORIZONS_NS]
        brier = [((p - y) ** 2).mean() for p, y in outcomes]
        bias = [abs(p.mean() - y.mean()) for p, y in outcomes]
        return float(np.mean(brier)), float(np.mean(bias))

    def outcomes(self, view: str, model: Model, tau_ns: int, which: Flags) -> tuple[Floats, Floats]:
        """(model's word, truth) of the decided ghosts among `which`: 1 = filled within tau."""
        which = which & self.decided(tau_ns)
        entry = self.ghosts.entry_ns[which]
        y = (self.ghosts.fill_ns[which] - entry <= tau_ns).astype(float)
        p = (self.followed[view].fill_ns[which, MODELS.index(model)] - entry <= tau_ns).astype(float)
        return p, y

    def brier_gain(self, view: str, model: Model, other: Model, which: Flags) -> Interval | None:
        """90 % interval of other's mean Brier less model's, paired, by blocks of time; above 0 = model is better."""
        which = which & self.decided(max(FILL_HORIZONS_NS))
        entry = self.ghosts.entry_ns[which]
        _, block = np.unique(entry // BLOCK_NS, return_inverse=True)
        losses = []
        for m in (model, other):
            wait = self.followed[view].fill_ns[which, MODELS.index(m)] - entry
            true_wait = self.ghosts.fill_ns[which] - entry
            wrong = np.mean([(wait <= tau) != (true_wait <= tau) for tau in FILL_HORIZONS_NS], axis=0)
            losses.append(np.bincount(block, weights=wrong))
        return gain_interval(np.bincount(block), *losses)

    def ranking(self, view: str, which: Flags) -> list[Model]:
        """Models from best to worst by mean Brier, then mean |bias|."""
        return sorted(MODELS, key=lambda model: self.mean_brier(view, model, which))

    def equals(self, view: str, which: Flags) -> list[Model]:
        """Eligible models that are not worse than the best of them by more than chance, best Brier first."""
        best, *rest = (m for m in self.ranking(view, which) if m.is_eligible)
        gains = [(m, self.brier_gain(view, best, m, which)) for m in rest]
        return [best, *(m for m, gain in gains if gain is None or gain.low <= 0.0)]

    def chosen(self) -> Model:
        """The default that the study asks for."""
        half = self.first_half
        return min(self.equals("degraded", half), key=lambda m: self.mean_brier("degraded", m, half)[1])

    def best_of_family(self, view: str, name: str, which: Flags) -> Model:
        """The exponent of a family with the best Brier, then |bias|."""
        return next(model for model in self.ranking(view, which) if model.name == name)

    def front_error(self, view: str, model: Model, level: int, which: Flags) -> tuple[int, float, float]:
        """(ghosts, mean error, mean absolute error) of the size ahead in shares, of ghosts that joined at `level`."""
        k = MODELS.index(model)
        at = which & (self.ghosts.level == level) & np.isfinite(self.followed[view].front_error[:, k])
        if not at.any():
            return 0, float("nan"), float("nan")
        found = self.followed[view]
        return int(at.sum()), float(found.front_error[at, k].mean()), float(found.front_abs_error[at, k].mean())


def run(path: Path) -> Study:
    """The study of one LOBSTER day."""
    return run_day(lobster.read(path, Quality()))


def run_day(day: Day) -> Study:
    """The study of a day already read."""
    found = ghost_orders.find(day)
    kinds = np.array([KINDS[model.name] for model in MODELS], np.int64)
    exponents = np.array([model.exponent for model in MODELS])
    return Study(
        day, found, {name: follow(day, view(day), found, kinds, exponents) for name, view in VIEWS.items()}
    )


def seconds(tau_ns: int) -> str:
    """A horizon for people."""
    return f"{tau_ns // NS} s"
