"""One series of a pull: files of the archive side by side, then REST in order, each answer written at once.

In: what is lacking, the two sources, the exchange's clock. Out: what was taken, spans of broken files.
Refuses to know: HTTP, other series. The caller holds the store's writer's place.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from runner.data.archive_file import ArchiveFile
from runner.data.faults import first_fault
from runner.data.layout import SeriesKey, read_index
from runner.data.part import Columns
from runner.data.pull_plan import Plan, build_plan, day_files, step_ms
from runner.data.settlement import on_the_hour
from runner.data.spans import Span, Spans, common, joined, row_spans, total_ms, without
from runner.data.store import NOTHING_WRITTEN, Difference, Written, merge_rows
from runner.domain.facts import PERPETUAL
from runner.domain.source import Page, RestSource, Wanted
from runner.errors import DataDamaged

if TYPE_CHECKING:
    from runner.data.archive import Archive

PARALLEL_MAX = 4  # downloads at once
BATCH_ROWS = 20_000  # rows of REST in one write
REVISIONS_MAX = 20  # told by their figures; all are counted


@dataclass(slots=True)
class SeriesPull:
    """The state of one series' pull; `told` is called when `rows_done` has grown."""

    root: Path
    key: SeriesKey
    want: Span
    lacking: Spans
    refresh: bool
    told: Callable[[], None] = lambda: None
    written: Written = NOTHING_WRITTEN
    files: int = 0
    begins_ms: int | None = None
    revisions: list[Difference] = field(default_factory=list)
    broken: list[Span] = field(default_factory=list)
    _faults: list[DataDamaged] = field(default_factory=list)
    _answered: list[Span] = field(default_factory=list)
    _covered: Spans = ()

    @property
    def rows_lacking(self) -> int:
        """Rows to ask for, as far as is known."""
        return total_ms(self.lacking) // step_ms(self.key)

    @property
    def rows_done(self) -> int:
        """Rows of them that came."""
        return total_ms(common(self.lacking, self._covered)) // step_ms(self.key)

    async def run(self, rest: RestSource, archive: "Archive | None", clock_ms: int) -> list[DataDamaged]:
        """Ask for all that is lacking; files that stayed broken come back, all else is raised."""
        await self._find_beginning(rest)
        plan = build_plan(self.key, self.lacking, clock_ms) if archive else Plan((), self.lacking)
        if archive:
            absent = await self._fetch(archive, plan.files)
            days = [day for month in absent if month.is_month for day in self._days(month, clock_ms)]
            await self._fetch(archive, days)
        left = without(without(self.lacking, self._covered), joined(self.broken))
        await self._ask(rest, left)
        await self._ask(rest, without(without(left, self._covered), joined(self._answered)))
        return self._faults

    def _days(self, month: ArchiveFile, clock_ms: int) -> list[ArchiveFile]:
        return day_files(self.key, common(self.lacking, (month.span,)), clock_ms)

    async def _find_beginning(self, rest: RestSource) -> None:
        """Nothing is asked of the time before the exchange's first row."""
        index = read_index(self.root, self.key)
        if index is not None and index.from_ms <= self.lacking[0].from_ms:
            return
        self.begins_ms = await rest.first_ms(*self.key)
        begin = self.want.stop_ms if self.begins_ms is None else self.begins_ms
        self.lacking = common(self.lacking, joined([Span(begin, self.want.stop_ms)]))

    async def _fetch(self, archive: "Archive", files: Sequence[ArchiveFile]) -> list[ArchiveFile]:
        """Some at a time; what the archive does not have comes back. The first error ends all."""
        queue, absent = deque(files), list[ArchiveFile]()

        async def work() -> None:
            while queue:
                file = queue.popleft()
                if not await self._take_file(archive, file):
                    absent.append(file)

        workers = [asyncio.create_task(work()) for _ in range(min(PARALLEL_MAX, len(files)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return sorted(absent)

    async def _take_file(self, archive: "Archive", file: ArchiveFile) -> bool:
        """Whether the archive has the file."""
        try:
            columns = await archive.rows(file)
        except DataDamaged as error:
            self._faults.append(error)
            self.broken.append(file.span)
            return True
        if columns is None:
            return False
        self.files += 1
        self._answered.append(file.span)
        self._write(columns)
        return True

    async def _ask(self, rest: RestSource, spans: Spans) -> None:
        """Page by page; what came is written even when the rest does not come."""
        pages: list[Columns] = []
        try:
            for span in spans:
                async for page in rest.pages(Wanted(*self.key, *span)):
                    pages.append(self._judged(page, span))
                    if sum(len(times) for times, _ in pages) >= BATCH_ROWS:
                        self._write_pages(pages)
        finally:
            self._write_pages(pages)

    def _judged(self, page: Page, span: Span) -> Columns:
        columns: Columns = page.time_ms, page.columns
        if self.key.kind == "funding":
            columns, _ = on_the_hour(columns)
        fault = first_fault(self.key, columns)
        times = columns[0]
        if fault is None and len(times) and (times[0] < span.from_ms or times[-1] >= span.stop_ms):
            fault = "it holds rows that were not asked for"
        if fault:
            raise DataDamaged(f"a REST reply for {self.key.label}: {fault}; nothing of this reply was taken")
        return columns

    def _write_pages(self, pages: list[Columns]) -> None:
        if pages:
            times = np.concatenate([one for one, _ in pages])
            floats = (
                np.concatenate(column) for column in zip(*(columns for _, columns in pages), strict=True)
            )
            columns = times, tuple(floats)
            pages.clear()
            self._write(columns)

    def _write(self, columns: Columns) -> None:
        """The rows of the wanted span into the store, and into the account."""
        times, floats = columns
        first, last = np.searchsorted(times, self.want)
        if first == last:
            return
        times, floats = times[first:last], tuple(column[first:last] for column in floats)
        differing = "replace" if self.refresh else "keep"
        merged = merge_rows(
            self.root,
            self.key,
            (times, floats),
            venue=PERPETUAL,
            differing=differing,  # type: ignore[arg-type]
        )
        self.written = self.written.plus(merged.written)
        self.revisions += merged.differences[: REVISIONS_MAX - len(self.revisions)]
        self._covered = joined(self._covered + row_spans(times, step_ms(self.key)))
        self.told()
