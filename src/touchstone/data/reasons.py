"""The venue's words for what became of an order or a request, as the codes of the event record; the one place for both.

Words that are new are judged by their ending, as the venue's own clients do (hyperliquid.md 7.2).
"""

from touchstone.data import layout
from touchstone.venues.hyperliquid import errors, statuses

_REJECTED = {
    "tickRejected": layout.REJECT_TICK,
    "minTradeNtlRejected": layout.REJECT_MIN_NOTIONAL,
    "perpMarginRejected": layout.REJECT_MARGIN,
    "perpMaxPositionRejected": layout.REJECT_MARGIN,
    "insufficientSpotBalanceRejected": layout.REJECT_MARGIN,
    "reduceOnlyRejected": layout.REJECT_REDUCE_ONLY,
    "badAloPxRejected": layout.REJECT_BAD_ALO_PX,
    "iocCancelRejected": layout.REJECT_IOC_NO_MATCH,
    "marketOrderNoLiquidityRejected": layout.REJECT_IOC_NO_MATCH,
    "oracleRejected": layout.REJECT_ORACLE,
    "tooManyOpenOrdersRejected": layout.REJECT_TOO_MANY_ORDERS,
}
_REFUSED = {  # refusals that no status of an order stands for
    errors.INVALID_PRICE.name: layout.REJECT_TICK,
    errors.INVALID_SIZE.name: layout.REJECT_INVALID_SIZE,
    errors.ZERO_SIZE.name: layout.REJECT_INVALID_SIZE,
    errors.REFERENCE_BAND.name: layout.REJECT_ORACLE,
    errors.NOT_OPEN.name: layout.REJECT_AMEND_TARGET_GONE,
    errors.MODIFY_GONE.name: layout.REJECT_AMEND_TARGET_GONE,
    errors.ADDRESS_LIMIT.name: layout.REJECT_RATE_LIMIT,
    errors.MESSAGE_LIMIT.name: layout.REJECT_RATE_LIMIT,
    errors.POST_LIMIT.name: layout.REJECT_RATE_LIMIT,
}
_CANCELLED = {
    "canceled": layout.CANCELLED_BY_US,
    "reduceOnlyCanceled": layout.CANCELLED_REDUCE_ONLY,
    "marginCanceled": layout.CANCELLED_MARGIN,
    "scheduledCancel": layout.CANCELLED_SCHEDULED,
    "selfTradeCanceled": layout.CANCELLED_SELF_TRADE,
}
_OPEN_ORDERS = "too many open orders"  # the venue's own wording is not known


def reject_code(text: str) -> int:
    """REJECT_* of a refusal's text, of one order or of a whole action; REJECT_OTHER for one that says nothing else.

    A replacement that was refused has the code of the refusal inside.
    """
    known = errors.recognise(text)
    if known is None:
        return layout.REJECT_TOO_MANY_ORDERS if text.lower().startswith(_OPEN_ORDERS) else layout.REJECT_OTHER
    if known.refusal is errors.MODIFY_REFUSED:
        return reject_code(known.values["inner"])
    code = _REFUSED.get(known.refusal.name)
    return status_reject_code(known.refusal.status or "") if code is None else code


def status_reject_code(status: str) -> int:
    """REJECT_* of an order's status."""
    return _REJECTED.get(status, layout.REJECT_OTHER)


def status_cancel_code(status: str) -> int:
    """CANCELLED_* of an order's status. `canceled` is said of our own cancels, amends and rests of IOC orders alike."""
    return _CANCELLED.get(status, layout.CANCELLED_BY_VENUE)


def order_event(status: str) -> tuple[int, int] | None:
    """(event kind, code) of an order's status; None for one that is no event: filled, or a new word for living on."""
    if status in statuses.LIVE:
        return layout.ORDER_RESTING, 0
    if statuses.is_rejection(status):
        return layout.ORDER_REJECTED, status_reject_code(status)
    if status != statuses.FILLED and statuses.is_final(status):
        return layout.ORDER_CANCELLED, status_cancel_code(status)
    return None
