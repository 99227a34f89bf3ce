"""What the compiler finds in a document, without building anything: for `runner check` and editors.

In: a validated document and its places. Out: problems with the code rule/…, sorted by place.
Refuses to know: NumPy, instruments, the schema's and the linter's findings.
"""

from runner.bot.model import Document
from runner.bot.problem import Problem
from runner.bot.source import Source
from runner.compiler.draft import draft


def check_document(document: Document, source: Source) -> list[Problem]:
    """Every fault in names, units, conditions and formulas."""
    return draft(document, source)[1]
