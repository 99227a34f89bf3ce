"""A sign of life to a watchman outside: when it stops, the watchman raises the alarm.

In: the watchman's URL (healthchecks.io, an uptime monitor's push address), a `Health`. Out: a GET every
minute while the session is alive; none when it hangs, is stopped or has no network: that silence tells.
Refuses to know: who is told. The URL holds a token and stands in no log.
"""

import asyncio
import logging

import aiohttp

from runner.domain.secret import Secret
from runner.health.vitals import Health

EVERY_S = 60.0
TIMEOUT_S = 10.0

_log = logging.getLogger("runner.health")


async def keep_pinging(url: Secret, health: Health, *, every_s: float = EVERY_S) -> None:
    """Until cancelled. A fault is told once, and again only after a success."""
    told = False
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        while True:
            if health.alive():
                why = await _ping(session, url)
                if why and not told:
                    _log.warning("the heartbeat does not get through: %s", why)
                elif told and not why:
                    _log.info("the heartbeat gets through again")
                told = bool(why)
            await asyncio.sleep(every_s)


async def _ping(session: aiohttp.ClientSession, url: Secret) -> str:
    """Why it failed, or nothing. No text of the exception: it holds the URL."""
    try:
        async with session.get(url.reveal(), allow_redirects=False) as answer:
            return "" if answer.status < 300 else f"HTTP {answer.status}"
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as fault:
        return type(fault).__name__
