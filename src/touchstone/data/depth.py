"""Binance's depth updates to a book, and whether that book is right.

An update names the ids it covers, `first` to `last`, and (futures) the `last` of the one before it. A snapshot says up
to which id it holds. Updates that came before the snapshot but reach beyond its id belong on top of it. The rebuilt
book is compared with the best bid and ask that the venue itself says for the same id. Nothing goes on after a break of
the chain until the next snapshot.
"""

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field

from touchstone.data.quality import Quality

Levels = list[tuple[int, int]]  # price, size (0 = gone), both in 1e-8
KEPT = 4096  # updates kept for a snapshot that arrives late


@dataclass(frozen=True)
class Update:
    """One depth update; `before` is the last id of the update before it, None on spot (there first = before + 1)."""

    file: str
    line: int
    first: int
    last: int
    before: int | None
    bids: Levels
    asks: Levels

    def follows(self, last: int) -> bool:
        """Whether it is the one after id `last`."""
        return self.first == last + 1 if self.before is None else self.before == last

    def bridges(self, held: int) -> bool:
        """Whether it goes on top of a snapshot that holds up to id `held`. Futures leave ids out between updates."""
        after = self.first - 1 if self.before is None else self.before
        return after <= held <= self.last


@dataclass(frozen=True)
class Snapshot:
    """A whole book up to id `held`."""

    file: str
    line: int
    held: int
    bids: Levels
    asks: Levels


@dataclass
class Touches:
    """The venue's own best bid and ask by rising update id."""

    ids: list[int] = field(default_factory=list)
    values: list[tuple[int, int, int, int]] = field(default_factory=list)  # bid, its size, ask, its size

    def at(self, update_id: int) -> tuple[int, int, int, int] | None:
        """The touch as of an id, None before the first."""
        at = bisect_right(self.ids, update_id)
        return self.values[at - 1] if at else None


class Rebuild:
    """Takes updates and snapshots in order of arrival; `quality` counts breaks, repeats, crossings, differences."""

    def __init__(self, touches: Touches, quality: Quality) -> None:
        self.touches = touches
        self.quality = quality
        self.last: int | None = None  # id that the book holds up to, None = the book is unknown
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.best = [0, 0]  # bid, ask; 0 = that side is empty
        self.recent: deque[Update] = deque(maxlen=KEPT)  # since the last break
        self.waiting: list[Update] = []  # arrived while the book was unknown
        self.n_applied = 0
        self.n_compared = 0
        self._fresh = False  # the next update is the first on top of a snapshot

    def update(self, update: Update) -> None:
        """An update as it arrives."""
        newest = self.recent[-1].last if self.recent else None
        if newest is not None and update.last <= newest:
            self._note("repeated_update", update, f"id {update.last} after {newest}")
            return
        if newest is not None and not update.follows(newest):
            self._note("chain_break", update, f"id {update.first} after {newest}")
            self.last = None
            self.recent.clear()
        self.recent.append(update)
        if self.last is None:
            self.waiting.append(update)
        else:
            self._put(update)

    def snapshot(self, snapshot: Snapshot) -> None:
        """A whole book; what arrived before it and reaches beyond it is applied on top."""
        self.bids, self.asks = dict(snapshot.bids), dict(snapshot.asks)
        self.best = [max(self.bids, default=0), min(self.asks, default=0)]
        self.last, self._fresh = snapshot.held, True
        n_before = self.n_applied
        late = [update for update in self.recent if update.last > snapshot.held]
        for update in late:
            if self.last is not None:
                self._put(update)
        used = {id(update) for update in late[: self.n_applied - n_before]}
        self.waiting = [update for update in self.waiting if id(update) not in used]
        self.finish()

    def finish(self) -> None:
        """No snapshot comes for the updates that wait for one."""
        for update in self.waiting:
            self._note("depth_without_book", update, f"id {update.last}")
        self.waiting.clear()

    def _put(self, update: Update) -> None:
        """Apply an update to the known book."""
        assert self.last is not None
        if self._fresh:
            if update.last <= self.last:
                return  # the snapshot holds it
            if not update.bridges(self.last):
                self._note("chain_break", update, f"id {update.first} on a snapshot of {self.last}")
                self.last = None
                return
            self._fresh = False
        self.last = update.last
        self._set(self.bids, update.bids, 0)
        self._set(self.asks, update.asks, 1)
        self.n_applied += 1
        self._check(update)

    def _set(self, book: dict[int, int], levels: Levels, s: int) -> None:
        best_of = min if s else max
        best = self.best[s]
        for px, qty in levels:
            if qty:
                book[px] = qty
                best = best_of(best, px) if best else px
            else:
                book.pop(px, None)
        if best not in book:
            best = best_of(book, default=0)
        self.best[s] = best

    def _check(self, update: Update) -> None:
        bid, ask = self.best
        if bid and ask and bid >= ask:
            self._note("rebuilt_book_crossed", update, f"bid {_text(bid)} ask {_text(ask)}")
        said = self.touches.at(update.last)
        if said is not None:
            self.n_compared += 1
            own = (bid, self.bids.get(bid, 0), ask, self.asks.get(ask, 0))
            if own != said:
                both = " / ".join(" ".join(_text(value) for value in touch) for touch in (own, said))
                self._note("rebuilt_touch_differs", update, f"id {update.last}: {both}")

    def _note(self, reason: str, update: Update, value: str) -> None:
        self.quality.add(reason, update.file, [update.line], [value])


def _text(units: int) -> str:
    return f"{units / 10**8:.8f}".rstrip("0").rstrip(".")
