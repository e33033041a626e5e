"""An account's one owner of sockets on Hyperliquid: actions out, frames in, readings for reconciliation."""

from touchstone.clients.errors import (
    ClientError,
    DelistedCoinError,
    NotSentError,
    SubscriptionError,
    UnansweredError,
    UnknownCoinError,
    UnknownOutcomeError,
    UnreachableError,
)
from touchstone.clients.hyperliquid.client import Client, Hears
from touchstone.clients.hyperliquid.limits import Limits
from touchstone.clients.hyperliquid.metadata import Market, read_fees, read_market
from touchstone.clients.hyperliquid.network import MAINNET, TESTNET, Network

__all__ = [
    "MAINNET",
    "TESTNET",
    "Client",
    "ClientError",
    "DelistedCoinError",
    "Hears",
    "Limits",
    "Market",
    "Network",
    "NotSentError",
    "SubscriptionError",
    "UnansweredError",
    "UnknownCoinError",
    "UnknownOutcomeError",
    "UnreachableError",
    "read_fees",
    "read_market",
]
