"""What a path is: folder, file, prefix, raw lines, tape, several coins or sessions, nothing known."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from touchstone.data.catalogue import detect, import_path
from touchstone.data.errors import DataError
from touchstone.data.tape import TapeWriter, open_tape
from touchstone.data.units import coin_of

from .conftest import START_MS, Recording


def copy(folder: Path, **names: str) -> None:
    """Copy SOL_bbo.csv and SOL_trades.csv.gz of a folder under other prefixes: copy(folder, old=new)."""
    for old, new in names.items():
        for ending in ("bbo.csv", "trades.csv.gz"):
            (folder / f"{new}_{ending}").write_bytes((folder / f"{old}_{ending}").read_bytes())


def test_a_folder_of_one_coin(recording: Recording) -> None:
    found = detect(recording.write())
    assert (found.kind, found.coins, found.unknown) == ("recording", ["SOL"], [])
    assert [file.name for file in found.recordings[0].files.values()] == ["SOL_bbo.csv", "SOL_trades.csv.gz"]


def test_a_file_stands_for_the_recording_that_it_belongs_to(recording: Recording, tmp_path: Path) -> None:
    folder = recording.write()
    copy(folder, SOL="BTC")
    for name in ("SOL_bbo.csv", "SOL_trades.csv.gz"):
        found = detect(folder / name)
        assert (found.kind, found.coins) == ("recording", ["SOL"])
        assert list(found.recordings[0].files) == ["bbo", "trades"]
    tape, quality = import_path(folder / "SOL_bbo.csv", out=tmp_path / "a.tape")
    assert open_tape(tape).meta.coin == "SOL"
    assert quality.rows_kept == {"bbo": 100, "trades": 50}


def test_several_coins_must_be_chosen_from(recording: Recording, tmp_path: Path) -> None:
    folder = recording.write()
    copy(folder, SOL="HYPE")
    assert detect(folder).coins == ["HYPE", "SOL"]
    with pytest.raises(DataError, match=r"holds 2 coins \(HYPE, SOL\); choose one with --coin"):
        import_path(folder, out=tmp_path / "a.tape")
    with pytest.raises(DataError, match=r"no coin 'BTC'.*HYPE, SOL"):
        import_path(folder, "BTC", tmp_path / "a.tape")
    assert open_tape(import_path(folder, "HYPE", tmp_path / "a.tape")[0]).meta.coin == "HYPE"


def test_several_sessions_must_be_chosen_from(recording: Recording, tmp_path: Path) -> None:
    source = recording.write()
    folder = tmp_path / "2025-12-10_SOL_l2_bbo_trades"
    folder.mkdir()
    for session in ("2110_2115", "2130_2134"):
        for ending in ("bbo.csv", "trades.csv.gz"):
            (folder / f"{session}_{ending}").write_bytes((source / f"SOL_{ending}").read_bytes())
    found = detect(folder)
    assert (found.coins, [r.session for r in found.recordings]) == (["SOL"], ["2110_2115", "2130_2134"])
    with pytest.raises(DataError, match="2 sessions of SOL"):
        import_path(folder, out=tmp_path / "a.tape")
    for choice in (folder / "2130_2134", folder / "2130_2134_", folder / "2130_2134_bbo.csv"):
        chosen = detect(choice)
        assert [r.session for r in chosen.recordings] == ["2130_2134"], choice
        tape, _ = import_path(choice, out=tmp_path / "b.tape")
        assert open_tape(tape).meta.details["files"] == ["2130_2134_bbo.csv", "2130_2134_trades.csv.gz"]
    with pytest.raises(DataError, match="no recording there starts with '2140'"):
        detect(folder / "2140")


def test_a_tape_without_a_name_is_named_by_coin_and_session(
    recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = recording.write()
    copy(folder, SOL="2025-09-04_SOL")
    monkeypatch.chdir(tmp_path)
    assert import_path(folder / "SOL_bbo.csv")[0] == Path("SOL.tape")
    assert import_path(folder / "2025-09-04_SOL")[0] == Path("SOL_2025-09-04.tape")


def test_two_files_of_one_stream_are_refused(recording: Recording) -> None:
    folder = recording.write()
    (folder / "SOL_bbo.csv.gz").write_bytes(gzip.compress((folder / "SOL_bbo.csv").read_bytes()))
    with pytest.raises(DataError, match=r"a second bbo file.*keep one of them"):
        detect(folder)


def test_trades_alone_are_no_recording(recording: Recording) -> None:
    folder = recording.write()
    (folder / "SOL_bbo.csv").unlink()
    with pytest.raises(DataError, match="no recording in this folder"):
        detect(folder)


def test_other_files_are_listed_and_hidden_ones_are_not(recording: Recording) -> None:
    folder = recording.write()
    (folder / "notes.txt").write_text("hello")
    (folder / ".hidden").write_text("hello")
    assert [file.name for file in detect(folder).unknown] == ["notes.txt"]


def test_a_builder_dex_coin(recording: Recording, tmp_path: Path) -> None:
    folder = recording.write()
    copy(folder, SOL="hyna:HYPE")
    tape, _ = import_path(folder, "hyna:HYPE", tmp_path / "a.tape")
    meta = open_tape(tape).meta
    assert (meta.coin, meta.dex, meta.collateral) == ("hyna:HYPE", "hyna", "USDE")


@pytest.mark.parametrize("zipped", [False, True])
def test_raw_lines_by_their_content(tmp_path: Path, zipped: bool) -> None:
    def line(coin: str) -> str:
        bbo = [{"px": "210.10", "sz": "1.55", "n": 1}, {"px": "210.20", "sz": "1.55", "n": 1}]
        data = {"coin": coin, "time": START_MS, "bbo": bbo}
        return f"{START_MS * 1_000_000 + 250_000_000} " + json.dumps({"channel": "bbo", "data": data})

    path = tmp_path / "whatever"
    text = (line("SOL") + "\n" + line("BTC") + "\n").encode()
    path.write_bytes(gzip.compress(text) if zipped else text)
    assert (detect(path).kind, detect(path).coins) == ("raw", ["BTC", "SOL"])
    assert detect(tmp_path).kind == "raw"
    with pytest.raises(DataError, match="BTC, SOL"):
        import_path(path, out=tmp_path / "a.tape")
    tape, quality = import_path(path, "SOL", tmp_path / "a.tape")
    assert open_tape(tape).meta.kinds == {"bbo": 2}
    assert quality.count("ignored_message") == 1


def test_tapes_and_folders_of_them(tmp_path: Path) -> None:
    for name in ("SOL", "BTC"):
        with TapeWriter(tmp_path / f"{name}.tape", coin_of(name), "test"):
            pass
    assert (detect(tmp_path / "SOL.tape").kind, detect(tmp_path / "SOL.tape").coins) == ("tape", ["SOL"])
    found = detect(tmp_path)
    assert (found.kind, found.coins, len(found.tapes)) == ("tapes", ["BTC", "SOL"], 2)
    for path in (tmp_path, tmp_path / "SOL.tape"):
        with pytest.raises(DataError, match="is a tape already"):
            import_path(path, "SOL", tmp_path / "out.tape")


def test_packed_benchmark_files(tmp_path: Path) -> None:
    np.save(tmp_path / "x_packed.npy", np.zeros((2, 4), np.uint32))
    assert detect(tmp_path / "x_packed.npy").kind == "bench"


def test_a_folder_of_folders_names_them(tmp_path: Path) -> None:
    (tmp_path / "2025-09-04").mkdir()
    (tmp_path / ".hidden").mkdir()
    with pytest.raises(DataError, match=r"choose one of its folders: 2025-09-04$"):
        detect(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x1f\x8b", b"17 {}", b"\xff\xfe\x00"])
def test_an_unknown_file_is_an_error_that_says_what_is_expected(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"not a tape.*\*_book20.*choose another file"):
        detect(path)
