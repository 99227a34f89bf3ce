"""A bot's health over real HTTP: what a scrape holds, who may ask, what a hung loop looks like."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from health_servers import FEEDS, STATES, Clock, get, health_of, served
from prometheus_client.parser import text_string_to_metric_families

from runner.domain.secret import Secret
from runner.errors import UsageError
from runner.health.heartbeat import keep_pinging
from runner.health.measures import Measures
from runner.health.server import check_exposure, serve_health
from runner.health.vitals import Health

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "0123456789abcdef0123"


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def running(clock: Clock) -> Health:
    health = health_of(clock)
    health.state("running")
    health.ready("session")
    return health


def told_all(health: Health, clock: Clock) -> None:
    measures = health.measures
    measures.about(bot="btc_trend", run="r1", bot_hash="ab12", build="0.1.0")
    measures.bar(clock.now_ms)
    measures.order("entry", "acked")
    measures.order("stop", "rejected", code=-2021)
    measures.order_left(340)
    measures.entry_ended(0.75)
    measures.reconnected("bars")
    measures.account(equity=10_250.5, realised=200.0, unrealised=50.5, position=-0.25)
    measures.budget(weight=120, weight_max=2400, orders=3, orders_max=1200)
    measures.clock_offset(-35)
    measures.alerts_waiting(4)


def test_a_scrape_holds_what_the_session_told() -> None:
    clock = Clock()
    health = running(clock)
    told_all(health, clock)
    health.protected(False)
    clock.now_ms += 1_500
    with served(health) as server:
        status, headers, text = get(server, "/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    found = samples(text)
    assert found["runner_bar_close_to_order_seconds_sum", ()] == 0.34
    assert found["runner_bar_close_to_order_seconds_bucket", (("le", "0.5"),)] == 1
    assert found["runner_orders_total", (("leg", "entry"), ("outcome", "acked"))] == 1
    assert found["runner_orders_total", (("leg", "exit"), ("outcome", "filled"))] == 0
    assert found["runner_order_rejects_total", (("code", "-2021"),)] == 1
    assert found["runner_unprotected_current_seconds", ()] == 1.5
    assert found["runner_unprotected_seconds_total", ()] == 1.5
    assert found["runner_feed_age_seconds", (("feed", "bars"),)] == 1.5
    assert found["runner_session_state", (("state", "running"),)] == 1
    assert found["runner_session_state", (("state", "halted"),)] == 0
    assert found["runner_equity_usdt", ()] == 10_250.5
    assert found["runner_position_quantity", ()] == -0.25
    assert found["runner_clock_offset_seconds", ()] == -0.035
    assert found["runner_alert_backlog", ()] == 4
    assert found["runner_ready", ()] == 1
    assert found["runner_reconnects_total", (("feed", "account"),)] == 0
    assert ("process_resident_memory_bytes", ()) in found


def test_unprotected_time_adds_up_and_scrapes_do_not_count_twice() -> None:
    clock = Clock()
    health = running(clock)
    for gap_ms in (2_000, 3_000):
        health.protected(False)
        clock.now_ms += gap_ms
        health.scrape()
        health.scrape()
        health.protected(False)
        health.protected(True)
        clock.now_ms += 60_000
        health.protected(True)
    found = samples(health.scrape().decode())
    assert found["runner_unprotected_seconds_total", ()] == 5.0
    assert found["runner_unprotected_current_seconds", ()] == 0.0


def test_a_clock_that_steps_back_breaks_nothing() -> None:
    clock = Clock()
    health = running(clock)
    health.protected(False)
    clock.now_ms -= 5_000
    health.scrape()
    health.protected(True)
    health.measures.order_left(-20)
    assert health.alive()


def test_names_follow_the_conventions() -> None:
    for family in Measures(STATES, FEEDS).registry.collect():
        assert re.fullmatch(r"(runner|process)_[a-z_]+", family.name)
        assert family.documentation.endswith(".")
        assert not re.search(r"_(ms|minutes|percent)$", family.name)
        if family.type == "counter":
            assert all(sample.name.endswith("_total") for sample in family.samples)


def test_alive_and_ready_are_told_apart() -> None:
    clock = Clock()
    health = health_of(clock)
    health.state("starting")
    with served(health) as server:
        assert get(server, "/healthz")[0] == 200
        assert get(server, "/readyz")[0] == 503
        health.ready("session")
        assert get(server, "/readyz")[0] == 200
        health.unready("feed", "no bar for 31 s")
        status, _, text = get(server, "/readyz")
        assert status == 503
        assert json.loads(text)["reasons"] == {"feed": "no bar for 31 s"}
        assert get(server, "/healthz")[0] == 200
        health.ready("feed")
        clock.now_ms += 31_000
        assert get(server, "/healthz")[0] == 503
        assert json.loads(get(server, "/readyz")[2])["reasons"] == {"loop": "silent for 31 s"}
        health.beat()
        assert get(server, "/readyz")[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:9464", "127.0.0.1.evil.example", "", "10.0.0.1"]
)
def test_a_name_that_was_made_to_mean_loopback_is_refused(host: str) -> None:
    with served(running(Clock())) as server:
        status, _, text = get(server, "/metrics", Host=host)
        assert status == 421
        assert "runner_" not in text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]:9464", "LOCALHOST:1"])
def test_loopback_under_its_own_names_is_served(host: str) -> None:
    with served(running(Clock())) as server:
        assert get(server, "/metrics", Host=host)[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_it_only_tells(method: str) -> None:
    with served(running(Clock())) as server:
        assert get(server, "/metrics", method=method)[0] == 405


def test_a_question_for_the_head_alone_is_answered() -> None:
    with served(running(Clock())) as server:
        assert get(server, "/healthz", method="HEAD")[0] == 200


def test_other_paths_do_not_exist() -> None:
    with served(running(Clock())) as server:
        for path in ("/", "/metrics/", "/../etc/passwd", "/%2e%2e/etc/passwd", "/debug"):
            assert get(server, path)[0] == 404


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "10.1.2.3", "example.com", ""])
def test_another_address_needs_a_token(address: str) -> None:
    with pytest.raises(UsageError, match="RUNNER_HEALTH_TOKEN"):
        check_exposure(address, None)
    check_exposure(address, Secret(TOKEN))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_none(address: str) -> None:
    check_exposure(address, None)


def test_a_token_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(UsageError, match="16 characters") as refused:
        check_exposure("127.0.0.1", Secret("hunter2"))
    assert "hunter2" not in str(refused.value)


def test_with_a_token_every_path_asks_for_it() -> None:
    with served(running(Clock()), "0.0.0.0", Secret(TOKEN)) as server:
        for path in ("/healthz", "/readyz", "/metrics", "/other"):
            assert get(server, path)[0] == 401
            assert get(server, path, Authorization=f"Bearer {TOKEN}x")[0] == 401
            assert get(server, path, Authorization=TOKEN)[0] == 401
        assert get(server, f"/metrics?token={TOKEN}")[0] == 401
        assert get(server, "/metrics", Authorization=f"Bearer {TOKEN}", Host="bot.lan:9464")[0] == 200


def test_a_port_that_is_taken_is_said_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match="--health-port"):
            asyncio.run(serve_health(health_of(Clock()), "127.0.0.1", port, None))


def health_command(*arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runner", "health", *arguments],
        cwd=cwd,
        env={**os.environ, "RUNNER_HOME": str(cwd / "home"), **more},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_command_is_a_health_check(tmp_path: Path) -> None:
    clock = Clock()
    health = running(clock)
    with served(health) as server:
        url = f"http://127.0.0.1:{server.port}"
        shown = health_command("--url", url, cwd=tmp_path)
        assert (shown.returncode, shown.stdout) == (0, "✓ alive, ready  running\n")
        health.unready("feed", "no bar for 31 s")
        assert health_command(cwd=tmp_path, RUNNER_HEALTH_PORT=str(server.port)).returncode == 0
        shown = health_command("--ready", "--url", url, cwd=tmp_path)
        assert shown.returncode == 5
        assert shown.stdout == "✓ alive, not ready  running\n  feed: no bar for 31 s\n"
        clock.now_ms += 40_000
        shown = health_command("--url", url, "--json", cwd=tmp_path)
        assert shown.returncode == 5
        assert json.loads(shown.stdout)["alive"] is False
        assert "runner_ready 0.0" in health_command("--url", url, "--metrics", cwd=tmp_path).stdout
    shown = health_command("--url", url, cwd=tmp_path)
    assert shown.returncode == 5
    assert "does not answer" in shown.stderr


def test_the_command_brings_the_token_and_never_shows_it(tmp_path: Path) -> None:
    with served(running(Clock()), token=Secret(TOKEN)) as server:
        url = f"http://127.0.0.1:{server.port}"
        refused = health_command("--url", url, cwd=tmp_path)
        assert refused.returncode == 5
        assert "401" in refused.stderr
        shown = health_command("--url", url, cwd=tmp_path, RUNNER_HEALTH_TOKEN=TOKEN)
        assert shown.returncode == 0, shown.stderr
        assert TOKEN not in shown.stdout + shown.stderr


def test_the_heartbeat_beats_while_the_session_is_alive(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    health = running(clock)
    pings: list[str] = []
    statuses = [500]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pings.append((await reader.readline()).decode())
        status = statuses.pop() if statuses else 200
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async def watch() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        url = Secret(f"http://127.0.0.1:{port}/ping/kanarie-4711")
        async with server:
            task = asyncio.create_task(keep_pinging(url, health, every_s=0.02))
            while len(pings) < 3:
                await asyncio.sleep(0.01)
            clock.now_ms += 60_000
            await asyncio.sleep(0.1)
            count = len(pings)
            await asyncio.sleep(0.2)
            assert len(pings) == count, "a session that hangs is silent"
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    with caplog.at_level("INFO"):
        asyncio.run(watch())
    assert pings[0].startswith("GET /ping/kanarie-4711")
    assert "HTTP 500" in caplog.text
    assert "gets through again" in caplog.text
    assert "kanarie" not in caplog.text


def metric_names() -> set[str]:
    """Every name that a scrape can hold, of ours."""
    measures = health_of(Clock()).measures
    measures.order("entry", "rejected", code=-1)
    measures.about(bot="b", run="r", bot_hash="h", build="v")
    found = text_string_to_metric_families(measures.scrape().decode())
    return {sample.name for family in found for sample in family.samples}


def families(names: set[str]) -> set[str]:
    """Ours, a histogram under one name."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names if name.startswith("runner_")}


def test_the_page_lists_every_metric_and_no_other() -> None:
    page = (ROOT / "docs" / "health.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(runner_\w+)", page, re.MULTILINE)) == families(metric_names())


def test_the_dashboard_asks_only_for_metrics_that_exist() -> None:
    board = json.loads((ROOT / "docs" / "grafana.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    assert len(asked) >= 12
    names = metric_names()
    for expression in asked:
        used = set(re.findall(r"\b(?:runner|process)_\w+", expression))
        assert used, expression
        assert used <= names, expression
    shown = {name for expression in asked for name in re.findall(r"\brunner_\w+", expression)}
    assert families(names) - families(shown) == {"runner_session_info"}
    places = [tuple(panel["gridPos"][key] for key in "xywh") for panel in board["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in board["panels"]}) == len(places)


def test_threads_may_tell_while_others_scrape() -> None:
    health = running(Clock())

    def tell() -> None:
        for _ in range(500):
            health.measures.order("entry", "filled")

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        health.scrape()
    for thread in threads:
        thread.join()
    found = samples(health.scrape().decode())
    assert found["runner_orders_total", (("leg", "entry"), ("outcome", "filled"))] == 2_000
