"""`runner indicators`: the reference of what `kind:` can be.

In: a kind, or nothing. Out: a list, or one indicator in full. Refuses to know: formulas (the registry
has them).
"""

import json
from dataclasses import asdict
from typing import Any

import click


@click.command()
@click.argument("kind", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(kind: str | None, as_json: bool) -> None:
    """List the indicators, or show one with its settings and outputs.

    \b
    runner indicators
    runner indicators adx
    """
    from indicators import REGISTRY
    from runner.bot.problem import did_you_mean

    if kind is not None and kind not in REGISTRY:
        raise click.UsageError(f"no indicator '{kind}'; {did_you_mean(kind, list(REGISTRY))}")
    chosen = [REGISTRY[kind]] if kind else list(REGISTRY.values())
    if as_json:
        keep = (
            "kind",
            "family",
            "summary",
            "formula",
            "source",
            "inputs",
            "parameters",
            "outputs",
            "version",
        )
        rows = [{name: asdict(entry)[name] for name in keep} for entry in chosen]
        click.echo(json.dumps(rows[0] if kind else rows, indent=2, ensure_ascii=False))
    elif kind:
        click.echo("\n".join(_page(chosen[0])))
    else:
        width = max(map(len, REGISTRY))
        for entry in chosen:
            click.echo(f"{entry.kind:<{width}}  {entry.family:<10}  {entry.summary}")


def _page(entry: Any) -> list[str]:
    lines = [f"{entry.kind}: {entry.summary}", "", entry.formula, f"source: {entry.source}", ""]
    settings = []
    for parameter in entry.parameters:
        default = "required" if parameter.default is None else f"default {parameter.default:g}"
        bounds = f"{parameter.minimum:g} to {parameter.maximum:g}"
        settings.append((parameter.name, f"{parameter.description} ({default}, {bounds})"))
    lines += ["settings:", *(f"  {name:<12} {text}" for name, text in settings)]
    lines += ["outputs:"]
    for output in entry.outputs:
        lines.append(f"  {output.name:<12} {output.description} [{output.unit}]")
    example = ", ".join(
        [f"kind: {entry.kind}"]
        + [f"{parameter.name}: {parameter.default or 20:g}" for parameter in entry.parameters]
    )
    return [*lines, "", "example:", f"  my_{entry.kind}: {{{example}}}"]
