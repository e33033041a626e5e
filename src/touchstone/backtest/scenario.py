"""Scenarios: market files that say how the reactive market is, validated strictly and known by their hash.

A scenario is never changed once results refer to it: later work adds files. The hash is of the content (names and
numbers), so comments and layout do not matter.
"""

import difflib
import hashlib
import json
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Self, get_args

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from touchstone import TouchstoneError
from touchstone.core.conventions import MS, NS
from touchstone.exchange import market
from touchstone.exchange.agents.informed import MAX_INFORMED
from touchstone.exchange.agents.latent import SEEN, TICKS_PER_S
from touchstone.exchange.agents.makers import MAX_LEVELS, MAX_MAKERS
from touchstone.exchange.agents.noise import MAX_PARENTS

FOLDER = "scenarios"
START_NS = 1_760_000_000 * NS
MICRO = 1_000_000
LONGEST_LAG_S = SEEN / int(TICKS_PER_S) - 1.0  # what the market remembers

Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Share = Annotated[float, Ge(0), Le(1)]
Below1 = Annotated[float, Ge(0), Lt(1)]
Lag = Annotated[float, Ge(0), Le(LONGEST_LAG_S)]


class ScenarioError(TouchstoneError, ValueError):
    """A scenario cannot be used; the message names it, the key, and what would be right."""

    exit_code = 2


class Part(BaseModel):
    """A table of the file: immutable, no unknown keys, no silent conversion, nothing left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Market(Part):
    """Price at the start (collateral) and time between blocks."""

    price: Positive
    block_ms: Annotated[float, Ge(1), Le(1000)]


class Latent(Part):
    """agents/latent.py."""

    volatility_bps: Positive
    volatility_spread: NotNegative
    volatility_memory_s: Positive
    jumps_per_h: NotNegative
    jump_mean_bps: NotNegative
    jump_excitation: Below1
    jump_memory_s: Positive
    jump_persistence: Annotated[float, Gt(0), Lt(1)]


class Feed(Part):
    """feed.py."""

    least_ms: NotNegative
    median_ms: Positive
    spread: NotNegative
    leader_ms: NotNegative
    leader_half_spread_bps: NotNegative
    funding_per_h: float


class Impact(Part):
    """What the makers make of trades and of the sizes at the touch: market.py. Notional in collateral."""

    flow_bps: NotNegative
    notional: Positive
    memory_s: Positive
    lean_bps: NotNegative


class Noise(Part):
    """agents/noise.py."""

    per_h: NotNegative
    excitation: Below1
    memory_s: Positive
    parents: Annotated[int, Ge(1), Le(MAX_PARENTS)]
    length_exponent: Annotated[float, Gt(1)]
    notional: Positive
    size_spread: NotNegative
    reach_bps: NotNegative
    least_reach_bps: NotNegative


class Informed(Part):
    """agents/informed.py: one sniper."""

    lag_s: Lag
    cost_bps: NotNegative
    attention: Share
    notional: Positive


class Maker(Part):
    """agents/makers.py: one competitor."""

    lag_s: Lag
    half_spread_bps: Positive
    spacing_bps: Positive
    levels: Annotated[int, Ge(1), Le(MAX_LEVELS)]
    notional: Positive
    growth: NotNegative
    tolerance_bps: NotNegative
    skew_bps: NotNegative
    limit: Positive
    refill_s: NotNegative
    error_bps: NotNegative
    error_memory_s: Positive


class Scenario(Part):
    """One market. Its name and `about` are for people and no part of the hash."""

    name: str
    about: str
    market: Market
    latent: Latent
    feed: Feed
    impact: Impact
    noise: Noise
    informed: Annotated[list[Informed], Field(max_length=MAX_INFORMED)] = []
    makers: Annotated[list[Maker], Field(min_length=1, max_length=MAX_MAKERS)]

    @model_validator(mode="after")
    def _leader_comes_with_the_block(self) -> Self:
        leader_ms, block_ms = self.feed.leader_ms, self.market.block_ms
        if leader_ms < block_ms:
            raise ValueError(f"[feed] leader_ms = {leader_ms:g}: at least block_ms = {block_ms:g}")
        return self

    @property
    def hash(self) -> str:
        """Of the content, 16 hex digits."""
        content = json.dumps(self.model_dump(exclude={"name", "about"}), sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()


def names() -> list[str]:
    """Names of the scenarios that come with the program."""
    folder = resources.files("touchstone.exchange") / FOLDER
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load(name: str) -> Scenario:
    """A scenario by name, or from a file, whose name ends in .toml. Raises ScenarioError for one that cannot be had."""
    if name.endswith(".toml"):
        try:
            return parse(Path(name).read_text(encoding="utf-8"), Path(name).stem)
        except (OSError, UnicodeDecodeError) as error:
            raise ScenarioError(f"cannot read the scenario {name}: {error}") from error
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ScenarioError(f"unknown scenario {name!r}{hint} There are: {', '.join(names())}; or FILE.toml")
    text = (resources.files("touchstone.exchange") / FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    return parse(text, name)


def parse(text: str, name: str = "scenario") -> Scenario:
    """A scenario from TOML text. Raises ScenarioError for an unknown, missing or wrong value."""
    try:
        return Scenario.model_validate(tomllib.loads(text) | {"name": name})
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"scenario {name} is not valid TOML: {error}") from error
    except ValidationError as error:
        lines = [_explain(problem) for problem in error.errors()]
        raise ScenarioError("\n  ".join([f"scenario {name}:", *lines])) from error


def _explain(problem: Any) -> str:
    """One pydantic problem as a sentence."""
    where = [str(part) for part in problem["loc"]]
    place = ".".join(where)
    if problem["type"] == "extra_forbidden":
        known = _fields_at(where[:-1])
        close = difflib.get_close_matches(where[-1], known, n=1)
        return f"unknown key {place}; " + (f"did you mean {close[0]}?" if close else f"there is {', '.join(known)}")
    if problem["type"] == "missing":
        return f"{place} is missing; every value must be given"
    return f"{place} = {problem['input']!r} is not allowed: {problem['msg']}"


def _fields_at(where: list[str]) -> list[str]:
    """Keys of the table at a path."""
    part: type[BaseModel] = Scenario
    for name in where:
        if not name.isdigit():
            kind = part.model_fields[name].annotation
            part = get_args(kind)[0] if get_args(kind) else kind  # type: ignore[assignment]
    return list(part.model_fields)


def world_params(scenario: Scenario, sz_decimals: int, min_notional: float, start_ns: int = START_NS) -> Any:
    """WORLD_PARAMS of a scenario for a coin with these size decimals."""
    params = np.zeros(1, market.WORLD_PARAMS)[0]
    params.sz_decimals = sz_decimals
    params.min_notional = round(min_notional * MICRO)
    params.block_ns = round(scenario.market.block_ms * MS)
    params.start_ns = start_ns
    params.price = scenario.market.price * 10.0 ** (6 - sz_decimals)
    _copy(params.latent, scenario.latent)
    _copy(params.feed, scenario.feed)
    _copy(params.impact, scenario.impact)
    _copy(params.noise, scenario.noise)
    params.n_makers = len(scenario.makers)
    for number, maker in enumerate(scenario.makers):
        _copy(params.maker[number], maker)
    params.n_informed = len(scenario.informed)
    for number, sniper in enumerate(scenario.informed):
        _copy(params.informed[number], sniper)
    return params


# Keys of the file whose unit differs from the record's: field, factor, whole number.
_UNITS: dict[str, tuple[str, float, bool]] = {
    "jumps_per_h": ("jumps_per_s", 1 / 3600, False),
    "per_h": ("per_s", 1 / 3600, False),
    "lag_s": ("lag_ns", NS, True),
    "refill_s": ("refill_ns", NS, True),
    "least_ms": ("least_ns", MS, True),
    "median_ms": ("median_ns", MS, False),
    "leader_ms": ("leader_ns", MS, True),
    "funding_per_h": ("funding_rate", 1e12, True),
    "notional": ("notional", MICRO, False),
    "limit": ("limit", MICRO, False),
}


def _copy(into: Any, part: Part) -> None:
    """The values of a table, in the units of the record."""
    for key, value in part.model_dump().items():
        name, factor, is_whole = _UNITS.get(key, (key, 1, False))
        scaled = value if factor == 1 else value * factor
        setattr(into, name, round(scaled) if is_whole else scaled)
