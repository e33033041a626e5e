"""What a local exchange can be told: limits as the venue's, faults on demand, demo accounts. One TOML file."""

import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from annotated_types import Ge, Gt, Le
from pydantic import ValidationError

from touchstone.config import ConfigError, Section, allowed, field

Chance = Annotated[float, Ge(0), Le(1)]
Milliseconds = Annotated[float, Ge(0), Le(600_000)]
Count = Annotated[int, Ge(1)]
T = TypeVar("T", bound=Section)


class Limits(Section):
    """Of one client address (IP) unless said otherwise; the defaults are the venue's (hyperliquid.md 12)."""

    ip_weight_per_minute: Count = field(1_200, "Weight of requests per minute, REST and posts together.")
    connections: Count = field(10, "WebSocket connections.")
    new_connections_per_minute: Count = field(30, "New WebSocket connections per minute.")
    subscriptions: Count = field(1_000, "WebSocket subscriptions over all connections.")
    users: Count = field(10, "Users followed over all connections.")
    messages_per_minute: Count = field(2_000, "WebSocket messages to the server per minute.")
    posts_in_flight: Count = field(100, "WebSocket posts that wait for their answer.")
    requests_in_flight: Count = field(100, "HTTP requests that wait for their answer.")
    request_buffer: Annotated[int, Ge(0)] = field(10_000, "Actions that a user has before any volume.")
    over_budget_interval_s: Annotated[float, Gt(0)] = field(10.0, "Time between actions of a user over its budget.")
    body_bytes: Count = field(1 << 20, "Largest HTTP body and WebSocket message.")
    queue_frames: Count = field(2_000, "Frames that wait for a slow reader before it is disconnected.")
    queue_bytes: Count = field(16 << 20, "Bytes that wait for a slow reader before it is disconnected.")
    silence_s: Annotated[float, Gt(0)] = field(60.0, "A socket to which nothing was sent for so long is closed.")


class Latency(Section):
    """Log-normal delay with a tail: median x exp(spread x normal), and now and then an exponential on top."""

    median_ms: Milliseconds = field(0.0, "Median.")
    spread: Annotated[float, Ge(0), Le(3)] = field(0.0, "Standard deviation of the logarithm.")
    tail_chance: Chance = field(0.0, "Chance of the tail.")
    tail_ms: Milliseconds = field(0.0, "Mean of the tail.")


class Faults(Section):
    """Faults on demand. All are off by default; chances are per request, message or socket as said."""

    inbound: Latency = field(Latency(), "Delay of requests on their way in.")
    outbound: Latency = field(Latency(), "Delay of answers and pushed messages on their way out.")
    disconnect_chance: Chance = field(0.0, "Per socket and second: the connection breaks without a close frame.")
    silent: bool = field(False, "Sockets stay open and say nothing.")
    private_delay: Latency = field(Latency(), "Further delay of messages about a user, in their order.")
    private_duplicate_chance: Chance = field(0.0, "Per message about a user: it is sent twice.")
    private_reorder_chance: Chance = field(0.0, "Per message about a user: the next one overtakes it.")
    lost_response_chance: Chance = field(0.0, "Per action: it is executed, and the connection breaks unanswered.")
    event_before_response: bool = field(False, "Events of an action come before its answer; else by a seeded draw.")
    too_many_requests_chance: Chance = field(0.0, "Per HTTP request: 429.")
    server_error_chance: Chance = field(0.0, "Per HTTP request: 500 with an HTML body, not executed.")
    bad_gateway_chance: Chance = field(0.0, "Per HTTP request: 502 with an HTML body, not executed.")
    address_limit: bool = field(False, "Every user is over its request budget.")
    post_only: bool = field(False, "Only post-only orders, as after a network upgrade.")
    modify_cancels_only: bool = field(False, "A modify cancels the old order and its new one is refused.")
    halted: tuple[str, ...] = field((), "Coins whose trading is halted.")
    no_bids: tuple[str, ...] = field((), "Coins whose book has no bids (but users').")
    no_asks: tuple[str, ...] = field((), "Coins whose book has no asks (but users').")
    stale_oracle: tuple[str, ...] = field((), "Coins whose oracle price stands still.")
    clock_skew_ms: Annotated[int, Ge(-60_000), Le(60_000)] = field(
        0, "How far the exchange's clock is ahead of the wall's; set back, it stands still until the wall is there."
    )


class Accounts(Section):
    """Demo accounts, funded at the start. Their keys are public: they are for a loopback only."""

    n: Annotated[int, Ge(0), Le(1_000)] = field(10, "How many demo accounts.")
    deposit: Annotated[float, Ge(0), Le(1e9)] = field(100_000.0, "Collateral of each on each dex.")


class CoinRules(Section):
    """Rules of one coin that a rehearsal needs otherwise than usual; what is not given stays."""

    open_interest_cap: Annotated[float, Gt(0)] | None = field(None, "Notional at which open interest is capped.")
    open_interest_growth: Annotated[float, Gt(0)] | None = field(
        None, "Notional by which open interest may grow within an hour."
    )


class ServerSettings(Section):
    """The whole file."""

    networks: Literal["both", "mainnet", "testnet"] = field(
        "both", "Whose signatures are accepted: the official client signs a local URL as testnet, ccxt as mainnet."
    )
    limits: Limits = field(Limits(), "Limits.")
    faults: Faults = field(Faults(), "Faults at the start; /admin/faults changes them.")
    accounts: Accounts = field(Accounts(), "Demo accounts.")
    coins: dict[str, CoinRules] = field({}, "Rules of single coins, by name.")
    seed: Annotated[int, Ge(0)] = field(0, "Seed of the faults' chance.")


def load(path: Path | None) -> ServerSettings:
    """Settings from a TOML file, or the defaults. Raises ConfigError that names the key."""
    if path is None:
        return ServerSettings()
    try:
        return read(ServerSettings, tomllib.loads(path.read_text()), str(path))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def read(kind: type[T], values: Any, where: str) -> T:
    """A section from plain values. Raises ConfigError that names the key."""
    try:
        return kind.model_validate_json(msgspec.json.encode(values))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{where}: {wrong}") from error


def reference() -> str:
    """All settings in Markdown, from the fields and their descriptions: docs/exchange-settings.md."""
    lines = [
        "# Settings of the local exchange",
        "",
        "Written by `make docs`; do not edit. For `touchstone exchange --config FILE` (TOML) and, what is under",
        "`[faults]`, for `POST /admin/faults`. An unknown key is an error.",
    ]
    named: dict[str, type[Section]] = {
        "": ServerSettings, "limits": Limits, "faults": Faults, "accounts": Accounts, "coins.NAME": CoinRules,
    }  # fmt: skip
    for name, section in named.items():
        lines += ["", f"## {f'`[{name}]`' if name else 'At the top of the file'}", "", section.__doc__ or "", ""]
        lines += ["| key | default | allowed | meaning |", "|---|---|---|---|", *_rows(section)]
    lines += ["", "## A latency", "", "`[faults.inbound]`, `[faults.outbound]`, `[faults.private_delay]`.", ""]
    lines += [Latency.__doc__ or "", "", "| key | default | allowed | meaning |", "|---|---|---|---|", *_rows(Latency)]
    return "\n".join(lines) + "\n"


def _rows(section: type[Section]) -> list[str]:
    rows = []
    for name, info in section.model_fields.items():
        if isinstance(info.default, Latency):
            rows.append(f"| `{name}` | none | a latency | {info.description} |")
        elif not isinstance(info.default, Section) and name != "coins":
            default = msgspec.json.encode(info.default).decode()
            kind = "list of coins" if info.default == () else allowed(info)
            rows.append(f"| `{name}` | `{default}` | {kind} | {info.description} |")
    return rows


if __name__ == "__main__":
    sys.stdout.write(reference())
