"""What a path is, which coins it holds, and its way into a tape."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from touchstone.data import bench_tape, binance, lobster, tape
from touchstone.data.errors import DataError
from touchstone.data.hyperliquid import Importer, ImportOptions
from touchstone.data.layout import Events
from touchstone.data.quality import Quality
from touchstone.data.recording import read_raw, read_table
from touchstone.data.units import Coin, coin_of

_FILE = re.compile(r"(?P<prefix>.*?)_?(?P<stream>book20|book|bbo|trades)(\.csv|\.csv\.gz|\.parquet)")
_STREAM = {"book20": "book", "book": "book", "bbo": "bbo", "trades": "trades"}
_COIN_TOKEN = re.compile(r"(?:[a-z]+:)?k?[A-Z][A-Z0-9]*")
_NOT_COINS = {"L2", "BBO", "HL", "UTC", "WS"}
_RAW_LINE = re.compile(rb"\s*[0-9]{16,19} \{")
_BINANCE_NAME = {"bbo": "bookTicker", "trades": "trade"}
_RAW_COIN = re.compile(r'"coin":\s?"([^"]+)"')


@dataclass(frozen=True)
class Recording:
    """The files of one coin and one session (a time span within a folder; empty if the folder has only one)."""

    coin: str
    session: str
    files: dict[str, Path]  # stream -> file


@dataclass(frozen=True)
class Found:
    """What a path is: kind `tape`, `recording`, `raw`, `binance`, `lobster`, `bench`, or `tapes` (a folder of them)."""

    path: Path
    kind: str
    coins: list[str]
    recordings: list[Recording] = field(default_factory=list)
    unknown: list[Path] = field(default_factory=list)  # files beside the recordings that belong to no stream
    tapes: list[Path] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)  # of kind `binance`, in order


def detect(path: Path | str) -> Found:
    """What a path is. Raises DataError (with what was found and what to do) if it is nothing known."""
    path = Path(path)
    if path.is_dir():
        return _folder(path)
    if path.is_file():
        return _file(path)
    prefix = path.name.rstrip("_")
    if path.parent.is_dir():
        recordings = [r for r in _recordings(path.parent) if _has_prefix(r, prefix)]
        if recordings:
            return Found(path, "recording", _coins(recordings), recordings)
        files = [file for file in _visible(path.parent) if file.name.startswith(prefix) and binance.is_binance(file)]
        if files:
            return _binance(path, files)
    raise DataError(f"{path}: no such file or folder, and no recording there starts with {prefix!r}; check the path")


def import_path(
    path: Path | str,
    coin: str | None = None,
    out: Path | str | None = None,
    sz_decimals: int | None = None,
    options: ImportOptions | None = None,
) -> tuple[Path, Quality]:
    """Import one coin of whatever `path` is into a tape (default: beside the current folder, named by coin).

    Returns (tape path, what was dropped and why). Raises DataError, also where several coins or sessions are found and
    none is chosen. A path that is a tape already is an error.
    """
    found = detect(path)
    if found.kind in ("tape", "tapes"):
        raise DataError(f"{path}: is a tape already; use it as it is")
    if found.kind == "bench":
        target = Path(out) if out else Path(Path(path).stem + tape.SUFFIX)
        return bench_tape.convert(Path(path), target, coin or "BENCH")
    if found.kind == "lobster":
        return _import_lobster(found, coin, out, sz_decimals)
    if found.kind == "binance":
        return _import_binance(found, coin, out, sz_decimals, options)
    return _import_hyperliquid(found, coin, out, sz_decimals, options or ImportOptions())


def _import_hyperliquid(
    found: Found, coin: str | None, out: Path | str | None, sz_decimals: int | None, options: ImportOptions
) -> tuple[Path, Quality]:
    name = _choose_coin(found, coin)
    quality = Quality()
    details = _thresholds(options)
    importer = Importer(coin_of(name, sz_decimals), quality, options)
    if found.kind == "raw":
        streams, contexts = read_raw(found.path, name, quality)
        events = importer.events(streams, contexts)
        details["files"] = [found.path.name]
        session = ""
    else:
        recording = _choose_session(found, name)
        for file in found.unknown:
            quality.add("unknown_file", file.name, [0], [f"{file.stat().st_size} bytes"])
        streams = {stream: read_table(file, stream, quality) for stream, file in recording.files.items()}
        events = importer.events(streams)
        details["files"] = [file.name for file in recording.files.values()]
        session = recording.session
    default = "_".join(part for part in (name.replace(":", "-"), session) if part) + tape.SUFFIX
    return _write(out or default, importer.coin, "hyperliquid", details, events, quality)


def _import_binance(
    found: Found, coin: str | None, out: Path | str | None, sz_decimals: int | None, options: ImportOptions | None
) -> tuple[Path, Quality]:
    """Best bid and ask and trades as a reference venue's; the depth updates only check the recording."""
    options = options or ImportOptions(floor_ms=binance.FLOOR_MS)
    symbol = _choose_symbol(found, coin)
    quality = Quality()
    names = [file.name for file in found.files]
    label = " + ".join(names)
    lines = binance.read(found.files, symbol, quality)
    quality.depth = binance.rebuild(lines, quality)
    of_symbol = binance.coin(lines, sz_decimals, label, quality)
    binance.add_exchange_times(lines, label, quality)
    importer = Importer(of_symbol, quality, options, reference=True)
    events = importer.events(binance.streams(lines, label))
    kept = quality.rows_kept
    kept |= {"bookTicker": kept.pop("bbo") // 2, "trade": kept.pop("trades", 0)}
    quality.gaps = {_BINANCE_NAME[stream]: gap for stream, gap in quality.gaps.items()}
    kept |= {"depth": quality.depth["applied"], "snapshot": quality.depth["snapshots"]}
    contracts = symbol.startswith(f"{of_symbol.name}USD_")
    details = _thresholds(options) | {
        "files": names,
        "symbol": symbol,
        "role": "reference",
        "size_unit": "contracts" if contracts else of_symbol.name,
    }
    return _write(out or f"{symbol}_binance{tape.SUFFIX}", of_symbol, "binance", details, events, quality)


def _import_lobster(
    found: Found, coin: str | None, out: Path | str | None, sz_decimals: int | None
) -> tuple[Path, Quality]:
    """A day of a stock: visible levels and visible executions."""
    _choose_coin(found, coin)
    if sz_decimals not in (None, lobster.SZ_DECIMALS):
        raise DataError(f"{found.path}: prices need szDecimals {lobster.SZ_DECIMALS}; leave --sz-decimals out")
    quality = Quality()
    day = lobster.read(found.path, quality)
    events = lobster.events(day, quality)
    details: dict[str, object] = {
        "files": list(day.files),
        "size_unit": f"{1 / lobster.SHARE:g} share",
        "receipt": "exchange time",
    }
    return _write(out or f"{day.ticker}_lobster{tape.SUFFIX}", lobster.coin(day), "lobster", details, events, quality)


def _thresholds(options: ImportOptions) -> dict[str, object]:
    return {"floor_ms": options.floor_ms, "gap_s": options.gap_s, "late_s": options.late_s}


def _write(
    path: Path | str, coin: Coin, source: str, details: dict[str, object], events: Events, quality: Quality
) -> tuple[Path, Quality]:
    with tape.TapeWriter(Path(path), coin, source, details) as writer:
        writer.append(events)
        writer.quality = quality.as_dict()
    return writer.path, quality




def _folder(path: Path) -> Found:
    files = _visible(path)
    recordings = list(_recordings(path))
    used = {file for recording in recordings for file in recording.files.values()}
    if recordings:
        unknown = [file for file in files if file not in used]
        return Found(path, "recording", _coins(recordings), recordings, unknown)
    tapes = [file for file in files if file.suffix == tape.SUFFIX and tape.is_tape(file)]
    if tapes:
        coins = sorted({tape.open_tape(file, verify=False).meta.coin for file in tapes})
        return Found(path, "tapes", coins, tapes=tapes)
    days = [file for file in files if lobster.is_lobster(file) and "_orderbook_" not in file.name]
    raw = [file for file in files if _is_raw(file)]
    if len(raw) + len(days) == 1:
        return _file([*raw, *days][0])
    folders = [f.name for f in path.iterdir() if f.is_dir() and not f.name.startswith(".")]
    hint = "expected COIN_book20, COIN_bbo, COIN_trades as .csv.gz, .csv or .parquet, or one file of raw lines"
    if folders:
        hint = f"choose one of its folders: {', '.join(sorted(folders)[:10])}"
    elif raw or days:
        hint = "choose one of these files, or the common start of the names of Binance files that follow each other"
    seen = ", ".join(file.name for file in files[:5]) or "no files"
    raise DataError(f"{path}: no recording in this folder (found {seen}); {hint}")


def _file(path: Path) -> Found:
    if tape.is_tape(path):
        return Found(path, "tape", [tape.open_tape(path, verify=False).meta.coin])
    if bench_tape.is_packed(path):
        return Found(path, "bench", [])
    if _FILE.fullmatch(path.name):
        recordings = [r for r in _recordings(path.parent) if path in r.files.values()]
        if recordings:
            return Found(path, "recording", _coins(recordings), recordings)
    if lobster.is_lobster(path):
        return Found(path, "lobster", [lobster.ticker_of(path)])
    if binance.is_binance(path):
        return _binance(path, [path])
    if _is_raw(path):
        return Found(path, "raw", _raw_coins(path))
    raise DataError(
        f"{path}: not a tape, not a recording (named *_book20, *_bbo or *_trades with .csv.gz, .csv or .parquet), not "
        "raw lines (`local_ns json`, Hyperliquid or Binance), not a LOBSTER archive: rename it or choose another file"
    )


def _binance(path: Path, files: list[Path]) -> Found:
    return Found(path, "binance", binance.symbols(files), files=files)


def _visible(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))


def _recordings(folder: Path) -> Iterator[Recording]:
    groups: dict[str, dict[str, Path]] = {}
    for file in _visible(folder):
        match = _FILE.fullmatch(file.name)
        if match:
            streams = groups.setdefault(match["prefix"], {})
            stream = _STREAM[match["stream"]]
            if stream in streams:
                raise DataError(f"{file}: a second {stream} file beside {streams[stream].name}; keep one of them")
            streams[stream] = file
    for prefix, streams in groups.items():
        if not {"book", "bbo"} & set(streams):
            continue
        own = _coin_tokens(prefix)
        coin = (own or _coin_tokens(folder.resolve().name) or [""])[0]
        session = "_".join(token for token in prefix.split("_") if token != coin)
        order = ("book", "bbo", "trades")
        ordered: dict[str, Path] = {stream: streams[stream] for stream in order if stream in streams}
        yield Recording(coin, session, ordered)


def _coin_tokens(name: str) -> list[str]:
    return [token for token in name.split("_") if _COIN_TOKEN.fullmatch(token) and token not in _NOT_COINS]


def _coins(recordings: list[Recording]) -> list[str]:
    return sorted({recording.coin for recording in recordings if recording.coin})


def _has_prefix(recording: Recording, prefix: str) -> bool:
    return any((match := _FILE.fullmatch(f.name)) and match["prefix"] == prefix for f in recording.files.values())


def _is_raw(path: Path) -> bool:
    import gzip
    import zlib

    with path.open("rb") as file:
        head = file.read(64)
    if head[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path) as packed:
                head = packed.read(64)
        except (EOFError, OSError, zlib.error):
            return False
    return _RAW_LINE.match(head) is not None


def _raw_coins(path: Path) -> list[str]:
    from touchstone.data.recording import read_text

    return sorted(set(_RAW_COIN.findall(read_text(path, Quality()))))


def _choose_coin(found: Found, coin: str | None) -> str:
    if coin is None:
        if len(found.coins) == 1:
            return found.coins[0]
        listed = ", ".join(found.coins) or "none by name"
        raise DataError(f"{found.path}: holds {len(found.coins)} coins ({listed}); choose one with --coin")
    unnamed = any(not recording.coin for recording in found.recordings)
    if coin not in found.coins and not unnamed:
        raise DataError(f"{found.path}: no coin {coin!r} (found {', '.join(found.coins)}); choose one of these")
    return coin


def _choose_symbol(found: Found, coin: str | None) -> str:
    """A Binance symbol by its name, or by its base asset where only one has it."""
    if coin is None:
        return _choose_coin(found, coin)
    fitting = [s for s in found.coins if coin in (s, binance.base_of(s))]
    if len(fitting) != 1:
        listed = ", ".join(found.coins) or "none"
        raise DataError(f"{found.path}: {len(fitting)} symbols for {coin!r} (found {listed}); give one with --coin")
    return fitting[0]


def _choose_session(found: Found, coin: str) -> Recording:
    fitting = [r for r in found.recordings if r.coin in (coin, "")]
    if len(fitting) > 1:
        names = ", ".join(r.session for r in fitting)
        raise DataError(f"{found.path}: {len(fitting)} sessions of {coin} ({names}); name one: {found.path}/SESSION")
    return fitting[0]
