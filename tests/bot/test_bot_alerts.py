"""Alerts in a document: short and long form, no part of the bot's identity."""

from bot_documents import SMALL

from runner.bot.canonical import bot_hash, resolve, spaced
from runner.bot.model import Document
from runner.bot.read import read_text

ALERTS = """alerts:
  - {to: env:ALERT_URL}
  - {to: vault:phone, events: [limit, error]}
"""


def read(text: str) -> Document:
    document, problems, _ = read_text(text, "alerts.yaml")
    assert document is not None, problems
    return document


def test_a_sink_without_events_hears_of_all() -> None:
    first, second = read(SMALL + ALERTS).alerts
    assert first.events == ("entry", "exit", "limit", "error", "health", "session")
    assert second.to == "vault:phone"
    assert second.events == ("limit", "error")


def test_the_resolved_document_keeps_them_and_reads_back() -> None:
    resolved = resolve(read(SMALL + ALERTS), spaced)
    assert resolved["alerts"][1] == {"to": "vault:phone", "events": ["limit", "error"]}
    assert list(resolved)[-1] == "alerts"


def test_who_is_told_changes_no_decision_and_no_hash() -> None:
    assert bot_hash(read(SMALL + ALERTS), spaced) == bot_hash(read(SMALL), spaced)
