"""Signing and recovery. L1 actions go through the phantom agent, user actions are typed data (EIP-712).

L1: keccak(msgpack(action) | nonce u64 | vault flag and address | 0x00 and expiresAfter u64) is the `connectionId` of an
Agent whose `source` is a on mainnet and b elsewhere. Sources: hyperliquid.md 3; EIP-712; RFC 6979 (deterministic k).
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Literal, Protocol

import coincurve
import msgspec
import sha3
from coincurve._libsecp256k1 import ffi, lib  # what coincurve wraps: a signature a microsecond sooner
from coincurve.context import GLOBAL_CONTEXT

from touchstone.venues.hyperliquid.actions import L1Action, Signature, address, lower_hex, pack
from touchstone.venues.hyperliquid.errors import UNRECOVERABLE, WireError
from touchstone.venues.hyperliquid.user_actions import UserAction

Source = Literal["a", "b"]
SOURCES: tuple[Source, Source] = ("a", "b")  # mainnet; testnet and everything else
L1_CHAIN_ID = 1337


class _Hash(Protocol):
    def digest(self) -> bytes: ...


_keccak: Callable[[bytes], _Hash] = sha3.keccak_256


def keccak256(data: bytes) -> bytes:
    """Keccak-256, the hash of Ethereum (not SHA3-256)."""
    return _keccak(data).digest()


def _u64(value: int, what: str) -> bytes:
    try:
        return value.to_bytes(8, "big")
    except OverflowError:
        raise WireError(f"{what} {value}: must be a whole number from 0 to 2^64 - 1") from None


def action_hash(
    action: L1Action | object, nonce: int, vault: str | None = None, expires_after: int | None = None
) -> bytes:
    """The `connectionId` of an action; a mapping is hashed with its keys in their order. Raises WireError."""
    vault_part = b"\x00" if vault is None else b"\x01" + bytes.fromhex(address(vault, "vaultAddress")[2:])
    end = b"" if expires_after is None else b"\x00" + _u64(expires_after, "expiresAfter")
    return _keccak(pack(action) + _u64(nonce, "nonce") + vault_part + end).digest()


@cache
def domain_separator(name: str, chain_id: int) -> bytes:
    """EIP-712 domain of version 1 with the zero contract."""
    kind = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    words = [keccak256(text.encode()) for text in (kind, name, "1")]
    return keccak256(b"".join([*words, chain_id.to_bytes(32, "big"), bytes(32)]))


_AGENT = keccak256(b"Agent(string source,bytes32 connectionId)")
_AGENT_PREFIX = {source: _AGENT + keccak256(source.encode()) for source in SOURCES}
_L1_PREFIX = b"\x19\x01" + domain_separator("Exchange", L1_CHAIN_ID)


def agent_digest(connection_id: bytes, source: Source) -> bytes:
    """What is signed for an L1 action."""
    return _keccak(_L1_PREFIX + _keccak(_AGENT_PREFIX[source] + connection_id).digest()).digest()


def _word(kind: str, value: object, what: str) -> bytes:
    """One field of typed data as 32 bytes."""
    if kind == "string" and isinstance(value, str):
        return keccak256(value.encode())
    if kind == "address" and isinstance(value, str):
        return bytes(12) + bytes.fromhex(address(value, what)[2:])
    if kind == "bytes32" and isinstance(value, str):
        return bytes.fromhex(lower_hex(value, 32, what)[2:])
    if kind == "bool" and isinstance(value, bool):
        return int(value).to_bytes(32, "big")
    if kind == "uint64" and isinstance(value, int):
        return bytes(24) + _u64(value, what)
    raise WireError(f"{what} {value!r}: not a {kind}")


def typed_digest(signs: str, message: Mapping[str, object], chain_id: int) -> bytes:
    """What is signed for `message` of the EIP-712 type `signs` (`Name(kind field,..)`). Raises WireError."""
    name, _, fields = signs.rstrip(")").partition("(")
    words = [keccak256(f"HyperliquidTransaction:{signs}".encode())]
    for entry in fields.split(","):
        kind, key = entry.split(" ")
        if key not in message:
            raise WireError(f"{name}: `{key}` is missing")
        words.append(_word(kind, message[key], f"{name}.{key}"))
    separator = domain_separator("HyperliquidSignTransaction", chain_id)
    return keccak256(b"\x19\x01" + separator + keccak256(b"".join(words)))


def user_digest(action: UserAction, inner: tuple[str, str] | None = None) -> bytes:
    """What is signed for a user action; `inner` = (multiSigUser, outerSigner) for one signature of several."""
    message: dict[str, object] = {"agentName": ""} | msgspec.to_builtins(action)
    signs = action.SIGNS
    if inner is not None:
        message |= {"payloadMultiSigUser": inner[0], "outerSigner": inner[1]}
        chain = "string hyperliquidChain"
        signs = signs.replace(chain, f"{chain},address payloadMultiSigUser,address outerSigner")
    try:
        chain_id = int(action.signature_chain_id, 16)
    except ValueError as error:
        raise WireError(f"signatureChainId {action.signature_chain_id!r}: not hexadecimal") from error
    return typed_digest(signs, message, chain_id)


_WORD = re.compile(r"0[xX][0-9a-fA-F]{1,64}")


def recover(digest: bytes, signature: Signature) -> str:
    """Address whose key signed `digest`: any address at all for a wrong digest. Raises WireError where malformed."""
    if not (_WORD.fullmatch(signature.r) and _WORD.fullmatch(signature.s) and signature.v in (0, 1, 27, 28)):
        raise WireError(UNRECOVERABLE.render())
    words = (int(signature.r, 16).to_bytes(32, "big"), int(signature.s, 16).to_bytes(32, "big"))
    compact = b"".join(words) + bytes([signature.v % 27])
    try:
        return address_of(coincurve.PublicKey.from_signature_and_message(compact, digest, hasher=None))
    except Exception as error:  # the library raises plain Exception for r or s out of range
        raise WireError(UNRECOVERABLE.render()) from error


def address_of(key: coincurve.PublicKey) -> str:
    """Account address of a public key, lower case."""
    return "0x" + keccak256(key.format(compressed=False)[1:])[-20:].hex()


_CONTEXT, _NULL = GLOBAL_CONTEXT.ctx, ffi.NULL
_SIGNATURE = ffi.typeof("secp256k1_ecdsa_recoverable_signature *")
_COMPACT = ffi.typeof("unsigned char[64]")
_PARITY = ffi.typeof("int *")
_new, _view = ffi.new, ffi.buffer
_sign = lib.secp256k1_ecdsa_sign_recoverable
_serialize = lib.secp256k1_ecdsa_recoverable_signature_serialize_compact


class Signer:
    """A signing key on one network. Its secret is never shown."""

    def __init__(self, secret: str, *, is_mainnet: bool) -> None:
        try:
            self._key = coincurve.PrivateKey(bytes.fromhex(lower_hex(secret, 32, "private key")[2:]))
        except ValueError:  # without the text, which is the secret
            raise WireError("private key: must be 0x and 64 hexadecimal digits, within the curve's order") from None
        self.address = address_of(self._key.public_key)
        self.source: Source = "a" if is_mainnet else "b"
        self._agent_prefix = _AGENT_PREFIX[self.source]

    def sign(self, digest: bytes) -> Signature:
        """Signature of a 32-byte digest, r and s without leading zeros as the official client writes them."""
        made, compact, parity = _new(_SIGNATURE), _new(_COMPACT), _new(_PARITY)
        if len(digest) != 32 or not _sign(_CONTEXT, made, digest, self._key.secret, _NULL, _NULL):
            raise WireError(f"a digest of {len(digest)} bytes cannot be signed")
        _serialize(_CONTEXT, compact, parity, made)
        text = _view(compact)[:].hex()
        return Signature("0x" + text[:64].lstrip("0"), "0x" + text[64:].lstrip("0"), 27 + parity[0])

    def sign_l1(
        self, action: L1Action | object, nonce: int, vault: str | None = None, expires_after: int | None = None
    ) -> Signature:
        """Signature of an L1 action: of its `agent_digest`, written out here because this is where a quote waits."""
        agent = self._agent_prefix + action_hash(action, nonce, vault, expires_after)
        return self.sign(_keccak(_L1_PREFIX + _keccak(agent).digest()).digest())

    def sign_user(self, action: UserAction) -> Signature:
        """Signature of a user action, on the network that the action names."""
        return self.sign(user_digest(action))


def recover_l1(
    action: L1Action | object,
    nonce: int,
    signature: Signature,
    vault: str | None = None,
    expires_after: int | None = None,
    sources: tuple[Source, ...] = SOURCES,
) -> dict[Source, str]:
    """Address by source: one of them is the signer, the others are nobody. Raises WireError where malformed."""
    connection_id = action_hash(action, nonce, vault, expires_after)
    return {source: recover(agent_digest(connection_id, source), signature) for source in sources}
