"""Client ids: a function of what they stand for, within what the exchange takes."""

import re

from hypothesis import given
from hypothesis import strategies as st

from runner.live.ids import ClientId, Leg, bot_tag, intent_id, parse_client_id

TAKEN = re.compile(r"^[\.A-Z\:/a-z0-9_-]{1,36}$")
legs = st.one_of(
    st.tuples(st.sampled_from([Leg.ENTRY, Leg.EXIT, Leg.STOP]), st.just(0)),
    st.tuples(st.just(Leg.TARGET), st.integers(0, 3)),
)


@given(st.text(min_size=1, max_size=32), st.integers(0, 2**42), legs, st.integers(1, 9999))
def test_an_id_fits_the_exchange_and_can_be_read_back(
    bot: str, close_ms: int, leg: tuple[Leg, int], attempt: int
) -> None:
    intent = intent_id(bot, "BTCUSDT", close_ms, "entry", 1, "hash")
    made = ClientId(bot_tag(bot, "main"), intent, *leg, attempt)
    assert TAKEN.fullmatch(str(made))
    assert parse_client_id(str(made)) == made


@given(st.text(max_size=40))
def test_what_is_not_ours_is_nobody_or_reads_back_to_itself(text: str) -> None:
    parts = parse_client_id(text)
    assert parts is None or str(parts) == text


def test_the_same_decision_has_the_same_intent_and_another_has_another() -> None:
    first = intent_id("bot", "BTCUSDT", 1, "entry", 1, "hash")
    assert first == intent_id("bot", "BTCUSDT", 1, "entry", 1, "hash")
    others = {
        intent_id("bot", "BTCUSDT", 2, "entry", 1, "hash"),
        intent_id("bot", "BTCUSDT", 1, "entry", -1, "hash"),
        intent_id("bot", "BTCUSDT", 1, "exit", 1, "hash"),
        intent_id("bot", "BTCUSDT", 1, "entry", 1, "other"),
    }
    assert first not in others
    assert len(others) == 4


def test_foreign_ids_are_foreign() -> None:
    for text in ("autoclose-1700000000", "x-cvBPrNm9abc", "web_1a2b3c", "aaaaaa-short-e1", ""):
        assert parse_client_id(text) is None
