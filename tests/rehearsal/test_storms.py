"""Bad weather: each difference has a reason, and the books balance. `make storms` runs 60 of these."""

import pytest

from tests.rehearsal.storms import Case, cases, run_case

SEEDS = (1, 2)


@pytest.mark.parametrize("case", cases(SEEDS), ids=str)
def test_every_difference_has_a_reason_and_the_position_its_stop(case: Case) -> None:
    ran = run_case(case)
    assert not ran.wrong, f"{ran.told}\npython -m tests.rehearsal.storms --case {case}"
