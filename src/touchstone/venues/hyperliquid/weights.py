"""What a request weighs against the limit of a client's address: 1,200 a minute (hyperliquid.md 12.1)."""

from touchstone.venues.hyperliquid import actions

LIGHT = frozenset("l2Book allMids clearinghouseState orderStatus spotClearinghouseState exchangeStatus".split())
PER_20_ITEMS = frozenset(
    "recentTrades historicalOrders userFills userFillsByTime fundingHistory userFunding userNonFundingLedgerUpdates"
    " twapHistory userTwapSliceFills userTwapSliceFillsByTime delegatorHistory delegatorRewards validatorStats".split()
)
MOST_ITEMS = {"fundingHistory": 500, "userFunding": 500, "userNonFundingLedgerUpdates": 500, "candleSnapshot": 5_000}
USUAL_MOST = 2_000  # items in an answer of the other kinds


def info_weight(kind: str) -> int:
    """Weight of an /info request before its answer is known."""
    return 2 if kind in LIGHT else 60 if kind == "userRole" else 20


def items_weight(kind: str, n_items: int) -> int:
    """Weight added by the items of an answer."""
    return n_items // 20 if kind in PER_20_ITEMS else n_items // 60 if kind == "candleSnapshot" else 0


def most_weight(kind: str) -> int:
    """Weight of an /info request whose answer is as long as it can be."""
    return info_weight(kind) + items_weight(kind, MOST_ITEMS.get(kind, USUAL_MOST))


def action_weight(n_parts: int) -> int:
    """Weight of an /exchange request with so many orders or cancels."""
    return 1 + n_parts // 40


def n_parts(action: object) -> int:
    """Orders or cancels in an action: what it costs of an account's request budget."""
    match action:
        case actions.PlaceOrders():
            return max(1, len(action.orders))
        case actions.ModifyOrders():
            return max(1, len(action.modifies))
        case actions.CancelOrders() | actions.CancelByCloid():
            return max(1, len(action.cancels))
    return 1
