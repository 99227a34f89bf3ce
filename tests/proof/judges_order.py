"""What must be in the journal before something leaves: sendings, halts, limits of the day, a silent journal.

In: `Histories`. Out: what is violated. Refuses to know: how the bot works.
"""

from runner.domain.entry import Recorded
from runner.domain.order_event import (
    Sending,
)
from runner.domain.session_event import (
    Halted,
    LimitTripped,
    Resumed,
    StateSet,
)
from tests.proof.histories import Found, Histories


def inv_4(h: Histories) -> Found:
    """A day's loss is never forgotten; what it stopped stays stopped until the next day or an operator's
    word.
    """
    starts = [
        line
        for line in h.journal
        if isinstance(line.entry.event, StateSet) and line.entry.event.why == "start"
    ]
    for again in starts[1:]:
        yield f"line {again.seq} begins the ledger anew"
    day_equity: dict[int, float] = {}
    for line in h.journal:
        event = line.entry.event
        if isinstance(event, StateSet):
            account, guard = event.state.account, event.state.guard
            known = day_equity.setdefault(account.day, account.day_equity_usdt)
            if account.day >= 0 and account.day_equity_usdt < known:
                lower = account.day_equity_usdt
                yield f"line {line.seq} lowers the day's opening equity from {known} to {lower}"
            if guard.daily_loss_day == account.day >= 0:
                yield from _entered(h, line, (account.day + 1) * 86_400_000, "the day's loss was reached")
        elif isinstance(event, LimitTripped):
            day_end = (line.entry.time_ms // 86_400_000 + 1) * 86_400_000
            yield from _entered(h, line, event.until_ms or day_end, f"{event.limit} was reached")


def _entered(h: Histories, since: Recorded, until_ms: int, why: str) -> Found:
    """Entries that reached the exchange after a line, before a time, and before an operator's word."""
    resumed = [
        line.seq for line in h.journal if isinstance(line.entry.event, Resumed) and line.seq > since.seq
    ]
    last = h.mark(resumed[0]) if resumed else len(h.truth)
    for entry, command, name, _ in h.sent():
        inside = h.mark(since.seq) <= entry.seq < last and entry.time_ms < until_ms
        if name.leg == "e" and inside and not _was_under_way(h, command.client_id or "", since.seq):
            yield f"{command.client_id} entered at {entry.time_ms} although {why} (line {since.seq})"


def _was_under_way(h: Histories, client_id: str, seq: int) -> bool:
    """Whether an order had been sent before a line was written."""
    return any(
        line.seq < seq and line.entry.client_id == client_id and isinstance(line.entry.event, Sending)
        for line in h.journal
    )


def inv_5(h: Histories) -> Found:
    """No order of ours reaches the exchange whose sending was not committed before; only what reduces may go
    out while the journal takes nothing.
    """
    known = {
        line.entry.client_id: h.mark(line.seq)
        for line in reversed(h.journal)
        if isinstance(line.entry.event, Sending) and line.entry.event.action == "place"
    }
    for entry, command, _, _ in h.sent():
        if any(begin <= entry.time_ms <= end + 1_000 for begin, end in h.mute) and command.reduce_only:
            continue
        if known.get(command.client_id, len(h.truth) + 1) > entry.seq:
            yield f"{command.client_id} reached the exchange at {entry.time_ms} before it was journaled"


def inv_13(h: Histories) -> Found:
    """From the commit of a halt nothing leaves that adds risk, across any number of restarts."""
    halted: Recorded | None = None
    spans: list[tuple[int, int]] = []
    for line in h.journal:
        if isinstance(line.entry.event, Halted) and halted is None:
            halted = line
        if isinstance(line.entry.event, Resumed) and halted is not None:
            spans.append((halted.seq, line.seq))
            halted = None
    if halted is not None:
        spans.append((halted.seq, len(h.journal) + 1))
    for begin, end in spans:
        last = h.mark(end) if end <= len(h.journal) else len(h.truth)
        for entry, command, name, _ in h.sent():
            adds = name.leg == "e" or not command.reduce_only
            if (
                adds
                and h.mark(begin) <= entry.seq < last
                and not _was_under_way(h, command.client_id or "", begin)
            ):
                yield f"{command.client_id} left at {entry.time_ms} although halted (line {begin})"


def inv_27(h: Histories) -> Found:
    """While the journal takes nothing, nothing that adds risk leaves."""
    for entry, command, name, _ in h.sent():
        if (
            any(begin < entry.time_ms < end for begin, end in h.mute)
            and (name.leg == "e" or not command.reduce_only)
            and not _sent_before(h, command.client_id or "", entry.time_ms)
        ):
            yield f"{command.client_id} left at {entry.time_ms} while the journal took nothing"


def _sent_before(h: Histories, client_id: str, time_ms: int) -> bool:
    """Whether its sending is in the journal from before the silence: it was on its way."""
    begun = max((begin for begin, end in h.mute if begin < time_ms < end), default=0)
    return any(
        line.entry.client_id == client_id
        and isinstance(line.entry.event, Sending)
        and line.entry.time_ms <= begun
        for line in h.journal
    )
