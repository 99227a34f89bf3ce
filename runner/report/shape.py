"""The shape of report.v1: every part and key of the document, typed and described.

In: nothing. Out: NamedTuples; `schema.py` makes schemas/report.v1.json of them.
Refuses to know: how a number is reckoned beyond its sentence here, JSON, files.
A trailing underscore is dropped in the document (`from` is a word of Python's). None is a number that is
undefined, never 0 and never infinite.
"""

from typing import Annotated, Literal, NamedTuple

SCHEMA_VERSION: Literal[1] = 1

Number = float | None


class Gap(NamedTuple):
    """A place where bars are missing."""

    from_: Annotated[str, "open time of the first missing bar, ISO 8601 UTC"]
    from_ms: Annotated[int, "the same in UTC milliseconds"]
    bars: Annotated[int, "bars missing"]


class Data(NamedTuple):
    """Which candles the run saw, and what was missing in them."""

    venue: Annotated[str, "market the candles are of"]
    symbol: Annotated[str, "instrument"]
    timeframe: Annotated[str, "length of the bot's own bars"]
    from_: Annotated[str, "open time of the first counted bar, ISO 8601 UTC"]
    to: Annotated[str, "close time of the last counted bar, ISO 8601 UTC"]
    from_ms: Annotated[int, "`from` in UTC milliseconds"]
    to_ms: Annotated[int, "`to` in UTC milliseconds"]
    bars: Annotated[int, "counted bars, warm-up not among them"]
    warmup_bars: Annotated[
        int, "bars loaded before `from` to warm the indicators; never counted as performance"
    ]
    gaps: Annotated[list[Gap], "places where bars are missing"]
    synthetic: Annotated[bool, "true: an invented market, the figures say nothing about a real one"]
    source: Annotated[str, "where the candles came from"]
    instrument_source: Annotated[str, "where tick, step, minimums and margin brackets came from"]
    detail: Annotated[str | None, "timeframe of the finer bars walked inside each bar; null: none"]
    detail_missing: Annotated[int, "bars whose finer bars are missing, in part or all"]
    moved_start: Annotated[bool, "true: the start was moved because the store had too little for the warm-up"]
    funding_missing: Annotated[int, "funding times in the range without a stored funding rate"]
    mark_missing: Annotated[int, "bars in the range without a stored mark bar; the last price stood in"]
    payments: Annotated[int, "funding payments made or received"]
    payments_without_mark: Annotated[int, "those reckoned from the last price for want of a mark price"]


class Costs(NamedTuple):
    """The cost settings of the run, as ratios of notional."""

    maker_ratio: Annotated[float, "fee of a fill that added liquidity"]
    taker_ratio: Annotated[float, "fee of a fill that removed liquidity"]
    slippage_ratio: Annotated[float, "fixed slippage of a taker fill, against us"]
    slippage_impact: Annotated[float, "k of the further slippage k × √(quantity ÷ bar volume); 0: none"]


class SideMetrics(NamedTuple):
    """The trades of one side."""

    trades: Annotated[int, "round trips, flat to flat"]
    wins: Annotated[int, "trades with net pnl above 0"]
    losses: Annotated[int, "trades with net pnl below 0"]
    net_pnl_usdt: Annotated[float, "sum of the trades' net pnl"]
    win_rate: Annotated[Number, "wins ÷ trades"]
    payoff_ratio: Annotated[Number, "mean win ÷ mean loss, in USDT"]
    profit_factor: Annotated[Number, "sum of wins ÷ sum of losses, in USDT"]
    expectancy_r: Annotated[Number, "mean r_multiple of the trades that had a stop"]
    average_bars_in_trade: Annotated[Number, "mean of bars_in_trade"]


class Metrics(NamedTuple):
    """The headline: the run on the adverse path. Net pnl of trades is after fees and with funding."""

    start_equity_usdt: Annotated[float, "capital at the open of the first bar"]
    end_equity_usdt: Annotated[float, "equity at the close of the last bar, every position closed"]
    net_pnl_usdt: Annotated[float, "end − start equity, equal to the sum of the trades' net pnl"]
    net_pnl_ratio: Annotated[float, "net_pnl_usdt ÷ start equity"]
    days: Annotated[float, "calendar days from the first bar's open to the last bar's close"]
    growth_ratio_annual: Annotated[
        Number, "(end ÷ start equity)^(365 ÷ days) − 1: compounded over calendar time"
    ]
    buy_and_hold_ratio: Annotated[float, "last close ÷ first open − 1, without costs or leverage"]
    max_drawdown_ratio: Annotated[
        float, "largest fall from the highest equity so far, both at bar closes, ≥ 0"
    ]
    max_drawdown_intrabar_ratio: Annotated[
        float, "the same to the worst equity inside each bar, from the highest equity at an earlier close"
    ]
    longest_drawdown_days: Annotated[
        float,
        "longest time from a highest bar-close equity until it was reached again, or the end of the data",
    ]
    sharpe: Annotated[
        Number,
        "mean ÷ sample deviation of daily returns × √365, risk-free 0; days end at 00:00 UTC with the equity "
        "of the last bar closed by then; the first and last day may be shorter",
    ]
    sortino: Annotated[
        Number,
        "mean of the same daily returns ÷ root of the mean square of the negative ones (others 0) × √365",
    ]
    calmar: Annotated[Number, "growth_ratio_annual ÷ max_drawdown_ratio"]
    exposure_ratio: Annotated[float, "share of bars at whose close a position was open"]
    turnover_ratio: Annotated[Number, "notional of all fills ÷ mean equity at bar closes"]
    fees_usdt: Annotated[float, "fees paid; a cost is positive"]
    funding_usdt: Annotated[float, "funding payments; received is positive"]
    slippage_usdt: Annotated[
        float, "what fills cost against their reference prices; inside the fill prices already"
    ]
    costs_ratio: Annotated[
        Number, "(fees + slippage − funding) ÷ net pnl before these three; null when that is not above 0"
    ]
    trades: Annotated[int, "round trips, flat to flat"]
    wins: Annotated[int, "trades with net pnl above 0"]
    losses: Annotated[int, "trades with net pnl below 0"]
    win_rate: Annotated[Number, "wins ÷ trades"]
    payoff_ratio: Annotated[Number, "mean win ÷ mean loss, in USDT"]
    profit_factor: Annotated[Number, "sum of wins ÷ sum of losses, in USDT"]
    expectancy_r: Annotated[Number, "mean r_multiple of the trades that had a stop"]
    expectancy_usdt: Annotated[Number, "mean net pnl of a trade"]
    average_win_usdt: Annotated[Number, "mean net pnl of the wins"]
    average_loss_usdt: Annotated[Number, "mean net pnl of the losses, below 0"]
    average_win_r: Annotated[Number, "mean r_multiple of the wins that had a stop"]
    average_loss_r: Annotated[Number, "mean r_multiple of the losses that had a stop, below 0"]
    best_trade_usdt: Annotated[Number, "highest net pnl of a trade"]
    worst_trade_usdt: Annotated[Number, "lowest net pnl of a trade"]
    best_trade_r: Annotated[Number, "highest r_multiple"]
    worst_trade_r: Annotated[Number, "lowest r_multiple"]
    average_bars_in_trade: Annotated[Number, "mean of bars_in_trade"]
    losses_in_row_max: Annotated[int, "longest row of losses, in the order of exits"]
    liquidations: Annotated[int, "trades that ended in liquidation"]
    net_pnl_usdt_without_best_three: Annotated[
        Number, "net pnl of the trades but the three best; null under four"
    ]
    last_quarter_net_pnl_usdt: Annotated[
        float, "change of bar-close equity over the last quarter of the time"
    ]
    long: Annotated[SideMetrics, "trades that bought first"]
    short: Annotated[SideMetrics, "trades that sold first"]


class Bounds(NamedTuple):
    """The run on the two bounding paths inside each bar; the headline is the adverse one unless `path` says
    otherwise.
    """

    path: Annotated[
        Literal["adverse", "favourable", "nearest"], "the path that every figure outside `bounds` is of"
    ]
    adverse_net_pnl_usdt: Annotated[float, "net pnl on the adverse path"]
    favourable_net_pnl_usdt: Annotated[Number, "net pnl on the favourable path; null when it was not run"]
    ambiguous_bars: Annotated[int, "bars in which the order of events inside the bar mattered"]
    resolved_bars: Annotated[int, "bars whose finer bars were walked because something could execute in them"]
    note: Annotated[
        str | None, "why the favourable figure is missing or below the adverse one; null otherwise"
    ]


class TradeRow(NamedTuple):
    """One round trip, flat to flat. Prices are averages weighted by quantity."""

    entry_time_ms: Annotated[int, "time of the first fill, UTC milliseconds"]
    exit_time_ms: Annotated[int, "time of the last fill, UTC milliseconds"]
    side: Annotated[Literal["long", "short"], "long bought first, short sold first"]
    quantity: Annotated[float, "all that was entered, in the base asset"]
    entry_price: Annotated[float, "average price of the fills that opened it"]
    exit_price: Annotated[float, "average price of the fills that closed it"]
    pnl_usdt: Annotated[float, "net of fees, with funding"]
    fees_usdt: Annotated[float, "fees of all its fills; a cost is positive"]
    funding_usdt: Annotated[float, "funding while it was open; received is positive"]
    slippage_usdt: Annotated[float, "slippage of all its fills, inside the prices already"]
    exit_reason: Annotated[str, "reason of the last closing fill"]
    r_multiple: Annotated[Number, "pnl_usdt ÷ risk_usdt; null without a stop"]
    risk_usdt: Annotated[Number, "1 R: distance to the first stop × quantity at entry; null without a stop"]
    bars_in_trade: Annotated[int, "bar closes between the first and the last fill"]


class ExitRow(NamedTuple):
    """The trades whose last closing fill had this reason."""

    reason: Annotated[str, "why the position was closed"]
    trades: Annotated[int, "trades that ended for this reason"]
    fills: Annotated[int, "closing fills for this reason, parts of a ladder among them"]
    wins: Annotated[int, "of the trades, those with net pnl above 0"]
    win_rate: Annotated[Number, "wins ÷ trades"]
    net_pnl_usdt: Annotated[float, "sum of the trades' net pnl"]
    r_sum: Annotated[Number, "sum of the r_multiples; null when no trade had a stop"]
    average_bars_in_trade: Annotated[Number, "mean of bars_in_trade"]


class MonthRow(NamedTuple):
    """One UTC calendar month, as far as the data reach into it."""

    month: Annotated[str, "year and month, 2024-01"]
    net_pnl_usdt: Annotated[float, "change of bar-close equity"]
    net_pnl_ratio: Annotated[Number, "that ÷ equity at the month's start"]
    trades: Annotated[int, "trades whose last fill was in a bar of this month"]


class EquityDaily(NamedTuple):
    """The points between which daily returns are taken: the start, each 00:00 UTC, the end."""

    time_ms: Annotated[list[int], "UTC milliseconds"]
    equity_usdt: Annotated[list[float], "equity of the last bar closed by then"]


class RefusalRow(NamedTuple):
    """Entry signals that became no order."""

    reason: Annotated[str, "what refused them"]
    signals: Annotated[int, "how many"]


class StressFigures(NamedTuple):
    """The figures that are compared, of the headline run."""

    net_pnl_ratio: Annotated[float, "net pnl ÷ start equity"]
    max_drawdown_ratio: Annotated[Number, "largest fall between bar closes, ≥ 0"]
    sharpe: Annotated[Number, "on the basis of `metrics.sharpe`"]
    trades: Annotated[int | None, "round trips"]
    halted: Annotated[bool, "true: the bot halted itself, so the figures are of a run cut short"]


class StressRow(NamedTuple):
    """One thing made worse. Figures are null where undefined, or where no run was needed; a change is the
    figure less the headline's.
    """

    kind: Annotated[
        Literal["costs", "delay", "parameter", "trades", "bound"],
        "what was changed; `trades` and `bound` are read from the headline run and its bounds",
    ]
    name: Annotated[str, "in words"]
    parameter: Annotated[str | None, "the declared parameter that was moved; null for other kinds"]
    from_: Annotated[Number, "its number in the headline run"]
    to: Annotated[Number, "its number here; null: it cannot move there, `note` says why"]
    net_pnl_ratio: Annotated[Number, "net pnl ÷ start equity; null: not run"]
    net_pnl_ratio_change: Annotated[Number, "against the headline"]
    max_drawdown_ratio: Annotated[Number, "largest fall between bar closes, ≥ 0"]
    max_drawdown_ratio_change: Annotated[Number, "against the headline"]
    sharpe: Annotated[Number, "on the basis of `metrics.sharpe`"]
    sharpe_change: Annotated[Number, "against the headline"]
    trades: Annotated[int | None, "round trips"]
    trades_change: Annotated[int | None, "against the headline"]
    halted: Annotated[bool, "true: the bot halted itself, so the figures are of a run cut short"]
    note: Annotated[str | None, "why there are no figures, or what to know about them; null otherwise"]


class StressShuffle(NamedTuple):
    """The trades in other orders: each return is net pnl ÷ equity at entry, returns compound. Drawdowns are
    from trade's end to trade's end, without what happens in between, and no limit ends a shuffled run;
    quantiles are nearest ranks.
    """

    trades: Annotated[int, "trades shuffled"]
    times: Annotated[int, "orders drawn"]
    max_drawdown_ratio_5: Annotated[float, "5 % of the orders fell no further"]
    max_drawdown_ratio_50: Annotated[float, "half of the orders fell no further"]
    max_drawdown_ratio_95: Annotated[float, "95 % of the orders fell no further"]
    max_drawdown_ratio_99: Annotated[float, "99 % of the orders fell no further"]
    real_max_drawdown_ratio: Annotated[float, "in the order in which they happened"]
    real_deeper_than_ratio: Annotated[float, "share of the orders that fell less than the real one"]


class Stress(NamedTuple):
    """What the result becomes when one thing is made worse."""

    seed: Annotated[int, "of the shuffles: equal runs give equal figures"]
    headline: Annotated[StressFigures, "the run that all others are compared with"]
    scenarios: Annotated[list[StressRow], "in the order of the table"]
    shuffle: Annotated[StressShuffle | None, "the trades in other orders; null: fewer than two trades"]
    scenarios_run: Annotated[int, "scenarios with figures, bounds not among them"]
    scenarios_profitable: Annotated[int, "those of them with net pnl above 0"]
    verdict: Annotated[str, "that in words"]


class Report(NamedTuple):
    """What one run of one bot did, and what the figures rest on. An undefined number is null."""

    schema_version: Annotated[Literal[1], "version of this shape"]
    bot: Annotated[str, "name of the bot"]
    bot_hash: Annotated[str, "SHA-256 of the canonical document"]
    mode: Annotated[str, "how the bot was run"]
    generated_at_ms: Annotated[
        int, "when the report was made, UTC milliseconds; alone may differ between equal runs"
    ]
    data: Annotated[Data, "candles, funding and mark prices"]
    costs: Annotated[Costs, "fees and slippage in force"]
    metrics: Annotated[Metrics, "all figures of the headline run"]
    bounds: Annotated[Bounds, "how far the unknown order inside bars can move the result"]
    stress: Annotated[Stress | None, "the run under worse conditions; null: not asked for"]
    exits: Annotated[list[ExitRow], "by reason, most trades first"]
    monthly: Annotated[list[MonthRow], "by calendar month, oldest first"]
    refusals: Annotated[list[RefusalRow], "by reason, most signals first"]
    halted: Annotated[str | None, "why the bot halted itself; null: it did not"]
    notes: Annotated[list[str], "what the run has to say about itself"]
    warnings: Annotated[list[str], "reasons to doubt the figures"]
    equity_daily: Annotated[EquityDaily, "equity by day"]
    trades: Annotated[list[TradeRow], "every round trip, in the order of exits"]
