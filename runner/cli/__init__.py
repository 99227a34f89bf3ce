"""The command line: one click group, each command imported when it is called.

In: arguments. Out: results on stdout, progress and findings on stderr, an exit code.
Exit codes: 0 fine · 1 findings · 2 usage · 3 our bug · 4 data missing or damaged · 5 exchange, network,
keys ·
6 the bot stopped itself · 130 interrupted.
Refuses to know: how anything is done. The only `except Exception` of the project stands here.
"""

import importlib
import os
import sys

import click
from click.exceptions import NoSuchCommand

# name → (module:attribute, help line); the help of the group needs no command imported.
COMMANDS: dict[str, tuple[str, str]] = {
    "new": ("runner.cli.new:command", "Write a bot to start from."),
    "check": ("runner.cli.check:command", "Find every fault in bot files."),
    "fmt": ("runner.cli.fmt:command", "Rewrite bot files in the canonical spelling."),
    "show": ("runner.cli.show:command", "Print a bot with every default filled in."),
    "explain": ("runner.cli.explain:command", "Say in plain sentences what a bot does."),
    "run": ("runner.cli.run:command", "Run a bot: --backtest, --paper, --testnet, --live."),
    "status": ("runner.cli.status:command", "Show how bots stand, also one that hangs or is dead."),
    "halt": ("runner.cli.operate:halt", "Let a bot open nothing new; what is open stays protected."),
    "resume": ("runner.cli.operate:resume", "Let a halted bot trade again."),
    "flatten": ("runner.cli.operate:flatten", "Close a bot's position and take its orders away."),
    "rehearse": ("runner.cli.rehearse:command", "Trade at an exchange in a box, and compare."),
    "deviation": ("runner.cli.deviation:command", "Show why a run's result is not its backtest's."),
    "up": ("runner.cli.up:command", "Run several bots, and start again what dies."),
    "doctor": ("runner.cli.doctor:command", "Check all that can be known before a bot's first order."),
    "why": ("runner.cli.why:command", "Show why a bot did or did not trade at one bar."),
    "runs": ("runner.cli.runs:command", "List recorded runs."),
    "report": ("runner.cli.report:command", "Print the report of a recorded run."),
    "verify": ("runner.cli.verify:command", "Check the journal, and run a recorded run again."),
    "versions": ("runner.cli.versions:command", "List the recorded versions of a bot."),
    "diff": ("runner.cli.diff:command", "Compare two versions of a bot."),
    "rollback": ("runner.cli.rollback:command", "Set a bot's file back to a recorded version."),
    "data": ("runner.cli.data:group", "Pull, import, list and check market data."),
    "indicators": ("runner.cli.indicators:command", "Look up indicators and their settings."),
    "schema": ("runner.cli.schema:command", "Print the JSON Schema of bot files."),
    "keys": ("runner.cli.keys:group", "Keep exchange keys and alert addresses, encrypted."),
    "audit": ("runner.cli.audit:command", "Show what caused each order of a recorded run."),
    "health": ("runner.cli.health:command", "Ask a running bot how it is."),
    "alerts": ("runner.cli.alerts:group", "Send a test message; list who hears of what."),
    "simulator": ("runner.cli.simulator:command", "Serve a Binance USDⓈ-M look-alike on this machine."),
    "config": ("runner.cli.config:command", "Show the settings in force, and who said them."),
}


class LazyGroup(click.Group):
    """A group that knows names and help lines, and imports a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order a new user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        found = getattr(importlib.import_module(module), attribute)
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command, or the nearest name to a misspelt one."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands section, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="runner", prog_name="runner")
def cli() -> None:
    """Run trading bots on Binance USDⓈ-M futures, each one a YAML document.

    \b
    runner new my_bot                             a bot to start from
    runner check bots/my_bot.yaml                 every fault, with its line and a hint
    runner run bots/my_bot.yaml --backtest        what it would have done
    runner why bots/my_bot.yaml --at 2024-03-14T09:15Z
    """


def main() -> None:
    """The entry point of the `runner` script."""
    from runner.errors import RunnerError

    # Looking for plug-ins of pydantic reads every installed package's metadata: 10 ms and more.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as refused:
        refused.show()
        sys.exit(refused.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; nothing was left half written", err=True)
        sys.exit(130)
    except SystemExit as ended:
        # click ends with 1 when whoever read our output went away, as `head` does; that is no finding
        gone = type(sys.stdout).__name__ == "PacifyFlushWrapper"
        sys.exit(0 if gone else ended.code)
    except OSError as fault:
        place = f"{fault.filename}: " if fault.filename else ""
        _tell(f"error: {place}{fault.strerror or fault}")
        sys.exit(4)
    except RunnerError as error:
        _tell(f"error: {error}")
        sys.exit(error.exit_code)
    except Exception as bug:
        _report_bug(bug)
        sys.exit(3)
    sys.exit(code if isinstance(code, int) else 0)


def _tell(text: str) -> None:
    """An error without the secrets that this process has opened; if it opened none, there are none in it."""
    redactor = sys.modules.get("runner.logs.redact")
    click.echo(redactor.redact(text) if redactor else text, err=True)


def _report_bug(bug: Exception) -> None:
    """Our fault, not the user's: what to send us."""
    import platform
    import traceback
    from importlib.metadata import version

    frames = traceback.extract_tb(bug.__traceback__)
    click.echo("error: this is a fault in runner itself, not in your bot or your data.", err=True)
    click.echo("Please report these lines:", err=True)
    click.echo(
        f"  runner {version('runner')}, Python {platform.python_version()}, {platform.system()}", err=True
    )
    _tell(f"  {type(bug).__name__}: {bug}")
    for frame in frames[-4:]:
        click.echo(f"  {frame.name} (line {frame.lineno})", err=True)
