"""Real messages of the real worker process to real servers, in the shape each service expects."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from receivers import certificate, connect_proxy, http_receiver, smtp_receiver

from runner.domain.alert import alert
from runner.domain.secret import Secret
from runner.notify.courier import Courier
from runner.notify.memory import MemoryOutbox
from runner.notify.sink import Sink

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
TELEGRAM = "tgram://123456789:alphanumeric_secret_of_a_bot-12345/987654321"


def clock() -> int:
    return time.time_ns() // 1_000_000


@contextmanager
def posted(url: str, text: str = "long BTCUSDT 0.01 at 64000", **more: str) -> Iterator[MemoryOutbox]:
    """One alert put and drained."""
    outbox = MemoryOutbox()
    courier = Courier(outbox, [Sink("env:ALERT_URL", Secret(url))], {**os.environ, **more})
    outbox.put(alert("entry", "critical", text, run="r1", time_ms=1_700_000_000_000), ["env:ALERT_URL"])
    try:
        courier.drain(clock, clock() + 8_000)
        yield outbox
    finally:
        courier.close()


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[object, Mapping[str, str], list[str]]]:
    """hooks.slack.com and api.telegram.org, as far as the worker can tell."""
    folder = tmp_path_factory.mktemp("hosts")
    context, authority = certificate(folder, "hooks.slack.com", "api.telegram.org")
    with http_receiver(context) as received, connect_proxy(received.port) as (port, asked):
        yield (
            received,
            {"HTTPS_PROXY": f"http://127.0.0.1:{port}", "NO_PROXY": "", "no_proxy": "", "https_proxy": f"http://127.0.0.1:{port}",
             "REQUESTS_CA_BUNDLE": str(authority)},
            asked,
        )  # fmt: skip


def test_a_slack_webhook_gets_its_own_shape_at_its_own_host(hosts) -> None:  # type: ignore[no-untyped-def]
    received, network, asked = hosts
    received.reply = "ok"
    with posted(SLACK, **network) as outbox:
        assert outbox.faults == []
        assert outbox.backlog() == 0
    assert asked[-1] == "hooks.slack.com:443"
    assert received.paths[-1] == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    tree = received.json()
    assert tree["attachments"][0]["title"] == "CRITICAL entry · r1"
    assert "long BTCUSDT 0.01 at 64000" in tree["attachments"][0]["text"]
    assert "run r1 · #" in tree["attachments"][0]["text"]


def test_telegram_gets_a_message_of_its_bot(hosts) -> None:  # type: ignore[no-untyped-def]
    received, network, asked = hosts
    received.reply = '{"ok": true, "result": {"message_id": 1, "chat": {"id": 987654321}}}'
    with posted(TELEGRAM, **network) as outbox:
        assert outbox.faults == []
        assert outbox.backlog() == 0
    assert asked[-1] == "api.telegram.org:443"
    assert received.paths[-1].endswith("/sendMessage")
    assert received.json()["chat_id"] == 987654321
    assert "long BTCUSDT 0.01 at 64000" in received.json()["text"]


def test_what_telegram_cannot_take_is_cut_and_keeps_its_id(hosts) -> None:  # type: ignore[no-untyped-def]
    received, network, _ = hosts
    received.reply = '{"ok": true, "result": {"message_id": 1, "chat": {"id": 987654321}}}'
    with posted(TELEGRAM, "<x> & " * 1_000, **network) as outbox:
        assert outbox.faults == []
    text = received.json()["text"]
    assert len(text) <= 4096
    assert "…" in text


def test_mattermost_takes_the_webhook_that_slack_invented() -> None:
    with http_receiver() as received:
        with posted(f"mmost://127.0.0.1:{received.port}/3ccdd113474722377935511fc85d3dd4") as outbox:
            assert outbox.backlog() == 0, outbox.faults
        assert received.paths == ["/hooks/3ccdd113474722377935511fc85d3dd4"]
        assert "long BTCUSDT 0.01 at 64000" in received.json()["text"]


def test_a_plain_web_address_gets_json() -> None:
    with http_receiver() as received:
        with posted(f"json://127.0.0.1:{received.port}/alerts") as outbox:
            assert outbox.backlog() == 0, outbox.faults
        assert received.json()["title"] == "CRITICAL entry · r1"
        assert received.json()["type"] == "failure"


def test_mail_arrives_without_tls_on_loopback() -> None:
    with smtp_receiver() as (port, mails, await_mails):
        url = f"mailto://127.0.0.1:{port}?from=bot@example.com&to=me@example.com&mode=insecure"
        with posted(url) as outbox:
            assert outbox.backlog() == 0, outbox.faults
        await_mails(1)
    assert mails[0]["Subject"] == "CRITICAL entry · r1"
    assert "long BTCUSDT 0.01 at 64000" in str(mails[0])


def test_mail_arrives_with_tls_and_a_login(tmp_path: Path) -> None:
    context, authority = certificate(tmp_path, "localhost")
    with smtp_receiver(context, ("bot", "pass-word-1")) as (port, mails, await_mails):
        url = f"mailtos://localhost:{port}?user=bot&pass=pass-word-1&from=bot@example.com&to=me@example.com&mode=starttls"
        with posted(url, SSL_CERT_FILE=str(authority)) as outbox:
            assert outbox.backlog() == 0, outbox.faults
        await_mails(1)
    assert mails[0]["To"] == "me@example.com"


def test_a_refused_login_is_told_without_its_password() -> None:
    with http_receiver() as received:
        received.replies = [401, 401, 401]
        with posted(f"json://bot:wrong-secret-7@127.0.0.1:{received.port}/a-secret-path") as outbox:
            assert outbox.backlog() == 1
            assert "401" in outbox.faults[0][1]
            assert "secret" not in repr(outbox.faults)
