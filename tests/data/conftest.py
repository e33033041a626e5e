"""Recordings for tests: made by hand here, real ones where they are present."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

HEAD = "timestamp,price,size,side,exchange_timestamp"
START_MS = 1_757_000_000_000


class Recording:
    """A small recording of SOL: one quote and one trade per 100 ms, to be spoiled by the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bbo: list[str] = []
        self.trades: list[str] = []
        for i in range(50):
            ms = START_MS + 100 * i
            recv = f"{(ms + 250) / 1000:.3f}"
            self.bbo.append(f"{recv},210.{10 + i % 3},5.0,bid,{ms}")
            self.bbo.append(f"{recv},210.{20 + i % 3},4.0,ask,{ms}")
            self.trades.append(f"{recv},210.{20 + i % 3},1.5,buy,{1000 + i},{ms + 50}")

    def write(self) -> Path:
        bbo = "\n".join([HEAD, *self.bbo]) + "\n"
        trades = "\n".join(["timestamp,price,size,side,trade_id,exchange_timestamp", *self.trades]) + "\n"
        (self.folder / "SOL_bbo.csv").write_text(bbo)
        (self.folder / "SOL_trades.csv.gz").write_bytes(gzip.compress(trades.encode()))
        return self.folder


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    folder = tmp_path / "recording"
    folder.mkdir()
    return Recording(folder)


@pytest.fixture
def spoil(recording: Recording) -> Callable[[str, int, str], Path]:
    """Replace one line of one stream and write the recording."""

    def change(stream: str, line: int, text: str) -> Path:
        getattr(recording, stream)[line] = text
        return recording.write()

    return change
