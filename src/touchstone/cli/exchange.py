"""`touchstone exchange`: which market, which coins, then serve."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from touchstone import TouchstoneError
from touchstone.cli import output


class MarketError(TouchstoneError):
    """The market cannot be served."""

    exit_code = output.WRONG_USE


def exchange(
    *,
    port: Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65_535))] = 0,
    market: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    coin: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    speed: Annotated[float, Parameter(validator=validators.Number(gt=0, lte=1_000))] = 1.0,
    seed: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 0,
    config_file: Annotated[Path | None, Parameter(name="--config")] = None,
    child: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Serve a local Hyperliquid on one loopback port, until interrupted.

    Parameters
    ----------
    port
        Port on 127.0.0.1; 0 takes any free one. The URL is printed.
    market
        A scenario (normal by default); `recorded PATH`, a recording or tape around the users' orders; or `mirror URL`,
        the live feed of another exchange around them.
    coin
        Coins to serve; by default all that the market has (of a recording that holds several, name one).
    speed
        Exchange time per time of the wall.
    seed
        Seed of the market and of the faults.
    config_file
        Limits, faults and demo accounts (TOML); defaults where it says nothing.
    child
        End when standard input closes: of use to a program that starts it.
    """
    from touchstone.local.exchange import LocalExchange
    from touchstone.local.server import launch, settings
    from touchstone.local.server.run import serve
    from touchstone.local.server.warm import warm

    kind, *values = market or ["normal"]
    with tempfile.TemporaryDirectory(prefix="touchstone-") as folder:
        mirrored = None
        if kind == "recorded":
            spec, start_ms = launch.recorded(_tape(_one(kind, values), coin, Path(folder)))
        elif kind == "mirror":
            mirrored = _one(kind, values).rstrip("/")
            spec, start_ms = launch.mirrored(mirrored, coin or [])
        elif values:
            raise MarketError(f"--market {' '.join([kind, *values])}: a scenario stands alone")
        else:
            spec, start_ms = launch.agents(kind, coin or [])
        configured = settings.load(config_file)
        configured = configured.model_copy(update={"seed": seed or configured.seed})
        spec = launch.ruled(spec, configured.coins)
        output.say("preparing the market ...")
        warm(spec, start_ms=start_ms)
        served = LocalExchange(spec, seed=seed, start_ms=start_ms)
        serve(
            served,
            configured,
            port=port,
            speed=speed,
            keeps_time=kind == "recorded",
            mirrored_url=mirrored,
            is_child=child,
            say=output.say,
            tell=_tell,
        )
    return output.OK


def _tell(line: str) -> None:
    """A line that another program waits for."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _one(kind: str, values: Sequence[str]) -> str:
    if len(values) != 1:
        raise MarketError(f"--market {kind}: needs one {'path' if kind == 'recorded' else 'URL'}, got {len(values)}")
    return values[0]


def _tape(path: str, coins: Sequence[str] | None, folder: Path) -> Path:
    """The tape at a path, or one imported from the recording there."""
    from touchstone.data.catalogue import import_path
    from touchstone.data.tape import is_tape

    if coins and len(coins) > 1:
        raise MarketError(f"--coin {' '.join(coins)}: a recorded market has one coin")
    given = Path(path)
    if given.is_file() and is_tape(given):
        return given
    tape, _ = import_path(given, coin=coins[0] if coins else None, out=folder / "recording.tape")
    return tape
