"""The strict loader: YAML text to plain values with the place of every node.

In: the text of one document. Out: a tree of dict, list, str, int, float, bool and None, spans, and
problems. Refuses to know: which keys exist, what anything means. Anchors, aliases, tags, duplicate keys, a
second document, numbers that are not finite, deep nesting: all refused. Built on parser events, not on
composed nodes: aliases and tags are visible only there, and what was read before a syntax error is still
reported."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import yaml

from runner.bot.problem import Path, Problem, Span, dotted, error
from runner.bot.scalars import Refusal, read_plain
from runner.bot.source import NodeSpan, Source
from runner.bot.syntax import explain_syntax
from runner.bot.text import FORBIDDEN, allowed_codes, odd_characters, plain_lines

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]

DEPTH_MAX = 32

_PARSER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Mark(Protocol):
    """Where the parser is; the C one and the pure one both fit."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """`tree` is None when nothing could be read; `faulty` are paths whose content was refused already."""

    tree: dict[str, Plain] | None
    source: Source
    problems: list[Problem]
    faulty: frozenset[Path]


def load_document(text: str, file: str, parser: type = _PARSER) -> Loaded:
    """Never raises on anything a text can hold."""
    text = plain_lines(text)
    source = Source(file, text, {}, allowed_codes(text))
    problems = odd_characters(text, file)
    if problems:
        return Loaded(None, source, problems, frozenset())
    builder = _Builder(file, text, text.split("\n"))
    tree = builder.build(parser)
    source = replace(source, spans=builder.spans)
    return Loaded(tree, source, builder.problems, frozenset(builder.faulty))


class _TooDeepError(Exception):
    """Reading stops: the rest of the document is not looked at."""


@dataclass(slots=True)
class _Builder:
    file: str
    text: str
    lines: list[str]
    spans: dict[Path, NodeSpan] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    faulty: set[Path] = field(default_factory=set)
    brackets: int = 0  # how many are open around the node that is read
    split: Path | None = None  # the list in which a text was split at its comma

    def build(self, parser: type) -> dict[str, Plain] | None:
        events: Iterator[yaml.Event] = yaml.parse(self.text, Loader=parser)
        tree: Plain = None
        found = False
        try:
            for event in events:
                if isinstance(event, yaml.DocumentStartEvent):
                    if found:
                        hint = "one file holds one bot: move this one to a file of its own"
                        self.report("yaml/documents", "a second document", self.start(event), hint=hint)
                        self.faulty.add(())  # what is missing here may stand there
                        break
                    found = True
                    tree = self.node(next(events), events, (), None)
        except yaml.MarkedYAMLError as fault:
            self.problems.append(explain_syntax(fault, self.text, self.file))
            return None
        except _TooDeepError:
            return None
        if isinstance(tree, dict):
            return tree
        self.refuse_root(tree)
        return None

    def refuse_root(self, tree: Plain) -> None:
        if self.problems:
            return
        if tree is None:
            hint = "'runner new NAME' writes a bot to start from"
            self.report("yaml/empty", "the document is empty", Span(self.file, 1, 1), hint=hint)
            return
        message = f"a bot document is made of keys; this is {described(tree)}"
        self.report("yaml/top-level", message, self.spans[()].content, hint="start with 'version: 1'")

    def node(self, event: yaml.Event, events: Iterator[yaml.Event], path: Path, key: Span | None) -> Plain:
        if len(path) > DEPTH_MAX:
            hint = "give the inner conditions names under 'conditions:'"
            self.report(
                "yaml/too-deep", f"nested deeper than {DEPTH_MAX} levels", self.start(event), hint=hint
            )
            raise _TooDeepError
        self.refuse_extras(event, path)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, path, key)
        self.spans[path] = NodeSpan(key, self.start(event))
        in_brackets = getattr(event, "flow_style", False) is True
        self.brackets += in_brackets
        content: Plain = None  # of an alias, refused already
        if isinstance(event, yaml.SequenceStartEvent):
            content = self.sequence(events, path)
        if isinstance(event, yaml.MappingStartEvent):
            content = self.mapping(events, path)
        self.brackets -= in_brackets
        return content

    def sequence(self, events: Iterator[yaml.Event], path: Path) -> list[Plain]:
        items: list[Plain] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                self.close(event, path)
                break
            items.append(self.node(event, events, (*path, len(items)), None))
        return items

    def mapping(self, events: Iterator[yaml.Event], path: Path) -> dict[str, Plain]:
        content: dict[str, Plain] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                self.close(event, path)
                break
            if not isinstance(event, yaml.ScalarEvent):
                self.odd_key(event, events, path)
                continue
            self.refuse_extras(event, path)
            name, place = str(event.value), self.scalar_span(event)
            if name in content:
                self.duplicate(name, place, path)
                # Its content is read (it may hold faults of its own) under a path that nothing else has.
                self.node(next(events), events, (*path, f"{name} (again, line {place.line})"), place)
                continue
            content[name] = self.node(next(events), events, (*path, name), place)
            self.judge_key(name, place, content[name], path)
        return content

    def close(self, event: yaml.Event, path: Path) -> None:
        """A collection in brackets ends at the closing one; a block has no end of its own."""
        node = self.spans[path]
        opening = self.lines[node.content.line - 1][node.content.column - 1 :][:1]
        if opening in ("[", "{"):
            last, end = self.place(event.end_mark)
            self.spans[path] = replace(node, last_line=last, end=end)

    def judge_key(self, name: str, place: Span, content: Plain, path: Path) -> None:
        line = self.lines[place.line - 1]
        colon = line[place.column - 1 + place.length :].lstrip().startswith(":")
        if not name.strip():
            message, hint = "a key is missing before ':'", "write 'key: content'"
        elif name == "<<":
            message, hint = "merge keys are not part of the language", "write the keys out"
        elif ":" in name and content is None:
            message, hint = "a space is missing after ':'", f"write '{name.replace(':', ': ', 1)}'"
        elif content is None and not colon and not line.lstrip().startswith("?"):
            message = f"'{name}' has no ': ' after it"
            hint = "write numbers without ',' in them" if name[0].isdigit() else "write 'key: content'"
        else:
            return
        self.report("yaml/key", message, place, hint=hint, path=(*path, name))
        self.faulty.update(((*path, name), path))

    def odd_key(self, event: yaml.Event, events: Iterator[yaml.Event], path: Path) -> None:
        """A list or a group as a key: both are read, under paths that nothing else has."""
        place = self.start(event)
        self.report(
            "yaml/key", "a key must be a word", place, hint="brackets stand behind 'key: '", path=path
        )
        self.faulty.add(path)
        for number in range(2):
            following = next(events) if number else event
            self.node(following, events, (*path, f"key {number} (line {place.line}, {place.column})"), None)

    def duplicate(self, name: str, place: Span, path: Path) -> None:
        first = self.spans[*path, name]
        start = first.key or first.content
        where = (
            f"on line {start.line}" if start.line != place.line else f"in column {start.column} of this line"
        )
        message = f"duplicate key '{name}'" + (f" in '{dotted(path)}'" if path else "")
        hint = f"first defined {where}; keep one of them"
        self.report("yaml/duplicate-key", message, place, hint=hint, path=(*path, name))

    def scalar(self, event: yaml.ScalarEvent, path: Path, key: Span | None) -> Plain:
        content = self.scalar_span(event)
        start, (last, end) = self.place(event.start_mark), self.place(event.end_mark)
        empty = start == (last, end)
        self.spans[path] = NodeSpan(key, key if empty and key else content, self.text_span(event), last, end)
        if event.style or event.tag:
            text = str(event.value)
            if FORBIDDEN.search(text):  # escapes can hide what could not be written openly
                hint = "remove the backslash and what follows it"
                self.report(
                    "yaml/character", "a character that cannot be printed", content, hint=hint, path=path
                )
                self.faulty.add(path)
            return text
        self.refuse_split(str(event.value), content, path)
        plain = read_plain(str(event.value))
        if isinstance(plain, Refusal):
            self.report("yaml/number", plain.message, content, hint=plain.hint, path=path)
            self.faulty.add(path)
            return None
        return plain

    def refuse_split(self, text: str, content: Span, path: Path) -> None:
        """`[crossover(a, b)]`: inside brackets YAML ends the text at its comma; what follows is the rest."""
        surplus = text.count("(") - text.count(")")
        if self.split is not None and self.split == path[:-1]:
            self.faulty.add(path)
            self.split = None if surplus < 0 else self.split
        elif self.brackets and surplus > 0 and "," in self.lines[content.line - 1][content.column :]:
            self.faulty.add(path)
            self.split = path[:-1]
            message = f"inside brackets the ',' ends this text after '{text[:40]}'"
            hint = "give it a line of its own: '- crosses_above(a, b)', or write 'a crosses above b'"
            self.report("yaml/split", message, content, hint=hint, path=path)

    def refuse_extras(self, event: yaml.Event, path: Path) -> None:
        """Anchors, aliases and tags: each would make the text mean something that is written elsewhere."""
        place = self.start(event)
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if isinstance(event, yaml.AliasEvent):
            hint = "write the content out, or name a condition under 'conditions:'"
            self.report("yaml/alias", f"alias '*{anchor}'", place, hint=hint, path=path)
            self.faulty.add(path)
        elif anchor:
            hint = "remove it; a condition used twice gets a name under 'conditions:'"
            self.report("yaml/anchor", f"anchor '&{anchor}'", place, hint=hint, path=path)
        if tag:
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            hint = "remove it; write 'not' where '!' was meant to negate"
            self.report("yaml/tag", f"tag '{shown}'", place, hint=hint, path=path)
            self.faulty.add(path)

    def report(self, code: str, message: str, span: Span, *, hint: str, path: Path = ()) -> None:
        self.problems.append(error(code, message, span, hint=hint, path=path))

    def start(self, event: yaml.Event) -> Span:
        return Span(self.file, *self.place(event.start_mark))

    def place(self, mark: Mark | None) -> tuple[int, int]:
        """Line and column from 1."""
        return (mark.line + 1, mark.column + 1) if mark else (1, 1)

    def scalar_span(self, event: yaml.ScalarEvent) -> Span:
        (line, column), (last, end) = self.place(event.start_mark), self.place(event.end_mark)
        if last != line:
            end = len(self.lines[line - 1].rstrip()) + 1
        return Span(self.file, line, column, max(1, end - column))

    def text_span(self, event: yaml.ScalarEvent) -> Span | None:
        """Plain or quoted text that stands on one line just as it is read."""
        if not event.value or event.style in ("|", ">") or event.tag or event.anchor:
            return None
        line, column = self.place(event.start_mark)
        column += event.style in ("'", '"')
        written = self.lines[line - 1][column - 1 : column - 1 + len(event.value)]
        return Span(self.file, line, column, len(event.value)) if written == event.value else None


def described(plain: object) -> str:
    """A plain value in the words of someone who writes YAML."""
    match plain:
        case None:
            return "empty"
        case bool():
            return "true" if plain else "false"
        case int() | float():
            return f"the number {plain}"
        case str():
            return "text" if len(plain) > 40 or "\n" in plain else f"'{plain}'"
        case list():
            return "a list"
    return "a group of keys"
