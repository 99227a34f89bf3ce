"""Problems as text for people, JSON for programs, annotations for GitHub, SARIF for code scanners.

In: sources with their problems. Out: one text. Refuses to know: terminals, streams, exit codes.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from runner.bot.codes import CODES
from runner.bot.problem import Problem, Span, dotted
from runner.bot.source import Source

Checked = tuple[Source, Sequence[Problem]]  # what one document came to

LINE_MAX = 160  # of a quoted line; a longer one is cut around the place
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render_text(checked: Iterable[Checked]) -> str:
    """Each problem with its line and a caret, then a line that counts; empty for documents without a
    problem.
    """
    blocks: list[str] = []
    everything = list(checked)
    for source, problems in everything:
        lines = source.lines()
        blocks += [render_problem(problem, lines) for problem in problems]
    summary = render_summary(everything)
    return "\n\n".join([*blocks, summary]) + "\n" if blocks or summary else ""


def render_problem(problem: Problem, lines: Sequence[str]) -> str:
    """One problem: place, sentence, code; the line with its caret; the hint."""
    span = problem.span
    place = f"{span.file}:{span.line}:{span.column}" if span.line else span.file  # 0: not in a file
    head = f"{place}: {problem.severity}: {problem.message} [{problem.code}]"
    number = f" {span.line or ''} "
    margin = " " * len(number)
    body = [head]
    if 0 < span.line <= len(lines) and lines[span.line - 1].strip():
        line, start, length = _window(lines[span.line - 1], span)
        body += [f"{margin}|", f"{number}| {line}", f"{margin}| {' ' * start}^{'~' * (length - 1)}"]
    if problem.hint:
        body.append(f"{margin}= hint: {problem.hint}")
    return "\n".join(body)


def render_summary(checked: Iterable[Checked]) -> str:
    """`2 errors, 1 warning (1 more allowed)`; empty when there is nothing to count."""
    counts = {"error": 0, "warning": 0}
    allowed = 0
    for source, problems in checked:
        allowed += len(source.suppressed)
        for problem in problems:
            counts[problem.severity] += 1
    said = [f"{count} {word}{'s' if count > 1 else ''}" for word, count in counts.items() if count]
    accepted = f"{allowed} warning{'s' if allowed > 1 else ''} allowed by comments" if allowed else ""
    return ", ".join([*said, accepted] if accepted else said)


def render_json(checked: Iterable[Checked]) -> str:
    """One object: the files, each with its problems and what its comments allow."""
    files = [
        {
            "file": source.file,
            "problems": [_record(problem) for problem in problems],
            "allowed": [_record(problem) for problem in source.suppressed],
        }
        for source, problems in checked
    ]
    return json.dumps({"files": files}, indent=2, ensure_ascii=False) + "\n"


def render_github(checked: Iterable[Checked]) -> str:
    """Workflow commands: GitHub shows them beside the line."""
    commands = []
    for _, problems in checked:
        for problem in problems:
            span = problem.span
            text = problem.message + (f"\nhint: {problem.hint}" if problem.hint else "")
            place = f"file={_property(span.file)},line={span.line},col={span.column}"
            end = f"endColumn={span.column + span.length}"
            title = f"title={_property(problem.code)}"
            commands.append(f"::{problem.severity} {place},{end},{title}::{_data(text)}\n")
    return "".join(commands)


def render_sarif(checked: Iterable[Checked]) -> str:
    """SARIF 2.1.0."""
    everything = [problem for _, problems in checked for problem in problems]
    used = sorted({problem.code for problem in everything})
    driver = {
        "name": "runner",
        "rules": [{"id": code, "shortDescription": {"text": CODES.get(code, code)}} for code in used],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(problem) for problem in everything],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


RENDERERS: dict[str, Callable[[Iterable[Checked]], str]] = {
    "text": render_text,
    "json": render_json,
    "github": render_github,
    "sarif": render_sarif,
}


def _window(line: str, span: Span) -> tuple[str, int, int]:
    """The line, cut to LINE_MAX around the place; where the caret starts in it, and how long it is."""
    start, length = span.column - 1, span.length
    line = line.rstrip()
    if len(line) > LINE_MAX:
        first = max(0, min(start - LINE_MAX // 3, len(line) - LINE_MAX))
        cut = line[first : first + LINE_MAX]
        before, after = ("…" if first else ""), ("…" if first + LINE_MAX < len(line) else "")
        line, start = before + cut + after, start - first + len(before)
    return line, start, max(1, min(length, len(line) - start))


def _record(problem: Problem) -> dict[str, Any]:
    span = problem.span
    return {
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message,
        "hint": problem.hint,
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "length": span.length,
        "path": dotted(problem.path),
    }


def _sarif_result(problem: Problem) -> dict[str, Any]:
    span = problem.span
    region = {"startLine": span.line, "startColumn": span.column, "endColumn": span.column + span.length}
    location = {"physicalLocation": {"artifactLocation": {"uri": span.file}, "region": region}}
    text = problem.message + (f" ({problem.hint})" if problem.hint else "")
    return {
        "ruleId": problem.code,
        "level": problem.severity,
        "message": {"text": text},
        "locations": [location],
    }


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
