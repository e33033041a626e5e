"""The edges of the venue's rules: the last order that passes and the first that does not."""

import inspect
import re
from typing import Any

import numpy as np
import pytest

from touchstone.core import actions, events
from touchstone.exchange import engine, matching, rules, transit

from .conftest import Exchange

ALO, IOC, REDUCE = int(actions.BIT_ALO), int(actions.BIT_IOC), int(actions.BIT_REDUCE_ONLY)
PLACE, AMEND = int(actions.PLACE), int(actions.AMEND)
BID, ASK = 399_990, 400_010
RESTS = 0


def outcome(made: Exchange, **order: Any) -> int:
    """Reason of the refusal that an order gets, RESTS if it was taken in."""
    made.take()
    made.send(PLACE, **({"side": 1, "px": BID, "qty": 100, "bits": ALO} | order))
    refused = [code for what, _, _, code in made.take() if what == "rejected"]
    return refused[0] if refused else RESTS


def test_every_code_of_the_rules_is_provoked() -> None:
    """A new REJECT_* in the exchange's sources asks for a row here."""
    sources = "".join(inspect.getsource(module) for module in (rules, engine, matching))
    known = {int(getattr(events, name)) for name in re.findall(r"events\.(REJECT_\w+)", sources)}
    made = Exchange(cash=10_000_000, max_leverage=10)
    made.book({BID: 500}, {ASK: 500})
    seen = {
        outcome(made, px=ASK),
        outcome(made, px=BID + 1),
        outcome(made, qty=24),
        outcome(made, qty=260),
        outcome(made, bits=ALO | REDUCE),
        outcome(made, bits=IOC),
        outcome(made, qty=0),
        outcome(made, bits=ALO | IOC),
    }
    made.send(AMEND, +1, BID, 100, target=999)
    seen |= {code for what, _, _, code in made.take() if what == "rejected"}
    made.market(events.CONTEXT, px=400_000, qty=400_000)
    seen.add(outcome(made, px=19_980, qty=600))
    crowd = Exchange(order_latency=1)
    for _ in range(transit.MAX_REQUESTS + 1):
        crowd.send(PLACE, +1, BID, 100)
    crowd.now += 1
    crowd.run()
    seen |= {code for what, _, _, code in crowd.take() if what == "rejected"}
    assert seen == known


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (dict(qty=25), events.REJECT_MIN_NOTIONAL),  # 9.99975
        (dict(qty=25, px=400_000), RESTS),  # 10.00
        (dict(qty=26), RESTS),
        (dict(px=BID - 1), events.REJECT_TICK),
        (dict(px=99_999, qty=1_000), RESTS),  # below 10.0000 each ten-thousandth is a price
        (dict(px=0), events.REJECT_TICK),
        (dict(px=-BID), events.REJECT_TICK),
        (dict(qty=-100), events.REJECT_INVALID_SIZE),
        (dict(px=ASK - 10), RESTS),
        (dict(side=-1, px=BID + 10), RESTS),
        (dict(side=-1, px=BID), events.REJECT_BAD_ALO_PX),
        (dict(side=0), events.REJECT_OTHER),
        (dict(side=2), events.REJECT_OTHER),
        (dict(bits=0), events.REJECT_OTHER),
        (dict(bits=REDUCE), events.REJECT_OTHER),
        (dict(px=ASK, bits=IOC), RESTS),
        (dict(side=-1, px=ASK, bits=IOC), events.REJECT_IOC_NO_MATCH),
    ],
)
def test_where_an_order_begins_to_be_refused(exchange: Exchange, order: dict[str, int], reason: int) -> None:
    assert outcome(exchange, **order) == int(reason)


def test_post_only_meets_nothing_in_an_empty_book() -> None:
    assert outcome(Exchange(), px=ASK) == RESTS
    assert outcome(Exchange(), side=-1, px=BID) == RESTS


def test_margin_counts_position_and_what_rests_on_the_same_side() -> None:
    """10.00 of cash at ten times: orders for 100.00 pass. 250 at 40.00 is 100.00."""
    margin = int(events.REJECT_MARGIN)
    for rests, last in ((0, 250), (100, 150)):
        made = Exchange(cash=10_000_000, max_leverage=10)
        made.book({BID: 500}, {ASK + 100: 500})
        if rests:
            assert outcome(made, px=400_000, qty=rests) == RESTS
        assert outcome(made, px=400_000, qty=last + 1) == margin
        assert outcome(made, px=400_000, qty=last) == RESTS
        assert outcome(made, side=-1, px=ASK, qty=249) == RESTS  # the other side has its own room
        assert outcome(made, px=400_000, qty=25) == margin


def test_an_order_that_reduces_needs_no_margin() -> None:
    made = Exchange(cash=10_000_000, max_leverage=10, taker_fee=0)
    made.book({BID: 500}, {400_000: 500})
    assert outcome(made, px=400_000, qty=250, bits=IOC) == RESTS
    made.book({BID - 8_000: 500}, {BID - 7_000: 500})  # 0.80 lower: the position of 2.50 has lost 2.00 of 10.00
    assert outcome(made, px=BID - 8_000, qty=30) == int(events.REJECT_MARGIN)
    assert outcome(made, side=-1, px=BID, qty=250) == RESTS
    assert outcome(made, side=-1, px=BID, qty=250) == RESTS  # both together end at -250: no more than before
    assert outcome(made, side=-1, px=BID, qty=30) == int(events.REJECT_MARGIN)


def test_a_refused_order_leaves_no_trace_but_its_count(exchange: Exchange) -> None:
    def rest_of_the_record() -> list[bytes]:
        kept = [n for n in exchange.venue.dtype.names if n not in ("requests", "responses", "n_rejected")]
        return [exchange.venue[n].tobytes() for n in kept if n not in ("n_requests", "n_executed", "grid")]

    before = rest_of_the_record()
    for order in (dict(qty=0), dict(px=BID + 1), dict(px=ASK), dict(bits=IOC), dict(bits=ALO | REDUCE), dict(qty=24)):
        assert outcome(exchange, **order) != RESTS
    assert rest_of_the_record() == before
    assert np.sum(exchange.venue.n_rejected) == 6
