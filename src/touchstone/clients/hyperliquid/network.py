"""Who answers: mainnet, testnet, or an exchange of our own (hyperliquid.md 1)."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Network:
    """`is_mainnet` chooses the source of signatures; REST and WebSocket share host and port."""

    name: Literal["mainnet", "testnet", "local"]
    url: str
    is_mainnet: bool

    @property
    def ws_url(self) -> str:
        """Where the WebSocket is."""
        return "ws" + self.url.removeprefix("http") + "/ws"

    @classmethod
    def local(cls, url: str) -> "Network":
        """A local exchange at `url` (http://host:port); signed for as a testnet, like the official client."""
        return cls("local", url.rstrip("/"), is_mainnet=False)


MAINNET = Network("mainnet", "https://api.hyperliquid.xyz", is_mainnet=True)
TESTNET = Network("testnet", "https://api.hyperliquid-testnet.xyz", is_mainnet=False)
