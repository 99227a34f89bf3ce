"""A rehearsal's verdict as text for a terminal, and as JSON.

In: a Rehearsed. Out: text. Refuses to know: terminals, files.
What failed comes first, then what differs for a reason, then what agrees.
"""

import json
from collections.abc import Iterable
from typing import Any

from runner.domain.time import format_time
from runner.rehearsal.verdict import VERSION, Counts, Difference
from runner.rehearsal.whole import Rehearsed
from runner.report.deviation_text import ledger_lines, ledger_tree

SHOWN_MAX = 12


def render_text(rehearsed: Rehearsed) -> str:
    """One screen."""
    verdict = rehearsed.verdict
    failed, explained = verdict.unexplained, [one for one in verdict.differences if one.is_explained]
    lines = _head(rehearsed)
    if failed:
        lines += [f"FAILED: {len(failed)} unexplained", *_told(failed), ""]
    else:
        lines += ["PARITY HOLDS: the bot did what its backtest says, and nothing is unexplained", ""]
    if explained:
        lines += [f"different for a reason: {len(explained)}", *_told(explained), ""]
    lines += [*_agreed(verdict.counts), "from the backtest's result to the rehearsal's"]
    lines += ledger_lines(verdict.bridge, "the backtest", "the rehearsal")
    return "\n".join(lines) + "\n"


def _head(rehearsed: Rehearsed) -> list[str]:
    """What was compared with what."""
    bill, played = rehearsed.bill, rehearsed.played
    facts = bill.facts
    lines = [
        f"{bill.deployed.bot}  {facts.symbol} {facts.timeframe}  "
        f"{format_time(facts.from_ms)} → {format_time(facts.to_ms)} UTC  {facts.bars:,} bars",
    ]
    if facts.synthetic:
        lines.append("SYNTHETIC market: the figures mean nothing but that both agree")
    pace = facts.bars / played.took_s if played.took_s else 0.0
    lines += [
        "compared: the backtest of these bars, and the session that trades, on an exchange in a box",
        f"{played.requests:,} requests over sockets in {played.took_s:.1f} s, "
        f"{pace:.0f} bars a second; the session ended with {played.exit_code}",
    ]
    if played.faults:
        struck = sum(played.struck.values())
        lines.append(f"{len(played.faults)} faults armed (seed {bill.seed}), {struck} struck")
    return [*lines, ""]


def _agreed(counts: Counts) -> list[str]:
    """How much was compared."""
    return [
        "alike",
        f"  closes decided  {counts.closes_equal:>6,} of {counts.closes:,}",
        f"  signals         {counts.signals_equal:>6,} of {counts.signals:,}",
        f"  trades          {counts.trades_paired:>6,} of {counts.trades:,}",
        f"  executions      {counts.executions_paired:>6,} of {counts.executions:,}",
        "",
    ]


def _told(differences: Iterable[Difference]) -> list[str]:
    shown = list(differences)
    lines = []
    for one in shown[:SHOWN_MAX]:
        usdt = f"  {one.usdt:+,.2f} USDT" if one.usdt else ""
        lines.append(f"  {format_time(one.time_ms // 60_000 * 60_000)}  {one.what}{usdt}")
        lines.append(f"      {one.why or 'nothing in the journal explains it'}")
    if len(shown) > SHOWN_MAX:
        lines.append(f"  and {len(shown) - SHOWN_MAX} more: --json tells all")
    return lines


def render_json(rehearsed: Rehearsed) -> str:
    """Everything, on one line a key; `version` counts changes of shape."""
    bill, played, verdict = rehearsed.bill, rehearsed.played, rehearsed.verdict
    tree = {
        "version": VERSION,
        "holds": verdict.holds,
        "unexplained": [_tree(one) for one in verdict.unexplained],
        "explained": [_tree(one) for one in verdict.differences if one.is_explained],
        "counts": {name: getattr(verdict.counts, name) for name in verdict.counts.__slots__},
        "ledger": ledger_tree(verdict.bridge),
        "bot": bill.deployed.bot,
        "bot_hash": bill.deployed.compiled.bot_hash,
        "run": played.run,
        "market": {
            "symbol": bill.facts.symbol,
            "timeframe": bill.facts.timeframe,
            "from_ms": bill.facts.from_ms,
            "to_ms": bill.facts.to_ms,
            "bars": bill.facts.bars,
            "synthetic": bill.facts.synthetic,
        },
        "faults": {"seed": bill.seed, "script": rehearsed.script.splitlines(), "struck": played.struck},
        "exchange": {
            "wallet_usdt": str(played.wallet_usdt),
            "position": str(played.quantity),
            "protected": played.is_protected,
            "problems": list(played.problems),
        },
        "exit_code": played.exit_code,
        "requests": played.requests,
        "took_s": round(played.took_s, 3),
    }
    return json.dumps(tree, indent=1, ensure_ascii=False) + "\n"


def _tree(one: Difference) -> dict[str, Any]:
    return {"time_ms": one.time_ms, "what": one.what, "why": one.why, "usdt": round(one.usdt, 8)}
