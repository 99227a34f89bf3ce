"""Identity: what changes the hash and what does not; the resolved document; parameters set from outside."""

import json

import pytest
from bot_documents import FULL, SMALL, changed
from hypothesis import given
from hypothesis import strategies as st

from runner.bot.canonical import apply_overrides, bot_hash, resolve
from runner.bot.load import load_document
from runner.bot.model import Document
from runner.bot.read import read_bot
from runner.bot.write import scalar, write_yaml
from runner.compiler.expression import identity, spelling


def document_of(text: str) -> Document:
    document, problems, _ = read_bot(text)
    assert document is not None
    assert not [problem for problem in problems if problem.severity == "error"], problems
    return document


def hash_of(text: str) -> str:
    return bot_hash(document_of(text), identity)


SAME = [
    ("exit:\n  stop_loss: 2%", "exit:\n  stop_loss: {trigger: mark, distance: 2.00 %}"),
    ("stop_loss: 2%", "stop_loss: 200 bps"),
    ("symbol: BTC/USDT:USDT", "symbol: BTCUSDT"),
    ("long: close crosses above fast", "long: [close   crosses above fast]"),
    ("long: close crosses above fast", "long:\n    all:\n      - crossover(close, fast)"),
    ("long: close crosses above fast", 'long: "close crosses above fast"'),
    ("length: 9", "input: close, length: 9.0"),
    ("name: small", "name: small\ndescription: a bot"),
    ("name: small", "name: small  # a bot"),
    ("leverage: 3", "margin: isolated, leverage: 3"),
    ("limits:", "costs: {maker: 2 bps, slippage: {fixed: 0.02%}}\nlimits:"),
    ("limits:", "backtest: {from: 2024-01-01, to: 2024-02-01, capital: 10000.0 USDT}\nlimits:"),
    ("size:\n  equity: 50%\n", ""),  # moved to the end
]


@pytest.mark.parametrize(("old", "new"), SAME)
def test_another_spelling_has_the_same_hash(old: str, new: str) -> None:
    text = changed(SMALL, old, new) + ("" if new else old)
    assert hash_of(text) == hash_of(SMALL)


DIFFERENT = [
    ("stop_loss: 2%", "stop_loss: 2.1%"),
    ("stop_loss: 2%", "stop_loss: {distance: 2%, trigger: last}"),
    ("leverage: 3", "leverage: 4"),
    ("length: 9", "length: 10"),
    ("length: 9", "length: 9, input: open"),
    ("length: 9", "length: 9, timeframe: 1h"),
    ("kind: ema", "kind: sma"),
    ("timeframe: 15m", "timeframe: 5m"),
    ("long: close", "short: close"),
    ("above fast", "below fast"),
    ("equity: 50%", "notional: 500 USDT"),
    ("max: 3% of equity", "max: 3% of equity, then: block"),
    ("name: small", "name: other"),
    ("limits:", "costs: {taker: 4 bps}\nlimits:"),
    ("limits:", "backtest: {capital: 500 USDT}\nlimits:"),
    ("limits:", "backtest: {limit_fill: touch}\nlimits:"),
    ("limits:", "limits:\n  trades_per_day: 3"),
]


@pytest.mark.parametrize(("old", "new"), DIFFERENT)
def test_another_bot_has_another_hash(old: str, new: str) -> None:
    assert hash_of(changed(SMALL, old, new)) != hash_of(SMALL)


def test_the_order_of_conditions_that_hold_together_does_not_matter() -> None:
    ways = ["[trending, close > ema_fast]", "[close > ema_fast, trending]"]
    texts = [changed(FULL, "  long:  ema_fast crosses below ema_slow", f"  long: {way}") for way in ways]
    assert len({hash_of(text) for text in texts}) == 1


def test_a_parameter_counts_with_its_number_and_not_with_its_range() -> None:
    wider = changed(FULL, "{default: 21, min: 8,  max: 34}", "{default: 21, min: 5, max: 50}")
    other = changed(FULL, "{default: 21, min: 8,  max: 34}", "{default: 22, min: 8, max: 34}")
    assert hash_of(wider) == hash_of(FULL)
    assert hash_of(other) != hash_of(FULL)


def test_an_override_has_the_hash_of_the_same_default() -> None:
    overridden, problems = apply_overrides(document_of(FULL), {"fast": 13})
    assert problems == []
    written = changed(FULL, "default: 21", "default: 13")
    assert bot_hash(overridden, identity) == hash_of(written)
    assert overridden.settings("ema_fast") == {"length": 13}


OVERRIDES = [
    ({"fats": 13}, "unknown parameter 'fats'", "did you mean 'fast'?"),
    ({"fast": 40}, "'fast' must be from 8 to 34; this is 40", "from 8 to 34"),
    ({"fast": 13.5}, "'fast' must be a whole number; this is 13.5", "from 8 to 34"),
    ({"fast": "x"}, "'fast' must be a number; this is x", "from 8 to 34"),
    ({"fast": "nan"}, "'fast' must be a number; this is nan", "from 8 to 34"),
    ({"fast": float("inf")}, "'fast' must be a number; this is inf", "from 8 to 34"),
]


@pytest.mark.parametrize(("numbers", "message", "hint"), OVERRIDES)
def test_what_cannot_be_set_is_a_problem(numbers: dict[str, float | str], message: str, hint: str) -> None:
    document = document_of(FULL)
    unchanged, problems = apply_overrides(document, numbers)
    assert [problem.message for problem in problems] == [message]
    assert hint in problems[0].hint
    assert unchanged == document


@pytest.mark.parametrize("text", [SMALL, FULL], ids=["small", "full"])
@pytest.mark.parametrize("spell", [spelling, identity], ids=["spelling", "identity"])
def test_the_resolved_document_reads_back_to_the_same(text: str, spell) -> None:  # type: ignore[no-untyped-def]
    resolved = resolve(document_of(text), spell)
    written = write_yaml(resolved)
    assert resolve(document_of(written), spell) == resolved
    assert hash_of(written) == hash_of(text)
    json.dumps(resolved, allow_nan=False)


def test_the_resolved_document_holds_every_default() -> None:
    written = write_yaml(resolve(document_of(SMALL), spelling))
    for line in (
        "margin: isolated",
        "fast: {kind: ema, length: 9, input: close}",
        "order: {type: market}",
        "stop_loss: {distance: 2%, trigger: mark}",
        "daily_loss: {max: 3% of equity, then: flatten}",
        "taker: 0.05%",
        "slippage: {fixed: 0.02%, impact: 0}",
        "capital: 10000 USDT",
        "limit_fill: through",
    ):
        assert line in written


@given(st.text(max_size=40))
def test_any_text_is_written_so_that_it_reads_back(text: str) -> None:
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in text):
        return
    for written in (f"a: {scalar(text, inside=False)}\n", f"a: [{scalar(text, inside=True)}, b]\n"):
        loaded = load_document(written, "x")
        read = loaded.tree and loaded.tree["a"]
        hidden = [problem for problem in loaded.problems if problem.code != "yaml/character"]
        assert hidden == []
        assert text == (read[0] if isinstance(read, list) else read)
