"""The in-memory skin: ccxt's own signing, parsing and error tables, no socket; and what faults do to it."""

import asyncio
from typing import Any

import pytest

from runner.simulator.box import Box
from runner.simulator.limits import Caps
from runner.simulator.rules import Switches
from runner.simulator.session import MemorySession
from tests.simulator.memory_session import arm, entry, error, held, played, stop
from tests.simulator.skins import S, box_of, memory_client


def test_ccxt_trades_in_memory() -> None:
    async def session(client: Any, box: Box) -> None:
        assert (await entry(client))["filled"] == 0.01
        placed = await stop(client)
        assert [one["id"] for one in await client.fetch_open_orders(S, None, None, {"trigger": True})] == [
            placed["id"]
        ]
        await client.cancel_order(placed["id"], S, {"trigger": True})
        await client.create_order(S, "market", "sell", 0.01, None, {"reduceOnly": True})
        assert await client.fetch_positions([S]) == []
        assert not (await client.fetch_position_mode())["hedged"]
        assert (await client.fetch_margin_mode(S))["marginMode"] == "cross"
        assert (await client.fetch_trading_fee(S))["taker"] == 0.0005

    box = played(session)
    assert held(box) == 0


def test_url_hosts_stay_so_that_the_futures_error_table_is_in_play() -> None:
    async def session(client: Any, box: Box) -> None:
        assert client.urls["api"]["fapiPrivate"].startswith("https://fapi.binance.com/")
        with pytest.raises(error("InsufficientFunds")):
            await entry(client, quantity=100)
        with pytest.raises(error("OrderImmediatelyFillable")):
            await stop(client, price=70_000)
        await stop(client)
        with pytest.raises(error("InvalidOrder"), match="-4116"):
            await stop(client)
        with pytest.raises(error("MarginModeAlreadySet")):
            await client.set_margin_mode("cross", S)
        with pytest.raises(error("InvalidOrder"), match="-4120"):
            await client.fapiPrivatePostOrder({"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET"})

    played(session)


def test_a_wrong_key_secret_or_clock_is_refused() -> None:
    async def session(client: Any, box: Box) -> None:
        client.secret = "wrong"
        with pytest.raises(error("AuthenticationError"), match="-1022"):
            await client.fetch_balance()
        client.secret, client.apiKey = "secret", "wrong"
        with pytest.raises(error("AuthenticationError"), match="-2015"):
            await client.fetch_balance()
        client.apiKey = "key"
        client.milliseconds = lambda: box.now_ms + 1000
        with pytest.raises(error("InvalidNonce"), match="ahead"):
            await client.fetch_balance()
        client.milliseconds = lambda: box.now_ms - 10_001
        with pytest.raises(error("InvalidNonce"), match="recvWindow"):
            await client.fetch_balance()

    played(session)


def test_averages_are_in_replies_only_where_the_switch_says_so() -> None:
    async def session(client: Any, box: Box) -> None:
        assert (await entry(client))["average"] is not None

    played(session, switches=Switches(replies_have_averages=True))


# What the wire did, what ccxt makes of it, how much was bought in truth.
WIRE = [
    ("net.drop_before(POST order)", "ExchangeNotAvailable", {0}),
    ("net.drop_after(POST order)", "ExchangeNotAvailable", {0.01}),
    ("net.hang(POST order, executed)", "RequestTimeout", {0.01}),
    ("net.hang(POST order, lost)", "RequestTimeout", {0}),
    ("net.late(POST order, 60ms)", "RequestTimeout", {0.01}),
    ("net.dup(POST order)", None, {0.02}),
    ("net.truncate(POST order)", "ExchangeError", {0.01}),
    ("net.outage for 1m", "ExchangeNotAvailable", {0}),
    ("net.private_down for 1m", "ExchangeNotAvailable", {0}),
    ("http.unknown(POST order, executed)", "OperationFailed", {0.01}),
    ("http.unknown(POST order)", "OperationFailed", {0, 0.01}),
    ("http.unavailable(POST order)", "ExchangeError", {0}),
    ("http.internal(POST order)", "OperationFailed", {0}),
    ("http.overload(POST order)", "OperationFailed", {0}),
    ("http.timeout(POST order, executed)", "RequestTimeout", {0.01}),
    ("http.unexpected(POST order, lost)", "OperationFailed", {0}),
    ("http.gateway(POST order, executed)", "ExchangeNotAvailable", {0.01}),
    ("http.firewall(POST order)", "ExchangeNotAvailable", {0}),
    ("http.busy(POST order)", "DDoSProtection", {0}),
    ("http.ban", "DDoSProtection", {0}),
    ("http.answer(POST order, 500, -9999, 'Something new.')", "ExchangeError", {0}),
    ("ex.retire_endpoint(POST order)", "ExchangeError", {0}),
    ("ex.reject(POST order, -2019)", "InsufficientFunds", {0}),
    ("ex.engine_lag(11s)", "BadRequest", {0}),
    ("clk.skew(11s)", "InvalidNonce", {0}),
    ("clk.skew(-2s)", "InvalidNonce", {0}),
]


@pytest.mark.parametrize(("script", "raised", "truth"), WIRE, ids=[row[0] for row in WIRE])
def test_a_fault_of_the_wire_is_what_ccxt_makes_of_it(
    script: str, raised: str | None, truth: set[float]
) -> None:
    async def session(client: Any, box: Box) -> None:
        arm(box, script)
        if raised is None:
            await entry(client)
            return
        with pytest.raises(error(raised)) as caught:
            await entry(client)
        assert raised not in ("ExchangeError", "OperationFailed") or type(caught.value).__name__ == raised

    box = played(session)
    assert held(box) in truth
    assert sum(box.mischief.hits.values()) >= (0 if "skew" in script or "engine" in script else 1)


@pytest.mark.parametrize("script", ["net.half_json", "net.empty", "net.blank", "net.html"])
def test_an_answer_that_is_none_leaves_the_order_unknown(script: str) -> None:
    async def session(client: Any, box: Box) -> None:
        arm(box, f"{script}(POST order)")
        try:
            told = await entry(client)
        except error("BaseError"):
            return
        except (AttributeError, TypeError):  # ccxt stumbles over the text it was handed
            return
        assert not isinstance(told, dict) or told["id"] is None

    assert held(played(session)) == 0.01


def test_a_delayed_order_is_judged_by_the_time_of_its_arrival() -> None:
    async def session(client: Any, box: Box) -> None:
        arm(box, "net.delay(POST order, 12s)")
        client.timeout = 60_000
        with pytest.raises(error("InvalidNonce")):
            await entry(client)

    box = box_of()

    async def run() -> None:
        async with memory_client(box) as client:
            client.session = MemorySession(box, wait=no_wait)
            await client.load_markets()
            await session(client, box)

    asyncio.run(run())
    assert held(box) == 0


async def no_wait(seconds: float) -> None:
    """Time that passes at once."""


def test_an_overload_lets_exits_and_cancels_pass() -> None:
    async def session(client: Any, box: Box) -> None:
        await entry(client)
        arm(box, "http.overload(POST *) x*")
        with pytest.raises(error("OperationFailed")):
            await entry(client, "e2")
        placed = await stop(client)
        await client.cancel_order(placed["id"], S, {"trigger": True})
        await client.create_order(S, "market", "sell", 0.01, None, {"reduceOnly": True})

    assert held(played(session)) == 0


def test_weights_lead_to_429_then_to_growing_bans() -> None:
    async def session(client: Any, box: Box) -> None:
        for _ in range(8):
            await client.fetch_ohlcv(S, "1h", limit=500)
        assert client.last_response_headers["X-MBX-USED-WEIGHT-1M"] == "41"
        await client.fetch_ohlcv(S, "1h", limit=500)
        with pytest.raises(error("DDoSProtection"), match="429"):
            await client.fetch_ohlcv(S, "1h", limit=500)
        spans = []
        for _ in range(14):
            with pytest.raises(error("DDoSProtection")):
                await client.fetch_time()
            if "418" in str(client.last_http_response) or box.limits.banned_until_ms:
                spans.append(int(client.last_response_headers["Retry-After"]))
        assert spans[0] == 120
        assert spans == sorted(spans)
        assert spans[-1] > spans[0]

    played(session, caps=Caps(50, 0, 0))


def test_order_counts_are_told_and_limited() -> None:
    async def session(client: Any, box: Box) -> None:
        for number in range(3):
            await client.create_order(
                S, "limit", "buy", 0.01, 58_000 + number, {"clientOrderId": f"l{number}"}
            )
        assert client.last_response_headers["X-MBX-ORDER-COUNT-10S"] == "3"
        with pytest.raises(error("DDoSProtection"), match="-1015"):
            await client.create_order(S, "limit", "buy", 0.01, 58_000)
        box.advance_to(box.now_ms + 10_000)
        await client.create_order(S, "limit", "buy", 0.01, 58_000)

    played(session, caps=Caps(0, 3, 0))
