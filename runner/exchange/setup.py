"""What an account must be set to before a bot trades on it, and the rules it trades by.

In: a client with keys. Out: SetupPort: leverage and margin mode, set where they differ and read back; rules
as JSON text; ReadFailed when an answer cannot be trusted.
Refuses to know: what a bot wants, how rules are read. Position mode and multi-assets mode are the
account's, not one bot's: they are seen in a snapshot, and never changed here.
Source: Binance USDⓈ-M futures: GET symbolConfig, POST leverage and marginType, GET exchangeInfo and
leverageBracket.


"""

import json
from collections.abc import Mapping
from typing import Any

import ccxt

from runner.domain.venue import ReadFailed, SetupPort
from runner.exchange.account import trusted
from runner.exchange.client import FuturesClient, Keys, reply_of
from runner.exchange.rights import read_rights

UNCHANGED = -4046  # "No need to change margin type."
_WHY = {
    -4047: "orders rest in this symbol; cancel them first",
    -4048: "a position is open in this symbol; close it first",
    -4161: "an isolated position is open; the exchange lowers its leverage only when it is closed",
    -2027: "the position is larger than this leverage allows",
    -2028: "the margin does not suffice for this leverage",
    -4028: "the exchange does not offer this leverage for the symbol",
}


class FuturesSetup:
    """SetupPort of one account."""

    def __init__(self, client: FuturesClient) -> None:
        self._client = client

    async def read_setup(self, symbol: str) -> tuple[int, bool]:
        """(leverage, isolated)."""
        call = self._client.fapiPrivateGetSymbolConfig
        return await trusted(self._client, call, {"symbol": symbol}, lambda reply: _setup(reply, symbol))

    async def write_setup(self, symbol: str, leverage: int, isolated: bool) -> None:
        """Set both where they differ, and see that they are; ReadFailed when refused."""
        was_leverage, was_isolated = await self.read_setup(symbol)
        if was_isolated != isolated:
            margin = "ISOLATED" if isolated else "CROSSED"
            await self._write(
                self._client.fapiPrivatePostMarginType, {"symbol": symbol, "marginType": margin}
            )
        if was_leverage != leverage:
            await self._write(self._client.fapiPrivatePostLeverage, {"symbol": symbol, "leverage": leverage})
        if (was_leverage, was_isolated) == (leverage, isolated):
            return
        now = await self.read_setup(symbol)
        if now != (leverage, isolated):
            raise ReadFailed(f"{symbol} was set to {_said(leverage, isolated)} and is at {_said(*now)}")

    async def rules(self, symbol: str) -> tuple[str, str]:
        """(exchangeInfo, leverageBracket) as JSON text."""
        client = self._client
        info = await trusted(client, client.fapiPublicGetExchangeInfo, {}, json.dumps)
        ladder = await trusted(client, client.fapiPrivateGetLeverageBracket, {"symbol": symbol}, json.dumps)
        return info, ladder

    async def withdrawals_allowed(self) -> bool | None:
        """Whether the key may withdraw. Demo trading does not tell, and a stand-in on this machine holds
        no money.
        """
        client = self._client
        if client.profile.name == "local":
            return None
        return (await read_rights(client.profile, Keys(client.apiKey, client.secret))).withdraw

    async def _write(self, call: Any, fields: dict[str, Any]) -> None:
        try:
            await call(fields)
        except (ccxt.BaseError, OSError, TimeoutError) as error:
            reply = reply_of(error)
            if reply is not None and reply.code == UNCHANGED:
                return
            code = (reply.code or 0) if reply else 0
            why = _WHY.get(code) or (f"{reply.message} ({code})" if reply else "no answer")
            what = ", ".join(f"{name} {field}" for name, field in fields.items())
            raise ReadFailed(f"the exchange did not set {what}: {why}", 0, code) from error


def _setup(reply: Any, symbol: str) -> tuple[int, bool]:
    if not isinstance(reply, list):
        raise TypeError(f"no list: {str(reply)[:100]}")
    row: Mapping[str, Any] = {one["symbol"]: one for one in reply}[symbol]
    return int(row["leverage"]), row["marginType"] == "ISOLATED"


def _said(leverage: int, isolated: bool) -> str:
    return f"leverage {leverage}, {'isolated' if isolated else 'cross'}"


def _is_port(setup: FuturesSetup) -> SetupPort:
    """mypy's proof."""
    return setup
