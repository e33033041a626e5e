"""Compiled and plain Python give the same bytes, two runs too, and no function is compiled twice.

Run as a program this file drives a seeded random session through the exchange and prints what came of it; the test runs
it compiled and with NUMBA_DISABLE_JIT=1.
"""

import hashlib
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from touchstone.core import actions, events
from touchstone.core.conventions import MS, NS
from touchstone.exchange import accounts, engine, latency, matching, resting, rules, transit, venue

N_ROWS = 1_500
MODULES = (accounts, engine, latency, matching, resting, rules, transit, venue)
START_NS = 472_222 * 3600 * NS - 20 * NS  # a full hour passes


def session(seed: int, kind: int) -> tuple[Any, list[bytes]]:
    """A walking market of touches, levels, snapshots and trades; all sorts of requests; the answers as bytes."""
    rng = np.random.default_rng(seed)
    made = np.zeros(1, engine.VENUE)[0]
    engine.reset(made, rules.hyperliquid_params(2, queue_kind=kind, seed=seed, max_leverage=20))
    event, action, answer = (np.zeros(1, dtype)[0] for dtype in (events.EVENT, actions.ACTION, events.EVENT))
    said: list[bytes] = []
    now, centre, cloid = START_NS, 400_000, 0

    def row(what: int, side: int = 0, px: int = 0, qty: int = 0, aux: int = 0, bits: int = 0) -> None:
        event.exch_ns = event.recv_ns = now
        event.kind, event.side, event.px, event.qty, event.aux, event.bits = what, side, px, qty, aux, bits
        engine.on_market(made, event)

    for i in range(N_ROWS):
        now += int(rng.exponential(40)) * MS
        engine.advance(made, np.int64(now))
        centre += 10 * int(rng.integers(-2, 3))
        roll = float(rng.random())
        side = int(rng.choice([1, -1]))
        if i % 50 == 0:
            row(int(events.SNAPSHOT_BEGIN))
            for s in (1, -1):
                for n in range(int(rng.integers(3, 20))):
                    row(int(events.BOOK_LEVEL), s, centre - s * 10 * (n + 1), int(rng.integers(1, 900)))
            row(int(events.SNAPSHOT_END))
        elif i % 50 == 1:
            row(int(events.CONTEXT), px=centre, qty=centre, aux=int(rng.integers(-(10**8), 10**8)))
        elif roll < 0.45:
            row(int(events.TRADE), side, centre + side * 10 * int(rng.integers(0, 5)), int(rng.integers(1, 900)))
        elif roll < 0.7:
            row(int(events.BBO), 1, centre - 10, int(rng.integers(1, 900)), bits=int(events.BIT_MORE))
            row(int(events.BBO), -1, centre + 10, int(rng.integers(1, 900)))
        else:
            row(int(events.BOOK_LEVEL), side, centre - side * 10 * int(rng.integers(1, 9)), int(rng.integers(0, 900)))
        if rng.random() < 0.5:
            cloid += 1
            action.cloid, action.target, action.side = cloid, max(cloid - int(rng.integers(1, 6)), 1), side
            action.kind = int(rng.choice([1, 2, 3, 4], p=[0.6, 0.25, 0.14, 0.01]))
            action.bits = int(rng.choice([1, 2, 5, 6], p=[0.7, 0.1, 0.1, 0.1]))
            is_taking = action.bits & actions.BIT_IOC
            action.px = centre + side * 10 * int(rng.integers(0, 6) if is_taking else rng.integers(-7, 2))
            action.qty = int(rng.integers(20, 1_500 if is_taking else 400))
            if action.kind == actions.CANCEL:
                action.cloid = action.target
            engine.send(made, action, np.int64(now))
        while engine.peek_response_ns(made) <= now:
            engine.pop_response(made, answer)
            said.append(answer.tobytes())
    return made, said


def as_program() -> None:
    made, said = session(3, 1)
    digests = {name: hashlib.sha256(made[name].tobytes()).hexdigest() for name in made.dtype.names}
    functions = [(m, name, f) for m in MODULES for name, f in vars(m).items() if hasattr(f, "signatures")]
    copies = {f"{m.__name__}.{name}": len(f.signatures) for m, name, f in functions if len(f.signatures) > 1}
    counters = ("n_fills", "n_fills_by_model", "n_fills_taken", "n_fills_beyond_book", "n_self_trades")
    counts = {name: int(made[name]) for name in (*counters, "n_reduce_only_cancelled", "n_cancels_rejected")}
    counts |= {"funding": abs(int(made.account.funding)), "rejected": int(sum(made.n_rejected))}
    heard = hashlib.sha256(b"".join(said)).hexdigest()
    print(json.dumps({"digests": digests, "heard": heard, "copies": copies, "counts": counts}))


def run(**environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_same_bytes_compiled_and_plain() -> None:
    compiled, plain = run(), run(NUMBA_DISABLE_JIT="1", PYTHONWARNINGS="error::RuntimeWarning")
    assert compiled["digests"] == plain["digests"]
    assert compiled["heard"] == plain["heard"]
    assert min(plain["counts"].values()) > 0, plain["counts"]  # the session reached what it should
    assert compiled["copies"] == {}


@pytest.mark.parametrize("kind", range(6))
def test_two_sessions_of_one_seed_are_the_same_and_add_up(kind: int) -> None:
    made, said = session(5, kind)
    again, heard = session(5, kind)
    assert (made.tobytes(), said) == (again.tobytes(), heard)
    answers = np.frombuffer(b"".join(said), events.EVENT)
    assert (np.diff(answers["recv_ns"]) >= 0).all()
    is_fill = answers["kind"] == events.FILL
    following = answers[1:][is_fill[:-1]]
    assert (following["kind"] == events.FILL_DETAIL).all()
    assert (following["recv_ns"] == answers[:-1][is_fill[:-1]]["recv_ns"]).all()
    assert made.n_overflow == 0
    assert made.n_fills > 20


if __name__ == "__main__":
    as_program()
