"""A text that must not be shown: keys, passphrases, addresses with a token in them.

In: the text. Out: the text to whoever asks for it by name; to everybody else, that it is hidden.
Refuses to know: where it is kept, who uses it.

It hides from print, format, logs, tracebacks and pickle. It cannot be wiped from memory: Python copies texts.
"""

from typing import NoReturn

HIDDEN = "(hidden)"


class Secret:
    """Compared by identity, so that no comparison gives it away."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Hide a text."""
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that needs it."""
        return self._text

    def __repr__(self) -> str:
        """That it is hidden."""
        return HIDDEN

    def __format__(self, how: str) -> str:
        """That it is hidden, in whatever width is wanted."""
        return format(HIDDEN, how)

    def __reduce__(self) -> NoReturn:
        """No copy on a disk or in another process."""
        raise TypeError("a secret is not copied")
