"""One request as it is, for questions about the exchange itself: what it said, or how it refused.

In: a call of the client, its fields. Out: Said; never an exception of the network or the client.
Refuses to know: what the answer means. Not for orders that matter: `account.py` knows those.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import ccxt

from runner.exchange.client import reply_of


class Said(NamedTuple):
    """A reply, or the code (0: none) and the words of a refusal."""

    reply: Any
    code: int
    text: str

    @property
    def taken(self) -> bool:
        """Whether it was no refusal."""
        return self.text == ""

    @property
    def words(self) -> str:
        """For people."""
        return "taken" if self.taken else f"refused ({self.code}): {self.text}"


async def ask(call: Callable[[dict[str, Any]], Awaitable[Any]], fields: dict[str, Any]) -> Said:
    """Once; without the exception's own text, which holds a signed URL."""
    try:
        return Said(await call(fields), 0, "")
    except (ccxt.BaseError, OSError, TimeoutError) as error:
        reply = reply_of(error)
        if reply is None or reply.code is None:
            return Said(None, 0, type(error).__name__)
        return Said(None, reply.code, reply.message[:160] or str(reply.status))
