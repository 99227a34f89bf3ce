"""The budget of weight and the meter, at times that are handed in."""

from runner.domain.time import MINUTE_MS
from runner.exchange.weight import Budget, Meter

NOON = 1_735_732_800_000
USED = "X-MBX-USED-WEIGHT-1M"


def test_a_request_waits_for_the_next_minute_when_the_weight_is_used_up() -> None:
    budget = Budget(weight_max=100, share=0.5)
    assert budget.wait_ms(5, NOON) == 0
    budget.heard({USED: "46"}, NOON + 20_000)
    assert budget.wait_ms(4, NOON + 20_000) == 0
    assert budget.wait_ms(5, NOON + 20_000) == 40_000
    assert budget.wait_ms(5, NOON + MINUTE_MS) == 0


def test_requests_under_way_count_until_the_header_tells() -> None:
    budget = Budget(weight_max=100, share=0.5)
    for _ in range(10):
        budget.spend(5, NOON)
    assert budget.wait_ms(5, NOON) == MINUTE_MS
    budget.heard({USED.lower(): "30"}, NOON)
    assert budget.wait_ms(5, NOON) == 0


def test_a_request_heavier_than_the_whole_share_still_goes_alone() -> None:
    assert Budget(weight_max=10, share=0.5).wait_ms(40, NOON) == 0


def test_a_429_blocks_for_the_time_it_says() -> None:
    budget = Budget()
    assert budget.block({"retry-after": "7"}, "", NOON) == 7_000
    assert budget.wait_ms(1, NOON + 1_000) == 6_000
    assert budget.wait_ms(1, NOON + 7_000) == 0


def test_a_ban_says_its_end_in_words_when_there_is_no_header() -> None:
    body = f'{{"code":-1003,"msg":"Way too many requests; IP banned until {NOON + 90_000}."}}'
    assert Budget().block({}, body, NOON) == 90_000


def test_a_429_that_says_nothing_blocks_for_a_minute_and_never_shortens_a_ban() -> None:
    budget = Budget()
    budget.block({"Retry-After": "120"}, "", NOON)
    assert budget.block({"Retry-After": "soon"}, "", NOON) == MINUTE_MS
    assert budget.wait_ms(1, NOON) == 2 * MINUTE_MS


def test_order_counts_are_kept_for_whoever_sends_orders() -> None:
    budget = Budget()
    budget.heard({"X-MBX-ORDER-COUNT-10S": "3", "X-MBX-ORDER-COUNT-1M": "12"}, NOON)
    assert (budget.orders_10s, budget.orders_1m) == (3, 12)


def test_the_meter_tells_requests_retries_and_latencies() -> None:
    meter = Meter()
    assert meter.traffic().latency_ms(0.5) is None
    for latency in range(1, 101):
        meter.took(float(latency), latency)
    meter.retried()
    traffic = meter.traffic()
    assert (traffic.requests, traffic.retries, traffic.weight_used_max) == (100, 1, 100)
    assert traffic.latency_ms(0.5) == 51.0
    assert traffic.latency_ms(0.99) == 100.0
