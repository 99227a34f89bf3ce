"""An operator's halt that the journal does not take now: left in a file beside it until it does.

In: a journal's database, a run, the halt. Out: the file; the entry that it stands for.
Refuses to know: what a halt leads to. A session that was stopped inside a commit holds SQLite's lock for as
long as it is stopped; what is left here it hears before it sends anything that adds risk. Postgres has no
such place.
Source: reliability design 5.6: a kill switch works while the engine hangs, by a sentinel file.
"""

import json
from contextlib import suppress
from pathlib import Path

from runner.domain.entry import Entry
from runner.domain.session_event import Halted, StopLevel
from runner.journal.database import Database

_LEVELS: dict[str, StopLevel] = {"no_entries": "no_entries", "flatten": "flatten", "halt": "halt"}


def leave_word(database: Database, entry: Entry) -> bool:
    """Leave a halt; whether there is a place for it. What was left before gives way to it."""
    path, halted = _path(database, entry.run), entry.event
    if path is None or not isinstance(halted, Halted):
        return False
    word = {
        "time_ms": entry.time_ms,
        "level": halted.level,
        "reason": halted.reason,
        "who": halted.who,
        "bot_hash": entry.bot_hash,
        "build": entry.build,
    }
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(json.dumps(word), encoding="utf-8")
    fresh.replace(path)
    return True


def word_left(database: Database, run: str) -> Entry | None:
    """The halt that was left, as an entry that is written once; a file that cannot be read halts, too."""
    path = _path(database, run)
    if path is None or not path.exists():
        return None
    try:
        left_ms = path.stat().st_mtime_ns // 1_000_000
        word = json.loads(path.read_text(encoding="utf-8"))
        halted = Halted(_LEVELS[word["level"]], str(word["reason"]), str(word["who"]))
        time_ms, bot_hash, build = int(word["time_ms"]), str(word["bot_hash"]), str(word["build"])
    except OSError:
        return None  # it was taken away this very moment
    except (ValueError, KeyError, TypeError):
        halted = Halted("no_entries", f"somebody left {path.name}", "operator")
        time_ms, bot_hash, build = left_ms, "", ""
    return Entry(run, time_ms, halted, bot_hash, build, fact=f"word:{run}:{time_ms}")


def clear_word(database: Database, run: str) -> None:
    """It is in the journal, or over."""
    path = _path(database, run)
    if path is not None:
        with suppress(OSError):
            path.unlink()


def _path(database: Database, run: str) -> Path | None:
    return None if database.path is None else database.path.with_name(f"{database.path.name}.{run}.halt")
