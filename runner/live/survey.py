"""What the exchange says before a bot starts: its clock, its rules, the account and how it is set.

In: the exchange's ports, a symbol. Out: a Survey; why the bot may not start. Nothing is changed.
Refuses to know: the bot's rules, the journal, terminals.
Source: design "before the first order"; Binance USDⓈ-M position mode and multi-assets mode.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from runner.data.rules import StoredRules
from runner.data.rules_file import Taken, rules_in
from runner.data.symbol import market_id
from runner.domain.instrument import Bracket, Instrument
from runner.domain.venue import MarketPort, ReadFailed, SetupPort, Snapshot
from runner.errors import ExchangeRefused, ExchangeUnreachable
from runner.live.desk import Clock
from runner.live.session import Ports

PATIENCE_MS = 60_000  # an exchange that says nothing for so long is not there
PAUSE_MS = 500
REFUSALS = frozenset({-1022, *range(-2099, -1999)})  # the same in a minute: keys, signature, rights

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Survey:
    """`offset_ms`: the exchange's clock less ours. `withdraws` None: nobody tells."""

    offset_ms: int
    instrument: Instrument
    brackets: tuple[Bracket, ...]
    snapshot: Snapshot
    mark_price: Decimal
    leverage: int
    isolated: bool
    withdraws: bool | None

    @property
    def is_flat(self) -> bool:
        """Whether nothing is held in the symbol."""
        return self.snapshot.position.quantity == 0

    def refusals(self) -> list[str]:
        """Why no bot may start on this account, each with the way out."""
        account, found = self.snapshot.account, []
        if not account.one_way:
            found.append(
                "the account is in hedge mode; runner needs one-way mode (Preferences → Position Mode), and "
                "does not change it itself: other programs may rely on it"
            )
        if not account.single_asset:
            found.append(
                "the account is in multi-assets mode, in which losses of other symbols reach this one; "
                "switch to single-asset mode (Preferences → Asset Mode)"
            )
        if not account.can_trade:
            found.append("the exchange does not let this account trade")
        if self.withdraws:
            found.append("the key may withdraw money; switch 'Enable Withdrawals' off, or use another key")
        return found


async def look_around(
    ports: Ports, setup: SetupPort, symbol: str, clock: Clock, *, is_asking_rights: bool = True
) -> Survey:
    """Read everything, again and again for a minute; ExchangeUnreachable or ExchangeRefused after that."""
    offset_ms = await insist(clock, lambda: _offset(ports.market, clock))
    ports.orders.set_clock(offset_ms)
    info, ladder = await insist(clock, lambda: setup.rules(symbol))
    instrument, brackets = read_rules(symbol, info, ladder)
    snapshot = await insist(clock, lambda: ports.account.snapshot(symbol))
    leverage, isolated = await insist(clock, lambda: setup.read_setup(symbol))
    _, mark_price = await insist(clock, lambda: ports.market.prices(symbol))
    withdraws = await setup.withdrawals_allowed() if is_asking_rights else None
    return Survey(offset_ms, instrument, brackets, snapshot, mark_price, leverage, isolated, withdraws)


def read_rules(symbol: str, info: str, ladder: str) -> tuple[Instrument, tuple[Bracket, ...]]:
    """Tick, step, minimums and brackets out of the exchange's two replies; ExchangeRefused without them."""
    contract, margins = rules_in("exchangeInfo", info), rules_in("leverageBracket", ladder)
    instrument = _only(contract, symbol).instrument
    brackets = _only(margins, symbol).brackets
    assert instrument is not None
    assert brackets is not None
    return instrument, brackets


def _only(taken: Taken, symbol: str) -> StoredRules:
    for rules in taken.rules:
        if rules.market_id == market_id(symbol):
            return rules
    raise ExchangeRefused(f"the exchange lists no perpetual {symbol}; check the bot's market.symbol")


async def insist(
    clock: Clock, ask: Callable[[], Awaitable[Answer]], patience_ms: int = PATIENCE_MS
) -> Answer:
    """The answer, however often it takes within the time; a refusal of the key is final at once."""
    until_ms, pause_ms = clock.now_ms() + patience_ms, PAUSE_MS
    while True:
        try:
            return await ask()
        except ReadFailed as failed:
            if failed.code in REFUSALS:
                raise ExchangeRefused(
                    f"the exchange refused: {_short(failed)} ({failed.code})", failed.code
                ) from None
            wait_ms = max(pause_ms, failed.until_ms - clock.now_ms())
            if clock.now_ms() + wait_ms > until_ms:
                raise ExchangeUnreachable(f"the exchange cannot be read: {_short(failed)}") from None
        await clock.sleep(wait_ms)
        pause_ms = min(2 * pause_ms, 8_000)


async def _offset(market: MarketPort, clock: Clock) -> int:
    before_ms = clock.now_ms()
    server_ms = await market.server_time()
    return server_ms - (before_ms + clock.now_ms()) // 2


def _short(failed: ReadFailed) -> str:
    """Without a signed URL, which ccxt's own texts hold."""
    return str(failed).partition("http")[0].strip()[:200] or "no answer"
