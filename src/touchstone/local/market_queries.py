"""What /info tells of markets, in the shapes of the wire."""

from touchstone.local import prices
from touchstone.local.coin import Coin
from touchstone.local.engine import Engine, bbo
from touchstone.local.markets.market import BookSide
from touchstone.local.spec import MICRO, CoinSpec, DexSpec, ExchangeSpec
from touchstone.local.wire import money, rate
from touchstone.venues.hyperliquid.info import (
    Asset,
    ExchangeStatus,
    FundingRate,
    MarginTable,
    MarginTier,
    Meta,
    Pair,
    PerpDex,
    PerpDexLimits,
    PerpDexStatus,
    Predicted,
    SpotMeta,
    Token,
)
from touchstone.venues.hyperliquid.shapes import AssetCtx, Bbo, Book, Candle, Level, SpotCtx, Trade

FIRST_TABLE = 51  # margin tables of one tier have the leverage as their id, below 50
PAGE = 500
MANTISSAS = (1, 2, 5)
MOST_MARKET_ORDERS = [(25, "30000000.0"), (20, "5000000.0"), (10, "2000000.0"), (1, "500000.0")]


class MarketQueries(Engine):
    """Public information. An unknown dex raises KeyError, an unknown coin too unless the answer may be None."""

    # ------------------------------------------------------------ what there is

    def meta(self, dex: str = "") -> Meta:
        """The universe of a dex."""
        tables = {table_id(self.coins[c.name]): _table(c) for c in self.dexs[dex].coins}
        return Meta(
            universe=[_asset(self.coins[c.name]) for c in self.dexs[dex].coins],
            margin_tables=sorted(tables.items()),
            collateral_token=self.dexs[dex].collateral_index,
        )

    def all_metas(self) -> list[Meta]:
        """Of every dex, by its index."""
        return [self.meta(dex) for dex in self.dexs]

    def margin_table(self, number: int) -> MarginTable | None:
        """A margin table by id; an id below 50 is one tier of that leverage."""
        for coin in self.coins.values():
            if table_id(coin) == number:
                return _table(coin.spec)
        if 0 < number < FIRST_TABLE - 1:
            return MarginTable(description="", margin_tiers=[MarginTier(lower_bound="0.0", max_leverage=number)])
        return None

    def perp_dexs(self) -> list[PerpDex | None]:
        """Builder dexs at their index; the validators' dex is null."""
        return [_dex(dex) if dex.name else None for dex in self.spec.dexs]

    def perp_dex_limits(self, dex: str) -> PerpDexLimits | None:
        """Caps of open interest on a builder dex; None for another."""
        given = self.dexs.get(dex)
        if given is None or not dex:
            return None
        caps = [(c.name, c.open_interest_cap) for c in given.coins]
        total = sum(cap or 0.0 for _, cap in caps)
        return PerpDexLimits(
            total_oi_cap=money(round(total * MICRO)),
            oi_sz_cap_per_perp="1000000000.0",
            max_transfer_ntl="1000000000.0",
            coin_to_oi_cap=[(name, money(round(cap * MICRO))) for name, cap in caps if cap is not None],
        )

    def perp_dex_status(self, dex: str) -> PerpDexStatus:
        """What was paid into a dex."""
        return PerpDexStatus(total_net_deposit=money(self.totals[dex].deposits))

    def perps_at_open_interest_cap(self, dex: str = "") -> list[str]:
        return [coin.name for coin in self.by_dex[dex] if coin.is_capped]

    def max_market_order_ntls(self) -> list[tuple[int, str]]:
        return MOST_MARKET_ORDERS

    def spot_meta(self) -> SpotMeta:
        """The collateral tokens, and pairs of them with USDC; nothing spot trades here."""
        tokens = {dex.collateral_index: dex.collateral for dex in self.spec.dexs}
        tokens.setdefault(0, "USDC")
        others = sorted(index for index in tokens if index)
        return SpotMeta(
            universe=[
                Pair(tokens=(index, 0), name=f"@{n + 1}", index=n + 1, is_canonical=False)
                for n, index in enumerate(others)
            ],
            tokens=[
                Token(
                    name=tokens[index], sz_decimals=8 if index == 0 else 2, wei_decimals=8, index=index,
                    token_id=token_id(index), is_canonical=index == 0, evm_contract=None, full_name=None,
                    deployer_trading_fee_share="0.0",
                )
                for index in sorted(tokens)
            ],
        )  # fmt: skip

    def spot_contexts(self) -> list[SpotCtx]:
        """One per pair, at par."""
        return [
            SpotCtx(
                prev_day_px="1.0", day_ntl_vlm="0.0", mark_px="1.0", mid_px="1.0", circulating_supply="0.0",
                coin=pair.name, total_supply="0.0", day_base_vlm="0.0",
            )
            for pair in self.spot_meta().universe
        ]  # fmt: skip

    def exchange_status(self) -> ExchangeStatus:
        return ExchangeStatus(time=self.now_ms, special_statuses=None)

    # ------------------------------------------------------------ prices

    def asset_context(self, coin: str) -> AssetCtx:
        """A coin now."""
        return self._context(self.coins[coin])

    def asset_contexts(self, dex: str = "") -> list[AssetCtx]:
        """Of every coin of a dex, by its place in the universe."""
        return [self._context(coin) for coin in self.by_dex[dex]]

    def _context(self, coin: Coin) -> AssetCtx:
        notional, size = coin.day_volume(self.now_ms)
        mid2 = coin.market.touch().mid2
        found = prices.impacts(coin)
        return AssetCtx(
            funding=rate(prices.funding_rate(coin)),
            open_interest=coin.sz_text(coin.open_interest),
            prev_day_px=coin.px_text(coin.day_open_px),
            day_ntl_vlm=money(notional),
            oracle_px=coin.px_text(coin.oracle_px),
            mark_px=coin.px_text(coin.mark_px),
            premium=None if coin.premium is None else rate(coin.premium),
            mid_px=coin.half_text(mid2) if mid2 else None,
            impact_pxs=(coin.px_text(round(found[0])), coin.px_text(round(found[1]))) if found else None,
            day_base_vlm=coin.sz_text(size),
        )

    def all_mids(self, dex: str = "") -> dict[str, str]:
        """Mid of every coin of a dex, the last trade where a side is empty, the mark before any."""
        mids = {}
        for coin in self.by_dex[dex]:
            mid2 = coin.market.touch().mid2
            mids[coin.name] = coin.half_text(mid2 or 2 * (coin.last_px or coin.mark_px))
        return mids

    def bbo(self, coin: str) -> Bbo:
        """Best bid and ask."""
        found = self.coins[coin]
        return bbo(found, found.market.touch(), self.now_ms)

    def l2_book(self, coin: str, n_sig_figs: int | None = None, mantissa: int | None = None) -> Book | None:
        """The book, 20 levels a side, levels joined to 2 to 5 significant figures where asked; None: unknown coin.

        Raises ValueError where n_sig_figs or mantissa is none that the venue knows.
        """
        if n_sig_figs is not None and not 2 <= n_sig_figs <= 5:
            raise ValueError(f"nSigFigs is {n_sig_figs}; give 2 to 5")
        if mantissa is not None and (n_sig_figs != 5 or mantissa not in MANTISSAS):
            raise ValueError(f"mantissa is {mantissa} with nSigFigs {n_sig_figs}; give 1, 2 or 5, with nSigFigs 5")
        found = self.coins.get(coin)
        if found is None:
            return None
        bids, asks = found.market.depth()
        if n_sig_figs is not None:
            bids, asks = (_joined(side, n_sig_figs, mantissa or 1, up) for side, up in ((bids, False), (asks, True)))
        return Book(coin=coin, time=self.now_ms, levels=(_levels(found, bids), _levels(found, asks)))

    def reference_bbo(self, coin: str) -> tuple[str, str] | None:
        """Best bid and ask of the coin on the venue that leads, for who serves its stream; None where none is known."""
        found = self.coins[coin]
        prices_there = found.market.reference()
        return (found.px_text(prices_there[0]), found.px_text(prices_there[1])) if all(prices_there) else None

    # ------------------------------------------------------------ the past

    def recent_trades(self, coin: str) -> list[Trade]:
        """Newest first."""
        return list(reversed(self.coins[coin].trades))

    def candles(self, coin: str, interval: str, start_ms: int, end_ms: int) -> list[Candle]:
        """Oldest first; none for an interval that the venue does not know."""
        return self.coins[coin].candles.between(interval, start_ms, end_ms)

    def candle(self, coin: str, interval: str) -> Candle | None:
        """The newest."""
        return self.coins[coin].candles.newest(interval)

    def funding_history(self, coin: str, start_ms: int, end_ms: int | None = None) -> list[FundingRate]:
        """Settled rates, oldest first, at most 500."""
        rows = self.coins[coin].fundings
        return [row for row in rows if start_ms <= row.time and (end_ms is None or row.time <= end_ms)][:PAGE]

    def predicted_fundings(self) -> list[tuple[str, list[tuple[str, Predicted | None]]]]:
        """Rates as they stand, of the first dex."""
        following = (self.now_ms // prices.HOUR_MS + 1) * prices.HOUR_MS
        return [
            (
                coin.name,
                [("HlPerp", Predicted(funding_rate=rate(prices.funding_rate(coin)), next_funding_time=following,
                                      funding_interval_hours=1))],
            )
            for coin in self.by_dex[""]
        ]  # fmt: skip


def token_id(index: int) -> str:
    """A made-up token id of 16 bytes."""
    return f"0x{index + 1:032x}"


def token_index(spec: ExchangeSpec, token: str) -> int:
    """Index of a collateral token; USDC is 0."""
    return next((dex.collateral_index for dex in spec.dexs if dex.collateral == token), 0)


def table_id(coin: Coin) -> int:
    """Margin table of a coin: its leverage, or an id from 51 on where there are tiers."""
    return coin.spec.max_leverage if len(coin.tiers) == 1 else FIRST_TABLE + coin.asset % 10_000


def _table(spec: CoinSpec) -> MarginTable:
    tiers = [(0.0, spec.max_leverage), *spec.margin_tiers]
    described = "" if len(tiers) == 1 else f"tiered {spec.max_leverage}x"
    return MarginTable(
        description=described,
        margin_tiers=[
            MarginTier(lower_bound=money(round(low * MICRO)), max_leverage=leverage) for low, leverage in tiers
        ],
    )


def _asset(coin: Coin) -> Asset:
    made = Asset(
        name=coin.name,
        sz_decimals=coin.sz_decimals,
        max_leverage=coin.spec.max_leverage,
        margin_table_id=table_id(coin),
    )
    if coin.only_isolated:
        made.only_isolated = True
        made.margin_mode = "strictIsolated" if coin.spec.strict_isolated else "noCross"
    if coin.spec.growth_mode:
        made.growth_mode = "enabled"
    return made


def _dex(dex: DexSpec) -> PerpDex:
    return PerpDex(
        name=dex.name,
        full_name=dex.full_name or dex.name,
        deployer=dex.deployer,
        oracle_updater=None,
        fee_recipient=dex.deployer,
        asset_to_streaming_oi_cap=[
            (c.name, money(round(c.open_interest_cap * MICRO))) for c in dex.coins if c.open_interest_cap is not None
        ],
        sub_deployers=[],
        deployer_fee_scale=str(float(dex.deployer_fee_scale)),
        last_deployer_fee_scale_change_time="1970-01-01T00:00:00",
        asset_to_funding_multiplier=[(c.name, str(float(c.funding_multiplier))) for c in dex.coins],
        asset_to_funding_interest_rate=[(c.name, rate(round(c.interest_rate * 1e10))) for c in dex.coins],
    )


def _levels(coin: Coin, side: BookSide) -> list[Level]:
    return [Level(px=coin.px_text(px), sz=coin.sz_text(qty), n=n) for px, qty, n in side]


def _joined(side: BookSide, figures: int, mantissa: int, up: bool) -> BookSide:
    """Levels of the same rounded price put together: bids down, asks up."""
    joined: list[list[int]] = []
    for px, qty, n in side:
        step = 10 ** max(len(str(px)) - figures, 0) * mantissa
        rounded = -(-px // step) * step if up else px // step * step
        if joined and joined[-1][0] == rounded:
            joined[-1][1] += qty
            joined[-1][2] += n
        else:
            joined.append([rounded, qty, n])
    return [(px, qty, n) for px, qty, n in joined]
