"""The venue's word about an account to rows of the event record: orders, fills, funding, equity and position.

A client order id has 16 bytes on the wire: the tag of a session in the first eight, the core's cloid in the last.
Orders with another tag, or none, are not the core's: they give no rows, their fills do, for they move the position.
"""

from collections import Counter

from touchstone.data import layout, reasons
from touchstone.data.layout import MS, Row
from touchstone.venues.hyperliquid import numbers
from touchstone.venues.hyperliquid.numbers import NumberError, parse, parse_cut
from touchstone.venues.hyperliquid.shapes import ClearinghouseState, Fill, FrontendOrder, Funding, OpenOrder

NOT_OURS = -1  # somebody else's order of our account: the core is alarmed by its fills
NOT_OF_CORE = -2  # ours, sent beside the core by a flattening (core/events.py)
NOT_OF_CORE_TAG = 0x746F7563_68666C74
MICRO_DECIMALS = 6
_BESIDE_CORE = f"0x{NOT_OF_CORE_TAG:016x}"


def wire_cloid(tag: int, cloid: int) -> str:
    """A client order id as the wire wants it: `tag` < 2^64, 0 < `cloid` < 2^63."""
    return f"0x{tag:016x}{cloid:016x}"


class AccountRows:
    """Rows of one coin of one account; `counts` what was cut, unknown or not ours. What cannot be read: WireError.

    The methods take the shapes of both streams and REST, so that what is asked for after a gap becomes the same rows.
    """

    def __init__(self, sz_decimals: int, coin: str, cloid_tag: int, counts: Counter[str]) -> None:
        self.sz_decimals = sz_decimals
        self.px_decimals = numbers.PERP_DECIMALS - sz_decimals
        self.coin = coin
        self.fills_after_ms = 0  # fills of blocks up to this time are left out: the accounts begin with them
        self._tag = f"0x{cloid_tag:016x}"
        self._newest_funding_ms = 0
        self._counts = counts

    def cloid(self, text: str | None) -> int:
        """The core's cloid of one on the wire; NOT_OF_CORE or NOT_OURS for an order without, or with another tag."""
        if text and len(text) == 34 and text[:18].lower() == self._tag:
            found = int(text[18:], 16)
            if 0 < found < 1 << 63:
                return found
        return NOT_OF_CORE if text and text.lower().startswith(_BESIDE_CORE) else NOT_OURS

    def order(self, order: OpenOrder | FrontendOrder, status: str, time_ms: int, recv_ns: int) -> list[Row]:
        """ORDER_RESTING, ORDER_CANCELLED or ORDER_REJECTED; nothing for a filled one, whose fills say so themselves."""
        event = reasons.order_event(status)
        if event is None:
            return []
        kind, code = event
        cloid = self.cloid(order.cloid or None)
        if cloid < 0:
            self._counts["foreign_order"] += 1
            return []
        px = parse(order.limit_px, self.px_decimals, "price")
        left = parse(order.sz, self.sz_decimals, "size")
        return [(time_ms * MS, recv_ns, px, left, cloid, code, kind, _side(order.side), 0)]

    def fills(self, fills: list[Fill], user: str, recv_ns: int) -> list[Row]:
        """FILL and FILL_DETAIL of each fill of this coin, oldest first, whichever way round the list is."""
        if len(fills) > 1 and fills[0].time > fills[-1].time:
            fills = fills[::-1]  # a snapshot has the newest first
        rows: list[Row] = []
        for fill in sorted(fills, key=lambda fill: fill.time):
            if fill.coin != self.coin:
                self._counts["other_coin"] += 1
            elif fill.time <= self.fills_after_ms:
                self._counts["old_fill"] += 1
            else:
                rows += self._fill(fill, user, recv_ns)
        return rows

    def _fill(self, fill: Fill, user: str, recv_ns: int) -> list[Row]:
        """A fill is never left out for a decimal: what is finer than the accounts' units is cut, and counted."""
        exch_ns, side = fill.time * MS, _side(fill.side)
        cloid = self.cloid(fill.cloid or None)
        if cloid == NOT_OURS:
            self._counts["foreign_fill"] += 1
        bits = layout.BIT_TAKER if fill.crossed else 0
        if fill.liquidation:  # it stands on both sides of the trade
            liquidated = fill.liquidation.liquidated_user
            if not liquidated or liquidated.lower() == user.lower():
                bits |= layout.BIT_LIQUIDATION
        px = self._whole(fill.px, self.px_decimals, "fill_price")
        qty = self._whole(fill.sz, self.sz_decimals, "fill_size")
        fee_micro = self._whole(fill.fee, MICRO_DECIMALS, "fee")
        before = self._whole(fill.start_position, self.sz_decimals, "start_position")
        if not fill.tid:
            self._counts["fill_without_tid"] += 1
        return [
            (exch_ns, recv_ns, px, qty, cloid, 0, layout.FILL, side, bits),
            (exch_ns, recv_ns, fee_micro, before, fill.tid or 0, 0, layout.FILL_DETAIL, side, 0),
        ]

    def funding(self, payment: Funding, recv_ns: int) -> list[Row]:
        """FUNDING_PAYMENT of this coin, each hour's once; its id is its time in ms, which must be given."""
        if payment.coin != self.coin:
            self._counts["other_coin"] += 1
            return []
        received = self._whole(payment.usdc, MICRO_DECIMALS, "funding")
        time_ms = payment.time or 0
        if time_ms <= self._newest_funding_ms:
            self._counts["repeated_funding"] += 1
            return []
        self._newest_funding_ms = time_ms
        return [(time_ms * MS, recv_ns, received, 0, time_ms, 0, layout.FUNDING_PAYMENT, 0, 0)]

    def state(self, state: ClearinghouseState, recv_ns: int) -> list[Row]:
        """EQUITY, then POSITION (0 where the state lists none), of the dex that the state is of."""
        summary = state.margin_summary or state.cross_margin_summary
        equity = self._whole(summary.account_value or "0", MICRO_DECIMALS, "account_value")
        withdrawable = self._whole(state.withdrawable, MICRO_DECIMALS, "withdrawable")
        position = 0
        for held in state.asset_positions:
            if held.position.coin == self.coin:
                position = self._whole(held.position.szi, self.sz_decimals, "position")
        exch_ns = state.time * MS if state.time else recv_ns
        return [
            (exch_ns, recv_ns, equity, 0, withdrawable, 0, layout.EQUITY, 0, 0),
            (exch_ns, recv_ns, 0, position, 0, 0, layout.POSITION, 0, 0),
        ]

    def _whole(self, text: str, decimals: int, what: str) -> int:
        try:
            return parse(text, decimals, what)
        except NumberError as error:
            if error.rule != "decimals":
                raise
        self._counts[f"cut_{what}"] += 1
        return parse_cut(text, decimals, what)


def _side(side: str) -> int:
    return 1 if side == "B" else -1
