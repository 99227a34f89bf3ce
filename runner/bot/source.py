"""The text of a document and where each of its nodes stands.

In: text and the spans found by the loader. Out: places for problems, down to a word inside a scalar.
Refuses to know: YAML's rules, what the nodes mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runner.bot.problem import Path, Problem, Span


@dataclass(frozen=True, slots=True)
class NodeSpan:
    """Where one node is written: its key (None in lists and for the root) and its content.

    `text` is the place of a scalar's text when that stands on one line just as it is read (no escapes, no
    folding), so that offsets into the text are offsets into the line; None otherwise."""

    key: Span | None
    content: Span
    text: Span | None = None
    last_line: int = 0
    end: int = 0  # the column after the last character, on the last line

    def at(self, offset: int, length: int) -> Span:
        """The place of `length` characters from `offset` on in the text; the whole scalar where that is
        unknown.
        """
        if self.text is None:
            return self.content
        start = max(0, min(offset, self.text.length))
        return Span(self.text.file, self.text.line, self.text.column + start, max(1, length))


@dataclass(frozen=True, slots=True)
class Source:
    """A document as written.

    `allowed` maps a line to the codes of the warnings that a `# runner: allow …` comment above it accepts.
    """

    file: str
    text: str
    spans: Mapping[Path, NodeSpan] = field(default_factory=dict)
    allowed: Mapping[int, frozenset[str]] = field(default_factory=dict)
    suppressed: tuple[Problem, ...] = ()  # warnings that those comments silenced when the document was read

    def node(self, path: Path) -> NodeSpan:
        """The node at `path`, or the nearest written one around it (defaults and short forms have no
        place).
        """
        for length in range(len(path), -1, -1):
            found = self.spans.get(path[:length])
            if found is not None:
                return found
        return NodeSpan(None, Span(self.file, 1, 1))

    def span(self, path: Path) -> Span:
        """Where the content at `path` stands."""
        return self.node(path).content

    def key_span(self, path: Path) -> Span:
        """Where the key that leads to `path` stands; the content's place when it has no key."""
        node = self.node(path)
        return node.key or node.content

    def at(self, path: Path, offset: int, length: int) -> Span:
        """A word inside the scalar at `path`."""
        found = self.spans.get(path)
        return found.at(offset, length) if found else self.span(path)

    def lines(self) -> list[str]:
        """The text by lines, without line ends."""
        return self.text.split("\n")
