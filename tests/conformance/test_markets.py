"""The three kinds of market, and the stream of the reference venue, each served by the command."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hyperliquid.info import Info

HYPE = "hyna:HYPE"


@pytest.mark.asyncio
async def test_the_reference_venue_streams_as_binance_does(venue: Any) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(venue.ws_url + "/ws/hypeusdt@bookTicker") as socket:
            tickers = [json.loads((await socket.receive(5)).data) for _ in range(20)]
        for ticker in tickers:
            assert ticker.keys() == {"e", "u", "E", "T", "s", "b", "B", "a", "A"}
            assert (ticker["e"], ticker["s"]) == ("bookTicker", "HYPEUSDT")
            assert float(ticker["b"]) < float(ticker["a"])
        ids = [ticker["u"] for ticker in tickers]
        assert ids == sorted(set(ids))
        url = venue.ws_url + "/stream?streams=btcusdt@bookTicker/btcusdt@trade"
        async with session.ws_connect(url) as socket:
            combined = [json.loads((await socket.receive(5)).data) for _ in range(20)]
            await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 3})
            while "id" not in (answer := json.loads((await socket.receive(5)).data)):
                pass
        assert {message["stream"] for message in combined} == {"btcusdt@bookTicker", "btcusdt@trade"}
        trade = next(message["data"] for message in combined if message["stream"].endswith("trade"))
        assert trade.keys() == {"e", "E", "T", "s", "t", "p", "q", "X", "m"}
        assert set(answer["result"]) == {"btcusdt@bookTicker", "btcusdt@trade"}
        async with session.ws_connect(venue.ws_url + "/ws/nothing@bookTicker") as socket:
            await socket.send_json({"method": "SUBSCRIBE", "params": ["ethusdt@bookTicker"], "id": 1})
            assert json.loads((await socket.receive(5)).data) == {"result": None, "id": 1}
            assert json.loads((await socket.receive(5)).data)["s"] == "ETHUSDT"


def test_the_leader_leads(venue: Any) -> None:
    """The oracle is the leader's price: what the stream shows is near what the exchange settles by."""
    _, (context,) = venue.info("metaAndAssetCtxs", dex="hyna")

    async def ticker() -> Any:
        url = venue.ws_url + "/ws/hypeusdt@bookTicker"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            return json.loads((await socket.receive(5)).data)

    mid = float(asyncio.run(ticker())["b"])
    assert mid == pytest.approx(float(context["oraclePx"]), rel=0.02)


def test_a_mirror_follows_another_exchange_and_fills_around_it(
    venue: Any, run_exchange: Any, tmp_path: Path
) -> None:
    """Paper trading, rehearsed: one local exchange mirrors another."""
    with run_exchange(tmp_path, "--market", "mirror", venue.url, "--coin", HYPE) as paper:
        deadline = time.monotonic() + 20
        while not all(paper.info("l2Book", coin=HYPE)["levels"]):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        venue.admin("disconnect", {})  # it comes back by itself
        time.sleep(1.5)
        gaps = []
        for _ in range(10):
            here, there = (market.info("allMids", dex="hyna")[HYPE] for market in (paper, venue))
            gaps.append(abs(float(here) / float(there) - 1))
            time.sleep(0.3)
        assert sorted(gaps)[5] < 5e-4
        trader = paper.trader(1)
        asset = 110_000
        trader.isolate(asset)
        filled = trader.order(asset, "B", trader.away(HYPE, 1.02), "1", "Ioc")["filled"]
        assert float(filled["avgPx"]) == pytest.approx(float(paper.info("allMids", dex="hyna")[HYPE]), rel=0.01)
        state = paper.info("clearinghouseState", user=trader.user, dex="hyna")
        assert state["assetPositions"][0]["position"]["szi"] == "1.0"
        assert venue.info("clearinghouseState", user=trader.user, dex="hyna")["assetPositions"] == []


def test_a_recorded_market_shows_the_recorded_touch_at_each_time(
    recordings: Path, run_exchange: Any, tmp_path: Path
) -> None:
    """SOL of 2025-09-04 through the official client: its book is the recording's at that time."""
    import polars as pl

    folder = recordings / "2025-09-04_l2_bbo_trades"
    if not (folder / "SOL_bbo.csv.gz").is_file():
        pytest.skip("SOL of 2025-09-04 is not here")
    recorded = pl.read_csv(folder / "SOL_bbo.csv.gz")
    times = recorded["exchange_timestamp"].to_numpy()
    with run_exchange(tmp_path, "--market", "recorded", str(folder), "--coin", "SOL", "--speed", "20") as venue:
        info = Info(venue.url, skip_ws=True)
        seen = []
        for _ in range(40):
            book = info.l2_snapshot("SOL")
            if all(book["levels"]) and book["time"] >= times[0]:
                seen.append((book["time"], *(float(side[0]["px"]) for side in book["levels"])))
            time.sleep(0.1)
    assert len(seen) > 30
    for at, *touch in seen:
        rows = recorded[: int(times.searchsorted(at, "right"))]
        assert touch == [rows.filter(pl.col("side") == side)["price"][-1] for side in ("bid", "ask")]
