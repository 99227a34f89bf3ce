"""What of a run's entries somebody should be told, and in which words.

In: a journal entry, the bot's name. Out: an alert, or None.
Refuses to know: sinks, who subscribed to what, the wire. Pure: the same entry is the same alert, with the
same id.


"""

from runner.domain.alert import Alert, Severity, alert
from runner.domain.alert import Event as Topic
from runner.domain.entry import Entry
from runner.domain.order import ENTRY, LIQUIDATION, REVERSE
from runner.domain.order_event import Answered, Filled
from runner.domain.session_event import (
    Banned,
    Halted,
    LimitTripped,
    Mismatched,
    Resumed,
    RunEnded,
    SessionChanged,
    SessionStarted,
)
from runner.live.states import SessionState

Said = tuple[Topic, Severity, str, str]  # topic, severity, words, what it is about

_TROUBLED = (SessionState.PROTECT_ONLY.value,)


def alert_of(entry: Entry, bot: str) -> Alert | None:
    """The alert of one entry; None: nobody needs to hear of it."""
    said = _session(entry) or _trading(entry)
    if said is None:
        return None
    topic, severity, words, about = said
    stands_for = about or f"{entry.time_ms}|{words}"
    return alert(topic, severity, f"{bot}: {words}", run=entry.run, time_ms=entry.time_ms, about=stands_for)


def unprotected(run: str, bot: str, time_ms: int, since_ms: int) -> Alert:
    """A position that has had no stop for too long; one alert for each gap."""
    gap_s = (time_ms - since_ms) / 1000
    words = f"{bot}: the position has had no stop for {gap_s:.0f} s"
    return alert("error", "critical", words, run=run, time_ms=time_ms, about=f"unprotected|{since_ms}")


def _session(entry: Entry) -> Said | None:
    match entry.event:
        case SessionStarted(host, pid, epoch):
            return "session", "info", f"started on {host}, process {pid}", f"epoch|{epoch}"
        case SessionChanged(_, after, why) if after in _TROUBLED:
            return "health", "warning", f"no new risk for now: {why}", ""
        case SessionChanged(before, after, _) if before in _TROUBLED and after == SessionState.RUNNING.value:
            return "health", "info", "all is well again", ""
        case Halted(level, reason, who):
            severity: Severity = "critical" if who == "runner" else "warning"
            return "session", severity, f"halted ({level.replace('_', ' ')}) by {who}: {reason}", ""
        case Resumed(reason, who):
            return "session", "info", f"resumed by {who}: {reason}", ""
        case RunEnded(reason, code):
            return "session", "info" if code == 0 else "warning", f"ended: {reason} (exit code {code})", ""
        case _:
            return None


def _trading(entry: Entry) -> Said | None:
    match entry.event:
        case Filled() as filled:
            return _fill(filled)
        case LimitTripped(limit, level, figure, limit_usdt):
            words = f"{limit.replace('_', ' ')}: {figure} USDT, the limit is {limit_usdt} USDT ({level})"
            return "limit", "warning", words, ""
        case Mismatched(symbol, what, ours, theirs, policy):
            words = f"{symbol}: {what} (ours {ours or 'none'}, theirs {theirs or 'none'}): {policy}"
            return "error", "critical", words, ""
        case Banned(until_ms, status, _, text):
            return (
                "error",
                "warning",
                f"the exchange takes nothing for now ({status} {text[:100]})",
                str(until_ms),
            )
        case Answered("place", "rejected", code, text):
            return "error", "warning", f"{entry.client_id} was rejected ({code}): {text[:200]}", ""
        case _:
            return None


def _fill(filled: Filled) -> Said:
    side = "bought" if filled.side > 0 else "sold"
    words = f"{side} {filled.quantity} {filled.symbol} at {filled.price} ({filled.reason.replace('_', ' ')})"
    reason = filled.applied.reason if filled.applied else 0
    topic: Topic = "entry" if reason in (ENTRY, REVERSE) else "exit"
    severity: Severity = "critical" if reason == LIQUIDATION or filled.applied is None else "info"
    return topic, severity, words, f"trade|{filled.symbol}|{filled.trade_id}"
