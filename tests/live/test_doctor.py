"""The doctor against the exchange in memory: what is well passes; what is wrong is told with its remedy."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from runner.compiler.build import Compiled
from runner.data.instruments import instrument_for
from runner.domain.session_event import Commanded
from runner.exchange.account import Account
from runner.exchange.client import FuturesClient, Keys
from runner.exchange.market import FuturesMarket
from runner.exchange.profiles import PROFILES
from runner.exchange.setup import FuturesSetup
from runner.journal.write import open_journal
from runner.live.connection import Connection
from runner.live.doctor.account import about_account, about_weight
from runner.live.doctor.examine import Patient, examine
from runner.live.doctor.finding import Finding, failed, fine, is_well, not_here
from runner.live.doctor.machine import about_disk, about_hosts, about_journal
from runner.live.doctor.questions import Answered, settle
from runner.live.doctor.record import RECENT_MS, note_begun, note_ended, passed_ms
from runner.live.session import Ports
from runner.live.survey import look_around
from runner.simulator.box import Box, Setting
from runner.simulator.catalogue import rules_of
from runner.simulator.exchange import Exchange
from runner.simulator.faults import parse_faults
from runner.simulator.player import Player
from runner.simulator.refusal import refused
from runner.simulator.tape import MarketHistory
from runner.simulator.types import NewAlgo, NewOrder
from tests.live.rig import MINUTE_MS, START_MS, SYMBOL, TimedSession, bars_of, compiled_bot
from tests.live.virtual import VirtualClock, VirtualLoop, run

BOT = """
version: 1
name: patient
market: {symbol: BTCUSDT, timeframe: 1m, leverage: 3, margin: isolated}
indicators: {slow: {kind: sma, length: 8}}
entry: {long: close > slow, short: close < slow}
size: {risk: 1% of equity}
exit: {stop_loss: {distance: 2%, trigger: mark}}
backtest: {capital: 5000 USDT}
"""
HISTORY = 60
MARKET_BUY = NewOrder(symbol=SYMBOL, side="BUY", type="MARKET", quantity=Decimal("0.01"))

Change = Callable[[Box], None]


class Clinic:
    """An exchange in memory, and whoever examines a bot on it."""

    def __init__(
        self, text: str = BOT, *, history: int = HISTORY, wallet: str = "10000", faults: str = ""
    ) -> None:
        self.loop = VirtualLoop(START_MS)
        self.compiled = compiled_bot(text)
        rules = instrument_for(SYMBOL)
        exchange = Exchange([rules_of(SYMBOL, rules.instrument, rules.brackets)], start_ms=START_MS)
        exchange.open_account("main", Decimal(wallet))
        bars = bars_of(
            [40_000.0 + at % 7 for at in range(history + 30)], start_ms=START_MS - history * MINUTE_MS
        )
        player = Player(exchange, [MarketHistory(SYMBOL, bars)], start_ms=START_MS)
        self.box = Box(exchange, player, Setting(), parse_faults(faults, START_MS))
        self.box.advance_to(START_MS + 1_000)
        self.loop.now_s = (START_MS + 1_000) / 1000

    def connection(self) -> Connection:
        client = FuturesClient(PROFILES["main"], Keys("key", "secret"), timeout_ms=2_000)
        client.session, client.own_session = TimedSession(self.box, self.loop), False
        clock = VirtualClock(self.loop)
        client.milliseconds = client.now_ms = clock.now_ms
        account = Account(client, receive_window_ms=5_000)

        class Silent(FuturesSetup):
            """The wallet host is not in the box."""

            async def withdrawals_allowed(self) -> bool | None:
                return None

        return Connection(client, Ports(account, account, FuturesMarket(client)), Silent(client), clock)

    def examined(self, capital_usdt: float | None = None) -> dict[str, Finding]:
        told: list[Finding] = []
        compiled: Compiled = self.compiled

        async def visit() -> None:
            connection = self.connection()
            try:
                patient = Patient(SYMBOL, lambda seen: compiled, capital_usdt, "doctor-0123456789abcdef")
                await examine(patient, connection, told.append)
            finally:
                await connection.client.close()

        run(self.loop, visit())
        return {finding.check: finding for finding in told}

    @property
    def resting(self) -> int:
        exchange = self.box.exchange
        return len(exchange.algos.open("main", SYMBOL)) + len(exchange.orders.open("main", SYMBOL))


def test_a_sound_account_passes_and_nothing_is_left_on_it() -> None:
    clinic = Clinic()
    found = clinic.examined(2_000.0)
    assert [one for one in found.values() if one.state == "failed"] == []
    assert is_well(list(found.values()))
    assert found["setup"].text == "leverage 3, isolated, set and read back (it was leverage 20, cross)"
    assert "seen in the algo book, cancelled, seen gone" in found["far stop"].text
    assert found["stop"].state == "ok"
    assert clinic.resting == 0
    assert clinic.box.exchange.desk.config("main", SYMBOL)[0].leverage == 3


def _hedge(box: Box) -> None:
    box.exchange.desk.set_dual("main", True)


def _multi(box: Box) -> None:
    box.exchange.desk.set_multi_assets("main", True)


def _no_stops(box: Box) -> None:
    box.exchange.levers.orders_refused[""] = refused(-4045)


@pytest.mark.parametrize(
    ("change", "check", "remedy"),
    [
        (_hedge, "position mode", "one-way"),
        (_multi, "asset mode", "single-asset"),
        (_no_stops, "far stop", "could not protect itself"),
    ],
)
def test_what_is_wrong_with_the_account_fails_with_its_remedy(
    change: Change, check: str, remedy: str
) -> None:
    clinic = Clinic()
    change(clinic.box)
    found = clinic.examined()
    assert found[check].state == "failed"
    assert remedy in found[check].remedy
    assert not is_well(list(found.values()))
    assert clinic.resting == 0


@pytest.mark.parametrize(
    ("text", "check", "words"),
    [
        (BOT.replace("leverage: 3", "leverage: 60"), "stop", "would be liquidated before its stop"),
        (BOT.replace("length: 8", "length: 300"), "history", "of 3"),
    ],
)
def test_what_is_wrong_with_the_bot_fails(text: str, check: str, words: str) -> None:
    found = Clinic(text).examined()
    assert found[check].state == "failed"
    assert words in found[check].text


def test_too_little_money_fails_by_what_the_core_would_say() -> None:
    found = Clinic(wallet="60").examined()
    assert found["capital"].state == "failed"
    assert "the exchange's least order" in found["capital"].text
    assert Clinic(wallet="900").examined(1_000.0)["wallet"].state == "failed"


def test_a_clock_that_is_far_off_fails() -> None:
    assert Clinic(faults="clk.skew(9000ms)").examined()["clock"].state == "failed"


def test_an_open_position_is_left_alone_and_its_leverage_not_touched() -> None:
    clinic = Clinic()
    clinic.box.exchange.orders.place("main", MARKET_BUY)
    found = clinic.examined()
    assert found["position"].state == "not_here"
    assert found["setup"].state == "failed"
    assert clinic.box.exchange.desk.config("main", SYMBOL)[0].leverage == 20


@pytest.mark.parametrize(
    "faults",
    [
        "net.drop_after(POST algoOrder) x1",
        "net.drop_before(POST algoOrder) x1",
        "net.drop_after(DELETE algoOrder) x1",
        "ex.read_lag(1500ms)",
    ],
)
def test_a_stop_whose_answer_is_lost_is_still_taken_away(faults: str) -> None:
    clinic = Clinic(faults=faults)
    found = clinic.examined()
    assert found["far stop"].state in ("ok", "failed")
    if "before" not in faults:
        assert found["far stop"].state == "ok"
    assert clinic.resting == 0


def test_what_a_killed_examination_left_is_swept_and_foreign_orders_are_not() -> None:
    clinic = Clinic()
    for name in ("doctor-left", "somebody"):
        clinic.box.exchange.algos.place(
            "main",
            NewAlgo(
                symbol=SYMBOL,
                side="SELL",
                type="STOP_MARKET",
                trigger_price=Decimal(20_000),
                quantity=Decimal("0.01"),
                reduce_only=True,
                client_id=name,
            ),
        )
    clinic.examined()
    assert [algo.client_id for algo in clinic.box.exchange.algos.open("main", SYMBOL)] == ["somebody"]


def test_an_exchange_that_says_nothing_fails_closed() -> None:
    found = Clinic(faults="net.drop_before(GET time) x1000").examined()
    assert found["exchange"].state == "failed"
    assert not is_well(list(found.values()))


def test_the_open_questions_are_answered_and_the_account_is_flat_again() -> None:
    clinic = Clinic()
    answers: list[Answered] = []

    async def visit() -> None:
        connection = clinic.connection()
        try:
            seen = await look_around(connection.ports, connection.setup, SYMBOL, connection.clock)
            answers.extend(await settle(connection, seen, SYMBOL))
        finally:
            await connection.client.close()

    run(clinic.loop, visit())
    told = {answer.question: answer.answer for answer in answers}
    assert len(told) == 16
    assert "a second one: refused (-4130)" in told["Are stops taken without a position?"]
    assert told["Does DELETE allOpenOrders take stops away?"] == "the order is gone; the stop stays"
    assert told["Does countdownCancelAll take stops away?"] == "the order is gone; the stop stays"
    assert "-1021" in told["Is a request refused once timestamp + recvWindow has passed?"]
    assert clinic.resting == 0
    assert clinic.box.exchange.desk.positions("main", SYMBOL)[0].quantity == 0


def test_questions_are_not_asked_of_an_account_in_use() -> None:
    clinic = Clinic()
    clinic.box.exchange.orders.place("main", MARKET_BUY)

    async def visit() -> list[Answered]:
        connection = clinic.connection()
        try:
            seen = await look_around(connection.ports, connection.setup, SYMBOL, connection.clock)
            return await settle(connection, seen, SYMBOL)
        finally:
            await connection.client.close()

    answers = run(clinic.loop, visit())
    assert [answer.answer for answer in answers] == [
        "not asked: the account is not flat, or orders of others rest there"
    ]


def test_a_pass_is_remembered_for_the_very_bot_and_a_later_failure_ends_it(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path / 'j.db'}") as journal:
        assert passed_ms(journal, "a", "hash") == 0
        note_begun(journal, "a", "hash", "me", "doctor-1", 1_000)
        assert passed_ms(journal, "a", "hash") == 0
        note_ended(journal, "a", "hash", "me", [fine("x", "y"), not_here("z", "w")], 2_000)
        assert passed_ms(journal, "a", "hash") == 2_000
        assert passed_ms(journal, "a", "other") == 0
        assert passed_ms(journal, "b", "hash") == 0
        note_ended(journal, "a", "hash", "me", [failed("x", "broken", "mend it")], 3_000)
        assert passed_ms(journal, "a", "hash") == 0
        assert RECENT_MS == 86_400_000
        assert about_journal(journal).state == "ok"
        last = list(journal.read.entries(kinds=("commanded",)))[-1].entry.event
        assert last == Commanded("doctor", ("failed",), "me", "x: broken")


def test_disk_hosts_and_weight_are_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert about_disk(tmp_path).state in ("ok", "failed")
    monkeypatch.setattr("runner.live.doctor.machine.FREE_BYTES_MIN", 10**18)
    assert about_disk(tmp_path).state == "failed"
    client = FuturesClient(PROFILES["demo"])
    assert about_hosts(client).state == "ok"
    client.urls["api"]["fapiPublic"] = "https://fapi.binance.com/fapi/v1"
    assert about_hosts(client).state == "failed"
    assert about_weight(100, 2_400).state == "ok"
    assert about_weight(2_000, 2_400).state == "failed"


def test_a_key_that_may_withdraw_fails() -> None:
    clinic = Clinic()

    async def look() -> list[Finding]:
        connection = clinic.connection()
        try:
            seen = await look_around(connection.ports, connection.setup, SYMBOL, connection.clock)
        finally:
            await connection.client.close()
        from dataclasses import replace

        return about_account(replace(seen, withdraws=True)) + about_account(replace(seen, withdraws=False))

    found = [one.state for one in run(clinic.loop, look()) if one.check == "withdrawals"]
    assert found == ["failed", "ok"]
