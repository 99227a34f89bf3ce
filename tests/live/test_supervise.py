"""Real processes under a supervisor: started again, given up, left alone, stopped; and a day's loss."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from runner.domain.entry import Entry
from runner.domain.order_event import EquityMarked
from runner.domain.time import DAY_MS
from runner.journal.write import open_journal
from runner.live.account_loss import AccountDay
from runner.live.supervise import Child, Happened, Patience, Supervisor

QUICK = Patience(first_s=0.05, longest_s=0.2, healthy_s=60.0, failures=3)
SLEEPER = "import time; print('here', flush=True); time.sleep(60)"


def child(bot: str, program: str) -> Child:
    return Child(bot, [sys.executable, "-I", "-c", program])


def supervised(
    children: list[Child], act: Callable[[Supervisor, Happened], None] = lambda one, told: None
) -> tuple[int, list[Happened]]:
    told: list[Happened] = []

    async def life() -> int:
        supervisor = Supervisor(children, lambda happened: hear(supervisor, happened), QUICK)
        async with asyncio.timeout(50):
            return await supervisor.run()

    def hear(supervisor: Supervisor, happened: Happened) -> None:
        told.append(happened)
        act(supervisor, happened)

    return asyncio.run(life()), told


def whats(told: list[Happened], bot: str) -> list[str]:
    return [one.what for one in told if one.bot == bot]


def test_a_killed_bot_comes_back_and_the_others_do_not_notice() -> None:
    killed: list[int] = []

    def act(supervisor: Supervisor, happened: Happened) -> None:
        if happened.what == "said" and happened.bot == "one":
            process = supervisor.children[0].process
            assert process is not None
            if killed:
                supervisor.stopping.set()
            else:
                killed.append(process.pid)
                os.kill(process.pid, signal.SIGKILL)

    code, told = supervised([child("one", SLEEPER), child("two", SLEEPER)], act)
    assert whats(told, "one") == ["started", "said", "ended", "waits", "started", "said", "ended"]
    assert whats(told, "two") == ["started", "said", "ended"]
    assert [one.figure for one in told if one.bot == "one" and one.what == "ended"] == [-9, -15]
    assert code == 0
    with pytest.raises(ProcessLookupError):
        os.kill(killed[0], 0)


def test_a_bot_that_dies_at_once_is_given_up_after_longer_and_longer_pauses() -> None:
    code, told = supervised([child("poor", "raise SystemExit(4)")])
    assert [one.figure for one in told if one.what == "waits"] == [0.05, 0.1]
    assert told[-1] == Happened("poor", "gave_up", 3)
    assert code == 4


@pytest.mark.parametrize(("ended", "code"), [(0, 0), (1, 1), (2, 2), (6, 6)])
def test_who_ends_for_good_is_not_started_again(ended: int, code: int) -> None:
    worst, told = supervised([child("bot", f"raise SystemExit({ended})")])
    assert whats(told, "bot") == ["started", "ended"]
    assert worst == code


def test_a_signal_stops_all_in_an_orderly_way() -> None:
    program = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "print('here', flush=True)\ntime.sleep(60)"
    )

    def act(supervisor: Supervisor, happened: Happened) -> None:
        if happened.what != "said":
            return
        here.add(happened.bot)
        if len(here) == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    here: set[str] = set()
    code, told = supervised([child("one", program), child("two", program)], act)
    assert code == 0
    assert sorted((one.bot, one.figure) for one in told if one.what == "ended") == [("one", 0), ("two", 0)]


def test_a_life_long_enough_begins_the_count_anew() -> None:
    patience = Patience(first_s=1.0, longest_s=60.0)
    assert [patience.pause_s(failures) for failures in (1, 2, 3, 7, 8)] == [1.0, 2.0, 4.0, 60.0, 60.0]
    program = "import time; time.sleep(0.3); raise SystemExit(5)"
    told: list[Happened] = []

    async def life() -> None:
        supervisor = Supervisor(
            [child("bot", program)], told.append, Patience(0.01, 0.01, healthy_s=0.2, failures=2)
        )

        async def end() -> None:
            await asyncio.sleep(2.5)
            supervisor.stopping.set()

        await asyncio.gather(supervisor.run(), end())

    asyncio.run(life())
    assert "gave_up" not in whats(told, "bot")
    assert whats(told, "bot").count("started") >= 3


def test_a_fault_of_the_watch_stops_all_and_is_raised() -> None:
    async def watch() -> None:
        raise RuntimeError("the watch broke")

    async def life() -> None:
        await Supervisor([child("bot", SLEEPER)], lambda told: None, QUICK, watch).run()

    with pytest.raises(RuntimeError, match="the watch broke"):
        asyncio.run(life())


def test_the_days_loss_is_the_sum_over_the_runs_since_midnight(tmp_path: Path) -> None:
    day = 19_700 * DAY_MS
    with open_journal(f"sqlite:///{tmp_path / 'j.db'}") as journal:

        def mark(run: str, at_ms: int, equity: str) -> None:
            event = EquityMarked(Decimal(equity), Decimal(equity), Decimal(0), Decimal(1))
            journal.append(Entry(run, at_ms, event, bar_ms=at_ms))

        account = AccountDay()
        account.follow(journal, "a")
        account.follow(journal, "b")
        assert account.read() == (-1, 0)
        mark("a", day - 3_600_000, "1000")
        mark("a", day, "990")  # the close at midnight ends the day before
        mark("b", day - 7_200_000, "500")
        assert account.read()[1] == -10.0
        mark("a", day + 60_000, "950")
        assert account.read() == (19_700, -40.0)  # b has not come to this day yet
        mark("b", day + 60_000, "520")
        mark("a", day + 120_000, "940")
        assert account.read() == (19_700, -30.0)
        again = AccountDay()  # a supervisor that starts in the middle of the day
        again.follow(journal, "a")
        again.follow(journal, "b")
        assert again.read() == (19_700, -30.0)
