"""The core in two parts that two processors compile beside each other; the caller's kernel joins them.

`python -m touchstone.session.parts` compiles the part of the other process (`session/warm.py`).
"""

from typing import Any

import numba

from touchstone.core import events, records, state
from touchstone.core.phases import account, fill, observe, place, resolve
from touchstone.exchange import engine as exchange
from touchstone.exchange import venue

_State, _Event, _Out, _Venue = (
    numba.from_dtype(dtype) for dtype in (state.STATE, events.EVENT, records.OUT, venue.VENUE)
)
_Int, _Flag = numba.int64, numba.boolean

# Function and argument types, as the kernels call them. Each part takes about half of the time.
OTHERS = (
    (resolve.resolve, (_State, _Out)),
    (resolve.predict_on_clock, (_State, _Out)),
    (resolve.report, (_State, _Out)),
    (fill.take_fill, (_State, _Event, _Out)),
)
OURS = (
    (place.place, (_State, _Flag, _Int, _Out)),
    (exchange.advance, (_Venue, _Int)),
    (exchange.on_market, (_Venue, _Event)),
    (observe.observe_market, (_State, _Event, _Int)),
    (observe.observe_clock, (_State,)),
    (account.observe_account, (_State, _Event, _Int, _Out)),
)


def compile_part(part: tuple[tuple[Any, tuple[Any, ...]], ...]) -> None:
    """Compile each function of a part for its types, or load it."""
    for function, types in part:
        function.compile(types)


if __name__ == "__main__":
    compile_part(OTHERS)
