"""Runs written as text: tables of fills and payments, and a slow ledger that makes the equity of them.

The ledger goes bar by bar with an average entry price and realised pnl, as a person would keep it by hand;
the code under test knows neither.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from runner.domain.facts import DataFacts, Gap
from runner.domain.instrument import Instrument
from runner.domain.order import LEG_MARKET, REASONS
from runner.domain.plan import (
    NO_COOLDOWN,
    NO_STEP,
    NO_TARGET,
    BreakEven,
    Costs,
    EntryOrder,
    Limits,
    Plan,
    Sizing,
    StopRule,
    Trailing,
)
from runner.domain.result import FillRecord, PaymentRecord, Result
from runner.domain.time import TIMEFRAMES, parse_time

SIDES = {"buy": 1, "sell": -1}
REASON_NUMBERS = {name: number for number, name in REASONS.items()}
CAPITAL = 1000.0


def make_plan(capital_usdt: float = CAPITAL, timeframe_ms: int = TIMEFRAMES["1h"]) -> Plan:
    """A plan that only says what the report reads of it: capital, timeframe, costs."""
    return Plan(
        instrument=Instrument(0.1, 0.001, 0.001, 1000.0, 100.0, 5.0, 0.0125),
        brackets=(),
        costs=Costs(0.0002, 0.0005, 0.0002, 0.0),
        sizing=Sizing(0, 0.0, 1.0, 0.0, 0.0),
        entry=EntryOrder(False, 0.0, 1, False, False),
        stop=StopRule(0, True),
        targets=(NO_TARGET,) * 4,
        break_even=BreakEven(0, 0.0, 0.0),
        trailing=Trailing(0, 0, 0.0),
        time_stop_bars=0,
        exit_long=(NO_STEP,),
        exit_short=(NO_STEP,),
        limits=Limits(0.0, 0.0, 0, 0.0, 0, 0, (NO_COOLDOWN,) * 4),
        timeframe_ms=timeframe_ms,
        capital_usdt=capital_usdt,
        fill_on_touch=False,
    )


def make_facts(**changes: Any) -> DataFacts:
    """Facts about clean data; `changes` spoil them."""
    facts = DataFacts(
        symbol="BTC/USDT:USDT",
        timeframe="1h",
        timeframe_ms=TIMEFRAMES["1h"],
        from_ms=0,
        to_ms=0,
        bars=0,
        gaps=(),
        warmup_bars=50,
        synthetic=False,
        venue="Binance USDⓈ-M perpetual",
        source="store",
        funding_missing=0,
        mark_missing=0,
        moved_start=False,
        instrument_source="shipped defaults",
    )
    return replace(facts, **changes)


@dataclass
class Table:
    """Rows of words under a line of names; a missing cell at the end of a row reads as nothing."""

    rows: list[dict[str, str]]

    @classmethod
    def parse(cls, text: str) -> "Table":
        lines = [line.split() for line in text.strip().splitlines()]
        return cls([dict(zip(lines[0], words, strict=False)) for words in lines[1:]])


def parse_fills(text: str, start: str = "2024-01-01", timeframe: str = "1h") -> list[FillRecord]:
    """Columns: bar side quantity price after, and when wanted fee slip reason risk; at the bar's open."""
    fills = []
    for row in Table.parse(text).rows:
        bar = int(row["bar"])
        fills.append(
            FillRecord(
                time_ms=parse_time(start) + bar * TIMEFRAMES[timeframe],
                bar=bar,
                leg=LEG_MARKET,
                side=SIDES[row["side"]],
                quantity=float(row["quantity"]),
                price=float(row["price"]),
                fee_usdt=float(row.get("fee", 0)),
                slippage_usdt=float(row.get("slip", 0)),
                reason=REASON_NUMBERS[row.get("reason", "entry")],
                maker=False,
                position_after=float(row["after"]),
                risk_usdt=float(row.get("risk", 0)),
            )
        )
    return fills


def parse_payments(text: str, start: str = "2024-01-01", timeframe: str = "1h") -> list[PaymentRecord]:
    """Columns: bar usdt, and `missing` when the mark price was. A payment is at its bar's open."""
    return [
        PaymentRecord(
            time_ms=parse_time(start) + int(row["bar"]) * TIMEFRAMES[timeframe],
            bar=int(row["bar"]),
            payment_usdt=float(row["usdt"]),
            mark_missing="missing" in row,
        )
        for row in Table.parse(text).rows
    ]


def keep_ledger(
    capital_usdt: float, fills: list[FillRecord], payments: list[PaymentRecord], closes: list[float]
) -> tuple[list[float], list[bool]]:
    """Equity and whether a position was open at each close: realised and unrealised pnl apart."""
    cash, quantity, average = capital_usdt, 0.0, 0.0
    equity, opened = [], []
    for bar, close in enumerate(closes):
        for payment in payments:
            if payment.bar == bar:
                cash += payment.payment_usdt
        for fill in fills:
            if fill.bar != bar:
                continue
            cash -= fill.fee_usdt
            signed = fill.side * fill.quantity
            if quantity * signed >= 0.0:
                average = (abs(quantity) * average + fill.quantity * fill.price) / (
                    abs(quantity) + fill.quantity
                )
            else:
                closed = min(abs(quantity), fill.quantity)
                cash += closed * (fill.price - average) * (1 if quantity > 0 else -1)
                if fill.quantity > abs(quantity):
                    average = fill.price
            quantity = fill.position_after
        equity.append(cash + quantity * (close - average))
        opened.append(quantity != 0.0)
    return equity, opened


def make_result(
    fills: list[FillRecord],
    payments: list[PaymentRecord],
    closes: list[float],
    *,
    capital_usdt: float = CAPITAL,
    start: str = "2024-01-01",
    timeframe: str = "1h",
    **changes: Any,
) -> Result:
    """A run over `closes`, its equity kept by the ledger; `changes` replace fields of the Result."""
    length = TIMEFRAMES[timeframe]
    equity, opened = keep_ledger(capital_usdt, fills, payments, closes)
    times = parse_time(start) + length * np.arange(1, len(closes) + 1, dtype=np.int64)
    result = Result(
        bot="tiny",
        bot_hash="88ab21e" + "0" * 57,
        plan=make_plan(capital_usdt, length),
        facts=make_facts(timeframe=timeframe, timeframe_ms=length),
        fills=fills,
        payments=payments,
        close_time_ms=times,
        equity_usdt=np.array(equity),
        worst_equity_usdt=np.array(equity),
        position_open=np.array(opened),
        bars_close=np.array(closes, dtype=np.float64),
        first_open=closes[0],
        refusals={},
        ambiguous_bars=0,
        resolved_bars=0,
        halted=None,
        adverse_net_pnl_usdt=equity[-1] - capital_usdt,
        favourable_net_pnl_usdt=equity[-1] - capital_usdt,
        path="adverse",
        notes=[],
    )
    return replace(result, **changes)


GAPS = (Gap(parse_time("2024-01-01T05:00Z"), 2), Gap(parse_time("2024-01-02T05:00Z"), 1))
