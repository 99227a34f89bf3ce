"""One gate's verdict between a signal and its order.

In: nothing. Out: a plain value that decisions, intents and explanations share.
Refuses to know: who judged.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gate:
    """`passed` None: not reached, because an earlier gate refused."""

    name: str
    passed: bool | None
    detail: str = ""
