"""`runner new NAME`: a bot to start from.

In: a name. Out: bots/NAME.yaml, never over an existing file, and the schema for editors beside it.
Refuses to know: anything else.
"""

import re
from pathlib import Path

import click

TEMPLATE = """\
# yaml-language-server: $schema=.schema/bot.v1.json
version: 1
name: {name}
description: Buys when a fast average crosses above a slow one, with a stop two ATR away.

market:
  symbol: {symbol}
  timeframe: {timeframe}
  leverage: 2                    # the cap on notional ÷ equity

parameters:                      # what --set may change
  fast: {{default: 20, min: 5, max: 50}}
  slow: {{default: 50, min: 20, max: 200}}

indicators:
  ema_fast: {{kind: ema, length: $fast}}
  ema_slow: {{kind: ema, length: $slow}}
  atr:      {{kind: atr, length: 14}}

entry:
  long:  ema_fast crosses above ema_slow
  short: ema_fast crosses below ema_slow

size:
  risk: 1% of equity             # lost if the stop is hit

exit:
  stop_loss: {{distance: 2 * atr, trigger: mark}}
  take_profit:
    - {{at: 2R, close: 50%}}
  trailing_stop: {{start_at: 1R, distance: 3 * atr}}

limits:
  daily_loss:   {{max: 3% of equity, then: flatten}}
  max_drawdown: {{max: 20%, then: halt}}

backtest: {{capital: 10000 USDT}}
"""


@click.command()
@click.argument("name")
@click.option("--symbol", default="BTC/USDT:USDT", show_default=True, help="The contract it trades.")
@click.option("--timeframe", default="1h", show_default=True, help="The bars it decides on.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("bots"),
    show_default=True,
)
def command(name: str, symbol: str, timeframe: str, folder: Path) -> None:
    """Write a bot to start from into bots/NAME.yaml. An existing file is never touched.

    \b
    runner new my_bot
    runner new eth_swing --symbol ETH/USDT:USDT --timeframe 4h
    """
    from runner.bot.problem import has_errors
    from runner.bot.read import read_text
    from runner.bot.render import render_text

    if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", name):
        raise click.UsageError(
            f"NAME {name}: small letters, digits and _, beginning with a letter, 32 at most"
        )
    text = TEMPLATE.format(name=name, symbol=symbol, timeframe=timeframe)
    path = folder / f"{name}.yaml"
    _, problems, source = read_text(text, path.as_posix())
    if has_errors(problems):
        click.echo(render_text([(source, problems)]), err=True, nl=False)
        click.get_current_context().exit(2)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise click.UsageError(f"{path} exists already; choose another name or remove it") from None
    _write_schema(folder / ".schema" / "bot.v1.json")
    click.echo(f"wrote {path}")
    click.echo(f"next: runner check {path}\n      runner run {path} --backtest --data sample")


def _write_schema(path: Path) -> None:
    """The schema beside the bots, so that an editor completes and checks offline."""
    from runner.bot.schema import schema_text

    path.parent.mkdir(exist_ok=True)
    path.write_text(schema_text(), encoding="utf-8")
