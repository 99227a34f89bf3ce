"""The parameters of a request, read one by one; what is missing or malformed is refused.

In: decoded parameters. Out: text, whole numbers, Decimals, flags; Refused with -1100 to -1130.
Refuses to know: what the parameters are for.
Source: Binance USDⓈ-M error codes, 11xx.
"""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from runner.simulator.refusal import Refused

_NUMBER = re.compile(r"^-?[0-9]{1,20}(\.[0-9]{1,20})?$")
_WHOLE = re.compile(r"^-?[0-9]{1,20}$")


class Asked:
    """One request's parameters. An empty text counts as not sent."""

    def __init__(self, params: Mapping[str, str]) -> None:
        self._params = params

    def text(self, name: str) -> str:
        """A parameter that must be there."""
        found = self._params.get(name)
        if not found:
            raise missing(name)
        return found

    def text_or_none(self, name: str) -> str | None:
        """A parameter that may be there."""
        return self._params.get(name) or None

    def choice(self, name: str, choices: Sequence[str], code: int, message: str) -> str:
        """A parameter that must be one of a few words."""
        found = self.text(name)
        if found not in choices:
            raise Refused(code, message)
        return found

    def choice_or_none(self, name: str, choices: Sequence[str], code: int, message: str) -> str | None:
        """A parameter that may be one of a few words."""
        return self.choice(name, choices, code, message) if self._params.get(name) else None

    def whole(self, name: str) -> int:
        """A whole number that must be there."""
        found = self.whole_or_none(name)
        if found is None:
            raise missing(name)
        return found

    def whole_or_none(self, name: str) -> int | None:
        """A whole number that may be there."""
        found = self._params.get(name)
        if not found:
            return None
        if not _WHOLE.match(found):
            raise _illegal(name, r"^[0-9]{1,20}$")
        return int(found)

    def decimal(self, name: str) -> Decimal:
        """A number that must be there."""
        found = self.decimal_or_none(name)
        if found is None:
            raise missing(name)
        return found

    def decimal_or_none(self, name: str) -> Decimal | None:
        """A number that may be there; its decimals stay as sent."""
        found = self._params.get(name)
        if not found:
            return None
        if not _NUMBER.match(found):
            raise _illegal(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
        return Decimal(found)

    def flag(self, name: str) -> bool:
        """true or false, which must be there."""
        found = self.flag_or_none(name)
        if found is None:
            raise missing(name)
        return found

    def flag_or_none(self, name: str) -> bool | None:
        """true or false, which may be there."""
        found = self._params.get(name)
        if not found:
            return None
        if found.lower() not in ("true", "false"):
            raise Refused(-1130, f"Data sent for parameter '{name}' is not valid.")
        return found.lower() == "true"

    def limit(self, otherwise: int, most: int) -> int:
        """`limit`, kept within what the endpoint gives at once."""
        limit = self.whole_or_none("limit")
        if limit is None:
            return otherwise
        if not 0 < limit <= most:
            raise Refused(-1130, "Data sent for parameter 'limit' is not valid.")
        return limit

    def rows(self, *names: str) -> list[Any] | None:
        """A JSON list under the first of several spellings of its name."""
        found = next((self._params[name] for name in names if self._params.get(name)), None)
        if found is None:
            return None
        try:
            rows = json.loads(found)
        except ValueError:
            rows = None
        if not isinstance(rows, list):
            raise Refused(-1130, f"Data sent for parameter '{names[0]}' is not valid.")
        return rows


def missing(name: str) -> Refused:
    """-1102."""
    return Refused(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def _illegal(name: str, legal: str) -> Refused:
    return Refused(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")
