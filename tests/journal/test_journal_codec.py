"""Every event reads back from its text, whatever is in it; the text is one for one value."""

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_entries import every_kind

from runner.domain.entry import KINDS, Event
from runner.domain.order_event import EquityMarked, Intended
from runner.domain.session_event import BarClosed, Commanded
from runner.errors import JournalDamaged
from runner.journal.codec import digest_of, event_of, kind_of, text_of

FIGURES = st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**12), max_value=10**12)
st.register_type_strategy(Decimal, FIGURES)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_any_event_of_a_kind_reads_back(kind: str) -> None:
    @given(st.from_type(KINDS[kind]))
    def reads_back(event: Event) -> None:
        text = text_of(event)
        assert text.isascii()
        read = event_of(kind, text)
        assert repr(read) == repr(event)  # nan is not nan, but looks like it
        assert text_of(read) == text
        assert kind_of(read) == kind

    reads_back()


def test_numbers_that_json_has_no_word_for_keep_their_meaning() -> None:
    bar = next(entry.event for entry in every_kind() if isinstance(entry.event, BarClosed))
    read = event_of("bar_closed", text_of(bar))
    assert isinstance(read, BarClosed)
    assert math.isnan(read.row.stop_short)
    assert digest_of(read) == digest_of(bar)


def test_decimals_keep_their_digits() -> None:
    text = text_of(EquityMarked(Decimal("10.00"), Decimal("1E-8")))
    assert json.loads(text)["equity_usdt"] == "10.00"
    assert event_of("equity_marked", text) == EquityMarked(Decimal("10.00"), Decimal("1E-8"))


def test_a_text_of_an_older_build_lacks_fields_that_came_later() -> None:
    assert event_of("commanded", '{"arguments":[],"command":"halt","who":"ada"}') == Commanded(
        "halt", (), "ada"
    )


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("commanded", "{"),
        ("commanded", "[]"),
        ("commanded", '{"command":"halt"}'),
        ("commanded", '{"arguments":[],"command":"halt","mood":"bad","who":"ada"}'),
        ("equity_marked", '{"cash_usdt":"one","equity_usdt":"2"}'),
        ("intended", '{"legs":[{"name":"entry"}]}'),
        ("danced", "{}"),
    ],
)
def test_what_cannot_have_been_written_is_damage(kind: str, text: str) -> None:
    with pytest.raises(JournalDamaged):
        event_of(kind, text)


def test_the_words_of_the_kinds_are_for_ever() -> None:
    """A word that changes makes every journal unreadable: add, never rename."""
    words = sorted(KINDS)
    assert words == sorted({*words})
    assert {"run_started", "bar_closed", "decided", "intended", "sending", "answered", "filled"} <= set(words)
    assert KINDS["intended"] is Intended


def test_equal_events_have_equal_texts_whatever_their_order() -> None:
    first: Any = next(entry.event for entry in every_kind() if isinstance(entry.event, Intended))
    again = event_of("intended", json.dumps(dict(reversed(json.loads(text_of(first)).items()))))
    assert text_of(again) == text_of(first)
