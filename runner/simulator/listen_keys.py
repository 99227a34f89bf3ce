"""Listen keys: one an account, good for an hour, kept by asking.

In: account names, a clock. Out: keys; which ones have run out. Refuses to know: sockets.
Source: Binance USDⓈ-M user data streams: 60 minutes; POST gives the live key and extends it.
"""

from collections.abc import Callable
from hashlib import sha256

from runner.simulator.refusal import Refused

GOOD_FOR_MS = 3_600_000


class ListenKeys:
    """`clock` is the machine's for clients with timers of their own, else the exchange's."""

    def __init__(self, clock: Callable[[], int], seed: int) -> None:
        self._clock = clock
        self._seed = seed
        self._made = 0
        self._keys: dict[str, tuple[str, int]] = {}  # account → key, good until

    def open(self, account: str) -> str:
        """The account's key, made if there is none; good for another hour."""
        held = self._keys.get(account)
        if held is None or held[1] <= self._clock():
            self._made += 1
            half = sha256(f"{self._seed}/{account}/{self._made}".encode()).hexdigest()[:32]
            held = half + half[::-1], 0
        self._keys[account] = held[0], self._clock() + GOOD_FOR_MS
        return held[0]

    def keep(self, account: str) -> str:
        """Another hour; -1125 when there is no key."""
        held = self._keys.get(account)
        if held is None or held[1] <= self._clock():
            raise Refused(-1125, "This listenKey does not exist.")
        return self.open(account)

    def close(self, account: str) -> None:
        """The account's key is no more."""
        self._keys.pop(account, None)

    def key_of(self, account: str) -> str | None:
        """The account's key, while it is good."""
        held = self._keys.get(account)
        return held[0] if held is not None and held[1] > self._clock() else None

    def run_out(self) -> list[str]:
        """Keys whose hour is over, forgotten with this call."""
        now_ms = self._clock()
        gone = {name: key for name, (key, until_ms) in self._keys.items() if until_ms <= now_ms}
        for name in gone:
            del self._keys[name]
        return list(gone.values())

    def expire_all(self) -> list[str]:
        """Every key, before its time."""
        gone = [key for key, _ in self._keys.values()]
        self._keys.clear()
        return gone
