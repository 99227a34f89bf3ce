"""`runner data export` and `runner data remove`: rows out of the store, into a file or away.

In: a symbol, a series, a range. Out: what was written or removed, as text or JSON.
Refuses to know: how rows are stored, or files written.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli.series_text import key_record, print_json
from runner.errors import DataMissing, UsageError

if TYPE_CHECKING:
    from runner.data.layout import SeriesKey

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON (version 1) instead of text.")


@click.command("export")
@click.argument("symbol")
@click.option("--timeframe", help="Which bars, such as 15m.  [default: the shortest stored]")
@click.option(
    "--kind",
    type=click.Choice(["last", "mark", "funding"]),
    default="last",
    help="Last prices, mark prices or funding.  [default: last]",
)
@click.option("--from", "begin", metavar="DATE", help="First day or minute, UTC.  [default: the first row]")
@click.option(
    "--to", "end", metavar="DATE", help="Last day (inclusive) or minute, UTC.  [default: the last row]"
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["parquet", "csv"]),
    help="[default: what --out ends in, else parquet]",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="The file.  [default: such as BTCUSDT-perp-1m.parquet]"
)
@click.option("--replace", is_flag=True, help="Overwrite the file if it exists.")
@_as_json
def export(
    symbol: str,
    timeframe: str | None,
    kind: Any,
    begin: str | None,
    end: str | None,
    form: Any,
    out: Path | None,
    replace: bool,
    as_json: bool,
) -> None:
    """Export one stored series to a Parquet or CSV file that `runner data import` takes.

    \b
    runner data export BTC/USDT:USDT --timeframe 1m --from 2024-01-01
    runner data export BTCUSDT --kind funding --out funding.csv

    Times are UTC milliseconds. Missing bars are missing in the file too.
    """
    from runner.cli.run import wanted_range
    from runner.data.home import candles_root
    from runner.data.keeping import export_name, export_series
    from runner.domain.time import format_time

    span = wanted_range(begin, end)
    root = candles_root()
    key = _one_key(root, symbol, timeframe, kind)
    form = _form(form, out)
    path = out if out is not None else Path(export_name(root, key, form))
    done = export_series(root, key, path, form, span=(span.start_ms, span.stop_ms), replace=replace)
    if as_json:
        print_json(
            {
                **key_record(key),
                "file": str(path),
                "format": form,
                "venue": done.venue,
                "rows": done.rows,
                "from_ms": done.from_ms,
                "to_ms": done.last_ms + key.timeframe_ms,
            }
        )
        return
    times = f"{format_time(done.from_ms)} to {format_time(done.last_ms + key.timeframe_ms)} UTC"
    click.echo(f"✓ {path}  {key.label}  {done.rows:,} rows  {times}")


@click.command("remove")
@click.argument("symbol")
@click.option("--timeframe", help="Only series of this timeframe, such as 15m.")
@click.option(
    "--kind",
    type=click.Choice(["last", "mark", "funding", "rules"]),
    help="Only this.  [default: all]",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@_as_json
def remove(symbol: str, timeframe: str | None, kind: str | None, yes: bool, as_json: bool) -> None:
    """Remove a symbol's series and instrument rules from the store.

    \b
    runner data remove BTC/USDT:USDT --timeframe 1m
    runner data remove BTCUSDT --yes

    Everything of the symbol goes unless --timeframe or --kind say what. What was removed can be pulled or
    imported again.
    """
    from runner.data.home import candles_root
    from runner.data.keeping import kept_keys, remove_rules, remove_series
    from runner.data.rules import ruled_symbols

    root = candles_root()
    name = _market_id(symbol)
    keys = tuple(key for key in kept_keys(root, name) if _is_meant(key, timeframe, kind))
    ruled = timeframe is None and kind in {None, "rules"} and name in ruled_symbols(root, name)
    if not keys and not ruled:
        raise DataMissing(f"the candle store at {root} has nothing of the kind", "runner data list")
    labels = [key.label for key in keys] + ([f"{name} instrument rules"] if ruled else [])
    if not yes:
        _ask(labels, root)
    remove_series(root, keys)
    if ruled:
        remove_rules(root, name)
    if as_json:
        print_json({"store": str(root), "removed": [key_record(key) for key in keys], "rules": ruled})
        return
    for label in labels:
        click.echo(f"✓ removed {label}")


def _ask(labels: list[str], root: Path) -> None:
    """Nothing is removed by accident, nor by a script that did not mean it."""
    listed = ", ".join(labels)
    if not sys.stdin.isatty():
        raise UsageError(f"this would remove {listed} from {root}; --yes says that it is meant")
    click.confirm(f"Remove {listed} from {root}?", abort=True, err=True)


def _one_key(root: Path, symbol: str, timeframe: str | None, kind: Any) -> "SeriesKey":
    from runner.data.layout import list_series, series_key
    from runner.domain.time import timeframe_ms

    name = _market_id(symbol)
    if kind == "funding":
        return series_key(name, kind)
    if timeframe is not None:
        try:
            return series_key(name, kind, timeframe_ms(timeframe))
        except ValueError as error:
            raise UsageError(f"--timeframe: {error}") from None
    stored = list_series(root, name, kind)
    if not stored:
        what = "mark prices" if kind == "mark" else "bars"
        raise DataMissing(f"the candle store at {root} has no {what} of {name}", "runner data list")
    return stored[0].key


def _form(form: Any, out: Path | None) -> Any:
    """What is said, else what the file's name says."""
    if form is not None or out is None:
        return form or "parquet"
    ending = out.suffix.lower().lstrip(".")
    if ending not in {"csv", "parquet", "pq"}:
        raise UsageError(f"{out}: its name must end in .parquet or .csv, or give --format")
    return "csv" if ending == "csv" else "parquet"


def _is_meant(key: "SeriesKey", timeframe: str | None, kind: str | None) -> bool:
    from runner.domain.time import timeframe_ms

    if timeframe is not None:
        try:
            length = timeframe_ms(timeframe)
        except ValueError as error:
            raise UsageError(f"--timeframe: {error}") from None
        if key.timeframe_ms != length:
            return False
    return kind in {None, key.kind}


def _market_id(symbol: str) -> str:
    from runner.data.symbol import market_id

    try:
        return market_id(symbol)
    except ValueError as error:
        raise UsageError(f"SYMBOL: {error}") from None
