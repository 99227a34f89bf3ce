"""An outbox that forgets everything when the process ends: for messages that stand in no journal.

In: alerts and the sinks they go to. Out: what `runner.domain.alert.Outbox` asks for.
Refuses to know: files, databases, how letters travel.
"""

from collections.abc import Iterable, Sequence

from runner.domain.alert import Alert, Letter


class MemoryOutbox:
    """Letters in the order in which they were put; the same id to the same sink is put once."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], tuple[Letter, int]] = {}
        self._known: set[tuple[str, str]] = set()
        self.faults: list[tuple[Letter, str]] = []

    def put(self, alert: Alert, sinks: Iterable[str]) -> None:
        """A letter to each sink, due at once."""
        for sink in sinks:
            key = (alert.id, sink)
            if key not in self._known:
                self._known.add(key)
                self._waiting[key] = (Letter(alert, sink, 0), 0)

    def due(self, sink: str, now_ms: int, limit: int) -> Sequence[Letter]:
        """The oldest letters to one sink whose time has come."""
        ready = [
            letter for letter, due_ms in self._waiting.values() if letter.sink == sink and due_ms <= now_ms
        ]
        return ready[:limit]

    def delivered(self, letters: Sequence[Letter], now_ms: int) -> None:
        """They are out."""
        for letter in letters:
            self._waiting.pop((letter.alert.id, letter.sink), None)

    def failed(self, letters: Sequence[Letter], until_ms: int, why: str) -> None:
        """They wait, and the reason is kept."""
        for letter in letters:
            key = (letter.alert.id, letter.sink)
            if key in self._waiting:
                again = letter._replace(tries=letter.tries + 1)
                self._waiting[key] = (again, until_ms)
                self.faults.append((again, why))

    def waiting(self) -> Sequence[Letter]:
        """Letters that are not delivered."""
        return [letter for letter, _ in self._waiting.values()]

    def backlog(self) -> int:
        """How many letters wait."""
        return len(self._waiting)
