"""`touchstone keys`: files are made and described, and no stream ever shows a key."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.live.hygiene import leaks_in, leaks_under

from touchstone.cli.main import main
from touchstone.live import keys
from touchstone.venues.hyperliquid.signing import Signer


@pytest.fixture(autouse=True)
def quick_keystores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(keys.write_keystore.__kwdefaults__, "scrypt_n", 2)


def piped(text: str) -> int:
    """Descriptor from which `text` can be read."""
    reader, writer = os.pipe()
    os.write(writer, text.encode())
    os.close(writer)
    return reader


def test_a_new_key_is_kept_and_only_its_address_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "agent.json"
    os.environ[keys.PASSWORD] = "pw"
    assert main(["keys", "new", str(path), "--network", "mainnet"]) == 0
    captured = capsys.readouterr()
    key = keys.read_keystore(path, keys.Secret("pw"), "mainnet")
    assert captured.out.strip() == key.signer(is_mainnet=True).address
    assert "https://app.hyperliquid.xyz/API" in captured.err
    assert leaks_in(captured.out + captured.err, key.reveal()) == []
    os.environ[keys.PASSWORD] = "pw"
    assert main(["keys", "new", str(path)]) == 2
    assert "not overwritten" in capsys.readouterr().err
    assert main(["keys", "show", str(path)]) == 0
    assert captured.out.strip() in capsys.readouterr().out


@pytest.mark.parametrize("by", ["descriptor", "environment"])
def test_a_key_is_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, by: str) -> None:
    path = tmp_path / "agent.json"
    given = key[2:].upper()
    arguments = ["keys", "import", str(path), "--password-fd", str(piped("pw\n"))]
    if by == "descriptor":
        arguments += ["--key-fd", str(piped(given + "\n"))]
    else:
        os.environ[keys.KEY] = given
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == Signer(key, is_mainnet=False).address
    assert keys.read_keystore(path, keys.Secret("pw"), "testnet").reveal() == key
    assert leaks_in(captured.out + captured.err, key) == []
    assert leaks_under(tmp_path, key) == []


def wrong_uses(key: str) -> list[list[str]]:
    """Command lines on which somebody put a key where none belongs."""
    bare, upper = key[2:], key.upper()
    return [
        ["keys", "import", key],
        ["keys", "import", "agent.json", bare],
        ["keys", "import", "agent.json", "--key-fd", upper],
        ["keys", "new", bare],
        ["keys", "show", key],
        ["keys", "show", "agent.json", "--json", key],
        ["kill", "--address", key],
        ["kill", "--config", key],
        ["doctor", "--network", key],
        ["status", key],
        ["run", "--key", key],
        [key],
    ]


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("number", range(12))
def test_a_key_on_the_command_line_is_not_repeated(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    key: str,
    number: int,
    debug: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    if debug:
        monkeypatch.setenv("TOUCHSTONE_DEBUG", "1")
    assert main(wrong_uses(key)[number]) == 2
    captured = capsys.readouterr()
    assert captured.err
    assert leaks_in(captured.out + captured.err, key) == []
    assert leaks_under(tmp_path, key) == []


def test_a_key_in_the_configuration_is_not_repeated(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, key: str
) -> None:
    path = tmp_path / "mine.toml"
    for line in (f"keystore = '{key}'", f"key = '{key}'", f"address = '{key}'", f"agent = {int(key, 16)}"):
        path.write_text(f"[account]\n{line}\n")
        assert main(["config", "check", str(path)]) == 2
        captured = capsys.readouterr()
        assert leaks_in(captured.err + captured.out, key) == []


def test_the_process_shows_no_key(tmp_path: Path, child: dict[str, str], key: str) -> None:
    """All that a command leaves behind or says, whatever happens to it."""
    environment = child | {keys.KEY: key, keys.PASSWORD: "pw", "TOUCHSTONE_DEBUG": "1"}
    command = [sys.executable, "-m", "touchstone", "kill", "--url", "http://127.0.0.1:9"]
    done = subprocess.run(command, capture_output=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 3
    assert leaks_in(done.stdout + done.stderr, key) == []
    assert leaks_under(tmp_path, key) == []
