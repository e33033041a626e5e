"""Every word of the venue has a code, and what this exchange refuses is recognised."""

import pytest

from touchstone.core import events
from touchstone.data import layout
from touchstone.data.reasons import order_event, reject_code, status_cancel_code, status_reject_code
from touchstone.local import refusals
from touchstone.venues.hyperliquid import errors, statuses


def test_the_numbers_are_those_of_the_core() -> None:
    names = [name for name in vars(layout) if name.isupper() and hasattr(events, name)]
    assert len(names) > 40
    for name in names:
        assert getattr(layout, name) == getattr(events, name), name


@pytest.mark.parametrize("status", sorted(statuses.KNOWN))
def test_every_status_is_an_event_or_filled(status: str) -> None:
    event = order_event(status)
    if status in statuses.LIVE:
        assert event == (layout.ORDER_RESTING, 0)
    elif status in statuses.REJECTED:
        assert event == (layout.ORDER_REJECTED, status_reject_code(status))
    elif status in statuses.CANCELED:
        assert event == (layout.ORDER_CANCELLED, status_cancel_code(status))
    else:
        assert (status, event) == ("filled", None)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (errors.POST_ONLY.render(110_000, bid="40.0", ask="40.01"), events.REJECT_BAD_ALO_PX),
        (errors.TICK.render(3), events.REJECT_TICK),
        (errors.INVALID_PRICE.render(), events.REJECT_TICK),
        (errors.MIN_NOTIONAL.render(3), events.REJECT_MIN_NOTIONAL),
        (errors.MARGIN.render(3), events.REJECT_MARGIN),
        (errors.MARGIN_TIER.render(3), events.REJECT_MARGIN),
        (errors.REDUCE_ONLY.render(3), events.REJECT_REDUCE_ONLY),
        (errors.IOC.render(3), events.REJECT_IOC_NO_MATCH),
        ("Price too far from oracle asset=3", events.REJECT_ORACLE),
        (errors.ZERO_SIZE.render(), events.REJECT_INVALID_SIZE),
        (errors.MODIFY_GONE.render(), events.REJECT_AMEND_TARGET_GONE),
        (errors.ADDRESS_LIMIT.render(used=10_001, cap=10_000, volume="0.0"), events.REJECT_RATE_LIMIT),
        (refusals.OPEN_ORDERS.render(3), events.REJECT_TOO_MANY_ORDERS),
        ("A reason of next year", events.REJECT_OTHER),
        (errors.EXPIRED.render(), events.REJECT_OTHER),
    ],
)
def test_texts(text: str, code: int) -> None:
    assert reject_code(text) == code
    assert reject_code(errors.MODIFY_REFUSED.render(inner=text)) == code
