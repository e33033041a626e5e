"""Signatures prepared ahead: nine tenths of one do not depend on what is signed, and are done while nothing waits.

ECDSA with key d signs z by a one-time number k: R = kG, r = R.x mod n, s = (z + r d) / k mod n (SEC 1, 4.1.3). R, 1/k
and r d / k are made ahead; at the moment of decision remains one multiplication (Even, Goldreich, Micali 1996: on-line
and off-line signatures). Who knows k knows d, and so does who sees two signatures of one k: each is random, leaves the
store before it is used, and none survives a fork. See docs/decisions/0010-signatures-ahead.md.
"""

import hmac
import os
import secrets
import weakref
from typing import NamedTuple

import coincurve

from touchstone.venues.hyperliquid.actions import Signature
from touchstone.venues.hyperliquid.signing import Signer

ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141  # n, of secp256k1 (SEC 2, 2.4.1)
_HALF = ORDER // 2  # a larger s is written as n - s (EIP-2)


class _Part(NamedTuple):
    """Of one signature, all that does not depend on what is signed."""

    r: str  # as the signature has it
    parity: int  # of R.y
    inverse: int  # 1/k
    share: int  # r d / k

    def __repr__(self) -> str:
        return "_Part(hidden)"


class _Store:
    """Parts that are ready. Shows nothing, and is empty in a child of a fork: both would use the same."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        store = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _empty(store()))


def _empty(store: _Store | None) -> None:
    if store is not None:
        store.parts.clear()


class AheadSigner(Signer):
    """A signer that is asked to `prepare` while there is time; unprepared it signs as any other (RFC 6979)."""

    def __init__(self, secret: str, *, is_mainnet: bool, most: int) -> None:
        """`most`: signatures that are kept ready."""
        super().__init__(secret, is_mainnet=is_mainnet)
        self._most = most
        self._store = _Store()
        self.n_unprepared = 0

    @property
    def n_ready(self) -> int:
        """Signatures that are ready."""
        return len(self._store.parts)

    def prepare(self) -> bool:
        """Make one ready; whether there is room for more."""
        parts = self._store.parts
        if len(parts) < self._most:
            parts.append(self._part())
        return len(parts) < self._most

    def sign(self, digest: bytes) -> Signature:
        """Signature of a 32-byte digest, r and s without leading zeros as the official client writes them."""
        parts = self._store.parts
        if not parts or len(digest) != 32:
            self.n_unprepared += 1
            return super().sign(digest)
        part = parts.pop()
        s = (int.from_bytes(digest, "big") * part.inverse + part.share) % ORDER  # 0 by a chance of 2^-256: refused
        if s > _HALF:
            return Signature(part.r, hex(ORDER - s), 28 - part.parity)
        return Signature(part.r, hex(s), 27 + part.parity)

    def _part(self) -> _Part:
        """A new one-time number, random and mixed with the key: a poor source of chance alone betrays nothing."""
        key = self._key.secret
        while True:
            k = int.from_bytes(hmac.digest(key, secrets.token_bytes(32), "sha256"), "big")
            if not 0 < k < ORDER:
                continue
            point = coincurve.PublicKey.from_secret(k.to_bytes(32, "big")).format(compressed=False)
            r = int.from_bytes(point[1:33], "big")
            if r < ORDER:  # else the signature would need a third bit (a chance of 2^-128)
                inverse = pow(k, -1, ORDER)
                return _Part(hex(r), point[64] & 1, inverse, inverse * r * int.from_bytes(key, "big") % ORDER)
