"""`runner why BOT --at TIME`: the rules at one bar with their numbers, then every gate after them.

In: a bot's file, a time, where the data is. Out: the trace as text or JSON.
Refuses to know: how rules are read or gates judged.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli import bots

if TYPE_CHECKING:
    from runner.backtest.moment import Gate, Moment
    from runner.compiler.build import Compiled

SIDES = {"long": 1, "short": -1}


@click.command()
@bots.BOT
@click.option(
    "--at", "at", required=True, metavar="TIME", help="A minute inside the bar, UTC: 2024-03-14T09:15Z."
)
@click.option(
    "--from", "begin", metavar="DATE", help="First day of the backtest.  [default: the bot's, else all]"
)
@bots.SETS
@click.option(
    "--data", "data_source", type=click.Choice(["store", "sample"]), default="store", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(
    bot: Path, at: str, begin: str | None, sets: tuple[str, ...], data_source: str, as_json: bool
) -> None:
    """Show why a bot did or did not trade: each rule with its numbers at that bar's close, then the gates.

    \b
    runner why bots/btc_trend.yaml --at 2024-03-14T09:15Z
    """
    from runner.backtest.moment import facts_of, moment_at
    from runner.cli.run import wanted_range
    from runner.compiler.columns import evaluate
    from runner.compiler.why import render_trace, trace
    from runner.domain.units import parse_instant
    from runner.modes import load_for

    moment_ms = parse_instant(at)
    if moment_ms is None:
        raise click.UsageError(f"--at {at}: write a minute, such as 2024-03-14T09:15Z")
    compiled = bots.load_compiled(bot, sets)
    market, _ = load_for(compiled, data_source, wanted_range(begin, None))
    row = _row_of(market, moment_ms.ms)
    moment = moment_at(compiled, market, evaluate(compiled.program, market), row)
    found = trace(compiled.program, market, row, facts=facts_of(compiled.plan, moment))
    gates = _gates(compiled, moment)
    if as_json:
        click.echo(json.dumps(_plain(compiled, moment, found, gates), indent=2, ensure_ascii=False))
        return
    click.echo("\n".join(_head(moment)))
    click.echo(render_trace(found).rstrip("\n"))
    for side, listed in gates.items():
        click.echo(f"\ngates of a {side} entry")
        for gate in listed:
            mark = {True: "✓ passed ", False: "✗ refused", None: "· not reached"}[gate.passed]
            click.echo(f"  {mark} {gate.name:<18} {gate.detail}".rstrip())
    click.echo("\n".join(["", *_outcome(moment)]))


def _row_of(market: Any, at_ms: int) -> int:
    """The market's row whose bar contains the instant, or a clear refusal."""
    from runner.domain.time import format_time

    times = market.bars.open_time_ms
    row = int(times.searchsorted(at_ms, side="right")) - 1
    first, end = int(times[market.first]), int(times[-1]) + market.bars.timeframe_ms
    if row < market.first or at_ms >= end:
        raise click.UsageError(
            f"--at lies outside the backtest, which covers {format_time(first)} to {format_time(end)} UTC"
        )
    if at_ms >= int(times[row]) + market.bars.timeframe_ms:
        raise click.UsageError(f"there is no bar at {format_time(at_ms)} UTC: the data has a gap there")
    return row


def _gates(compiled: "Compiled", moment: "Moment") -> "dict[str, list[Gate]]":
    from runner.backtest.moment import entry_gates
    from runner.domain.bar import TRUE

    verdicts = {"long": moment.row.enter_long, "short": moment.row.enter_short}
    fired = [side for side, verdict in verdicts.items() if verdict == TRUE]
    return {side: entry_gates(compiled.plan, moment, SIDES[side]) for side in fired}


def _head(moment: "Moment") -> list[str]:
    from runner.domain.time import format_time

    bar, state = moment.bar, moment.before
    held = state.position.quantity
    position = (
        "flat"
        if held == 0.0
        else f"{'long' if held > 0 else 'short'} {abs(held):g} from {state.position.entry_price:,.8g}"
    )
    lines = [
        f"bar {format_time(bar.open_time_ms)} UTC  open {bar.open:,.8g}  high {bar.high:,.8g}  "
        f"low {bar.low:,.8g}  close {bar.close:,.8g}",
        f"position at its close: {position}; equity {moment.after.account.equity_usdt:,.2f} USDT",
    ]
    return [*lines, *(f"filled in this bar: {fill}" for fill in moment.fills), ""]


def _outcome(moment: "Moment") -> list[str]:
    """What the decision wants for the next bar."""
    from runner.domain.order import NO_ORDER, REASONS
    from runner.domain.position import REFUSALS

    orders = moment.after.orders
    lines = []
    for order in (orders.market, orders.entry, orders.stop, *orders.targets):
        if order.kind != NO_ORDER:
            where = f"at {order.price:,.8g}" if order.price else "at market"
            lines.append(
                f"  {REASONS[order.reason]}: {'buy' if order.side > 0 else 'sell'} {order.quantity:g} {where}"
            )
    refusal = moment.after.refusal
    said = [f"entry refused: {REFUSALS[refusal]}"] if refusal in REFUSALS else []
    return said + (["orders for the next bar:", *lines] if lines else ["no orders for the next bar"])


def _plain(
    compiled: "Compiled", moment: "Moment", found: Any, gates: "dict[str, list[Gate]]"
) -> dict[str, object]:
    return {
        "bot": compiled.document.name,
        "bot_hash": compiled.bot_hash,
        "bar": moment.bar._asdict(),
        "position": moment.before.position._asdict(),
        "equity_usdt": moment.after.account.equity_usdt,
        "fills": list(moment.fills),
        "rules": {place: reading.plain() for place, reading in found.readings},
        "gates": {side: [gate._asdict() for gate in listed] for side, listed in gates.items()},
        "outcome": _outcome(moment),
    }
