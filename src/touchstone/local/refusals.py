"""Refusals of which the venue's own wording is not known, and of what this exchange does not do."""

from touchstone.venues.hyperliquid.errors import Refusal

UNKNOWN_ASSET = Refusal("unknown_asset", "Unknown asset.")
EMPTY_BATCH = Refusal("empty_batch", "Batch is empty.")
INVALID_TIF = Refusal("invalid_tif", "Order has invalid time in force.")
HALTED = Refusal("halted", "Trading is halted.", "rejected")
TRIGGERS = Refusal("triggers", "Trigger orders are not supported by the local exchange.", "rejected")
OPEN_ORDERS = Refusal("open_orders", "Too many open orders.", "tooManyOpenOrdersRejected")
LEVERAGE_VALUE = Refusal("leverage_value", "Invalid leverage value.")
CROSS_NOT_ALLOWED = Refusal("cross_not_allowed", "Cross margin is not allowed for this asset.")
MARGIN_REMOVAL = Refusal("margin_removal", "Insufficient margin to remove from the position.")
MARGIN_ADDITION = Refusal("margin_addition", "Insufficient margin to add to the position.")
SCHEDULE_TIME = Refusal("schedule_time", "Scheduled cancel time must be at least 5 seconds in the future.")
SCHEDULE_COUNT = Refusal("schedule_count", "Scheduled cancels have already fired 10 times today.")
INSUFFICIENT_BALANCE = Refusal("insufficient_balance", "Insufficient balance for transfer.")
NOT_SUPPORTED = Refusal("not_supported", "Action {type} is not supported by the local exchange.")
FAULT = Refusal("fault", "Replacement refused on demand.", "rejected")
