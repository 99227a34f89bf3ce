"""A run of an order from its intent to its end, entry by entry, and one entry of every kind."""

from decimal import Decimal

from runner.domain.alert import alert
from runner.domain.bar import Bar, Row
from runner.domain.entry import Entry, Event, trade_fact
from runner.domain.gate import Gate
from runner.domain.order_event import (
    Answered,
    EquityMarked,
    Filled,
    FundingPaid,
    Intended,
    Leg,
    OrderUpdated,
    PositionSet,
    Protected,
    Resolved,
    Sending,
    Transferred,
)
from runner.domain.position import initial_state
from runner.domain.session_event import (
    Alerted,
    Banned,
    BarClosed,
    BookKept,
    Commanded,
    Decided,
    Halted,
    LimitTripped,
    Mismatched,
    RecoveryStep,
    Reloaded,
    Reported,
    Resumed,
    RolledBack,
    RunEnded,
    RunStarted,
    SessionChanged,
    SessionStarted,
    StateSet,
)
from runner.domain.venue import Kind, Request, Status, VenueOrder

RUN, BTC, BAR_MS = "btc-1", "BTC/USDT:USDT", 1_700_000_100_000
ENTRY_ID, STOP_ID = "btcbot-aaaabbbbccccdddd-e0", "btcbot-aaaabbbbccccdddd-s0"
INTENT = "aaaabbbbccccdddd"


def stamped(event: Event, seconds: int = 0, **stamp: object) -> Entry:
    """An entry of the run, so many seconds after the bar."""
    named = {"bot_hash": "b" * 64, "build": "0123456789ab", "bar_ms": BAR_MS, **stamp}
    return Entry(RUN, BAR_MS + seconds * 1000, event, **named)  # type: ignore[arg-type]


def started(run: str = RUN, **changes: object) -> Entry:
    """The run's first entry."""
    said = {
        "mode": "testnet",
        "account": "main",
        "bot": "btc",
        "symbol": BTC,
        "timeframe": "15m",
        "text_hash": "d" * 64,
        "version_hash": "b" * 64,
        "plan_hash": "e" * 64,
        "file": "bots/btc.yaml",
    }
    event = RunStarted(**(said | changes))  # type: ignore[arg-type]
    return Entry(run, BAR_MS - 60_000, event, "b" * 64, "0123456789ab")


def order_told(status: Status, filled: str = "0", updated_ms: int = 1) -> VenueOrder:
    """What the exchange says of the entry."""
    return VenueOrder(
        client_id=ENTRY_ID,
        venue_order_id="77",
        symbol=BTC,
        kind=Kind.MARKET,
        side=1,
        quantity=Decimal("0.020"),
        filled_quantity=Decimal(filled),
        status=status,
        updated_ms=updated_ms,
    )


def filled(trade_id: str, quantity: str, price: str, side: int = 1) -> Filled:
    """A fill at the exchange."""
    return Filled(
        symbol=BTC,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee_usdt=Decimal("0.5"),
        maker=False,
        reason="entry" if side > 0 else "stop_loss",
        trade_id=trade_id,
    )


def fill_entry(trade_id: str, quantity: str, price: str, side: int = 1, seconds: int = 3) -> Entry:
    """The same as an entry that counts once."""
    fact = trade_fact(BTC, trade_id)
    event = filled(trade_id, quantity, price, side)
    return stamped(event, seconds, intent=INTENT, client_id=ENTRY_ID, fact=fact)


INTENDED = Intended(
    symbol=BTC,
    rule="entry.long",
    side=1,
    legs=(
        Leg("entry", Request(ENTRY_ID, BTC, Kind.MARKET, 1, Decimal("0.020"))),
        Leg(
            "stop",
            Request(
                STOP_ID,
                BTC,
                Kind.STOP_MARKET,
                -1,
                Decimal("0.020"),
                trigger_price=Decimal("34000.0"),
                reduce_only=True,
            ),
        ),
    ),
    deadline_ms=BAR_MS + 30_000,
    gates=(Gate("cooldown", True), Gate("notional", None, "not reached")),
)
INTENDED_ENTRY = stamped(INTENDED, intent=INTENT)
SENDING = stamped(Sending("place", BAR_MS, 5_000), 1, intent=INTENT, client_id=ENTRY_ID, attempt=1)


def whole_order() -> list[Entry]:
    """An entry with its stop, from the bar to the protected position."""
    mine = {"intent": INTENT, "client_id": ENTRY_ID, "attempt": 1}
    stops = {"intent": INTENT, "client_id": STOP_ID, "attempt": 1}
    said = alert("entry", "info", "long 0.020 at 35000", run=RUN, time_ms=BAR_MS, about=INTENT)
    return [
        started(),
        stamped(BarClosed(Bar(0, BAR_MS, *(1.5,) * 9), Row(2, 0, 0.1, float("nan"), 0.0, (0.0,) * 6))),
        stamped(Decided(1, 0, "f" * 64, rule="entry.long", trace=("rsi 71.3 > 70",))),
        INTENDED_ENTRY,
        SENDING,
        stamped(Answered("place", "acked", venue_order_id="77"), 2, **mine),
        fill_entry("9001", "0.012", "35000.0"),
        fill_entry("9002", "0.008", "35010.0"),
        stamped(OrderUpdated(order_told(Status.FILLED, "0.020", 5)), 3, **mine),
        stamped(Sending("place", BAR_MS + 3_000, 5_000), 3, **stops),
        stamped(Answered("place", "unknown", text="timed out"), 8, **stops),
        stamped(Resolved("found", "the algo book has it", "78"), 9, **stops),
        stamped(Protected(BTC, True, Decimal("34000.0"), Decimal("0.020")), 9),
        stamped(EquityMarked(Decimal("10003.2"), Decimal("9999.0"), Decimal("0.020")), 10),
        stamped(Alerted(said, ("env:ALERT_URL", "vault:mail")), 10),
    ]


def every_kind() -> list[Entry]:
    """At least one entry of each kind."""
    more: list[Event] = [
        SessionStarted("host", 4711, 3),
        SessionChanged("STARTING", "RUNNING", "recovered"),
        RunEnded("stopped by the operator", 0),
        Reloaded("1" * 64, "2" * 64, "3" * 64, "edited"),
        StateSet(initial_state(10_000.0), "start"),
        BookKept("{}"),
        FundingPaid(BTC, Decimal("-0.31"), -0.31, Decimal("0.0001"), Decimal("35000.5")),
        Transferred(Decimal("250"), "TRANSFER"),
        PositionSet(BTC, Decimal("0.5"), Decimal("34000"), "adopted"),
        LimitTripped("daily_loss", "no_entries", Decimal("9600"), Decimal("9700"), BAR_MS + 9_000_000),
        Halted("flatten", "looks wrong", "ada"),
        Resumed("was fine", "ada"),
        Banned(BAR_MS + 60_000, 418),
        RecoveryStep("SNAPSHOT", "done"),
        Mismatched(BTC, "position", "0", "0.5", "adopt"),
        Commanded("halt", ("--reason", "looks wrong"), "ada"),
        RolledBack("btc", "bots/btc.yaml", "4" * 64, "d" * 64, "ada", "better", "adopt"),
        Reported(Decimal(10_000), Decimal(10_100), Decimal(100), 0.05, 7, "5" * 64),
    ]
    return [*whole_order(), *(stamped(event, 20 + at) for at, event in enumerate(more))]
