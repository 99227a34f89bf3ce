"""What goes between the bot's process and its worker, one JSON object a line.

In: nothing. Out: the two kinds of line. Refuses to know: pipes, services.
"""

from typing import NamedTuple


class Request(NamedTuple):
    """One message to one URL; `foot` is kept whatever has to be cut."""

    number: int
    url: str
    title: str
    body: str
    foot: str
    severity: str


class Answer(NamedTuple):
    """`why` is empty when the service took the message; it holds no part of the URL."""

    number: int
    why: str
