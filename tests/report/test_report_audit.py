"""From an order back to its cause, over a real journal and the real command."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from runner.domain.bar import Bar, Row
from runner.domain.entry import Entry
from runner.domain.gate import Gate
from runner.domain.order_event import Answered, Filled, Intended, Leg, OrderUpdated, Sending
from runner.domain.session_event import BarClosed, Commanded, Decided, Halted, RunStarted
from runner.domain.venue import Kind, Request, Status, VenueOrder
from runner.journal.write import Text, open_journal

SYMBOL, RUN = "BTC/USDT:USDT", "small-1"
BAR_MS = 1_710_407_700_000  # 2024-03-14 09:15
ENTRY, STOP, EXIT = "smalls-j2agtvp3vnxzx3aw-e1", "smalls-j2agtvp3vnxzx3aw-s1", "smalls-kkkktvp3vnxzx3aw-x1"
DOCUMENT, PLAN = Text("document", "version: 1\n"), Text("plan", "{}")


def request(client_id: str, kind: Kind, side: int, trigger: str | None = None) -> Request:
    return Request(
        client_id, SYMBOL, kind, side, Decimal("0.010"), None, Decimal(trigger) if trigger else None
    )


def at(offset_ms: int, event: object, **more: object) -> Entry:
    return Entry(RUN, BAR_MS + offset_ms, event, "ab12" * 16, "0.1.0", bar_ms=BAR_MS, **more)  # type: ignore[arg-type]


def order(asked: Request, status: Status) -> VenueOrder:
    return VenueOrder(
        asked.client_id, "8389765", SYMBOL, asked.kind, asked.side, asked.quantity, Decimal(0), status
    )


BUY = request(ENTRY, Kind.MARKET, 1)
PROTECT = request(STOP, Kind.STOP_MARKET, -1, "62720.0")
CLOSE = request(EXIT, Kind.MARKET, -1)


def entries() -> list[Entry]:
    bar = Bar(BAR_MS - 900_000, BAR_MS, 63_900, 64_100, 63_800, 64_000, 120, 63_900, 64_100, 63_800, 64_000)
    row = Row(2, 0, 0.02, 0.02, 0.0, (0.0,) * 6)
    gates = (Gate("warm_up", True), Gate("cooldown", True, "none runs"))
    trace = ("entry.long: close crosses above fast → true", "  close 64000 > fast 63950.5")
    entry, hand = "j2agtvp3vnxzx3aw", "kkkktvp3vnxzx3aw"
    started = RunStarted(
        "rehearsal", "main", "small", SYMBOL, "15m", DOCUMENT.hash, "ab12" * 16, PLAN.hash, "small.yaml"
    )
    return [
        Entry(RUN, BAR_MS - 1, started, "ab12" * 16, "0.1.0"),
        at(40, BarClosed(bar, row, "stream", BAR_MS + 40)),
        at(45, Decided(1, 0, "", None, "entry.long", gates, trace)),
        at(50, Intended(SYMBOL, "entry.long", 1, (Leg("entry", BUY),), BAR_MS + 60_000), intent=entry),
        at(50, Sending("place", BAR_MS + 50, 1000, BUY), intent=entry, client_id=ENTRY, attempt=1),
        at(340, Answered("place", "acked", None, "", "8389765"), intent=entry, client_id=ENTRY, attempt=1),
        at(341, OrderUpdated(order(BUY, Status.FILLED), "answer"), intent=entry, client_id=ENTRY),
        at(
            342,
            Filled(
                SYMBOL,
                1,
                Decimal("0.010"),
                Decimal("64000.1"),
                Decimal("0.32"),
                False,
                "entry",
                "77",
                "8389765",
            ),
            intent=entry,
            client_id=ENTRY,
            fact="trade:BTC/USDT:USDT:77",
        ),
        at(350, Intended(SYMBOL, "stop_loss", -1, (Leg("stop", PROTECT),), 0), intent=entry),
        at(350, Sending("place", BAR_MS + 350, 1000, PROTECT), intent=entry, client_id=STOP, attempt=1),
        at(
            500,
            Answered("place", "rejected", -2021, "would trigger"),
            intent=entry,
            client_id=STOP,
            attempt=1,
        ),
        at(9_000, Commanded("flatten", ("small", "--yes"), "bob@desk", "news")),
        at(9_010, Intended(SYMBOL, "operator", -1, (Leg("exit", CLOSE),), 0), intent=hand),
        at(9_010, Sending("place", BAR_MS + 9_010, 1000, CLOSE), intent=hand, client_id=EXIT, attempt=1),
        at(9_300, Answered("place", "acked", None, "", "8389999"), intent=hand, client_id=EXIT, attempt=1),
        at(9_500, Halted("halt", "news", "bob@desk")),
    ]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write(tmp_path, entries())
    return tmp_path


def write(home: Path, lines: list[Entry]) -> None:
    with open_journal(f"sqlite:///{home / 'journal.db'}") as journal:
        journal.append(*lines, texts=[DOCUMENT, PLAN])


def audit(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runner", "audit", *arguments],
        env={**os.environ, "RUNNER_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_one_order_leads_back_to_its_bar_and_rule(home: Path) -> None:
    shown = audit(home, "last", "--order", ENTRY)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == EXPECTED_CHAIN


EXPECTED_CHAIN = """\
order   smalls-j2agtvp3vnxzx3aw-e1  entry: buy 0.01 market
          #5 2024-03-14 09:15:00.050  sent
          #6 2024-03-14 09:15:00.340  acked
          #7 2024-03-14 09:15:00.341  filled by answer
          #8 2024-03-14 09:15:00.342  filled buy 0.01 at 64000.1, fee 0.3200 USDT (entry, trade 77)
order   smalls-j2agtvp3vnxzx3aw-s1  stop: sell 0.01 stop_market triggered at 62720
          #10 2024-03-14 09:15:00.350  sent
          #11 2024-03-14 09:15:00.500  rejected (-2021 would trigger)
intent  j2agtvp3vnxzx3aw  #4 2024-03-14 09:15:00.050  entry.long, buy BTC/USDT:USDT
gates   ✓ warm_up
        ✓ cooldown  none runs
cause   the rule entry.long, decided at the close of 2024-03-14 09:15 UTC
rule    entry.long  #3 2024-03-14 09:15:00.045
          entry.long: close crosses above fast → true
            close 64000 > fast 63950.5
bar     #2 2024-03-14 09:15:00.040  2024-03-14 09:00 to 2024-03-14 09:15 UTC, by stream, 40 ms after its close
          open 63900.0 high 64100.0 low 63800.0 close 64000.0 volume 120.0
version ab12ab12ab12, build 0.1.0
"""


def test_the_same_chain_is_found_by_intent_and_by_the_exchanges_id(home: Path) -> None:
    for name in ("j2agtvp3vnxzx3aw", "8389765", "smalls-j2ag"):
        assert audit(home, RUN, "--order", name).stdout == EXPECTED_CHAIN
    refused = audit(home, RUN, "--order", "nothing-like-it")
    assert refused.returncode == 2
    assert "runner audit small-1 lists them" in refused.stderr


def test_the_whole_run_names_every_cause_and_every_command(home: Path) -> None:
    shown = audit(home, "last")
    assert shown.returncode == 0
    text = shown.stdout
    assert "entry.long: buy BTC/USDT:USDT  intent j2agtvp3vnxzx3aw  ← the rule entry.long, decided at" in text
    assert (
        "operator: sell BTC/USDT:USDT  intent kkkktvp3vnxzx3aw  ← bob@desk: flatten small --yes – news"
        in text
    )
    assert "bob@desk: halted, halt – news" in text
    assert "3 orders of 2 intents, 0 fills without an order, 2 operator commands" in text
    assert text.index("entry.long") < text.index("flatten") < text.index("halted")


def test_an_order_without_a_cause_is_exit_code_1(tmp_path: Path) -> None:
    lines = entries()
    stray = request("smalls-zzzztvp3vnxzx3aw-e1", Kind.MARKET, 1)
    lines.append(at(20_000, Sending("place", BAR_MS, 1000, stray), client_id=stray.client_id, attempt=1))
    write(tmp_path, lines)
    shown = audit(tmp_path, "last")
    assert shown.returncode == 1
    assert "✗ " in shown.stdout
    assert f"{stray.client_id} was sent and never meant" in shown.stdout


def test_an_entry_without_its_bar_is_a_fault_too(tmp_path: Path) -> None:
    write(tmp_path, [line for line in entries() if not isinstance(line.event, BarClosed)])
    shown = audit(tmp_path, "last", "--order", ENTRY)
    assert shown.returncode == 1
    assert "✗ no bar and no decision stand before it" in shown.stdout


def test_json_holds_every_entry_whole(home: Path) -> None:
    tree = json.loads(audit(home, "last", "--json").stdout)
    assert tree["run"] == RUN
    first, second = tree["chains"]
    assert first["bar"]["event"]["bar"]["close"] == 64000.0
    assert first["decided"]["event"]["rule"] == "entry.long"
    assert second["command"]["event"]["who"] == "bob@desk"
    assert len(first["orders"][0]["entries"][0]["hash"]) == 64
    assert tree["faults"] == []
    assert [one["kind"] for one in tree["commands"]] == ["commanded", "halted"]
