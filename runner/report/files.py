"""report.json and trades.csv in a folder.

In: a Report and a folder. Out: two files, each whole or not there at all; what they replace stays until then.
Refuses to know: where the run came from. An OSError goes to the caller.
"""

import csv
import io
import os
from pathlib import Path

from runner.report.document import plain, render_json, utc_text
from runner.report.shape import Report, TradeRow

REPORT_FILE = "report.json"
TRADES_FILE = "trades.csv"


def write_report(folder: Path, report: Report) -> tuple[Path, Path]:
    """Writes both files, makes the folder when there is none; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {folder / REPORT_FILE: render_json(report), folder / TRADES_FILE: render_trades_csv(report)}
    drafts: dict[Path, Path] = {}
    try:
        for path, text in texts.items():
            drafts[path] = _draft(path, text)
        for path, draft in drafts.items():
            draft.replace(path)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    return folder / REPORT_FILE, folder / TRADES_FILE


def render_trades_csv(report: Report) -> str:
    """A line per trade: both times as UTC text, the keys of `trades`, and whether the market was invented.

    Undefined is empty. `synthetic` stands in every line, because a table travels without its report.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["entry_time", "exit_time", *TradeRow._fields, "synthetic"])
    synthetic = "true" if report.data.synthetic else "false"
    for trade in report.trades:
        cells = [plain(cell) for cell in trade]
        writer.writerow([utc_text(trade.entry_time_ms), utc_text(trade.exit_time_ms), *cells, synthetic])
    return buffer.getvalue()


def _draft(path: Path, text: str) -> Path:
    """The text on disk beside its place, under a name of its own."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft
