"""Real crash hours: where a leveraged long is liquidated, and where its stop fills.

The expected prices are reckoned here from the recorded bars, with the exchange's formula, not by the core.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from runner.backtest.engine import interpreted_engine
from runner.backtest.run import run_backtest
from runner.bot.read import read_bot
from runner.data.importing import Said, import_file
from runner.data.store import read_bars, read_mark
from runner.domain.order import END_OF_DATA, ENTRY, LIQUIDATION, STOP_LOSS
from runner.domain.result import FillRecord, Result
from runner.domain.series import Bars
from runner.domain.time import HOUR_MS, MINUTE_MS, format_time, parse_time
from runner.modes import Range, compile_bot, load_for
from runner.report.document import build_report
from runner.report.terminal import render_terminal

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not REAL.is_dir(), reason="the folder of real candles is not beside this repository"
)
BTC = "BTCUSDT"
SLIPPAGE, TAKER, LIQUIDATION_FEE = 0.0002, 0.0005, 0.0125

BOT = """
version: 1
name: crash
market: {{symbol: BTC/USDT:USDT, timeframe: {timeframe}, leverage: {leverage}, margin: {margin}}}
entry: {{long: close > {above}}}
size: {{notional: {notional} USDT}}
exit: {exits}
costs: {{taker: 0.05%, slippage: 2 bps, funding: historical}}
backtest: {{from: {start}, to: {stop}, capital: {capital} USDT{detail}}}
"""
USUAL = {
    "timeframe": "1h",
    "leverage": 10,
    "margin": "isolated",
    "notional": 1000,
    "capital": 10_000,
    "exits": "{time_stop: 480 bars}",
    "detail": "",
}
# Black Thursday: a long entered at the open of 01:00, 7919.57, before 40 % were lost in a day.
MARCH_2020 = USUAL | {"above": 7900, "start": "2020-03-12", "stop": "2020-03-13"}
# Entered at 20:05 for 27,891.3; the flash crash is the 5m bar of 21:40: 27,566 to 24,581.
AUGUST_2023 = USUAL | {
    "timeframe": "5m",
    "above": 27_890,
    "start": "2023-08-17T20:00Z",
    "stop": "2023-08-17T22:30Z",
}


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store with last and mark prices, RUNNER_HOME pointing to it."""
    home = tmp_path_factory.mktemp("crashes")
    root = home / "candles"
    for name in (
        "perp-1h-2019_2025H1",
        "mark-1h-2019_2025H1",
        "funding-2019_2025H1",
        "perp-5m-2023",
        "perp-15m-2023_2025H1",
    ):
        import_file(root, REAL / f"{BTC}-{name}.parquet", Said())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNNER_HOME", str(home))
        yield root


def stop_at(price: int, trigger: str) -> str:
    """A stop at a price of its own; a bot writes it as a formula."""
    return f"\n  stop_loss:\n    price: min(close, {price})\n    trigger: {trigger}"


def run(usual: dict[str, object], **other: object) -> Result:
    """YAML → compile → run."""
    document, problems, source = read_bot(BOT.format(**(usual | other)))
    assert document is not None, problems
    compiled, problems = compile_bot(document, source)
    assert compiled is not None, problems
    market, facts = load_for(compiled, "store", Range(None, None))
    return run_backtest(compiled, market, facts, engine=interpreted_engine())


def first_trade(result: Result) -> tuple[FillRecord, FillRecord]:
    """Entry and exit; there is no other trade."""
    entry, leaving = result.fills
    assert entry.reason == ENTRY
    return entry, leaving


def formula(entry: FillRecord, wallet: float, *, ratio: str = "0.004", cum: int = 0) -> float:
    """LP of a long by the exchange's formula, with the bracket that holds it."""
    quantity, price = Decimal(repr(entry.quantity)), Decimal(repr(entry.price))
    above = Decimal(repr(wallet)) + cum - quantity * price
    return float(above / (quantity * Decimal(ratio) - quantity))


def first_reached(bars: Bars, level: float, after_ms: int) -> int:
    """Open time of the first bar not before `after_ms` that goes down to the level."""
    at = int(bars.open_time_ms.searchsorted(after_ms))
    while bars.low[at] > level:
        at += 1
    return int(bars.open_time_ms[at])


def marks(root: Path) -> Bars:
    return read_mark(root, BTC, HOUR_MS)


# Notional, and the bracket that holds what is left of it at the liquidation price.
@pytest.mark.parametrize(
    ("notional", "ratio", "cum"), [(1000, "0.004", 0), (200_000, "0.005", 50), (900_000, "0.0065", 950)]
)
def test_a_ten_times_long_is_liquidated_on_black_thursday(
    candles: Path, notional: int, ratio: str, cum: int
) -> None:
    result = run(MARCH_2020, notional=notional, capital=1_000_000)
    entry, leaving = first_trade(result)
    assert format_time(entry.time_ms) == "2020-03-12 01:00"
    assert entry.price == pytest.approx(7919.57 * (1 + SLIPPAGE), rel=1e-12)
    margin = entry.quantity * entry.price / 10
    level = formula(entry, margin, ratio=ratio, cum=cum)
    assert leaving.reason == LIQUIDATION
    assert leaving.time_ms == first_reached(marks(candles), level, entry.time_ms)
    assert format_time(leaving.time_ms) == "2020-03-12 10:00"
    assert leaving.price == pytest.approx(entry.price * 0.9, rel=1e-12)  # the whole margin is lost
    assert leaving.fee_usdt == pytest.approx(leaving.quantity * leaving.price * LIQUIDATION_FEE, rel=1e-12)
    lost = margin + entry.fee_usdt + leaving.fee_usdt - sum(paid.payment_usdt for paid in result.payments)
    assert result.equity_usdt[-1] == pytest.approx(1_000_000 - lost, abs=1e-6)


@pytest.mark.parametrize(
    ("leverage", "when"),
    [
        (50, "2020-03-12 01:00"),  # its mark low is 7697.4, the price 7794
        (22, "2020-03-12 02:00"),  # 7582.0, and the price 7593
        (21, "2020-03-12 04:00"),  # 7569.3, and the price 7575: 02:00 missed it by 7 USDT
        (3, "2020-03-12 23:00"),  # 4448.4, and the price 5302: at 10:00 it was 5620.9
        (2, "2020-03-13 02:00"),  # 3801.8, and the price 3977
    ],
)
def test_leverage_decides_in_which_hour(candles: Path, leverage: int, when: str) -> None:
    entry, leaving = first_trade(run(MARCH_2020, leverage=leverage))
    level = formula(entry, entry.quantity * entry.price / leverage)
    assert leaving.reason == LIQUIDATION
    assert leaving.time_ms == first_reached(marks(candles), level, entry.time_ms)
    assert format_time(leaving.time_ms) == when


def test_a_cross_long_is_liquidated_when_the_wallet_behind_it_is_gone(candles: Path) -> None:
    """The wallet of 300 outlives 10:00, where isolated margin of 100 does not; funding moves the price."""
    result = run(MARCH_2020, margin="cross", capital=300)
    entry, leaving = first_trade(result)
    paid = [payment.payment_usdt for payment in result.payments]
    assert [format_time(payment.time_ms) for payment in result.payments] == [
        "2020-03-12 08:00",
        "2020-03-12 16:00",
    ]
    assert paid[0] < 0 < paid[1]  # the rate turned negative: the long was paid
    wallet = 300 - entry.fee_usdt + sum(paid)
    level = formula(entry, wallet)
    assert leaving.reason == LIQUIDATION
    assert leaving.time_ms == first_reached(marks(candles), level, entry.time_ms)
    assert format_time(leaving.time_ms) == "2020-03-12 23:00"
    assert leaving.price == pytest.approx(entry.price - wallet / entry.quantity, rel=1e-12)
    assert result.equity_usdt[-1] == pytest.approx(-leaving.fee_usdt, abs=1e-9)


@pytest.mark.parametrize(
    ("trigger", "when"),
    [
        ("last", "2020-03-12 01:00"),  # last went to 7687.01
        ("mark", "2020-03-12 02:00"),  # mark only to 7697.40
    ],
)
def test_a_stop_at_7690_triggers_by_the_price_it_watches(candles: Path, trigger: str, when: str) -> None:
    stop = stop_at(7690, trigger)
    entry, leaving = first_trade(run(MARCH_2020, leverage=3, exits=stop))
    assert leaving.reason == STOP_LOSS
    assert format_time(leaving.time_ms) == when
    watched = marks(candles) if trigger == "mark" else read_bars(candles, BTC, HOUR_MS)
    assert leaving.time_ms == first_reached(watched, 7690, entry.time_ms)
    assert leaving.price == pytest.approx(7690 * (1 - SLIPPAGE), rel=1e-12)


def test_a_stop_below_the_liquidation_price_never_comes_to_it(candles: Path) -> None:
    """The order is refused: the exchange would close the position before the stop."""
    stop = stop_at(7000, "mark")
    result = run(MARCH_2020, exits=stop)
    assert result.fills == []
    assert result.refusals == {"stop beyond the liquidation price": 1}


def test_a_stop_that_the_market_jumps_over_fills_at_the_open(candles: Path) -> None:
    """2019-09-24 20:00 opened at 8358.01 after a low of 8645.61: the stop at 8500 is worth 8358."""
    result = run(
        MARCH_2020,
        above=8500,
        start="2019-09-24T17:00Z",
        stop="2019-09-24T21:00Z",
        leverage=3,
        exits=stop_at(8500, "last"),
    )
    _, leaving = first_trade(result)
    assert leaving.reason == STOP_LOSS
    assert format_time(leaving.time_ms) == "2019-09-24 20:00"
    assert leaving.price == pytest.approx(8358.01 * (1 - SLIPPAGE), rel=1e-12)
    assert result.facts.mark_missing == result.facts.bars  # mark prices are recorded from December 2019 on


DETAILED = {"timeframe": "15m", "start": "2023-08-17T19:45Z", "detail": ", detail: 5m", "above": 27_880}
FLASH = {"5m": AUGUST_2023, "15m with 5m": AUGUST_2023 | DETAILED}


@pytest.mark.parametrize("bars", FLASH)
@pytest.mark.parametrize("price", [27_500, 27_000, 26_000, 25_500])
def test_in_the_flash_crash_a_stop_fills_at_its_trigger(candles: Path, bars: str, price: int) -> None:
    stop = stop_at(price, "last")
    result = run(FLASH[bars], leverage=3, exits=stop)
    entry, leaving = first_trade(result)
    assert leaving.reason == STOP_LOSS
    assert leaving.time_ms == first_reached(read_bars(candles, BTC, 5 * MINUTE_MS), price, entry.time_ms)
    assert format_time(leaving.time_ms) == "2023-08-17 21:40"
    assert leaving.price == pytest.approx(price * (1 - SLIPPAGE), rel=1e-12)


@pytest.mark.parametrize("bars", FLASH)
def test_in_the_flash_crash_a_ten_times_long_is_liquidated(candles: Path, bars: str) -> None:
    result = run(FLASH[bars])
    entry, leaving = first_trade(result)
    level = formula(entry, entry.quantity * entry.price / 10)
    assert 25_150 < level < 25_250  # the hour's mark low is 25,094.16
    assert leaving.reason == LIQUIDATION
    assert format_time(leaving.time_ms) == "2023-08-17 21:40"
    assert leaving.price == pytest.approx(entry.price * 0.9, rel=1e-12)
    assert "mark prices are last prices kept inside the stored 1h mark bars" in result.facts.notes
    assert result.facts.mark_missing == 0


# Entered at 21:35 for 27,700.0, the liquidation price is 25,035: the last price went to 24,581, the mark only
# to 25,094. With 15m bars the entry is at 21:30 for 27,660.0, the liquidation price 25,000.
LATE = AUGUST_2023 | {"start": "2023-08-17T21:30Z", "above": 27_700}
LATE_15M = LATE | {"timeframe": "15m", "start": "2023-08-17T21:15Z", "above": 27_650}
LATER = {"5m": LATE, "15m": LATE_15M, "15m with 5m": LATE_15M | {"detail": ", detail: 5m"}}


@pytest.mark.parametrize("bars", LATER)
def test_the_mark_price_saves_a_long_that_the_last_price_would_liquidate(candles: Path, bars: str) -> None:
    result = run(LATER[bars])
    entry, leaving = first_trade(result)
    level = formula(entry, entry.quantity * entry.price / 10)
    assert read_bars(candles, BTC, 5 * MINUTE_MS, leaving.time_ms - HOUR_MS).low.min() < level
    assert leaving.reason == END_OF_DATA


def test_without_mark_prices_the_last_price_liquidates_and_the_report_says_so(
    candles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_file(tmp_path / "candles", REAL / f"{BTC}-perp-5m-2023.parquet", Said())
    monkeypatch.setenv("RUNNER_HOME", str(tmp_path))
    result = run(LATE)
    _, leaving = first_trade(result)
    assert (leaving.reason, format_time(leaving.time_ms)) == (LIQUIDATION, "2023-08-17 21:40")
    assert result.facts.mark_missing == result.facts.bars
    shown = render_terminal(build_report(result, mode="backtest", generated_at_ms=0), styled=False)
    assert "without a mark price, the last price stood in" in shown


def test_the_report_shows_the_liquidation_and_the_rules_behind_it(candles: Path) -> None:
    assert parse_time("2020-03-12") == 1_583_971_200_000
    report = build_report(run(MARCH_2020), mode="backtest", generated_at_ms=0)
    assert report.metrics.liquidations == 1
    assert "liquidated 1×: the leverage is too high for the stop" in report.warnings
    (trade,) = report.trades
    assert trade.exit_reason == "liquidation"
    shown = " ".join(render_terminal(report, styled=False).split())
    assert "shipped defaults (BTCUSDT as recorded in October 2024)" in shown
