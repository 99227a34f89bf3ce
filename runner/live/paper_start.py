"""A session on paper with everything around it: journal, lease, alerts, health, signals.

In: an outfit, a connection without keys. Out: the exit code.
Refuses to know: accounts, keys, terminals.
"""

from runner.health.vitals import Health
from runner.live.assemble import Host, Outfit, among_company, write_start
from runner.live.connection import Connection, Door, connected
from runner.live.paper import PaperSession
from runner.live.scribe import Scribe
from runner.live.signs import Signs
from runner.live.states import SessionState
from runner.live.survey import insist
from runner.live.takeup import begin, lay_desk


async def live_on_paper(outfit: Outfit, door: Door) -> int:
    """A session of its own connection."""
    async with connected(door) as connection:
        return await serve_paper(outfit, connection)


async def serve_paper(outfit: Outfit, connection: Connection) -> int:
    """Take the run up, live, end; the exit code."""
    deployed, market = outfit.deployed, connection.ports.market
    server_ms = await insist(connection.clock, market.server_time)
    health = Health(
        connection.machine.now_ms, states=[state.value for state in SessionState], feeds=("bars",)
    )
    signs = Signs(health, deployed.compiled.plan.capital_usdt)
    scribe = Scribe(
        journal=outfit.journal,
        lease=outfit.lease,
        run=outfit.known.run
        if outfit.known
        else begin(outfit.journal, deployed, connection.machine.now_ms()),
        bot=deployed.bot,
        sinks=outfit.sinks,
        heard_seq=outfit.journal.read.head().seq,
        on_entries=signs.wrote,
    )
    desk = lay_desk(outfit.journal, deployed, scribe.run, connection.clock, scribe.append)
    desk.exchange_offset_ms = server_ms - connection.clock.now_ms()
    session = PaperSession(deployed.compiled, desk, market, scribe.news)
    write_start(outfit, session, ())
    identity = desk.identity
    health.measures.about(
        bot=identity.bot, run=identity.run, bot_hash=identity.bot_hash, build=identity.build
    )
    health.state(desk.state.value)
    return await among_company(outfit, Host(outfit, connection, session, scribe, health, signs))
