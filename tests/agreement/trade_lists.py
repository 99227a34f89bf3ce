"""One shape for the trades of every engine, our own list of them, and the comparison.

Times are open times of bars: no engine here knows more exactly when inside a bar it traded.
"""

from typing import NamedTuple

from runner.backtest.engine import interpreted_engine
from runner.backtest.run import run_backtest
from runner.bot.problem import has_errors
from runner.bot.read import read_text
from runner.compiler.build import Compiled, build
from runner.domain.facts import PERPETUAL, DataFacts
from runner.domain.instrument import Bracket, Instrument
from runner.domain.order import END_OF_DATA
from runner.domain.series import Bars, Market
from runner.report.round_trips import build_round_trips

RELATIVE = 1e-9

# No increments, floors or margins to speak of: the other engines have none. The tick is a power of two,
# so that rounding to it is exact.
INSTRUMENT = Instrument(2.0**-27, 1e-6, 1e-6, 1e12, 1e12, 0.0, 0.0)
BRACKETS = (Bracket(1e15, 0.0, 0.0, 125.0),)


class Trade(NamedTuple):
    """One round trip; `at_end`: it was still open when the data ended, so the exit is the engine's own way
    to close the books.
    """

    side: int
    entry_ms: int
    entry_price: float
    exit_ms: int
    exit_price: float
    pnl_usdt: float
    at_end: bool


def compiled_bot(text: str) -> Compiled:
    """The bot with an instrument that constrains nothing."""
    document, problems, source = read_text(text, "agreement.yaml")
    assert document is not None, problems
    assert not has_errors(problems), problems
    compiled, problems = build(document, source, INSTRUMENT, BRACKETS)
    assert compiled is not None, problems
    return compiled


def our_trades(compiled: Compiled, bars: Bars, first: int) -> list[Trade]:
    """This project's trades; decisions begin at the close of row `first`."""
    facts = DataFacts(
        symbol=compiled.document.market.symbol,
        timeframe=compiled.document.market.timeframe,
        timeframe_ms=bars.timeframe_ms,
        from_ms=int(bars.open_time_ms[first]),
        to_ms=int(bars.open_time_ms[-1]) + bars.timeframe_ms,
        bars=len(bars) - first,
        gaps=(),
        warmup_bars=first,
        synthetic=False,
        venue=PERPETUAL,
        source="real bars",
        funding_missing=0,
        mark_missing=0,
        moved_start=False,
    )
    market = Market(compiled.document.market.symbol, bars, first=first)
    result = run_backtest(compiled, market, facts, engine=interpreted_engine())
    times = bars.open_time_ms[first:]
    return [
        Trade(
            trip.side,
            int(times[trip.entry_bar]),
            trip.entry_price,
            int(times[trip.exit_bar]),
            trip.exit_price,
            trip.pnl_usdt,
            trip.exit_reason == END_OF_DATA,
        )
        for trip in build_round_trips(result.fills, result.payments)
    ]


def disagreements(ours: list[Trade], theirs: list[Trade]) -> list[str]:
    """Every difference, one line each; of a trade open at the end of the data, the entry alone counts."""
    found = [] if len(ours) == len(theirs) else [f"{len(ours)} trades here, {len(theirs)} there"]
    for place, (our, their) in enumerate(zip(ours, theirs, strict=False)):
        if not agree(our, their):
            found.append(f"trade {place}: {our} here, {their} there")
    return found


def agree(our: Trade, their: Trade) -> bool:
    """Side and times are equal, prices to 1e-9, pnl to 1e-9 of the notional."""
    if (our.side, our.entry_ms, our.at_end) != (their.side, their.entry_ms, their.at_end):
        return False
    if not near(our.entry_price, their.entry_price, our.entry_price):
        return False
    if our.at_end:
        return True
    return (
        our.exit_ms == their.exit_ms
        and near(our.exit_price, their.exit_price, our.exit_price)
        and near(our.pnl_usdt, their.pnl_usdt, our.entry_price)
    )


def near(ours: float, theirs: float, scale: float) -> bool:
    """Equal to 1e-9 of `scale`; every trade here is of one unit, so that its notional is a price."""
    return abs(ours - theirs) <= RELATIVE * scale
