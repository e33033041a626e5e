"""`touchstone keys`: keystore files. No command prints a key or takes one as an argument."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from touchstone.cli import output
from touchstone.cli.where import Descriptor
from touchstone.config import NetworkName
from touchstone.live import keys
from touchstone.redact import looks_like_key

keys_app = App(name="keys", help="Make, import and describe keystores of signing keys.", help_format="plaintext")

PAGES = {"mainnet": "https://app.hyperliquid.xyz/API", "testnet": "https://app.hyperliquid-testnet.xyz/API"}


@keys_app.command
def new(path: Path, *, network: NetworkName = "testnet", password_fd: Descriptor = None) -> int:
    """Make a fresh agent key in a new keystore, and say how the account approves it.

    Parameters
    ----------
    path
        Keystore to write; an existing file is never written over.
    network
        Network that the key is for; a session on another one refuses it.
    password_fd
        File descriptor to read the password from; else TOUCHSTONE_PASSWORD, else the terminal.
    """
    return _write(path, keys.new_key(), network, password_fd)


@keys_app.command(name="import")
def import_(
    path: Path, *, network: NetworkName = "testnet", password_fd: Descriptor = None, key_fd: Descriptor = None
) -> int:
    """Put a key that exists into a new keystore.

    Parameters
    ----------
    path
        Keystore to write; an existing file is never written over.
    network
        Network that the key is for; a session on another one refuses it.
    password_fd
        File descriptor to read the password from; else TOUCHSTONE_PASSWORD, else the terminal.
    key_fd
        File descriptor to read the key from; else TOUCHSTONE_KEY, else the terminal. Never an argument.
    """
    keys.refuse_key_as_path(path)
    if key_fd is not None:
        key = keys.from_descriptor(key_fd, "the key")
    else:
        remedy = f"give it by --key-fd N or in {keys.KEY}"
        key = keys.from_environment(keys.KEY) or keys.ask("Private key", remedy)
    if not looks_like_key(key.reveal()):
        raise keys.KeysError("the key: must be 0x and 64 hexadecimal digits (what was given is not shown)")
    digits = keys.Secret("0x" + key.reveal().strip().lower().removeprefix("0x"))
    return _write(path, digits, network, password_fd)


@keys_app.command
def show(path: Path, *, json: Annotated[bool, Parameter(name="--json", negative=())] = False) -> int:
    """Say whose key a keystore holds and for which network; needs no password.

    Parameters
    ----------
    path
        Keystore.
    json
        Print it as JSON.
    """
    found = keys.describe(path)
    if json:
        fields = {"path": path, "address": found.address, "network": found.network or None, "kdf": found.kdf}
        output.print_json(fields)
    else:
        where = found.network or "any network (it names none)"
        address = found.address or "an address that it does not name"
        output.stdout().print(f"{path}: {address}, for {where}, {found.kdf}", markup=False, soft_wrap=True)
    return output.OK


def _write(path: Path, key: keys.Secret, network: NetworkName, password_fd: int | None) -> int:
    if path.exists():
        raise keys.KeysError(f"{path} exists and is not overwritten; choose another name")
    address = keys.write_keystore(path, key, keys.password(path, password_fd, twice=True), network=network)
    output.stdout().print(address, markup=False)
    output.say(f"{path}: the key of {address}, for {network}; keep a copy of the file, and its password elsewhere")
    if page := PAGES.get(network):
        output.say(
            f"To let it trade for an account (it cannot withdraw): open {page} with the account's own wallet, give a "
            "name and this address, choose how long it is valid (at most 180 days), authorize."
        )
    output.say(f'Then: [account] keystore = "{path}" in the configuration, and: touchstone doctor')
    return output.OK
