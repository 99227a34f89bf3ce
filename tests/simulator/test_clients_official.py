"""Binance's own SDK and python-binance trade on the simulator over sockets; typed answers lack no field."""

import asyncio
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from runner.simulator.audit import audit
from tests.simulator.skins import box_of, serving

B = "BTCUSDT"
# What the typed answers name and the exchange itself sends only sometimes, or never on USDⓈ-M.
SOMETIMES = {
    "icebergQuantity",  # null, also in the exchange's own examples
    "activatePrice",  # trailing stops
    "priceRate",
    "modifyId",  # when one was sent
    "cumBase",  # COIN-M
    "baseQty",
    "marginAsset",
    "pair",
    "code",  # refused rows of a batch
    "msg",
    "HEDGE",  # hedge mode
    "LONG",
    "SHORT",
}
USER_EVENTS = {"OrderTradeUpdate", "AlgoUpdate", "AccountUpdate", "AccountConfigUpdate", "TradeLite"}
SOMETIMES_TOLD = {
    "M",  # when the amendment had an id
    "AP",  # trailing stops
    "cr",
    "ia",
    "ai",  # leverage, or multi-assets
}
READS: list[tuple[str, dict[str, Any]]] = [
    ("check_server_time", {}),
    ("exchange_information", {}),
    ("order_book", {"symbol": B, "limit": 5}),
    ("recent_trades_list", {"symbol": B}),
    ("old_trades_lookup", {"symbol": B}),
    ("compressed_aggregate_trades_list", {"symbol": B}),
    ("kline_candlestick_data", {"symbol": B, "interval": "1h"}),
    ("mark_price_kline_candlestick_data", {"symbol": B, "interval": "1h"}),
    ("index_price_kline_candlestick_data", {"pair": B, "interval": "1h"}),
    (
        "continuous_contract_kline_candlestick_data",
        {"pair": B, "contract_type": "PERPETUAL", "interval": "1h"},
    ),
    ("mark_price", {"symbol": B}),
    ("mark_price", {}),
    ("get_funding_rate_history", {"symbol": B}),
    ("get_funding_rate_info", {}),
    ("ticker24hr_price_change_statistics", {"symbol": B}),
    ("ticker24hr_price_change_statistics", {}),
    ("symbol_price_ticker", {"symbol": B}),
    ("symbol_price_ticker_v2", {"symbol": B}),
    ("symbol_order_book_ticker", {"symbol": B}),
    ("test_order", {"symbol": B, "side": "BUY", "type": "MARKET", "quantity": 0.01}),
    ("query_order", {"symbol": B, "orig_client_order_id": "e1"}),
    ("query_current_open_order", {"symbol": B, "orig_client_order_id": "l1"}),
    ("current_all_open_orders", {"symbol": B}),
    ("all_orders", {"symbol": B}),
    ("query_algo_order", {"client_algo_id": "s1"}),
    ("current_all_algo_open_orders", {}),
    ("query_all_algo_orders", {"symbol": B}),
    ("account_trade_list", {"symbol": B}),
    ("account_information_v2", {}),
    ("account_information_v3", {}),
    ("futures_account_balance_v2", {}),
    ("futures_account_balance_v3", {}),
    ("futures_account_configuration", {}),
    ("position_information_v2", {"symbol": B}),
    ("position_information_v3", {"symbol": B}),
    ("symbol_configuration", {"symbol": B}),
    ("notional_and_leverage_brackets", {"symbol": B}),
    ("user_commission_rate", {"symbol": B}),
    ("get_income_history", {}),
    ("get_current_position_mode", {}),
    ("get_current_multi_assets_mode", {}),
    ("query_user_rate_limit", {}),
    ("position_adl_quantile_estimation", {"symbol": B}),
    ("users_force_orders", {}),
    ("start_user_data_stream", {}),
    ("keepalive_user_data_stream", {}),
]
WRITES: list[tuple[str, dict[str, Any]]] = [
    ("change_initial_leverage", {"symbol": B, "leverage": 10}),
    ("change_margin_type", {"symbol": B, "margin_type": "ISOLATED"}),
    (
        "new_order",
        {"symbol": B, "side": "BUY", "type": "MARKET", "quantity": 0.01, "new_client_order_id": "e1"},
    ),
    (
        "new_order",
        {
            "symbol": B,
            "side": "BUY",
            "type": "LIMIT",
            "time_in_force": "GTC",
            "quantity": 0.01,
            "price": 59_000,
            "new_client_order_id": "l1",
        },
    ),
    (
        "modify_order",
        {"symbol": B, "side": "BUY", "quantity": 0.02, "price": 59_001, "orig_client_order_id": "l1"},
    ),
    (
        "new_algo_order",
        {
            "algo_type": "CONDITIONAL",
            "symbol": B,
            "side": "SELL",
            "type": "STOP_MARKET",
            "quantity": 0.01,
            "trigger_price": 55_000,
            "reduce_only": "true",
            "client_algo_id": "s1",
        },
    ),
    ("modify_isolated_position_margin", {"symbol": B, "amount": 10, "type": 1}),
]
ENDS: list[tuple[str, dict[str, Any]]] = [
    ("cancel_algo_order", {"client_algo_id": "s1"}),
    ("cancel_all_algo_open_orders", {"symbol": B}),
    ("cancel_order", {"symbol": B, "orig_client_order_id": "l1"}),
    ("cancel_all_open_orders", {"symbol": B}),
    ("auto_cancel_all_open_orders", {"symbol": B, "countdown_time": 0}),
    ("close_user_data_stream", {}),
]


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


def test_the_official_sdk_finds_every_field(caplog: pytest.LogCaptureFixture) -> None:
    async def session() -> None:
        box = box_of(wall=wall_ms)
        async with serving(box) as server:
            await asyncio.to_thread(_official_session, server.url)
        assert audit(box.exchange) == []

    with caplog.at_level(logging.WARNING):
        asyncio.run(session())
    assert [record.message for record in caplog.records if "parse" in record.message] == []


def _official_session(url: str) -> None:
    from binance_common.configuration import ConfigurationRestAPI
    from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import (
        DerivativesTradingUsdsFutures,
    )

    client = DerivativesTradingUsdsFutures(
        config_rest_api=ConfigurationRestAPI(api_key="key", api_secret="secret", base_path=url, retries=0)
    ).rest_api
    try:
        for name, sent in [*WRITES, *READS, *ENDS]:
            told = getattr(client, name)(**sent).data()
            missing = set(_missing(told)) - SOMETIMES
            assert not missing, f"{name}: {sorted(missing)}"
    finally:
        client._session.close()


def _missing(told: Any) -> Iterator[str]:
    """Names of fields that a typed answer has and the reply did not fill; filters have their own only."""
    from pydantic import BaseModel

    if isinstance(told, list):
        for one in told:
            yield from _missing(one)
        return
    if not isinstance(told, BaseModel) or "FiltersInner" in type(told).__name__:
        return
    inner = getattr(told, "actual_instance", None)
    if inner is not None:
        yield from _missing(inner)
        return
    for name, field in type(told).model_fields.items():
        if name == "additional_properties":
            continue
        if getattr(told, name) is None:
            yield field.alias or name
        yield from _missing(getattr(told, name))


def test_the_official_sdk_hears_streams() -> None:
    async def session() -> list[Any]:
        from binance_common.configuration import ConfigurationWebSocketStreams
        from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import (
            DerivativesTradingUsdsFutures,
        )

        box = box_of(wall=wall_ms)
        heard: list[Any] = []
        async with serving(box) as server:
            client = DerivativesTradingUsdsFutures(
                config_ws_streams=ConfigurationWebSocketStreams(
                    stream_url=server.stream_url, reconnect_delay=100
                )
            )
            connection = await client.websocket_streams.create_connection()
            streams = [
                await connection.kline_candlestick_streams(symbol="btcusdt", interval="1h"),
                await connection.mark_price_stream(symbol="btcusdt", update_speed="1s"),
                await connection.aggregate_trade_streams(symbol="btcusdt"),
                await connection.individual_symbol_book_ticker_streams(symbol="btcusdt"),
                await connection.individual_symbol_ticker_streams(symbol="btcusdt"),
            ]
            for stream in streams:
                stream.on("message", heard.append)
            async with asyncio.timeout(5):
                while box.hub.heard < len(streams):
                    await asyncio.sleep(0.01)
            box.play_bar()
            async with asyncio.timeout(5):
                while len({type(one) for one in heard}) < len(streams):
                    await asyncio.sleep(0.01)
            await connection.close_connection(close_session=True)
        return heard

    for told in asyncio.run(session()):
        missing = set(_missing(told))
        assert not missing, f"{type(told).__name__}: {sorted(missing)}"


def test_the_official_sdk_hears_user_events() -> None:
    async def session() -> list[Any]:
        from binance_common.configuration import ConfigurationWebSocketStreams
        from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import (
            DerivativesTradingUsdsFutures,
        )

        box = box_of(wall=wall_ms)
        heard: list[Any] = []
        async with serving(box) as server:
            client = DerivativesTradingUsdsFutures(
                config_ws_streams=ConfigurationWebSocketStreams(
                    stream_url=server.stream_url, reconnect_delay=100
                )
            )
            connection = await client.websocket_streams.create_connection()
            stream = await connection.user_data(box.keys.open("main"))
            stream.on("message", heard.append)
            async with asyncio.timeout(5):
                while box.hub.heard < 1:
                    await asyncio.sleep(0.01)
            await asyncio.to_thread(_official_session, server.url)
            async with asyncio.timeout(5):
                while len({type(one.actual_instance) for one in heard}) < len(USER_EVENTS):
                    await asyncio.sleep(0.01)
            await connection.close_connection(close_session=True)
        return [one.actual_instance for one in heard]

    told = asyncio.run(session())
    assert {type(one).__name__ for one in told} == USER_EVENTS
    for one in told:
        missing = set(_missing(one)) - SOMETIMES_TOLD
        assert not missing, f"{type(one).__name__}: {sorted(missing)}"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # its own imports of websockets
def test_python_binance_trades_over_sockets() -> None:
    async def session() -> None:
        from binance import AsyncClient

        box = box_of(wall=wall_ms)
        async with serving(box) as server:
            client = AsyncClient("key", "secret")
            client.FUTURES_URL = f"{server.url}/fapi"
            try:
                await client.futures_change_leverage(symbol=B, leverage=10)
                entry = await client.futures_create_order(
                    symbol=B, side="BUY", type="MARKET", quantity="0.010"
                )
                assert entry["status"] == "NEW"  # ACK is the default there
                stop = await client.futures_create_order(
                    symbol=B, side="SELL", type="STOP_MARKET", triggerPrice="55000", closePosition="true"
                )
                assert stop["algoStatus"] == "NEW"
                assert len(await client.futures_get_open_orders(symbol=B, conditional=True)) == 1
                [position] = await client.futures_position_information(symbol=B)
                assert position["positionAmt"] == "0.010"
                assert (await client.futures_account_balance())[0]["asset"] == "USDT"
                assert len((await client.futures_klines(symbol=B, interval="1h", limit=3))[0]) == 12
                await client.futures_cancel_order(symbol=B, algoId=stop["algoId"], conditional=True)
                await client.futures_create_order(
                    symbol=B, side="SELL", type="MARKET", quantity="0.010", reduceOnly="true"
                )
            finally:
                await client.close_connection()
        assert audit(box.exchange) == []

    asyncio.run(session())
