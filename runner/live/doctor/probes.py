"""What only trying tells: settings that stick, a far stop in the algo book, a stream, enough history.

In: a connection, a survey, a compiled bot. Out: findings. Nothing is left behind, whatever answers come.
Refuses to know: journals, rules. The stop can only reduce, is as small as the exchange allows, far from the
price, and cancelled at once; its name belongs to no bot.
Source: reliability design 5.4 "stop self-test".
"""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

from runner.compiler.build import Compiled
from runner.domain.bar import Bar, Row
from runner.domain.venue import (
    Acked,
    Book,
    Kind,
    Outcome,
    ReadFailed,
    Rejected,
    Request,
    StreamAlive,
    StreamLost,
    VenueOrder,
)
from runner.exchange.raw import ask
from runner.live.connection import Connection
from runner.live.doctor.finding import Finding, failed, fine, not_here
from runner.live.feed import SLACK_BARS
from runner.live.survey import Survey, insist
from runner.live.wanted import exact
from runner.live.window import Window

PREFIX = "doctor-"
FAR_RATIO = 0.3  # below the mark
LOOK_MS, LOOKS_MAX = 500, 20
STREAM_S = 15.0
READ_MS = 20_000
NEEDS_POSITION = frozenset(
    {-2022, -4118, -4509}
)  # what the exchange says to a stop that has nothing to reduce


async def try_setup(connection: Connection, seen: Survey, compiled: Compiled) -> Finding:
    """Set leverage and margin mode, and read them back; with a position or orders only read."""
    market = compiled.document.market
    wanted = (market.leverage, market.margin == "isolated")
    text = f"leverage {market.leverage}, {market.margin}"
    if (seen.leverage, seen.isolated) == wanted:
        return fine("setup", f"{text}, as it was set already")
    now = f"leverage {seen.leverage}, {'isolated' if seen.isolated else 'cross'}"
    if not seen.is_flat or seen.snapshot.orders:
        return failed("setup", f"{now}; the bot wants {text}", "close what is open there; then it can be set")
    try:
        await connection.setup.write_setup(market.market_id, *wanted)
    except ReadFailed as no:
        return failed("setup", str(no), "set it at the exchange by hand, and see what it says")
    return fine("setup", f"{text}, set and read back (it was {now})")


async def try_history(connection: Connection, compiled: Compiled) -> tuple[Finding, tuple[Bar, Row] | None]:
    """The bars that the first decision needs, and what the rules say at the last of them."""
    window = Window(compiled, compiled.plan.timeframe_ms)
    market = connection.ports.market
    symbol, needed = compiled.document.market.market_id, window.bars_needed

    async def load() -> None:
        now_ms = await market.server_time()
        since = (now_ms // window.timeframe_ms - needed - SLACK_BARS) * window.timeframe_ms
        for bar in await market.bars(symbol, window.timeframe_ms, since):
            window.add(bar)

    await insist(connection.clock, load, READ_MS)
    text = f"{len(window.bars):,} of {needed:,} bars of warm-up"
    if not window.is_warm:
        return failed("history", text, "the contract is too young for this bot; shorten its indicators"), None
    return fine("history", text), window.last()


async def try_stream(connection: Connection, symbol: str) -> Finding:
    """A listen key, and a stream that opens."""
    profile = connection.client.profile
    events = connection.ports.account.events(symbol)
    why = "nothing came"
    try:
        async with asyncio.timeout(STREAM_S):
            async for event in events:
                if isinstance(event, StreamAlive):
                    return fine("stream", f"a listen key was given; {profile.stream_url} opened")
                if isinstance(event, StreamLost):
                    why = event.text.partition("http")[0]
    except TimeoutError:
        pass
    finally:
        await events.aclose()  # type: ignore[attr-defined]
    return failed(
        "stream", f"{profile.stream_url}: {why}", "see whether a firewall or proxy stops web sockets"
    )


async def try_stop(connection: Connection, seen: Survey, symbol: str, client_id: str) -> Finding:
    """A far stop: placed, seen, cancelled, seen gone."""
    account = connection.ports.account
    await _sweep(connection, seen.snapshot.orders, symbol)
    request = far_stop(seen, symbol, client_id)
    try:
        outcome = await connection.ports.orders.place(request)
        if isinstance(outcome, Rejected) and outcome.code in NEEDS_POSITION:
            return await _try_order(connection, seen, symbol, outcome)
        if isinstance(outcome, Rejected):
            return failed(
                "far stop", f"refused: {outcome.text} ({outcome.code})", "a bot could not protect itself"
            )

        async def is_there() -> bool:
            found = await account.snapshot(symbol)
            return any(order.client_id == client_id for order in found.orders)

        if not await _until(connection, is_there):
            return failed("far stop", f"not seen in the algo book ({_said(outcome)})", _REMEDY)
        gone = await connection.ports.orders.cancel(symbol, client_id, Book.ALGO)

        async def is_gone() -> bool:
            return not await is_there()

        if not await _until(connection, is_gone):
            return failed(
                "far stop", f"cancelled ({_said(gone)}) and still there", f"cancel {client_id} by hand"
            )
    finally:
        await connection.ports.orders.cancel(symbol, client_id, Book.ALGO)
    return fine("far stop", f"placed at {request.trigger_price}, seen in the algo book, cancelled, seen gone")


_REMEDY = "stops do not show here: no bot can prove that it is protected; wait, and ask the exchange"


def far_stop(seen: Survey, symbol: str, client_id: str) -> Request:
    """The smallest sell stop that the exchange takes, far below the mark."""
    mark, rules = float(seen.mark_price), seen.instrument
    price = exact(mark * (1.0 - FAR_RATIO), rules.tick_size)
    return Request(
        client_id=client_id,
        symbol=symbol,
        kind=Kind.STOP_MARKET,
        side=-1,
        quantity=least_quantity(seen, float(price)),
        trigger_price=price,
        reduce_only=True,
    )


def least_quantity(seen: Survey, price: float) -> Decimal:
    """The least quantity of an order at this price that no filter refuses."""
    rules = seen.instrument
    steps = max(rules.quantity_min, rules.notional_usdt_min / price) / rules.step_size
    return exact((int(steps) + 1) * rules.step_size, rules.step_size)


async def _try_order(connection: Connection, seen: Survey, symbol: str, no: Rejected) -> Finding:
    """Without a position no stop is taken here: an order is put to the test instead, which places nothing."""
    price = exact(float(seen.mark_price) * (1.0 - FAR_RATIO / 10), seen.instrument.tick_size)
    fields = {
        "symbol": symbol,
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": format(least_quantity(seen, float(price)), "f"),
        "price": format(price, "f"),
    }
    said = await ask(connection.client.fapiPrivatePostOrderTest, fields)
    if not said.taken:
        return failed(
            "far stop", f"no stop without a position ({no.code}); order/test {said.words}", "check the key"
        )
    return not_here(
        "far stop",
        f"the exchange takes no stop without a position ({no.code}); order/test took an order instead",
    )


async def _sweep(connection: Connection, orders: tuple[VenueOrder, ...], symbol: str) -> None:
    """What an earlier check that was killed left behind."""
    for order in orders:
        if order.client_id.startswith(PREFIX):
            await connection.ports.orders.cancel(symbol, order.client_id, order.kind.book)


async def _until(connection: Connection, happened: Callable[[], Awaitable[bool]]) -> bool:
    """Reads lag behind writes: look again for a while."""
    for _ in range(LOOKS_MAX):
        if await insist(connection.clock, happened, READ_MS):
            return True
        await connection.clock.sleep(LOOK_MS)
    return False


def _said(outcome: Outcome) -> str:
    return "acknowledged" if isinstance(outcome, Acked) else type(outcome).__name__.lower()
