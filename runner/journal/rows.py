"""What the journal's entries add up to: a named tuple for each projection, its fields the table's columns.

In: nothing. Out: plain values; figures are Decimal, times UTC ms.
Refuses to know: SQL, how a row came about (`projection.py`).
"""

from decimal import Decimal
from typing import Any, NamedTuple

from runner.domain.session_event import StopLevel


class Run(NamedTuple):
    """A run and where it stands. `bot_hash` has the parameters set from outside in."""

    run: str
    mode: str
    account: str
    bot: str
    bot_hash: str
    build: str
    symbol: str
    timeframe: str
    file: str
    text_hash: str
    plan_hash: str
    started_ms: int
    first_seq: int
    sessions: int = 0
    state: str = ""
    ended_ms: int | None = None
    ended_reason: str | None = None
    exit_code: int | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    data_source: str | None = None
    data_digest: str | None = None
    start_equity_usdt: Decimal | None = None
    end_equity_usdt: Decimal | None = None
    net_pnl_usdt: Decimal | None = None
    max_drawdown_ratio: float | None = None
    trades: int | None = None
    fills: int = 0
    report_hash: str | None = None


class BotVersion(NamedTuple):
    """One text of a bot. `bot_hash` is the text's own, without parameters set from outside."""

    bot: str
    text_hash: str
    bot_hash: str
    file: str
    first_ms: int
    last_ms: int
    runs: int


class Intent(NamedTuple):
    """What was meant, before anything was sent."""

    run: str
    intent: str
    seq: int
    time_ms: int
    bar_ms: int | None
    symbol: str
    rule: str
    side: int
    deadline_ms: int
    why: str
    bot_hash: str
    build: str


class OrderRow(NamedTuple):
    """One order by its client id. `status`: see `order_steps.py`; `signed_ms` of the last sending.
    `filled_quantity` is the exchange's word, `executed_quantity` what the executions add up to.
    """

    run: str
    client_id: str
    intent: str | None
    leg: str
    symbol: str
    kind: str
    side: int
    quantity: Decimal
    price: Decimal | None
    trigger_price: Decimal | None
    reduce_only: bool
    status: str
    seq: int
    attempts: int = 0
    signed_ms: int | None = None
    receive_window_ms: int | None = None
    cancel_asked: bool = False
    code: int | None = None
    text: str = ""
    venue_order_id: str = ""
    filled_quantity: Decimal = Decimal(0)
    updated_ms: int = 0
    executed_quantity: Decimal = Decimal(0)


class FillRow(NamedTuple):
    """One execution."""

    run: str
    seq: int
    time_ms: int
    symbol: str
    trade_id: str
    intent: str | None
    client_id: str | None
    venue_order_id: str
    side: int
    quantity: Decimal
    price: Decimal
    fee_usdt: Decimal
    maker: bool
    reason: str
    realised_pnl_usdt: Decimal | None


class PositionRow(NamedTuple):
    """A run's position in a symbol, `quantity` signed, and what it has realised."""

    run: str
    symbol: str
    quantity: Decimal
    entry_price: Decimal
    realised_pnl_usdt: Decimal
    fees_usdt: Decimal
    funding_usdt: Decimal
    updated_ms: int
    protected: bool | None = None
    stop_price: Decimal | None = None


class EquityRow(NamedTuple):
    """The account at a moment."""

    run: str
    seq: int
    time_ms: int
    equity_usdt: Decimal
    cash_usdt: Decimal
    position: Decimal


class LimitRow(NamedTuple):
    """What forbids something: a limit of the document, a halt, a ban. `ended_ms` None: nobody ended it;
    `until_ms` None: it has no end of its own.
    """

    run: str
    name: str
    level: StopLevel
    since_ms: int
    until_ms: int | None
    reason: str
    who: str
    ended_ms: int | None = None


class AlertRow(NamedTuple):
    """An alert for one sink. From `tries` on: how far its delivery is, which no entry tells."""

    id: str
    sink: str
    seq: int
    run: str
    event: str
    severity: str
    text: str
    time_ms: int
    tries: int = 0
    due_ms: int = 0
    delivered_ms: int | None = None
    error: str = ""


Row = Run | BotVersion | Intent | OrderRow | FillRow | PositionRow | EquityRow | LimitRow | AlertRow

# Each projection's table and the columns that tell its rows apart.
TABLES: dict[type[Any], tuple[str, tuple[str, ...]]] = {
    Run: ("runs", ("run",)),
    BotVersion: ("bot_versions", ("bot", "text_hash")),
    Intent: ("intents", ("run", "intent")),
    OrderRow: ("orders", ("run", "client_id")),
    FillRow: ("fills", ("run", "seq")),
    PositionRow: ("positions", ("run", "symbol")),
    EquityRow: ("equity", ("run", "seq")),
    LimitRow: ("limits", ("run", "name")),
    AlertRow: ("alerts", ("id", "sink")),
}
# Columns that do not follow from entries.
DELIVERY = ("tries", "due_ms", "delivered_ms", "error")


def key_of(row: Row) -> tuple[object, ...]:
    """What tells a row from the others of its table."""
    return tuple(getattr(row, name) for name in TABLES[type(row)][1])
