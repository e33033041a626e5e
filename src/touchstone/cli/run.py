"""`touchstone run`: trade, on a local exchange of its own, on paper, or for real."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter, validators

from touchstone import config
from touchstone.cli import output
from touchstone.cli.dashboard import beside

if TYPE_CHECKING:
    from touchstone.live.where import Where

MINUTES = 53.0  # of the session that started it all
SPEED = 20.0
SHOWN_EVERY_S = 10.0  # where nobody looks at a terminal


def run(
    *,
    network: Literal["local", "testnet", "mainnet"] | None = None,
    paper: Annotated[bool, Parameter(negative=())] = False,
    scenario: str | None = None,
    market: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    url: str | None = None,
    speed: Annotated[float | None, Parameter(validator=validators.Number(gt=0, lte=1_000))] = None,
    minutes: Annotated[float | None, Parameter(validator=validators.Number(gt=0, lte=1_000_000))] = None,
    seed: Annotated[int | None, Parameter(validator=validators.Number(gte=0))] = None,
    config_file: Annotated[Path | None, Parameter(name="--config")] = None,
    out: Path | None = None,
    dashboard: bool = True,
    replace_models: Annotated[bool, Parameter(negative=())] = False,
    password_fd: int | None = None,
    json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Trade over sockets until the time is over or a signal comes, pull every order, and report.

    Without options: 53 minutes of market time on a local exchange of its own, twenty times faster than the wall.

    Parameters
    ----------
    network
        Whose exchange; by default the configuration's. Mainnet also needs `live = true` and `max_notional` there.
    paper
        Trade on a local exchange that mirrors the network's live market: no order reaches the network.
    scenario
        Scenario of the local exchange; normal by default.
    market
        Other market of the local exchange, as `touchstone exchange --market` takes it: `recorded PATH`.
    url
        A local exchange that runs already, instead of one of its own.
    speed
        How many times faster than the wall the local exchange runs: 20 for a scenario, else 1.
    minutes
        Length of the session in the exchange's time; without, 53 minutes on a scenario, else until a signal.
    seed
        Seed of the local market and of the trader's own chance; by default the configuration's.
    config_file
        Configuration file (TOML); defaults where it says nothing.
    out
        Folder of the session; by default a new one under [live] sessions.
    dashboard
        With `--no-dashboard` no pages, metrics and alerts beside the session.
    replace_models
        Trade with the [models] of the configuration at once. Without, where others have the record of this market,
        those go on trading, and the configuration's run beside as a challenger until they have won.
    password_fd
        File descriptor from which the keystore's password is read.
    json
        Print the result as JSON instead of the report.
    """
    settings = config.load(config_file)
    if seed is not None:
        settings = settings.model_copy(update={"seed": seed})
    account = {name: value for name, value in (("network", network), ("url", url)) if value is not None}
    settings = settings.model_copy(update={"account": settings.account.model_copy(update=account)})
    if out is not None:
        output.refuse_existing(out)
    started = datetime.now(UTC).strftime("%Y-%m-%d_%H%M%S")
    folder = out or Path(settings.live.sessions) / started
    where = _where(settings, paper, scenario, market, speed, password_fd)
    if minutes is None and where.starts is not None and not paper and market is None:
        minutes = MINUTES
    from touchstone.live.run import trade

    with _shown() as show, beside(settings, wanted=dashboard) as pages:
        result = asyncio.run(
            trade(
                settings, where, minutes=minutes, folder=folder, say=output.say, show=show,
                begins=lambda folder: None if pages is None else pages.start(folder),
                replaces_models=replace_models,
            )
        )  # fmt: skip
    output.say(f"session in {result['live']['folder']}; again with: touchstone report {result['live']['folder']}")
    return output.show(result, json)


def _where(
    settings: config.Config, paper: bool, scenario: str | None, market: Sequence[str] | None, speed: float | None,
    password_fd: int | None,
) -> "Where":  # fmt: skip
    """The exchange that is meant. Raises WrongUseError where the options do not go together."""
    from touchstone.clients.hyperliquid import MAINNET, TESTNET
    from touchstone.live.where import Where

    network, coin = settings.account.network, settings.market.coin
    if paper:
        if scenario or market:
            raise output.WrongUseError("--paper mirrors the network's own market: leave out --scenario and --market")
        mirrored = {"mainnet": MAINNET.url, "testnet": TESTNET.url, "local": settings.account.url}[network]
        if not mirrored:
            raise output.WrongUseError("--paper: name the market to mirror: --network mainnet or testnet, or --url URL")
        starts = ["--market", "mirror", mirrored, "--coin", coin]
        return Where(starts, seed=settings.seed, shows_own_orders=False, mirrors=mirrored)
    if network != "local" or settings.account.url:
        if scenario or market:
            raise output.WrongUseError("--scenario and --market are for a local exchange of our own: leave out --url")
        if network != "local" and speed is not None:
            raise output.WrongUseError(f"--speed: {network} runs at the time of the wall")
        return Where(None, speed=speed or 1.0, password_fd=password_fd)
    if scenario and market:
        raise output.WrongUseError("--scenario and --market: one of the two")
    arguments = ["--market", *(market or [scenario or "normal"]), "--coin", coin]
    own_in_book = market is None
    its_speed = speed or (SPEED if own_in_book else 1.0)
    return Where(arguments, its_speed, settings.seed, shows_own_orders=own_in_book)


@contextmanager
def _shown() -> Iterator[Callable[[str], None]]:
    """How the session stands: one line that changes on a terminal, a line each ten seconds elsewhere."""
    if sys.stderr.isatty():
        from rich.live import Live
        from rich.text import Text

        with Live(console=output.stderr(), auto_refresh=False, transient=True) as live:  # no thread beside the trader
            yield lambda line: live.update(Text(line), refresh=True)
    else:
        yield _Seldom()


class _Seldom:
    """Says every tenth line of those that come each second."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, line: str) -> None:
        if self._count % round(SHOWN_EVERY_S) == 0:
            output.say(line)
        self._count += 1


