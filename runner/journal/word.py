"""Operators' halts that the journal does not take now: left in files beside it until it does.

In: a journal's database, a run, halts. Out: files; the entries that they stand for.
Refuses to know: what a halt leads to. A session that was stopped inside a commit holds SQLite's lock for as
long as it is stopped; what is left here it hears before it sends anything that adds risk. Postgres has no
such place.

Each word is a file of its own, in `DATABASE.RUN.halts/`, that nobody changes or replaces: only who has
written a word into the journal takes it away, and never another one. A file `DATABASE.RUN.halt` that somebody
made by hand is a word, too. What cannot be read halts.
Source: reliability design 5.6: a kill switch works while the engine hangs, by a sentinel file.
"""

import json
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from runner.domain.entry import Entry
from runner.domain.session_event import Halted, StopLevel
from runner.durable import share, sync_directory, write_whole
from runner.journal.database import Database

_LEVELS: dict[str, StopLevel] = {"no_entries": "no_entries", "flatten": "flatten", "halt": "halt"}
_TRIES = 5  # the folder of the words goes with the last of them, and may go while another one is left
_UNREAD = ":unread"
_UNSEEN = "unseen"  # what cannot even be looked at


class _Place(NamedTuple):
    """`by_hand` is a file, `folder` holds the others; `journal` is the file that they lie beside."""

    by_hand: Path
    folder: Path
    journal: Path


def leave_word(database: Database, entry: Entry) -> bool:
    """Leave a halt beside those that were left before; whether there is a place for it."""
    place, halted = _place(database, entry.run), entry.event
    if place is None or not isinstance(halted, Halted):
        return False
    word = {
        "time_ms": entry.time_ms,
        "level": halted.level,
        "reason": halted.reason,
        "who": halted.who,
        "bot_hash": entry.bot_hash,
        "build": entry.build,
    }
    path = place.folder / f"{entry.time_ms:013d}-{uuid4().hex}"
    for tries in range(_TRIES):
        try:
            _make_folder(place)
            write_whole(path, json.dumps(word).encode(), like=place.journal)
            sync_directory(place.folder)
        except FileNotFoundError:
            if tries == _TRIES - 1:
                raise
        else:
            break
    sync_directory(place.folder.parent)
    return True


def words_left(database: Database, run: str) -> tuple[Entry, ...]:
    """The halts that were left, the oldest first, each as an entry that is written once."""
    place = _place(database, run)
    if place is None:
        return ()
    found = [_word(run, path, key) for path, key in _by_hand(place)]
    try:
        found += [_word(run, path, key) for path, key in _in_folder(place)]
    except OSError as error:
        halted = _default(f"{place.folder} cannot be read ({error.strerror}), and may hold a halt")
        left_ms = _changed_ms(place.folder)
        found.append(Entry(run, left_ms, halted, fact=_fact(run, f"{left_ms}-unlisted{_UNREAD}")))
    return tuple(sorted((word for word in found if word is not None), key=lambda word: word.time_ms))


def clear_words(database: Database, run: str, words: Collection[Entry], *, unread: bool = False) -> None:
    """Take these away, for they are in the journal, or over. One that could not be read says more than the
    entry that it became, and goes only with `unread`.
    """
    place, facts = _place(database, run), {word.fact for word in words}
    if place is None or not facts:
        return
    files = [*_by_hand(place)]
    with suppress(OSError):
        files += _in_folder(place)
    for path, key in files:
        fact = _fact(run, key)
        if fact in facts or (unread and fact + _UNREAD in facts):
            with suppress(OSError):
                _take_away(place, path, key)
    with suppress(OSError):  # it does not exist, or holds others
        place.folder.rmdir()


def _place(database: Database, run: str) -> _Place | None:
    if database.path is None:
        return None
    path = database.path
    return _Place(path.with_name(f"{path.name}.{run}.halt"), path.with_name(f"{path.name}.{run}.halts"), path)


def _make_folder(place: _Place) -> None:
    """Whoever can use the journal's folder can use it."""
    with suppress(FileExistsError):
        place.folder.mkdir(mode=0o700)
        share(place.folder, place.folder.parent.stat())


def _by_hand(place: _Place) -> Iterator[tuple[Path, str]]:
    """The word that was made by hand, if there is one, and what tells it from all others."""
    try:
        yield place.by_hand, _hand_key(place.by_hand.stat())
    except FileNotFoundError:
        return
    except OSError:
        yield place.by_hand, _UNSEEN


def _in_folder(place: _Place) -> list[tuple[Path, str]]:
    """All others, whose names tell them apart; OSError where that cannot be told."""
    try:
        place.folder.stat()  # mostly there is none, and this needs no descriptor, should none be left
        names = sorted(os.listdir(place.folder))
    except FileNotFoundError:
        return []
    return [(place.folder / name, name) for name in names if not name.startswith(".")]  # but drafts


def _changed_ms(path: Path) -> int:
    """When a file or a folder was changed; 0 where that cannot be told."""
    try:
        return path.stat().st_mtime_ns // 1_000_000
    except OSError:
        return 0


def _hand_key(seen: os.stat_result) -> str:
    """Another file under the same name, or the same one changed, has another."""
    return f"{seen.st_mtime_ns}-{seen.st_ino}"


def _word(run: str, path: Path, key: str) -> Entry | None:
    """None: it was taken away this very moment."""
    time_ms, bot_hash, build, fact = _changed_ms(path), "", "", _fact(run, key)
    try:
        word = json.loads(path.read_text(encoding="utf-8"))
        halted = Halted(_LEVELS[word["level"]], str(word["reason"]), str(word["who"]))
        time_ms, bot_hash, build = int(word["time_ms"]), str(word["bot_hash"]), str(word["build"])
    except FileNotFoundError:
        return None
    except OSError as error:
        halted, fact = (
            _default(f"{path} cannot be read ({error.strerror}), and may be a halt"),
            fact + _UNREAD,
        )
    except (ValueError, KeyError, TypeError):
        halted = _default(f"somebody left {path.name}")
    return Entry(run, time_ms, halted, bot_hash, build, fact=fact)


def _default(reason: str) -> Halted:
    return Halted("no_entries", reason, "operator")


def _fact(run: str, key: str) -> str:
    return f"word:{run}:{key}"


def _take_away(place: _Place, path: Path, key: str) -> None:
    """What was made by hand is first moved among the others: should it be another one by now, it stays."""
    if path == place.by_hand and key != _UNSEEN:
        _make_folder(place)
        taken = place.folder / key
        path.replace(taken)
        now = _hand_key(taken.stat())
        if now != key:
            taken.replace(place.folder / now)
            return
        path = taken
    path.unlink()
