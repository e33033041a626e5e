"""Keys: what a keystore gives back, what is refused and in which words, and that none of it shows a secret."""

import copy
import hashlib
import json
import os
import pickle
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.live.hygiene import forms, leaks_in, leaks_of_processes, leaks_under

from touchstone import config
from touchstone.live import keys
from touchstone.live.keys import KeysError, Secret
from touchstone.venues.hyperliquid.signing import keccak256

# The test vectors of the Web3 Secret Storage definition, version 3 (scrypt and PBKDF2): one key, one password.
VECTOR_KEY = "0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
VECTOR_PASSWORD = "testpassword"
VECTORS: dict[str, dict[str, Any]] = {
    "scrypt": {
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
            "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": 32, "n": 262144, "r": 1, "p": 8,
                "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
            },
            "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
        },
        "version": 3,
    },
    "pbkdf2": {
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
            "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
            "kdf": "pbkdf2",
            "kdfparams": {
                "c": 262144, "dklen": 32, "prf": "hmac-sha256",
                "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
            },
            "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
        },
        "version": 3,
    },
}  # fmt: skip


def write(path: Path, content: object, mode: int = 0o600) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(mode)
    return path


def failure(call: Callable[[], object], key: str) -> str:
    """Words of the error of a call; nothing about it, its traceback with all local values included, shows the key."""
    with pytest.raises(KeysError) as caught:
        call()
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    own = [frame for frame in shown.stack if "/tests/" not in frame.filename]
    shown.stack = traceback.StackSummary.from_list(own)
    assert leaks_in("".join(shown.format()) + repr(caught.value), key) == []
    return str(caught.value)


@pytest.mark.parametrize("kdf", VECTORS)
def test_a_published_keystore_opens(tmp_path: Path, kdf: str) -> None:
    path = write(tmp_path / "vector.json", VECTORS[kdf])
    assert keys.read_keystore(path, Secret(VECTOR_PASSWORD)).reveal() == VECTOR_KEY


def test_a_key_survives_its_keystore(keystore: Path, key: str) -> None:
    assert keystore.stat().st_mode & 0o777 == 0o600
    assert keys.read_keystore(keystore, Secret("a password"), "testnet").reveal() == key
    described = keys.describe(keystore)
    assert described.address == Secret(key).signer(is_mainnet=False).address
    assert (described.network, described.kdf) == ("testnet", "scrypt")
    assert leaks_under(keystore.parent, key) == []


def test_a_password_is_utf8_as_other_wallets_write_it(tmp_path: Path, key: str) -> None:
    """Web3 Secret Storage: mac = keccak(second half of scrypt(password) | ciphertext); here by the standard library."""
    password = "p\u00e4ss\u00ff"
    path = tmp_path / "k.json"
    keys.write_keystore(path, Secret(key), Secret(password), network="testnet", scrypt_n=2)
    crypto = json.loads(path.read_text())["crypto"]
    salt = bytes.fromhex(crypto["kdfparams"]["salt"])
    derived = hashlib.scrypt(password.encode("utf-8"), salt=salt, n=2, r=8, p=1, dklen=32)
    assert crypto["mac"] == keccak256(derived[16:] + bytes.fromhex(crypto["ciphertext"])).hex()
    assert keys.read_keystore(path, Secret(password)).reveal() == key


def test_new_keys_differ() -> None:
    assert keys.new_key().reveal() != keys.new_key().reveal()


def test_a_keystore_is_never_written_over(keystore: Path, key: str) -> None:
    before = keystore.read_bytes()
    words = failure(
        lambda: keys.write_keystore(keystore, Secret(key), Secret("x"), network="testnet", scrypt_n=2), key
    )
    assert "not overwritten" in words
    assert str(keystore) in words
    assert keystore.read_bytes() == before


def test_an_empty_password_is_refused(tmp_path: Path, key: str) -> None:
    path = tmp_path / "k.json"
    assert "empty" in failure(lambda: keys.write_keystore(path, Secret(key), Secret(""), network="testnet"), key)
    assert not path.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_leaves_no_half_keystore(tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "k.json"
    real = os.open

    def full(name: Any, *arguments: Any) -> int:
        if name != path:
            return real(name, *arguments)
        os.close(real(name, *arguments))
        return real("/dev/full", os.O_WRONLY)

    monkeypatch.setattr(os, "open", full)
    words = failure(lambda: keys.write_keystore(path, Secret(key), Secret("x"), network="testnet", scrypt_n=2), key)
    assert "No space left" in words
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_keystore_that_others_may_read_is_refused(keystore: Path, key: str, mode: int) -> None:
    keystore.chmod(mode)
    words = failure(lambda: keys.read_keystore(keystore, Secret("a password")), key)
    assert f"chmod 600 {keystore}" in words


def test_a_wrong_password_is_told(keystore: Path, key: str) -> None:
    words = failure(lambda: keys.read_keystore(keystore, Secret("another password")), key)
    assert words == f"{keystore}: wrong password (or a damaged file)"


def test_a_key_for_another_network_is_refused(keystore: Path, key: str) -> None:
    words = failure(lambda: keys.read_keystore(keystore, Secret("a password"), "mainnet"), key)
    assert "for testnet, this is mainnet" in words
    assert "--network mainnet" in words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(version=1), "version"),
        (lambda d: d.pop("crypto"), "version 3 keystore"),
        (lambda d: d["crypto"].pop("mac"), "damaged"),
        (lambda d: d["crypto"].update(kdf="argon"), "damaged"),
        (lambda d: d["crypto"].update(kdfparams=7), "damaged"),
        (lambda d: d["crypto"]["kdfparams"].update(n=1 << 40), "MiB"),
        (lambda d: d["crypto"]["kdfparams"].update(n="many"), "MiB"),
        (lambda d: d["crypto"].update(ciphertext="00"), "wrong password"),
        (lambda d: d.update(address="00" * 20), "tampered"),
    ],
)
def test_a_damaged_keystore_is_named(keystore: Path, key: str, change: Callable[[Any], Any], words: str) -> None:
    document = json.loads(keystore.read_text())
    change(document)
    write(keystore, document)
    told = failure(lambda: keys.read_keystore(keystore, Secret("a password")), key)
    assert words in told
    assert str(keystore) in told


@pytest.mark.parametrize("content", ["{key}", "[1]", '"{key}"', "", "{{"])
def test_a_file_that_is_no_keystore_is_named_and_not_shown(tmp_path: Path, key: str, content: str) -> None:
    path = write(tmp_path / "k.json", content.replace("{key}", key))
    assert "not a keystore" in failure(lambda: keys.read_keystore(path, Secret("x")), key)


def test_a_missing_keystore_says_how_to_make_one(tmp_path: Path, key: str) -> None:
    path = tmp_path / "none.json"
    assert f"touchstone keys new {path}" in failure(lambda: keys.describe(path), key)


def test_a_key_given_as_a_file_name_is_called_exposed(key: str) -> None:
    for given in (key, key[2:].upper()):
        with pytest.raises(KeysError, match="exposed") as caught:
            keys.describe(Path(given))
        assert leaks_in(str(caught.value), key) == []


# Where secrets come from.


def test_the_environment_comes_first_and_keeps_nothing(
    keystore: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "0x" + "11" * 32
    os.environ[keys.KEY] = other
    assert keys.child_environment().keys().isdisjoint(keys.SECRET_VARIABLES)
    loaded = keys.load(str(keystore), "testnet")
    assert (loaded.secret.reveal(), loaded.source) == (other, keys.KEY)
    assert keys.KEY not in os.environ
    os.environ[keys.PASSWORD] = "a password"
    loaded = keys.load(str(keystore), "testnet")
    assert (loaded.secret.reveal(), loaded.source) == (key, str(keystore))
    assert keys.PASSWORD not in os.environ


def test_the_password_comes_from_a_descriptor(keystore: Path, key: str) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"a password\nmore")
    os.close(writer)
    os.environ[keys.PASSWORD] = "wrong"
    try:
        assert keys.load(str(keystore), "testnet", password_fd=reader).secret.reveal() == key
    finally:
        os.close(reader)
    words = failure(lambda: keys.load(str(keystore), "testnet", password_fd=reader), key)
    assert f"descriptor {reader} cannot be read" in words


class Terminal:
    """Standard input of a person."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_is_asked(keystore: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda prompt: asked.append(prompt) or "a password")
    assert keys.load(str(keystore), "testnet").secret.reveal() == key
    assert asked == [f"Password of {keystore}: "]
    answers = iter(["one", "two"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    assert "differ" in failure(lambda: keys.password(keystore, twice=True), key)


def test_without_a_terminal_nobody_waits(keystore: Path, key: str) -> None:
    words = failure(lambda: keys.load(str(keystore), "testnet"), key)
    assert "--password-fd N or in TOUCHSTONE_PASSWORD" in words


def test_no_key_at_all_says_what_to_set(key: str) -> None:
    words = failure(lambda: keys.load("", "testnet"), key)
    assert "[account] keystore" in words
    assert "TOUCHSTONE_KEY" in words


@pytest.mark.parametrize("form", ["{}00", "{}zz", "0x0", "0x" + "f" * 64, "0x" + "0" * 64])
def test_a_malformed_key_is_not_shown(key: str, form: str) -> None:
    given = form.format(key)
    os.environ[keys.KEY] = given
    words = failure(lambda: keys.load("", "testnet"), key)
    assert words.startswith("TOUCHSTONE_KEY: not a private key")
    assert given not in words


def test_a_watchdogs_key_is_none_or_it_is_told_why_not(keystore: Path, key: str) -> None:
    assert keys.load_watchdog(config.Account(network="testnet")) is None
    given = config.Account(network="testnet", watchdog_keystore=str(keystore))
    assert "TOUCHSTONE_WATCHDOG_PASSWORD" in failure(lambda: keys.load_watchdog(given), key)
    os.environ[keys.WATCHDOG_PASSWORD] = "a password"
    loaded = keys.load_watchdog(given)
    assert loaded is not None
    assert loaded.secret.reveal() == key
    os.environ[keys.WATCHDOG_KEY] = key
    loaded = keys.load_watchdog(config.Account(network="testnet"))
    assert loaded is not None
    assert loaded.source == keys.WATCHDOG_KEY


# Hygiene.


def test_a_secret_shows_nothing(key: str) -> None:
    secret = Secret(key)
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret:>20}", repr([secret, keys.Key(secret, "", "")])):
        assert leaks_in(shown, key) == []
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars):
        with pytest.raises(TypeError) as caught:
            attempt(secret)
        assert leaks_in(str(caught.value), key) == []
    signer = secret.signer(is_mainnet=True)
    assert leaks_in(repr(signer) + repr(vars(signer)), key) == []


def test_the_search_finds_every_form(tmp_path: Path, key: str) -> None:
    raw = bytes.fromhex(key[2:])
    for name, form in forms(key).items():
        assert name in leaks_in(b"before" + form + b"after", key)
    assert leaks_in(key.upper(), key) == ["hexadecimal"]
    import base64

    for start in (b"", b"a", b"ab", b"abc"):
        assert any("base64" in name for name in leaks_in(base64.b64encode(start + raw + b"tail"), key))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "log").write_bytes(b"key=" + raw)
    assert leaks_under(tmp_path, key) == [f"{tmp_path / 'deep' / 'log'}: raw"]
    assert leaks_in("0x" + "5e" * 32, key) == []


def test_a_child_gets_no_secret(key: str) -> None:
    import subprocess

    os.environ[keys.KEY] = key
    command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(30)"]
    for environment, leaks in ((None, 1), (keys.child_environment(), 0)):
        child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        try:
            assert child.stdout is not None
            child.stdout.readline()
            assert len(leaks_of_processes([child.pid], key)) == leaks
        finally:
            child.kill()
            child.communicate()
