"""What the venue keeps for us: cash, position, fees and funding, exact in integers.

Cash, fees and funding in micro-units of collateral ("micro"). A price times a size is exact micro, so
`cash = start - sum(side x px x qty) - fees + funding` holds to the last unit. Fees and funding are truncated to a whole
micro, towards zero whatever the sign, as Hyperliquid's fee shows (66.65 USD at 1.5 bp is 0.009997); that a rebate and
funding truncate in the same way is assumed.
"""

import numpy as np

from touchstone.core.jit import inline, record

ACCOUNT = record(
    [
        ("start", "i8"),  # cash at reset
        ("cash", "i8"),  # now, fees and funding included
        ("position", "i8"),  # signed, size units
        ("fees", "i8"),  # paid so far; negative = rebates won
        ("funding", "i8"),  # received so far; negative = paid
        ("volume", "i8"),  # notional traded
    ]
)

_MILLION = np.int64(1_000_000)
_BILLION = np.int64(1_000_000_000)


@inline
def reset(account, cash):
    """Flat, with `cash` micro."""
    account.start = cash
    account.cash = cash
    account.position = 0
    account.fees = 0
    account.funding = 0
    account.volume = 0


@inline
def fee_of(notional, rate):
    """Fee in micro of a notional >= 0 in micro at a rate in 1e-9 (1.5 bp = 150_000); negative = rebate."""
    size = abs(rate)
    fee = notional // _BILLION * size + notional % _BILLION * size // _BILLION
    return fee if rate >= 0 else -fee


@inline
def funding_of(position, oracle_px, rate):
    """What a position receives (+) or pays (-) for one hour, micro: -position x oracle x rate, rate in 1e-12."""
    notional = position * oracle_px
    owed, size = abs(notional), abs(rate)
    fine = owed % _MILLION * size // _MILLION
    middle = owed // _MILLION % _MILLION * size
    paid = owed // _MILLION // _MILLION * size + (middle + fine) // _MILLION
    return -paid if (notional >= 0) == (rate >= 0) else paid


@inline
def apply_fill(account, side, px, qty, fee):
    """Book a fill of `qty` at `px`, side +1 = we bought; fee in micro."""
    notional = px * qty
    account.position += side * qty
    account.cash -= side * notional + fee
    account.fees += fee
    account.volume += notional


@inline
def apply_funding(account, received):
    """Book a funding payment, micro, + = received."""
    account.cash += received
    account.funding += received


@inline
def equity(account, mid2):
    """Cash plus the position at mid, in half micro; `mid2` = bid + ask in price units."""
    return 2 * account.cash + account.position * mid2
