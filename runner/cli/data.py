"""`runner data`: candles and instrument rules: put them into the store, see what is there, look for faults.

In: file names and options. Out: text or JSON on stdout; exit code 4 when something is damaged.
Refuses to know: how rows are read, judged or stored.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runner.cli import data_keep, data_pull
from runner.cli.series_text import gap_lines, gap_records, key_record, print_json
from runner.errors import RunnerError, UsageError

if TYPE_CHECKING:
    from runner.data.check import Checked, CheckedRules
    from runner.data.importing import Imported, Said
    from runner.data.layout import Index

_Meaning = TypeVar("_Meaning")

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON (version 1) instead of text.")


@click.group("data")
def group() -> None:
    """Candles and instrument rules at home: pull or import them, list the store, check it.

    \b
    runner data pull BTC/USDT:USDT --timeframe 1m --from 2023-01-01
    runner data import BTCUSDT-perp-15m-2023.parquet BTCUSDT-funding-2023.parquet
    runner data import exchangeInfo.json leverageBracket.json
    runner data check

    The store lies in RUNNER_HOME/candles; `runner data list` prints where that is.
    """


group.add_command(data_pull.command)
group.add_command(data_keep.export)
group.add_command(data_keep.remove)


@group.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--symbol", help="Symbol of all files, BTC/USDT:USDT or BTCUSDT.  [default: from the name]")
@click.option("--timeframe", help="Timeframe of all files, such as 15m.  [default: from the rows]")
@click.option(
    "--kind",
    type=click.Choice(["last", "mark", "funding"]),
    help="What the files hold: last prices, mark prices or funding.  [default: from columns and name]",
)
@click.option(
    "--accept-spot", is_flag=True, help="Take spot candles; every report will say SPOT. Needs --symbol."
)
@click.option("--replace", is_flag=True, help="Let new rows take the place of stored rows that differ.")
@_as_json
def import_files(
    files: tuple[Path, ...],
    symbol: str | None,
    timeframe: str | None,
    kind: Any,
    accept_spot: bool,
    replace: bool,
    as_json: bool,
) -> None:
    """Import Parquet, CSV or JSON files, each whole or not at all.

    \b
    runner data import BTCUSDT-perp-15m-2023.parquet BTCUSDT-mark-1h-2023.parquet
    runner data import candles.csv --symbol BTC/USDT:USDT --timeframe 1h
    runner data import exchangeInfo.json leverageBracket.json

    Candles have the columns timestamp,open,high,low,close,volume (mark prices may lack volume), funding has
    timestamp,rate. Times are UTC, in s, ms, µs or ns since 1970. Rows must be sorted. Missing candles stay
    missing.

    JSON files are Binance's own replies of exchangeInfo (tick, step, minimums, liquidation fee) and
    leverageBracket (margin brackets); --symbol takes one symbol out of them.
    """
    from runner.data.home import candles_root
    from runner.data.importing import Said
    from runner.data.symbol import canonical_symbol
    from runner.domain.time import timeframe_ms

    said = Said(
        symbol=_understood("--symbol", canonical_symbol, symbol),
        timeframe_ms=_understood("--timeframe", timeframe_ms, timeframe),
        kind=kind,
        accept_spot=accept_spot,
        replace=replace,
    )
    if accept_spot and symbol is None:
        raise UsageError("--accept-spot needs --symbol: say which perpetual the spot candles stand in for")
    root = candles_root()
    records: list[dict[str, Any]] = []
    exit_codes: set[int] = set()
    for path in files:
        try:
            record, text = _import(root, path, said)
        except RunnerError as error:
            exit_codes.add(error.exit_code)
            record = {"file": str(path), "taken": False, "problem": str(error)}
            text = f"✗ refused  {error}"
        records.append(record)
        _say(as_json, text)
    if as_json:
        print_json({"home": str(root.parent), "store": str(root), "files": records})
    else:
        took = sum(bool(record["taken"]) for record in records)
        click.echo(f"{took} of {len(files)} {'file' if len(files) == 1 else 'files'} taken into {root}")
    if exit_codes:
        raise SystemExit(max(exit_codes))


def _import(root: Path, path: Path, said: "Said") -> tuple[dict[str, Any], str]:
    """One file into the store: what became of it, as a record and as text."""
    if path.suffix.lower() == ".json":
        from runner.cli.rules import imported_record, imported_text
        from runner.data.rules_file import import_rules

        rules = import_rules(root, path, said.symbol, is_replacing=said.replace)
        return imported_record(rules), imported_text(rules)
    from runner.data.importing import import_file

    taken = import_file(root, path, said)
    return _imported_record(taken), _imported_text(taken)


@group.command("list")
@_as_json
def list_stored(as_json: bool) -> None:
    """List what is in the store, and where the store lies.

    \b
    runner data list
    RUNNER_HOME=/mnt/candles runner data list --json
    """
    from runner.cli.rules import stored_lines, stored_record
    from runner.data.home import candles_root
    from runner.data.layout import list_series
    from runner.data.rules import list_rules

    root = candles_root()
    series, rules = list_series(root), list_rules(root)
    if as_json:
        print_json(
            {
                "home": str(root.parent),
                "store": str(root),
                "series": [_series_record(one) for one in series],
                "instruments": [stored_record(one) for one in rules],
            }
        )
        return
    click.echo(f"candle store: {root}")
    if not series and not rules:
        click.echo("empty; to fill it: runner data pull SYMBOL --from DATE, or runner data import FILE…")
    if series:
        lines: list[tuple[str, ...]] = [("series", "rows", "from (UTC)", "to (UTC)", "MB", "venue")]
        _print_table(lines + [_series_line(one) for one in series], right=(1, 4))
    ruled = stored_lines(rules, {one.key.market_id for one in series})
    if ruled:
        _print_table(ruled, right=())


@group.command("check")
@click.argument("symbol", required=False)
@_as_json
def check(symbol: str | None, as_json: bool) -> None:
    """Check the store: damage, high/low faults, duplicates, gaps, quiet bars, instrument rules.

    \b
    runner data check
    runner data check BTC/USDT:USDT --json

    Gaps and bars without volume are told, not judged: exchanges have outages. Exit code 4 means damage.
    """
    from runner.data.check import check_rules, check_store
    from runner.data.home import candles_root
    from runner.data.symbol import canonical_symbol

    root = candles_root()
    wanted = _understood("SYMBOL", canonical_symbol, symbol)
    checked, rules = check_store(root, wanted), check_rules(root, wanted)
    if as_json:
        print_json(
            {
                "store": str(root),
                "series": [_checked_record(one) for one in checked],
                "instruments": [one._asdict() for one in rules],
            }
        )
    else:
        click.echo(f"candle store: {root}")
        for one in checked:
            click.echo(_checked_text(one))
        for line in _ruled_lines(rules):
            click.echo(line)
        if not checked and not rules:
            click.echo("nothing stored" + (f" for {symbol}" if symbol else "") + "; runner data import FILE…")
    if not all(one.sound for one in checked) or any(one.damage for one in rules):
        raise SystemExit(4)


def _understood(name: str, parse: Callable[[str], _Meaning], text: str | None) -> _Meaning | None:
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None


def _imported_text(taken: "Imported") -> str:
    from runner.domain.time import format_time

    new, same, replaced = taken.written
    counts = [f"{new:,} new"]
    counts += [f"{same:,} already there"] if same else []
    counts += [f"{replaced:,} replaced"] if replaced else []
    head = f"✓ {Path(taken.file).name}  {taken.key.label}  {taken.rows:,} rows ({', '.join(counts)})"
    lines = [f"{head}  {format_time(taken.from_ms)} to {format_time(taken.to_ms)} UTC"]
    if taken.venue.startswith("SPOT"):
        lines.append(f"    {taken.venue}")
    lines += [f"    {note}" for note in taken.notes]
    lines += gap_lines("gaps" if taken.key.timeframe_ms else "missing settlements", taken.gaps, taken.key)
    return "\n".join(lines)


def _imported_record(taken: "Imported") -> dict[str, Any]:
    return {
        "file": taken.file,
        "taken": True,
        **key_record(taken.key),
        "venue": taken.venue,
        "rows": taken.rows,
        "from_ms": taken.from_ms,
        "to_ms": taken.to_ms,
        "new": taken.written.new,
        "same": taken.written.same,
        "replaced": taken.written.replaced,
        "gaps": gap_records(taken.gaps),
        "notes": list(taken.notes),
    }


def _series_line(series: "Index") -> tuple[str, ...]:
    from runner.domain.time import format_time

    times = format_time(series.from_ms), format_time(series.to_ms)
    return series.key.label, f"{series.rows:,}", *times, f"{series.bytes / 1e6:.1f}", series.venue


def _series_record(series: "Index") -> dict[str, Any]:
    return {
        **key_record(series.key),
        "venue": series.venue,
        "rows": series.rows,
        "from_ms": series.from_ms,
        "to_ms": series.to_ms,
        "bytes": series.bytes,
    }


def _checked_text(checked: "Checked") -> str:
    rows = f"  {checked.index.rows:,} rows" if checked.index else ""
    mark = "✓" if checked.sound else "✗"
    lines = [f"{mark} {checked.key.label}{rows}" + (f"  {checked.damage}" if checked.damage else "")]
    lines += [f"    fault {name}: {count:,} rows" for name, count in checked.faults.items()]
    lines += gap_lines(
        "gaps" if checked.key.timeframe_ms else "missing settlements", checked.gaps, checked.key
    )
    lines += gap_lines("no volume", checked.zero_volume, checked.key)
    return "\n".join(lines)


def _ruled_lines(rules: Sequence["CheckedRules"]) -> list[str]:
    """A line for each damaged file, one for all the others."""
    lines = [f"✗ {one.symbol} instrument rules  {one.damage}" for one in rules if one.damage]
    sound = sum(one.damage is None for one in rules)
    return lines + ([f"✓ instrument rules of {sound:,} symbol{'s' if sound > 1 else ''}"] if sound else [])


def _checked_record(checked: "Checked") -> dict[str, Any]:
    return {
        **key_record(checked.key),
        "rows": checked.index.rows if checked.index else None,
        "sound": checked.sound,
        "damage": checked.damage,
        "faults": checked.faults,
        "gaps": gap_records(checked.gaps),
        "zero_volume": gap_records(checked.zero_volume),
    }


def _print_table(lines: Sequence[Sequence[str]], *, right: Sequence[int]) -> None:
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    for line in lines:
        cells = [
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())


def _say(as_json: bool, text: str) -> None:
    if not as_json:
        click.echo(text)
