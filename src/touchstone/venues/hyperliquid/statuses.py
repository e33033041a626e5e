"""Words for the state of an order, in `orderUpdates`, `orderStatus` and `historicalOrders`."""

LIVE = frozenset({"open", "triggered"})
FILLED = "filled"
CANCELED = frozenset(
    "canceled marginCanceled vaultWithdrawalCanceled openInterestCapCanceled selfTradeCanceled reduceOnlyCanceled"
    " siblingFilledCanceled delistedCanceled liquidatedCanceled scheduledCancel outcomeSettledCanceled"
    " internalCancel".split()
)
REJECTED = frozenset(
    "rejected tickRejected minTradeNtlRejected perpMarginRejected reduceOnlyRejected badAloPxRejected iocCancelRejected"
    " badTriggerPxRejected marketOrderNoLiquidityRejected positionIncreaseAtOpenInterestCapRejected"
    " positionFlipAtOpenInterestCapRejected tooAggressiveAtOpenInterestCapRejected openInterestIncreaseRejected"
    " insufficientSpotBalanceRejected oracleRejected perpMaxPositionRejected tooManyOpenOrdersRejected".split()
)
KNOWN = LIVE | {FILLED} | CANCELED | REJECTED


def is_rejection(status: str) -> bool:
    """Whether the order never rested; new words are judged by their ending."""
    return status == "rejected" or status.endswith("Rejected")


def is_final(status: str) -> bool:
    """Whether the order is gone: filled, cancelled or rejected; new words are judged by their ending."""
    return status in (FILLED, "canceled") or is_rejection(status) or status.endswith(("Canceled", "Cancel"))
