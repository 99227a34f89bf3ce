"""Each REST call replayed from cassettes/, with nobody listening and recording off."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import vcr.errors

from cassettes import CALLS, FOLDER, JANUARY_MS, SIGNED, recorder
from runner.domain.time import HOUR_MS
from runner.errors import ExchangeRefused
from runner.exchange.client import FuturesClient, Keys
from runner.exchange.profiles import local_profile
from runner.exchange.public import Patience, PublicSource

NOBODY = local_profile("http://127.0.0.1:9")
ONCE = Patience(tries_max=1, unreached_max=1)
KEYS = Keys("key", "secret")
# A key or a signature of Binance is 64 letters and digits; nothing in an answer is that long.
KEY_LIKE = re.compile(
    r"[A-Za-z0-9+/]{40,}|signature|apikey|secret|listenkey|authorization|cookie", re.IGNORECASE
)


def replayed(name: str, call: str = "") -> object:
    """What the call makes of the cassette's answers."""

    async def replay() -> object:
        async with FuturesClient(NOBODY, KEYS if name in SIGNED else None) as client:
            with recorder("none").use_cassette(f"{name}.yaml") as cassette:
                answer = await CALLS[call or name](PublicSource(client, ONCE))
            assert cassette.all_played
            return answer

    return asyncio.run(replay())


def test_every_call_has_a_cassette_and_every_cassette_a_call() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_a_cassette_says_where_and_when_it_was_recorded(name: str) -> None:
    first, second, *_ = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    assert re.match(
        r"# Recorded on 20\d\d-\d\d-\d\d from (a local stand-in .* not from Binance|Binance, .*)\.$", first
    )
    assert second == "# Keys and signatures are left out. `make record` writes it again."


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_a_cassette_holds_nothing_like_a_key(path: Path) -> None:
    if path.suffix == ".yaml":
        lines = path.read_text(encoding="utf-8").splitlines()[2:]
        found = [line for line in lines if KEY_LIKE.search(line)]
        assert not found


def test_a_key_in_a_cassette_would_be_seen() -> None:
    assert KEY_LIKE.search("uri: https://exchange.invalid/fapi/v1/order?signature=00ff")
    assert KEY_LIKE.search("vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A")
    assert KEY_LIKE.search("X-MBX-APIKEY:")


def test_the_clock_is_replayed() -> None:
    now_ms = replayed("time")
    assert isinstance(now_ms, int)
    assert now_ms > JANUARY_MS


@pytest.mark.parametrize(("name", "width"), [("klines", 5), ("mark_price_klines", 4)])
def test_bars_are_replayed(name: str, width: int) -> None:
    (page,) = replayed(name)  # type: ignore[misc]
    assert page.time_ms.tolist() == [JANUARY_MS + at * HOUR_MS for at in range(24)]
    assert len(page.columns) == width
    opened, high, low, close = page.columns[:4]
    assert all(low <= opened) and all(low <= close) and all(high >= opened) and all(high >= close)  # noqa: PT018
    assert all(low > 0)


def test_the_first_bar_is_replayed() -> None:
    first_ms = replayed("klines_first")
    assert isinstance(first_ms, int)
    assert first_ms < JANUARY_MS


def test_funding_is_replayed() -> None:
    (page,) = replayed("funding_rate")  # type: ignore[misc]
    assert [round((at - JANUARY_MS) / HOUR_MS, 3) for at in page.time_ms] == [8 * at for at in range(30)]
    assert all(abs(page.columns[0]) < 0.03)


def test_rules_are_replayed() -> None:
    tree = json.loads(str(replayed("exchange_info")))
    assert [one["symbol"] for one in tree["symbols"]] == ["BTCUSDT", "ETHUSDT"]
    assert {one["filterType"] for one in tree["symbols"][0]["filters"]} >= {
        "PRICE_FILTER",
        "LOT_SIZE",
        "MIN_NOTIONAL",
    }


def test_brackets_are_replayed() -> None:
    tree = json.loads(str(replayed("leverage_bracket")))
    assert [one["symbol"] for one in tree] == ["BTCUSDT", "ETHUSDT"]
    assert tree[0]["brackets"][0]["notionalFloor"] == 0


def test_a_wrong_symbol_is_replayed() -> None:
    refused = replayed("klines_bad_symbol")
    assert isinstance(refused, ExchangeRefused)
    assert refused.code == -1121


def test_what_is_not_in_a_cassette_is_not_sent() -> None:
    with pytest.raises(vcr.errors.CannotOverwriteExistingCassetteException):
        replayed("time", call="exchange_info")


def test_recording_from_the_stand_in_again_gives_the_same_cassettes(tmp_path: Path) -> None:
    record = Path(__file__).with_name("record.py")
    subprocess.run(
        [sys.executable, str(record), "--from", "stand-in", "--into", str(tmp_path)],
        check=True,
        capture_output=True,
    )
    for name in CALLS:
        kept, again = ((folder / f"{name}.yaml").read_text(encoding="utf-8") for folder in (FOLDER, tmp_path))
        if "stand-in" in kept.splitlines()[0]:
            assert again.splitlines()[1:] == kept.splitlines()[1:]
