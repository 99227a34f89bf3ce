"""Numbers with units as a bot document spells them: `0.75%`, `5 bps`, `1.5R`, `500 USDT`, `480 bars`, `12h`.

In: text. Out: frozen values whose `str()` is the canonical spelling, or None when the text is no such
spelling. Refuses to know: YAML, places in a file, which unit belongs where, what to tell the author.
Numbers: decimal text is scaled as text, so `0.050%` and `5 bps` are one float, and spelling it back loses
nothing."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from runner.domain.time import DAY_MS, HOUR_MS, MINUTE_MS

# Patterns are shared with the JSON Schema, so they keep to what ECMAScript and Python read alike.
# Digits are limited: nothing that matches can overflow to infinity.
_NUMBER = r"[0-9]{1,15}(\.[0-9]{1,15})?"
_COUNT = r"[1-9][0-9]{0,5}"
RATIO_PATTERN = rf"^{_NUMBER} ?(%|bps)$"
EQUITY_RATIO_PATTERN = rf"^{_NUMBER} ?% of equity$"
R_PATTERN = rf"^{_NUMBER} ?R$"
MONEY_PATTERN = rf"^{_NUMBER} ?USDT$"
QUANTITY_PATTERN = rf"^{_NUMBER} ?[A-Z0-9]{{0,14}}[A-Z]$"
BARS_PATTERN = rf"^{_COUNT} ?bars?$"
DURATION_PATTERN = rf"^{_COUNT} ?[mhd]$"
STREAK_PATTERN = r"^([2-9]|[1-9][0-9]) losses in a row$"
INSTANT_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}Z)?$"

_DURATION_MS = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}


@dataclass(frozen=True, slots=True)
class Ratio:
    """A share of something: `2%`, `20 bps`; 0.02 in Python."""

    ratio: float

    def __str__(self) -> str:
        return f"{shifted(self.ratio, 2)}%"


@dataclass(frozen=True, slots=True)
class EquityRatio:
    """A share of equity, said as such: `0.75% of equity`."""

    ratio: float

    def __str__(self) -> str:
        return f"{shifted(self.ratio, 2)}% of equity"


@dataclass(frozen=True, slots=True)
class RMultiple:
    """A multiple of the first stop's distance: `1.5R`."""

    r: float

    def __str__(self) -> str:
        return f"{shifted(self.r, 0)}R"


@dataclass(frozen=True, slots=True)
class Money:
    """`500 USDT`."""

    usdt: float

    def __str__(self) -> str:
        return f"{shifted(self.usdt, 0)} USDT"


@dataclass(frozen=True, slots=True)
class Quantity:
    """So much of an asset: `0.01 BTC`."""

    quantity: float
    asset: str

    def __str__(self) -> str:
        return f"{shifted(self.quantity, 0)} {self.asset}"


@dataclass(frozen=True, slots=True)
class BarCount:
    """`480 bars` of the bot's own timeframe, one or more."""

    bars: int

    def __str__(self) -> str:
        return f"{self.bars} bar" if self.bars == 1 else f"{self.bars} bars"


@dataclass(frozen=True, slots=True)
class Duration:
    """`30m`, `12h`, `2d`; spelled in the largest unit that divides it."""

    ms: int

    def __str__(self) -> str:
        for unit, unit_ms in (("d", DAY_MS), ("h", HOUR_MS)):
            if self.ms % unit_ms == 0:
                return f"{self.ms // unit_ms}{unit}"
        return f"{self.ms // MINUTE_MS}m"


@dataclass(frozen=True, slots=True)
class LossStreak:
    """`3 losses in a row`, two or more."""

    losses: int

    def __str__(self) -> str:
        return f"{self.losses} losses in a row"


@dataclass(frozen=True, slots=True)
class Instant:
    """`2024-01-01` (the whole UTC day) or `2024-01-01T08:00Z`; `ms` is the first instant of it."""

    ms: int
    whole_day: bool

    @property
    def stop_ms(self) -> int:
        """The instant as the end of a range, exclusive: a date alone takes its whole day in."""
        return self.ms + DAY_MS if self.whole_day else self.ms

    def __str__(self) -> str:
        moment = datetime.fromtimestamp(self.ms / 1000, UTC)
        return f"{moment:%Y-%m-%d}" if self.whole_day else f"{moment:%Y-%m-%dT%H:%MZ}"


def parse_ratio(text: str) -> Ratio | None:
    """`2%`, `2 %`, `20 bps`, `20bps`."""
    match = re.match(RATIO_PATTERN, text.strip())
    if not match:
        return None
    power = -2 if match[2] == "%" else -4
    return Ratio(_scaled(text, power))


def parse_equity_ratio(text: str) -> EquityRatio | None:
    """`0.75% of equity`."""
    return EquityRatio(_scaled(text, -2)) if re.match(EQUITY_RATIO_PATTERN, text.strip()) else None


def parse_r(text: str) -> RMultiple | None:
    """`1.5R`."""
    return RMultiple(_scaled(text, 0)) if re.match(R_PATTERN, text.strip()) else None


def parse_money(text: str) -> Money | None:
    """`500 USDT`."""
    return Money(_scaled(text, 0)) if re.match(MONEY_PATTERN, text.strip()) else None


def parse_quantity(text: str) -> Quantity | None:
    """`0.01 BTC`. Without a space the digits up to the first letter are the number: write `1 1000PEPE` with
    one.
    """
    stripped = text.strip()
    if not re.match(QUANTITY_PATTERN, stripped):
        return None
    number, _, asset = stripped.partition(" ")
    if not asset:
        digits = _leading_number(stripped)
        number, asset = digits, stripped[len(digits) :]
    return Quantity(float(number), asset)


def parse_bars(text: str) -> BarCount | None:
    """`480 bars`, `1 bar`."""
    return BarCount(int(_leading_number(text))) if re.match(BARS_PATTERN, text.strip()) else None


def parse_duration(text: str) -> Duration | None:
    """`30m`, `12h`, `2d`."""
    stripped = text.strip()
    if not re.match(DURATION_PATTERN, stripped):
        return None
    return Duration(int(_leading_number(stripped)) * _DURATION_MS[stripped[-1]])


def parse_streak(text: str) -> LossStreak | None:
    """`3 losses in a row`."""
    return LossStreak(int(_leading_number(text))) if re.match(STREAK_PATTERN, text.strip()) else None


def parse_instant(text: str) -> Instant | None:
    """A date or a UTC minute; None also for days that do not exist (2024-02-30)."""
    stripped = text.strip()
    if not re.match(INSTANT_PATTERN, stripped):
        return None
    whole_day = "T" not in stripped
    try:
        moment = datetime.strptime(stripped.removesuffix("Z"), "%Y-%m-%d" if whole_day else "%Y-%m-%dT%H:%M")
    except ValueError:
        return None
    since_epoch = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return Instant(since_epoch.days * DAY_MS + since_epoch.seconds * 1000, whole_day)


def shifted(number: float, places: int) -> str:
    """The shortest decimal text that reads back as `number`, its point moved right by `places`; never an
    exponent.
    """
    mantissa, _, exponent = repr(float(number)).partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = whole + fraction
    point = len(whole) + int(exponent or 0) + places
    if point <= 0:
        digits, point = "0" * (1 - point) + digits, 1
    digits = digits.ljust(point, "0")
    whole, fraction = digits[:point].lstrip("0") or "0", digits[point:].rstrip("0")
    text = f"{whole}.{fraction}" if fraction else whole
    return text if text == "0" else sign + text


def _leading_number(text: str) -> str:
    match = re.match(_NUMBER, text.strip())
    return match[0] if match else ""


def _scaled(text: str, power: int) -> float:
    """The leading number times ten to the `power`, rounded once."""
    return float(f"{_leading_number(text)}e{power}")
