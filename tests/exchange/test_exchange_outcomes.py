"""What the wire did, and what we make of it: real ccxt, the exchange in memory, one fault after the other."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from runner.domain.venue import (
    Acked,
    Book,
    Duplicate,
    Kind,
    Outcome,
    Rejected,
    Request,
    Retry,
    Status,
    Unknown,
)
from runner.exchange.account import Account
from runner.exchange.client import FuturesClient, Keys
from runner.exchange.outcomes import DUPLICATE_ID, REJECTED_CODES, THROTTLED, TIMESTAMP, UNKNOWN_CODES
from runner.exchange.profiles import PROFILES
from runner.simulator.box import Box
from runner.simulator.session import MemorySession
from tests.simulator.memory_session import arm, held
from tests.simulator.skins import box_of

S = "BTCUSDT"
ENTRY = Request("bot-entry-1", S, Kind.MARKET, 1, Decimal("0.010"))
STOP = Request(
    "bot-stop-1", S, Kind.STOP_MARKET, -1, Decimal("0.010"), trigger_price=Decimal(50_000), reduce_only=True
)

Job = Callable[[Account, Box], Awaitable[Any]]


def with_account(job: Job) -> Any:
    """One account's client on a new exchange."""
    box = box_of("")

    async def run() -> Any:
        client = FuturesClient(PROFILES["main"], Keys("key", "secret"), timeout_ms=50)
        client.session, client.own_session = MemorySession(box), False
        client.milliseconds = client.now_ms = lambda: box.now_ms
        try:
            return await job(Account(client, receive_window_ms=3_000), box)
        finally:
            await client.close()

    return asyncio.run(run())


def outcome_under(fault: str, request: Request = ENTRY) -> tuple[Outcome, float]:
    """What `place` says under a fault, and what the exchange then holds."""

    async def job(account: Account, box: Box) -> tuple[Outcome, float]:
        arm(box, fault)
        return await account.place(request), held(box)

    found: tuple[Outcome, float] = with_account(job)
    return found


@pytest.mark.parametrize(
    ("fault", "kind", "executed"),
    [
        ("net.drop_after(POST order)", Unknown, True),
        ("net.drop_before(POST order)", Unknown, False),
        ("net.truncate(POST order)", Unknown, True),
        ("net.half_json(POST order)", Unknown, True),
        ("net.empty(POST order)", Unknown, True),
        ("net.blank(POST order)", Unknown, True),
        ("net.html(POST order)", Unknown, True),
        ("http.unknown(POST order, executed)", Unknown, True),
        ("http.timeout(POST order, executed)", Unknown, True),
        ("http.unexpected(POST order, executed)", Unknown, True),
        ("http.gateway(POST order, executed)", Unknown, True),
        ("http.answer(POST order, 500, -9999)", Unknown, False),
        ("http.answer(POST order, 400, -9999)", Unknown, False),
        ("http.internal(POST order)", Retry, False),
        ("http.overload(POST order)", Retry, False),
        ("http.busy(POST order)", Retry, False),
        ("http.answer(POST order, 400, -1021)", Retry, False),
        ("http.firewall(POST order)", Rejected, False),
        ("http.answer(POST order, 400, -2019)", Rejected, False),
        ("http.answer(POST order, 400, -4118)", Rejected, False),
    ],
)
def test_an_answer_means_what_it_proves(fault: str, kind: type[Outcome], executed: bool) -> None:
    outcome, position = outcome_under(fault)
    assert isinstance(outcome, kind), outcome
    assert (position != 0) is executed


def test_an_order_that_is_open_already_is_a_duplicate() -> None:
    async def job(account: Account, box: Box) -> None:
        resting = Request("bot-1", S, Kind.LIMIT, 1, Decimal("0.010"), price=Decimal(58_000))
        assert isinstance(await account.place(resting), Acked)
        assert isinstance(await account.place(resting), Duplicate)

    with_account(job)


def test_a_stop_lives_in_the_algo_book_and_is_found_and_cancelled_there() -> None:
    async def job(account: Account, box: Box) -> None:
        assert isinstance(await account.place(ENTRY), Acked)
        placed = await account.place(STOP)
        assert isinstance(placed, Acked)
        assert placed.order.status is Status.RESTING
        seen = (await account.snapshot(S)).orders
        assert [(one.client_id, one.kind, one.trigger_price) for one in seen] == [
            ("bot-stop-1", Kind.STOP_MARKET, Decimal(50_000))
        ]
        assert await account.look_up(S, "bot-stop-1", Book.PLAIN) is None
        found = await account.look_up(S, "bot-stop-1", Book.ALGO)
        assert found is not None
        assert found.reduce_only
        assert isinstance(await account.cancel(S, "bot-stop-1", Book.ALGO), Acked)
        assert (await account.snapshot(S)).orders == ()
        again = await account.cancel(S, "bot-stop-1", Book.ALGO)
        assert isinstance(again, Rejected)

    with_account(job)


def test_a_stop_beyond_the_price_is_rejected_as_its_own_signal() -> None:
    async def job(account: Account, box: Box) -> Outcome:
        await account.place(ENTRY)
        beyond = Request("s", S, Kind.STOP_MARKET, -1, Decimal("0.010"), trigger_price=Decimal(70_000))
        return await account.place(beyond)

    outcome = with_account(job)
    assert isinstance(outcome, Rejected)
    assert outcome.code == -2021


def test_executions_and_income_are_read_to_the_last_digit() -> None:
    async def job(account: Account, box: Box) -> None:
        placed = await account.place(ENTRY)
        assert isinstance(placed, Acked)
        [trade] = await account.trades(S, 0)
        assert (trade.venue_order_id, trade.quantity, trade.side) == (
            placed.order.venue_order_id,
            Decimal("0.010"),
            1,
        )
        assert trade.fee_usdt == trade.price * trade.quantity * Decimal("0.0005")
        snapshot = await account.snapshot(S)
        assert snapshot.position.quantity == Decimal("0.010")
        assert snapshot.position.entry_price == trade.price
        assert snapshot.account.one_way
        assert snapshot.account.wallet_usdt == 10_000 - trade.fee_usdt
        assert [(row.kind, row.income_usdt) for row in await account.income(S, 0)] == [("TRANSFER", 10_000)]

    with_account(job)


def test_every_code_has_one_meaning() -> None:
    others = UNKNOWN_CODES | THROTTLED | set(TIMESTAMP) | {DUPLICATE_ID}
    assert not REJECTED_CODES & others
