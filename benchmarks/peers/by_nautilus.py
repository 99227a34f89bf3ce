"""The job for `nautilus_trader`: its own compiled averages, bracket orders, bars as its venue's only data.

In: a job. Out: its answer. Refuses to know: runner.
Source: its own documentation; a market order fills at once, at the close that its strategy was told.
"""

from decimal import Decimal
from typing import Any

import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.indicators import ExponentialMovingAverage
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide, OrderType
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

from benchmarks.peers.job import (
    CAPITAL_USDT,
    MAKER,
    NOTIONAL_USDT,
    STOP,
    TAKER,
    TARGET,
    read_job,
    read_table,
    timed,
)

VENUE = Venue("BINANCE")
INSTRUMENT = CryptoPerpetual(
    instrument_id=InstrumentId(Symbol("BTCUSDT-PERP"), VENUE),
    raw_symbol=Symbol("BTCUSDT"),
    base_currency=BTC,
    quote_currency=USDT,
    settlement_currency=USDT,
    is_inverse=False,
    price_precision=2,
    size_precision=3,
    price_increment=Price.from_str("0.01"),
    size_increment=Quantity.from_str("0.001"),
    margin_init=Decimal("0.05"),
    margin_maint=Decimal("0.025"),
    maker_fee=Decimal(str(MAKER)),
    taker_fee=Decimal(str(TAKER)),
    ts_event=0,
    ts_init=0,
)
BARS = BarType.from_str(f"{INSTRUMENT.id}-1-MINUTE-LAST-EXTERNAL")


class CrossConfig(StrategyConfig, frozen=True):  # type: ignore[misc, call-arg]
    """The two lengths."""

    fast: int
    slow: int


class Cross(Strategy):  # type: ignore[misc]
    """Cross of two averages with stop and target."""

    def __init__(self, config: CrossConfig) -> None:
        super().__init__(config)
        self.fast = ExponentialMovingAverage(config.fast)
        self.slow = ExponentialMovingAverage(config.slow)
        self.above: bool | None = None

    def on_start(self) -> None:
        """Both averages are fed by the engine."""
        self.register_indicator_for_bars(BARS, self.fast)
        self.register_indicator_for_bars(BARS, self.slow)
        self.subscribe_bars(BARS)

    def on_bar(self, bar: Bar) -> None:
        """At every close: follow a cross."""
        if not self.slow.initialized:
            return
        above = self.fast.value > self.slow.value
        if self.above is not None and above != self.above:
            self.follow(1 if above else -1, float(bar.close))
        self.above = above

    def follow(self, side: int, price: float) -> None:
        """Out of the old position, into the new one."""
        self.cancel_all_orders(INSTRUMENT.id)
        self.close_all_positions(INSTRUMENT.id)
        orders = self.order_factory.bracket(
            instrument_id=INSTRUMENT.id,
            order_side=OrderSide.BUY if side > 0 else OrderSide.SELL,
            quantity=INSTRUMENT.make_qty(NOTIONAL_USDT / price),
            entry_order_type=OrderType.MARKET,
            sl_trigger_price=INSTRUMENT.make_price(price * (1 - side * STOP)),
            tp_price=INSTRUMENT.make_price(price * (1 + side * TARGET)),
            tp_post_only=False,
        )
        self.submit_order_list(orders)


def engine_of(bars: list[Any], lengths: tuple[int, int]) -> BacktestEngine:
    """An engine with everything in it, ready to run."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=None,
        starting_balances=[Money(CAPITAL_USDT, USDT)],
    )
    engine.add_instrument(INSTRUMENT)
    engine.add_data(bars)
    engine.add_strategy(Cross(CrossConfig(fast=lengths[0], slow=lengths[1])))
    return engine


def main() -> None:
    """Read, run, tell."""
    job = read_job()
    table = read_table(job)
    table.index = (table.index + pd.Timedelta(minutes=1)).tz_localize("UTC")  # it wants the close
    engine = engine_of(BarDataWrangler(BARS, INSTRUMENT).process(table), job.lengths)

    def call() -> int:
        engine.run()
        snapshots = engine.cache.position_snapshots()
        return len(snapshots) + len(engine.cache.positions())

    timed(call, job._replace(calls=1))  # an engine goes through its data once


if __name__ == "__main__":
    main()
