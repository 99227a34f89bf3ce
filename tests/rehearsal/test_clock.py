"""The exchange's time as a session waits by it."""

import asyncio

from runner.rehearsal.clock import ExchangeClock


def test_sleepers_wake_in_the_order_of_their_times_and_not_before() -> None:
    async def scene() -> list[str]:
        now = [1_000]
        clock, heard = ExchangeClock(lambda: now[0]), list[str]()

        async def sleeper(name: str, wait_ms: int) -> None:
            await clock.sleep(wait_ms)
            heard.append(name)

        tasks = [asyncio.ensure_future(sleeper(*one)) for one in (("late", 50), ("soon", 10), ("at once", 0))]
        for _ in range(3):
            await asyncio.sleep(0)
        assert heard == ["at once"]
        assert clock.next_ms == 1_010
        now[0] = 1_009
        clock.wake()
        await asyncio.sleep(0)
        assert heard == ["at once"]
        now[0] = 2_000
        clock.wake()
        await asyncio.gather(*tasks)
        assert clock.next_ms is None
        return heard

    assert asyncio.run(scene()) == ["at once", "soon", "late"]


def test_who_was_cancelled_is_not_waited_for() -> None:
    async def scene() -> int | None:
        clock = ExchangeClock(lambda: 0)
        task = asyncio.ensure_future(clock.sleep(10))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return clock.next_ms

    assert asyncio.run(scene()) is None
