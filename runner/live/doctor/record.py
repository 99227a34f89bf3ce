"""An examination in the journal: that it began, what came of it, and when one was passed last.

In: a journal, a bot's name and hash. Out: entries; the time of the last pass.
Refuses to know: what was examined.
"""

from collections.abc import Sequence

from runner.domain.entry import Entry
from runner.domain.session_event import Commanded
from runner.journal.build import build_id
from runner.journal.write import Journal
from runner.live.doctor.finding import Finding, is_well

COMMAND = "doctor"
PASSED, FAILED, BEGUN = "passed", "failed", "begun"
RECENT_MS = 24 * 3_600_000


def note_begun(journal: Journal, bot: str, bot_hash: str, who: str, probe_id: str, now_ms: int) -> None:
    """Before anything is sent; also the proof that the journal can be written."""
    _note(journal, bot, bot_hash, Commanded(COMMAND, (BEGUN, probe_id), who), now_ms)


def note_ended(
    journal: Journal, bot: str, bot_hash: str, who: str, findings: Sequence[Finding], now_ms: int
) -> None:
    """What came of it."""
    ends = PASSED if is_well(findings) else FAILED
    faults = "; ".join(f"{one.check}: {one.text}" for one in findings if one.state == "failed")
    _note(journal, bot, bot_hash, Commanded(COMMAND, (ends,), who, faults[:2_000]), now_ms)


def passed_ms(journal: Journal, bot: str, bot_hash: str) -> int:
    """When this very bot passed last, if its last examination was not failed since; 0: never."""
    found = 0
    for line in journal.read.entries(run=_run(bot), kinds=("commanded",)):
        event = line.entry.event
        if line.entry.bot_hash == bot_hash and isinstance(event, Commanded) and event.command == COMMAND:
            found = (
                line.entry.time_ms if PASSED in event.arguments else 0 if FAILED in event.arguments else found
            )
    return found


def _note(journal: Journal, bot: str, bot_hash: str, event: Commanded, now_ms: int) -> None:
    journal.append(Entry(_run(bot), now_ms, event, bot_hash, build_id()))


def _run(bot: str) -> str:
    """No run of its own: the entries of all examinations of a bot."""
    return f"doctor-{bot}"
