"""How conditions are built on one another: an order to resolve them in, and limits on what they expand to.

In: conditions as the document has them. Out: names in order, sizes.
Refuses to know: what names mean beyond other conditions, units, columns. Nothing here recurses: a document
may nest as it likes, and is refused before anything walks its trees.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runner.bot.leaves import Condition
from runner.compiler.expression import parse
from runner.compiler.tokens import TextError
from runner.compiler.tree import Name, Node, parts

PARTS_MAX = 2000  # nodes of one rule with all named conditions written out: `why` and `explain` walk each
DEPTH_MAX = 100  # of the same: walks are recursive


@dataclass(frozen=True, slots=True)
class Extent:
    """`parts` nodes, `depth` inside each other; `names` every name in the texts, as often as written."""

    parts: int
    depth: int
    names: tuple[str, ...] = ()

    def within(self) -> bool:
        """Whether it can be walked."""
        return self.parts <= PARTS_MAX and self.depth <= DEPTH_MAX


def extent(written: Condition) -> Extent:
    """The extent of a condition as written; a text that cannot be read counts as one node."""
    names: list[str] = []
    count, depth = 0, 0
    waiting: list[tuple[Condition | Node, int]] = [(written, 1)]
    while waiting:
        found, level = waiting.pop()
        count, depth = count + 1, max(depth, level)
        inner: Iterable[Condition | Node]
        if isinstance(found, str):
            inner = _read(found)
        elif isinstance(found, list):
            inner = found
        elif isinstance(found, dict):
            inner = found.values()
        else:
            inner = parts(found)
            if isinstance(found, Name):
                names.append(found.name)
        waiting += [(one, level + 1) for one in inner]
    return Extent(count, depth, tuple(names))


def expanded(own: Extent, named: Mapping[str, Extent]) -> Extent:
    """The same with named conditions written out; `named` holds their expanded extents."""
    inner = [named[name] for name in own.names if name in named]
    count = own.parts + sum(one.parts for one in inner)
    return Extent(count, own.depth + max((one.depth for one in inner), default=0))


def arranged(conditions: Mapping[str, Extent]) -> list[str]:
    """The names, each after those it uses; in a circle one of them comes before what it uses."""
    order: list[str] = []
    entered: set[str] = set()
    for first in conditions:
        waiting = [(first, False)]
        while waiting:
            name, done = waiting.pop()
            if done:
                order.append(name)
            elif name not in entered:
                entered.add(name)
                waiting.append((name, True))
                waiting += [(used, False) for used in reversed(conditions[name].names) if used in conditions]
    return order


def _read(text: str) -> list[Node]:
    try:
        return [parse(text)]
    except TextError:
        return []
