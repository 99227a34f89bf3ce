"""What every part of a document is: frozen, nothing unknown, short forms written out.

In: a plain tree or a short text. Out: the base of all pydantic models. Refuses to know: any key.
"""

import re
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, model_validator

Timeframe = Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"]


class Part(BaseModel):
    """Frozen, nothing unknown, and a key that is written says something: null is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, populate_by_name=True)

    short_form: ClassVar[tuple[str, str] | None] = (
        None  # a bare text stands for this field, when the pattern fits
    )

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, plain: Any) -> Any:
        if isinstance(plain, str) and cls.short_form and re.match(cls.short_form[1], plain):
            return {cls.short_form[0]: plain}
        if isinstance(plain, dict) and None in plain.values():
            raise ValueError("a key without content")
        return plain
