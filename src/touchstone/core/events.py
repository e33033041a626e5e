"""What comes in: one 48-byte event record, the same in market data files, in the session journal and in `step`.

| field   | meaning                                                                                          |
|---------|--------------------------------------------------------------------------------------------------|
| exch_ns | exchange (block) time, ns since the epoch                                                        |
| recv_ns | when it reached us, ns since the epoch; `step` takes this as now                                 |
| px      | price in units of 10^-(6-szDecimals)                                                             |
| qty     | size in units of 10^-szDecimals                                                                  |
| aux     | see the kind                                                                                     |
| code    | see the kind                                                                                     |
| kind    | one of the constants below                                                                       |
| side    | +1 bid / we buy, -1 ask / we sell; public trades carry the aggressor's side                      |
| bits    | BIT_* flags                                                                                      |
"""

import numpy as np

from touchstone.core.jit import record

EVENT = record(
    [
        ("exch_ns", "i8"),
        ("recv_ns", "i8"),
        ("px", "i8"),
        ("qty", "i8"),
        ("aux", "i8"),
        ("code", "i4"),
        ("kind", "u1"),
        ("side", "i1"),
        ("bits", "u2"),
    ]
)

# Public market data.
BOOK_LEVEL = np.int64(1)  # px, qty: the level's new total size (0 = gone)
SNAPSHOT_BEGIN = np.int64(2)  # levels of a full snapshot follow as BOOK_LEVEL, each side best first
SNAPSHOT_END = np.int64(3)  # every level not named since SNAPSHOT_BEGIN is gone or, deeper than named, unknown
BBO = np.int64(4)  # px, qty: new touch of this side; better levels of the side are gone
TRADE = np.int64(5)  # px, qty, side = aggressor, aux = trade id
CONTEXT = np.int64(6)  # px = oracle, qty = mark (price units), aux = funding rate per hour in 1e-12
# Reference venue (prices in units of 10^-(6-szDecimals) of our coin, sizes in units of 10^-szDecimals).
REFERENCE_BBO = np.int64(8)
REFERENCE_TRADE = np.int64(9)

# Our own orders. aux = cloid everywhere.
ORDER_RESTING = np.int64(16)  # acknowledged: px, qty as resting
ORDER_REJECTED = np.int64(17)  # code = REJECT_*; px = what a post-only order would have met, where it is told
ORDER_CANCELLED = np.int64(18)  # code = CANCELLED_*; qty = size that was left
# code 0: already gone, the fill or cancel arrives by itself; REJECT_*: the cancel or amend was not carried out at all
CANCEL_REJECTED = np.int64(19)
FILL = np.int64(20)  # px, qty, side = ours, BIT_TAKER, BIT_MODEL_FILL; a FILL_DETAIL follows at once
FILL_DETAIL = np.int64(21)  # aux = trade id, px = fee in micro-units of collateral, qty = position before, side as FILL
# Account.
POSITION = np.int64(24)  # qty = signed position by the exchange's word
EQUITY = np.int64(25)  # px = account value, aux = withdrawable, micro-units of collateral
QUOTA = np.int64(26)  # qty = requests used, aux = requests allowed
FUNDING_PAYMENT = np.int64(27)  # px = received (+) or paid (-), micro-units of collateral; aux = payment id
REQUESTS = np.int64(28)  # qty = requests that the shell sent by itself, which count against the quota
FEES = np.int64(29)  # px, qty = what the account pays from now on as maker, as taker; in 1 / FEE_UNITS_PER_BPS of a bps
# Clock, health, operator.
TIMER = np.int64(32)
FEED_UP = np.int64(33)  # code = FEED_*
FEED_DOWN = np.int64(34)
OPERATOR = np.int64(40)  # code = COMMAND_*

FEE_UNITS_PER_BPS = 1e5

MARKET_KIND_LAST = np.int64(6)
OWN_KIND_FIRST = np.int64(16)

BIT_TAKER = np.int64(1)  # FILL: we crossed
BIT_MODEL_FILL = np.int64(2)  # FILL: only a queue model says so (a simulated venue); never set by a real venue
BIT_LIQUIDATION = np.int64(4)
BIT_MORE = np.int64(8)  # the message goes on in the next record (first side of a BBO pair): take it in, do not act yet

FEED_MARKET, FEED_ACCOUNT, FEED_REFERENCE = np.int64(0), np.int64(1), np.int64(2)

COMMAND_HALT, COMMAND_RESUME, COMMAND_REDUCE_ONLY, COMMAND_KILL, COMMAND_CLEAR = (np.int64(i) for i in range(5))

# Reasons that a venue gives; names follow Hyperliquid's order statuses.
REJECT_BAD_ALO_PX = np.int64(1)
REJECT_TICK = np.int64(2)
REJECT_MIN_NOTIONAL = np.int64(3)
REJECT_MARGIN = np.int64(4)
REJECT_REDUCE_ONLY = np.int64(5)
REJECT_IOC_NO_MATCH = np.int64(6)
REJECT_ORACLE = np.int64(7)
REJECT_TOO_MANY_ORDERS = np.int64(8)
REJECT_INVALID_SIZE = np.int64(9)
REJECT_AMEND_TARGET_GONE = np.int64(10)
REJECT_RATE_LIMIT = np.int64(11)
REJECT_NOT_SENT = np.int64(12)  # the shell could not deliver it
REJECT_OTHER = np.int64(15)

# Our orders that the core did not send (a flatten): their fills count and raise no alert.
NOT_OF_CORE = np.int64(-2)

CANCELLED_BY_US = np.int64(0)
CANCELLED_BY_AMEND = np.int64(1)
CANCELLED_BY_VENUE = np.int64(2)
CANCELLED_REDUCE_ONLY = np.int64(3)
CANCELLED_MARGIN = np.int64(4)
CANCELLED_SCHEDULED = np.int64(5)
CANCELLED_SELF_TRADE = np.int64(6)
CANCELLED_IOC_REMAINDER = np.int64(7)
