"""What stands between an account and a session: each thing looked at, explained, with what to do about it.

Only reads: no order, no setting of the account is changed, and no password is needed.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from touchstone import config
from touchstone.clients.errors import UnreachableError
from touchstone.clients.hyperliquid import Client, Network
from touchstone.config import NetworkName
from touchstone.live import keys
from touchstone.live.checkup import Checkup
from touchstone.live.desk import Desk
from touchstone.live.findings import Examination, Finding, KeyInfo, Level
from touchstone.live.identity import IdentityError, identify

DISK_WARN, DISK_BAD = 2 << 30, 200 << 20  # bytes free
SYNC_WARN_MS = 50.0
N_SYNCS = 5


def key_info(keystore: str, network: NetworkName, variable: str) -> KeyInfo:
    """Whose key would be used, without a password: the environment's, or what the keystore says of itself."""
    try:
        if variable in os.environ:
            return KeyInfo(keys.load("", network, variable=variable).address, variable)
        if not keystore:
            return KeyInfo(problem=f"neither a keystore nor {variable}")
        described = keys.describe(Path(keystore).expanduser())
    except keys.KeysError as error:
        return KeyInfo(problem=str(error))
    if described.network and described.network != network:
        return KeyInfo(described.address, keystore, f"{keystore} holds a key for {described.network}, not {network}")
    return KeyInfo(described.address, keystore)


async def examine(
    settings: config.Config,
    network: Network,
    *,
    key: KeyInfo,
    watchdog: KeyInfo,
    now_ns: Callable[[], int] = time.time_ns,
) -> Examination:
    """Look at everything. Raises nothing that a finding can say."""
    found = Examination(network.name, settings.market.coin)
    found.findings += [_permission(settings, network), _key(key), *_disk(Path(settings.live.sessions))]
    try:
        account = await _account(settings, network, key, now_ns, found)
        if account:
            found.account = account
            found.findings += _desk(Desk.of(Path(settings.live.sessions), network.name, account))
            client = Client(network, account=account, signer=None, now_ms=lambda: now_ns() // 1_000_000)
            try:
                await Checkup(settings, client, key, watchdog, now_ns, found.findings).all()
            finally:
                await client.stop()
    except UnreachableError as error:
        found.is_unreachable = True
        found.findings.append(
            Finding("exchange", "bad", str(error), "nothing about the account can be known", "check line and URL")
        )
    return found


async def _account(
    settings: config.Config, network: Network, key: KeyInfo, now_ns: Callable[[], int], found: Examination
) -> str:
    """Address of the account: as configured, or of what the key signs for; empty, with a finding, if not known."""
    if settings.account.address:
        return settings.account.address.lower()
    if not key.address:
        found.findings.append(
            Finding("account", "bad", "not known", "there is neither an address nor a key",
                    "set [account] address, or a key")
        )  # fmt: skip
        return ""
    try:
        return (await identify(network, "", key.address, lambda: now_ns() // 1_000_000)).account
    except IdentityError as error:
        found.findings.append(Finding("account", "bad", str(error), "no account is traded", "approve the agent"))
        return ""


# What needs no exchange.


def _permission(settings: config.Config, network: Network) -> Finding:
    try:
        config.check_may_trade(settings, network.name)
    except config.ConfigError as error:
        return Finding("permission", "bad", "not given", str(error), "set it when everything else here is ok")
    cap = f"at most {settings.live.max_notional:g}" if settings.live.max_notional else "no notional cap"
    return Finding("permission", "ok", f"{network.name}, {cap}", "the configuration allows trading here")


def _key(key: KeyInfo) -> Finding:
    if key.problem:
        return Finding("key", "bad", key.problem, "nothing can be signed", "touchstone keys new, [account] keystore")
    return Finding("key", "ok", f"{key.address or 'not named'} from {key.source}", "actions are signed with this key")


def _disk(sessions: Path) -> list[Finding]:
    folder = next(path for path in (sessions, *sessions.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(folder).free
    level: Level = "bad" if free < DISK_BAD else "warn" if free < DISK_WARN else "ok"
    space = Finding(
        "disk space", level, f"{free / 2**30:,.1f} GiB free for {sessions}",
        "the journal is written ahead of orders: a full disk stops trading", "" if level == "ok" else "make room",
    )  # fmt: skip
    try:
        took_ms = _sync_ms(folder)
    except OSError as error:
        return [space, Finding("disk writes", "bad", f"{folder}: {error.strerror}", "no session can be kept", "chmod")]
    level = "warn" if took_ms > SYNC_WARN_MS else "ok"
    remedy = "" if level == "ok" else "keep sessions on a local disk"
    meaning = "how long the journal's checkpoints wait for the disk"
    return [space, Finding("disk writes", level, f"{took_ms:.1f} ms to be durable", meaning, remedy)]


def _sync_ms(folder: Path) -> float:
    """Median time of a small durable write."""
    times = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
        for _ in range(N_SYNCS):
            began = time.perf_counter()
            file.write(bytes(4_096))
            file.flush()
            os.fdatasync(file.fileno())
            times.append(1e3 * (time.perf_counter() - began))
    return sorted(times)[N_SYNCS // 2]


def _desk(desk: Desk) -> list[Finding]:
    kill, holder = desk.killed(), desk.holder()
    latch = Finding("kill latch", "ok", "open", "trading is not killed")
    if kill is not None:
        latch = Finding("kill latch", "bad", str(kill), "no session starts", "find out why, then: touchstone clear")
    lock = Finding("lock", "ok", "free", "no session trades this account from here")
    if holder is not None:
        lock = Finding("lock", "warn", f"held by {holder}", "one session an account", "end that one before another")
    return [latch, lock]
