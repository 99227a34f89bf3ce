"""The records of REGISTRY against the functions they name: nothing in them may be wrong or missing."""

import inspect
import re
import subprocess
import sys

import numpy as np
import pytest
from indicator_bars import CASES, Settings, load_compiled, settings_of

from indicators import INPUTS, REGISTRY, compute

KINDS = sorted(REGISTRY)
BAR_COLUMNS = {"open", "high", "low", "close", "volume"}


def test_the_first_dozen_is_there() -> None:
    dozen = "sma ema rsi atr adx macd bollinger donchian supertrend stochastic roc obv"
    assert REGISTRY.keys() >= set(dozen.split(" "))


def test_importing_the_registry_does_not_import_numpy() -> None:
    code = "import sys; from indicators import REGISTRY; REGISTRY['ema'].memory_bars({'length': 9}); "
    code += "print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("kind", KINDS)
def test_the_docstring_tells_formula_source_shapes_unit_and_nan(kind: str) -> None:
    text = inspect.getdoc(compute(kind)) or ""
    labels = re.findall(r"^(Formula|Source|Shapes|Unit|NaN):\s+\S", text, re.MULTILINE)
    assert labels == ["Formula", "Source", "Shapes", "Unit", "NaN"]
    assert REGISTRY[kind].source in text
    assert "(n,)" in text
    for output in REGISTRY[kind].outputs:
        assert output.name in text.lower()
        assert ("the input's" if output.unit == "input" else output.unit) in text.partition("Unit:")[2]


@pytest.mark.parametrize("kind", KINDS)
def test_the_record_is_named_and_placed_as_its_function(kind: str) -> None:
    record = REGISTRY[kind]
    assert record.kind == kind
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,31}", kind)
    assert record.compute == f"{record.family}:{kind}"
    assert compute(kind).__module__ == f"indicators.{record.family}"
    assert record.version >= 1
    assert record.source.startswith("https://")
    assert record.summary
    assert record.formula


@pytest.mark.parametrize("kind", KINDS)
def test_the_function_takes_the_inputs_in_order_and_the_parameters_by_name(kind: str) -> None:
    record = REGISTRY[kind]
    arguments = inspect.signature(compute(kind)).parameters.values()
    columns = [argument.name for argument in arguments if argument.kind is argument.POSITIONAL_OR_KEYWORD]
    names = [argument.name for argument in arguments if argument.kind is argument.KEYWORD_ONLY]
    assert names == [parameter.name for parameter in record.parameters]
    if record.inputs == ("input",):
        assert len(columns) == 1
    else:
        assert tuple(columns) == record.inputs
        assert set(columns) <= BAR_COLUMNS


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_plain_and_single_and_limits_hold_the_default(kind: str) -> None:
    record = REGISTRY[kind]
    for things in (record.parameters, record.outputs):
        names = [thing.name for thing in things]
        assert len(names) == len(set(names)) > 0
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)
        assert all(thing.description for thing in things)
    reserved = {"kind", "input", "timeframe"}  # keys of the document beside the parameters
    assert not reserved & {parameter.name for parameter in record.parameters}
    for parameter in record.parameters:
        assert parameter.minimum <= parameter.maximum
        if parameter.default is not None:
            assert parameter.minimum <= parameter.default <= parameter.maximum
    assert {output.unit for output in record.outputs} <= {
        "price",
        "ratio",
        "index",
        "volume",
        "number",
        "input",
    }
    if record.inputs != ("input",):
        assert all(output.unit != "input" for output in record.outputs)


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_memory_is_never_shorter_than_the_warm_up(kind: str, settings: Settings) -> None:
    warmup, memory = REGISTRY[kind].warmup_bars(settings), REGISTRY[kind].memory_bars(settings)
    assert type(warmup) is int
    assert type(memory) is int
    assert 0 <= warmup <= memory


@pytest.mark.parametrize("kind", KINDS)
def test_whole_settings_may_be_written_as_floats(kind: str) -> None:
    settings = settings_of(kind)
    column = np.linspace(1.0, 2.0, 80)
    columns = [column] * len(REGISTRY[kind].inputs)
    plain = compute(kind)(*columns, **settings)
    floats = compute(kind)(*columns, **{name: float(number) for name, number in settings.items()})
    for left, right in zip(plain, floats, strict=True):
        assert left.tobytes() == right.tobytes()


def test_an_ema_forgets_its_start_as_slowly_as_its_formula_says() -> None:
    memory = REGISTRY["ema"].memory_bars({"length": 3000})
    assert (1 - 2 / 3001) ** memory <= 1e-13 < (1 - 2 / 3001) ** (memory - 1)
    assert REGISTRY["ema"].memory_bars({"length": 1}) == 0


def test_the_default_input_comes_first() -> None:
    assert INPUTS[0] == "close"
    assert set(INPUTS) == BAR_COLUMNS | {"hl2", "hlc3", "ohlc4"}


def test_an_unknown_kind_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="emma"):
        compute("emma")


def test_the_package_under_another_name_stands_on_its_own() -> None:
    package = load_compiled()
    assert package.REGISTRY is not REGISTRY
    assert package.compute("ema").__module__ == f"{package.__name__}.averages"
    assert sys.modules["indicators.averages"].ema is compute("ema")
