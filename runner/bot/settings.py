"""An indicator's settings against its record in the registry.

In: a kind and its settings as written. Out: whether they can be; all of them as numbers, defaults filled
in. Refuses to know: how the indicator is computed, places, the rest of the document. Ranges come from
`indicators.REGISTRY`."""

from collections.abc import Mapping
from typing import Any

from indicators.registry import INPUTS, REGISTRY, Parameter
from runner.bot.leaves import read_setting

OWN_KEYS = ("kind", "input", "timeframe")


def read_use(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The flat keys of YAML sorted into our own and the kind's settings; ValueError for what cannot be."""
    indicator = REGISTRY.get(str(plain.get("kind")))
    if indicator is None:
        raise ValueError("no such kind")
    if "input" in plain and (indicator.inputs != ("input",) or plain["input"] not in INPUTS):
        raise ValueError("no such input")
    known = {parameter.name: parameter for parameter in indicator.parameters}
    written = {key: plain[key] for key in plain if key not in OWN_KEYS}
    if not written.keys() <= known.keys():
        raise ValueError("unknown setting")
    for name, parameter in known.items():
        if name not in written and parameter.default is None:
            raise ValueError("missing setting")
    settings = {name: _setting(written[name], known[name]) for name in written}
    return {**{key: plain[key] for key in OWN_KEYS if key in plain}, "settings": settings}


def settings_of(
    kind: str, settings: Mapping[str, float | str], numbers: Mapping[str, float]
) -> dict[str, float]:
    """Every setting of the kind as a number; `numbers` holds the document's parameters by name."""
    filled: dict[str, float] = {}
    for parameter in REGISTRY[kind].parameters:
        written = settings.get(parameter.name, parameter.default)
        assert written is not None
        number = numbers[written[1:]] if isinstance(written, str) else written
        filled[parameter.name] = int(number) if parameter.whole else float(number)
    return filled


def fault_of(number: float, parameter: Parameter) -> str | None:
    """Why a number cannot be this setting, as the end of a sentence; None when it can."""
    if parameter.whole and number != int(number):
        return "must be a whole number"
    if number < parameter.minimum:
        return f"must be at least {parameter.minimum:g}"
    if number > parameter.maximum:
        return f"must be at most {parameter.maximum:g}"
    return None


def _setting(plain: Any, parameter: Parameter) -> float | str:
    written = read_setting(plain)
    if isinstance(written, str):
        return written
    if fault_of(written, parameter):
        raise ValueError("out of range")
    return int(written) if parameter.whole else float(written)
