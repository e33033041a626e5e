"""Orders: placed, cancelled, matched, filled. What is refused: rules.py. Money: clearing.py. What is told: journal.py.

Every order of a trader passes here before it rests, and again before each of its matches, so that margin, open
interest and self-trades are judged by the accounts as they are at that moment, also within a block.
"""

from msgspec import UNSET

from touchstone.local import clearing, fees, margin, rules
from touchstone.local.coin import Coin
from touchstone.local.journal import Journal
from touchstone.local.markets.market import Placed
from touchstone.local.records import Account, Order, Position, Trader
from touchstone.local.wire import NO_HASH, money
from touchstone.venues.hyperliquid import errors
from touchstone.venues.hyperliquid.replies import Filled, Resting, Status
from touchstone.venues.hyperliquid.shapes import Fill, Liquidation, Trade

FEE_UNITS = 10**9
BUILDER_UNITS = 10**5
HOUSE = "0x" + "0" * 39 + "1"  # who trades with us in a recording


class Trading:
    """The orders of all traders on all coins, at `now_ms`."""

    def __init__(self, coins: dict[str, Coin], totals: dict[str, clearing.Totals], tokens: dict[str, str],
                 journal: Journal) -> None:  # fmt: skip
        self.coins = coins
        self.totals = totals
        self.tokens = tokens  # collateral by dex
        self.journal = journal
        self.now_ms = 0
        self.touched: dict[Account, None] = {}  # accounts to look at in this block, in order
        self.liquidation: tuple[Trader, Liquidation] | None = None  # while a liquidation is carried out
        self.liquidated_dir = ""
        self.volume_by_day: dict[int, int] = {}

    # ------------------------------------------------------------ placing

    def place(self, order: Order) -> Status:
        """A new order that can be read: refused, traded, rested. Its answer for the batch."""
        self.journal.know(order)
        refused = rules.refusal(order, self.now_ms)
        if refused is not None:
            return self._refuse(order, refused)
        if order.tif == rules.ALO:
            return self._rest(order) or _resting(order)
        return self._take(order)

    def _take(self, order: Order) -> Status:
        """Immediate or cancel, or good till cancel: take, then cancel or rest what is left."""
        position = order.position
        most = min(order.left, max(-order.side * position.szi, 0)) if order.reduce_only else order.left
        if order.tif == rules.GTC:
            if not order.coin.market.crosses(order):
                return self._rest(order) or _resting(order)
            self.journal.order(order, "open", self.now_ms)
        order.coin.market.take(order, most)
        if order.left == 0:
            self.journal.order(order, "filled", self.now_ms)
        elif order.traded == most and order.reduce_only and order.traded:
            self.journal.order(order, "reduceOnlyCanceled", self.now_ms)
        elif order.tif == rules.GTC:
            refused = self._rest(order, is_new=False)
            return refused or _resting(order)
        elif order.traded == 0:
            return self._refuse(order, rules.Refused(errors.IOC))
        else:
            self.journal.order(order, "canceled", self.now_ms)
        return _filled(order)

    def _rest(self, order: Order, is_new: bool = True) -> Status | None:
        """Add to the book; the answer if it could not be."""
        ticket = order.coin.market.place(order)
        if ticket < 0:
            if not is_new:
                self.journal.order(order, "canceled", self.now_ms)
                return _filled(order) if order.traded else None
            return self._refuse(order, rules.not_placed(order, is_crossing=ticket == Placed.CROSSES))
        order.ticket = ticket
        if is_new:
            self.journal.order(order, "open", self.now_ms)
        if order.reduce_only:
            order.position.reduce_only.append(order)
            self.fit_reduce_only(order.position)
        elif order.side > 0:
            order.position.buys += order.left
        else:
            order.position.sells += order.left
        return None

    def _refuse(self, order: Order, refused: "rules.Refused") -> Status:
        status = refused.status or refused.refusal.status or "rejected"
        self.journal.order(order, status, self.now_ms)
        return Status(error=refused.refusal.render(order.coin.asset, **refused.values))

    # ------------------------------------------------------------ cancelling

    def cancel(self, order: Order, status: str = "canceled", is_told: bool = True) -> None:
        """A resting order rests no more; by anything but its user's wish unless the status says so."""
        order.coin.market.cancel(order)
        self.gone(order, status, is_told)

    def gone(self, order: Order, status: str, is_told: bool = True) -> None:
        """The market holds the order no more."""
        order.ticket = -1
        self._release(order, order.left)
        if order.reduce_only:
            order.position.reduce_only.remove(order)
        if is_told:
            self.journal.order(order, status, self.now_ms)
            if status != "canceled":
                self.journal.not_by_user(order)

    def _release(self, order: Order, qty: int) -> None:
        """So much less rests in orders that may add to the position."""
        if order.reduce_only:
            return
        if order.side > 0:
            order.position.buys -= qty
        else:
            order.position.sells -= qty

    def fit_reduce_only(self, position: Position) -> None:
        """After position or orders changed: of several reduce-only orders that exceed it the oldest go, one shrinks."""
        if not position.reduce_only or not position.coin.market.leaves_reduce_only:
            return
        for side in (1, -1):
            covered = max(-side * position.szi, 0)
            while True:
                orders = [order for order in position.reduce_only if order.side == side]
                excess = sum(order.left for order in orders) - covered
                if excess <= 0:
                    break
                oldest = orders[0]
                if len(orders) == 1 and excess < oldest.left:
                    oldest.coin.market.shrink(oldest, excess)
                    oldest.left -= excess
                    oldest.shrunk += excess
                else:
                    self.cancel(oldest, "reduceOnlyCanceled")

    # ------------------------------------------------------------ matching

    def may_match(self, maker: Order, taker: Order | None, px: int, qty: int) -> bool:
        """Whether a resting order may trade now; else it is cancelled."""
        why = self._objection(maker, taker, px, qty)
        if why is not None:
            self.cancel(maker, why)
        return why is None

    def _objection(self, maker: Order, taker: Order | None, px: int, qty: int) -> str | None:
        if taker is not None and taker.trader is maker.trader:
            return "selfTradeCanceled"
        if maker.coin.is_capped and self._raises_interest(maker, taker, qty):
            return "openInterestCapCanceled"
        if not margin.covers_fill(maker.account, maker.position, maker.side, px, qty):
            return "marginCanceled"
        return None

    @staticmethod
    def _raises_interest(maker: Order, taker: Order | None, qty: int) -> bool:
        coin = maker.coin
        longs, shorts = coin.longs, coin.shorts
        for order, side in ((maker, maker.side), (taker, -maker.side)):
            if order is not None:
                before, after = order.position.szi, order.position.szi + side * qty
                longs += max(after, 0) - max(before, 0)
                shorts += max(-after, 0) - max(-before, 0)
        return max(longs, shorts) > coin.open_interest

    def traded(
        self, name: str, maker: Order | str, taker: Order | str, side: int, px: int, qty: int, is_public: bool = True
    ) -> None:
        """A trade; `side` is the taker's."""
        coin = self.coins[name]
        journal = self.journal
        buyer, seller = (taker, maker) if side > 0 else (maker, taker)
        tid = journal.next_tid(_name(buyer), _name(seller))
        if self.liquidation is not None:
            the_hash = NO_HASH
        else:
            the_hash = journal.action_hash if isinstance(taker, Order) else journal.new_hash()
        if is_public:
            self.public_trade(coin, side, px, qty, tid, the_hash, (_user(buyer), _user(seller)))
        house = 0  # what the market's own account buys
        if isinstance(maker, Order):
            house += side * qty
            self._release(maker, qty)
            self._fill(maker, -side, px, qty, False, tid, the_hash)
        if isinstance(taker, Order):
            house -= side * qty
            self._fill(taker, side, px, qty, True, tid, the_hash)
        if house:
            totals = self.totals[coin.dex]
            totals.house -= house * px
            totals.house_szi[coin] = totals.house_szi.get(coin, 0) + house
        if isinstance(maker, Order):
            self._after_made(maker)
            self.fit_reduce_only(maker.position)
        if isinstance(taker, Order):
            self.fit_reduce_only(taker.position)

    def public_trade(
        self, coin: Coin, side: int, px: int, qty: int, tid: int, the_hash: str, users: tuple[str, str]
    ) -> None:
        """A trade as everybody sees it."""
        coin.count_trade(px, qty, self.now_ms)
        day = self.now_ms // fees.DAY_MS
        self.volume_by_day[day] = self.volume_by_day.get(day, 0) + px * qty
        made = Trade(
            coin=coin.name, side="B" if side > 0 else "A", px=coin.px_text(px), sz=coin.sz_text(qty),
            time=self.now_ms, hash=the_hash, tid=tid, users=users,
        )  # fmt: skip
        self.journal.trade(coin, made)

    def _after_made(self, order: Order) -> None:
        """A resting order has traded; one that had been shrunk ends as cancelled."""
        if order.left > 0:
            return
        order.ticket = -1
        if order.reduce_only and order in order.position.reduce_only:
            order.position.reduce_only.remove(order)
        self.journal.order(order, "reduceOnlyCanceled" if order.shrunk else "filled", self.now_ms)

    def _fill(self, order: Order, side: int, px: int, qty: int, is_taker: bool, tid: int, the_hash: str) -> None:
        """One side of a trade: money, volume, and the fill as its user sees it."""
        coin, trader, account = order.coin, order.trader, order.account
        notional = px * qty
        order.left -= qty
        order.traded += qty
        order.value += notional
        rate = fees.rate(trader, coin, is_taker, self.now_ms)
        fee = notional * rate // FEE_UNITS if rate >= 0 else -(notional * -rate // FEE_UNITS)
        to_builder = notional * order.builder_rate // BUILDER_UNITS if order.builder is not None else 0
        booked = clearing.book(account, order.position, side, px, qty, fee + to_builder)
        self.totals[coin.dex].fees += fee
        if order.builder is not None:
            order.builder.raw += to_builder
        fees.count_volume(trader, notional, is_taker, self.now_ms)
        self.touched[account] = None
        fill = Fill(
            coin=coin.name, px=coin.px_text(px), sz=coin.sz_text(qty), side="B" if side > 0 else "A",
            time=self.now_ms, start_position=coin.sz_text(booked.start), dir=booked.dir,
            closed_pnl=money(booked.closed_pnl), hash=the_hash, oid=order.oid, crossed=is_taker,
            fee=money(fee + to_builder), tid=tid, fee_token=self.tokens[coin.dex],
            cloid=UNSET if order.cloid is None else order.cloid,
            builder_fee=UNSET if order.builder is None else money(to_builder),
        )  # fmt: skip
        if self.liquidation is not None:
            whose, fill.liquidation = self.liquidation
            if whose is trader:
                fill.dir = self.liquidated_dir
        self.journal.fill(trader, fill)


def _name(side: Order | str) -> str:
    return str(side.oid) if isinstance(side, Order) else side


def _user(side: Order | str) -> str:
    return side.trader.user if isinstance(side, Order) else side


def _resting(order: Order) -> Status:
    return Status(resting=Resting(oid=order.oid, cloid=UNSET if order.cloid is None else order.cloid))


def _filled(order: Order) -> Status:
    coin = order.coin
    mean = (2 * order.value + order.traded) // (2 * order.traded)
    filled = Filled(
        total_sz=coin.sz_plain(order.traded), avg_px=coin.px_plain(mean), oid=order.oid,
        cloid=UNSET if order.cloid is None else order.cloid,
    )  # fmt: skip
    return Status(filled=filled)
