"""For which spans the exchange has been asked for all it has: what is not stored there, it does not have.

In: a series, spans. Out: spans; beside the series' index lies `asked.json`.
Refuses to know: sources, rows.

Without it a gap of the exchange's own would be asked for at every pull, for ever. It is written after the
rows it speaks of, so a lost one only means that something is asked again; one that cannot be read counts as
lost.
"""

import json
from pathlib import Path

from runner.data.layout import ASKED_NAME, SCHEMA_VERSION, SeriesKey
from runner.data.spans import Span, Spans, joined
from runner.durable import sync_directory, write_whole


def read_asked(root: Path, key: SeriesKey) -> Spans:
    """The spans, joined; none when nothing is remembered."""
    try:
        tree = json.loads((key.folder(root) / ASKED_NAME).read_text(encoding="utf-8"))
        if tree["schema"] != SCHEMA_VERSION:
            return ()
        return joined(Span(int(start), int(stop)) for start, stop in tree["asked_ms"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def write_asked(root: Path, key: SeriesKey, spans: Spans) -> None:
    """Remember exactly these; the caller holds the writer's lock."""
    if spans == read_asked(root, key):
        return
    folder = key.folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    tree = {"schema": SCHEMA_VERSION, "asked_ms": [list(span) for span in spans]}
    write_whole(folder / ASKED_NAME, (json.dumps(tree) + "\n").encode())
    sync_directory(folder)
