"""Stored bars become a market: the way through a bar, levels met on it, candles, funding."""

from decimal import Decimal
from random import Random

import numpy as np
import pytest

from runner.errors import UsageError
from runner.simulator.audit import audit
from runner.simulator.catalogue import recorded_rules
from runner.simulator.events import Candle, CandleEvent, MarketTrade
from runner.simulator.exchange import Exchange
from runner.simulator.history import Span
from runner.simulator.player import Player
from runner.simulator.reel import PlayerSettings
from runner.simulator.refusal import Refused
from runner.simulator.shape import BookShape
from runner.simulator.tape import BarColumns, MarketHistory
from runner.simulator.types import NewAlgo, NewOrder
from tests.simulator.model_market import EVEN, d

MINUTE, HOUR = 60_000, 3_600_000
START_MS = 1_700_006_400_000  # 2023-11-15 00:00 UTC
SYMBOL = "BTCUSDT"
Row = tuple[float, float, float, float, float]


def columns(rows: list[Row], timeframe_ms: int = HOUR, first_ms: int = START_MS) -> BarColumns:
    table = np.array(rows, dtype=np.float64)
    times = first_ms + timeframe_ms * np.arange(len(rows), dtype=np.int64)
    return BarColumns(timeframe_ms, times, *(table[:, place].copy() for place in range(5)))


BARS: list[Row] = [
    (60000.0, 60500.0, 59000.0, 60200.0, 90.0),
    (60250.0, 60300.0, 59900.0, 60000.0, 30.0),
    (60000.0, 61000.0, 59990.0, 60900.0, 60.0),
]


def playing(
    rows: list[Row] = BARS,
    *,
    path: str = "adverse",
    mark: BarColumns | None = None,
    funding: list[tuple[int, float]] | None = None,
    start_ms: int = START_MS,
    steps: int = 1,
    shape: BookShape = EVEN,
) -> tuple[Exchange, Player]:
    exchange = Exchange(recorded_rules(), start_ms=start_ms - 1, shape=shape)
    exchange.open_account("me", d("10000"))
    times = np.array([time for time, _ in funding or []], dtype=np.int64)
    ratios = np.array([ratio for _, ratio in funding or []], dtype=np.float64)
    history = MarketHistory(SYMBOL, columns(rows), mark, times, ratios)
    settings = PlayerSettings(path=path, steps_per_leg=steps)
    return exchange, Player(exchange, [history], start_ms=start_ms, settings=settings)


def prints(exchange: Exchange) -> list[Decimal]:
    return [event.price for event in exchange.take_events() if isinstance(event, MarketTrade)]


def buy(exchange: Exchange, quantity: str = "0.01", side: str = "BUY") -> None:
    order = NewOrder(symbol=SYMBOL, side=side, type="MARKET", quantity=d(quantity))
    assert exchange.orders.place("me", order).status == "FILLED"


def test_a_bar_is_its_open_two_extremes_and_its_close() -> None:
    exchange, player = playing()
    exchange.take_events()
    times = []
    while (due := player.next_ms()) is not None and due <= START_MS + HOUR:
        times.append((due - START_MS, player.step()))
        assert exchange.now_ms == due
    assert times == [
        (0, "open"),
        (HOUR // 3, "inside"),
        (2 * HOUR // 3, "inside"),
        (HOUR - 1, "inside"),
        (HOUR, "boundary"),
        (HOUR, "open"),
    ]
    assert prints(exchange) == [d("60000"), d("60500"), d("59000"), d("60200"), d("60250")]


@pytest.mark.parametrize(
    ("path", "side", "first"),
    [
        ("adverse", "BUY", "59000"),
        ("adverse", "SELL", "60500"),
        ("favourable", "BUY", "60500"),
        ("favourable", "SELL", "59000"),
        ("nearest", "BUY", "60500"),
        ("nearest", "SELL", "60500"),
    ],
)
def test_the_way_depends_on_who_is_in(path: str, side: str, first: str) -> None:
    exchange, player = playing(path=path)
    player.step()
    buy(exchange, side=side)
    exchange.take_events()
    player.step()
    assert prints(exchange) == [d(first)]


def test_a_waiting_entry_meets_first_the_extreme_that_would_have_helped() -> None:
    for side, price, first in (("BUY", "58000.0", "60500"), ("SELL", "62000.0", "59000")):
        exchange, player = playing()
        player.step()
        order = NewOrder(
            symbol=SYMBOL, side=side, type="LIMIT", quantity=d("0.01"), price=d(price), time_in_force="GTC"
        )
        exchange.orders.place("me", order)
        exchange.take_events()
        player.step()
        assert prints(exchange)[0] == d(first)


def test_stops_and_limits_are_met_at_their_levels_on_the_way() -> None:
    exchange, player = playing()
    player.step()
    buy(exchange)
    stop = NewAlgo(
        symbol=SYMBOL, side="SELL", type="STOP_MARKET", trigger_price=d("59500.0"), close_position=True
    )
    algo = exchange.algos.place("me", stop)
    player.run_to_boundary()
    child = exchange.orders.get("me", SYMBOL, exchange.algos.get("me", algo.algo_id).order_id)
    assert child.average_price == d("59500.0")
    assert child.created_ms == START_MS + HOUR // 6
    assert audit(exchange) == []


def test_a_mark_stop_is_met_where_the_mark_reaches_it() -> None:
    mark = columns([(60000.0, 60100.0, 59600.0, 60150.0, 0.0), *BARS[1:]])
    exchange, player = playing(mark=mark)
    player.step()
    buy(exchange)
    stop = NewAlgo(
        symbol=SYMBOL,
        side="SELL",
        type="STOP_MARKET",
        trigger_price=d("59800.0"),
        working_type="MARK_PRICE",
        close_position=True,
    )
    algo = exchange.algos.place("me", stop)
    player.run_to_boundary()
    child = exchange.orders.get("me", SYMBOL, exchange.algos.get("me", algo.algo_id).order_id)
    assert child.average_price == d("59500.0")  # half way down the leg, as the mark is
    assert exchange.premium(SYMBOL).mark_price == d("60150")


def test_a_trailing_stop_is_met_after_the_extreme() -> None:
    exchange, player = playing(path="favourable")
    player.step()
    buy(exchange)
    trailing = NewAlgo(
        symbol=SYMBOL,
        side="SELL",
        type="TRAILING_STOP_MARKET",
        quantity=d("0.01"),
        callback_ratio=d("1"),
        reduce_only=True,
    )
    algo = exchange.algos.place("me", trailing)
    player.run_to_boundary()
    child = exchange.orders.get("me", SYMBOL, exchange.algos.get("me", algo.algo_id).order_id)
    assert child.average_price == d("59895.0")  # 60500 × 0.99


def test_liquidation_is_met_at_its_mark() -> None:
    exchange, player = playing()
    player.step()
    exchange.desk.set_margin_type("me", SYMBOL, "ISOLATED")
    exchange.desk.set_leverage("me", SYMBOL, 100)
    buy(exchange, "0.1")
    level = exchange.desk.positions("me", SYMBOL)[0].liquidation_price
    player.step()
    assert exchange.premium(SYMBOL).mark_price == level.quantize(d("0.00000001"))
    assert len(exchange.desk.force_orders("me")) == 1
    assert audit(exchange) == []


def test_at_the_boundary_orders_meet_the_next_open_before_anything_trades() -> None:
    exchange, player = playing()
    player.watch(SYMBOL, HOUR)
    assert player.run_to_boundary() == START_MS + HOUR
    closed = [event for event in exchange.take_events() if isinstance(event, CandleEvent) and event.is_closed]
    assert [event.candle.close for event in closed] == [d("60200")]
    assert exchange.last_price(SYMBOL) == d("60200")
    bid, ask = exchange.book_ticker(SYMBOL)
    assert (bid.price, ask.price) == (d("60249.9"), d("60250.0"))
    buy(exchange)
    assert exchange.orders.trades("me", SYMBOL)[0].price == d("60250.0")
    assert player.run_to_boundary() == START_MS + 2 * HOUR
    assert player.run_to_boundary() == START_MS + 3 * HOUR
    assert player.run_to_boundary() is None
    assert player.next_ms() is None


def test_time_may_be_driven_from_outside() -> None:
    exchange, player = playing(steps=4)
    player.advance_to(START_MS + HOUR // 12)
    assert exchange.now_ms == START_MS + HOUR // 12
    assert exchange.last_price(SYMBOL) == d("60125")  # a quarter of the first leg, upwards for who is flat
    player.advance_to(START_MS + 100 * HOUR)
    assert exchange.now_ms == START_MS + 100 * HOUR
    assert exchange.last_price(SYMBOL) == d("60900")


def test_an_order_placed_on_the_way_is_met_by_the_rest_of_it() -> None:
    exchange, player = playing(steps=2)
    player.advance_to(START_MS + HOUR // 2)  # from 60500 to 59000, half way: 59750
    assert exchange.last_price(SYMBOL) == d("59750")
    buy(exchange)
    stop = NewAlgo(
        symbol=SYMBOL, side="SELL", type="STOP_MARKET", trigger_price=d("59300.0"), close_position=True
    )
    algo = exchange.algos.place("me", stop)
    player.advance_to(START_MS + HOUR)
    child = exchange.orders.get("me", SYMBOL, exchange.algos.get("me", algo.algo_id).order_id)
    assert child.average_price == d("59300.0")


def candle_of(rows: list[Row], of: slice) -> tuple[float, float, float, float, float]:
    chosen = rows[of]
    return (
        chosen[0][0],
        max(row[1] for row in chosen),
        min(row[2] for row in chosen),
        chosen[-1][3],
        sum(row[4] for row in chosen),
    )


def figures(candle: Candle) -> tuple[float, float, float, float, float]:
    return (
        float(candle.open),
        float(candle.high),
        float(candle.low),
        float(candle.close),
        float(candle.volume),
    )


def test_candles_of_any_longer_timeframe_are_the_joined_bars() -> None:
    rows = [(60000.0 + i, 60010.0 + 2 * i, 59990.0 - i, 60001.0 + i, 5.0 + i) for i in range(12)]
    exchange, player = playing(rows)
    player.watch(SYMBOL, 4 * HOUR)
    player.watch(SYMBOL, HOUR, "mark")
    while player.run_to_boundary() is not None:
        pass
    closed = [event for event in exchange.take_events() if isinstance(event, CandleEvent) and event.is_closed]
    four = [figures(event.candle) for event in closed if event.timeframe_ms == 4 * HOUR]
    assert four == [candle_of(rows, slice(start, start + 4)) for start in (0, 4, 8)]
    assert len([event for event in closed if event.kind == "mark"]) == 12
    asked = player.klines(SYMBOL, 4 * HOUR)
    assert [figures(candle) for candle in asked] == four
    assert asked[0].close_ms == START_MS + 4 * HOUR - 1
    assert [figures(candle)[4] for candle in player.klines(SYMBOL, HOUR, kind="mark")] == [0.0] * 12


def test_the_last_candle_is_the_running_one() -> None:
    exchange, player = playing(start_ms=START_MS + HOUR)
    before = player.klines(SYMBOL, HOUR)
    assert [candle.open_ms for candle in before] == [START_MS]
    player.step()  # open of the second bar
    player.step()  # up to 60300 first: nobody is in
    rows = player.klines(SYMBOL, 2 * HOUR)
    assert [figures(candle)[:4] for candle in rows] == [(60000.0, 60500.0, 59000.0, 60300.0)]
    assert figures(rows[0])[4] == 100.0  # all of the first bar, a third of the second
    assert [candle.open_ms for candle in player.klines(SYMBOL, HOUR)] == [START_MS, START_MS + HOUR]
    player.run_to_boundary()
    latest = player.klines(SYMBOL, HOUR)[-1]
    assert latest.open_ms == START_MS + 2 * HOUR  # quoted, not traded yet
    assert figures(latest) == (60000.0, 60000.0, 60000.0, 60000.0, 0.0)
    assert player.day_candle(SYMBOL).volume == 120
    assert player.day_candle(SYMBOL).low == 59000
    assert exchange.now_ms == START_MS + 2 * HOUR


def test_klines_never_show_what_has_not_happened() -> None:
    _, player = playing()
    player.run_to_boundary()
    everything = player.klines(SYMBOL, HOUR, Span(start_ms=0, end_ms=START_MS + 10 * HOUR))
    assert [candle.open_ms for candle in everything] == [START_MS, START_MS + HOUR]
    assert everything[-1].high == d("60250")


def test_klines_are_paged_by_time() -> None:
    rows = [(60000.0, 60010.0, 59990.0, 60001.0, 5.0)] * 30
    _, player = playing(rows)
    player.advance_to(START_MS + 28 * HOUR)
    opens = [
        (candle.open_ms - START_MS) // HOUR
        for candle in player.klines(SYMBOL, HOUR, Span(start_ms=START_MS + 5 * HOUR - 1, limit=3))
    ]
    assert opens == [5, 6, 7]
    opens = [
        (candle.open_ms - START_MS) // HOUR
        for candle in player.klines(SYMBOL, HOUR, Span(end_ms=START_MS + 9 * HOUR + 5, limit=2))
    ]
    assert opens == [8, 9]
    assert len(player.klines(SYMBOL, 4 * HOUR, Span(limit=5))) == 5
    with pytest.raises(Refused, match="-1120"):
        player.klines(SYMBOL, 15 * MINUTE)
    with pytest.raises(Refused, match="-1121"):
        player.klines("ETHUSDT", HOUR)
    assert player.timeframes(SYMBOL) == ("1h", "2h", "4h", "6h", "8h", "12h", "1d")


def test_funding_is_paid_on_the_position_carried_into_the_hour_at_the_next_mark() -> None:
    funding = [(START_MS + HOUR + 3, 0.001), (START_MS + 2 * HOUR, -0.002)]
    exchange, player = playing(funding=funding)
    assert exchange.premium(SYMBOL).next_funding_ms == START_MS + HOUR
    assert exchange.premium(SYMBOL).funding_ratio == d("0.001")
    player.step()
    buy(exchange)
    player.run_to_boundary()
    rows = exchange.desk.incomes("me", kind="FUNDING_FEE")
    assert [(row.time_ms, row.amount_usdt) for row in rows] == [(START_MS + HOUR, d("-0.60250000"))]
    assert exchange.premium(SYMBOL).funding_ratio == d("-0.002")
    buy(exchange, side="SELL")  # after the settlement
    player.run_to_boundary()
    assert len(exchange.desk.incomes("me", kind="FUNDING_FEE")) == 1
    assert [row.time_ms for row in player.funding_history(SYMBOL)] == [START_MS + HOUR, START_MS + 2 * HOUR]
    assert [row.funding_ratio for row in player.funding_history(SYMBOL, Span(limit=1))] == [d("-0.002")]


def test_funding_inside_a_long_bar_is_paid_on_the_way() -> None:
    half_day: list[Row] = [(60000.0, 61000.0, 59000.0, 60500.0, 900.0)] * 2
    exchange = Exchange(recorded_rules(), start_ms=START_MS)
    exchange.open_account("me", d("10000"))
    history = MarketHistory(
        SYMBOL,
        columns(half_day, 12 * HOUR),
        None,
        np.array([START_MS + hour * HOUR for hour in (4, 7, 10)], dtype=np.int64),
        np.array([0.001, 0.001, 0.001]),
    )
    player = Player(exchange, [history], start_ms=START_MS)
    player.step()
    buy(exchange)
    player.run_to_boundary()
    rows = exchange.desk.incomes("me", kind="FUNDING_FEE")
    assert [row.time_ms - START_MS for row in rows] == [4 * HOUR, 7 * HOUR, 10 * HOUR]
    assert [row.amount_usdt for row in rows] == [d("-0.59"), d("-0.605"), d("-0.6075")]


def test_holes_in_the_tape_are_time_that_passes() -> None:
    bars = columns(BARS)
    bars.open_ms[2] += 5 * HOUR
    exchange = Exchange(recorded_rules(), start_ms=START_MS)
    exchange.open_account("me", d("10000"))
    player = Player(exchange, [MarketHistory(SYMBOL, bars)], start_ms=START_MS)
    player.watch(SYMBOL, 2 * HOUR)
    assert player.run_to_boundary() == START_MS + HOUR
    assert player.run_to_boundary() == START_MS + 2 * HOUR
    assert player.next_ms() == START_MS + 7 * HOUR
    assert player.run_to_boundary() == START_MS + 8 * HOUR
    closed = [event for event in exchange.take_events() if isinstance(event, CandleEvent) and event.is_closed]
    assert [event.candle.open_ms for event in closed] == [START_MS, START_MS + 6 * HOUR]
    assert [candle.open_ms for candle in player.klines(SYMBOL, HOUR, Span(limit=3))] == [
        START_MS,
        START_MS + HOUR,
        START_MS + 7 * HOUR,
    ]


def test_several_contracts_play_in_the_order_of_time() -> None:
    exchange = Exchange(recorded_rules(), start_ms=START_MS)
    fast = columns([(3000.0, 3010.0, 2990.0, 3005.0, 9.0)] * 8, 15 * MINUTE)
    player = Player(
        exchange,
        [MarketHistory(SYMBOL, columns(BARS)), MarketHistory("ETHUSDT", fast)],
        start_ms=START_MS,
    )
    before = START_MS
    kinds = set()
    while (due := player.next_ms()) is not None:
        assert due >= before
        kinds.add(player.step())
        before = exchange.now_ms
    assert before == START_MS + 3 * HOUR
    assert kinds == {"boundary", "open", "inside"}


def test_marks_longer_than_the_bars_bound_the_mark() -> None:
    mark = columns([(60000.0, 60300.0, 59500.0, 60100.0, 0.0)], 4 * HOUR)
    _, player = playing(mark=mark)
    player.run_to_boundary()
    (candle,) = player.klines(SYMBOL, HOUR, Span(limit=1, end_ms=START_MS), kind="mark")
    assert figures(candle)[:4] == (60000.0, 60300.0, 59500.0, 60200.0)


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="favourable"):
        playing(path="sideways")
    with pytest.raises(UsageError, match="one step"):
        playing(steps=0)


@pytest.mark.parametrize("path", ["adverse", "favourable", "nearest"])
def test_whatever_is_traded_on_the_way_the_candles_are_the_stored_bars(path: str) -> None:
    random = Random(path)
    rows, close = [], 60000.0
    for _ in range(120):
        opened, close = close + random.choice((0.0, 0.1, -5.0)), round(close * random.uniform(0.99, 1.01), 1)
        high = round(max(opened, close) * random.uniform(1, 1.004), 1)
        low = round(min(opened, close) * random.uniform(0.996, 1), 1)
        rows.append((round(opened, 1), high, low, close, round(random.uniform(0, 99), 3)))
    exchange, player = playing(rows, path=path, steps=3)
    player.watch(SYMBOL, HOUR)
    while player.step() is not None:
        last = exchange.last_price(SYMBOL)
        away = Decimal(random.randrange(1, 40) * 10)
        try:
            if random.random() < 0.2:
                buy(exchange, side=random.choice(("BUY", "SELL")))
            if random.random() < 0.2:
                stop = NewAlgo(
                    symbol=SYMBOL,
                    side="SELL",
                    type="STOP_MARKET",
                    trigger_price=last - away,
                    quantity=d("0.01"),
                    working_type=random.choice(("MARK_PRICE", "CONTRACT_PRICE")),
                )
                exchange.algos.place("me", stop)
            if random.random() < 0.2:
                order = NewOrder(
                    symbol=SYMBOL,
                    side="BUY",
                    type="LIMIT",
                    quantity=d("0.01"),
                    price=last - away,
                    time_in_force="GTC",
                )
                exchange.orders.place("me", order)
        except Refused:
            continue
    closed = [event for event in exchange.take_events() if isinstance(event, CandleEvent) and event.is_closed]
    assert [figures(event.candle) for event in closed] == rows
    assert len(exchange.orders.trades("me", SYMBOL)) > 30
    assert audit(exchange) == []


def test_the_same_tape_leaves_the_same_log() -> None:
    digests = set()
    for _ in range(2):
        exchange, player = playing()
        while player.run_to_boundary() is not None:
            buy(exchange)
        digests.add(exchange.log.digest())
    assert len(digests) == 1
