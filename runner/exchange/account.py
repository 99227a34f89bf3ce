"""One account of Binance USDⓈ-M futures: orders out, the account's truth in.

In: a client with keys. Out: the ports that a session asks for.
Refuses to know: what should rest, when to ask again. Writes are sent once and never raise; reads raise
ReadFailed when the answer cannot be trusted.
Source: Binance USDⓈ-M futures REST; stops and market targets go to the algo service.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import ccxt

from runner.domain.venue import (
    AccountEvent,
    Acked,
    Book,
    Income,
    Kind,
    Outcome,
    ReadFailed,
    Request,
    Retry,
    Snapshot,
    Status,
    Unknown,
    VenueAccount,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)
from runner.errors import ExchangeHostRefused
from runner.exchange import rows
from runner.exchange.client import FuturesClient, reply_of
from runner.exchange.outcomes import checked, outcome_of
from runner.exchange.stream import UserStream

NO_SUCH_ORDER = -2013
PAGE_TRADES = 1000
PAGES_MAX = 20
GOOD_TILL_MS_MIN = 660_000  # the exchange takes no goodTillDate within ten minutes
TRADE_SPAN_MS = 6 * 86_400_000  # userTrades takes at most seven days at once

_KINDS = {
    Kind.MARKET: "MARKET",
    Kind.LIMIT: "LIMIT",
    Kind.STOP_MARKET: "STOP_MARKET",
    Kind.TAKE_PROFIT_MARKET: "TAKE_PROFIT_MARKET",
}

Reply = TypeVar("Reply")


class Account:
    """OrderPort and AccountPort of one account."""

    def __init__(self, client: FuturesClient, *, receive_window_ms: int) -> None:
        self._client = client
        self._stream = UserStream(client)
        client.options["recvWindow"] = receive_window_ms

    def set_clock(self, offset_ms: int) -> None:
        """Sign with the exchange's time: ours plus this."""
        self._client.options["timeDifference"] = -offset_ms

    # --- writes ---

    async def place(self, request: Request) -> Outcome:
        """Send one order, once."""
        if request.kind.book is Book.ALGO:
            call, fields = self._client.fapiPrivatePostAlgoOrder, _algo_fields(request)
            return await self._write(call, fields, "clientAlgoId", lambda reply: _algo_ack(reply, request))
        call, fields = self._client.fapiPrivatePostOrder, _plain_fields(request, self._client.now_ms())
        return await self._write(call, fields, "clientOrderId", rows.plain_order)

    async def cancel(self, symbol: str, client_id: str, book: Book) -> Outcome:
        """Cancel one order of ours."""
        if book is Book.ALGO:
            call = self._client.fapiPrivateDeleteAlgoOrder
            fields = {"symbol": symbol, "clientAlgoId": client_id}
            return await self._write(call, fields, "clientAlgoId", lambda reply: _cancelled(reply, symbol))
        call = self._client.fapiPrivateDeleteOrder
        fields = {"symbol": symbol, "origClientOrderId": client_id}
        return await self._write(call, fields, "clientOrderId", rows.plain_order)

    async def _write(
        self,
        call: Callable[[dict[str, Any]], Awaitable[Any]],
        fields: dict[str, Any],
        name: str,
        read: Callable[[rows.Row], VenueOrder],
    ) -> Outcome:
        if blocked_ms := self._client.blocked_until_ms():
            return Retry(0, "the exchange told us to wait", blocked_ms)
        client_id = fields.get(name) or fields.get("newClientOrderId") or fields.get("origClientOrderId")
        try:
            reply = await call(fields)
        except ExchangeHostRefused:
            raise
        except (ccxt.BaseError, OSError, TimeoutError) as error:
            return outcome_of(error, self._client.now_ms(), self._client.budget.blocked_until_ms)
        whole = checked(reply, lambda body: body.get(name) == client_id)
        if isinstance(whole, Unknown):
            return whole
        try:
            return Acked(read(whole))
        except (KeyError, ValueError, InvalidOperation) as fault:
            return Unknown(f"an answer that cannot be read: {fault!r}")

    # --- reads ---

    async def snapshot(self, symbol: str) -> Snapshot:
        """Account, position and both books; orders first, so that an execution in between shows in both."""
        asked = {"symbol": symbol}
        client = self._client
        plain = await self._read(client.fapiPrivateGetOpenOrders, asked, _each(rows.plain_order))
        algo = await self._read(client.fapiPrivateGetOpenAlgoOrders, asked, _each(rows.algo_order))
        position_ms = client.now_ms()
        position = await self._read(
            client.fapiPrivateV3GetPositionRisk, asked, lambda reply: _position(reply, symbol)
        )
        account = await self._read(client.fapiPrivateV3GetAccount, {}, lambda reply: reply)
        setup = await self._read(
            client.fapiPrivateGetAccountConfig, {}, lambda reply: _account(account, reply)
        )
        return Snapshot(setup, position, (*plain, *algo), position_ms)

    async def look_up(self, symbol: str, client_id: str, book: Book) -> VenueOrder | None:
        """One order by its client id; None: the exchange knows none (yet)."""
        algo = book is Book.ALGO
        call = self._client.fapiPrivateGetAlgoOrder if algo else self._client.fapiPrivateGetOrder
        asked = {"symbol": symbol, "clientAlgoId" if algo else "origClientOrderId": client_id}
        return await self._one(call, asked, rows.algo_order if algo else rows.plain_order)

    async def order_of(self, symbol: str, venue_order_id: str) -> VenueOrder | None:
        """The plain order behind an execution, whoever sent it; None: not to be seen (yet)."""
        asked = {"symbol": symbol, "orderId": venue_order_id}
        return await self._one(self._client.fapiPrivateGetOrder, asked, rows.plain_order)

    async def _one(
        self,
        call: Callable[[dict[str, Any]], Awaitable[Any]],
        asked: dict[str, Any],
        read: Callable[[rows.Row], VenueOrder],
    ) -> VenueOrder | None:
        try:
            return await self._read(call, asked, read)
        except ReadFailed as failed:
            if failed.code == NO_SUCH_ORDER:
                return None
            raise

    async def trades(self, symbol: str, since_ms: int) -> Sequence[VenueTrade]:
        """Executions since then, oldest first."""
        found: dict[str, VenueTrade] = {}
        start = since_ms
        for _ in range(PAGES_MAX):
            asked = {"symbol": symbol, "startTime": start, "limit": PAGE_TRADES}
            page = await self._read(self._client.fapiPrivateGetUserTrades, asked, _each(rows.trade_row))
            found |= {trade.trade_id: trade for trade in page}
            if len(page) == PAGE_TRADES:
                start = page[-1].time_ms
            elif start + TRADE_SPAN_MS < self._client.now_ms():
                start += TRADE_SPAN_MS
            else:
                break
        return sorted(found.values(), key=lambda trade: (trade.time_ms, int(trade.trade_id)))

    async def income(self, symbol: str, since_ms: int) -> Sequence[Income]:
        """Funding, transfers and the like since then, oldest first."""
        asked = {"startTime": since_ms, "limit": PAGE_TRADES}
        kinds: tuple[dict[str, Any], ...] = (
            {**asked, "incomeType": "FUNDING_FEE", "symbol": symbol},
            {**asked, "incomeType": "TRANSFER"},
        )
        found: list[Income] = []
        for kind in kinds:
            call = self._client.fapiPrivateGetIncome
            found += await trusted(self._client, call, kind, _each(rows.income_row))
        return sorted(found, key=lambda row: row.time_ms)

    def events(self, symbol: str) -> AsyncIterator[AccountEvent]:
        """The account stream."""
        return self._stream.events(symbol)

    async def _read(
        self,
        call: Callable[[dict[str, Any]], Awaitable[Any]],
        asked: dict[str, Any],
        read: Callable[[Any], Reply],
    ) -> Reply:
        """What protection may depend on: it gives way to nothing."""
        return await trusted(self._client, call, asked, read, gives_way=False)


async def trusted(
    client: FuturesClient,
    call: Callable[[dict[str, Any]], Awaitable[Any]],
    asked: dict[str, Any],
    read: Callable[[Any], Reply],
    *,
    gives_way: bool = True,
) -> Reply:
    """The answer to one read, or ReadFailed. What gives way leaves the last of a minute's weight to orders
    and to what they depend on.
    """
    if blocked_ms := client.blocked_until_ms():
        raise ReadFailed("the exchange told us to wait", blocked_ms)
    if gives_way and client.budget.is_spent(client.now_ms()):
        raise ReadFailed("not asked: the weight that this address has in a minute is used up")
    try:
        return read(await call(asked))
    except (ccxt.BaseError, OSError, TimeoutError) as error:
        reply = reply_of(error)
        until_ms = client.budget.blocked_until_ms if reply and reply.status in (418, 429) else 0
        code = (reply.code or 0) if reply else 0
        raise ReadFailed(f"{type(error).__name__}: {error}"[:500], until_ms, code) from error
    except (KeyError, ValueError, TypeError, AttributeError, InvalidOperation) as fault:
        raise ReadFailed(f"an answer that cannot be read: {fault!r}") from fault


def _each(read: Callable[[rows.Row], Reply]) -> Callable[[Any], list[Reply]]:
    """A reader of a list of rows; anything but a list is no answer."""

    def of_list(reply: Any) -> list[Reply]:
        if not isinstance(reply, list):
            raise TypeError(f"no list: {str(reply)[:100]}")
        return [read(row) for row in reply]

    return of_list


def _plain_fields(request: Request, now_ms: int) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "symbol": request.symbol,
        "side": "BUY" if request.side > 0 else "SELL",
        "type": _KINDS[request.kind],
        "quantity": format(request.quantity, "f"),
        "newClientOrderId": request.client_id,
        "newOrderRespType": "RESULT",
    }
    if request.reduce_only:
        fields["reduceOnly"] = "true"
    if request.price is not None:
        fields["price"] = format(request.price, "f")
        fields["timeInForce"] = "GTX" if request.post_only else "GTC"
        if not request.post_only and request.expires_ms and request.expires_ms - now_ms > GOOD_TILL_MS_MIN:
            fields["timeInForce"] = "GTD"  # it goes by itself, whatever becomes of us
            fields["goodTillDate"] = request.expires_ms // 1000 * 1000
    return fields


def _algo_fields(request: Request) -> dict[str, Any]:
    assert request.trigger_price is not None
    fields: dict[str, Any] = {
        "algoType": "CONDITIONAL",
        "symbol": request.symbol,
        "side": "BUY" if request.side > 0 else "SELL",
        "type": _KINDS[request.kind],
        "quantity": format(request.quantity, "f"),
        "triggerPrice": format(request.trigger_price, "f"),
        "workingType": "MARK_PRICE" if request.triggers_on_mark else "CONTRACT_PRICE",
        "clientAlgoId": request.client_id,
    }
    if request.reduce_only:
        fields["reduceOnly"] = "true"
    return fields


def _algo_ack(reply: rows.Row, request: Request) -> VenueOrder:
    """The answer to a POST algoOrder leaves out what it was told, now and then."""
    return rows.algo_order({"quantity": str(request.quantity), **reply})


def _cancelled(reply: rows.Row, symbol: str) -> VenueOrder:
    """The answer to a DELETE algoOrder names the order and nothing else."""
    return VenueOrder(
        client_id=reply["clientAlgoId"],
        venue_order_id=f"algo-{reply['algoId']}",
        symbol=symbol,
        kind=Kind.STOP_MARKET,
        side=0,
        quantity=Decimal(0),
        filled_quantity=Decimal(0),
        status=Status.CANCELLED,
    )


def _position(reply: Any, symbol: str) -> VenuePosition:
    """The one-way position; in hedge mode the legs cannot be one, and the account's setup tells of it."""
    found = [rows.position_row(row) for row in _each(dict)(reply) if row.get("symbol") == symbol]
    held = [one for one in found if one.quantity]
    if held:
        return held[0]
    if found:
        return found[0]
    zero = Decimal(0)
    return VenuePosition(symbol, zero, zero, zero, zero, 0)


def _account(account: rows.Row, setup: rows.Row) -> VenueAccount:
    none = {"walletBalance": "0", "availableBalance": "0"}  # an account that never held any
    usdt = next((row for row in account["assets"] if row["asset"] == "USDT"), none)
    return VenueAccount(
        wallet_usdt=Decimal(usdt["walletBalance"]),
        available_usdt=Decimal(usdt["availableBalance"]),
        one_way=not setup["dualSidePosition"],
        single_asset=not setup["multiAssetsMargin"],
        can_trade=bool(setup["canTrade"]),
    )
