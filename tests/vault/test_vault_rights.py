"""What the exchange says of a key, asked over HTTP of a stand-in that checks signatures as Binance does."""

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from test_vault_commands import keys

from runner.errors import ExchangeHostRefused, ExchangeRefused, ExchangeUnreachable
from runner.exchange.client import Keys
from runner.exchange.profiles import PROFILES, check_url, local_profile
from runner.exchange.rights import Rights, cautions, read_rights, refusals

# Binance's own reply, as its documentation shows it.
GOOD = {
    "ipRestrict": True,
    "createTime": 1623840271000,
    "enableReading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "enableMargin": False,
    "enableFutures": True,
    "permitsUniversalTransfer": False,
    "enableVanillaOptions": False,
    "enableFixApiTrade": False,
    "enableFixReadOnly": False,
    "enableSpotAndMarginTrading": False,
    "enablePortfolioMarginTrading": False,
}
RIGHTS = {
    "key-good": GOOD,
    "key-withdraws": GOOD | {"enableWithdrawals": True},
    "key-no-futures": GOOD | {"enableFutures": False},
    "key-anywhere": GOOD | {"ipRestrict": False, "permitsUniversalTransfer": True},
}
SECRET = "secret-of-all-of-them"


class StandIn:
    """The two questions of `rights.py`; what was asked is kept."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.url = ""

    async def time(self, request: web.Request) -> web.Response:
        return web.json_response({"serverTime": time.time_ns() // 1_000_000})

    async def restrictions(self, request: web.Request) -> web.Response:
        return self._answer(request, RIGHTS.get(request.headers.get("X-MBX-APIKEY", "")))

    async def account(self, request: web.Request) -> web.Response:
        return self._answer(
            request, {"canTrade": True, "canDeposit": True, "canWithdraw": True, "assets": []}
        )

    def _answer(self, request: web.Request, body: dict[str, object] | None) -> web.Response:
        self.asked.append(request.path)
        signed, _, signature = request.query_string.partition("&signature=")
        assert dict(parse_qsl(signed))["timestamp"]
        if body is None:
            said = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}
            return web.json_response(said, status=401)
        if hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest() != signature:
            return web.json_response(
                {"code": -1022, "msg": "Signature for this request is not valid."}, status=400
            )
        return web.json_response(body)

    async def run(self, started: threading.Event, ended: asyncio.Event) -> None:
        app = web.Application()
        app.router.add_get("/fapi/v1/time", self.time)
        app.router.add_get("/sapi/v1/account/apiRestrictions", self.restrictions)
        app.router.add_get("/fapi/v2/account", self.account)
        server = web.AppRunner(app, shutdown_timeout=1)
        await server.setup()
        await web.TCPSite(server, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{server.addresses[0][1]}"
        started.set()
        await ended.wait()
        await server.cleanup()


@pytest.fixture(scope="module")
def exchange() -> Iterator[StandIn]:
    stand_in, started = StandIn(), threading.Event()
    loop, ended = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(stand_in.run(started, ended),))
    thread.start()
    assert started.wait(10)
    yield stand_in
    loop.call_soon_threadsafe(ended.set)
    thread.join(10)
    loop.close()


def asked(exchange: StandIn, key: str, secret: str = SECRET, name: str = "local") -> Rights:
    profile = local_profile(exchange.url)._replace(name=name)
    return asyncio.run(read_rights(profile, Keys(key, secret)))


def test_rights_are_read_and_judged(exchange: StandIn) -> None:
    good = asked(exchange, "key-good")
    assert good == Rights(withdraw=False, futures=True, ip_bound=True, transfer=False)
    assert (refusals(good), cautions(good)) == ([], [])
    assert "withdraw" in refusals(asked(exchange, "key-withdraws"))[0]
    assert "futures" in refusals(asked(exchange, "key-no-futures"))[0]
    loose = asked(exchange, "key-anywhere")
    assert refusals(loose) == []
    assert len(cautions(loose)) == 2


def test_a_key_that_is_not_taken_says_why_and_shows_nothing(exchange: StandIn) -> None:
    for key, secret, words in (
        ("key-unknown", SECRET, "-2015"),
        ("key-good", "secret-wrong", "does not fit"),
    ):
        with pytest.raises(ExchangeRefused, match=words) as refused:
            asked(exchange, key, secret)
        assert key not in str(refused.value)
        assert "signature=" not in str(refused.value)


def test_demo_trading_only_shows_that_the_key_is_taken(exchange: StandIn) -> None:
    exchange.asked.clear()
    rights = asked(exchange, "key-any", name="demo")
    assert rights == Rights(withdraw=None, futures=True, ip_bound=None, transfer=None)
    assert refusals(rights) == []
    assert exchange.asked == ["/fapi/v2/account"]


def test_nobody_there_is_not_a_bad_key() -> None:
    with pytest.raises(ExchangeUnreachable):
        asyncio.run(read_rights(local_profile("http://127.0.0.1:9"), Keys("key-good", SECRET)))


def test_what_is_not_told_is_not_taken_for_a_no() -> None:
    unknown = Rights(None, None, None, None)
    assert refusals(unknown) == []
    assert "not told" in cautions(unknown)[0]


def test_the_wallets_host_is_let_in_for_this_question_alone() -> None:
    with pytest.raises(ExchangeHostRefused):
        check_url(PROFILES["main"], "https://api.binance.com/sapi/v1/account/apiRestrictions")


def test_keys_are_checked_online(exchange: StandIn, tmp_path: Path) -> None:
    there = {"RUNNER_EXCHANGE_URL": exchange.url}
    for name in ("key-good", "key-withdraws", "key-anywhere"):
        added = keys(
            tmp_path,
            "add",
            "--mode",
            "live",
            "--name",
            name[4:],
            "--stdin",
            stdin=f"{name}\n{SECRET}\n",
            **there,
        )
        assert added.returncode == 0, added.stderr
    one = keys(tmp_path, "check", "--online", "--name", "good", **there)
    assert one.returncode == 0, one.stderr
    assert "trades futures, cannot withdraw, bound to an address" in one.stdout
    every = keys(tmp_path, "check", "--online", "--json", **there)
    assert every.returncode == 5
    found = {entry["name"]: entry for entry in json.loads(every.stdout)["entries"]}
    assert found["good"]["refusals"] == found["good"]["cautions"] == []
    assert "withdraw" in found["withdraws"]["refusals"][0]
    assert len(found["anywhere"]["cautions"]) == 2


def test_a_bad_key_is_neither_added_nor_rotated_in(exchange: StandIn, tmp_path: Path) -> None:
    there = {"RUNNER_EXCHANGE_URL": exchange.url}

    def ends(words: list[str], key: str) -> tuple[int, str]:
        ended = keys(
            tmp_path, *words, "--mode", "live", "--stdin", "--online", stdin=f"{key}\n{SECRET}\n", **there
        )
        assert SECRET not in ended.stdout + ended.stderr
        return ended.returncode, ended.stderr

    code, said = ends(["add"], "key-withdraws")
    assert (code, "was not stored: it may withdraw" in said) == (5, True)
    assert not (tmp_path / "home" / "keys" / "vault.json").exists()
    assert ends(["add"], "key-anywhere")[0] == 0
    for bad in ("key-no-futures", "key-unknown"):
        assert ends(["rotate"], bad)[0] == 5
    entries = json.loads(keys(tmp_path, "list", "--json").stdout)["entries"]
    assert [entry["version"] for entry in entries] == [1]
    assert ends(["rotate"], "key-good") == (0, "")
    entries = json.loads(keys(tmp_path, "list", "--json").stdout)["entries"]
    assert [(entry["version"], entry["state"]) for entry in entries] == [(2, "current")]
