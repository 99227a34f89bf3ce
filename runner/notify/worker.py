"""The process that talks to the services: apprise lives here and nowhere else.

In: requests, one JSON object a line, on standard input. Out: one answer a line on standard output, in the
order in which the services answer. It ends when its input ends, also because the parent was killed.
Refuses to know: the outbox, retries, time limits (the parent ends a worker whose services hang). Whatever
apprise does – hang, leak, fork threads – is done to this process, which runs at a lower priority, keeps
nothing on disk, and writes no core dump (a core dump would hold the URLs).
"""

import json
import logging
import os
import resource
import sys
import threading
from bisect import bisect_right
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from itertools import accumulate
from typing import IO, Any

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType, OverflowMode, PersistentStoreMode

from runner.notify.sink import strike
from runner.notify.wire import Answer, Request

WHY_LENGTH_MAX = 200  # characters of a reason
_NICENESS = 10
_TITLE_MARKS = 20  # what apprise writes around a title inside the body
# As apprise spells them for services that want HTML.
_ESCAPED = {" ": 6, "<": 4, ">": 4, "&": 5, "'": 6, '"': 6, "\n": 6, "\t": 24}
_heard: ContextVar[list[str]] = ContextVar("heard")
_UNNAMED = "the service did not take it"


def send(request: Request) -> str:
    """Why it was not delivered, or nothing. Everything that a service may raise becomes a sentence."""
    asset = AppriseAsset(
        app_id="runner",
        app_desc="runner alerts",
        app_url="",
        storage_mode=PersistentStoreMode.MEMORY,
        async_mode=False,
    )
    overheard = _overhear()
    plugin = Apprise.instantiate(request.url, asset=asset)
    if plugin is None:
        return "not a URL that apprise understands"
    plugin.redirects = False  # a redirect would take the token to a place that nobody named
    plugin.overflow_mode = OverflowMode.TRUNCATE  # only where our own cut was not enough
    kinds = {"info": NotifyType.INFO, "warning": NotifyType.WARNING, "critical": NotifyType.FAILURE}
    service = Apprise(asset=asset)
    service.add(plugin)
    try:
        taken = service.notify(
            body=_fitted_for(plugin, request),
            title=request.title,
            notify_type=kinds[request.severity],
            body_format=NotifyFormat.TEXT,
        )
    except (OSError, ValueError, TypeError, LookupError, RuntimeError, AttributeError) as fault:
        return explained(f"{type(fault).__name__}: {fault}", request.url)
    return "" if taken else explained(overheard[-1] if overheard else _UNNAMED, request.url)


def _fitted_for(plugin: Any, request: Request) -> str:
    formats = plugin.notify_format if isinstance(plugin.notify_format, tuple) else (plugin.notify_format,)
    lengths = {} if NotifyFormat.TEXT in formats else _ESCAPED
    return fitted(request, plugin.body_maxlen, titled=plugin.title_maxlen > 0, lengths=lengths)


def fitted(request: Request, room: int, *, titled: bool, lengths: Mapping[str, int]) -> str:
    """Body and foot in `room` characters, the title among them where the service has no field for it.

    The body is cut, the foot never. `lengths` of characters that take more room than one.
    """
    tail = f"\n\n{request.foot}" if request.foot else ""
    left = room - _length(tail, lengths) - (0 if titled else _length(request.title, lengths) + _TITLE_MARKS)
    taken = list(accumulate(lengths.get(mark, 1) for mark in request.body))
    if not taken or taken[-1] <= left:
        return request.body + tail
    return f"{request.body[: bisect_right(taken, left - 1)]}…{tail}"


def _length(text: str, lengths: Mapping[str, int]) -> int:
    return sum(lengths.get(mark, 1) for mark in text)


def explained(said: str, url: str) -> str:
    """What apprise said, on one line, without any piece of the URL."""
    return strike(" ".join(said.split()), url)[:WHY_LENGTH_MAX]


class _Ear(logging.Handler):
    """apprise tells why only in its log, perhaps in a thread of its own; the context goes along."""

    def emit(self, record: logging.LogRecord) -> None:
        heard = _heard.get(None)
        if heard is not None:
            heard.append(record.getMessage())


def _overhear() -> list[str]:
    """What apprise will say from here on in this context."""
    logger = logging.getLogger("apprise")
    if not any(isinstance(handler, _Ear) for handler in logger.handlers):
        logger.addHandler(_Ear(logging.WARNING))
    heard: list[str] = []
    _heard.set(heard)
    return heard


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answer until the input ends; each request in a thread of its own, so that none waits for another."""
    lock = threading.Lock()

    def answer(request: Request) -> None:
        why = send(request)
        with lock:
            answers.write(json.dumps(Answer(request.number, why)._asdict()) + "\n")
            answers.flush()

    for line in requests:
        threading.Thread(target=answer, args=(Request(**json.loads(line)),), daemon=True).start()


def main() -> None:
    """The process. Its output is ours alone: what a library prints goes nowhere."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(_NICENESS)
    logging.getLogger("apprise").propagate = False
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    with suppress(KeyboardInterrupt, BrokenPipeError):
        serve(sys.stdin, answers)
    os._exit(0)  # threads that still wait for a service are left behind: their letters are still due


if __name__ == "__main__":
    main()
