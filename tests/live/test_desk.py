"""The desk of an account: one session at a time, a kill that stays, nothing half written."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from touchstone.live.desk import Desk, DeskError, Kill, KilledError, LockedError, desks_of, write_whole

ADDRESS = "0x" + "AB" * 20
T_NS = 1_764_170_000_000_000_000  # 2025-11-26 15:13:20 UTC
KILL = Kill(T_NS, "drawdown", "sessions/one", "fell 6 %")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk.of(tmp_path, "testnet", ADDRESS)


def test_an_account_has_one_folder_of_its_own(tmp_path: Path, desk: Desk) -> None:
    assert desk.folder == tmp_path / "accounts" / f"testnet-{ADDRESS.lower()}"
    assert (desk.killed(), desk.holder(), desk.history(), desk.last_session("BTC")) == (None, None, [], None)
    assert list(tmp_path.iterdir()) == []  # looking makes nothing
    desk.set_last_session("BTC", Path("one"))
    assert desk.folder.stat().st_mode & 0o777 == 0o700
    assert Desk.of(tmp_path, "testnet", ADDRESS.lower()).folder == desk.folder
    Desk.of(tmp_path, "mainnet", ADDRESS)
    assert desks_of(tmp_path, "testnet") == [desk.folder]
    assert (desk.network, desk.address) == ("testnet", ADDRESS.lower())


def test_a_second_session_is_refused_and_told_of_the_first(tmp_path: Path, desk: Desk) -> None:
    assert desk.holder() is None
    with desk.lock(now_ns=T_NS, session=Path("sessions/one")):
        holder = desk.holder()
        assert holder is not None
        assert (holder.pid, holder.since_ns, holder.session) == (os.getpid(), T_NS, "sessions/one")
        other = Desk.of(tmp_path, "testnet", ADDRESS)
        with pytest.raises(LockedError) as caught, other.lock(now_ns=T_NS, session=Path("sessions/two")):
            pytest.fail("two sessions")
        for word in (str(os.getpid()), "2025-11-26 15:13:20Z", "sessions/one", ADDRESS.lower(), "testnet"):
            assert word in str(caught.value)
        with Desk.of(tmp_path, "mainnet", ADDRESS).lock(now_ns=T_NS, session=Path("three")):
            pass
    assert desk.holder() is None
    with desk.lock(now_ns=T_NS, session=Path("sessions/two")):
        pass


def test_a_killed_process_leaves_no_lock(desk: Desk) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom touchstone.live.desk import Desk\n"
        "with Desk(Path(sys.argv[1])).lock(now_ns=1, session=Path('s')):\n print(flush=True)\n time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(desk.folder)], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(LockedError, match=f"process {child.pid}"), desk.lock(now_ns=T_NS, session=Path("x")):
            pass
        child.send_signal(signal.SIGKILL)
        child.wait(10)
        with desk.lock(now_ns=T_NS, session=Path("x")):
            pass
    finally:
        child.kill()
        child.communicate()


def test_a_kill_stays_until_it_is_cleared(tmp_path: Path, desk: Desk) -> None:
    assert desk.killed() is None
    desk.refuse_killed()
    desk.kill(KILL)
    again = Desk.of(tmp_path, "testnet", ADDRESS)
    assert again.killed() == KILL
    with pytest.raises(KilledError, match=r"killed by drawdown at 2025-11-26 15:13:20Z \(fell 6 %\).*touchstone clear"):
        again.refuse_killed()
    assert KilledError.exit_code == 4
    assert again.clear(T_NS + 1, "looked into it") == KILL
    assert desk.killed() is None
    assert desk.clear(T_NS + 2) is None
    assert [(line["what"], line.get("note")) for line in desk.history()] == [
        ("killed", "fell 6 %"),
        ("cleared", "looked into it"),
    ]


def test_the_first_reason_of_a_kill_stays(desk: Desk) -> None:
    desk.kill(KILL)
    desk.kill(Kill(T_NS + 5, "operator", "", "me too"))
    assert desk.killed() == KILL
    assert [line["rule"] for line in desk.history()] == ["drawdown", "operator"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"when_ns": "x"}', b"\xff"])
def test_an_unreadable_latch_is_a_kill(desk: Desk, content: bytes) -> None:
    desk.folder.mkdir(parents=True)
    (desk.folder / "killed.json").write_bytes(content)
    assert desk.killed() is not None
    with pytest.raises(KilledError):
        desk.refuse_killed()
    assert desk.clear(T_NS) is not None
    assert desk.killed() is None


def test_a_full_disk_still_latches(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    desk.folder.mkdir(parents=True)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(desk.folder / "other", b"content")
    assert sorted(path.name for path in desk.folder.iterdir()) == []
    with pytest.raises(DeskError, match="No space"):  # of the folder: the file is there nevertheless
        desk.kill(KILL)
    assert desk.killed() is not None


def test_a_whole_file_is_the_old_or_the_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"


def test_the_last_session_and_the_evidence_are_kept_by_coin(tmp_path: Path, desk: Desk) -> None:
    assert desk.last_session("hyna:HYPE") is None
    desk.set_last_session("hyna:HYPE", tmp_path / "sessions" / "one")
    desk.set_last_session("HYPE", Path("two"))
    assert desk.last_session("hyna:HYPE") == tmp_path / "sessions" / "one"
    assert desk.last_session("HYPE") == Path("two")
    path = desk.evidence("hyna:HYPE", "3f/..")
    assert path.parent == desk.folder / "evidence"
    write_whole(path, b"posterior")
    assert path.name == "hyna-HYPE-3f-...bin"


def test_the_log_survives_a_line_that_was_cut_off(desk: Desk) -> None:
    desk.kill(KILL)
    with (desk.folder / "desk.log").open("a") as file:
        file.write('{"time": "2025')
    assert len(desk.history()) == 1
    assert json.loads((desk.folder / "killed.json").read_text())["rule"] == "drawdown"
