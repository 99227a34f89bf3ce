"""Streams in memory: who hears what, on which path, and what faults do to it."""

import asyncio
import json
from typing import Any

import pytest

from runner.simulator.box import Box
from runner.simulator.faults import parse_faults
from runner.simulator.refusal import Refused
from runner.simulator.streams import Listener
from runner.simulator.types import NewAlgo, NewOrder
from tests.simulator.skins import HOUR_MS, S, box_of, memory_client


class Ear:
    """One connection of a test."""

    def __init__(self, box: Box, target: str) -> None:
        self.texts: list[tuple[str, int]] = []
        self.closed: list[int] = []
        listener = box.hub.connect(
            target, lambda text, late_ms: self.texts.append((text, late_ms)), self.closed.append
        )
        assert listener is not None
        self.listener: Listener = listener

    @property
    def rows(self) -> list[Any]:
        return [json.loads(text) for text, _ in self.texts]

    @property
    def kinds(self) -> list[str]:
        return [row["e"] for row in self.rows]


def private(box: Box, path: str = "/private/ws?listenKey={}") -> Ear:
    return Ear(box, path.format(box.keys.open("main")))


def buy(box: Box, name: str = "e1") -> None:
    from decimal import Decimal

    box.exchange.orders.place(
        "main",
        NewOrder(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=Decimal("0.01"), client_id=name),
    )
    box.settle()


def arm(box: Box, script: str) -> None:
    for fault in parse_faults(script, box.now_ms):
        box.arm(fault)
    box.settle()


@pytest.mark.parametrize(
    "path", ["/private/ws?listenKey={}", "/private/ws/{}", "/ws/{}", "/private/stream?streams={}"]
)
def test_a_fill_is_told_on_every_private_path(path: str) -> None:
    box = box_of()
    ear = private(box, path)
    buy(box)
    rows = [row.get("data", row) for row in ear.rows]
    assert [row["e"] for row in rows].count("ORDER_TRADE_UPDATE") == 2
    assert "ACCOUNT_UPDATE" in [row["e"] for row in rows]
    assert "TRADE_LITE" in [row["e"] for row in rows]
    assert ("stream" in ear.rows[0]) == ("stream" in path)


def test_a_stop_and_settings_are_told() -> None:
    from decimal import Decimal

    box = box_of()
    ear = private(box)
    box.exchange.algos.place(
        "main",
        NewAlgo(
            symbol="BTCUSDT",
            side="SELL",
            type="TRAILING_STOP_MARKET",
            quantity=Decimal("0.01"),
            callback_ratio=Decimal(1),
        ),
    )
    box.exchange.desk.set_leverage("main", "BTCUSDT", 7)
    box.settle()
    assert {"ALGO_UPDATE", "ACCOUNT_CONFIG_UPDATE"} <= set(ear.kinds)
    assert ear.rows[0]["o"]["cr"] == "1"
    assert {"s": "BTCUSDT", "l": 7} in [row.get("ac") for row in ear.rows]


def test_a_stream_on_the_wrong_path_gives_nothing_and_no_error() -> None:
    box = box_of()
    wrong, right = Ear(box, "/public/ws/btcusdt@kline_1h"), Ear(box, "/market/ws/btcusdt@kline_1h")
    box.play_bar()
    assert wrong.texts == []
    assert [row["k"]["x"] for row in right.rows].count(True) == 1


def test_subscriptions_come_and_go() -> None:
    box = box_of()
    ear = Ear(box, "/market/ws/1")
    box.hub.command(ear.listener, '{"method":"SUBSCRIBE","params":["btcusdt@markPrice"],"id":1}')
    box.hub.command(ear.listener, '{"method":"LIST_SUBSCRIPTIONS","id":2}')
    box.hub.command(ear.listener, '{"method":"DANCE","id":3}')
    box.hub.command(ear.listener, "no json")
    assert ear.rows[:2] == [{"result": None, "id": 1}, {"result": ["btcusdt@markPrice"], "id": 2}]
    assert [row["error"]["code"] for row in ear.rows[2:]] == [2, 3]
    box.play_bar()
    told = len(ear.texts)
    assert told > 4
    box.hub.command(ear.listener, '{"method":"UNSUBSCRIBE","params":["btcusdt@markPrice"],"id":4}')
    box.play_bar()
    assert len(ear.texts) == told + 1


def test_a_depth_stream_leads_from_a_snapshot_to_the_book_as_it_is() -> None:
    box = box_of()
    ear = Ear(box, "/public/ws/btcusdt@depth")
    bids, asks = box.exchange.depth("BTCUSDT", 1000)
    kept = [{str(one.price): str(one.quantity) for one in side} for side in (bids, asks)]
    box.play_bar()
    last = None
    for row in ear.rows:
        assert last in (None, row["pu"])
        last = row["u"]
        for side, key in zip(kept, "ba", strict=True):
            side.update(dict(row[key]))
    now = [
        {str(one.price): str(one.quantity) for one in side} for side in box.exchange.depth("BTCUSDT", 1000)
    ]
    assert [{price: q for price, q in side.items() if q != "0"} for side in kept] == now


def test_listen_keys_last_an_hour_and_expiry_is_told() -> None:
    box = box_of()
    ear = private(box)
    box.advance_to(box.now_ms + HOUR_MS - 1)
    box.keys.keep("main")
    box.advance_to(box.now_ms + HOUR_MS - 1)
    assert "listenKeyExpired" not in ear.kinds
    box.advance_to(box.now_ms + 1)
    assert ear.kinds[-1] == "listenKeyExpired"
    buy(box)
    assert ear.kinds[-1] == "listenKeyExpired"  # mute, and still open
    assert ear.closed == []
    with pytest.raises(Refused, match="-1125"):
        box.keys.keep("main")


def test_a_connection_ends_after_a_day() -> None:
    box = box_of()
    ear = Ear(box, "/market/ws/btcusdt@kline_1h")
    box.advance_to(box.now_ms + 24 * HOUR_MS)
    assert ear.closed == [1001]


def test_messages_are_dropped_doubled_swapped_and_late() -> None:
    box = box_of()
    ear = private(box)
    arm(box, "ws.drop(ORDER_TRADE_UPDATE/NEW); ws.dup(ORDER_TRADE_UPDATE/TRADE)")
    buy(box)
    assert [row["o"]["x"] for row in ear.rows if row["e"] == "ORDER_TRADE_UPDATE"] == ["TRADE", "TRADE"]
    ear.texts.clear()
    buy(box, "e2")
    plain = ear.kinds
    ear.texts.clear()
    arm(box, f"ws.reorder({plain[0]}); ws.lag(3s, private)")
    buy(box, "e3")
    assert ear.kinds == [plain[1], plain[0], *plain[2:]]
    assert {late_ms for _, late_ms in ear.texts} == {3000}


def test_streams_fall_silent_die_and_are_refused() -> None:
    box = box_of()
    user, market = private(box), Ear(box, "/market/ws/btcusdt@markPrice")
    arm(box, "ws.silent(private) for 1h")
    buy(box)
    assert user.texts == []
    box.play_bar()
    assert market.texts != []
    arm(box, "ws.kill(private); ws.refuse(market) for 1h; ws.expire_key")
    assert (user.closed, market.closed) == ([1006], [])
    assert box.hub.connect("/market/ws/btcusdt@markPrice", lambda *_: None, lambda _: None) is None


def test_bars_are_closed_twice_never_or_too_early() -> None:
    def closes(script: str) -> list[bool]:
        box = box_of(script)
        ear = Ear(box, "/market/ws/btcusdt@kline_1h")
        box.play_bar()
        return [row["k"]["x"] for row in ear.rows]

    assert closes("").count(True) == 1
    assert closes("feed.dup").count(True) == 2
    assert closes("feed.drop_close").count(True) == 0
    assert all(closes("feed.partial(on)"))
    assert closes("feed.freeze for 10h") == []


def test_a_wick_moves_the_last_price_and_not_the_mark() -> None:
    box = box_of()
    ear = Ear(box, "/ws/btcusdt@aggTrade/btcusdt@markPrice")
    ear.listener.category = ""
    before = box.exchange.last_price("BTCUSDT")
    arm(box, "feed.wick(BTCUSDT, -20%)")
    prices = [row["p"] for row in ear.rows if row["e"] == "aggTrade"]
    assert float(prices[0]) == pytest.approx(float(before) * 0.8, rel=0.001)
    assert box.exchange.last_price("BTCUSDT") == before
    assert "markPriceUpdate" not in ear.kinds


def test_ccxt_pro_watches_in_memory() -> None:
    async def session() -> None:
        import ccxt

        box = box_of()
        async with memory_client(box) as client:
            await client.load_markets()
            watched = [
                asyncio.create_task(one) for one in (client.watch_orders(S), client.watch_ohlcv(S, "1h"))
            ]
            while box.hub.heard < 2:
                await asyncio.sleep(0)
            await client.create_order(S, "market", "buy", 0.01, None, {"clientOrderId": "e1"})
            box.play_bar()
            orders, bars = await asyncio.wait_for(asyncio.gather(*watched), 5)
            assert orders[0]["clientOrderId"] == "e1"
            assert len(bars) == 1
            waiting = asyncio.create_task(client.watch_ohlcv(S, "1h"))
            while (await asyncio.wait([waiting], timeout=0.1))[0]:
                waiting = asyncio.create_task(client.watch_ohlcv(S, "1h"))  # what was told before
            arm(box, "ws.kill(all, 1001)")
            with pytest.raises(ccxt.NetworkError, match="1001"):
                await asyncio.wait_for(waiting, 5)

    asyncio.run(session())
