"""Hyperliquid recordings to one ordered run of events, every unusable row counted by reason.

The recorder's clock differs from the exchange's by a constant error. One constant is taken off every receive time, such
that the 1 % quantile of (receive - exchange) time becomes `floor_ms`; it stands in the tape's metadata. Differences
between messages stay as recorded. Within a block the order is trades, touch, book. Receive time then follows exchange
order by a running maximum (counted as `late_receipt`), so nothing is seen earlier than it was recorded. The touches and
trades of a reference venue (binance.py) go the same way.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from touchstone.data import assemble, layout, units
from touchstone.data.assemble import Parts
from touchstone.data.errors import DataError
from touchstone.data.layout import MS, Events, Ints
from touchstone.data.quality import Quality
from touchstone.data.recording import Stream
from touchstone.data.rows import RowReader, Rows, pairs
from touchstone.data.units import Coin

S = 1_000_000_000


@dataclass(frozen=True)
class ImportOptions:
    """Thresholds of an import; all in the metadata of the tape."""

    floor_ms: float = 60.0  # receive - exchange time of the fastest 1 % after the clock correction
    gap_s: float = 5.0  # silence of the quotes that counts as the feed being down
    late_s: float = 5.0  # rows later than this against the fastest 1 % are not used


class Importer:
    """Turns the streams of one coin into events; `quality` collects what was dropped or changed."""

    def __init__(
        self, coin: Coin, quality: Quality, options: ImportOptions | None = None, reference: bool = False
    ) -> None:
        self.coin = coin
        self.quality = quality
        self.options = options or ImportOptions()
        self.reference = reference  # another venue: touches and trades as REFERENCE_* events, its own price grid
        self.reader = RowReader(coin, quality, five_figures=not reference)
        self.offset_ns = 0

    def events(self, streams: dict[str, Stream], contexts: list[tuple[int, dict[str, Any]]] | None = None) -> Events:
        """Ordered events of `book`, `bbo`, `trades` (any of them may be absent). Raises DataError."""
        rows = {name: self.reader.parse(stream) for name, stream in streams.items()}
        if not self.reference:  # there szDecimals are those of our coin, whatever the other venue's lot
            self._check_decimals(rows)
        self._correct_clock(rows)
        for name in rows:
            rows[name] = self._timely(rows[name])
        quotes = [rows[name] for name in ("book", "bbo") if name in rows]
        if not sum(map(len, quotes)):
            raise DataError(f"{self._files(streams)}: no usable quote (book or bbo row) of {self.coin.name}; see above")
        for name in ("book", "bbo"):
            if name in rows:
                rows[name] = self._forward(rows[name])
        if "trades" in rows:
            first_quote = min(int(part.exch_ns[0]) for part in quotes if len(part))
            rows["trades"] = self._live_trades(rows["trades"], first_quote)
        for name in rows:
            self.quality.rows_kept[name] = len(rows[name])
        return self._assemble(rows, contexts or [])

    # -- the whole recording -------------------------------------------------------------------------------------

    def _check_decimals(self, rows: dict[str, Rows]) -> None:
        """szDecimals must fit the data: too small leaves sizes off the grid, too large never uses the last decimal."""
        coin = self.coin
        total = sum(len(part.stream.table) for part in rows.values())
        for reason, remedy in (("off_grid_size", "larger"), ("off_grid_price", "smaller")):
            problem = self.quality.problems[reason]
            if problem.count >= 20 and problem.count > 0.2 * total:
                raise DataError(
                    f"szDecimals {coin.sz_decimals} does not fit {coin.name}: {problem.count} of {total} rows have "
                    f"{reason.replace('_', ' ')}s, first {problem.file}:{problem.line} {problem.value}; "
                    f"give a {remedy} --sz-decimals"
                )
        sizes = np.concatenate([part.qty.ravel() for part in rows.values()] or [np.zeros(0, np.int64)])
        sizes = sizes[sizes > 0]
        if coin.sz_decimals > 0 and len(sizes) >= 1000 and not (sizes % 10).any():
            raise DataError(
                f"szDecimals {coin.sz_decimals} does not fit {coin.name}: none of {len(sizes)} sizes uses its last "
                "decimal; give a smaller --sz-decimals"
            )

    def _correct_clock(self, rows: dict[str, Rows]) -> None:
        """Take the recorder's constant clock error off every receive time."""
        delay = np.concatenate([part.recv_ns - part.exch_ns for part in rows.values()] or [np.zeros(0, np.int64)])
        if len(delay) == 0:
            raise DataError(f"no usable row of {self.coin.name}: {'; '.join(self.quality.lines()[-3:])}")
        usual = float(np.median(delay))  # backfills and damaged times say nothing of the clock
        delay = delay[(delay >= usual - self.options.late_s * S) & (delay < usual + 30 * S)]
        first_percent = int(np.quantile(delay, 0.01, method="lower"))
        self.offset_ns = first_percent - round(self.options.floor_ms * MS)
        for part in rows.values():
            part.recv_ns = part.recv_ns - self.offset_ns
        self.quality.clock = {
            "offset_ms": self.offset_ns / MS,
            "floor_ms": self.options.floor_ms,
            "median_delay_ms": (float(np.median(delay)) - self.offset_ns) / MS,
        }

    def _timely(self, rows: Rows) -> Rows:
        """Rows not ahead of their receipt, no repeated trade ids, nothing that arrived long after its block."""
        late_ns = round(self.options.late_s * S)
        floor_ns = round(self.options.floor_ms * MS)
        delay = rows.recv_ns - rows.exch_ns - floor_ns
        rows = self.reader.drop(rows, delay < -late_ns, "bad_time", rows.exch_ns)
        if rows.stream.name == "trades":
            _, first = np.unique(rows.trade_id, return_index=True)
            repeated = np.ones(len(rows), bool)
            repeated[first] = False
            return self.reader.drop(rows, repeated, "duplicate_trade_id", rows.trade_id)
        return self.reader.drop(rows, rows.recv_ns - rows.exch_ns - floor_ns > late_ns, "late_row", rows.exch_ns)

    def _forward(self, rows: Rows) -> Rows:
        """Quotes whose exchange time does not go back."""
        newest = np.maximum.accumulate(rows.exch_ns) if len(rows) else rows.exch_ns
        rows = self.reader.drop(rows, rows.exch_ns < newest, "time_back", rows.exch_ns)
        self._note_gaps(rows.stream.name, rows.exch_ns)
        return rows

    def _live_trades(self, rows: Rows, first_quote_ns: int) -> Rows:
        """Trades that the feed sent when they happened, in exchange order."""
        rows = self.reader.drop(rows, rows.exch_ns < first_quote_ns, "backfill_trade", rows.exch_ns)
        floor_ns, late_ns = round(self.options.floor_ms * MS), round(self.options.late_s * S)
        rows = self.reader.drop(rows, rows.recv_ns - rows.exch_ns - floor_ns > late_ns, "late_row", rows.exch_ns)
        if len(rows):
            back = rows.exch_ns < np.maximum.accumulate(rows.exch_ns)
            self.reader.note("trade_reordered", rows.stream, rows.at[back], rows.exch_ns[back][0] if back.any() else 0)
        self._note_gaps(rows.stream.name, np.sort(rows.exch_ns))
        return rows

    def _note_gaps(self, stream: str, exch_ns: Ints) -> None:
        steps = np.diff(exch_ns)
        long = steps > round(self.options.gap_s * S)
        self.quality.gaps[stream] = {"count": float(long.sum()), "longest_s": float(steps.max(initial=0)) / S}

    def _assemble(self, rows: dict[str, Rows], contexts: list[tuple[int, dict[str, Any]]]) -> Events:
        parts = Parts()
        quote_times = []
        if "trades" in rows:
            t = rows["trades"]
            prints = assemble.trades(t.exch_ns, t.recv_ns, t.px, t.qty, t.side, t.trade_id)
            prints["kind"] = layout.REFERENCE_TRADE if self.reference else layout.TRADE
            parts.add(assemble.RANK_TRADE, prints)
        if "bbo" in rows:
            kind = layout.REFERENCE_BBO if self.reference else layout.BBO
            parts.add(assemble.RANK_BBO, _touches(rows["bbo"], kind))
            quote_times.append((rows["bbo"].exch_ns, rows["bbo"].recv_ns))
        if "book" in rows:
            b = rows["book"]
            parts.add(assemble.RANK_BOOK, assemble.snapshots(b.exch_ns, b.recv_ns, b.px, b.qty))
            quote_times.append((b.exch_ns, b.recv_ns))
        parts.add(assemble.RANK_CONTEXT, self._contexts(contexts))
        exch = np.concatenate([times[0] for times in quote_times])
        recv = np.concatenate([times[1] for times in quote_times])
        order = np.argsort(exch, kind="stable")
        last = max(int(part["exch_ns"].max()) for part in parts.events if len(part))
        down, up = assemble.feed_gaps(exch[order], recv[order], last, round(self.options.gap_s * S))
        if self.reference:
            down["code"] = up["code"] = layout.FEED_REFERENCE
        parts.add(assemble.RANK_FEED_UP, up)
        parts.add(assemble.RANK_FEED_DOWN, down)
        events = parts.ordered()
        self._raise_receipts(events)
        self.quality.events = layout.count_kinds(events)
        return events

    def _raise_receipts(self, events: Events) -> None:
        early = int((events["recv_ns"] < events["exch_ns"]).sum())
        events["recv_ns"] = np.maximum(events["recv_ns"], events["exch_ns"])
        late, largest = assemble.raise_receipts(events)
        self.quality.add("early_receipt", "all streams", np.zeros(early, np.int64), ["before its block"])
        self.quality.add("late_receipt", "all streams", np.zeros(late, np.int64), [f"at most {largest / MS:.1f} ms"])

    def _contexts(self, contexts: list[tuple[int, dict[str, Any]]]) -> Events:
        """CONTEXT events. The message has no exchange time: receipt less the usual delay stands for it."""
        kept = []
        for recv, ctx in contexts:
            oracle, oracle_code = units.to_units(_plain(ctx.get("oraclePx")), self.coin.px_decimals)
            mark, mark_code = units.to_units(_plain(ctx.get("markPx")), self.coin.px_decimals)
            rate = _plain(ctx.get("funding")) or ""
            funding, funding_code = units.to_units(rate.lstrip("-"), 12)
            if max(oracle_code, mark_code) not in (units.OK, units.TOO_FINE) or funding_code not in (
                units.OK, units.TOO_FINE, units.ZERO,
            ):  # fmt: skip
                self.quality.add("ignored_message", "activeAssetCtx", [0], [str(ctx)[:60]])
                continue
            kept.append((recv - self.offset_ns, oracle, mark, -funding if rate.startswith("-") else funding))
        values = np.array(kept, np.int64).reshape(-1, 4)
        events = assemble.simple(layout.CONTEXT, values[:, 0] - round(self.options.floor_ms * MS), values[:, 0])
        events["px"], events["qty"], events["aux"] = values[:, 1], values[:, 2], values[:, 3]
        return events

    def _files(self, streams: dict[str, Stream]) -> str:
        return ", ".join(sorted({stream.file for stream in streams.values()})) or "recording"


def _plain(value: Any) -> str | None:
    return None if value is None else str(value)


def _touches(rows: Rows, kind: int) -> Events:
    """BBO events, two per message; a row whose partner was dropped stands alone."""
    n = len(rows)
    first = np.ones(n, bool)
    first[pairs(rows) + 1] = False
    message = np.cumsum(first) - 1
    px = np.zeros((int(first.sum()), 2), np.int64)
    qty = np.zeros_like(px)
    s = (1 - rows.side) // 2
    px[message, s] = rows.px
    qty[message, s] = rows.qty
    return assemble.touch(kind, rows.exch_ns[first], rows.recv_ns[first], px, qty, assemble.jumps_up(px))
