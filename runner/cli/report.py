"""`runner report RUN`: the report of a recorded run, as it was.

In: a run's name. Out: the report on stdout, as text or as the very JSON that was recorded.
Refuses to know: how the figures came about.
"""

import os
import sys

import click

from runner.cli import journals
from runner.errors import UsageError


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="Print the recorded JSON (schemas/report.v1.json).")
def command(run: str, as_json: bool) -> None:
    """Print the report of a recorded run. RUN may be its beginning, or `last`.

    \b
    runner report last
    runner report btc_trend-20240305 --json
    """
    from runner.report.parse import parse_report
    from runner.report.stress import render_stress
    from runner.report.terminal import render_terminal, wants_style

    with journals.known() as opened:
        journal, found = journals.run_named(opened, run)
        if found.report_hash is None:
            raise UsageError(f"the run {found.run} has no report yet; `runner runs` shows where it stands")
        text = journal.read.text(found.report_hash)
    if as_json:
        click.echo(text, nl=False)
        return
    report = parse_report(text)
    styled = wants_style(os.environ, is_terminal=sys.stdout.isatty())
    click.echo(f"run {found.run}, build {found.build}, version {found.text_hash[:12]}")
    click.echo(render_terminal(report, styled=styled), nl=False, color=styled)
    if report.stress is not None:
        click.echo("\n" + render_stress(report.stress), nl=False)
