"""`runner data`: put candles into the store, see what is there, look for faults.

In: file names and options. Out: text or JSON on stdout; exit code 4 when something is damaged.
Refuses to know: how rows are read, judged or stored.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runner.errors import RunnerError, UsageError

if TYPE_CHECKING:
    from runner.data.check import Checked
    from runner.data.importing import Imported
    from runner.data.layout import Index
    from runner.domain.facts import Gap

JSON_VERSION = 1
_SHOWN_MAX = 5  # gaps listed in text; --json lists all

_Meaning = TypeVar("_Meaning")

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON (version 1) instead of text.")


@click.group("data")
def group() -> None:
    """Candles at home: import files, list the store, check it.

    \b
    runner data import BTCUSDT-perp-15m-2023.parquet BTCUSDT-funding-2023.parquet
    runner data check

    The store lies in RUNNER_HOME/candles; `runner data list` prints where that is.
    """


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
    """Import Parquet or CSV files, each whole or not at all.

    \b
    runner data import BTCUSDT-perp-15m-2023.parquet BTCUSDT-mark-1h-2023.parquet
    runner data import candles.csv --symbol BTC/USDT:USDT --timeframe 1h

    Candles have the columns timestamp,open,high,low,close,volume (mark prices may lack volume), funding has
    timestamp,rate. Times are UTC, in s, ms, µs or ns since 1970. Rows must be sorted. Missing candles stay
    missing.
    """
    from runner.data.home import candles_root
    from runner.data.importing import Said, import_file
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
            taken = import_file(root, path, said)
        except RunnerError as error:
            exit_codes.add(error.exit_code)
            records.append({"file": str(path), "taken": False, "problem": str(error)})
            _say(as_json, f"✗ refused  {error}")
            continue
        records.append(_imported_record(taken))
        _say(as_json, _imported_text(taken))
    if as_json:
        _print_json({"home": str(root.parent), "store": str(root), "files": records})
    else:
        took = sum(bool(record["taken"]) for record in records)
        click.echo(f"{took} of {len(files)} {'file' if len(files) == 1 else 'files'} taken into {root}")
    if exit_codes:
        raise SystemExit(max(exit_codes))


@group.command("list")
@_as_json
def list_stored(as_json: bool) -> None:
    """List what is in the store, and where the store lies.

    \b
    runner data list
    RUNNER_HOME=/mnt/candles runner data list --json
    """
    from runner.data.home import candles_root
    from runner.data.layout import list_series

    root = candles_root()
    series = list_series(root)
    if as_json:
        _print_json(
            {"home": str(root.parent), "store": str(root), "series": [_series_record(one) for one in series]}
        )
        return
    click.echo(f"candle store: {root}")
    if not series:
        click.echo("empty; to fill it: runner data import FILE…")
        return
    lines: list[tuple[str, ...]] = [("series", "rows", "from (UTC)", "to (UTC)", "MB", "venue")]
    lines += [_series_line(one) for one in series]
    _print_table(lines, right=(1, 4))


@group.command("check")
@click.argument("symbol", required=False)
@_as_json
def check(symbol: str | None, as_json: bool) -> None:
    """Check the store: damage, high/low faults, duplicates, gaps, quiet bars.

    \b
    runner data check
    runner data check BTC/USDT:USDT --json

    Gaps and bars without volume are told, not judged: exchanges have outages. Exit code 4 means damage.
    """
    from runner.data.check import check_store
    from runner.data.home import candles_root
    from runner.data.symbol import canonical_symbol

    root = candles_root()
    checked = check_store(root, _understood("SYMBOL", canonical_symbol, symbol))
    if as_json:
        _print_json({"store": str(root), "series": [_checked_record(one) for one in checked]})
    else:
        click.echo(f"candle store: {root}")
        for one in checked:
            click.echo(_checked_text(one))
        if not checked:
            click.echo("nothing stored" + (f" for {symbol}" if symbol else "") + "; runner data import FILE…")
    if not all(one.sound for one in checked):
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
    lines += _gap_lines("gaps" if taken.key.timeframe_ms else "missing settlements", taken.gaps, taken.key)
    return "\n".join(lines)


def _imported_record(taken: "Imported") -> dict[str, Any]:
    return {
        "file": taken.file,
        "taken": True,
        **_key_record(taken.key),
        "venue": taken.venue,
        "rows": taken.rows,
        "from_ms": taken.from_ms,
        "to_ms": taken.to_ms,
        "new": taken.written.new,
        "same": taken.written.same,
        "replaced": taken.written.replaced,
        "gaps": _gap_records(taken.gaps),
        "notes": list(taken.notes),
    }


def _series_line(series: "Index") -> tuple[str, ...]:
    from runner.domain.time import format_time

    times = format_time(series.from_ms), format_time(series.to_ms)
    return series.key.label, f"{series.rows:,}", *times, f"{series.bytes / 1e6:.1f}", series.venue


def _series_record(series: "Index") -> dict[str, Any]:
    return {
        **_key_record(series.key),
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
    lines += _gap_lines(
        "gaps" if checked.key.timeframe_ms else "missing settlements", checked.gaps, checked.key
    )
    lines += _gap_lines("no volume", checked.zero_volume, checked.key)
    return "\n".join(lines)


def _checked_record(checked: "Checked") -> dict[str, Any]:
    return {
        **_key_record(checked.key),
        "rows": checked.index.rows if checked.index else None,
        "sound": checked.sound,
        "damage": checked.damage,
        "faults": checked.faults,
        "gaps": _gap_records(checked.gaps),
        "zero_volume": _gap_records(checked.zero_volume),
    }


def _key_record(key: Any) -> dict[str, Any]:
    from runner.domain.time import timeframe_name

    timeframe = timeframe_name(key.timeframe_ms) if key.timeframe_ms else None
    return {"symbol": key.symbol, "kind": key.kind, "timeframe": timeframe}


def _gap_lines(title: str, gaps: Sequence["Gap"], key: Any) -> list[str]:
    from runner.data.check import describe_gap

    if not gaps:
        return []
    total = sum(gap.bars for gap in gaps)
    longest = sorted(gaps, key=lambda gap: -gap.bars)[:_SHOWN_MAX]
    lines = [f"    {title}: {len(gaps):,}, together {total:,}"]
    lines += [f"      {describe_gap(gap, key)}" for gap in sorted(longest)]
    return lines + ([f"      … the {_SHOWN_MAX} longest; all with --json"] if len(gaps) > _SHOWN_MAX else [])


def _gap_records(gaps: Sequence["Gap"]) -> list[dict[str, int]]:
    return [gap._asdict() for gap in gaps]


def _print_table(lines: Sequence[Sequence[str]], *, right: Sequence[int]) -> None:
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    for line in lines:
        cells = [
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())


def _print_json(tree: dict[str, Any]) -> None:
    click.echo(json.dumps({"version": JSON_VERSION, **tree}, indent=2, ensure_ascii=False))


def _say(as_json: bool, text: str) -> None:
    if not as_json:
        click.echo(text)
