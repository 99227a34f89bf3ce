"""What one check found: fine, a failure with its remedy, or that it cannot be asked here.

In: words. Out: findings. Refuses to know: how anything is checked.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

State = Literal["ok", "failed", "not_here"]


class Finding(NamedTuple):
    """`remedy` says what to do about a failure; "" otherwise."""

    check: str
    state: State
    text: str
    remedy: str = ""


def fine(check: str, text: str) -> Finding:
    """As it should be."""
    return Finding(check, "ok", text)


def failed(check: str, text: str, remedy: str) -> Finding:
    """The bot must not start."""
    return Finding(check, "failed", text, remedy)


def not_here(check: str, why: str) -> Finding:
    """It cannot be asked at this place, or not now."""
    return Finding(check, "not_here", why)


def is_well(findings: Sequence[Finding]) -> bool:
    """Whether nothing failed, and anything was asked at all."""
    return bool(findings) and all(finding.state != "failed" for finding in findings)
