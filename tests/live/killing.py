"""One bot's life over many processes: a real command, killed and started again, at an exchange that watches.

In: a folder, a database, a number of kills, a seed. Out: what both sides recorded, for the checker of
tests/proof, and figures of how the processes died.
Refuses to know: what is right.
"""

import json
import pickle
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from runner.domain.entry import Recorded
from runner.domain.order_event import Answered, Sending
from runner.domain.session_event import RecoveryStep, SessionStarted
from runner.journal.chain import genesis
from runner.journal.write import open_journal
from runner.live.ids import bot_tag
from tests.cli.trading import Machine, Running, machine, until
from tests.live.exchange_process import Exchange, running_exchange
from tests.live.rig import SYMBOL
from tests.live.watching_exchange import Doom, Life, Seen
from tests.proof.histories import Exchange as Books
from tests.proof.histories import Histories, Terms, within

SPEED = 20.0
NAME = "restless"
LEVERAGE = 3
PATIENCE_MS = round(120_000 * SPEED)  # two minutes of the machine's time: nothing here is judged by speed
LAG_MS = round(2_000 * SPEED)  # between a read and the commit of what it said, on a machine that is busy

BOT = f"""
version: 1
name: {NAME}
market: {{symbol: BTCUSDT, timeframe: 1m, leverage: {LEVERAGE}, margin: isolated}}
indicators:
  fast: {{kind: sma, length: 2}}
  slow: {{kind: sma, length: 6}}
entry: {{long: fast > slow, short: fast < slow}}
size: {{risk: 0.2% of equity, max_notional: 60% of equity}}
exit:
  stop_loss: {{distance: 0.25%, trigger: mark}}
  trailing_stop: {{distance: 0.15%}}
  take_profit: [{{at: 0.5R, close: 50%}}]
  when: {{long: fast < slow, short: fast > slow}}
limits: {{daily_loss: {{max: 50% of equity}}}}
costs: {{maker: 0.02%, taker: 0.05%, slippage: 2 bps, funding: historical}}
backtest: {{capital: 10000 USDT}}
"""

_STAGES = ("lost", "arrived", "executed", "answered")


REST_MS_MAX = 100_000  # of the exchange, between a death and the next life


def dooms(kills: int, seed: int) -> Iterator[Doom]:
    """Moments that seldom are idle: an order on its way, the first requests of a process (looking round,
    recovery), the close of a bar and what follows it; and any moment at all.
    """
    chance = random.Random(seed)
    for _ in range(kills):
        stage = chance.choice(_STAGES)
        match chance.choices(("write", "request", "close", "while"), (45, 30, 15, 10))[0]:
            case "write":
                yield Doom("write", chance.randint(1, 4), stage, chance.uniform(0, 0.03))
            case "request":
                yield Doom("request", chance.randint(1, 45), stage, chance.uniform(0, 0.03))
            case "close":
                yield Doom("close", wait_s=chance.uniform(0, 0.15))
            case _:
                yield Doom("while", wait_s=chance.uniform(0, 3))


@dataclass(frozen=True)
class Desk:
    """The trader's machine, the exchange, and what is asked of both."""

    machine: Machine
    exchange: Exchange
    database: str

    def status(self) -> dict[str, Any]:
        """The one bot's."""
        found: dict[str, Any] = json.loads(self.machine.quick("status", NAME, "--json"))["runs"][0]
        return found

    def begin(self, process: Running, doom: Doom | None, rest_ms: int) -> None:
        """A process is born."""
        about = asdict(doom) if doom is not None else None
        told = {"pid": process.process.pid, "doom": about, "rest_ms": rest_ms}
        self.exchange.admin("begin", told)

    def until(self, wanted: str) -> None:
        """Until the journal says that the session is in this state."""
        until(lambda: self.status()["state"] == wanted, wanted, 120.0)

    def dump(self, folder: Path) -> Seen:
        """What the exchange saw."""
        path = folder / "seen.pickle"
        self.exchange.admin("dump", {"path": str(path)})
        seen = pickle.loads(path.read_bytes())
        assert isinstance(seen, Seen)
        return seen


@dataclass(frozen=True)
class Told:
    """A whole history. `rested`: position and resting orders of the exchange at the end."""

    seen: Seen
    histories: Histories
    run: str
    rested: tuple[float, int, int]
    desk: Desk

    @property
    def killed(self) -> Sequence[Life]:
        """The lives that were ended from outside."""
        return [life for life in self.seen.lives if life.is_killed]


@contextmanager
def history(folder: Path, database: str, kills: int, seed: int) -> Iterator[Told]:
    """The bot lives, is killed and started again, so many times; lives on; is flattened and stopped. The
    exchange is there until the block ends.
    """
    more = (str(seed), database)
    with running_exchange(SPEED, *more, module="tests.live.watching_exchange") as exchange:
        trader = machine(folder, exchange, text=BOT)
        trader.environment["RUNNER_DB"] = database
        desk = Desk(trader, exchange, database)
        chance = random.Random(seed)
        for number, doom in enumerate(dooms(kills, seed)):
            _live_and_die(desk, number, doom, chance.randint(0, REST_MS_MAX))
        _live_and_end(desk)
        rested = (exchange.held(), exchange.orders(), exchange.stops())
        run = str(desk.status()["run"])
        seen = desk.dump(folder)
        yield Told(seen, histories_of(seen, database), run, rested, desk)


def _live_and_die(desk: Desk, number: int, doom: Doom, rest_ms: int) -> None:
    with desk.machine.session() as session:
        desk.begin(session, doom, rest_ms)
        code = session.process.wait(timeout=180)
        errors = (desk.machine.home / "session.err").read_text()
        assert code == -9, f"life {number} ({doom}) ended by itself with {code}: {errors[-3_000:]}"


def _live_and_end(desk: Desk) -> None:
    """The last process: it comes round, trades on for a while, and is told to leave."""
    with desk.machine.session() as session:
        desk.begin(session, None, REST_MS_MAX)
        session.started()
        desk.until("running")
        until(lambda: desk.exchange.held() != 0, "a position", 120.0)
        flat = json.loads(desk.machine.quick("flatten", NAME, "--reason", "the end", "--json"))
        assert flat["done"], flat
        desk.until("halted")
        session.process.terminate()
        code = session.process.wait(timeout=120)
        errors = (desk.machine.home / "session.err").read_text()
        assert code == 6, errors[-3_000:]  # halted, by `flatten`
        desk.exchange.admin("end", {})


def histories_of(seen: Seen, database: str) -> Histories:
    """For the checker. Nobody outside knows to the instant when an entry was committed; what is known is that
    it had been when the exchange looked next, which is at every request at the latest.
    """
    with open_journal(database) as journal:
        lines = list(journal.read.entries())
        instance = journal.read.about()["instance"]
    marks, looks = dict[int, int](), iter(seen.looks)
    at, length = next(looks, (len(seen.truth), 0))
    for line in lines:
        while length < line.seq:
            at, length = next(looks, (len(seen.truth), len(lines)))
        marks[line.seq] = at
    terms = Terms(
        SYMBOL,
        bot_tag(NAME, "main@local"),
        Decimal(6_500),
        LEVERAGE,
        lag_ms=LAG_MS,
        protect_ms=PATIENCE_MS,
        silent_ms=PATIENCE_MS,
        orphan_ms=PATIENCE_MS,
        live_ms=PATIENCE_MS,
        slack_ms=LAG_MS,
    )
    return Histories(
        terms=terms,
        truth=seen.truth,
        journal=lines,
        marks=marks,
        alive=[(life.begun_ms, life.died_ms) for life in seen.lives],
        contacts=sorted(seen.contacts, key=lambda one: (one.sent_ms, one.done_ms)),
        genesis=genesis(instance),
        end_ms=seen.end_ms,
    )


@dataclass(frozen=True)
class End:
    """How one process ended, by the journal: which of its writes had no answer there; whether its session
    had begun, and had come out of recovery, and how long that took by the exchange's clock.
    """

    life: Life
    unanswered: frozenset[tuple[str, str]]
    has_begun: bool
    recovered_ms: int | None


def ends(told: Told) -> list[End]:
    """One for each life, in order."""
    found, lives = [], told.seen.lives
    for number, life in enumerate(lives):
        until_seq = lives[number + 1].born_seq if number + 1 < len(lives) else len(told.histories.journal)
        found.append(_end_of(life, told.histories.journal[life.born_seq : until_seq]))
    return found


def _end_of(life: Life, lines: Sequence[Recorded]) -> End:
    unanswered: set[tuple[str, str]] = set()
    begun_ms: int | None = None
    recovered_ms: int | None = None
    for line in lines:
        event, name = line.entry.event, line.entry.client_id or ""
        match event:
            case SessionStarted():
                begun_ms = line.entry.time_ms
            case Sending():
                unanswered.add((event.action, name))
            case Answered():
                unanswered.discard((event.action, name))
            case RecoveryStep("verify") if begun_ms is not None:
                recovered_ms = line.entry.time_ms - begun_ms
    return End(life, frozenset(unanswered), begun_ms is not None, recovered_ms)


def _longest_naked_ms(h: Histories) -> int:
    """The longest in one life that a position was without a stop while private calls were answered; by the
    exchange's clock.
    """
    spans, exchange, since, naked = h.reachable(), Books(h.terms), -1, list[tuple[int, int]]()
    for entry in h.truth:
        exchange.take(entry)
        if since >= 0 and exchange.is_covered(silent=True):
            naked.append((since, entry.time_ms))
            since = -1
        elif since < 0 and not exchange.is_covered(silent=True):
            since = entry.time_ms
    lives = [(max(begin, born), min(end, died)) for begin, end in naked for born, died in h.alive]
    return max((within(spans, *life) for life in lives if life[0] < life[1]), default=0)


def figures(told: Told) -> dict[str, Any]:
    """What the history was made of."""
    found = [end for end in ends(told) if end.life.is_killed]
    recoveries = [end.recovered_ms for end in ends(told) if end.recovered_ms is not None]
    sent = list(told.histories.sent())
    return {
        "kills": len(found),
        "moments": {
            trigger: sum(end.life.doom is not None and end.life.doom.trigger == trigger for end in found)
            for trigger in ("write", "request", "close", "while")
        },
        "at_the_moment_meant": sum(end.life.is_timely for end in found),
        "with_a_position": sum(end.life.held != 0 for end in found),
        "with_an_order_in_flight": sum(bool(end.unanswered) or end.life.under_way > 0 for end in found),
        "before_the_session_wrote": sum(not end.has_begun for end in found),
        "in_recovery": sum(end.has_begun and end.recovered_ms is None for end in found),
        "recoveries": len(recoveries),
        "slowest_recovery_s_of_the_exchange": max(recoveries, default=0) / 1000,
        "slowest_recovery_s": max(recoveries, default=0) / 1000 / SPEED,
        "longest_without_a_stop_s": _longest_naked_ms(told.histories) / 1000 / SPEED,
        "orders_sent": len(sent),
        "executions": sum(1 for _ in told.histories.trades()),
        "journal_entries": len(told.histories.journal),
        "requests": len(told.seen.contacts),
    }
