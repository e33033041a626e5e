"""Answers to /info requests, by type: the exchange's state, and what the server itself knows of accounts and limits."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from msgspec import UNSET

from touchstone.local.exchange import LocalExchange
from touchstone.local.server.budget import Budgets
from touchstone.local.server.directory import Directory
from touchstone.local.server.refusals import NotServed, unreadable
from touchstone.local.server.topics import INTERVALS, InvalidSubscription, check_precision
from touchstone.venues.hyperliquid.actions import address
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.info import InfoRequest, SubAccount

ALL_TIME = 1 << 62


class Queries:
    """One method per group of types; `answer` finds it. A user is lower-cased; an unknown one has empty answers."""

    def __init__(self, exchange: LocalExchange, directory: Directory, budgets: Budgets) -> None:
        self._exchange = exchange
        self._directory = directory
        self._budgets = budgets
        self._answers: dict[str, Callable[[InfoRequest], Any]] = self._table()

    def answer(self, request: InfoRequest) -> Any:
        """The response, to be encoded. Raises NotServed: 422 for an unknown type or a missing or wrong parameter."""
        found = self._answers.get(request.type)
        if found is None:
            raise unreadable()
        return found(request)

    def has_coin(self, coin: str) -> bool:
        """Whether a coin is listed on one of the dexs."""
        return coin in self._exchange.coins

    def has_dex(self, dex: str) -> bool:
        """Whether there is a dex of this name."""
        return dex in self._exchange.dexs

    def _table(self) -> dict[str, Callable[[InfoRequest], Any]]:
        exchange, directory = self._exchange, self._directory
        empty: Callable[[InfoRequest], Any] = lambda request: _user(request) and []  # noqa: E731
        return {
            # Markets.
            "meta": lambda r: exchange.meta(self._dex(r)),
            "metaAndAssetCtxs": lambda r: [exchange.meta(self._dex(r)), exchange.asset_contexts(self._dex(r))],
            "allPerpMetas": lambda r: exchange.all_metas(),
            "perpDexs": lambda r: exchange.perp_dexs(),
            "perpDexLimits": lambda r: exchange.perp_dex_limits(self._dex(r)),
            "perpDexStatus": lambda r: exchange.perp_dex_status(self._dex(r)),
            "perpsAtOpenInterestCap": lambda r: exchange.perps_at_open_interest_cap(self._dex(r)),
            "marginTable": lambda r: exchange.margin_table(_number(r.id)),
            "maxMarketOrderNtls": lambda r: exchange.max_market_order_ntls(),
            "allMids": lambda r: exchange.all_mids(self._dex(r)),
            "l2Book": self._book,
            "recentTrades": lambda r: exchange.recent_trades(self._coin(r)),
            "candleSnapshot": self._candles,
            "fundingHistory": lambda r: exchange.funding_history(self._coin(r), *_span(r)),
            "predictedFundings": lambda r: exchange.predicted_fundings(),
            "exchangeStatus": lambda r: exchange.exchange_status(),
            "spotMeta": lambda r: exchange.spot_meta(),
            "spotMetaAndAssetCtxs": lambda r: [exchange.spot_meta(), exchange.spot_contexts()],
            "spotClearinghouseState": lambda r: exchange.spot_state(_user(r)),
            # Users.
            "clearinghouseState": lambda r: exchange.clearinghouse_state(_user(r), self._dex(r)),
            "openOrders": lambda r: exchange.open_orders(_user(r), self._dex(r)),
            "frontendOpenOrders": lambda r: exchange.frontend_open_orders(_user(r), self._dex(r)),
            "orderStatus": lambda r: exchange.order_status(_user(r), _oid(r)),
            "historicalOrders": lambda r: exchange.historical_orders(_user(r)),
            "userFills": lambda r: exchange.user_fills(_user(r), bool(r.aggregate_by_time)),
            "userFillsByTime": lambda r: exchange.user_fills_by_time(
                _user(r), *_span(r), bool(r.aggregate_by_time), bool(r.reversed)
            ),
            "userFunding": lambda r: exchange.user_funding(_user(r), *_span(r)),
            "userNonFundingLedgerUpdates": lambda r: exchange.user_ledger(_user(r), *_span(r)),
            "userRateLimit": lambda r: self._budgets.rate_limit(_user(r)),
            "userFees": lambda r: exchange.user_fees(_user(r)),
            "activeAssetData": lambda r: exchange.active_asset_data(_user(r), self._coin(r)),
            "userRole": lambda r: directory.role(_user(r), exchange.now_ms),
            "extraAgents": lambda r: directory.agents.named(_user(r), exchange.now_ms),
            "subAccounts": self._sub_accounts,
            "maxBuilderFee": lambda r: directory.max_builder_fee(_user(r), _address(r.builder)),
            "approvedBuilders": lambda r: directory.builders(_user(r)),
            "referral": lambda r: {"referredBy": directory.referrer(_user(r))},
            "userAbstraction": lambda r: directory.mode(_user(r)),
            "userDexAbstraction": lambda r: _user(r) and None,
            # Not served: always empty.
            "userTwapSliceFills": empty,
            "userTwapSliceFillsByTime": empty,
            "twapHistory": empty,
            "userVaultEquities": empty,
            "delegatorHistory": empty,
        }

    def _dex(self, request: InfoRequest) -> str:
        dex = request.dex or ""
        if not self.has_dex(dex):
            raise NotServed(HTTPStatus.INTERNAL_SERVER_ERROR, "null")
        return dex

    def _coin(self, request: InfoRequest) -> str:
        if not request.coin:
            raise unreadable()
        if not self.has_coin(request.coin):
            raise NotServed(HTTPStatus.INTERNAL_SERVER_ERROR, "null")
        return request.coin

    def _book(self, request: InfoRequest) -> Any:
        if not request.coin:
            raise unreadable()
        if not self.has_coin(request.coin):
            return None
        try:
            precision = check_precision(request.n_sig_figs or None, request.mantissa or None)
        except InvalidSubscription:
            raise NotServed(HTTPStatus.INTERNAL_SERVER_ERROR, "null") from None
        return self._exchange.l2_book(request.coin, *precision)

    def _candles(self, request: InfoRequest) -> Any:
        wanted = request.req
        if wanted is UNSET or wanted.interval not in INTERVALS:
            raise unreadable()
        if not self.has_coin(wanted.coin):
            raise NotServed(HTTPStatus.INTERNAL_SERVER_ERROR, "null")
        end = wanted.end_time if isinstance(wanted.end_time, int) else ALL_TIME
        return self._exchange.candles(wanted.coin, wanted.interval, wanted.start_time, end)

    def _sub_accounts(self, request: InfoRequest) -> Any:
        subs = self._directory.sub_accounts(_user(request))
        return [
            SubAccount(
                spot_state=self._exchange.spot_state(sub),
                name=name,
                sub_account_user=sub,
                master=_user(request),
                clearinghouse_state=self._exchange.clearinghouse_state(sub, ""),
            )
            for name, sub in subs
        ] or None


def _address(text: object) -> str:
    if not isinstance(text, str):
        raise unreadable()
    try:
        return address(text)
    except WireError:
        raise unreadable() from None


def _user(request: InfoRequest) -> str:
    return _address(request.user)


def _oid(request: InfoRequest) -> int | str:
    """An oid or a cloid; ccxt sends oids as text too."""
    oid = request.oid
    if isinstance(oid, str) and oid.isdecimal() and len(oid) < 20:
        return int(oid)
    if isinstance(oid, int | str):
        return oid.lower() if isinstance(oid, str) else oid
    raise unreadable()


def _span(request: InfoRequest) -> tuple[int, int]:
    """Start and end of a time range, both inclusive."""
    start = request.start_time if isinstance(request.start_time, int) else 0
    end = request.end_time if isinstance(request.end_time, int) else ALL_TIME
    return start, end


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise unreadable()
    return value
