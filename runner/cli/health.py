"""`runner health`: how a running bot is, for people, scripts and container health checks.

In: the bot's URL, else the settings' address and port. Out: text or JSON on stdout; exit code 0 when well, 5
when not, or when nothing answers.
Refuses to know: what makes a bot well.
"""

import json

import click


@click.command()
@click.option("--url", metavar="URL", help="Where the bot listens.  [default: health.address, health.port]")
@click.option("--ready", is_flag=True, help="Also want it to be ready: new risk may be taken.")
@click.option("--metrics", is_flag=True, help="Print its metrics instead.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0.1, 60),
    default=3.0,
    show_default=True,
    help="Seconds to wait for an answer.",
)
@click.option("--json", "as_json", is_flag=True, help="Print its answer as JSON.")
def command(url: str | None, ready: bool, metrics: bool, timeout_s: float, as_json: bool) -> None:
    """Ask a running bot how it is: exit code 0 when it is alive, 5 when it is not.

    \b
    runner health
    runner health --ready --url http://127.0.0.1:9465
    HEALTHCHECK CMD ["runner", "health"]            in a Dockerfile
    """
    from runner.cli.settings import settings_now
    from runner.domain.secret import Secret
    from runner.errors import HealthFailed, UsageError
    from runner.health.query import ask

    if metrics and (ready or as_json):
        raise UsageError("--metrics is an answer of its own: without --ready and --json")
    settings = settings_now()
    token = settings.text_or_none("health.token")
    place = url or _local(settings.text("health.address"), settings.port("health.port"))
    path = "/metrics" if metrics else "/readyz" if ready else "/healthz"
    reply = ask(place, path, Secret(token) if token else None, timeout_s)
    if reply.status not in (200, 503):
        raise HealthFailed(f"{place} answers {reply.status}: {reply.text.strip()[:200]}")
    click.echo(reply.text if metrics or as_json else _told(place, reply.text), nl=not (metrics or as_json))
    if reply.status != 200:
        raise SystemExit(5)


def _local(address: str, port: int) -> str:
    """What this machine asks when the bot listens on all addresses is loopback."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _told(place: str, text: str) -> str:
    from runner.errors import HealthFailed

    try:
        said = json.loads(text)
        head = f"{'✓ alive' if said['alive'] else '✗ hangs'}, {'' if said['ready'] else 'not '}ready"
        state = f"  {said['state']}" if said["state"] else ""
        return "\n".join([f"{head}{state}", *(f"  {what}: {why}" for what, why in said["reasons"].items())])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise HealthFailed(f"{place} answers, but not as a bot does: {text.strip()[:200]}") from None
