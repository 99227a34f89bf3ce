"""An audit in words: a run at a glance, or one chain from the order back to the bar.

In: chains. Out: lines of text.
Refuses to know: the journal, terminals.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import assert_never

from runner.domain.entry import Recorded
from runner.domain.gate import Gate
from runner.domain.order_event import Answered, Filled, Intended, OrderUpdated, Resolved, Sending
from runner.domain.session_event import BarClosed, Commanded, Decided, Halted, Resumed, RolledBack
from runner.domain.time import format_time
from runner.domain.venue import Request
from runner.report.audit import BY_HAND, BY_RECOVERY, PROTECTING, Audit, Chain, OrderStory

_SIDES = {1: "buy", -1: "sell"}
# What the core's words for an exit stand for.
_RULES = {
    "rule": "an exit rule",
    "time_stop": "the time stop",
    "reverse": "an opposite entry",
    "daily_loss": "the daily loss limit",
    "max_drawdown": "the drawdown limit",
}
_MARKS = {True: "✓", False: "✗", None: "·"}


def overview(found: Audit) -> Iterator[str]:
    """Every intent with its orders, and what operators did, in the order in which it happened."""
    blocks: list[tuple[int, list[str]]] = [
        (chain.intended.seq if chain.intended else 0, list(_short(chain))) for chain in found.chains.values()
    ]
    blocks += [(line.seq, [f"{_when(line)}  {_command(line)}"]) for line in found.commands]
    blocks += [(line.seq, [f"{_when(line)}  {_filled(line)}"]) for line in found.fills]
    for _, lines in sorted(blocks):
        yield from lines


def chain_lines(chain: Chain) -> Iterator[str]:
    """One chain, the order first, its cause last."""
    for story in chain.orders.values():
        yield f"order   {story.client_id}{_meaning(story)}"
        yield from (f"          {_at(line)}  {_happened(line)}" for line in story.lines)
    first = chain.intended
    if first is None or not isinstance(first.entry.event, Intended):
        yield f"✗ {chain.fault}"
        return
    intended = first.entry.event
    why = f": {intended.why}" if intended.why else ""
    meant = f"{intended.rule}, {_SIDES[intended.side]} {intended.symbol}{why}"
    yield f"intent  {chain.intent}  {_at(first)}  {meant}"
    yield from _gates(intended.gates or _decided(chain).gates)
    yield f"cause   {_cause(chain, intended.rule)}"
    if chain.decided is not None:
        decided = _decided(chain)
        yield f"rule    {decided.rule or intended.rule}  {_at(chain.decided)}"
        yield from (f"          {line}" for line in decided.trace)
    if chain.bar is not None:
        yield from _bar(chain.bar)
    yield f"version {first.entry.bot_hash[:12]}, build {first.entry.build}"
    if chain.fault:
        yield f"✗ {chain.fault}"


def _short(chain: Chain) -> Iterator[str]:
    first = chain.intended
    if first is None or not isinstance(first.entry.event, Intended):
        yield f"✗ {chain.intent}: {chain.fault}"
        return
    intended = first.entry.event
    side = _SIDES[intended.side]
    yield (
        f"{_when(first)}  {intended.rule}: {side} {intended.symbol}  intent {chain.intent}"
        f"  ← {_cause(chain, intended.rule)}"
    )
    for story in chain.orders.values():
        happened = "; ".join(dict.fromkeys(_happened(line) for line in story.lines))
        yield f"    {story.client_id}{_meaning(story)}  {happened or 'never sent'}"
    if chain.fault:
        yield f"  ✗ {chain.fault}"


def _cause(chain: Chain, rule: str) -> str:
    if rule == BY_HAND:
        return _command(chain.command) if chain.command else "an operator, whose command is not here"
    if rule == BY_RECOVERY:
        return "recovery, after a start or a lost connection"
    decided = "" if chain.bar is None else f", decided at the close of {_close(chain.bar)} UTC"
    if rule in PROTECTING:
        return f"the duty to protect an open position{decided}"
    named = _RULES.get(rule, f"the rule {rule}")
    return f"{named}{decided}" if decided else f"{named}, whose bar is not here"


def _meaning(story: OrderStory) -> str:
    if story.intended is None or not isinstance(story.intended.entry.event, Intended):
        return ""
    sent = next((line.entry.event for line in story.lines if isinstance(line.entry.event, Sending)), None)
    legs = story.intended.entry.event.legs
    leg = next((leg for leg in legs if leg.request.client_id == story.client_id), legs[0] if legs else None)
    if leg is None:
        return ""
    return f"  {leg.name}: {_request((sent.request if sent else None) or leg.request)}"


def _request(request: Request) -> str:
    parts = [_SIDES[request.side], _plain(request.quantity), request.kind.value]
    parts += [f"at {_plain(request.price)}"] if request.price is not None else []
    parts += [f"triggered at {_plain(request.trigger_price)}"] if request.trigger_price is not None else []
    parts += ["reduce only"] if request.reduce_only else []
    return " ".join(parts)


def _happened(line: Recorded) -> str:
    event = line.entry.event
    match event:
        case Sending(action=action):
            again = f" (attempt {line.entry.attempt})" if (line.entry.attempt or 1) > 1 else ""
            return f"{'sent' if action == 'place' else 'cancel sent'}{again}"
        case Answered(action, outcome, code, text):
            said = " ".join(filter(None, (str(code) if code is not None else "", text)))
            return f"{'' if action == 'place' else 'cancel '}{outcome}{f' ({said})' if said else ''}"
        case Resolved(resolution, evidence):
            return f"{resolution}: {evidence}"
        case OrderUpdated(order, via):
            return f"{order.status.value}{f' by {via}' if via else ''}"
        case Filled():
            return _filled(line)
        case _:
            return type(event).__name__


def _filled(line: Recorded) -> str:
    fill = line.entry.event
    assert isinstance(fill, Filled)
    return (
        f"filled {_SIDES[fill.side]} {_plain(fill.quantity)} at {_plain(fill.price)}, "
        f"fee {fill.fee_usdt:.4f} USDT ({fill.reason}, trade {fill.trade_id})"
    )


def _command(line: Recorded) -> str:
    event = line.entry.event
    assert isinstance(event, Commanded | Halted | Resumed | RolledBack)
    match event:
        case Commanded(command, arguments, who, why):
            typed = " ".join((command, *arguments))
            return f"{who}: {typed}{f' – {why}' if why else ''}"
        case Halted(level, reason, who):
            return f"{who}: halted, {level} – {reason}"
        case Resumed(reason, who):
            return f"{who}: resumed – {reason}"
        case RolledBack():
            return f"{event.who}: {event.file} back to {event.text_hash[:12]} – {event.why}"
        case _:
            assert_never(event)


def _gates(gates: Sequence[Gate]) -> Iterator[str]:
    for place, gate in enumerate(gates):
        head = "gates " if place == 0 else "      "
        yield f"{head}  {_MARKS[gate.passed]} {gate.name}  {gate.detail}".rstrip()


def _bar(line: Recorded) -> Iterator[str]:
    event = line.entry.event
    assert isinstance(event, BarClosed)
    bar = event.bar
    via = f", by {event.via}" if event.via else ""
    late = f", {event.received_ms - bar.close_time_ms:,} ms after its close" if event.received_ms else ""
    span = f"{format_time(bar.open_time_ms)} to {format_time(bar.close_time_ms)} UTC"
    yield f"bar     {_at(line)}  {span}{via}{late}"
    yield f"          open {bar.open} high {bar.high} low {bar.low} close {bar.close} volume {bar.volume}"


def _decided(chain: Chain) -> Decided:
    event = chain.decided.entry.event if chain.decided else None
    return event if isinstance(event, Decided) else Decided(0, 0)


def _close(line: Recorded) -> str:
    event = line.entry.event
    assert isinstance(event, BarClosed)
    return format_time(event.bar.close_time_ms)


def _at(line: Recorded) -> str:
    return f"#{line.seq} {_when(line)}"


def _when(line: Recorded) -> str:
    return format_time(line.entry.time_ms)


def _plain(figure: Decimal) -> str:
    return f"{figure.normalize():f}"
