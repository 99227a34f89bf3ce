"""`runner status`: how bots stand, from the journal alone, so that it also tells of one that hangs or is
dead.

In: a run's or bot's name, or nothing. Out: text or JSON on stdout.
Refuses to know: sessions, exchanges: what it says is what was written down last.


"""

import json
import time
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runner.cli import journals
from runner.cli.targets import AS_JSON, MODE, target_named, targets

if TYPE_CHECKING:
    from runner.cli.targets import Target
    from runner.domain.entry import Event

E = TypeVar("E", bound="Event")


@click.command("status")
@click.argument("bot", metavar="[BOT|RUN]", required=False)
@MODE
@AS_JSON
def command(bot: str | None, mode: str | None, as_json: bool) -> None:
    """Show how bots stand: process, state, position, stop, orders, halts, last bar, equity.

    \b
    runner status                       every bot's newest run
    runner status btc_trend
    runner status btc_trend --mode live --json

    It reads the journal and asks no process: a session that hangs is shown as it was when it last wrote.
    `runner health` asks a running one.


    """
    with journals.known() as opened:
        found = [target_named(opened, bot, mode)] if bot else list(targets(opened, mode))
        told = [standing(target) for target in found]
    if as_json:
        click.echo(json.dumps({"version": 1, "runs": told}, indent=2))
        return
    if not told:
        click.echo("nothing has run yet: runner run BOT --testnet starts one", err=True)
        return
    click.echo("\n\n".join(_text(one) for one in told))


def standing(target: "Target") -> dict[str, Any]:
    """All that the journal says of a run now."""
    from runner.domain.order_event import EquityMarked
    from runner.domain.session_event import BarClosed, SessionChanged

    run, read, now_ms = target.run, target.journal.read, _now_ms()
    changed = _last(target, "session_changed", SessionChanged)
    bar, marked = _last(target, "bar_closed", BarClosed), _last(target, "equity_marked", EquityMarked)
    holder = target.holder
    return {
        "run": run.run,
        "bot": run.bot,
        "mode": run.mode,
        "account": run.account,
        "symbol": run.symbol,
        "process": {
            "state": target.process,
            "pid": holder.pid if holder and target.is_taken else None,
            "host": holder.host if holder and target.is_taken else None,
            "heard_ms_ago": now_ms - holder.renewed_ms if holder and target.is_taken else None,
        },
        "state": run.state or "starting",
        "why": changed.why if changed else "",
        "ended": run.ended_reason,
        "exit_code": run.exit_code,
        "positions": [_position(row) for row in read.positions(run.run) if row.quantity],
        "orders": [_order(row) for row in read.orders(run.run, only_open=True)],
        "limits": [*_left(target), *(_limit(row) for row in read.limits(run.run, now_ms))],
        "last_bar_close_ms": bar.bar.close_time_ms if bar else None,
        "equity_usdt": str(marked.equity_usdt) if marked else None,
        "alerts_waiting": target.journal.outbox.backlog(),
    }


def _left(target: "Target") -> list[dict[str, Any]]:
    """Halts that the journal has not taken yet."""
    from runner.domain.session_event import Halted
    from runner.journal.word import words_left

    told = []
    for word in words_left(target.journal.database, target.run.run):
        assert isinstance(word.event, Halted)
        halted = word.event
        at = {"level": halted.level, "since_ms": word.time_ms, "until_ms": None, "who": halted.who}
        told.append({"name": "halt", **at, "reason": f"{halted.reason} (left beside the journal)"})
    return told


def _last(target: "Target", kind: str, of: "type[E]") -> "E | None":
    line = target.journal.read.last(target.run.run, kind)
    return line.entry.event if line is not None and isinstance(line.entry.event, of) else None


def _position(row: Any) -> dict[str, Any]:
    return {
        "symbol": row.symbol,
        "quantity": str(row.quantity),
        "entry_price": str(row.entry_price),
        "protected": row.protected,
        "realised_pnl_usdt": str(row.realised_pnl_usdt),
        "fees_usdt": str(row.fees_usdt),
        "funding_usdt": str(row.funding_usdt),
    }


def _order(row: Any) -> dict[str, Any]:
    return {
        "client_id": row.client_id,
        "leg": row.leg,
        "kind": row.kind,
        "side": "buy" if row.side > 0 else "sell",
        "quantity": str(row.quantity),
        "price": None if row.price is None else str(row.price),
        "trigger_price": None if row.trigger_price is None else str(row.trigger_price),
        "status": row.status,
    }


def _limit(row: Any) -> dict[str, Any]:
    return {
        "name": row.name,
        "level": row.level,
        "since_ms": row.since_ms,
        "until_ms": row.until_ms,
        "reason": row.reason,
        "who": row.who,
    }


def _text(one: dict[str, Any]) -> str:
    from runner.domain.time import format_time

    lines = [f"{one['run']}  {one['symbol']}, {one['mode']}, account {one['account']}"]
    lines.append(f"  process    {_process(one)}")
    why = f": {one['why']}" if one["why"] and one["state"] not in ("running", "closed") else ""
    lines.append(f"  state      {one['state'].replace('_', ' ')}{why}")
    for limit in one["limits"]:
        until = f" until {format_time(limit['until_ms'])} UTC" if limit["until_ms"] else ""
        lines.append(
            f"  {limit['name']:<10} {limit['level'].replace('_', ' ')}{until}, "
            f"by {limit['who']}: {limit['reason']}"
        )
    if not one["positions"]:
        lines.append("  position   none")
    for held in one["positions"]:
        shield = {True: "a stop rests", False: "NO STOP", None: "protection not known"}[held["protected"]]
        lines.append(f"  position   {held['quantity']} at {held['entry_price']}, {shield}")
    for order in one["orders"]:
        price = order["trigger_price"] or order["price"] or "market"
        lines.append(
            f"  order      {order['leg']}: {order['side']} {order['quantity']} at {price} ({order['status']})"
        )
    if one["last_bar_close_ms"]:
        lines.append(f"  last bar   closed {format_time(one['last_bar_close_ms'])} UTC")
    if one["equity_usdt"]:
        lines.append(f"  equity     {float(one['equity_usdt']):,.2f} USDT at that close")
    if one["alerts_waiting"]:
        lines.append(f"  alerts     {one['alerts_waiting']} wait to be delivered")
    return "\n".join(lines)


def _process(one: dict[str, Any]) -> str:
    process = one["process"]
    if process["state"] == "none":
        ended = f" (it ended: {one['ended']}, exit code {one['exit_code']})" if one["ended"] else ""
        return f"none{ended}"
    heard = f"{process['pid']} on {process['host']}, last heard of {process['heard_ms_ago'] / 1000:.0f} s ago"
    return heard if process["state"] == "running" else f"HANGS: {heard}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
