"""The cassettes: which request stands in which file, what is taken out before anything is written.

In: a client of the exchange, or a cassette. Out: the same answers, recorded or replayed.
Refuses to know: where it is recorded from; `record.py` does.
"""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import vcr

from runner.domain.source import Page, Wanted
from runner.domain.time import HOUR_MS
from runner.errors import ExchangeRefused
from runner.exchange.public import PublicSource

FOLDER = Path(__file__).resolve().parents[2] / "cassettes"
JANUARY_MS = 1_735_689_600_000  # 2025-01-01

_HEADERS_KEPT = {"content-type", "x-mbx-used-weight-1m"}
_CONTRACTS_KEPT = {"BTCUSDT", "ETHUSDT"}

# vcrpy asks the same filters about a request that is recorded and one that is replayed.
_SECRETS = ["signature", "timestamp", "recvWindow"]


async def pages_of(source: PublicSource, wanted: Wanted) -> list[Page]:
    """All pages at once."""
    return [page async for page in source.pages(wanted)]


async def _refusal_of_a_wrong_symbol(source: PublicSource) -> ExchangeRefused | None:
    try:
        await pages_of(source, wanted("last", "BTCXUSDT"))
    except ExchangeRefused as refused:
        return refused
    return None


def wanted(kind: Any, symbol: str = "BTCUSDT") -> Wanted:
    """A day of hours, or ten days of settlements."""
    if kind == "funding":
        return Wanted(symbol, kind, 0, JANUARY_MS, JANUARY_MS + 240 * HOUR_MS)
    return Wanted(symbol, kind, HOUR_MS, JANUARY_MS, JANUARY_MS + 24 * HOUR_MS)


# A file each. leverageBracket is the one that is signed.
CALLS: dict[str, Callable[[PublicSource], Awaitable[Any]]] = {
    "time": lambda source: source.time_ms(),
    "exchange_info": lambda source: source.exchange_info(),
    "klines": lambda source: pages_of(source, wanted("last")),
    "klines_first": lambda source: source.first_ms("BTCUSDT", "last", HOUR_MS),
    "klines_bad_symbol": _refusal_of_a_wrong_symbol,
    "mark_price_klines": lambda source: pages_of(source, wanted("mark")),
    "funding_rate": lambda source: pages_of(source, wanted("funding")),
    "leverage_bracket": lambda source: source.leverage_bracket(),
}
SIGNED = {"leverage_bracket"}


def recorder(record_mode: str) -> vcr.VCR:
    """vcrpy with the filters; `none` replays and refuses whatever is not in the file."""
    return vcr.VCR(
        cassette_library_dir=str(FOLDER),
        record_mode=vcr.mode(record_mode),
        match_on=["method", "path", "query"],
        filter_headers=["X-MBX-APIKEY", "User-Agent", "Accept-Encoding", "Accept"],
        filter_query_parameters=_SECRETS,
        filter_post_data_parameters=_SECRETS,
        before_record_request=_without_host,
        before_record_response=_without_noise,
        decode_compressed_response=True,
    )


def _without_host(request: Any) -> Any:
    """A cassette answers for the exchange wherever it is."""
    parts = urlsplit(request.uri)
    request.uri = parts._replace(scheme="https", netloc="exchange.invalid").geturl()
    return request


def _without_noise(response: Any) -> Any:
    """Only headers that are read, and of 900 contracts two."""
    headers = response["headers"].items()
    response["headers"] = {name: texts for name, texts in headers if name.lower() in _HEADERS_KEPT}
    tree = json.loads(response["body"]["string"])
    if isinstance(tree, dict) and "symbols" in tree:
        tree["symbols"] = [one for one in tree["symbols"] if one["symbol"] in _CONTRACTS_KEPT]
    elif isinstance(tree, list) and tree and isinstance(tree[0], dict) and "brackets" in tree[0]:
        tree = [one for one in tree if one["symbol"] in _CONTRACTS_KEPT]
    response["body"]["string"] = json.dumps(tree).encode()
    return response
