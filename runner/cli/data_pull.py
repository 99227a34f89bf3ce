"""`runner data pull`: candles, mark prices, funding and rules from the exchange into the store.

In: symbols, timeframes, a range; or what a run wants. Out: what became of each series, and what asking
took.
Refuses to know: how rows are fetched, checked or stored.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from runner.cli.progress import Update, progress
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.data.layout import SeriesKey
    from runner.data.pull import Order, Pulled, PulledSeries
    from runner.data.rules_file import ImportedRules
    from runner.domain.source import Traffic
    from runner.exchange.profiles import Profile
    from runner.modes import Supply

_REVISIONS_SHOWN = 3  # in text


@click.command("pull")
@click.argument("symbols", nargs=-1, required=True, metavar="SYMBOL...")
@click.option(
    "--timeframe",
    "timeframes",
    multiple=True,
    metavar="NAME",
    help="Length of the bars, such as 15m; may be repeated.  [default: 1m, which makes all the others]",
)
@click.option("--from", "begin", required=True, metavar="DATE", help="First day or minute, UTC.")
@click.option(
    "--to", "end", metavar="DATE", help="Last day (inclusive) or minute, UTC.  [default: the last closed bar]"
)
@click.option("--refresh", is_flag=True, help="Ask for what is stored too, and take rows that were revised.")
@click.option("--no-archive", is_flag=True, help="Ask the exchange only, not its archive of whole months.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (version 1) instead of text.")
@click.option("--quiet", is_flag=True, help="No progress.")
def command(
    symbols: tuple[str, ...],
    timeframes: tuple[str, ...],
    begin: str,
    end: str | None,
    refresh: bool,
    no_archive: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Pull candles, mark prices, funding and instrument rules from Binance; no keys needed.

    \b
    runner data pull BTC/USDT:USDT --timeframe 1m --from 2023-01-01
    runner data pull BTCUSDT ETHUSDT --timeframe 15m --timeframe 5m --from 2024-01-01 --to 2024-06-30

    Whole months and days come from Binance's public archive, the rest from its REST interface. Only
    what the store
    lacks is asked for, so the same command brings it up to date, and goes on after an interruption.
    Only closed bars
    are stored. Gaps of the exchange stay gaps. A stored bar that the exchange now tells differently is
    reported, and
    taken with --refresh only.
    """
    from runner.cli.run import wanted_range
    from runner.cli.series_text import print_json
    from runner.data.home import candles_root
    from runner.data.pull import Order

    span = wanted_range(begin, end)
    assert span.start_ms is not None
    keys = tuple(key for symbol in symbols for key in _keys(symbol, timeframes or ("1m",)))
    order = Order(tuple(dict.fromkeys(keys)), span.start_ms, span.stop_ms, refresh)
    done = _carry_out(order, use_archive=not no_archive, quiet=quiet)
    if as_json:
        print_json({"store": str(candles_root()), **_record(done)})
    else:
        click.echo(_text(done))


def pull_supply(supply: "Supply", *, quiet: bool) -> bool:
    """Pull what a run lacks, and say in a line what came; False when it lacked nothing, and nobody was
    asked.
    """
    from runner.data.home import candles_root
    from runner.data.layout import series_key
    from runner.data.pull import Order, lacking_ms
    from runner.data.rules import ruled_symbols

    if supply.from_ms is None:
        raise UsageError(
            "--pull needs to know from when: add --from DATE, or a 'from:' to the bot's 'backtest:'"
        )
    own_ms, *_ = supply.timeframes_ms
    keys = [series_key(supply.symbol, "last", length) for length in supply.timeframes_ms]
    keys += [series_key(supply.symbol, "mark", own_ms), series_key(supply.symbol, "funding")]
    root = candles_root()
    span = supply.from_ms, supply.stop_ms
    lacking = any(lacking_ms(root, key, *span, _now_ms()) for key in keys)
    if not lacking and ruled_symbols(root, supply.symbol):
        return False
    done = _carry_out(Order(tuple(keys), *span), use_archive=True, quiet=quiet)
    if not quiet:
        click.echo(_text(done), err=True)
    return True


class _Done(NamedTuple):
    """A pull that came to its end."""

    rules: "tuple[ImportedRules, ...]"
    pulled: "Pulled"
    traffic: "Traffic"
    seconds: float
    took_revised: bool


def _keys(symbol: str, timeframes: Sequence[str]) -> "list[SeriesKey]":
    """Last and mark prices of each timeframe, and funding."""
    from runner.data.layout import series_key
    from runner.domain.time import timeframe_ms

    try:
        lengths = [timeframe_ms(name) for name in timeframes]
        keys = [series_key(symbol, kind, length) for length in lengths for kind in ("last", "mark")]
        return [*keys, series_key(symbol, "funding")]
    except ValueError as error:
        raise UsageError(str(error)) from None


def _carry_out(order: "Order", *, use_archive: bool, quiet: bool) -> _Done:
    """From the exchange into the store, with progress; Ctrl-C keeps what came."""
    from runner.cli.settings import settings_now
    from runner.data.home import runner_home
    from runner.exchange.profiles import NOTICES, profile_for

    settings = settings_now()
    profile = profile_for(
        "main",
        exchange_url=settings.text_or_none("exchange.url"),
        archive_url=settings.text("archive.url"),
        notices=runner_home() / NOTICES,
    )
    names = " ".join(dict.fromkeys(key.market_id for key in order.keys))
    started_s = time.monotonic()
    try:
        with progress(f"pulling {names}", "rows", quiet=quiet) as shown:
            rules, pulled, traffic = asyncio.run(_pull(order, profile, use_archive, shown))
    except KeyboardInterrupt:
        click.echo("interrupted; what was pulled is kept, the same command goes on from there", err=True)
        raise SystemExit(130) from None
    return _Done(rules, pulled, traffic, time.monotonic() - started_s, order.refresh)


async def _pull(
    order: "Order", profile: "Profile", use_archive: bool, shown: Update
) -> "tuple[tuple[ImportedRules, ...], Pulled, Traffic]":
    """The series, then the rules of each symbol."""
    from contextlib import AsyncExitStack

    from runner.data.archive import open_archive
    from runner.data.home import candles_root
    from runner.data.pull import pull, pull_rules
    from runner.domain.source import Traffic
    from runner.exchange.client import FuturesClient
    from runner.exchange.public import PublicSource

    root = candles_root()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(FuturesClient(profile))
        rest = PublicSource(client, on_wait=lambda words: click.echo(words, err=True))
        archive = await stack.enter_async_context(open_archive(profile.archive_url)) if use_archive else None
        pulled = await pull(root, order, rest, archive, now_ms=_now_ms(), progress=shown)
        rules: list[ImportedRules] = []
        for symbol in dict.fromkeys(key.symbol for key in order.keys):
            rules += await pull_rules(root, symbol, rest)
        traffic = rest.traffic + (archive.traffic if archive else Traffic())
    return tuple(rules), pulled, traffic


def _text(done: _Done) -> str:
    """A paragraph for each series, and what it cost."""
    from runner.cli.rules import imported_text
    from runner.data.home import candles_root

    lines = [_series_text(one, done.took_revised) for one in done.pulled.series]
    lines += [imported_text(one) for one in done.rules]
    traffic = done.traffic
    fifty, ninety_nine = traffic.latency_ms(0.5), traffic.latency_ms(0.99)
    words = [f"{traffic.requests:,} requests ({traffic.retries:,} retries)"]
    if fifty is not None and ninety_nine is not None:
        words.append(f"p50 {fifty:,.0f} ms, p99 {ninety_nine:,.0f} ms")
    words += [f"{done.seconds:.1f} s", f"store {candles_root()}"]
    return "\n".join([*lines, "; ".join(words)])


def _series_text(one: "PulledSeries", took_revised: bool) -> str:
    from runner.cli.series_text import gap_lines
    from runner.domain.time import format_time

    new, same, differing = one.written
    counts = [f"{new:,} new"] + ([f"{same:,} asked again"] if same else [])
    counts += [f"from {one.files:,} archive file{'s' if one.files > 1 else ''}"] if one.files else []
    span = f"{format_time(one.from_ms)} to {format_time(one.to_ms)} UTC"
    lines = [f"✓ {one.key.label}  {one.rows:,} rows ({', '.join(counts)})  {span}"]
    if one.begins_ms is not None and one.begins_ms > one.from_ms:
        lines.append(f"    begins {format_time(one.begins_ms)} UTC: the exchange has nothing before")
    lines += _revision_lines(one, differing, took_revised)
    return "\n".join(lines + gap_lines("gaps of the exchange", one.gaps, one.key))


def _revision_lines(one: "PulledSeries", differing: int, took_revised: bool) -> list[str]:
    """Rows that the exchange tells differently by now."""
    if not differing:
        return []
    noun = "row was" if differing == 1 else "rows were"
    then = "the new figures were taken" if took_revised else "--refresh takes the new figures"
    lines = [f"    {differing:,} stored {noun} revised by the exchange; {then}"]
    lines += [f"      {revision.text}" for revision in one.revisions[:_REVISIONS_SHOWN]]
    return lines + (["      … more with --json"] if differing > _REVISIONS_SHOWN else [])


def _record(done: _Done) -> dict[str, Any]:
    from runner.cli.rules import imported_record
    from runner.cli.series_text import gap_records, key_record

    traffic = done.traffic
    return {
        "rules": [imported_record(one) for one in done.rules],
        "series": [
            {
                **key_record(one.key),
                "from_ms": one.from_ms,
                "to_ms": one.to_ms,
                "rows": one.rows,
                "new": one.written.new,
                "same": one.written.same,
                "revised": one.written.replaced,
                "revised_taken": done.took_revised,
                "revisions": [{"time_ms": found.time_ms, "text": found.text} for found in one.revisions],
                "archive_files": one.files,
                "begins_ms": one.begins_ms,
                "gaps": gap_records(one.gaps),
            }
            for one in done.pulled.series
        ],
        "requests": traffic.requests,
        "retries": traffic.retries,
        "p50_ms": traffic.latency_ms(0.5),
        "p99_ms": traffic.latency_ms(0.99),
        "weight_used_max": traffic.weight_used_max,
        "seconds": round(done.seconds, 3),
    }


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
