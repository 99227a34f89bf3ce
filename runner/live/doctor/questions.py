"""Questions that documents leave open and only the exchange can answer, asked with the least quantity.

In: a connection to a place where money is play money, a survey of a flat account. Out: an answer for each
question.
Refuses to know: bots, journals. It trades: nobody asks these of an account that matters. What it opened it
closes, and what it placed it takes away, also when a question fails in the middle.
Source: the questions that recordings and change logs of USDⓈ-M futures do not settle.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from runner.domain.venue import ReadFailed
from runner.exchange.raw import Said, ask
from runner.live.connection import Connection
from runner.live.doctor.probes import FAR_RATIO, PREFIX, least_quantity
from runner.live.survey import Survey
from runner.live.wanted import exact

COUNTDOWN_MS = 5_000
TRIGGER_MS_MAX = 60_000
LOOK_MS = 250
LAG_MS_MAX = 10_000
RECEIVE_MS = 5_000


class Answered(NamedTuple):
    """One question; `answer` in words, also when it could not be had."""

    number: str
    question: str
    answer: str


class Bench:
    """Raw requests of one symbol, each with a name of its own."""

    def __init__(self, connection: Connection, seen: Survey, symbol: str) -> None:
        self.connection, self.seen, self.symbol = connection, seen, symbol
        self.client: Any = connection.client
        self.quantity = format(least_quantity(seen, self.price(1.0 - FAR_RATIO / 10)), "f")
        self._names = 0

    def price(self, ratio: float) -> float:
        """A multiple of the mark, on the tick."""
        return float(exact(float(self.seen.mark_price) * ratio, self.seen.instrument.tick_size))

    def name(self) -> str:
        """A client id nobody had."""
        self._names += 1
        return f"{PREFIX}q{self.connection.clock.now_ms()}-{self._names}"

    async def ask(self, call: Callable[[dict[str, Any]], Awaitable[Any]], **fields: Any) -> Said:
        """One request about the symbol."""
        return await ask(call, {"symbol": self.symbol, **fields})

    async def stop(self, ratio: float, **fields: Any) -> tuple[str, Said]:
        """A sell stop; its name and what was said."""
        name = self.name()
        sent = {"quantity": self.quantity, "reduceOnly": "true"} if "closePosition" not in fields else {}
        said = await self.ask(
            self.client.fapiPrivatePostAlgoOrder,
            algoType="CONDITIONAL",
            side="SELL",
            type="STOP_MARKET",
            triggerPrice=self.price(ratio),
            workingType="MARK_PRICE",
            clientAlgoId=name,
            **sent,
            **fields,
        )
        return name, said

    async def limit(self, name: str) -> Said:
        """A buy order that rests below the market."""
        return await self.ask(
            self.client.fapiPrivatePostOrder,
            side="BUY",
            type="LIMIT",
            timeInForce="GTC",
            quantity=self.quantity,
            price=self.price(1.0 - FAR_RATIO / 10),
            newClientOrderId=name,
        )

    async def market(self, side: str, *, quantity: str = "", reduces: bool = False) -> tuple[str, Said]:
        """At once; its name and what was said."""
        name = self.name()
        fields: dict[str, Any] = {"reduceOnly": "true"} if reduces else {}
        said = await self.ask(
            self.client.fapiPrivatePostOrder,
            side=side,
            type="MARKET",
            quantity=quantity or self.quantity,
            newClientOrderId=name,
            newOrderRespType="RESULT",
            **fields,
        )
        return name, said

    async def resting(self) -> tuple[set[str], set[str]]:
        """Names in the plain and in the algo book."""
        plain = await self.ask(self.client.fapiPrivateGetOpenOrders)
        algo = await self.ask(self.client.fapiPrivateGetOpenAlgoOrders)
        return (
            {row["clientOrderId"] for row in plain.reply or ()},
            {row["clientAlgoId"] for row in algo.reply or ()},
        )

    async def held(self) -> str:
        """The position's quantity, "0" when flat."""
        said = await self.ask(self.client.fapiPrivateV3GetPositionRisk)
        rows = [row for row in said.reply or () if row["symbol"] == self.symbol]
        return next((row["positionAmt"] for row in rows if float(row["positionAmt"])), "0")

    async def clear(self) -> None:
        """Nothing rests and nothing is held."""
        await self.ask(self.client.fapiPrivateDeleteAllOpenOrders)
        await self.ask(self.client.fapiPrivateDeleteAlgoOpenOrders)
        held = await self.held()
        if float(held):
            side = "SELL" if float(held) > 0 else "BUY"
            await self.market(side, quantity=held.lstrip("-"), reduces=True)

    async def lag(self, shows: Callable[[], Awaitable[bool]]) -> str:
        """How long until a read shows it."""
        clock = self.connection.clock
        began_ms = clock.now_ms()
        while not await shows():
            if clock.now_ms() - began_ms > LAG_MS_MAX:
                return f"not within {LAG_MS_MAX / 1000:.0f} s"
            await clock.sleep(LOOK_MS // 5)
        return f"{clock.now_ms() - began_ms} ms"


async def settle(connection: Connection, seen: Survey, symbol: str) -> list[Answered]:
    """All questions, one after the other."""
    if not seen.is_flat or any(not order.client_id.startswith(PREFIX) for order in seen.snapshot.orders):
        return [
            Answered("–", "everything", "not asked: the account is not flat, or orders of others rest there")
        ]
    bench = Bench(connection, seen, symbol)
    answers: list[Answered] = []
    try:
        for number, (question, script) in enumerate(_QUESTIONS, 1):
            try:
                answer = await script(bench)
            except (ReadFailed, KeyError, TypeError, ValueError) as fault:
                answer = f"not answered: {fault!r}"[:200]
            answers.append(Answered(str(number), question, answer))
            await bench.clear()
    finally:
        await bench.clear()
    return answers


async def _flat_stops(bench: Bench) -> str:
    reduces = (await bench.stop(1.0 - FAR_RATIO))[1]
    first = (await bench.stop(1.0 - FAR_RATIO, closePosition="true"))[1]
    second = (await bench.stop(1.0 - FAR_RATIO - 0.01, closePosition="true"))[1]
    return f"reduce-only: {reduces.words}; closePosition: {first.words}; a second one: {second.words}"


async def _cancel_all(bench: Bench) -> str:
    stop, said = await bench.stop(1.0 - FAR_RATIO)
    limit = bench.name()
    await bench.limit(limit)
    await bench.ask(bench.client.fapiPrivateDeleteAllOpenOrders)
    return await _left(bench, limit, stop, said)


async def _countdown(bench: Bench) -> str:
    stop, said = await bench.stop(1.0 - FAR_RATIO)
    limit = bench.name()
    await bench.limit(limit)
    await bench.ask(bench.client.fapiPrivatePostCountdownCancelAll, countdownTime=COUNTDOWN_MS)
    await bench.connection.clock.sleep(2 * COUNTDOWN_MS)
    return await _left(bench, limit, stop, said)


async def _left(bench: Bench, limit: str, stop: str, said: Said) -> str:
    plain, algo = await bench.resting()
    taken = "stays" if stop in algo else "is gone"
    about_stop = f"the stop {taken}" if said.taken else f"no stop to ask with: {said.words}"
    return f"the order {'stays' if limit in plain else 'is gone'}; {about_stop}"


async def _stale(bench: Bench) -> str:
    stamp_ms = bench.connection.clock.now_ms() + bench.seen.offset_ms - RECEIVE_MS - 2_000
    said = await bench.ask(bench.client.fapiPrivateGetOpenOrders, timestamp=stamp_ms, recvWindow=RECEIVE_MS)
    return said.words


async def _flat_trigger(bench: Bench) -> str:
    name, said = await bench.stop(0.9998)
    if not said.taken:
        return said.words
    return await _triggered(bench, name)


async def _triggered(bench: Bench, name: str) -> str:
    """What a stop near the mark became."""
    clock = bench.connection.clock
    until_ms = clock.now_ms() + TRIGGER_MS_MAX
    row: dict[str, Any] = {}
    while clock.now_ms() < until_ms:
        row = (await bench.ask(bench.client.fapiPrivateGetAlgoOrder, clientAlgoId=name)).reply or {}
        if row.get("algoStatus") not in ("NEW", "WORKING", "TRIGGERING", "TRIGGERED", None):
            break
        await clock.sleep(4 * LOOK_MS)
    status = row.get("algoStatus", "nothing")
    if status == "NEW":
        return f"the mark did not come to the stop within {TRIGGER_MS_MAX // 1000} s; ask again"
    child = row.get("actualOrderId")
    if not child:
        return f"{status}, no order came of it"
    order = (await bench.ask(bench.client.fapiPrivateGetOrder, orderId=child)).reply or {}
    same = order.get("clientOrderId") == name
    whose = (
        "carries the stop's client id" if same else f"has another client id ({order.get('clientOrderId')})"
    )
    return f"{status}; its order {order.get('status')} {whose}"


async def _reused(bench: Bench) -> str:
    name, said = await bench.market("BUY")
    if not said.taken:
        return f"no fill to ask with: {said.words}"
    again = await bench.limit(name)
    stop, placed = await bench.stop(1.0 - FAR_RATIO)
    await bench.ask(bench.client.fapiPrivateDeleteAlgoOrder, clientAlgoId=stop)
    fields = {"clientAlgoId": stop, "quantity": bench.quantity, "triggerPrice": bench.price(1.0 - FAR_RATIO)}
    once_more = await bench.ask(
        bench.client.fapiPrivatePostAlgoOrder,
        algoType="CONDITIONAL",
        side="SELL",
        type="STOP_MARKET",
        reduceOnly="true",
        **fields,
    )
    return f"of a filled order: {again.words}; of a cancelled stop ({placed.words}): {once_more.words}"


async def _averages(bench: Bench) -> str:
    said = (await bench.market("BUY"))[1]
    if not said.taken:
        return said.words
    found = [name for name in ("avgPrice", "cumQuote") if name in said.reply]
    return f"the reply to a market order carries {' and '.join(found) or 'neither'}"


async def _lags(bench: Bench) -> str:
    name, said = await bench.market("BUY")
    if not said.taken:
        return said.words
    order_id = said.reply["orderId"]

    async def order() -> bool:
        return (await bench.ask(bench.client.fapiPrivateGetOrder, origClientOrderId=name)).taken

    async def position() -> bool:
        return float(await bench.held()) != 0

    async def trades() -> bool:
        return bool((await bench.ask(bench.client.fapiPrivateGetUserTrades, orderId=order_id)).reply)

    parts = [("order", order), ("position", position), ("trades", trades)]
    return ", ".join([f"{what} after {await bench.lag(shows)}" for what, shows in parts])


async def _two_stops(bench: Bench) -> str:
    await bench.market("BUY")
    first, second = (await bench.stop(0.7))[1], (await bench.stop(0.69))[1]
    exit_said = (await bench.market("SELL", reduces=True))[1]
    return f"first {first.words}, second {second.words}; a market exit beside them {exit_said.words}"


async def _child(bench: Bench) -> str:
    said = (await bench.market("BUY"))[1]
    if not said.taken:
        return said.words
    name, stop = await bench.stop(0.9998)
    return await _triggered(bench, name) if stop.taken else stop.words


async def _lasting(bench: Bench) -> str:
    await bench.market("BUY")
    name, said = await bench.stop(1.0 - FAR_RATIO, closePosition="true", timeInForce="GTC")
    if not said.taken:
        return said.words
    await bench.market("SELL", reduces=True)
    await bench.connection.clock.sleep(2_000)
    _, algo = await bench.resting()
    return "it stays when the position is gone" if name in algo else "it goes with the position"


async def _figures(bench: Bench) -> str:
    rules, brackets = bench.seen.instrument, bench.seen.brackets
    ladder = ", ".join(f"{one.notional_usdt_max:g}: {one.leverage_max:g}×" for one in brackets[:4])
    return f"least notional {rules.notional_usdt_min:g} USDT; brackets {ladder}, … ({len(brackets)})"


async def _hosts(bench: Bench) -> str:
    profile = bench.connection.client.profile
    return f"{profile.rest_url} and {profile.stream_url} served this examination"


def _not_here(why: str) -> Callable[[Bench], Awaitable[str]]:
    async def answer(bench: Bench) -> str:
        return f"not possible here: {why}"

    return answer


_QUESTIONS: tuple[tuple[str, Callable[[Bench], Awaitable[str]]], ...] = (
    ("Which hosts serve REST and streams?", _hosts),
    ("What are the least notional and the brackets today?", _figures),
    ("Are stops taken without a position?", _flat_stops),
    ("Does DELETE allOpenOrders take stops away?", _cancel_all),
    ("Does countdownCancelAll take stops away?", _countdown),
    ("Is a request refused once timestamp + recvWindow has passed?", _stale),
    ("What becomes of a reduce-only stop that triggers without a position?", _flat_trigger),
    ("Is a client id accepted again once its order has ended?", _reused),
    ("Do replies to orders carry average prices?", _averages),
    ("How long after a fill do reads show it?", _lags),
    ("Do resting reduce-only stops block a second one, or an exit (-4118)?", _two_stops),
    ("Does a stop's own market order carry the stop's client id?", _child),
    ("Does a GTC closePosition stop outlive the position?", _lasting),
    ("Which words come with each 503?", _not_here("nobody can make the exchange fail")),
    (
        "Does a demo key fail at the main host with a code of its own?",
        _not_here("this profile never asks it"),
    ),
    ("Does a futures-only key answer what it may do?", _not_here("demo trading has no such question")),
)
