"""The doctor: what it sees on an exchange, and what it says of each thing that can be wrong."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.live.hygiene import leaks_in
from tests.live.trading import COIN, approve, now_ms, open_position

from touchstone import config
from touchstone.clients.hyperliquid import Client, Network
from touchstone.live import keys
from touchstone.live.checkup import Checkup
from touchstone.live.desk import Desk, Kill
from touchstone.live.doctor import examine, key_info
from touchstone.live.findings import Examination, Finding, KeyInfo
from touchstone.venues.hyperliquid.demo import demo_address, demo_key
from touchstone.venues.hyperliquid.info import RESPONSES
from touchstone.venues.hyperliquid.signing import Signer

DAY_MS = 86_400_000
STRANGER = "0x" + "12" * 20


def settings_for(folder: Path, **account: Any) -> config.Config:
    return config.Config(
        market=config.Market(coin=COIN),
        account=config.Account(**account),
        live=config.Live(sessions=str(folder / "sessions")),
    )


def examined(venue: Any, settings: config.Config, key: KeyInfo, watchdog: KeyInfo | None = None) -> Examination:
    return asyncio.run(
        examine(settings, Network.local(venue.url), key=key, watchdog=watchdog or KeyInfo(problem="none"))
    )


def finding(examination: Examination, name: str) -> Finding:
    (found,) = [each for each in examination.findings if each.name == name]
    return found


def test_an_account_in_order_is_found_so(venue: Any, tmp_path: Path) -> None:
    trader, watchdog = keys.new_key(), keys.new_key()
    addresses = [secret.signer(is_mainnet=False).address for secret in (trader, watchdog)]
    approve(venue, 30, addresses[0], f"trader valid_until {now_ms() + 30 * DAY_MS}")
    approve(venue, 30, addresses[1], f"dog valid_until {now_ms() + 30 * DAY_MS}")
    examination = examined(
        venue, settings_for(tmp_path), KeyInfo(addresses[0], "a file"), KeyInfo(addresses[1], "another")
    )
    assert examination.account == demo_address(30)  # by the agent's key alone
    assert {f.name: f.level for f in examination.findings if f.level != "ok"} == {"dead man": "warn"}
    assert "that of the machine is NOT" in finding(examination, "dead man").meaning
    assert "until 20" in finding(examination, "agent").found
    assert examination.worst == "warn"
    document = examination.as_dict()
    assert document["findings"][0].keys() == {"name", "level", "found", "meaning", "remedy"}
    assert not (tmp_path / "sessions").exists()  # looking makes nothing


def test_the_accounts_own_key_and_a_strangers(venue: Any, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, address=demo_address(31))
    own = finding(examined(venue, settings, KeyInfo(demo_address(31), "x")), "agent")
    assert (own.level, "can withdraw everything" in own.meaning) == ("warn", True)
    stranger = finding(examined(venue, settings, KeyInfo(STRANGER, "x")), "agent")
    assert stranger.level == "bad"
    assert "is not an approved agent" in stranger.found
    nobody = examined(venue, settings_for(tmp_path), KeyInfo(STRANGER, "x"))
    assert finding(nobody, "account").level == "bad"
    assert "approve it" in finding(nobody, "account").found


def test_an_agent_that_ends_soon(venue: Any, tmp_path: Path) -> None:
    agent = keys.new_key().signer(is_mainnet=False).address
    approve(venue, 32, agent, f"soon valid_until {now_ms() + 2 * DAY_MS}")
    found = finding(examined(venue, settings_for(tmp_path), KeyInfo(agent, "x")), "agent")
    assert found.level == "warn"
    assert "it ends in 2.0 days" in found.meaning


def test_a_latch_a_lock_and_a_coin_that_is_not_there(venue: Any, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, address=demo_address(33)).with_coin("hyna:HYPER")
    desk = Desk.of(tmp_path / "sessions", "local", demo_address(33))
    desk.kill(Kill(time.time_ns(), "drawdown", "s", ""))
    with desk.lock(now_ns=time.time_ns(), session=Path("sessions/now")):
        examination = examined(venue, settings, KeyInfo(demo_address(33), "x"))
    assert finding(examination, "kill latch").level == "bad"
    assert "touchstone clear" in finding(examination, "kill latch").remedy
    assert str(os.getpid()) in finding(examination, "lock").found
    assert "hyna:HYPER is not listed" in finding(examination, "coin").found
    assert finding(examination, "margin").level == "bad"  # each check on its own
    assert finding(examination, "quota").level == "ok"


def test_enough_volume_means_the_exchanges_own_switch(venue: Any, tmp_path: Path) -> None:
    with_volume = config.Live(sessions=str(tmp_path))
    found = altered(venue, "dead man", {"userRateLimit": RATE | {"cumVlm": "1000000.0"}}, live=with_volume)
    assert (found.level, "machine or line dies" in found.meaning) == ("ok", True)


def test_an_exchange_out_of_reach(tmp_path: Path, impatient: None) -> None:
    async def scene() -> Examination:
        settings = settings_for(tmp_path, address=demo_address(1))
        nowhere = Network.local("http://127.0.0.1:9")
        return await examine(settings, nowhere, key=KeyInfo(demo_address(1), "x"), watchdog=KeyInfo())

    examination = asyncio.run(scene())
    assert examination.is_unreachable
    assert finding(examination, "exchange").level == "bad"
    assert finding(examination, "kill latch").level == "ok"  # what needs no exchange is looked at


def test_mainnet_without_permission_is_found(venue: Any, tmp_path: Path) -> None:
    network = Network("mainnet", venue.url, is_mainnet=True)
    settings = settings_for(tmp_path, address=demo_address(34))

    async def scene(given: config.Config) -> Examination:
        return await examine(given, network, key=KeyInfo(demo_address(34), "x"), watchdog=KeyInfo(problem="none"))

    examination = asyncio.run(scene(settings))
    assert "live = true" in finding(examination, "permission").meaning
    assert finding(examination, "agent").level == "bad"  # the account's own key, where money is real
    allowed = settings.model_copy(update={"live": config.Live(live=True, max_notional=500.0)})
    assert finding(asyncio.run(scene(allowed)), "permission").level == "ok"


# Each thing that can be wrong, by an answer of the exchange that is altered.

RATE: dict[str, Any] = {"cumVlm": "0.0", "nRequestsUsed": 10, "nRequestsCap": 10_000, "nRequestsSurplus": 0}


class Altered(Client):
    """A client to which the exchange gives some answers that a test made up."""

    answers: dict[str, Any] = {}  # noqa: RUF012

    async def info(self, kind: str, **parameters: Any) -> Any:
        if kind in self.answers:
            return msgspec.convert(self.answers[kind], RESPONSES[kind])
        return await super().info(kind, **parameters)


@asynccontextmanager
async def altered_client(venue: Any, number: int, answers: dict[str, Any]) -> AsyncIterator[Altered]:
    client = Altered(Network.local(venue.url), account=demo_address(number), signer=None, now_ms=now_ms)
    client.answers = answers
    try:
        yield client
    finally:
        await client.stop()


def altered(
    venue: Any,
    name: str,
    answers: dict[str, Any],
    *,
    live: config.Live | None = None,
    number: int = 35,
    now_ns: Any = time.time_ns,
    network: Network | None = None,
) -> Finding:
    """The finding of a check when the exchange answers so."""

    async def scene() -> list[Finding]:
        findings: list[Finding] = []
        async with altered_client(venue, number, answers) as client:
            if network:
                client.network = network
            key = KeyInfo(demo_address(number), "x")
            settings = config.Config(live=live or config.Live())
            await Checkup(settings, client, key, KeyInfo(problem="no key"), now_ns, findings).all()
        return findings

    (found,) = [each for each in asyncio.run(scene()) if each.name == name]
    return found


BOOK = {"coin": COIN, "time": 1, "levels": [[{"px": "40.0", "sz": "1", "n": 1}], []]}
EMPTY = {"coin": COIN, "time": 1, "levels": [[], []]}


@pytest.mark.parametrize(
    ("name", "answers", "level", "words"),
    [
        ("account mode", {"userAbstraction": "unifiedAccount"}, "bad", "50,000 a day"),
        ("account mode", {"userAbstraction": "portfolioMargin"}, "bad", "standard mode"),
        ("account mode", {"userAbstraction": "dexAbstraction"}, "warn", "by itself"),
        ("account mode", {"userAbstraction": "disabled"}, "ok", "margin of its own"),
        ("account", {"userRole": {"role": "missing"}}, "bad", "deposit"),
        ("account", {"userRole": {"role": "agent", "data": {"user": STRANGER}}}, "bad", STRANGER),
        ("coin", {"perpsAtOpenInterestCap": [COIN]}, "warn", "open interest cap"),
        ("market", {"l2Book": None}, "bad", "halted"),
        ("market", {"l2Book": EMPTY}, "bad", "halted"),
        ("market", {"l2Book": BOOK}, "warn", "one side"),
        ("quota", {"userRateLimit": RATE | {"nRequestsUsed": 9_500}}, "warn", "500 of 10,000"),
        ("quota", {"userRateLimit": RATE | {"nRequestsUsed": 10_001}}, "bad", "one action in ten seconds"),
        ("quota", {"userRateLimit": RATE | {"nRequestsUsed": 9_500, "nRequestsSurplus": 5_000}}, "ok", "5,500"),
        ("dead man", {"userRateLimit": RATE}, "warn", "resting orders are kept under 500"),
        (
            "margin",
            {"clearinghouseState": {"assetPositions": [], "crossMarginSummary": {}, "withdrawable": "0.0", "time": 1}},
            "bad",
            "move USDE to dex hyna",
        ),
        (
            "margin",
            {"clearinghouseState": {"assetPositions": [], "crossMarginSummary": {}, "withdrawable": "9.9", "time": 1}},
            "warn",
            "needs 100.00 at 5x",
        ),
    ],
)
def test_what_is_wrong_is_named_and_explained(
    venue: Any, name: str, answers: dict[str, Any], level: str, words: str
) -> None:
    found = altered(venue, name, answers)
    assert found.level == level
    assert words in f"{found.found} {found.meaning} {found.remedy}"
    assert found.remedy or level == "ok"


@pytest.mark.parametrize(
    ("name", "live", "words"),
    [
        ("leverage", config.Live(leverage=20), "10x is the most"),
        ("leverage", config.Live(margin_mode="cross"), "isolated margin only"),
        ("dead man", config.Live(dead_man="schedule"), "1,000,000 of volume"),
    ],
)
def test_settings_that_the_exchange_would_refuse(venue: Any, name: str, live: config.Live, words: str) -> None:
    found = altered(venue, name, {}, live=live)
    assert found.level == "bad"
    assert words in f"{found.found} {found.meaning}"


@pytest.mark.parametrize(("ahead_ms", "level"), [(20, "ok"), (1_000, "warn"), (-1_000, "warn"), (9_000, "bad")])
def test_a_clock_that_is_wrong(venue: Any, ahead_ms: int, level: str) -> None:
    found = altered(
        venue, "clock", {}, now_ns=lambda: time.time_ns() + ahead_ms * 1_000_000,
        network=Network("testnet", venue.url, is_mainnet=False),
    )  # fmt: skip
    assert found.level == level
    assert ("ahead of" if ahead_ms > 0 else "behind") in found.found


def test_fees_that_differ_from_the_configured_ones(venue: Any) -> None:
    assert altered(venue, "fees", {}).level == "ok"
    other = config.Config(fees=config.Fees(maker_bps=1.0))
    examination = examined(venue, other, KeyInfo(demo_address(36), "x"))
    assert finding(examination, "fees").level == "warn"
    assert "backtests with 2 and 9" in finding(examination, "fees").meaning


def test_a_position_changes_what_is_free(venue: Any) -> None:
    open_position(venue.trader(37), "1.0")
    assert altered(venue, "margin", {}, number=37).level == "ok"


# Keys, without a password.


def test_a_keystore_is_enough_to_know_whose_key_it_is(keystore: Path, key: str) -> None:
    address = Signer(key, is_mainnet=False).address
    assert key_info(str(keystore), "testnet", keys.KEY) == KeyInfo(address, str(keystore))
    assert "not mainnet" in key_info(str(keystore), "mainnet", keys.KEY).problem
    assert "neither a keystore nor TOUCHSTONE_KEY" in key_info("", "testnet", keys.KEY).problem
    os.environ[keys.KEY] = demo_key(1)
    assert key_info(str(keystore), "testnet", keys.KEY) == KeyInfo(demo_address(1), keys.KEY)
    os.environ[keys.KEY] = key + "00"
    problem = key_info(str(keystore), "testnet", keys.KEY).problem
    assert "not a private key" in problem
    assert leaks_in(problem, key) == []
    keystore.chmod(0o644)
    assert "chmod 600" in key_info(str(keystore), "testnet", keys.KEY).problem
