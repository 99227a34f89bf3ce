"""Market data from the exchange into the candle store: what is lacking, from two sources, all of it checked.

In: an order, a REST source, the archive, the time. Out: what was taken, what the exchange does not have, what
it now gives differently from what is stored; the pull's requests and latencies.
Refuses to know: HTTP, ccxt, terminals.

The store's writer's place is held throughout. Each file and each run of pages is written whole, and only
what is not stored is asked for: a pull that is killed or cancelled goes on from there. What a file of
the archive lacks is asked of REST, what only REST was asked for is asked once more; then it is a gap, and
remembered (`asked.py`), unless it is of the last two days.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.data.asked import read_asked, write_asked
from runner.data.layout import SeriesKey, read_index
from runner.data.part import Columns, no_rows
from runner.data.pull_plan import YOUNG_MS, closed_span, step_ms
from runner.data.pull_series import SeriesPull
from runner.data.resample import find_gaps
from runner.data.rules_file import ImportedRules, import_reply
from runner.data.spans import Span, Spans, joined, row_spans, total_ms, without
from runner.data.store import (
    Difference,
    Written,
    clear_leftovers,
    read_rows,
    require_venue,
    writer_lock,
)
from runner.domain.facts import PERPETUAL, Gap
from runner.domain.series import Times
from runner.domain.source import RestSource, Traffic
from runner.domain.time import DAY_MS
from runner.errors import DataDamaged, UsageError

if TYPE_CHECKING:
    from runner.data.archive import Archive  # brings an HTTP client

Progress = Callable[[int, int], None]  # (rows done, rows in all), as often as wanted
FROM_MS_MIN = 1_230_768_000_000  # 2009


@dataclass(frozen=True, slots=True)
class Order:
    """Rows of some series with times in [from_ms, stop_ms); without a stop, up to the last closed bar.

    `refresh` asks for what is stored too and takes revised rows; else they are told and not taken.
    """

    keys: tuple[SeriesKey, ...]
    from_ms: int
    stop_ms: int | None = None
    refresh: bool = False


@dataclass(frozen=True, slots=True)
class PulledSeries:
    """What became of one series. [from_ms, to_ms) is what was asked for of closed rows.

    `rows` lie in it now. `begins_ms` is the exchange's first row where that was asked. `written.replaced`
    counts rows that differ; `revisions` are the first of them, taken only by a refresh. `gaps` are what the
    exchange lacks.
    """

    key: SeriesKey
    from_ms: int
    to_ms: int
    rows: int
    written: Written
    files: int
    begins_ms: int | None
    gaps: tuple[Gap, ...]
    revisions: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Pulled:
    """All series in the order's order, and what they cost together."""

    series: tuple[PulledSeries, ...]
    traffic: Traffic


async def pull(
    root: Path,
    order: Order,
    rest: RestSource,
    archive: "Archive | None",
    *,
    now_ms: int,
    progress: Progress = lambda done, total: None,
) -> Pulled:
    """Fill the store with what the order lacks; nothing is asked when it lacks nothing.

    `now_ms` is this machine's clock; where the exchange is asked at all, its own clock says what has closed.
    """
    if order.from_ms < FROM_MS_MIN or order.from_ms >= (order.stop_ms or now_ms):
        raise UsageError("--from must lie before --to and before now, and after 2009")
    with writer_lock(root):
        for key in order.keys:
            require_venue(read_index(root, key), key, PERPETUAL)
        clock_ms = now_ms
        if any(_lacking(root, key, order, now_ms)[1] for key in order.keys):
            clock_ms = await rest.time_ms()
        found = [(key, *_lacking(root, key, order, clock_ms)) for key in order.keys]
        pulls = [SeriesPull(root, key, want, lacking, order.refresh) for key, want, lacking in found]
        _follow(pulls, progress)
        faults: list[DataDamaged] = []
        series = []
        for one in pulls:
            if one.lacking:
                faults += await one.run(rest, archive, clock_ms)
            series.append(_concluded(root, one, clock_ms))
        if faults:
            raise DataDamaged("\n".join(str(fault) for fault in faults))
    return Pulled(tuple(series), rest.traffic + (archive.traffic if archive else Traffic()))


async def pull_rules(root: Path, symbol: str | None, rest: RestSource) -> tuple[ImportedRules, ...]:
    """Tick, step, minimums and (with keys) margin brackets of one symbol, or of all, as they are now."""
    replies = {"exchangeInfo": await rest.exchange_info(), "leverageBracket": await rest.leverage_bracket()}
    return tuple(
        import_reply(root, name, text, symbol, is_replacing=True)
        for name, text in replies.items()
        if text is not None
    )


def lacking_ms(root: Path, key: SeriesKey, from_ms: int, stop_ms: int | None, now_ms: int) -> int:
    """How much of a range a pull would ask for; 0 when all that the exchange has is stored."""
    return total_ms(_lacking(root, key, Order((key,), from_ms, stop_ms), now_ms)[1])


def _lacking(root: Path, key: SeriesKey, order: Order, clock_ms: int) -> tuple[Span, Spans]:
    """What was ordered of closed rows, and what of it is neither stored nor known not to be there."""
    want = closed_span(key, order.from_ms, order.stop_ms, clock_ms)
    if want.stop_ms <= want.from_ms:
        return want, ()
    if order.refresh:
        return want, (want,)
    lacking = without((want,), read_asked(root, key))
    if key.kind != "funding":  # settlements have no grid: that some are there says nothing about others
        lacking = without(lacking, row_spans(_stored(root, key, want)[0], key.timeframe_ms))
    return want, lacking


def _stored(root: Path, key: SeriesKey, want: Span) -> Columns:
    """The stored rows of a span; none when the series is not stored."""
    if read_index(root, key) is None:
        return no_rows(key)
    return read_rows(root, key, want.from_ms, want.stop_ms)


def _follow(pulls: list[SeriesPull], progress: Progress) -> None:
    """Let every series' progress count towards that of all."""

    def told() -> None:
        progress(sum(one.rows_done for one in pulls), sum(one.rows_lacking for one in pulls))

    for one in pulls:
        one.told = told


def _concluded(root: Path, one: SeriesPull, clock_ms: int) -> PulledSeries:
    """Remember what was asked, clear what killed pulls left, and see what there is now."""
    key, want = one.key, one.want
    if want.stop_ms > want.from_ms:
        old = Span(want.from_ms, min(want.stop_ms, (clock_ms - YOUNG_MS) // DAY_MS * DAY_MS))
        confirmed = without((old,), joined(one.broken)) if old.stop_ms > old.from_ms else ()
        write_asked(root, key, joined(read_asked(root, key) + confirmed))
    clear_leftovers(root, key)
    times = _stored(root, key, want)[0]
    return PulledSeries(
        key=key,
        from_ms=want.from_ms,
        to_ms=want.stop_ms,
        rows=len(times),
        written=one.written,
        files=one.files,
        begins_ms=one.begins_ms,
        gaps=_gaps(root, key, want, times),
        revisions=tuple(one.revisions),
    )


def _gaps(root: Path, key: SeriesKey, want: Span, times: Times) -> tuple[Gap, ...]:
    """Missing rows since the series' first one; of settlements those between others."""
    index = read_index(root, key)
    if index is None or key.kind == "funding":
        return find_gaps(times, step_ms(key))
    since = Span(max(want.from_ms, index.from_ms), want.stop_ms)
    missing = without((since,), row_spans(times, key.timeframe_ms)) if since.stop_ms > since.from_ms else ()
    return tuple(Gap(span.from_ms, (span.stop_ms - span.from_ms) // key.timeframe_ms) for span in missing)
