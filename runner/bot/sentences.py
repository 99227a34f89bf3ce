"""One sentence of ours for every way in which the JSON Schema can refuse a document.

In: an error of the validator (keyword, path, instance, schema). Out: problems with code, sentence, hint and
place. Refuses to know: the library's own message, which is never read. `SENTENCES` has an entry for every
keyword in use; a test holds that."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema.exceptions import ValidationError

from runner.bot.load import described
from runner.bot.problem import Path, Problem, did_you_mean, dotted, error, nearest
from runner.bot.source import Source
from runner.bot.spelling import suggestions
from runner.domain.units import QUANTITY_PATTERN

# Words that other tools use for our keys.
SYNONYMS = {
    "amount": "quantity",
    "commission": "costs",
    "fees": "costs",
    "filters": "conditions",
    "interval": "timeframe",
    "pair": "symbol",
    "params": "parameters",
    "period": "length",
    "periods": "length",
    "position_size": "size",
    "qty": "quantity",
    "rules": "entry",
    "sl": "stop_loss",
    "source": "input",
    "std": "deviations",
    "stddev": "deviations",
    "stoploss": "stop_loss",
    "tf": "timeframe",
    "ticker": "symbol",
    "tp": "take_profit",
    "ttl": "expires",
    "type": "kind",
    "window": "length",
}
_TYPE_WORDS = {
    "object": "keys of its own",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
_YES_NO = {"yes": "true", "on": "true", "no": "false", "off": "false", "y": "true", "n": "false"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One refusal: the error, where it is, and the document around it. `homes` maps a key to the paths it
    belongs to.
    """

    refusal: ValidationError
    path: Path
    source: Source
    homes: Mapping[str, tuple[str, ...]]

    @property
    def instance(self) -> Any:
        return self.refusal.instance

    @property
    def demand(self) -> Any:
        """What the keyword asks for."""
        return self.refusal.validator_value

    @property
    def schema(self) -> Mapping[str, Any]:
        return self.refusal.schema if isinstance(self.refusal.schema, dict) else {}

    @property
    def name(self) -> str:
        return dotted(self.path) or "the document"

    def at_content(self, code: str, message: str, hint: str) -> Problem:
        return error(code, message, self.source.span(self.path), hint=hint, path=self.path)

    def at_key(self, code: str, message: str, hint: str, *, key: str | None = None) -> Problem:
        path = self.path if key is None else (*self.path, key)
        return error(code, message, self.source.key_span(path), hint=hint, path=path)


def explain(fault: Fault) -> Iterator[Problem]:
    """The problems behind one refusal; one refusal can name several unknown or missing keys."""
    yield from SENTENCES[str(fault.refusal.validator)](fault)


def _unknown_keys(fault: Fault) -> Iterator[Problem]:
    known = list(fault.schema.get("properties", {}))
    unknown = [key for key in fault.instance if key not in known]
    for key in unknown:
        free = [name for name in known if name not in fault.instance]
        where = f" in '{dotted(fault.path)}'" if fault.path else ""
        yield fault.at_key(
            "schema/unknown-key", f"unknown key '{key}'{where}", _known_hint(key, free, fault), key=key
        )


def _known_hint(key: str, free: list[str], fault: Fault) -> str:
    meant = nearest(key, free)
    synonym = SYNONYMS.get(key.lower())
    if synonym in free:
        meant = synonym
    if meant:
        return f"did you mean '{meant}'?"
    if synonym in fault.schema.get("properties", {}):
        return f"remove it: '{synonym}' says the same, and is here already"
    homes = fault.homes.get(key) or fault.homes.get(synonym or "")
    if homes and dotted(fault.path) not in homes:
        name = key if key in fault.homes else synonym
        return f"'{name}' belongs in '{homes[0]}'" if homes[0] else f"'{name}' belongs at the left margin"
    return did_you_mean(key, free) or "remove it"


def _missing_keys(fault: Fault) -> Iterator[Problem]:
    for key in fault.demand:
        if key not in fault.instance:
            about = fault.schema.get("properties", {}).get(key, {}).get("description", "")
            hint = f"add '{key}: …'" + (f" ({about[0].lower()}{about[1:].rstrip('.')})" if about else "")
            where = f" in '{dotted(fault.path)}'" if fault.path else ""
            place = fault.source.key_span(fault.path)
            yield error(
                "schema/missing", f"'{key}' is missing{where}", place, hint=hint, path=(*fault.path, key)
            )


def _none_of(fault: Fault) -> Iterator[Problem]:
    keys = [choice["required"][0] for choice in fault.demand]
    listed = ", ".join(f"'{key}'" for key in keys[:-1]) + f" or '{keys[-1]}'"
    about = "; ".join(fault.schema["properties"][key].get("description", key).rstrip(".") for key in keys[:2])
    yield fault.at_key(
        "schema/missing", f"{listed} is missing in '{fault.name}'", f"add one of them ({about})"
    )


def _not_here(fault: Fault) -> Iterator[Problem]:
    """`not` refuses a key of a later version, or one beside a key that excludes it (named in the schema's
    path).
    """
    steps = list(fault.refusal.absolute_schema_path)
    if "dependencies" not in steps:
        message = f"'{fault.name}' comes in a later version of the language"
        yield fault.at_key("schema/not-yet", message, "remove the key")
        return
    other = str(steps[steps.index("dependencies") + 1])
    key, group = fault.path[-1], dotted(fault.path[:-1])
    message = f"'{key}' cannot stand beside '{other}' in '{group}'"
    yield fault.at_key("schema/one-of", message, "keep one of the two")


def _wrong_type(fault: Fault) -> Iterator[Problem]:
    instance, schema = fault.instance, fault.schema
    types = fault.demand
    types = [types] if isinstance(types, str) else list(types)
    said = schema.get("errorMessage", "")
    if instance is None:
        hint = said or "write its content, or remove the key"
        yield fault.at_key("schema/empty", f"'{fault.name}' is empty", hint)
        return
    if isinstance(instance, int | float) and not isinstance(instance, bool) and schema.get("x-unit"):
        yield _unit_problem(fault, said)
        return
    if "boolean" in types and isinstance(instance, str):
        word = _YES_NO.get(instance.lower())
        yield fault.at_content(
            "schema/type",
            f"'{instance}' is not true or false",
            f"write {word}" if word else "write true or false",
        )
        return
    wanted = " or ".join(_TYPE_WORDS[name] for name in types if name in _TYPE_WORDS)
    hint = said or _number_hint(instance, types) or f"write {wanted}"
    if types == ["array"]:
        hint = "start each entry with '- '"
    yield fault.at_content(
        "schema/type", f"'{fault.name}' takes {wanted}; this is {described(instance)}", hint
    )


def _number_hint(instance: Any, types: list[str]) -> str:
    if isinstance(instance, float) and "integer" in types:
        return f"write {round(instance)}"
    if isinstance(instance, str) and ("number" in types or "integer" in types):
        digits = instance.replace("_", "").replace(",", "").rstrip("%xX ")
        return f"write {digits}" if digits.replace(".", "", 1).isdigit() else ""
    return ""


def _unit_problem(fault: Fault, said: str) -> Problem:
    schema = fault.schema
    meant = suggestions(fault.instance, schema["pattern"]) if "patternErrorMessage" in schema else []
    if schema.get("pattern") == QUANTITY_PATTERN:
        meant = []  # any word could be an asset
    hint = f"write {' or '.join(meant)}" if meant else said or "write it as text"
    return fault.at_content("schema/unit", f"{fault.instance} has no unit", hint)


def _wrong_text(fault: Fault) -> Iterator[Problem]:
    steps = list(fault.refusal.absolute_schema_path)
    said = fault.schema.get("patternErrorMessage", "")
    if "propertyNames" in steps:
        meant = suggestions(fault.instance, fault.demand)
        hint = f"write '{meant[0]}'; {said}" if meant else said
        key = str(fault.instance)
        yield fault.at_key("schema/name", f"'{key}' cannot be a name", hint, key=key)
        return
    text = fault.instance if len(fault.instance) <= 60 else fault.instance[:57] + "…"
    if not fault.instance.strip():
        yield fault.at_content(
            "schema/empty", f"'{fault.name}' is empty", fault.schema.get("errorMessage", said)
        )
        return
    meant = suggestions(fault.instance, fault.demand)
    hint = f"did you mean '{meant[0]}'? {said}" if meant else said
    code = "schema/name" if fault.path == ("name",) else "schema/unit"
    yield fault.at_content(code, f"'{fault.name}' cannot be '{text}'", hint)


def _not_a_choice(fault: Fault) -> Iterator[Problem]:
    choices = [str(choice) for choice in (fault.demand if isinstance(fault.demand, list) else [fault.demand])]
    instance = fault.instance
    if instance is None:
        yield fault.at_key(
            "schema/empty", f"'{fault.name}' is empty", f"write one of: {', '.join(choices[:12])}"
        )
        return
    shown = described(instance) if not isinstance(instance, str) else f"'{instance[:60]}'"
    hint = did_you_mean(str(instance)[:60], choices)
    yield fault.at_content("schema/enum", f"{shown} is not allowed here", hint)


def _out_of_range(fault: Fault) -> Iterator[Problem]:
    low, high = fault.schema.get("minimum"), fault.schema.get("maximum")
    if fault.path == ("version",):
        yield fault.at_content("schema/version", f"version {fault.instance} is not known", "write 1")
        return
    side = "at least" if fault.refusal.validator == "minimum" else "at most"
    message = f"'{fault.name}' must be {side} {fault.demand}; this is {fault.instance}"
    yield fault.at_content("schema/range", message, f"write a number from {low} to {high}")


def _wrong_length(fault: Fault) -> Iterator[Problem]:
    keyword, limit = str(fault.refusal.validator), fault.demand
    what = {"Length": "characters", "Items": "entries", "Properties": "entries"}[keyword[3:]]
    if keyword.startswith("min"):
        hint = fault.schema.get("errorMessage", "write at least one entry, or remove the key")
        yield fault.at_key("schema/empty", f"'{fault.name}' is empty", hint)
        return
    if "{all:" in fault.schema.get("errorMessage", "") and keyword == "maxProperties":
        message = f"'{fault.name}' takes one of all, any and not; this has {len(fault.instance)} keys"
        yield fault.at_content("schema/one-of", message, "put them into a list: {all: […, {any: […]}]}")
        return
    message = f"'{fault.name}' has {len(fault.instance)} {what}; at most {limit} are allowed"
    yield fault.at_key(
        "schema/too-many", message, f"keep {limit} of them" if what == "entries" else "shorten it"
    )


SENTENCES: dict[str, Callable[[Fault], Iterator[Problem]]] = {
    "additionalProperties": _unknown_keys,
    "anyOf": _none_of,
    "const": _not_a_choice,
    "enum": _not_a_choice,
    "maxItems": _wrong_length,
    "maxLength": _wrong_length,
    "maxProperties": _wrong_length,
    "maximum": _out_of_range,
    "minItems": _wrong_length,
    "minLength": _wrong_length,
    "minProperties": _wrong_length,
    "minimum": _out_of_range,
    "not": _not_here,
    "pattern": _wrong_text,
    "required": _missing_keys,
    "type": _wrong_type,
}
