"""The worker process as seen from the bot's process: start it, hand it messages, hear from it, end it.

In: requests. Out: answers, whenever they come. No call blocks: pipes are read and written as far as they go.
Refuses to know: letters, sinks' names, when to try again.
"""

import json
import os
import selectors
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress

from runner.notify.wire import Answer, Request

# What a worker may know of our environment: where programs lie and how the network is reached. The rest may
# hold secrets, the URLs among them.
_NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PLACES = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "VIRTUAL_ENV")
_PASSED_ON = (*_PLACES, *_NETWORK, *(name.lower() for name in _NETWORK), *_AUTHORITIES)
_READ_MAX = 1 << 16
_END_WAIT_S = 2.0


class Post:
    """One worker at a time; a lost one is noticed by `answers` and replaced by the next `hand_over`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {name: environment[name] for name in _PASSED_ON if name in environment}
        self._worker: subprocess.Popen[bytes] | None = None
        self._ended: list[subprocess.Popen[bytes]] = []
        self._unsent = b""
        self._heard = b""

    @property
    def pid(self) -> int | None:
        """The worker's process id, while there is one."""
        return self._worker.pid if self._worker else None

    def start(self) -> None:
        """Start a worker unless one is there; it takes a moment to get ready, which nobody waits for."""
        if self._worker is not None:
            return
        # -P: no module from the folder that the bot happens to be started in
        self._worker = subprocess.Popen(
            [sys.executable, "-P", "-m", "runner.notify.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._environment,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for the bot, which lets the last alerts out first
        )
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        os.set_blocking(self._worker.stdin.fileno(), False)
        os.set_blocking(self._worker.stdout.fileno(), False)

    def hand_over(self, request: Request) -> None:
        """Give one message to the worker."""
        self.start()
        self._unsent += json.dumps(request._asdict(), ensure_ascii=False).encode() + b"\n"
        self._flush()

    def answers(self) -> list[Answer] | None:
        """What came back since last time; None when the worker is gone, and all it had in hand with it."""
        if self._worker is None:
            return []
        assert self._worker.stdout is not None
        self._flush()
        gone = False
        while True:
            try:
                read = os.read(self._worker.stdout.fileno(), _READ_MAX)
            except BlockingIOError:
                break
            if not read:
                gone = True
                break
            self._heard += read
        *lines, self._heard = self._heard.split(b"\n")
        try:
            heard = [Answer(**json.loads(line)) for line in lines]
        except (ValueError, TypeError):
            heard, gone = [], True  # whatever took the worker over does not speak to us
        if (gone and not heard) or len(self._heard) > _READ_MAX:
            self.end()
            return None
        return heard

    def wait(self, longest_s: float) -> None:
        """Until the worker says something, at most this long; for a caller that has nothing else to do."""
        if self._worker is None or self._worker.stdout is None:
            threading.Event().wait(longest_s)
            return
        with selectors.DefaultSelector() as selector:
            selector.register(self._worker.stdout, selectors.EVENT_READ)
            selector.select(longest_s)

    def end(self) -> None:
        """Kill the worker, whatever it is doing; nobody waits for that either."""
        worker, self._worker = self._worker, None
        self._unsent = self._heard = b""
        if worker is not None:
            worker.kill()
            for pipe in (worker.stdin, worker.stdout):
                if pipe is not None:
                    pipe.close()
            self._ended.append(worker)
        self._ended = [one for one in self._ended if one.poll() is None]

    def close(self) -> None:
        """End the worker and wait until it and its predecessors are gone."""
        self.end()
        for worker in self._ended:
            with suppress(subprocess.TimeoutExpired):
                worker.wait(_END_WAIT_S)

    def _flush(self) -> None:
        if self._worker is None or self._worker.stdin is None or not self._unsent:
            return
        try:
            written = os.write(self._worker.stdin.fileno(), self._unsent)
        except BlockingIOError:
            return  # the pipe is full: a worker that reads nothing is ended by its deadline
        except BrokenPipeError:
            return  # seen as end of output by `answers`
        self._unsent = self._unsent[written:]
