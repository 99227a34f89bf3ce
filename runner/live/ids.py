"""Client order ids: a function of what an order stands for, so that whoever lost it can find it again.

In: bot, account, symbol, the decision, the leg, the attempt. Out: an id of at most 36 characters, its parts.
Refuses to know: the journal, the exchange. An id finds an order; it does not deduplicate (the exchange
forgets the ids of ended orders).
Source: `<bot6>-<intent16>-<leg><attempt>`, a target's leg with its place: `t2.1`; Binance takes
`^[.A-Z:/a-z0-9_-]{1,36}$` for plain and algo orders alike.
"""

import base64
import hashlib
import re
from enum import StrEnum
from typing import NamedTuple

_FORM = re.compile(r"([a-z2-7]{6})-([a-z2-7]{16})-(?:([exs])|t([0-3])\.)(\d{1,8})")


class Leg(StrEnum):
    """What an order does for a trade."""

    ENTRY = "e"
    EXIT = "x"
    STOP = "s"
    TARGET = "t"


class ClientId(NamedTuple):
    """The parts of an id. `place` is a target's place in the ladder, else 0; `attempt` counts from 1."""

    bot: str
    intent: str
    leg: Leg
    place: int
    attempt: int

    def __str__(self) -> str:
        leg = f"t{self.place}." if self.leg is Leg.TARGET else self.leg.value
        return f"{self.bot}-{self.intent}-{leg}{self.attempt}"


def bot_tag(bot: str, account: str) -> str:
    """The six characters by which all orders of one bot on one account are known."""
    return _digest(bot, account)[:6]


def intent_id(bot: str, symbol: str, close_ms: int, rule: str, side: int, bot_hash: str) -> str:
    """The same decision, whoever makes it and however often, has the same id."""
    return _digest(bot, symbol, str(close_ms), rule, str(side), bot_hash)[:16]


def parse_client_id(text: str) -> ClientId | None:
    """The parts of an id of ours; None: somebody else's."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    bot, intent, leg, place, attempt = found.groups()
    if leg is None:
        return ClientId(bot, intent, Leg.TARGET, int(place), int(attempt))
    return ClientId(bot, intent, Leg(leg), 0, int(attempt))


def _digest(*parts: str) -> str:
    """Lower-case base32 of the parts, which hold no `|`."""
    whole = hashlib.sha256("|".join(parts).encode()).digest()
    return base64.b32encode(whole).decode().lower()
