"""The judge is strong enough: bugs switched on here, and only here, are caught within a few random lives.

Each bug is a small change of the product while one play runs. `SEEDS` lives at most; most are caught in the
first few.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest

from runner.domain.entry import Entry, Recorded
from runner.domain.order_event import Sending
from runner.domain.venue import NotSent, Unknown
from runner.exchange import rows
from runner.exchange.account import Account
from runner.live import actions, book, close, executor, inquiry, scribe, session, takeup, trades, wanted
from runner.live.actions import Action, Cancel, Place
from runner.live.book import new_book
from runner.live.desk import Desk
from runner.live.gate import Approved
from runner.live.ids import Leg
from runner.live.resolve import Absent
from runner.live.scribe import Scribe
from tests.proof.figures import write_figures
from tests.proof.plays import _EXITS, _ORDERS, BOT, LIVENESS, drawn
from tests.proof.seeds import run_play
from tests.proof.stage import Dead, _Pen

SEEDS = int(os.environ.get("RUNNER_BUG_SEEDS", "60"))

Bug = AbstractContextManager[Any]


def resends_unknown() -> Bug:
    """A lost answer is taken for a lost order: it is sent again."""
    place = Account.place

    async def hasty(self: Account, request: Any) -> Any:
        outcome = await place(self, request)
        return NotSent(outcome.text) if isinstance(outcome, Unknown) else outcome

    return patch.object(Account, "place", hasty)


def sends_no_stop() -> Bug:
    """The position is left alone."""
    real = actions.next_actions

    def forgetful(*given: Any, **more: Any) -> list[Action]:
        return [
            one for one in real(*given, **more) if not (isinstance(one, Place) and one.wanted.leg is Leg.STOP)
        ]

    return patch.object(executor, "next_actions", forgetful)


def leaves_orphans() -> Bug:
    """Nothing is ever cancelled."""
    real = actions.next_actions

    def careless(*given: Any, **more: Any) -> list[Action]:
        return [one for one in real(*given, **more) if not isinstance(one, Cancel)]

    return patch.object(executor, "next_actions", careless)


def forgets_trades() -> Bug:
    """The same execution is applied as often as it is read."""
    real, count = book._filled, iter(range(10**9))

    def forgetful(*given: Any) -> Any:
        return replace(real(*given), applied_trades={})

    fact = patch.object(trades, "trade_fact", lambda symbol, trade_id: f"forged:{next(count)}")
    return _both(patch.object(book, "_filled", forgetful), fact)


@contextmanager
def _both(first: Bug, second: Bug) -> Iterator[None]:
    with first, second:
        yield


def ignores_halt() -> Bug:
    """An operator's word is not heard."""
    return patch.object(Scribe, "news", lambda self: ())


def loosens_stops() -> Bug:
    """The stop gives way a little at each close."""
    real = wanted._stop

    def yielding(plan: Any, state: Any, beyond_stop: bool) -> list[Any]:
        closes = state.account.equity_usdt
        return [
            replace(
                leg, trigger_price=leg.trigger_price - leg.side * Decimal(-1) * (int(closes * 10) % 7) * 10
            )
            if leg.trigger_price is not None
            else leg
            for leg in real(plan, state, beyond_stop)
        ]

    return patch.object(wanted, "_stop", yielding)


def sends_before_writing() -> Bug:
    """The journal learns of a request half a second after it has left."""
    real = _Pen.append

    def later(self: _Pen, *entries: Entry, **more: Any) -> Any:
        if not any(isinstance(one.event, Sending) for one in entries):
            return real(self, *entries, **more)

        def write() -> None:
            with suppress(Dead):
                real(self, *entries, **more)

        asyncio.get_running_loop().call_later(0.5, write)
        return [Recorded(0, one, "", "") for one in entries]

    return patch.object(_Pen, "append", later)


def forgets_the_past() -> Bug:
    """Each process begins with a clean sheet."""
    return patch.object(takeup, "book_of", lambda journal, run, plan: new_book(plan))


def decides_twice() -> Bug:
    """A close is judged again after it was judged."""
    real = close.judge_close

    def again(desk: Desk, window: Any, closed: Any) -> bool:
        done = real(desk, window, closed)
        if done:
            desk.book = replace(desk.book, decided_ms=0)
            real(desk, window, closed)
        return done

    return patch.object(session, "judge_close", again)


def concludes_too_early() -> Bug:
    """One look that finds nothing is proof."""
    return patch.object(inquiry, "missed", lambda question, now_ms, *, position_moved: Absent())


def misreads_fees() -> Bug:
    """The fee of an execution read by REST is lost."""
    real = rows.trade_row
    return patch.object(rows, "trade_row", lambda row: replace(real(row), fee_usdt=Decimal(0)))


def goes_on_into_bans() -> Bug:
    """A 429 is nothing to wait for."""
    from runner.exchange.weight import Budget

    return patch.object(Budget, "block", lambda self, headers, body, now_ms: 0)


def exits_may_turn() -> Bug:
    """What should only reduce is sent without saying so."""
    from runner.exchange import account

    real = account._plain_fields

    def plain(*given: Any) -> dict[str, Any]:
        return {name: text for name, text in real(*given).items() if name != "reduceOnly"}

    return patch.object(account, "_plain_fields", plain)


def _begins_with(change: Callable[[Any], Any]) -> Bug:
    """Each process begins with the past, changed a little."""
    real = takeup.book_of

    def changed(*given: Any) -> Any:
        book = real(*given)
        return replace(book, state=change(book.state))

    return patch.object(takeup, "book_of", changed)


def forgets_the_days_loss() -> Bug:
    """A restart begins the day anew: at today's equity, with nothing tripped."""

    def anew(state: Any) -> Any:
        account = state.account._replace(day_equity_usdt=state.account.equity_usdt)
        return state._replace(account=account, guard=state.guard._replace(daily_loss_day=-1, halted=False))

    return _begins_with(anew)


def forgets_cooldowns() -> Bug:
    """A restart ends every cooldown."""
    return _begins_with(lambda state: state._replace(guard=state.guard._replace(blocked_until_ms=0)))


def cancels_everything() -> Bug:
    """To cancel one order, all of the symbol are cancelled, whoever placed them."""

    async def all_of_them(self: Account, symbol: str, client_id: str, which: Any) -> Any:
        await self._client.cancel_all_orders("BTC/USDT:USDT")
        return await cancel(self, symbol, client_id, which)

    cancel = Account.cancel
    return patch.object(Account, "cancel", all_of_them)


def tells_nobody() -> Bug:
    """What goes wrong is not told."""
    return patch.object(scribe, "alert_of", lambda entry, bot: None)


def writes_each_look() -> Bug:
    """Each look at the exchange is written down, though nothing has changed."""
    from runner.domain.session_event import RecoveryStep
    from tests.proof import stage

    real = stage.reconcile

    async def chatty(desk: Desk, account: Any) -> Any:
        verdict = await real(desk, account)
        desk.record(desk.entry(RecoveryStep("look", "done")))
        return verdict

    return patch.object(stage, "reconcile", chatty)


def takes_any_size() -> Bug:
    """The gate lets everything pass, and the size is wrong by a decimal place."""
    real = wanted._entry

    def tenfold(*given: Any) -> list[Any]:
        return [replace(leg, quantity=leg.quantity * 10) for leg in real(*given)]

    gate = patch.object(executor, "judge", lambda request, *_: Approved(request))
    return _both(gate, patch.object(wanted, "_entry", tenfold))


def _bot(**more: str) -> str:
    """A bot that enters at the market and leaves by rule."""
    usual = {"stop": "2%", "trigger": "mark", "day": "20% of equity", "cooldown": ""}
    return BOT.format(name="play_bug", order=_ORDERS[0], exits=_EXITS[0], **{**usual, **more})


# What a bug needs to show itself soon, in place of what was drawn.
SHAPES: dict[str, dict[str, Any]] = {
    "concludes_too_early": {
        "faults": "ex.read_lag(3s) at +0ms for 10m\nnet.drop_after(POST order) at +0ms x3"
    },
    "goes_on_into_bans": {"faults": "http.busy(GET *, 9s) at +70s\nhttp.busy(GET *, 9s) at +130s"},
    "exits_may_turn": {
        "faults": "ws.silent(private) at +0ms for 10m\n"
        + "\n".join(f"ex.manual_close(BTCUSDT) at +{second}s" for second in (119, 179, 239, 299)),
        "bot": _bot(),
        "cooldown_ms": 0,
        "kills": (),
    },
    "forgets_the_days_loss": {
        "bot": _bot(stop="0.4%", day="0.2% of equity"),
        "cooldown_ms": 0,
        "faults": "",
        "halts": (),
        "mutes": (),
        "kills": tuple((60_000 * minute + 20_000, 1_000) for minute in range(1, 5)),
    },
    "cancels_everything": {
        "faults": "ex.foreign_order(BTCUSDT, buy, 0.01, 30000) at +20s\nex.manual_close(BTCUSDT) at +150s"
    },
    "tells_nobody": {"faults": "ex.switch_mode(hedge) at +5s", "kills": (), "halts": (), "mode": LIVENESS},
    "resends_unknown": {"faults": "net.drop_after(POST order) at +0ms x5"},
    "ignores_halt": {"halts": ((30_000, "no_entries", 0),), "faults": "", "kills": ()},
    "forgets_trades": {"kills": ((100_000, 1_000), (160_000, 1_000), (220_000, 1_000))},
    "forgets_the_past": {"kills": ((100_000, 1_000), (160_000, 1_000), (220_000, 1_000))},
}

BUGS: list[tuple[Callable[[], Bug], set[str]]] = [
    (resends_unknown, {"INV-1", "INV-6", "INV-10"}),
    (sends_no_stop, {"INV-2"}),
    (leaves_orphans, {"INV-8"}),
    (forgets_trades, {"INV-10"}),
    (ignores_halt, {"INV-13"}),
    (loosens_stops, {"INV-26"}),
    (sends_before_writing, {"INV-5", "INV-27"}),
    (forgets_the_past, {"INV-3", "INV-4", "INV-12"}),
    (decides_twice, {"INV-12"}),
    (concludes_too_early, {"INV-6"}),
    (misreads_fees, {"INV-10", "INV-25"}),
    (goes_on_into_bans, {"INV-18"}),
    (exits_may_turn, {"INV-7", "INV-13", "INV-27"}),
    (forgets_the_days_loss, {"INV-4"}),
    (forgets_cooldowns, {"INV-15"}),
    (cancels_everything, {"INV-9"}),
    (tells_nobody, {"INV-19"}),
    (writes_each_look, {"INV-28"}),
    (takes_any_size, {"INV-14"}),
]


@pytest.mark.parametrize(("bug", "wanted_names"), BUGS, ids=lambda one: getattr(one, "__name__", ""))
def test_the_bug_is_caught(bug: Callable[[], Bug], wanted_names: set[str]) -> None:
    found: set[str] = set()
    for seed in range(1, SEEDS + 1):
        play = drawn(seed)._replace(**SHAPES.get(bug.__name__, {}))
        with bug():
            verdict = run_play(play)
        found |= {words.split(":")[0] for words in verdict.violations}
        if found & wanted_names:
            write_figures(f"bug-{bug.__name__}", {"bug": bug.__name__, "by": sorted(found), "life": seed})
            return
    pytest.fail(f"{SEEDS} lives, and nobody noticed; found {sorted(found)}")
