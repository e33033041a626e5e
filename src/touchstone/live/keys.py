"""Signing keys: from an encrypted keystore (Ethereum's, version 3) or from the environment, never in the clear on disk.

In memory a key or a password is a `Secret`, which shows nothing; only the signer sees what is inside. No message here
contains either. Variables that hold a secret are taken out of the environment when read, so no child inherits them.
"""

import getpass
import json
import os
import secrets
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from touchstone import TouchstoneError
from touchstone.config import Account, NetworkName
from touchstone.redact import looks_like_key
from touchstone.venues.hyperliquid.ahead import AheadSigner
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.signing import Signer

KEY, PASSWORD = "TOUCHSTONE_KEY", "TOUCHSTONE_PASSWORD"  # names of variables, of the trader and of its watchdog
WATCHDOG_KEY, WATCHDOG_PASSWORD = "TOUCHSTONE_WATCHDOG_KEY", "TOUCHSTONE_WATCHDOG_PASSWORD"
SECRET_VARIABLES = (KEY, PASSWORD, WATCHDOG_KEY, WATCHDOG_PASSWORD)

SCRYPT_N = 1 << 18  # geth's standard: about a second and 256 MiB
SCRYPT_MEMORY = 1 << 30  # bytes: a file that asks for more is not opened
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeysError(TouchstoneError):
    """A key cannot be had; the text names the file or variable and the remedy, and holds no secret."""

    exit_code = 2


class Secret:
    """A key (0x and 64 digits) or a password that is never shown, compared, copied or pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """What is inside, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(hidden)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Secret is neither pickled nor copied")

    def signer(self, *, is_mainnet: bool, ahead: int = 0) -> Signer:
        """Signer with this key, with room for `ahead` signatures prepared. Raises KeysError where it is none."""
        return _signer(self, "the key", is_mainnet, ahead)


@dataclass(frozen=True, slots=True)
class Keystore:
    """What a keystore file says of itself without its password."""

    path: Path
    address: str  # lower case; empty where the file does not say
    network: str  # for which it was made; empty where the file does not say
    kdf: str


@dataclass(frozen=True, slots=True)
class Key:
    """A key that was loaded: whose address it is, and where it came from, in words."""

    secret: Secret
    address: str
    source: str


# Keystore files.


def new_key() -> Secret:
    """A fresh key from the system's randomness."""
    while True:
        found = Secret("0x" + secrets.token_bytes(32).hex())
        try:
            found.signer(is_mainnet=False)
        except KeysError:  # beyond the curve's order: once in 2^128
            continue
        return found


def write_keystore(path: Path, key: Secret, password: Secret, *, network: NetworkName, scrypt_n: int = SCRYPT_N) -> str:
    """Encrypt a key into a new file that only its owner may read; its address. Raises KeysError, never overwrites."""
    from eth_keyfile.keyfile import create_keyfile_json

    refuse_key_as_path(path)
    address = key.signer(is_mainnet=network == "mainnet").address
    if not password.reveal():
        raise KeysError(f"{path}: the password is empty; a keystore without one protects nothing")
    made: dict[str, Any] = create_keyfile_json(
        bytes.fromhex(key.reveal()[2:]), _utf8(password), kdf="scrypt", iterations=scrypt_n
    )
    document = made | {"address": address[2:], "touchstone": {"network": network}}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeysError(f"{path} exists and is not overwritten; choose another name") from None
    except OSError as error:
        raise KeysError(f"cannot write {path}: {error.strerror}") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink()
        raise KeysError(f"cannot write {path}: {error.strerror}; nothing is left of it") from None
    return address


def describe(path: Path) -> Keystore:
    """What a keystore says of itself. Raises KeysError for a file that others may read, or that is no keystore."""
    return _described(path, _document(path))


def read_keystore(path: Path, password: Secret, network: NetworkName | None = None) -> Secret:
    """The key in a keystore. Raises KeysError: permissions, format, wrong password, made for another network."""
    from eth_keyfile.keyfile import decode_keyfile_json

    document = _document(path)
    described = _described(path, document)
    if network and described.network and described.network != network:
        raise KeysError(
            f"{path} holds a key for {described.network}, this is {network}; "
            f"make one with: touchstone keys new FILE --network {network}"
        )
    try:
        key = Secret("0x" + decode_keyfile_json(document, _utf8(password)).hex())
    except ValueError:
        raise KeysError(f"{path}: wrong password (or a damaged file)") from None
    except Exception as error:  # the library's errors about what is missing or of a wrong type
        raise KeysError(f"{path}: a damaged keystore ({type(error).__name__}); restore or make another") from None
    address = _signer(key, str(path), is_mainnet=False).address
    if described.address and described.address != address:
        raise KeysError(f"{path} says address {described.address}, its key has {address}; the file was tampered with")
    return key


def _document(path: Path) -> dict[str, Any]:
    refuse_key_as_path(path)
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & OTHERS:
                raise KeysError(f"{path} may be read by others (mode {mode & 0o777:o}); run: chmod 600 {path}")
            document: Any = json.load(file)
    except FileNotFoundError:
        raise KeysError(f"{path} does not exist; make it with: touchstone keys new {path}") from None
    except OSError as error:
        raise KeysError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:  # not JSON, not UTF-8; the text may be a bare key, so nothing of it is shown
        raise KeysError(f"{path} is not a keystore (JSON); make one with: touchstone keys import FILE") from None
    if isinstance(document, dict):
        return document
    del document  # it may be a bare key
    raise KeysError(f"{path} is not a keystore: a JSON object is wanted")


def _described(path: Path, document: dict[str, Any]) -> Keystore:
    crypto = document.get("crypto", document.get("Crypto"))
    if document.get("version") != 3 or not isinstance(crypto, dict):
        raise KeysError(f"{path} is not a version 3 keystore (its version: {document.get('version')!r:.20})")
    parameters = crypto.get("kdfparams")
    if not isinstance(parameters, dict):
        raise KeysError(f"{path}: a damaged keystore (no kdfparams)")
    n, r, p = (parameters.get(name, 1) for name in "nrp")
    if not all(isinstance(value, int) and value > 0 for value in (n, r, p)) or 128 * n * r * p > SCRYPT_MEMORY:
        raise KeysError(f"{path}: its scrypt parameters ask for more than {SCRYPT_MEMORY >> 20} MiB; not opened")
    own = document.get("touchstone")
    network = str(own.get("network", "")) if isinstance(own, dict) else ""
    address = str(document.get("address") or "").lower().removeprefix("0x")
    return Keystore(path, f"0x{address}" if address else "", network, str(crypto.get("kdf", "")))


def refuse_key_as_path(path: Path) -> None:
    """Raises KeysError where a key was given as the name of a file."""
    if looks_like_key(path.name):
        raise KeysError(
            "what was given as a file name looks like a private key; consider it exposed (shells keep a history): "
            "make another with `touchstone keys new`"
        )


def _signer(key: Secret, what: str, is_mainnet: bool, ahead: int = 0) -> Signer:
    try:
        if ahead:
            return AheadSigner(key.reveal(), is_mainnet=is_mainnet, most=ahead)
        return Signer(key.reveal(), is_mainnet=is_mainnet)
    except WireError:
        raise KeysError(f"{what}: not a private key: 0x and 64 hexadecimal digits, within the curve's order") from None


def _utf8(password: Secret) -> Any:
    """Bytes, for the library would encode text as Latin-1."""
    return password.reveal().encode()


# Where secrets come from.


def from_environment(variable: str) -> Secret | None:
    """A secret from the environment, which then does not hold it any more; None where it is not set."""
    value = os.environ.pop(variable, "")
    return Secret(value.strip()) if value.strip() else None


def from_descriptor(number: int, what: str) -> Secret:
    """The first line of an open file descriptor. Raises KeysError."""
    try:
        with os.fdopen(number, encoding="utf-8", closefd=False) as file:
            line = file.readline().removesuffix("\n")
    except (OSError, ValueError, TypeError, OverflowError):
        raise KeysError(f"{what}: descriptor {number} cannot be read; open it as in `{number}<file`") from None
    if not line:
        raise KeysError(f"{what}: descriptor {number} holds nothing")
    return Secret(line)


def ask(prompt: str, remedy: str, *, twice: bool = False) -> Secret:
    """A secret from the terminal, unseen. Raises KeysError where there is no terminal, or the two entries differ."""
    if not sys.stdin.isatty():
        raise KeysError(f"{prompt} is needed and this is no terminal; {remedy}")
    found = Secret(getpass.getpass(f"{prompt}: "))
    if twice and getpass.getpass(f"{prompt} again: ") != found.reveal():
        raise KeysError("the two entries differ; nothing was written")
    return found


def password(path: Path, descriptor: int | None = None, *, variable: str = PASSWORD, twice: bool = False) -> Secret:
    """Password of a keystore: from the descriptor if one is given, the environment, the terminal. Raises KeysError."""
    if descriptor is not None:
        return from_descriptor(descriptor, f"password of {path}")
    remedy = f"give it by --password-fd N or in {variable}"
    return from_environment(variable) or ask(f"Password of {path}", remedy, twice=twice)


def load(
    keystore: str,
    network: NetworkName,
    *,
    password_fd: int | None = None,
    variable: str = KEY,
    password_variable: str = PASSWORD,
    say: Callable[[str], None] | None = None,
) -> Key:
    """The key of a trader (or, with other variables, of its watchdog): from the environment, else from the keystore.

    Raises KeysError where there is neither.
    """
    key, source = from_environment(variable), variable
    if key is None:
        if not keystore:
            raise KeysError(f"no key: set [account] keystore (touchstone keys new FILE) or {variable}")
        path = Path(keystore).expanduser()
        describe(path)  # what is wrong with the file is said before its password is asked for
        opened = password(path, password_fd, variable=password_variable)
        if say:
            say(f"opening {path}")
        key, source = read_keystore(path, opened, network), str(path)
    return Key(key, _signer(key, source, is_mainnet=network == "mainnet").address, source)


def load_watchdog(account: Account, *, say: Callable[[str], None] | None = None) -> Key | None:
    """The watchdog's key; None where none is given. Raises KeysError where one is and cannot be had."""
    if not account.watchdog_keystore and not os.environ.get(WATCHDOG_KEY):
        return None
    return load(
        account.watchdog_keystore, account.network, variable=WATCHDOG_KEY, password_variable=WATCHDOG_PASSWORD, say=say
    )


def child_environment() -> dict[str, str]:
    """The environment for a child process: without secrets, whether they were read or not."""
    return {name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES}
