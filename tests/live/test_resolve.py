"""Silence is proof only after the exchange itself would refuse the request, three times over, and
nothing moved.
"""

from runner.live.resolve import MISSES_MAX, MISSES_MIN, READ_LAG_MS, Absent, AskAgain, Question, missed

QUESTION = Question(signed_ms=0, window_ms=3_000)


def test_before_its_window_has_passed_a_miss_proves_nothing() -> None:
    verdict = missed(QUESTION, 3_000 + READ_LAG_MS, position_moved=False)
    assert isinstance(verdict, AskAgain)
    assert verdict.question.misses == 0


def test_after_it_several_misses_without_any_change_are_proof() -> None:
    question, now = QUESTION, 3_001 + READ_LAG_MS
    for _ in range(MISSES_MIN - 1):
        verdict = missed(question, now, position_moved=False)
        assert isinstance(verdict, AskAgain)
        question, now = verdict.question, verdict.at_ms
    assert missed(question, now, position_moved=False) == Absent()


def test_where_the_position_moved_absence_takes_much_longer_but_not_for_ever() -> None:
    question, now = QUESTION, 3_001 + READ_LAG_MS
    for _ in range(MISSES_MAX - 1):
        verdict = missed(question, now, position_moved=True)
        assert isinstance(verdict, AskAgain)
        question, now = verdict.question, verdict.at_ms
    assert missed(question, now, position_moved=True) == Absent()
