"""What events of runs, limits and alerts change in the rows.

In: a view, a recorded entry, its event. Out: rows put into the view.
Refuses to know: SQL, commits, orders.
"""

from typing import Any

from runner.domain.entry import Recorded
from runner.domain.session_event import (
    Alerted,
    Banned,
    Halted,
    LimitTripped,
    Reloaded,
    Reported,
    Resumed,
    RolledBack,
    RunEnded,
    RunStarted,
    SessionChanged,
    SessionStarted,
)
from runner.journal.rows import AlertRow, BotVersion, LimitRow, Run
from runner.journal.view import View

HALT = "halt"


def run_started(view: View, line: Recorded, event: RunStarted) -> None:
    """A run, and the version of the bot that it runs."""
    entry, data = line.entry, event.data
    view.put(
        Run(
            run=entry.run,
            mode=event.mode,
            account=event.account,
            bot=event.bot,
            bot_hash=entry.bot_hash,
            build=entry.build,
            symbol=event.symbol,
            timeframe=event.timeframe,
            file=event.file,
            text_hash=event.text_hash,
            plan_hash=event.plan_hash,
            started_ms=entry.time_ms,
            first_seq=line.seq,
            from_ms=data.from_ms if data else None,
            to_ms=data.to_ms if data else None,
            data_source=data.source if data else None,
            data_digest=data.digest if data else None,
        )
    )
    _version(view, line, event.bot, event.text_hash, event.version_hash, event.file)


def _version(view: View, line: Recorded, bot: str, text_hash: str, bot_hash: str, file: str) -> None:
    known = view.get(BotVersion, bot, text_hash)
    now = line.entry.time_ms
    first = known.first_ms if known else now
    view.put(BotVersion(bot, text_hash, bot_hash, file, first, now, (known.runs if known else 0) + 1))


def _run(view: View, line: Recorded, **changes: Any) -> None:
    """The run's row, changed; an entry may belong to no run that was started."""
    run = view.get(Run, line.entry.run)
    if run is not None:
        view.put(run._replace(**changes))


def session_started(view: View, line: Recorded, _event: SessionStarted) -> None:
    """A process took the run up: it has not ended, whatever was said before."""
    run = view.get(Run, line.entry.run)
    sessions = run.sessions + 1 if run else 1
    _run(view, line, sessions=sessions, ended_ms=None, ended_reason=None, exit_code=None)


def session_changed(view: View, line: Recorded, event: SessionChanged) -> None:
    """The state of the session."""
    _run(view, line, state=event.after)


def run_ended(view: View, line: Recorded, event: RunEnded) -> None:
    """How the run ended."""
    _run(view, line, ended_ms=line.entry.time_ms, ended_reason=event.reason, exit_code=event.exit_code)


def reloaded(view: View, line: Recorded, event: Reloaded) -> None:
    """The run goes on with another text or plan."""
    run = view.get(Run, line.entry.run)
    _run(view, line, bot_hash=line.entry.bot_hash, text_hash=event.text_hash, plan_hash=event.plan_hash)
    if run is not None and run.text_hash != event.text_hash:
        _version(view, line, run.bot, event.text_hash, event.version_hash, run.file)


def reported(view: View, line: Recorded, event: Reported) -> None:
    """The run's figures."""
    _run(
        view,
        line,
        start_equity_usdt=event.start_equity_usdt,
        end_equity_usdt=event.end_equity_usdt,
        net_pnl_usdt=event.net_pnl_usdt,
        max_drawdown_ratio=event.max_drawdown_ratio,
        trades=event.trades,
        report_hash=event.report_hash,
    )


def rolled_back(view: View, line: Recorded, event: RolledBack) -> None:
    """The text that was overwritten is a version too: a forced rollback loses nothing."""
    known = view.get(BotVersion, event.bot, event.before_hash)
    if known is None:  # a forced rollback keeps the text it overwrote
        now = line.entry.time_ms
        view.put(BotVersion(event.bot, event.before_hash, "", event.file, now, now, 0))


def limit_tripped(view: View, line: Recorded, event: LimitTripped) -> None:
    """A limit stands."""
    reason = f"{event.figure_usdt} USDT, limit at {event.level_usdt} USDT"
    entry = line.entry
    view.put(LimitRow(entry.run, event.limit, event.level, entry.time_ms, event.until_ms, reason, "limit"))


def halted(view: View, line: Recorded, event: Halted) -> None:
    """A halt stands."""
    entry = line.entry
    view.put(LimitRow(entry.run, HALT, event.level, entry.time_ms, None, event.reason, event.who))


def resumed(view: View, line: Recorded, _event: Resumed) -> None:
    """What had no end of its own is over."""
    for limit in list(view.standing(line.entry.run)):
        if limit.until_ms is None:
            view.put(limit._replace(ended_ms=line.entry.time_ms))


def banned(view: View, line: Recorded, event: Banned) -> None:
    """The latest end of a ban counts."""
    entry, reason = line.entry, f"HTTP {event.http_status} {event.text}".strip()
    name = f"ban:{event.scope}"
    known = view.get(LimitRow, entry.run, name)
    until_ms = max(event.until_ms, known.until_ms or 0) if known else event.until_ms
    view.put(LimitRow(entry.run, name, "halt", entry.time_ms, until_ms, reason, "exchange"))


def alerted(view: View, line: Recorded, event: Alerted) -> None:
    """One letter for each sink; a second of the same is none."""
    said = event.alert
    for sink in event.sinks:
        if view.get(AlertRow, said.id, sink) is None:
            view.put(
                AlertRow(
                    id=said.id,
                    sink=sink,
                    seq=line.seq,
                    run=said.run,
                    event=said.event,
                    severity=said.severity,
                    text=said.text,
                    time_ms=said.time_ms,
                    due_ms=line.entry.time_ms,
                )
            )
