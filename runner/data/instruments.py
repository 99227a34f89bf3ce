"""The rules of an instrument: those imported into the candle store, else those shipped with the program.

In: a symbol and the store's root. Out: increments, floors, brackets, and a sentence on their origin.
Refuses to know: who asks. A bot and the report on it must be told the same, so both ask here.
"""

from pathlib import Path

from runner.data.home import candles_root
from runner.data.rules import StoredRules, read_rules, said_time
from runner.data.shipped import Rules, shipped_rules


def instrument_for(symbol: str, root: Path | None = None) -> Rules:
    """The rules of a symbol in either spelling; what was never imported comes from the shipped defaults.

    `root` is the candle store's; without it, that of RUNNER_HOME. DataDamaged when stored rules are broken.
    """
    shipped = shipped_rules(symbol)
    stored = read_rules(root if root is not None else candles_root(), symbol)
    if stored is None:
        return shipped
    instrument = stored.instrument if stored.instrument is not None else shipped.instrument
    brackets = stored.brackets if stored.brackets is not None else shipped.brackets
    return Rules(instrument, brackets, _origin(stored, shipped))


def _origin(stored: StoredRules, shipped: Rules) -> str:
    """`as imported, 2026-11-05 10:00 UTC`, and which half is not."""
    instrument, brackets = said_time(stored.instrument_as_of_ms), said_time(stored.brackets_as_of_ms)
    if stored.brackets is None:
        return (
            f"tick, step, minimums and liquidation fee as imported, {instrument}; brackets: {shipped.source}"
        )
    if stored.instrument is None:
        return f"brackets as imported, {brackets}; all else: {shipped.source}"
    return f"as imported, {instrument}" + ("" if instrument == brackets else f" (brackets {brackets})")
