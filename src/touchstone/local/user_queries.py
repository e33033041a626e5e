"""What /info tells of a user. An address that was never here has empty answers, as on the venue."""

from collections import Counter
from decimal import Decimal

from msgspec.structs import replace

from touchstone.local import fees, margin
from touchstone.local.engine import Engine
from touchstone.local.journal import shown
from touchstone.local.market_queries import token_index
from touchstone.local.records import Account, Order, Position, Trader
from touchstone.local.wire import money, ratio
from touchstone.venues.hyperliquid import shapes
from touchstone.venues.hyperliquid.info import OrderStatus, RateLimit, UserFees
from touchstone.venues.hyperliquid.shapes import (
    ActiveAssetData,
    AssetPosition,
    ClearinghouseState,
    CumFunding,
    Fill,
    FrontendOrder,
    FundingEntry,
    LedgerEntry,
    Leverage,
    MarginSummary,
    OpenOrder,
    PastOrder,
    SpotBalance,
    SpotState,
)

MOST_FILLS = 2_000
MOST_ENTRIES = 500
FIRST_REQUESTS = 10_000
MICRO = 1_000_000


class UserQueries(Engine):
    """Accounts, orders, fills of one user; addresses in lower case."""

    # ------------------------------------------------------------ accounts

    def clearinghouse_state(self, user: str, dex: str = "") -> ClearinghouseState:
        """Margin and positions on a dex. Raises KeyError for an unknown dex."""
        account = self._account(user, dex)
        held = [(c, p) for c, p in account.positions.items() if p.szi]
        cross = [(c, p) for c, p in held if not p.is_isolated]
        cross_value, cross_used = margin.value(account), margin.used(account, with_orders=False)
        cross_notional = sum(abs(p.szi) * c.mark_px for c, p in cross)
        isolated = [p for _, p in held if p.is_isolated]
        isolated_value = sum(margin.isolated_value(p) for p in isolated)
        return ClearinghouseState(
            margin_summary=MarginSummary(
                account_value=money(cross_value + isolated_value),
                total_ntl_pos=money(sum(abs(p.szi) * c.mark_px for c, p in held)),
                total_raw_usd=money(account.raw + sum(p.raw for p in isolated)),
                total_margin_used=money(cross_used + isolated_value),
            ),
            cross_margin_summary=MarginSummary(
                account_value=money(cross_value),
                total_ntl_pos=money(cross_notional),
                total_raw_usd=money(account.raw),
                total_margin_used=money(cross_used),
            ),
            cross_maintenance_margin_used=money(margin.cross_maintenance(account)),
            withdrawable=money(margin.withdrawable(account)),
            asset_positions=[AssetPosition(type="oneWay", position=_position(account, p)) for _, p in held],
            time=self.now_ms,
        )

    def spot_state(self, user: str) -> SpotState:
        """Balances outside the dexs."""
        trader = self.traders.get(user)
        return SpotState(
            balances=[
                SpotBalance(
                    coin=token, token=token_index(self.spec, token), total=money(micro), hold="0.0", entry_ntl="0.0"
                )
                for token, micro in (trader.spot.items() if trader else ())
            ]
        )  # fmt: skip

    def active_asset_data(self, user: str, coin: str) -> ActiveAssetData:
        """Leverage, and what the user could buy and sell at mark; the closing of a position comes on top."""
        found = self.coins[coin]
        account = self._account(user, found.dex)
        position = account.positions.get(found) or Position(found)
        free = max(margin.free(account), 0)
        sizes, available = [], []
        for side in (1, -1):
            closing = max(-side * position.szi, 0)
            extra = 2 * margin.need(position, closing) if closing else 0
            available.append(money(free + extra))
            size = (free + extra) * position.leverage // found.mark_px if found.mark_px else 0
            sizes.append(found.sz_text(size))
        return ActiveAssetData(
            user=user, coin=coin, leverage=_leverage(position), max_trade_szs=(sizes[0], sizes[1]),
            available_to_trade=(available[0], available[1]), mark_px=found.px_text(found.mark_px),
        )  # fmt: skip

    def user_fees(self, user: str) -> UserFees:
        """Rates and volumes."""
        today = self.trading.volume_by_day.get(self.now_ms // fees.DAY_MS, 0)
        return fees.user_fees(self.traders.get(user), self.now_ms, today)

    def user_rate_limit(self, user: str, used: int = 0, reserved: int = 0) -> RateLimit:
        """Requests used (counted by the server) and allowed: 10,000 and one per unit of collateral traded."""
        trader = self.traders.get(user)
        volume = trader.volume if trader else 0
        return RateLimit(
            cum_vlm=money(volume), n_requests_used=max(used - reserved, 0),
            n_requests_cap=FIRST_REQUESTS + volume // MICRO, n_requests_surplus=max(reserved - used, 0),
        )  # fmt: skip

    # ------------------------------------------------------------ orders

    def open_orders(self, user: str, dex: str = "") -> list[OpenOrder]:
        """Live orders on a dex, newest first."""
        return [shown(order) for order in self._live(user, dex)]

    def frontend_open_orders(self, user: str, dex: str = "") -> list[FrontendOrder]:
        """The same, with more to each."""
        return [_frontend(order) for order in self._live(user, dex)]

    def order_status(self, user: str, oid: int | str) -> OrderStatus:
        """By oid or cloid; `sz` of an open order is what it had when it came to rest, as on the venue."""
        trader = self.traders.get(user)
        if trader is None:
            return OrderStatus(status="unknownOid")
        order = trader.cloids.get(oid) if isinstance(oid, str) else trader.known.get(oid)
        return OrderStatus(status="unknownOid") if order is None else OrderStatus(status="order", order=_past(order))

    def historical_orders(self, user: str) -> list[PastOrder]:
        """Newest first, live ones too, at most 2000."""
        trader = self.traders.get(user)
        if trader is None:
            return []
        orders = sorted(trader.known.values(), key=lambda order: (order.status_ms, order.oid), reverse=True)
        return [_past(order) for order in orders[:MOST_FILLS]]

    # ------------------------------------------------------------ the past

    def user_fills(self, user: str, aggregate_by_time: bool = False) -> list[Fill]:
        """Newest first, at most 2000."""
        fills = list(self.traders[user].fills) if user in self.traders else []
        if aggregate_by_time:
            fills = aggregated(fills)
        return fills[: -MOST_FILLS - 1 : -1]

    def user_fills_by_time(
        self, user: str, start_ms: int, end_ms: int | None = None, aggregate_by_time: bool = False,
        is_reversed: bool = False,
    ) -> list[Fill]:  # fmt: skip
        """Oldest first unless reversed, at most 2000."""
        rows = self.traders[user].fills if user in self.traders else ()
        fills = [fill for fill in rows if _within(fill.time, start_ms, end_ms)]
        if aggregate_by_time:
            fills = aggregated(fills)
        return (fills[::-1] if is_reversed else fills)[:MOST_FILLS]

    def user_funding(self, user: str, start_ms: int, end_ms: int | None = None) -> list[FundingEntry]:
        """Oldest first, at most 500."""
        rows = self.traders[user].fundings if user in self.traders else ()
        return [row for row in rows if _within(row.time, start_ms, end_ms)][:MOST_ENTRIES]

    def user_ledger(self, user: str, start_ms: int, end_ms: int | None = None) -> list[LedgerEntry]:
        """Deposits, transfers, liquidations; oldest first, at most 500."""
        rows = self.traders[user].ledger if user in self.traders else ()
        return [row for row in rows if _within(row.time, start_ms, end_ms)][:MOST_ENTRIES]

    @property
    def forgotten(self) -> Counter[str]:
        """What was dropped from bounded memory, by kind."""
        return self.journal.forgotten

    # ------------------------------------------------------------

    def _account(self, user: str, dex: str) -> Account:
        given = self.dexs[dex]
        trader = self.traders.get(user)
        found = trader.accounts.get(dex) if trader else None
        return found or Account(trader or Trader(user, self.spec.kept), given)

    def _live(self, user: str, dex: str) -> list[Order]:
        trader = self.traders.get(user)
        orders = trader.orders.values() if trader else ()
        return [order for order in reversed(list(orders)) if order.coin.dex == dex]


def _within(time_ms: int, start_ms: int, end_ms: int | None) -> bool:
    return start_ms <= time_ms and (end_ms is None or time_ms <= end_ms)


def _leverage(position: Position) -> Leverage:
    if not position.is_isolated:
        return Leverage(type="cross", value=position.leverage)
    return Leverage(type="isolated", value=position.leverage, raw_usd=money(position.raw))


def _position(account: Account, position: Position) -> shapes.Position:
    coin, szi = position.coin, position.szi
    notional = abs(szi) * coin.mark_px
    side = 1 if szi > 0 else -1
    pnl = side * (notional - position.entry)
    initial = margin.up(position.entry, position.leverage)
    liquidation_px = margin.liquidation_px(account, position)
    used = margin.isolated_value(position) if position.is_isolated else margin.need(position, abs(szi))
    return shapes.Position(
        coin=coin.name,
        szi=coin.sz_text(szi),
        leverage=_leverage(position),
        entry_px=ratio(position.entry, abs(szi) * 10**coin.px_decimals, coin.px_decimals + 1),
        position_value=money(notional),
        unrealized_pnl=money(pnl),
        return_on_equity=ratio(pnl, initial, 10) if initial else "0.0",
        liquidation_px=None if liquidation_px is None else coin.px_text(liquidation_px),
        margin_used=money(used),
        max_leverage=coin.spec.max_leverage,
        cum_funding=CumFunding(
            all_time=money(position.funding_all),
            since_open=money(position.funding_open),
            since_change=money(position.funding_change),
        ),
    )


def _frontend(order: Order, qty: int | None = None) -> FrontendOrder:
    coin = order.coin
    return FrontendOrder(
        coin=coin.name,
        side="B" if order.side > 0 else "A",
        limit_px=coin.px_text(order.px),
        sz=coin.sz_text(order.left if qty is None else qty),
        oid=order.oid,
        timestamp=order.time_ms,
        trigger_condition="N/A",
        is_trigger=False,
        trigger_px="0.0",
        children=[],
        is_position_tpsl=False,
        reduce_only=order.reduce_only,
        order_type="Limit",
        orig_sz=coin.sz_text(order.qty),
        tif=order.tif,
        cloid=order.cloid,
    )


def _past(order: Order) -> PastOrder:
    qty = order.qty if order.status == "open" else order.left
    return PastOrder(order=_frontend(order, qty), status=order.status, status_timestamp=order.status_ms)


def aggregated(fills: list[Fill]) -> list[Fill]:
    """Fills of one order in one block, on one side and price path, put together: size, fee and profit add up."""
    made: list[Fill] = []
    for fill in fills:
        last = made[-1] if made else None
        if last and fill.crossed and (last.oid, last.time, last.crossed) == (fill.oid, fill.time, fill.crossed):
            made[-1] = _sum(last, fill)
        else:
            made.append(fill)
    return made


def _sum(first: Fill, second: Fill) -> Fill:
    size, more = Decimal(first.sz), Decimal(second.sz)
    px = (Decimal(first.px) * size + Decimal(second.px) * more) / (size + more)
    return replace(
        first,
        px=_text(round(px, 8)),
        sz=_text(size + more),
        fee=_text(Decimal(first.fee) + Decimal(second.fee)),
        closed_pnl=_text(Decimal(first.closed_pnl) + Decimal(second.closed_pnl)),
    )



def _text(value: Decimal) -> str:
    text = format(value.normalize(), "f")
    return text if "." in text else text + ".0"
