"""The exchange's clock moves while a session recovers: it is asked for again, and protection goes on."""

from pathlib import Path

from runner.live.states import SessionState
from runner.simulator.faults import parse_faults
from tests.live.rig import MINUTE_MS, START_MS, rig_for
from tests.live.test_session import BOT, WARMUP, held, waves
from tests.live.virtual import VirtualLoop, run

ENTRY_MS = START_MS + 4 * MINUTE_MS
MOVED = """clk.skew(-4s) for 6s
net.private_down for 7s
"""


def test_a_position_gets_its_stop_though_the_clock_that_recovery_asked_for_has_moved(tmp_path: Path) -> None:
    loop = VirtualLoop(START_MS)
    rig = rig_for(BOT, waves(WARMUP + 40), loop=loop, warmup_bars=WARMUP, database=tmp_path / "j.db")

    async def life() -> None:
        process = rig.start()
        await rig.play(ENTRY_MS - 5_000)
        rig.box.arm(parse_faults("net.drop_before(POST algoOrder) for 6s x99", rig.box.now_ms)[0])
        await rig.play(ENTRY_MS + 100)
        await rig.kill(process)
        assert held(rig)
        assert not rig.box.exchange.algos.open("main")
        for fault in parse_faults(MOVED, rig.box.now_ms):
            rig.box.arm(fault)
        process = rig.start()
        await rig.play(ENTRY_MS + 30_000)
        assert rig.box.exchange.algos.open("main")
        assert process.session.desk.state is SessionState.RUNNING
        await rig.stop(process)

    run(loop, life())
    rig.open().close()
