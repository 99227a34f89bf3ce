"""`runner schema`: the JSON Schema of bot files, or of reports.

In: which one. Out: JSON on stdout, equal to the committed file. Refuses to know: how it is generated.
"""

import click


@click.command()
@click.argument("which", type=click.Choice(["bot", "report"]), default="bot")
def command(which: str) -> None:
    """Print the JSON Schema (draft-07) of bot files, or of reports. Editors complete and check with it.

    \b
    runner schema > bot.v1.json
    runner schema report
    """
    if which == "bot":
        from runner.bot.schema import schema_text

        click.echo(schema_text(), nl=False)
    else:
        from runner.report.schema import render_schema

        click.echo(render_schema(), nl=False)
