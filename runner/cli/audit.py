"""`runner audit RUN`: from every order back to the bar and the rule, the duty or the hand that caused it.

In: a run's name, perhaps one order. Out: text or JSON on stdout; exit code 1 when an order has no cause.
Refuses to know: how causes are found.
"""

import json
from typing import TYPE_CHECKING, Any

import click

from runner.cli import journals
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.domain.entry import Recorded
    from runner.report.audit import Audit, Chain

JSON_VERSION = 1


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--order", metavar="ID", help="One order: our id or its beginning, the exchange's, or an intent."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON (version 1), every entry whole.")
@click.pass_context
def command(ctx: click.Context, run: str, order: str | None, as_json: bool) -> None:
    """Show what caused every order of a recorded run, and what operators did.

    \b
    runner audit last
    runner audit last --order q3fk2a-7xk2m5nq4p6r8t2v-e1

    Whether the journal itself is what was written: runner verify RUN.
    """
    from runner.report.audit import audit

    with journals.known() as opened:
        journal, found = journals.run_named(opened, run)
        audited = audit(journal.read.entries(run=found.run))
    chains = list(audited.chains.values()) if order is None else audited.find(order)
    if order is not None and not chains:
        raise UsageError(f"{found.run} has no order or intent {order}; runner audit {found.run} lists them")
    if as_json:
        click.echo(json.dumps(_plain(found.run, audited, chains, order), indent=2, ensure_ascii=False))
    else:
        _print(found.run, audited, chains if order else None)
    ctx.exit(1 if any(chain.fault for chain in chains) else 0)


def _print(run: str, audited: "Audit", chains: "list[Chain] | None") -> None:
    from runner.report.audit_text import chain_lines, overview

    if chains is not None:
        click.echo("\n\n".join("\n".join(chain_lines(chain)) for chain in chains))
        return
    for line in overview(audited):
        click.echo(line)
    started = audited.started
    orders = sum(len(chain.orders) for chain in audited.chains.values())
    click.echo(
        f"{run}: {audited.entries:,} entries, {orders:,} orders of {len(audited.chains):,} intents, "
        f"{len(audited.fills):,} fills without an order, {len(audited.commands):,} operator commands"
    )
    if started is not None and started.data is not None:
        click.echo(f"it ran over stored bars; the rules at one of them: runner why {started.file} --at TIME")
    for fault in audited.faults:
        click.echo(f"✗ {fault}")


def _plain(run: str, audited: "Audit", chains: "list[Chain]", order: str | None) -> dict[str, Any]:
    tree: dict[str, Any] = {
        "version": JSON_VERSION,
        "run": run,
        "chains": [_chain(chain) for chain in chains],
        "faults": [chain.fault for chain in chains if chain.fault],
    }
    if order is None:
        tree |= {
            "commands": [_line(line) for line in audited.commands],
            "fills": [_line(line) for line in audited.fills],
        }
    return tree


def _chain(chain: "Chain") -> dict[str, Any]:
    return {
        "intent": chain.intent,
        "orders": [
            {
                "client_id": story.client_id,
                "intended": _line(story.intended),
                "entries": [_line(line) for line in story.lines],
            }
            for story in chain.orders.values()
        ],
        "decided": _line(chain.decided),
        "bar": _line(chain.bar),
        "command": _line(chain.command),
        "fault": chain.fault,
    }


def _line(line: "Recorded | None") -> dict[str, Any] | None:
    from runner.journal.codec import kind_of, text_of

    if line is None:
        return None
    entry = line.entry
    return {
        "seq": line.seq,
        "hash": line.hash,
        "time_ms": entry.time_ms,
        "bar_ms": entry.bar_ms,
        "bot_hash": entry.bot_hash,
        "build": entry.build,
        "kind": kind_of(entry.event),
        "event": json.loads(text_of(entry.event)),
    }
