"""Spans of time and what can be done with sets of them.

In: spans and row times, UTC ms. Out: sets of spans: sorted, apart, none empty.
Refuses to know: bars, files, why.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from runner.domain.series import Times


class Span(NamedTuple):
    """Every instant in [from_ms, stop_ms)."""

    from_ms: int
    stop_ms: int


Spans = tuple[Span, ...]


def joined(spans: Iterable[Span]) -> Spans:
    """The same instants as a set: what meets or overlaps is one span."""
    found: list[Span] = []
    for span in sorted(span for span in spans if span.stop_ms > span.from_ms):
        if found and span.from_ms <= found[-1].stop_ms:
            found[-1] = Span(found[-1].from_ms, max(found[-1].stop_ms, span.stop_ms))
        else:
            found.append(span)
    return tuple(found)


def common(left: Spans, right: Spans) -> Spans:
    """What is in both sets."""
    found: list[Span] = []
    at = 0
    for span in left:
        while at < len(right) and right[at].stop_ms <= span.from_ms:
            at += 1
        for other in right[at:]:
            if other.from_ms >= span.stop_ms:
                break
            found.append(Span(max(span.from_ms, other.from_ms), min(span.stop_ms, other.stop_ms)))
    return tuple(found)


def without(left: Spans, right: Spans) -> Spans:
    """What is in the first set and not in the second."""
    if not left:
        return ()
    edges = [left[0].from_ms, *(edge for span in right for edge in span), left[-1].stop_ms]
    holes = (Span(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True))
    return common(left, joined(holes))


def row_spans(times: Times, step_ms: int) -> Spans:
    """What sorted rows cover, each `step_ms` from its time on."""
    if not len(times):
        return ()
    breaks = np.flatnonzero(np.diff(times) > step_ms)
    starts = times[np.concatenate(([0], breaks + 1))]
    stops = times[np.concatenate((breaks, [len(times) - 1]))] + step_ms
    return tuple(Span(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True))


def total_ms(spans: Spans) -> int:
    """All of it together."""
    return sum(span.stop_ms - span.from_ms for span in spans)
