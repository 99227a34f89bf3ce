"""A backtest into the journal, and the same backtest again from what the journal kept.

In: what a command has at hand. Out: a recorded run's name; a run made again.
Refuses to know: entries, chains.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.backtest.record import Ran
    from runner.compiler.build import Compiled
    from runner.domain.result import Result
    from runner.domain.session_event import RunStarted
    from runner.journal.write import Journal
    from runner.modes import Bench
    from runner.report.shape import Report

Sets = tuple[tuple[str, str], ...]


def record_run(
    journal: "Journal",
    bot: Path,
    sets: Sets,
    compiled: "Compiled",
    bench: "Bench",
    result: "Result",
    report: "Report",
) -> str:
    """Commit the whole run at once; its name."""
    from runner.backtest.record import Ran, entries_of, texts_of
    from runner.journal.build import build_id
    from runner.journal.naming import free_name
    from runner.report.document import render_json

    text = bot.read_bytes().decode("utf-8")
    if compile_text(text, str(bot), sets).bot_hash != compiled.bot_hash:
        raise UsageError(f"{bot} was changed while it ran; nothing was recorded")
    asked, document = bench.span, compiled.document.backtest
    ran = Ran(
        mode=report.mode,
        file=str(bot),
        text=text,
        version_hash=compile_text(text, str(bot), ()).bot_hash if sets else compiled.bot_hash,
        sets=sets,
        data_source=bench.data_source,
        asked_from_ms=asked.start_ms if asked.start_ms is not None else document.from_ms,
        asked_to_ms=asked.stop_ms if asked.stop_ms is not None else document.to_ms,
        compiled=compiled,
        market=bench.market,
        result=result,
        report=render_json(report),
        max_drawdown_ratio=report.metrics.max_drawdown_ratio,
        trades=report.metrics.trades,
    )
    now_ms = time.time_ns() // 1_000_000
    name = free_name(journal.read, compiled.document.name, compiled.bot_hash, now_ms)
    entries = entries_of(ran, name, started_ms=now_ms, ended_ms=now_ms, build=build_id())
    journal.append(*entries, texts=texts_of(ran))
    return name


def run_again(compiled: "Compiled", started: "RunStarted") -> "Ran":
    """The recorded run once more, over the same range of the same bars."""
    from runner.backtest.record import Ran
    from runner.cli.progress import progress
    from runner.modes import Range, backtest, bench_for

    data = started.data
    assert data is not None
    bench = bench_for(compiled, data.source, Range(data.asked_from_ms, data.asked_to_ms))
    with progress(f"{started.bot} again", "bars", quiet=False) as shown:
        result = backtest(compiled, bench, on_progress=shown)
    return Ran(
        mode=started.mode,
        file=started.file,
        text="",
        version_hash=started.version_hash,
        sets=started.sets,
        data_source=data.source,
        asked_from_ms=data.asked_from_ms,
        asked_to_ms=data.asked_to_ms,
        compiled=compiled,
        market=bench.market,
        result=result,
        report="",
        max_drawdown_ratio=None,
        trades=0,
    )


def compile_text(text: str, file: str, sets: Sets) -> "Compiled":
    """A document's text with parameters set; its findings end the command as those of a file would."""
    from runner.bot.canonical import apply_overrides
    from runner.bot.read import read_text
    from runner.cli import bots
    from runner.modes import compile_bot

    document, problems, source = read_text(text, file)
    bots.stop_on_errors(source, problems)
    assert document is not None
    document, refused = apply_overrides(document, dict(sets))
    compiled, found = compile_bot(document, source)
    bots.stop_on_errors(source, [*refused, *(problem for problem in found if problem.severity == "error")])
    assert compiled is not None
    return compiled
