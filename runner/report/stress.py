"""The stress scenarios: their part of the document, and their table of at most 88 columns.

In: a StressResult; for the table, the part made of it. Out: `Stress`, and text.
Refuses to know: how scenarios were run, files, terminals.
"""

import textwrap
from collections.abc import Iterator

from runner.domain.stress import Figures, Scenario, StressResult
from runner.report.figures import as_percent, count, plain_number
from runner.report.shape import Number, Stress, StressFigures, StressRow, StressShuffle

WIDTH = 88
NAME = 34


def build_stress(result: StressResult) -> Stress:
    """The part `stress` of the document."""
    judged = [one for one in result.scenarios if one.figures is not None and one.kind != "bound"]
    lost = [one.name for one in judged if one.figures is not None and one.figures.net_pnl_ratio <= 0.0]
    return Stress(
        seed=result.seed,
        headline=StressFigures(*result.headline),
        scenarios=[_row(scenario, result.headline) for scenario in result.scenarios],
        shuffle=StressShuffle(*result.shuffles) if result.shuffles else None,
        scenarios_run=len(judged),
        scenarios_profitable=len(judged) - len(lost),
        verdict=_verdict(result.headline, len(judged), lost),
    )


def _row(scenario: Scenario, headline: Figures) -> StressRow:
    figures, move = scenario.figures, scenario.move
    net, fall, sharpe, trades, halted = figures or (None, None, None, None, False)
    return StressRow(
        kind=scenario.kind,
        name=scenario.name,
        parameter=move.parameter if move else None,
        from_=move.before if move else None,
        to=move.after if move else None,
        net_pnl_ratio=net,
        net_pnl_ratio_change=_change(net, headline.net_pnl_ratio),
        max_drawdown_ratio=fall,
        max_drawdown_ratio_change=_change(fall, headline.max_drawdown_ratio),
        sharpe=sharpe,
        sharpe_change=_change(sharpe, headline.sharpe),
        trades=trades,
        trades_change=None if trades is None or headline.trades is None else trades - headline.trades,
        halted=halted,
        note=scenario.note,
    )


def _change(figure: Number, headline: Number) -> Number:
    return None if figure is None or headline is None else figure - headline


def _verdict(headline: Figures, judged: int, lost: list[str]) -> str:
    kept = judged - len(lost)
    if not headline.trades:
        return "no trades: there is nothing to stress"
    if headline.net_pnl_ratio <= 0.0:
        scenarios = (
            f"{kept} of {count(judged, 'scenario')}" if kept else f"none of {count(judged, 'scenario')}"
        )
        return f"the run itself made no profit; {scenarios} would have"
    if not lost:
        return f"all {count(judged, 'scenario')} stay profitable"
    return f"{kept} of {count(judged, 'scenario')} stay profitable; not: {', '.join(lost)}"


def render_stress(stress: Stress) -> str:
    """The table and what follows from it, ending in a line break."""
    return "\n".join((*_table(stress), *_shuffle_lines(stress), *_remarks(stress))) + "\n"


def _table(stress: Stress) -> Iterator[str]:
    yield f" {'stress':<{NAME}}{'net profit':>12}{'change':>11}{'max drawdown':>14}{'Sharpe':>8}{'trades':>8}"
    yield from _line("headline", stress.headline, None)
    for row in stress.scenarios:
        yield from _line(row.name, row, row.net_pnl_ratio_change)


def _line(name: str, figures: StressFigures | StressRow, change: Number) -> Iterator[str]:
    name += " (halted)" if figures.halted else ""
    if len(name) > NAME:
        yield f" {name}"
        name = ""
    fall = None if figures.max_drawdown_ratio is None else -figures.max_drawdown_ratio
    trades = "–" if figures.trades is None else f"{figures.trades:,}"
    net, moved = as_percent(figures.net_pnl_ratio, sign=True), as_percent(change, sign=True)
    rest = f"{as_percent(fall):>14}{plain_number(figures.sharpe):>8}{trades:>8}"
    yield f" {name:<{NAME}}{net:>12}{moved:>11}{rest}"


def _shuffle_lines(stress: Stress) -> list[str]:
    shuffle = stress.shuffle
    if shuffle is None:
        return []
    times = f"trades shuffled {shuffle.times:,} times (seed {stress.seed}), max drawdown from trade to trade"
    falls = (
        f"mild (5 %) {as_percent(-shuffle.max_drawdown_ratio_5)}   "
        f"middle (50 %) {as_percent(-shuffle.max_drawdown_ratio_50)}   "
        f"bad (95 %) {as_percent(-shuffle.max_drawdown_ratio_95)}   "
        f"worst (99 %) {as_percent(-shuffle.max_drawdown_ratio_99)}"
    )
    rank = as_percent(shuffle.real_deeper_than_ratio, digits=0)
    real = f"as it happened {as_percent(-shuffle.real_max_drawdown_ratio)}: deeper than {rank} of them"
    return ["", f" {times}", f"   {falls}", f"   {real}"]


def _remarks(stress: Stress) -> list[str]:
    notes = [f"note: {row.name}: {row.note}" for row in stress.scenarios if row.note]
    if stress.headline.halted or any(row.halted for row in stress.scenarios):
        notes.append("note: a halted run was cut short by its own limit, which bounds what it could lose")
    return ["", *(line for text in (*notes, f"verdict: {stress.verdict}") for line in _wrapped(text))]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_long_words=True, break_on_hyphens=False)
