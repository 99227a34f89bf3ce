"""Reading a bot: load, validate, lint in one call.

In: a file's path, or a document's text. Out: a document, every problem, the source. Never raises on what a
user wrote; an unreadable file is a problem too. Refuses to know: what rules mean (the compiler). A document
that comes with errors is for further checks only, its faulty parts cut out: `runnable` tells."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path as FilePath

from runner.bot import codes
from runner.bot.load import load_document
from runner.bot.mend import mend
from runner.bot.model import Document
from runner.bot.names import lint_names
from runner.bot.problem import Problem, Span, did_you_mean, error, has_errors, ordered, warning
from runner.bot.ranges import lint_ranges
from runner.bot.risks import STRICT_CODES, lint_risks
from runner.bot.source import Source
from runner.bot.text import BYTES_MAX, allow_comments, decode
from runner.bot.validate import validate_tree

# Where orders reach an exchange, warnings that cost money are errors.
_STRICT_MODES = frozenset({"testnet", "live"})


def read_bot(
    bot: FilePath | str, for_mode: str | None = None
) -> tuple[Document | None, list[Problem], Source]:
    """Everything that is wrong with the file at `bot`, sorted by place.

    A `str` with a line break is the text itself. Where there are errors the document may be None, or is
    what is left without them: ask `runnable` before running it."""
    if isinstance(bot, str) and "\n" in bot:
        return read_text(bot, "<text>", for_mode)
    path = FilePath(bot)
    file = path.as_posix()
    try:
        with path.open("rb") as stream:
            raw = stream.read(BYTES_MAX + 1)
    except (OSError, ValueError) as fault:
        return None, [_unreadable(path, fault)], Source(file, "")
    text, problems = decode(raw, file)
    if text is None:
        return None, problems, Source(file, raw.decode("utf-8", "replace"))
    return read_text(text, file, for_mode)


def read_text(
    text: str, file: str, for_mode: str | None = None
) -> tuple[Document | None, list[Problem], Source]:
    """The same for a document's text; `file` is the name in the problems."""
    if len(text) > BYTES_MAX or not text.isascii():
        _, problems = decode(text.encode("utf-8", "surrogatepass")[: BYTES_MAX + 1], file)
        if problems:
            return None, problems, Source(file, text)
    loaded = load_document(text, file)
    document, found = validate_tree(loaded)
    problems = [*loaded.problems, *found, *_unknown_codes(loaded.source)]
    if document is not None and not loaded.faulty:
        problems += lint(document, loaded.source)
    elif loaded.tree is not None:
        faulty = [problem for problem in loaded.problems if problem.path in loaded.faulty]
        document = mend(loaded.tree, [*faulty, *found], loaded.faulty)
    if for_mode in _STRICT_MODES:
        problems = [_stricter(problem) for problem in problems]
    kept, suppressed = suppress(ordered(problems), loaded.source)
    return document, kept, replace(loaded.source, suppressed=tuple(suppressed))


def lint(document: Document, source: Source) -> list[Problem]:
    """What the typed document shows without its rules being understood."""
    return [*lint_ranges(document, source), *lint_names(document, source), *lint_risks(document, source)]


def suppress(problems: Iterable[Problem], source: Source) -> tuple[list[Problem], list[Problem]]:
    """Problems to show, and warnings that a `# runner: allow …` comment on the line above accepts."""
    kept: list[Problem] = []
    suppressed: list[Problem] = []
    for problem in problems:
        accepted = problem.severity == "warning" and problem.code in source.allowed.get(problem.span.line, ())
        (suppressed if accepted else kept).append(problem)
    return kept, suppressed


def runnable(document: Document | None, problems: Iterable[Problem]) -> bool:
    """Whether there is a document, and nothing keeps it from running."""
    return document is not None and not has_errors(problems)


def _stricter(problem: Problem) -> Problem:
    return replace(problem, severity="error") if problem.code in STRICT_CODES else problem


def _unknown_codes(source: Source) -> Iterable[Problem]:
    for line, column, code in allow_comments(source.text):
        if code not in codes.CODES:
            hint = did_you_mean(code, list(codes.CODES), list_all="")
            span = Span(source.file, line, column, len(code))
            yield warning(
                "yaml/unknown-code", f"no finding is called '{code}'", span, hint=hint or "remove it"
            )


def _unreadable(path: FilePath, fault: OSError | ValueError) -> Problem:
    span = Span(path.as_posix(), 1, 1)
    if isinstance(fault, FileNotFoundError):
        try:
            near = did_you_mean(
                path.name, sorted(other.name for other in path.parent.glob("*.yaml")), list_all=""
            )
        except OSError:
            near = ""
        return error(
            "yaml/unreadable", "there is no such file", span, hint=near or "'runner new NAME' writes one"
        )
    if isinstance(fault, IsADirectoryError):
        return error("yaml/unreadable", "this is a folder", span, hint="name a file in it")
    return error(
        "yaml/unreadable", "the file cannot be read", span, hint="check its name and its permissions"
    )
