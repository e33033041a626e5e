"""The shared benchmark's 16-byte packed events to a tape, piece by piece.

One row is four uint32: exchange-time step to the row before (ns), feed latency (ns), price tick << 3 | kind, size in
lots; kind 0 bid level, 1 ask level, 2 buy trade, 3 sell trade, 7 filler that carries only time. Tick 0.1 and lot 0.001,
so szDecimals is 3, a lot is one size unit and a tick 100 price units. The first row stands at `base_exch_ts` of the
metadata file beside it (`..._packed.npy` -> `..._meta.json`).
"""

from pathlib import Path

import msgspec
import numpy as np

from touchstone.data import layout
from touchstone.data.errors import DataError
from touchstone.data.layout import EVENT_DTYPE
from touchstone.data.quality import Quality
from touchstone.data.tape import TapeWriter
from touchstone.data.units import Coin

SZ_DECIMALS = 3
PX_UNITS_PER_TICK = 100
BUY_TRADE, SELL_TRADE, FILLER = 2, 3, 7


def is_packed(path: Path) -> bool:
    """Whether a file is named and shaped as packed benchmark events."""
    if not path.name.endswith("_packed.npy"):
        return False
    try:
        rows = np.load(path, mmap_mode="r")
    except (ValueError, EOFError, OSError):
        return False
    return bool(rows.ndim == 2 and rows.shape[1] == 4 and rows.dtype == np.uint32)


def convert(path: Path, out: Path, coin: str = "BENCH", chunk: int = 1 << 20) -> tuple[Path, Quality]:
    """Write packed benchmark events as a tape, in file order. Raises DataError."""
    path = Path(path)
    meta_path = path.with_name(path.name.replace("_packed.npy", "_meta.json"))
    if not meta_path.is_file():
        raise DataError(f"{path}: {meta_path.name} is missing beside it; it holds the time of the first event")
    try:
        base_ns = int(msgspec.json.decode(meta_path.read_bytes())["base_exch_ts"])
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{meta_path}: no time of the first event (base_exch_ts, in ns) in it: {error!r}") from error
    if not path.is_file() or not is_packed(path):
        raise DataError(f"{path}: not a packed benchmark file (four uint32 a row, name *_packed.npy)")
    rows = np.load(path, mmap_mode="r")
    quality = Quality(rows_read={"packed": len(rows)})
    now = base_ns
    n_trades = 0
    n_filler = 0
    with TapeWriter(out, Coin(coin, SZ_DECIMALS), "bench", {"files": [path.name]}) as writer:
        for at in range(0, len(rows), chunk):
            part = np.asarray(rows[at : at + chunk]).astype(np.int64)
            exch = now + np.cumsum(part[:, 0])
            now = int(exch[-1])
            kind = part[:, 2] & 7
            real = kind != FILLER
            unknown = np.flatnonzero(real & (kind > SELL_TRADE))
            if len(unknown):
                raise DataError(
                    f"{path}: row {at + int(unknown[0])} is of kind {kind[unknown[0]]}, known are 0 to 3 and 7; "
                    "pack it again"
                )
            n_filler += int((~real).sum())
            part, exch, kind = part[real], exch[real], kind[real]
            events = np.zeros(len(part), EVENT_DTYPE)
            trade = kind >= BUY_TRADE
            events["exch_ns"] = exch
            events["recv_ns"] = exch + part[:, 1]
            events["px"] = (part[:, 2] >> 3) * PX_UNITS_PER_TICK
            events["qty"] = part[:, 3]
            events["kind"] = np.where(trade, layout.TRADE, layout.BOOK_LEVEL)
            events["side"] = 1 - 2 * (kind & 1)
            events["aux"] = np.where(trade, n_trades + np.cumsum(trade), 0)
            n_trades += int(trade.sum())
            writer.append(events)
            for name, n in layout.count_kinds(events).items():
                quality.events[name] = quality.events.get(name, 0) + n
        quality.rows_kept["packed"] = writer.count
        writer.details["filler_rows"] = n_filler
        writer.quality = quality.as_dict()
    return writer.path, quality
