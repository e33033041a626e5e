"""Signed requests as bytes: one encoding for the hash, one for the wire, and nothing made twice."""

from collections.abc import Callable

import msgspec

from touchstone.venues.hyperliquid.actions import L1Action, address
from touchstone.venues.hyperliquid.nonces import NonceCounter
from touchstone.venues.hyperliquid.signing import Signer

_encode = msgspec.json.Encoder().encode


class Requests:
    """Writes requests of one signing key, their nonces strictly increasing in step with `now_ms`."""

    def __init__(self, signer: Signer, nonces: NonceCounter, now_ms: Callable[[], int], vault: str | None) -> None:
        self._signer = signer
        self._nonces = nonces
        self._now_ms = now_ms
        self._vault = None if vault is None else address(vault, "vaultAddress")
        self._vault_json = b"" if self._vault is None else b',"vaultAddress":"%b"' % self._vault.encode()

    def write(self, action: L1Action, expires_ms: int | None) -> bytes:
        """JSON of the request: body of /exchange and payload of a post. Raises WireError."""
        nonce = self._nonces.next(self._now_ms())
        signature = self._signer.sign_l1(action, nonce, self._vault, expires_ms)
        expires = b"" if expires_ms is None else b',"expiresAfter":%d' % expires_ms
        return b'{"action":%b,"nonce":%d,"signature":{"r":"%b","s":"%b","v":%d}%b%b}' % (
            _encode(action), nonce, signature.r.encode(), signature.s.encode(), signature.v, self._vault_json, expires,
        )  # fmt: skip


def post_frame(number: int, request: bytes) -> bytes:
    """The request as a WebSocket post."""
    return b'{"method":"post","id":%d,"request":{"type":"action","payload":%b}}' % (number, request)
