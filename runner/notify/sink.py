"""A sink: the name that the document gives it and the URL behind the name, which nobody gets to see.

In: a name such as `env:ALERT_URL` and its URL. Out: the pair, safe to print; texts without the URL's parts.
Refuses to know: where the URL came from, how it is reached.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from runner.domain.secret import Secret

STRUCK = "***"

_PART_LENGTH_MIN = 4  # shorter pieces of a URL are words such as "to" and numbers such as a port
_SEPARATORS = re.compile(r"[/:@?&=,;#\s]+")


@dataclass(frozen=True, slots=True)
class Sink:
    """Safe to print: the URL hides itself."""

    name: str
    url: Secret

    @property
    def service(self) -> str:
        """The scheme of the URL: `slack`, `mailtos`, `tgram`; the host may be a token, so it is not told."""
        scheme, separator, _ = self.url.reveal().partition("://")
        return scheme.lower()[:20] if separator else "not a URL"


def strike(text: str, url: str) -> str:
    """The text without the URL and without any longer piece of it, written plainly or percent-encoded."""
    rest = url.partition("://")[2]
    pieces = {url, rest, unquote(rest)}
    for piece in _SEPARATORS.split(rest):
        pieces |= {piece, unquote(piece)}
    for piece in sorted(pieces, key=len, reverse=True):
        if len(piece) >= _PART_LENGTH_MIN:
            text = re.sub(re.escape(piece), STRUCK, text, flags=re.IGNORECASE)
    return text
