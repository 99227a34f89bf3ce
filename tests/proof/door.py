"""The wire of one process: ccxt's client, and the door that every request passes on its way to the exchange.

In: requests. Out: replies, as the story wants them to go; what the door saw.
Refuses to know: what is right, how the bot works.
"""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from runner.exchange.client import FuturesClient, Keys
from runner.exchange.notice import Notice
from runner.exchange.profiles import PROFILES
from runner.exchange.weight import Budget, Meter
from runner.simulator.session import MemorySession
from runner.simulator.wire import Reply
from tests.live.virtual import VirtualClock
from tests.proof.histories import Contact

if TYPE_CHECKING:
    from tests.proof.stage import Life, Stage

TIMEOUT_MS = 5_000
KEYS = Keys("canary-key-5d1f", "canary-secret-77aa")
_NO_ANSWER = frozenset({-1000, -1001, -1003, -1006, -1007, -1008})
_CLIENT_ID = re.compile(r"(?:newClientOrderId|clientAlgoId|origClientOrderId)=([^&]+)")
SPARE: list[FuturesClient] = []


@dataclass(slots=True)
class Conduct:
    """How one request goes: lost on its way, late, or with something done before and after it is executed."""

    drops: bool = False
    late_ms: int = 0
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None


class Door(MemorySession):
    """The wire of one life: keeps the exchange's clock going, sees every request, and is shut by death."""

    def __init__(self, stage: "Stage", life: "Life") -> None:
        super().__init__(stage.box)
        self.stage, self.life = stage, life

    async def answer(self, *sent: Any) -> Reply:
        method, target = str(sent[0]), str(sent[1])
        path = target.partition("?")[0].split("/", 3)[-1]
        self.life.breathe()
        self.life.at("leaving", method, path, target, sent[3])
        self.stage.box.advance_to(self.stage.now_ms)
        began, reply = self.stage.now_ms, None
        try:
            reply = await self._delivered(method, path, sent)
        finally:
            answered = reply is not None and _is_answer(reply)
            status = reply.status if reply is not None else 0
            private = "signature=" in target or b"signature=" in sent[3] or path == "listenKey"
            contact = Contact(began, self.stage.now_ms, method, path, private, answered, status)
            self.stage.contacts.append(contact)
        self.life.breathe()
        self.life.at("arrived", method, path, target, sent[3])
        return reply

    async def _delivered(self, method: str, path: str, sent: Any) -> Reply:
        """Executed whole, whatever becomes of the one who asked, once it has left."""
        task = asyncio.ensure_future(self._conducted(method, path, sent))
        self.stage.under_way.add(task)
        task.add_done_callback(self.stage.landed)
        return await asyncio.shield(task)

    async def _conducted(self, method: str, path: str, sent: Any) -> Reply:
        """As the story wants it to go."""
        name = client_id_in(str(sent[1]), sent[3])
        conduct = self.stage.conduct(method, path, name) if self.stage.conduct is not None else None
        if conduct is None:
            return await super().answer(*sent)
        if conduct.late_ms:
            await asyncio.sleep(conduct.late_ms / 1000)
        if conduct.drops:
            await asyncio.sleep(TIMEOUT_MS / 1000)
            raise TimeoutError
        self.stage.box.advance_to(self.stage.now_ms)
        conduct.before()
        try:
            reply = await super().answer(*sent)
        finally:
            conduct.after()
        self.stage.box.settle()
        return reply


def client_id_in(target: str, body: bytes) -> str:
    """The client id that a request is about; "" when it is about none."""
    found = _CLIENT_ID.search(f"{target}&{body.decode()}")
    return found[1] if found else ""


def _is_answer(reply: Reply) -> bool:
    """Whether the client can tell from it what happened."""
    if reply.status >= 500 or reply.status in (403, 408, 418, 429):
        return False
    try:
        body = json.loads(reply.body)
    except ValueError:
        return False
    if isinstance(body, dict) and not body:
        return False
    return not (isinstance(body, dict) and body.get("code") in _NO_ANSWER)


@cache
def ssl_context() -> Any:
    """Loaded once; nothing is encrypted here."""
    import ssl

    return ssl.create_default_context()


def client_of(clock: VirtualClock, notice: Notice) -> FuturesClient:
    """ccxt's client as a fresh process has it; making one costs more than a whole run, so used ones are
    made new.
    """
    client = SPARE.pop() if SPARE else FuturesClient(PROFILES["main"], KEYS, timeout_ms=TIMEOUT_MS)
    client.ssl_context = ssl_context()
    client.budget, client.meter, client.notice = Budget(), Meter(), notice
    client.options["timeDifference"] = 0
    client.last_response_headers = client.last_json_response = client.last_http_response = None
    client.milliseconds = client.now_ms = clock.now_ms
    client.own_session = client.closed_by_user = False
    return client
