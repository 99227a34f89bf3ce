"""Streams: who listens to what, and each event as the messages they get.

In: events of the model, connections and what they send. Out: texts to each listener, faults played on them.
Refuses to know: sockets; a listener is two callables, one for a text and one for the close.
Source: Binance USDⓈ-M market and user streams of 2026: /market, /public, /private; /ws and /stream.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from runner.simulator.events import AccountBound, Event
from runner.simulator.rows import Row
from runner.simulator.rows_events import key_expired, user_messages
from runner.simulator.stream_market import MarketStreams, category_of

if TYPE_CHECKING:
    from runner.simulator.box import Box

STREAMS_MAX, LIVES_MS = 1024, 24 * 3_600_000
GOING_AWAY, TOO_MUCH = 1001, 1008
_PATH = re.compile(r"^(?:/(market|public|private))?/(ws|stream)(?:/(.*))?$")
_USER_EVENTS = AccountBound


@dataclass(slots=True, eq=False)
class Listener:
    """One connection. `send(text, late_ms)`, `close(code)`; no `category`: the old paths, which take all."""

    send: Callable[[str, int], None]
    close: Callable[[int], None]
    category: str
    is_combined: bool
    opened_ms: int
    streams: dict[str, None] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """private or market, as faults say it."""
        return "private" if self.category == "private" else "market"


class Hub:
    """All connections of one exchange."""

    def __init__(self, box: "Box") -> None:
        self._box = box
        self._market = MarketStreams(box)
        self._listeners: list[Listener] = []
        self._by_stream: dict[str, list[Listener]] = {}

    @property
    def listeners(self) -> int:
        """How many connections are open."""
        return len(self._listeners)

    @property
    def heard(self) -> int:
        """How many streams somebody hears."""
        return len(self._by_stream)

    def connect(
        self, target: str, send: Callable[[str, int], None], close: Callable[[int], None]
    ) -> Listener | None:
        """A connection to a path such as /private/ws?listenKey=…; None when it is refused."""
        path, _, query = target.partition("?")
        found = _PATH.match(path.replace("//", "/"))
        if found is None:
            return None
        category, form, names = found[1] or "", found[2], found[3] or ""
        listener = Listener(send, close, category, form == "stream", self._box.timer_ms())
        if self._is_cut_off(listener) or self._holds("ws.refuse", listener):
            return None
        self._listeners.append(listener)
        asked = parse_qs(query)
        wanted = [one for one in names.split("/") if one and not one.isdigit()]
        wanted += [one for text in asked.get("streams", []) for one in text.split("/")]
        self._subscribe(listener, wanted + asked.get("listenKey", []))
        return listener

    def disconnect(self, listener: Listener) -> None:
        """The connection is gone."""
        if listener in self._listeners:
            self._listeners.remove(listener)
        for name in list(listener.streams):
            self._unsubscribe(listener, [name])

    def command(self, listener: Listener, text: str) -> None:
        """Something the client sent: SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, properties."""
        try:
            asked = json.loads(text)
        except ValueError:
            return self._tell(listener, {"error": {"code": 3, "msg": f"Invalid JSON: {text[:40]}"}})
        number, params = asked.get("id"), asked.get("params") or []
        match asked.get("method"):
            case "SUBSCRIBE" if len(listener.streams) + len(params) <= STREAMS_MAX:
                self._subscribe(listener, params)
            case "SUBSCRIBE":
                return listener.close(TOO_MUCH)
            case "UNSUBSCRIBE":
                self._unsubscribe(listener, params)
            case "LIST_SUBSCRIPTIONS":
                return self._tell(listener, {"result": list(listener.streams), "id": number})
            case "SET_PROPERTY":
                listener.is_combined = bool(params[1])
            case "GET_PROPERTY":
                return self._tell(listener, {"result": listener.is_combined, "id": number})
            case other:
                problem = (
                    f"Invalid request: unknown variant {other}, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`"
                )
                return self._tell(listener, {"error": {"code": 2, "msg": problem}, "id": number})
        return self._tell(listener, {"result": None, "id": number})

    def publish(self, events: Iterable[Event]) -> None:
        """Tell those who listen. Nothing is written where nobody does."""
        if not self._listeners:
            return
        for event in events:
            if isinstance(event, _USER_EVENTS):
                self._publish_user(event)
            elif not self._box.holding("feed.freeze"):
                for stream, row in self._market.messages(event, self._by_stream):
                    self._send_all(stream, row)

    def pulse(self) -> None:
        """The marks once more: a heartbeat for those whose market stands still."""
        if not self._box.holding("feed.freeze"):
            for stream, row in self._market.pulse(self._by_stream):
                self._send_all(stream, row)

    def tick(self) -> None:
        """Keys that ran out, connections older than a day."""
        if not self._listeners:
            return
        self.expire(self._box.keys.run_out())
        now_ms = self._box.timer_ms()
        for listener in [one for one in self._listeners if now_ms - one.opened_ms >= LIVES_MS]:
            self._end(listener, GOING_AWAY)

    def expire(self, keys: Iterable[str]) -> None:
        """These listen keys are no more: their listeners are told, and hear nothing further."""
        for key in keys:
            for listener in list(self._by_stream.get(key, ())):
                self._deliver(listener, key, key_expired(key, self._box.now_ms))
                self._unsubscribe(listener, [key])

    def close(self, which: str, code: int) -> None:
        """End connections: all, private or market ones."""
        for listener in [one for one in self._listeners if which in ("all", one.kind)]:
            self._end(listener, code)

    def is_mute(self, listener: Listener) -> bool:
        """Does nothing come through to this connection now?"""
        return self._is_cut_off(listener) or self._holds("ws.silent", listener)

    def _end(self, listener: Listener, code: int) -> None:
        self.disconnect(listener)
        listener.close(code)

    def _is_cut_off(self, listener: Listener) -> bool:
        down = "net.private_down" if listener.kind == "private" else "net.public_down"
        return any(self._box.holding(name) for name in ("net.outage", down))

    def _holds(self, name: str, listener: Listener) -> bool:
        fault = self._box.holding(name)
        return fault is not None and fault.word(0, "all") in ("all", listener.kind)

    def _subscribe(self, listener: Listener, names: Iterable[str]) -> None:
        """A stream on the wrong path gives nothing, and no error."""
        for name in names:
            listener.streams[name] = None
            if listener.category in ("", category_of(name)):
                heard = self._by_stream.setdefault(name, [])
                if listener not in heard:
                    heard.append(listener)
                self._market.watch(name)

    def _unsubscribe(self, listener: Listener, names: Iterable[str]) -> None:
        for name in names:
            listener.streams.pop(name, None)
            heard = self._by_stream.get(name, [])
            if listener in heard:
                heard.remove(listener)
            if not heard:
                self._by_stream.pop(name, None)

    def _publish_user(self, event: AccountBound) -> None:
        key = self._box.keys.key_of(event.account)
        if key is not None and key in self._by_stream:
            for row in user_messages(event):
                self._send_all(key, row)

    def _send_all(self, stream: str, row: Any) -> None:
        for listener in list(self._by_stream.get(stream, ())):
            self._deliver(listener, stream, row)

    def _deliver(self, listener: Listener, stream: str, row: Any) -> None:
        """One message on its way, past the faults. What is held back for reordering follows it."""
        if self._is_dead(listener):
            return
        text = _written({"stream": stream, "data": row} if listener.is_combined else row)
        does = (
            self._box.mischief.message(tuple(_names(row)), self._box.now_ms)
            if self._box.mischief.faults
            else ""
        )
        if does == "drop":
            return
        if does == "reorder":
            listener.held.append(text)
            return
        late = self._box.holding("ws.lag") if self._box.mischief.faults else None
        late_ms = late.whole(0) if late and late.word(1, "all") in ("all", listener.kind) else 0
        following, listener.held = listener.held, []
        for one in [text, *([text] if does == "dup" else []), *following]:
            listener.send(one, late_ms)

    def _is_dead(self, listener: Listener) -> bool:
        return bool(self._box.mischief.faults) and self.is_mute(listener)

    def _tell(self, listener: Listener, row: Row) -> None:
        if not self._is_dead(listener):
            listener.send(_written(row), 0)


def _names(row: Any) -> Iterator[str]:
    """What a script may call this message: its event, and `event/detail`."""
    row = row[0] if isinstance(row, list) else row
    kind = str(row.get("e", ""))
    yield kind
    inner: Any = row.get("o") or row.get("a") or row.get("k") or {}
    if isinstance(inner, dict):
        for detail in (inner.get("x"), inner.get("X"), inner.get("m")):
            if isinstance(detail, str):
                yield f"{kind}/{detail}"
        if inner.get("x") is True:
            yield f"{kind}/closed"


def _written(row: Any) -> str:
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False)
