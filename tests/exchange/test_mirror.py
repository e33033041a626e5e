"""Bids and asks are treated alike: a market and orders mirrored about 40.00 bring the mirrored answers."""

from typing import Any

import numpy as np
import pytest

from touchstone.core import actions, events

from .conftest import Exchange

CENTRE = 400_000
ALO, IOC, REDUCE = int(actions.BIT_ALO), int(actions.BIT_IOC), int(actions.BIT_REDUCE_ONLY)
OWN = {int(k) for k in (events.ORDER_RESTING, events.ORDER_REJECTED, events.ORDER_CANCELLED, events.CANCEL_REJECTED)}

Move = tuple[str, int, int, int, int]


def moves(seed: int, n: int) -> list[Move]:
    """Orders mostly near the touch, trades that mostly come to their prices, books that change around them."""
    rng = np.random.default_rng(seed)
    kinds = ["place", "trade", "level", "touch", "book", "cancel", "amend"]
    made: list[Move] = []
    for _ in range(n):
        what = str(rng.choice(kinds, p=[0.25, 0.4, 0.15, 0.04, 0.04, 0.07, 0.05]))
        side = int(rng.choice([1, -1]))
        bits = int(rng.choice([ALO, IOC, ALO | REDUCE, IOC | REDUCE], p=[0.7, 0.1, 0.15, 0.05]))
        if what in ("place", "amend"):
            ticks = side * int(rng.integers(1, 5)) if bits & IOC else -side * int(rng.integers(-1, 5))
        elif what == "trade":
            ticks = side * int(rng.integers(1, 4))
        elif what in ("touch", "book"):
            ticks = int(rng.integers(-1, 2))
        else:
            ticks = int(rng.integers(1, 6))
        made.append((what, side, ticks, int(rng.integers(30, 500)), bits))
    return made


def played(sign: int, kind: int, given_moves: list[Move]) -> tuple[list[Any], int]:
    """What was said, sides and distances from the centre times `sign`; and the position likewise."""
    made = Exchange(queue_kind=kind, queue_n=2.0)

    def at(ticks: int) -> int:
        return CENTRE + sign * 10 * ticks

    def book(middle: int, qty: int) -> None:
        below = {at(middle - 1 - n): qty + n for n in range(4)}
        above = {at(middle + 1 + n): qty + 7 * n for n in range(4)}
        made.book(*((below, above) if sign > 0 else (above, below)))

    def touch(middle: int, qty: int) -> None:
        low, high = (at(middle - 1), qty), (at(middle + 1), qty + 5)
        made.touch(*low, *high) if sign > 0 else made.touch(*high, *low)

    book(0, 300)
    for what, side, ticks, qty, bits in given_moves:
        if what == "place":
            made.place(sign * side, at(ticks), qty, bits)
        elif what == "trade":
            made.trade(sign * side, at(ticks), qty)
        elif what == "level":
            made.now += 1_000_000
            made.market(events.BOOK_LEVEL, px=at(-side * abs(ticks)), qty=qty - 30, side=sign * side)
        elif what == "touch":
            touch(ticks, qty)
        elif what == "book":
            book(ticks, qty)
        elif what == "cancel":
            made.cancel(max(made.cloid - abs(ticks), 1))
        else:
            target = max(made.cloid - abs(ticks), 1)
            made.send(int(actions.AMEND), sign * side, at(ticks), qty, target=target, bits=ALO)
    said = []
    for a in made.answers:
        if int(a.kind) in OWN | {int(events.FILL)}:
            distance = sign * (int(a.px) - CENTRE) if a.px else None
            said.append((int(a.kind), sign * int(a.side), distance, int(a.qty), int(a.aux), int(a.code), int(a.bits)))
        elif a.kind == events.POSITION:
            said.append((int(a.kind), sign * int(a.qty)))
    return said, sign * int(made.venue.account.position)


@pytest.mark.parametrize("kind", range(6))
def test_a_mirrored_session_brings_mirrored_answers(kind: int) -> None:
    session = moves(kind, 1_000)
    said, position = played(1, kind, session)
    assert (said, position) == played(-1, kind, session)
    fills = [answer for answer in said if answer[0] == events.FILL]
    by_model = sum(bool(answer[6] & events.BIT_MODEL_FILL) for answer in fills)
    by_tape = sum(not answer[6] & (events.BIT_MODEL_FILL | events.BIT_TAKER) for answer in fills)
    assert min(by_model, by_tape, len(fills) - by_model - by_tape) > 10  # the session reached every way to trade
