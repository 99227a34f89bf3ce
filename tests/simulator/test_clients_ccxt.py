"""ccxt async and ccxt.pro, which nobody here wrote, trade on the simulator over sockets."""

import asyncio
import time
from typing import Any

import pytest

from runner.simulator.audit import audit
from tests.simulator.skins import HOUR_MS, PLAY_MS, S, box_of, serving, socket_client


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


def test_ccxt_reads_the_market_over_sockets() -> None:
    async def session() -> None:
        async with serving(box_of(wall=wall_ms)) as server, socket_client(server) as client:
            await client.load_markets()
            market = client.market(S)
            assert market["precision"]["price"] == 0.1
            assert market["limits"]["cost"]["min"] == 100.0
            bars = await client.fetch_ohlcv(S, "1h", since=PLAY_MS - 5 * HOUR_MS, limit=5)
            assert [bar[0] for bar in bars] == [PLAY_MS + back * HOUR_MS for back in range(-5, 0)]
            assert len(await client.fapiPublicGetKlines({"symbol": "BTCUSDT", "interval": "1h"})) > 24
            assert (await client.fetch_mark_ohlcv(S, "1h", limit=2))[0][5] == 0
            book = await client.fetch_order_book(S, 5)
            assert book["bids"][0][0] < book["asks"][0][0]
            assert (await client.fetch_bids_asks([S]))[S]["bid"] == book["bids"][0][0]
            assert (await client.fetch_ticker(S))["last"] == pytest.approx(book["asks"][0][0], rel=0.01)
            assert (await client.fetch_funding_rate(S))["fundingRate"] == 0.0001
            assert len(await client.fetch_funding_rate_history(S)) == 4
            assert (await client.fetch_leverage_tiers([S]))[S][0]["maxLeverage"] == 125
            assert await client.fetch_time() == server.box.now_ms

    asyncio.run(session())


def test_ccxt_trades_with_stops_over_sockets() -> None:
    async def session() -> None:
        box = box_of(wall=wall_ms)
        async with serving(box) as server, socket_client(server) as client:
            await client.load_markets()
            await client.set_margin_mode("isolated", S)
            await client.set_leverage(10, S)
            entry = await client.create_order(S, "market", "buy", 0.01, None, {"clientOrderId": "bot-1"})
            assert (entry["status"], entry["filled"], entry["average"]) == ("closed", 0.01, None)
            assert (await client.fetch_order(None, S, {"clientOrderId": "bot-1"}))["average"] > 0
            stop = await client.create_order(
                S, "market", "sell", 0.01, None, {"stopLossPrice": 55_000, "reduceOnly": True}
            )
            everything = await client.create_order(
                S, "STOP_MARKET", "sell", None, None, {"stopPrice": 54_000, "closePosition": True}
            )
            target = await client.create_order(S, "limit", "sell", 0.01, 66_000, {"reduceOnly": False})
            waiting = await client.fetch_open_orders(S, None, None, {"trigger": True})
            assert {one["id"] for one in waiting} == {stop["id"], everything["id"]}
            with pytest.raises(_error("OrderNotFound")):
                await client.cancel_order(stop["id"], S)  # the plain book does not know it
            moved = await client.edit_order(target["id"], S, "limit", "sell", 0.01, 65_000)
            assert moved["price"] == 65_000
            assert (await client.cancel_order(target["id"], S))["status"] == "canceled"
            await client.cancel_all_orders(S)
            assert len(await client.fetch_open_orders(S, None, None, {"trigger": True})) == 2
            await client.cancel_all_orders(S, {"trigger": True})
            assert await client.fetch_open_orders(S, None, None, {"trigger": True}) == []
            [position] = await client.fetch_positions([S])
            assert (position["contracts"], position["marginMode"]) == (0.01, "isolated")
            await client.create_order(S, "market", "sell", 0.01, None, {"reduceOnly": True})
            assert await client.fetch_positions([S]) == []
            balance = await client.fetch_balance()
            assert balance["USDT"]["free"] == balance["USDT"]["total"] < 10_000
            assert len(await client.fetch_my_trades(S)) == 2
            kinds = [row["type"] for row in await client.fetch_ledger("USDT")]
            assert kinds.count("commission") == 2
            assert audit(box.exchange) == []

    asyncio.run(session())


def test_ccxt_pro_hears_its_orders_over_sockets() -> None:
    async def session() -> None:
        box = box_of(wall=wall_ms)
        async with serving(box) as server, socket_client(server) as client:
            await client.load_markets()
            watched = [
                asyncio.create_task(one)
                for one in (client.watch_orders(S), client.watch_my_trades(S), client.watch_balance())
            ]
            await _until(lambda: box.hub.listeners == 1)
            await client.create_order(S, "market", "buy", 0.01, None, {"clientOrderId": "bot-1"})
            orders, fills, balance = await asyncio.wait_for(asyncio.gather(*watched), 5)
            assert orders[0]["clientOrderId"] == "bot-1"
            assert fills[0]["fee"]["cost"] > 0
            assert balance["USDT"]["total"] < 10_000
            await client.create_order(
                S, "market", "sell", 0.01, None, {"stopLossPrice": 55_000, "reduceOnly": True}
            )
            stop = await _wanted(client.watch_orders, lambda one: one["info"].get("o") == "STOP_MARKET")
            assert stop["status"] == "open"
            positions = asyncio.create_task(client.watch_positions([S]))
            await asyncio.sleep(0.05)
            await client.create_order(S, "market", "buy", 0.01)
            assert (await asyncio.wait_for(positions, 5))[0]["contracts"] == 0.02

    asyncio.run(session())


def test_ccxt_pro_hears_the_market_over_sockets() -> None:
    async def session() -> None:
        box = box_of(wall=wall_ms)
        async with serving(box) as server, socket_client(server) as client:
            await client.load_markets()
            watched = [
                asyncio.create_task(one)
                for one in (
                    client.watch_ohlcv(S, "1h"),
                    client.watch_order_book(S),
                    client.watch_ticker(S),
                    client.watch_mark_price(S),
                    client.watch_bids_asks([S]),
                    client.watch_trades(S),
                )
            ]
            await _until(lambda: box.hub.heard >= 6)
            box.play_bar()
            bars, book, ticker, mark, best, prints = await asyncio.wait_for(asyncio.gather(*watched), 5)
            assert bars[0][0] == PLAY_MS + HOUR_MS
            assert book["bids"][0][0] < book["asks"][0][0]
            assert ticker["last"] > 0
            assert mark["markPrice"] > 0
            assert best[S]["bid"] < best[S]["ask"]
            assert prints[0]["price"] > 0

    asyncio.run(session())


def test_with_the_table_restored_ccxt_knows_futures_errors() -> None:
    async def session() -> None:
        async with serving(box_of(wall=wall_ms)) as server, socket_client(server) as client:
            await client.load_markets()
            for wanted, sent in (
                ("InsufficientFunds", ("market", "buy", 100)),
                ("InvalidOrder", ("limit", "buy", 0.001, 50_000)),
                ("OrderImmediatelyFillable", ("market", "sell", 0.01, None, {"stopLossPrice": 70_000})),
                ("InvalidOrder", ("market", "sell", 0.01, None, {"reduceOnly": True})),
            ):
                with pytest.raises(_error(wanted)):
                    await client.create_order(S, *sent)

    asyncio.run(session())


def _error(name: str) -> Any:
    import ccxt

    return getattr(ccxt, name)


async def _until(holds: Any) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.01)


async def _wanted(watch: Any, is_wanted: Any) -> Any:
    """The first watched order that is wanted; ccxt hands out several at once."""
    async with asyncio.timeout(5):
        while True:
            for one in await watch(S):
                if is_wanted(one):
                    return one
