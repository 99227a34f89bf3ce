"""The server: admin calls, the ways time moves, faults on real sockets, TLS, connection rules."""

import asyncio
import json
import ssl
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from runner.errors import UsageError
from runner.simulator.audit import audit
from runner.simulator.pacing import Pace
from runner.simulator.server import Server
from tests.simulator.skins import HOUR_MS, PLAY_MS, S, box_of, serving, socket_client

BAR_MS = PLAY_MS + HOUR_MS  # box_of has played one bar


def test_the_admin_steps_time_sets_prices_arms_faults_and_tells_the_truth() -> None:
    async def session() -> None:
        box = box_of()
        async with serving(box) as server, aiohttp.ClientSession(server.url) as http:

            async def call(method: str, path: str, sent: Any = None, status: int = 200) -> Any:
                async with http.request(method, f"/admin{path}", json=sent) as reply:
                    assert reply.status == status
                    return await reply.json()

            assert "POST /admin/step" in (await call("GET", ""))["calls"]
            assert (await call("POST", "/step", {"bars": 2}))["time_ms"] == BAR_MS + 2 * HOUR_MS
            assert (await call("POST", "/step", {"ms": 1000}))["time_ms"] == BAR_MS + 2 * HOUR_MS + 1000
            state = await call("POST", "/price", {"symbol": "BTCUSDT", "price": "55000", "mark": "55001"})
            assert state["prices"]["BTCUSDT"] == {"last": "55000", "mark": "55001.00000000"}
            armed = await call("POST", "/faults", {"script": "ex.transfer(100); net.drop_after(POST order)"})
            assert armed["struck"] == {"ex.transfer": 1}
            assert (await call("GET", "/state"))["accounts"]["main"]["wallet_usdt"] == "10100.00000000"
            assert (
                "did you mean" in (await call("POST", "/faults", {"script": "net.dropp(*)"}, 400))["problem"]
            )
            assert (
                "is opened"
                in (await call("POST", "/faults", {"script": "ex.reply_style(long)"}, 400))["problem"]
            )
            assert (await call("DELETE", "/faults"))["faults"] == []
            log = await call("GET", "/log?since=0&limit=5")
            assert len(log["entries"]) == 5 < log["total"]
            assert (await call("GET", "/audit"))["problems"] == []
            assert "calls" in await call("GET", "/nothing", status=404)
            assert "problem" in await call("POST", "/price", {"symbol": "NONE", "price": "x"}, 400)

    asyncio.run(session())


def test_the_admin_answers_no_web_page_and_no_strange_name() -> None:
    async def session() -> None:
        async with serving(box_of()) as server, aiohttp.ClientSession(server.url) as http:
            for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
                async with http.post("/admin/step", json={"bars": 1}, headers=headers) as reply:
                    assert reply.status == 403
            assert server.box.now_ms == BAR_MS

    asyncio.run(session())


def test_time_passes_many_times_as_fast() -> None:
    async def session() -> int:
        box = box_of()
        async with serving(box, times=36_000.0):
            await asyncio.sleep(0.3)
        return box.now_ms - BAR_MS

    assert asyncio.run(session()) > 2 * HOUR_MS


def test_the_market_waits_for_clients_and_goes_on_when_they_are_quiet() -> None:
    async def session() -> None:
        box = box_of()
        async with serving(box, times=0, idle_ms=20) as server:
            await asyncio.sleep(0.15)
            assert box.now_ms == BAR_MS  # nobody came
            async with aiohttp.ClientSession(server.url) as http, http.get("/fapi/v1/time") as reply:
                assert (await reply.json())["serverTime"] == BAR_MS
            async with asyncio.timeout(20):
                while not server.pacer.is_over:
                    await asyncio.sleep(0.01)
        assert box.player.next_ms() is None

    asyncio.run(session())


def test_a_client_that_says_ready_gets_every_bar_and_no_bar_without_it() -> None:
    async def session() -> list[int]:
        closes = []
        async with serving(box_of(), times=0, idle_ms=1) as server, aiohttp.ClientSession(server.url) as http:
            while True:
                async with http.post("/admin/ready") as reply:
                    told = await reply.json()
                if told["is_over"]:
                    break
                closes.append(told["time_ms"])
                await asyncio.sleep(0.003)  # slower than the idle time: the market still waits
        return closes

    assert asyncio.run(session()) == [BAR_MS + bars * HOUR_MS for bars in range(1, 48)]


@pytest.mark.parametrize(
    ("script", "raised"),
    [
        ("net.drop_before(POST order)", "ExchangeNotAvailable"),
        ("net.drop_after(POST order)", "ExchangeNotAvailable"),
        ("net.truncate(POST order)", "ExchangeError"),
        ("net.hang(POST order)", "RequestTimeout"),
        ("http.unavailable(POST order)", "ExchangeError"),
    ],
)
def test_broken_connections_are_what_they_are_in_memory(script: str, raised: str) -> None:
    async def session() -> None:
        import ccxt

        box = box_of(script, wall=lambda: time.time_ns() // 1_000_000)
        async with serving(box) as server, socket_client(server) as client:
            await client.load_markets()
            client.timeout = 200
            with pytest.raises(getattr(ccxt, raised)):
                await client.create_order(S, "market", "buy", 0.01)
            client.timeout = 5000
            await client.create_order(S, "market", "buy", 0.01)
        assert audit(box.exchange) == []

    asyncio.run(session())


def test_sockets_are_killed_and_talkers_are_cut_off() -> None:
    async def session() -> None:
        from runner.simulator.faults import parse_faults

        box = box_of()
        async with serving(box) as server, aiohttp.ClientSession() as http:
            async with http.ws_connect(f"{server.stream_url}/market/ws/btcusdt@kline_1h") as socket:
                box.play_bar()
                assert json.loads((await socket.receive(timeout=5)).data)["e"] == "kline"
                for fault in parse_faults("ws.kill(all, 1001)", box.now_ms):
                    box.arm(fault)
                box.settle()
                while (message := await socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
                    pass
                assert message.type is aiohttp.WSMsgType.CLOSE
                assert message.data == 1001
            async with http.ws_connect(f"{server.stream_url}/ws") as socket:
                for number in range(12):
                    await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
                while (message := await socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
                    pass
                assert message.data == 1008
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await http.ws_connect(f"{server.stream_url}/nowhere")

    asyncio.run(session())


def test_a_port_that_is_taken_is_said_with_the_way_out() -> None:
    async def session() -> None:
        async with serving(box_of()) as server:
            with pytest.raises(UsageError, match="--port 0"):
                await Server(box_of(), Pace(None), port=int(server.url.rsplit(":", 1)[1])).start()

    asyncio.run(session())


def test_it_speaks_tls_with_a_certificate_that_is_given(tmp_path: Path) -> None:
    certificate = _certificate(tmp_path)

    async def session() -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        server = Server(box_of(), Pace(None), tls=context)
        await server.start()
        try:
            trusting = ssl.create_default_context(cafile=str(certificate))
            async with aiohttp.ClientSession() as http:
                async with http.get(f"{server.url}/fapi/v1/time", ssl=trusting) as reply:
                    assert reply.status == 200
                async with http.ws_connect(f"{server.stream_url}/market/ws", ssl=trusting) as socket:
                    await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
                    assert await socket.receive_json(timeout=5) == {"result": [], "id": 1}
        finally:
            await server.close()

    asyncio.run(session())


def _certificate(folder: Path) -> Path:
    """Key and certificate of 127.0.0.1, for a day, in one file."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "simulator.pem"
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path
