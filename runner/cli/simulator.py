"""`runner simulator`: a Binance USDⓈ-M look-alike on this machine, with stored candles as its market.

In: what to play, how fast, which faults. Out: where it listens and how to point clients at it, until Ctrl-C.
Refuses to know: how it answers.
"""

import asyncio
import json
import signal
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.errors import UsageError

if TYPE_CHECKING:
    import ssl

    from runner.domain.series import Market
    from runner.simulator.opening import Opening
    from runner.simulator.pacing import Pace
    from runner.simulator.server import Server

LEAD_BARS = 1500  # of history before the start: what klines gives at once
LEAD_BARS_MAX = 2_000_000  # nearly four years of minutes
POINTING = """\
import ccxt.pro
client = ccxt.pro.binanceusdm(
    {{"apiKey": "key", "secret": "secret", "options": {{"fetchCurrencies": False}}}}
)
url, streams = "{url}", "{streams}"
client.urls["api"] = {{
    "fapiPublic": url + "/fapi/v1", "fapiPrivate": url + "/fapi/v1",
    "fapiPublicV2": url + "/fapi/v2", "fapiPrivateV2": url + "/fapi/v2",
    "fapiPublicV3": url + "/fapi/v3", "fapiPrivateV3": url + "/fapi/v3",
    "fapiData": url + "/futures/data", "ws": {{"linear": streams + "/ws"}},
}}
client.get_exceptions_by_url = lambda url, kind: client.exceptions["linear"].get(kind, {{}})
"""


@click.command("simulator")
@click.option(
    "--data",
    "source",
    type=click.Choice(["store", "sample"]),
    default="store",
    show_default=True,
    help="The candle store, or a SYNTHETIC market made on the fly.",
)
@click.option(
    "--symbol",
    "symbols",
    multiple=True,
    default=("BTC/USDT:USDT",),
    show_default=True,
    help="Repeat for more.",
)
@click.option("--timeframe", help="Bars to play.  [default: the shortest there are; 1m of the sample]")
@click.option(
    "--from", "first", metavar="DATE", help="Start of play, UTC.  [default: 30 days before the end]"
)
@click.option(
    "--lead",
    type=click.IntRange(0, LEAD_BARS_MAX),
    default=LEAD_BARS,
    show_default=True,
    metavar="N",
    help="Bars of history before the start: what a bot warms up with.",
)
@click.option("--to", "last", metavar="DATE", help="End of play, UTC.  [default: as far as there are bars]")
@click.option(
    "--speed",
    default="max",
    show_default=True,
    metavar="real|xN|max|step",
    help="As time passes, N times as fast, as fast as clients keep up, or by /admin/step only.",
)
@click.option(
    "--faults", default="", metavar="TEXT|@FILE|random:N", help="What goes wrong; see docs/simulator.md."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything that is left to chance.")
@click.option(
    "--wallet", default="10000", show_default=True, metavar="USDT", help="What the account starts with."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one."
)
@click.option(
    "--cert", type=click.Path(path_type=Path, exists=True), help="Certificate (PEM), for https and wss."
)
@click.option("--cert-key", type=click.Path(path_type=Path, exists=True), help="Its private key (PEM).")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON (version 1) instead of text.")
def command(**chosen: Any) -> None:
    """Serve REST and WebSockets as Binance USDⓈ-M futures does, on this machine only.

    \b
    runner simulator --data sample --from 2024-01-01 --to 2024-02-01
    runner simulator --from 2024-05-01 --speed x60 --faults "net.drop_after(POST order) x3"
    runner simulator --speed step --faults @storm.txt --seed 7 --port 0 --json
    runner simulator --data sample --timeframe 15m --lead 12200 --speed real

    The API key is `key`, the secret is `secret`; simulator-key and simulator-secret are long enough for
    `runner keys add`. It prints how to point ccxt at it. With --speed max the
    market waits for the clients: the next bar is played when they have been quiet for 20 ms, or have said
    POST /admin/ready. GET /admin tells what else there is: step time, set prices, inject faults, read the
    truth. A bot that runs against it wants the bars of its warm-up before the start: --lead gives them,
    counted in the bars that are played.
    """
    pace, tls = _pace(chosen["speed"]), _tls(chosen["cert"], chosen["cert_key"])
    opening = _opening(chosen)
    asyncio.run(_serve(opening, pace, tls, chosen))


async def _serve(
    opening: "Opening", pace: "Pace", tls: "ssl.SSLContext | None", chosen: dict[str, Any]
) -> None:
    from runner.simulator.opening import open_box
    from runner.simulator.server import Server

    server = Server(open_box(opening), pace, port=chosen["port"], tls=tls)
    await server.start()
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    try:
        click.echo(_said(server, opening, chosen))
        await stopped.wait()
    finally:
        await server.close()


def _said(server: "Server", opening: "Opening", chosen: dict[str, Any]) -> str:
    from runner.domain.time import format_time
    from runner.simulator.opening import script_of

    script = script_of(opening).strip()
    pointing = POINTING.format(url=server.url, streams=server.stream_url)
    ends = [int(one.bars.open_ms[-1]) + one.bars.timeframe_ms for one in opening.histories]
    if chosen["as_json"]:
        return json.dumps(
            {
                "version": 1,
                "url": server.url,
                "streams": server.stream_url,
                "admin": f"{server.url}/admin",
                "symbols": [one.symbol for one in opening.histories],
                "from_ms": opening.start_ms,
                "to_ms": max(ends),
                "speed": chosen["speed"],
                "seed": opening.seed,
                "faults": script.splitlines(),
                "ccxt": pointing,
            }
        )
    names = ", ".join(one.symbol for one in opening.histories)
    lines = [
        f"Binance USDⓈ-M look-alike at {server.url}, streams at {server.stream_url}, "
        f"admin at {server.url}/admin",
        f"{names}, {format_time(opening.start_ms)} to {format_time(max(ends))} UTC, speed {chosen['speed']}, "
        f"seed {opening.seed}",
        *([f"faults:\n  {script.replace(chr(10), chr(10) + '  ')}"] if script else []),
        "to point ccxt at it:\n",
        pointing,
        "Ctrl-C stops it.",
    ]
    return "\n".join(lines)


def _opening(chosen: dict[str, Any]) -> "Opening":
    from runner.data.instruments import instrument_for
    from runner.data.symbol import canonical_symbol, market_id
    from runner.simulator.catalogue import rules_of
    from runner.simulator.opening import Opening, history_of

    rules, histories, starts = [], [], []
    for text in chosen["symbols"]:
        try:
            symbol = canonical_symbol(text)
        except ValueError as error:
            raise UsageError(f"--symbol: {error}") from None
        market = _market(chosen, symbol)
        found, name = instrument_for(symbol), market_id(symbol)
        rules.append(rules_of(name, found.instrument, found.brackets))
        histories.append(history_of(market, name))
        starts.append(int(market.bars.open_time_ms[market.first]))
    return Opening(
        rules=tuple(rules),
        histories=tuple(histories),
        start_ms=max(starts),
        wallet_usdt=_wallet(chosen["wallet"]),
        seed=chosen["seed"],
        script=_script(chosen["faults"]),
        wall=lambda: time.time_ns() // 1_000_000,
    )


def _market(chosen: dict[str, Any], symbol: str) -> "Market":
    """The bars to play, with history before them."""
    from runner.data.market import load_market
    from runner.domain.time import DAY_MS, timeframe_ms

    try:
        length = timeframe_ms(chosen["timeframe"]) if chosen["timeframe"] else _shortest_ms(chosen, symbol)
    except ValueError as error:
        raise UsageError(f"--timeframe: {error}") from None
    start, stop = _moment("--from", chosen["first"], 0), _moment("--to", chosen["last"], DAY_MS)
    if start is None:
        end = stop if stop is not None else _end_ms(chosen, symbol)
        start = end - 30 * DAY_MS
    market, _ = load_market(
        chosen["source"],
        symbol,
        length,
        start_ms=start,
        stop_ms=stop,
        warmup_bars=chosen["lead"],
        seed=chosen["seed"],
    )
    return market


def _shortest_ms(chosen: dict[str, Any], symbol: str) -> int:
    from runner.data.home import candles_root
    from runner.data.shelf import store_shelf
    from runner.domain.time import MINUTE_MS

    if chosen["source"] == "sample":
        return MINUTE_MS
    offers = store_shelf(candles_root(), symbol).offers("last")
    return min((one.timeframe_ms for one in offers), default=MINUTE_MS)


def _end_ms(chosen: dict[str, Any], symbol: str) -> int:
    from runner.data.home import candles_root
    from runner.data.sample import sample_shelf
    from runner.data.shelf import store_shelf

    shelf: Any = sample_shelf(symbol) if chosen["source"] == "sample" else store_shelf(candles_root(), symbol)
    return max((one.to_ms for one in shelf.offers("last")), default=0)


def _moment(name: str, text: str | None, day_ms: int) -> int | None:
    """A date or a moment, UTC; a bare date given as the end means all of that day."""
    from runner.domain.time import parse_time

    if text is None:
        return None
    try:
        return parse_time(text) + (day_ms if len(text) == len("2024-05-01") else 0)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None


def _pace(text: str) -> "Pace":
    from runner.simulator.pacing import Pace

    if text in ("real", "max", "step"):
        return Pace({"real": 1.0, "max": 0.0, "step": None}[text])
    try:
        times = float(text.removeprefix("x"))
    except ValueError:
        times = 0.0
    if not text.startswith("x") or not 0 < times <= 1_000_000:
        raise UsageError(f"--speed {text}: write real, x60 for sixty times as fast, max, or step")
    return Pace(times)


def _script(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--faults {text}: {error.strerror}") from None


def _wallet(text: str) -> Decimal:
    if not text.replace(".", "", 1).isdigit() or not Decimal(text):
        raise UsageError(f"--wallet {text}: write an amount of USDT such as 10000")
    return Decimal(text)


def _tls(cert: Path | None, key: Path | None) -> "ssl.SSLContext | None":
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise UsageError("--cert and --cert-key go together")
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key)
    except (ssl.SSLError, OSError) as error:
        raise UsageError(f"--cert {cert}: {error}") from None
    return context
