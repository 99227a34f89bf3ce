"""Faults of the exchange itself: what a client sees of them, through ccxt in memory."""

from itertools import pairwise
from typing import Any

import pytest

from runner.simulator.box import Box
from runner.simulator.rules import Switches
from tests.simulator.memory_session import arm, entry, error, held, played, stop
from tests.simulator.skins import HOUR_MS, S


def test_reads_lag_behind_and_catch_up() -> None:
    async def session(client: Any, box: Box) -> None:
        arm(box, "ex.read_lag(5s) for 1m")
        await entry(client)
        await stop(client)
        with pytest.raises(error("OrderNotFound")):
            await client.fetch_order(None, S, {"clientOrderId": "e1"})
        assert await client.fetch_open_orders(S, None, None, {"trigger": True}) == []
        assert await client.fetch_positions([S]) == []
        assert await client.fetch_my_trades(S) == []
        box.advance_to(box.now_ms + 5000)
        assert (await client.fetch_order(None, S, {"clientOrderId": "e1"}))["status"] == "closed"
        assert len(await client.fetch_open_orders(S, None, None, {"trigger": True})) == 1
        assert len(await client.fetch_positions([S])) == 1
        assert len(await client.fetch_my_trades(S)) == 1

    played(session)


@pytest.mark.parametrize(
    ("script", "left"),
    [
        ("ex.liquidate(BTCUSDT)", 0),
        ("ex.adl(BTCUSDT)", 0),
        ("ex.adl(BTCUSDT, 50%)", 0.01),
        ("ex.manual_close(BTCUSDT)", 0),
        ("ex.manual_trade(BTCUSDT, sell, 0.03)", -0.01),
    ],
)
def test_the_position_changes_without_the_bot(script: str, left: float) -> None:
    async def session(client: Any, box: Box) -> None:
        await entry(client, quantity=0.02)
        arm(box, script)
        assert box.struck[-1].outcome == "done"
        positions = await client.fetch_positions([S])
        assert [one["info"]["positionAmt"] for one in positions] == (
            [] if left == 0 else [positions[0]["info"]["positionAmt"]]
        )

    assert held(played(session)) == left


def test_a_strange_hand_cancels_orders_moves_money_and_changes_settings() -> None:
    async def session(client: Any, box: Box) -> None:
        await entry(client)
        await stop(client)
        arm(box, "ex.foreign_order(BTCUSDT, buy, 0.01, 58000); ex.transfer(-500); ex.leverage(BTCUSDT, 3)")
        [foreign] = await client.fetch_open_orders(S)
        assert foreign["clientOrderId"].startswith("web_")
        assert (await client.fetch_leverage(S))["longLeverage"] == 3
        assert [row["amount"] for row in await client.fetch_ledger("USDT") if row["type"] == "transfer"] == [
            10_000,
            500,
        ]
        arm(box, "ex.manual_cancel(BTCUSDT)")
        assert await client.fetch_open_orders(S) == []
        assert await client.fetch_open_orders(S, None, None, {"trigger": True}) == []
        arm(box, "ex.switch_mode(hedge)")
        assert "-4068" in box.struck[-1].outcome
        arm(box, "ex.manual_close(BTCUSDT); ex.switch_mode(hedge)")
        with pytest.raises(error("OperationRejected"), match="-4061"):
            await entry(client, "e2")

    played(session)


def test_a_trigger_is_rejected_or_hangs_and_the_position_stays() -> None:
    async def session(client: Any, box: Box) -> None:
        await entry(client)
        arm(box, "ex.trigger_reject; ex.trigger_hang")
        first, second = await stop(client, "s1", 59_000), await stop(client, "s2", 58_500)
        arm(box, "feed.jump(BTCUSDT, -5%)")
        told = [await client.fetch_order(one["id"], S, {"trigger": True}) for one in (first, second)]
        assert {one["info"]["algoStatus"] for one in told} == {"REJECTED", "TRIGGERING"}

    assert held(played(session)) == 0.01


def test_rules_change_and_a_symbol_is_halted_for_a_while() -> None:
    async def session(client: Any, box: Box) -> None:
        arm(box, "ex.rules(BTCUSDT, notional_min, 700); ex.halt(BTCUSDT) at +10m for 10m")
        with pytest.raises(error("InvalidOrder"), match="-4164"):
            await entry(client)
        assert (await client.load_markets(True))[S]["limits"]["cost"]["min"] == 700
        box.advance_to(box.now_ms + 11 * 60_000)
        with pytest.raises(error("ExchangeError"), match="-414"):
            await entry(client, quantity=0.02)
        box.advance_to(box.now_ms + 10 * 60_000)
        await entry(client, "e2", quantity=0.02)

    played(session)


def test_bars_go_missing_are_revised_and_frozen() -> None:
    async def session(client: Any, box: Box) -> None:
        before = await client.fetch_ohlcv(S, "1h", limit=10)
        arm(box, "feed.revise(1, 2%); feed.gap(2)")
        revised = await client.fetch_ohlcv(S, "1h", limit=10)
        assert revised[-1][4] == pytest.approx(before[-2][4] * 1.02)
        assert revised[-1][0] == before[-2][0]  # the running bar is gone
        for _ in range(3):
            box.play_bar()
        times = [bar[0] for bar in await client.fetch_ohlcv(S, "1h", limit=6)]
        assert max(later - earlier for earlier, later in pairwise(times)) == 3 * HOUR_MS
        arm(box, "feed.freeze for 5h")
        frozen = await client.fetch_ohlcv(S, "1h", limit=3)
        box.play_bar()
        assert (await client.fetch_ohlcv(S, "1h", limit=3))[-1][0] == frozen[-1][0]

    played(session)


def test_history_is_forgotten() -> None:
    async def session(client: Any, box: Box) -> None:
        await entry(client)
        arm(box, "ex.short_history(1m)")
        box.advance_to(box.now_ms + 120_000)
        assert await client.fetch_my_trades(S) == []
        assert await client.fetch_orders(S) == []
        assert len(await client.fetch_positions([S])) == 1

    played(session)


def test_switches_of_the_first_moment_are_set_by_script() -> None:
    from runner.simulator.faults import parse_faults
    from runner.simulator.opening import switched

    script = (
        "ex.count_open_reduce_only(off); ex.countdown_takes_stops(on); ex.keep_orphans(on);"
        "ex.reply_style(long); net.drop_after(POST order)"
    )
    switches = switched(Switches(), parse_faults(script, 0))
    assert not switches.resting_reduce_only_counts
    assert switches.countdown_cancels_algos
    assert not switches.close_position_is_gte
    assert switches.replies_have_averages


def test_cancel_all_takes_the_stops_only_by_fault() -> None:
    async def session(client: Any, box: Box) -> None:
        await entry(client)
        await stop(client)
        await client.cancel_all_orders(S)
        assert len(await client.fetch_open_orders(S, None, None, {"trigger": True})) == 1
        arm(
            box, "ex.cancel_all_takes_stops(on); ex.algo_cap(0); ex.update_time_zero(on); ex.may_withdraw(on)"
        )
        await client.cancel_all_orders(S)
        assert await client.fetch_open_orders(S, None, None, {"trigger": True}) == []
        with pytest.raises(error("OperationRejected"), match="-4045"):
            await stop(client, "s2")
        assert "USDT" not in await client.fetch_balance()
        assert (await client.fapiPrivateGetAccountConfig())["canWithdraw"] is True

    played(session)
