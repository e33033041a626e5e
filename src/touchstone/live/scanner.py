"""Market frames of Hyperliquid to rows, byte by byte, in one compiled call: for the path from a socket to an order.

Only what has exactly the form that the venue writes, and nothing in it that a row would not be made of, is taken:
anything else is refused, and left to data/frames.py, which says what it is. Nothing is read past the end, for a zero
stands there that no form has.
"""

import numpy as np

from touchstone.core import events
from touchstone.core.jit import compiled, inline

MOST_BYTES = 1 << 16
MOST_TRADES = 64  # of one frame; each is held against all before it
HEAD_BYTES = 128

# What `scan` is told, and tells, by place in `marks`.
(
    N_BYTES,  # of the frame
    AT,  # row to begin with
    RECV_NS,
    SZ_DECIMALS,
    # as in data/market_rows.py, to and fro
    NEWEST_QUOTE_MS,
    FIRST_QUOTE_MS,
    NEWEST_TRADE_MS,
    BBO_ASK_PX,
    N_MARKS,
) = (np.int64(i) for i in range(9))

# Rows of `heads`: how a frame of each kind begins, up to what differs, and each trade.
BOOK_HEAD, BBO_HEAD, TRADES_HEAD, TRADE_HEAD = (np.int64(i) for i in range(4))
N_HEADS = 4

# What `scan` returns where it takes nothing.
OTHER_CHANNEL, REFUSED = np.int64(-1), np.int64(-2)

_MS = np.int64(1_000_000)
_PERP_DECIMALS = np.int64(6)
_EARLIEST_MS, _LATEST_MS = np.int64(1_577_836_800_000), np.int64(4_102_444_800_000)  # layout.py
_MOST_DIGITS = np.int64(12)  # before the point: with six decimals that fits
_MOST_INTEGER_DIGITS = np.int64(18)
_FAILED = np.int64(-1)
_ZERO, _ONE, _TEN = np.int64(0), np.int64(1), np.int64(10)
_FIVE_FIGURES = np.int64(100_000)
_BID, _ASK = np.int64(1), np.int64(-1)
_QUOTE, _POINT, _NIL, _NINE = np.int64(34), np.int64(46), np.int64(48), np.int64(57)
_BRACE_OPEN, _BRACE_CLOSE, _BRACKET_CLOSE, _COMMA = np.int64(123), np.int64(125), np.int64(93), np.int64(44)
_B, _A = np.int64(66), np.int64(65)


def _text(text):
    return np.frombuffer(text.encode(), np.uint8)


_LEVELS, _BETWEEN_SIDES, _BOOK_END = _text(',"levels":[['), _text("],["), _text("]]}}")
_BBO, _BBO_END = _text(',"bbo":['), _text("]}}")
_PX, _SZ, _N = _text('{"px":"'), _text('","sz":"'), _text('","n":')
_TRADE_PX, _TIME, _HASH, _TID, _USERS, _USER, _USERS_END = (
    _text(part) for part in ('","px":"', '","time":', ',"hash":"', '","tid":', ',"users":["', '","', '"]')
)
_TRADES_END = _text("]}")


@compiled
def scan(frame, heads, marks, rows):
    """Write the rows of a frame; returns the new count of rows, or OTHER_CHANNEL or REFUSED, having changed no mark.

    frame: uint8 array that holds marks[N_BYTES] bytes and a zero; heads: of the coin, a zero behind each; rows: EVENT
    array.
    """
    if marks[N_BYTES] >= MOST_BYTES:
        return REFUSED
    pos = _after_head(frame, heads, BBO_HEAD, _ZERO)
    if pos > 0:
        return _scan_bbo(frame, pos, marks, rows)
    pos = _after_head(frame, heads, TRADES_HEAD, _ZERO)
    if pos > 0:
        return _scan_trades(frame, pos, heads, marks, rows)
    pos = _after_head(frame, heads, BOOK_HEAD, _ZERO)
    if pos > 0:
        return _scan_book(frame, pos, marks, rows)
    return OTHER_CHANNEL


@compiled
def _scan_book(frame, pos, marks, rows):
    time_ms, pos = _integer(frame, pos)
    pos = _after(frame, pos, _LEVELS)
    if pos < 0 or time_ms < _EARLIEST_MS or time_ms > _LATEST_MS or time_ms < marks[NEWEST_QUOTE_MS]:
        return REFUSED
    exch_ns, recv_ns = time_ms * _MS, np.int64(marks[RECV_NS])
    n, room = np.int64(marks[AT]), np.int64(len(rows))
    if n >= room:
        return REFUSED
    _put(rows[n], exch_ns, recv_ns, _ZERO, _ZERO, _ZERO, events.SNAPSHOT_BEGIN, _ZERO, _ZERO)
    n += 1
    best_bid, best_ask = _ZERO, _ZERO
    for s in range(2):
        side = _BID if s == 0 else _ASK
        last_px = _ZERO
        while True:
            px, qty, pos = _level(frame, pos, marks)
            if pos < 0 or n >= room or (last_px > 0 and (last_px - px) * side <= 0):
                return REFUSED
            _put(rows[n], exch_ns, recv_ns, px, qty, _ZERO, events.BOOK_LEVEL, side, _ZERO)
            n += 1
            if last_px == 0:
                if s == 0:
                    best_bid = px
                else:
                    best_ask = px
            last_px = px
            if frame[pos] != _COMMA:
                break
            pos += 1
        pos = _after(frame, pos, _BETWEEN_SIDES) if s == 0 else _after(frame, pos, _BOOK_END)
        if pos < 0:
            return REFUSED
    if pos != marks[N_BYTES] or best_bid >= best_ask or n >= room:
        return REFUSED
    _put(rows[n], exch_ns, recv_ns, _ZERO, _ZERO, _ZERO, events.SNAPSHOT_END, _ZERO, _ZERO)
    _note_quote(marks, time_ms)
    return n + 1


@compiled
def _scan_bbo(frame, pos, marks, rows):
    time_ms, pos = _integer(frame, pos)
    pos = _after(frame, pos, _BBO)
    if pos < 0 or time_ms < _EARLIEST_MS or time_ms > _LATEST_MS or time_ms < marks[NEWEST_QUOTE_MS]:
        return REFUSED
    bid_px, bid_qty, pos = _level(frame, pos, marks)
    if pos < 0 or frame[pos] != _COMMA:
        return REFUSED
    ask_px, ask_qty, pos = _level(frame, pos + 1, marks)
    pos = _after(frame, pos, _BBO_END)
    n = np.int64(marks[AT])
    if pos != marks[N_BYTES] or bid_px >= ask_px or n + 2 > len(rows):
        return REFUSED
    exch_ns, recv_ns = time_ms * _MS, np.int64(marks[RECV_NS])
    goes_up = marks[BBO_ASK_PX] > 0 and bid_px >= marks[BBO_ASK_PX]  # the side that makes room comes first
    bid, ask = (n + 1, n) if goes_up else (n, n + 1)
    more_bid, more_ask = (_ZERO, events.BIT_MORE) if goes_up else (events.BIT_MORE, _ZERO)
    _put(rows[bid], exch_ns, recv_ns, bid_px, bid_qty, _ZERO, events.BBO, _BID, more_bid)
    _put(rows[ask], exch_ns, recv_ns, ask_px, ask_qty, _ZERO, events.BBO, _ASK, more_ask)
    marks[BBO_ASK_PX] = ask_px
    _note_quote(marks, time_ms)
    return n + 2


@compiled
def _scan_trades(frame, pos, heads, marks, rows):
    first = np.int64(marks[AT])
    n, room, recv_ns = first, np.int64(len(rows)), np.int64(marks[RECV_NS])
    px_decimals = _PERP_DECIMALS - marks[SZ_DECIMALS]
    last_ms = _ZERO
    while True:
        pos = _after_head(frame, heads, TRADE_HEAD, pos)
        if pos < 0 or n >= room or n - first >= MOST_TRADES:
            return REFUSED
        letter = np.int64(frame[pos])
        px, pos = _decimal(frame, _after(frame, pos + 1, _TRADE_PX), px_decimals)
        qty, pos = _decimal(frame, _after(frame, pos, _SZ), np.int64(marks[SZ_DECIMALS]))
        time_ms, pos = _integer(frame, _after(frame, pos, _TIME))
        pos = _after_word(frame, _after(frame, pos, _HASH))
        tid, pos = _integer(frame, _after(frame, pos, _TID))
        if pos > 0 and frame[pos] == _COMMA:
            pos = _after_word(frame, _after(frame, pos, _USERS))
            pos = _after_word(frame, _after(frame, pos, _USER))
            pos = _after(frame, pos, _USERS_END)
        if pos < 0 or frame[pos] != _BRACE_CLOSE or (letter != _B and letter != _A):
            return REFUSED
        if not _is_price(px, px_decimals) or qty <= 0 or time_ms > _LATEST_MS:
            return REFUSED
        # In exchange order, all newer than what was there before: the rest takes a longer look.
        if time_ms < _EARLIEST_MS or time_ms < marks[FIRST_QUOTE_MS] or time_ms <= marks[NEWEST_TRADE_MS]:
            return REFUSED
        if time_ms < last_ms:
            return REFUSED
        for other in range(first, n):
            if rows[other].aux == tid:
                return REFUSED
        last_ms = time_ms
        side = _BID if letter == _B else _ASK
        _put(rows[n], time_ms * _MS, recv_ns, px, qty, tid, events.TRADE, side, _ZERO)
        n += 1
        pos += 1
        if frame[pos] != _COMMA:
            break
        pos += 1
    if _after(frame, pos, _TRADES_END) != marks[N_BYTES]:
        return REFUSED
    return n


@inline
def _note_quote(marks, time_ms):
    marks[NEWEST_QUOTE_MS] = time_ms
    marks[FIRST_QUOTE_MS] = min(np.int64(marks[FIRST_QUOTE_MS]), time_ms)


@inline
def _put(row, exch_ns, recv_ns, px, qty, aux, kind, side, bits):
    row.exch_ns = exch_ns
    row.recv_ns = recv_ns
    row.px = px
    row.qty = qty
    row.aux = aux
    row.code = 0
    row.kind = kind
    row.side = side
    row.bits = bits


@compiled
def _level(frame, pos, marks):
    """(px, qty, place behind it) of {"px":"..","sz":"..","n":..}, `n` being optional; place < 0 where it is none."""
    px_decimals = _PERP_DECIMALS - marks[SZ_DECIMALS]
    px, pos = _decimal(frame, _after(frame, pos, _PX), px_decimals)
    qty, pos = _decimal(frame, _after(frame, pos, _SZ), np.int64(marks[SZ_DECIMALS]))
    if pos < 0 or not _is_price(px, px_decimals) or qty <= 0:
        return _ZERO, _ZERO, _FAILED
    if frame[pos + 1] == _BRACE_CLOSE:  # frame[pos] is the quote behind the size
        return px, qty, pos + 2
    _, pos = _integer(frame, _after(frame, pos, _N))
    if pos < 0 or frame[pos] != _BRACE_CLOSE:
        return _ZERO, _ZERO, _FAILED
    return px, qty, pos + 1


@inline
def _is_price(px, px_decimals):
    """Positive, and of at most five significant figures unless it is whole (venues/hyperliquid/numbers.py)."""
    tick = _ONE
    for _ in range(px_decimals):
        if px < _FIVE_FIGURES * tick:
            break
        tick *= _TEN
    return px > 0 and px % tick == 0


@compiled
def _decimal(frame, pos, decimals):
    """(whole units of 10^-decimals, place of the quote behind) of a decimal number; place < 0 where it is not exact."""
    if pos < 0:
        return _ZERO, _FAILED
    value, start = _ZERO, pos
    while _is_digit(frame, pos):
        value = value * _TEN + (np.int64(frame[pos]) - _NIL)
        pos += 1
        if pos - start > _MOST_DIGITS:
            return _ZERO, _FAILED
    if pos == start:
        return _ZERO, _FAILED
    left = decimals
    if frame[pos] == _POINT:
        pos += 1
        while _is_digit(frame, pos):
            if left > 0:
                value = value * _TEN + (np.int64(frame[pos]) - _NIL)
                left -= 1
            elif frame[pos] != _NIL:
                return _ZERO, _FAILED
            pos += 1
    if frame[pos] != _QUOTE:
        return _ZERO, _FAILED
    for _ in range(left):
        value *= _TEN
    return value, pos


@compiled
def _integer(frame, pos):
    """(value, place behind) of a whole number as JSON has it, not negative; place < 0 where it is none."""
    if pos < 0:
        return _ZERO, _FAILED
    value, start = _ZERO, pos
    while _is_digit(frame, pos):
        value = value * _TEN + (np.int64(frame[pos]) - _NIL)
        pos += 1
        if pos - start > _MOST_INTEGER_DIGITS:
            return _ZERO, _FAILED
    if pos == start or (frame[start] == _NIL and pos > start + 1):
        return _ZERO, _FAILED
    return value, pos


@inline
def _is_digit(frame, pos):
    return _NIL <= frame[pos] <= _NINE


@compiled
def _after_word(frame, pos):
    """Place of the quote behind letters and digits; < 0 where there is something else, or nothing."""
    if pos < 0:
        return _FAILED
    start = pos
    while True:
        letter = np.int64(frame[pos]) | 32  # lower case
        if not (_is_digit(frame, pos) or (97 <= letter <= 122 and frame[pos] >= 65)):
            break
        pos += 1
    if pos == start or frame[pos] != _QUOTE:
        return _FAILED
    return pos


@compiled
def _after(frame, pos, text):
    """Place behind a text that must stand at `pos`; < 0 where it does not, or `pos` is < 0."""
    if pos < 0:
        return _FAILED
    for i in range(len(text)):
        if frame[pos + i] != text[i]:
            return _FAILED
    return pos + np.int64(len(text))


@compiled
def _after_head(frame, heads, head, pos):
    """As `_after`, for a row of `heads`, which ends with a zero."""
    i = _ZERO
    while heads[head, i] != 0:
        if frame[pos + i] != heads[head, i]:
            return _FAILED
        i += 1
    return pos + i
