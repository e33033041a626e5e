"""For whom a key signs, and on which network: what every command needs before it can act."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from touchstone import TouchstoneError, config
from touchstone.clients.hyperliquid import MAINNET, TESTNET, Client, Network
from touchstone.live.keys import Key
from touchstone.venues.hyperliquid.info import UserRole

VAULTS = ("subAccount", "vault")  # roles of an account that another one's key signs for


class IdentityError(TouchstoneError):
    """It is not clear whose account is meant, or the key does not sign for it."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Identity:
    """`vault` is the account again where it is a sub-account or vault, which every action then names."""

    account: str
    vault: str | None = None


def network_of(account: config.Account) -> Network:
    """The network of a configuration. Raises IdentityError for a local one without its URL."""
    if account.network == "mainnet":
        return MAINNET
    if account.network == "testnet":
        return TESTNET
    if not account.url:
        raise IdentityError(
            "the local exchange has no URL: give the one that `touchstone exchange` printed, by --url or [account] url"
        )
    return Network.local(account.url)


def check_key(account: config.Account, key: Key) -> None:
    """Raises IdentityError where the key is not the one that [account] agent names."""
    if account.agent and account.agent.lower() != key.address:
        raise IdentityError(
            f"the key of {key.source} has address {key.address}, [account] agent says {account.agent.lower()}: "
            "another key was meant, or agent is out of date"
        )


async def identify(network: Network, address: str, signer: str, now_ms: Callable[[], int]) -> Identity:
    """The account meant by `address`, or where that is empty the one for which the key `signer` (an address) signs.

    Raises IdentityError for a key that signs for nobody, ClientError where the venue cannot be asked.
    """
    reader = Client(network, account=address or signer, signer=None, now_ms=now_ms)
    try:
        role: UserRole = await reader.info("userRole", user=reader.account)
        data = role.data or {}
        if address:
            return Identity(reader.account, reader.account if role.role in VAULTS else None)
        if role.role == "agent":
            return Identity(data["user"].lower())
        if role.role == "missing":
            raise IdentityError(
                f"{signer} is neither an account nor an approved agent on {network.name}: approve it "
                "(touchstone keys new tells how), or fund the account"
            )
        return Identity(reader.account)
    finally:
        await reader.stop()


@asynccontextmanager
async def signed_in(
    settings: config.Account, key: Key, *, now_ms: Callable[[], int], say: Callable[[str], None]
) -> AsyncIterator[Client]:
    """A client of the account for a few requests: no socket is opened, everything goes over HTTP."""
    network = network_of(settings)
    check_key(settings, key)
    who = await identify(network, settings.address, key.address, now_ms)
    signer = key.secret.signer(is_mainnet=network.is_mainnet)
    client = Client(network, account=who.account, signer=signer, now_ms=now_ms, say=say, vault=who.vault)
    try:
        yield client
    finally:
        await client.stop()
