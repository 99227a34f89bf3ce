"""Faults are read from a script, drawn by a seed, and cover what the catalogue asks of an exchange."""

from decimal import Decimal

import pytest

from runner.errors import UsageError
from runner.simulator.fault_draw import drawn_script
from runner.simulator.fault_names import CATALOGUE, ELSEWHERE, FAULTS
from runner.simulator.faults import ALWAYS, Operation, parse_faults
from runner.simulator.strikes import LIFTS, STRIKES

START_MS = 1_700_000_000_000
# One spelling of each fault; the test below sees that none is missing.
SPELLINGS = """
net.drop_before(POST order); net.drop_after(POST order); net.hang(POST *, lost); net.delay(signed, 4s)
net.late(POST order, 500ms); net.dup(POST algoOrder); net.truncate(POST order, 20)
net.half_json(POST order); net.empty(* *); net.blank(*); net.html(GET openOrders); net.outage for 30m
net.private_down for 1h; net.public_down for 1h
http.answer(POST order, 400, -2019, "Margin is insufficient, (really)", executed)
http.unknown(POST order); http.unavailable(POST order); http.internal(POST order)
http.overload(POST order) x5; http.timeout(POST order, either); http.unexpected(POST order)
http.gateway(POST order); http.firewall(GET *); http.busy(GET *, 30s); http.ban(2m); clk.skew(-3s) for 1h
ws.kill(private, 1001); ws.refuse(all) for 5m; ws.silent(private) at +30m for 2h
ws.drop(ORDER_TRADE_UPDATE/TRADE) after 1; ws.dup(kline); ws.reorder(ACCOUNT_UPDATE)
ws.lag(3s, private) for 1h; ws.expire_key at +1h; ex.read_lag(5s, positions) for 1h
ex.retire_endpoint(POST order); ex.engine_lag(6s); ex.reject(POST algoOrder, -2021); ex.algo_cap(5)
ex.trigger_reject x2; ex.trigger_hang; ex.partial(40%) for 1h; ex.count_open_reduce_only(on)
ex.cancel_all_takes_stops(on); ex.countdown_takes_stops(on); ex.keep_orphans(on); ex.child_id
ex.reply_style(long); ex.update_time_zero(on); ex.short_history(1d)
ex.rules(BTC/USDT:USDT, notional_min, 500); ex.halt(BTCUSDT) for 1h; ex.liquidate(BTCUSDT)
ex.adl(BTCUSDT, 50%); ex.switch_mode(hedge); ex.leverage(BTCUSDT, 3)
ex.manual_trade(BTCUSDT, sell, 0.01); ex.manual_close(BTCUSDT); ex.manual_cancel(BTCUSDT, stops)
ex.foreign_order(BTCUSDT, buy, 0.01, 50000); ex.transfer(-500); ex.may_withdraw(on); feed.freeze for 1h
feed.partial(on); feed.dup; feed.drop_close; feed.gap(3); feed.revise(2, 1%); feed.wick(BTCUSDT, -20%)
feed.jump(BTCUSDT, 5%)
"""


def test_every_fault_can_be_said() -> None:
    faults = parse_faults(SPELLINGS, START_MS)
    assert {one.name for one in faults} == set(FAULTS)


def test_every_fault_of_the_catalogue_that_an_exchange_can_play_has_a_name() -> None:
    assert len(CATALOGUE) == 60
    played = {number for row in FAULTS.values() for number in row.catalogue.split()}
    assert played <= set(CATALOGUE)
    assert set(CATALOGUE) == played | set(ELSEWHERE)
    assert not played & set(ELSEWHERE)


def test_whatever_strikes_at_a_moment_has_somebody_to_do_it() -> None:
    moments = {name for name, row in FAULTS.items() if row.bites == "moment"}
    assert moments == set(STRIKES)
    assert set(LIFTS) <= moments


def test_a_line_is_understood_whole() -> None:
    [fault] = parse_faults(
        "http.overload(POST order) at +10m for 1h after 2 x5 p 25% only entries  # why", START_MS
    )
    assert fault.operation == Operation("POST", "order")
    assert (fault.from_ms, fault.until_ms) == (START_MS + 600_000, START_MS + 4_200_000)
    assert (fault.skipped, fault.times, fault.chance, fault.only) == (2, 5, Decimal("0.25"), "entries")
    [dated] = parse_faults("ws.kill at 2024-05-01 12:30", START_MS)
    assert dated.from_ms == 1_714_566_600_000
    [always] = parse_faults("net.drop_after(*) x*", START_MS)
    assert always.times == ALWAYS


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("net.dropafter(POST order)", "no fault is called net.dropafter; did you mean net.drop_after?"),
        ("net.delay(POST order)", "write net.delay(operation, span)"),
        ("net.delay(POST order, 4)", "4 is no span of time; write 500ms, 4s, 30m, 2h or 1d"),
        (
            "net.drop_after(order)",
            "order is no operation; write POST order, GET *, * openOrders, signed or *",
        ),
        ("ex.switch_mode(both)", "both is not one of hedge, one_way; write ex.switch_mode(hedge|one_way)"),
        ("ws.kill when ready", "when is no clause"),
        ("ws.kill at noon", "noon is no time; write +10m or 2024-05-01 12:00 (UTC)"),
        ("ws.kill(all", "the bracket is not closed"),
        ("ws.kill p 2", "a chance lies between 0 and 1"),
        ("ex.transfer(nan)", "nan is no number"),
        ("(", "a fault begins with its name"),
    ],
)
def test_a_line_that_makes_no_sense_says_the_way_out(line: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_faults(f"# a comment\n{line}\nws.kill", START_MS)
    assert str(refused.value).startswith(f"faults:2: {line}: ")
    assert said in str(refused.value)


def test_all_faulty_lines_are_told_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        parse_faults("nothing\nws.kill\nws.kil", START_MS)
    assert len(str(refused.value).splitlines()) == 2


def test_a_seed_draws_the_same_script_again_and_the_script_can_be_read() -> None:
    script = drawn_script(40, seed=3, span_ms=86_400_000, symbol="BTCUSDT")
    assert script == drawn_script(40, seed=3, span_ms=86_400_000, symbol="BTCUSDT")
    assert script != drawn_script(40, seed=4, span_ms=86_400_000, symbol="BTCUSDT")
    faults = parse_faults(script, START_MS)
    assert len(faults) == 40
    assert sorted(one.from_ms for one in faults) == [one.from_ms for one in faults]
