"""What happens to a run, its session and its decisions, as journal entries say it.

In: facts of a run. Out: frozen values.
Refuses to know: orders at an exchange (`order_event.py`), who writes them down.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from runner.domain.alert import Alert
from runner.domain.bar import Bar, Row
from runner.domain.gate import Gate
from runner.domain.order import Orders
from runner.domain.position import State

StopLevel = Literal["no_entries", "flatten", "halt"]  # of the kill switch, each includes the one before
Handover = Literal["adopt", "run-off", "flatten"]  # what a new version does with an open position


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook's file and the hash of its text."""

    path: str
    text_hash: str


@dataclass(frozen=True, slots=True)
class DataUsed:
    """The stored bars of a run, [from_ms, to_ms), and the range that was asked for (None: all there are).

    `digest` covers every array the run read, warm-up included.
    """

    source: str
    asked_from_ms: int | None
    asked_to_ms: int
    from_ms: int
    to_ms: int
    bars: int
    first: int
    digest: str


@dataclass(frozen=True, slots=True)
class RunStarted:
    """`text_hash` is the document as written, `plan_hash` the plan it became; both lie among the texts.

    `version_hash` is the bot hash of the text alone; `sets` are the parameters set from outside, and the
    entry's own bot hash has them in. `data` None: bars arrive one by one and are recorded.
    """

    mode: str
    account: str
    bot: str
    symbol: str
    timeframe: str
    text_hash: str
    version_hash: str
    plan_hash: str
    file: str
    hooks: tuple[Hook, ...] = ()
    sets: tuple[tuple[str, str], ...] = ()
    data: DataUsed | None = None


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """A process took the run up, at first or again after it ended in whatever way."""

    host: str
    pid: int
    epoch: int


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """The session's state, as its own table names it."""

    before: str
    after: str
    why: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """`reason` in words; `exit_code` as the process ends."""

    reason: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class Reloaded:
    """Another text or plan from here on; the entry's own stamp holds the new bot hash."""

    text_hash: str
    version_hash: str
    plan_hash: str
    why: str


@dataclass(frozen=True, slots=True)
class StateSet:
    """The core's state where replay cannot compute it: at the start, adopted, after a transfer.

    `why` "checkpoint" sets nothing: replay must have come to this very state by itself.
    """

    state: State
    why: str


CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class BookKept:
    """What a session's memory had come to at this place of its run, so that the next start need not read what
    came before. It changes nothing; only the build that wrote it reads it.
    """

    text: str


@dataclass(frozen=True, slots=True)
class BarClosed:
    """All that `decide` is given at a close. `via` says how the bar came, `received_ms` when."""

    bar: Bar
    row: Row
    via: str = ""
    received_ms: int = 0


@dataclass(frozen=True, slots=True)
class Decided:
    """The answer of `decide`: signal, refusal, the wanted orders, and the digest of the whole next state.

    `rule` is the path of the rule that spoke (`entry.long`), `trace` its operands and verdicts in words.
    A run over stored bars keeps only the decisions that had a signal, without orders and digest.
    """

    signal: int
    refusal: int
    state_digest: str = ""
    orders: Orders | None = None
    rule: str = ""
    gates: tuple[Gate, ...] = ()
    trace: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitTripped:
    """A limit of the document was reached; it holds until `until_ms`, or until an operator resumes."""

    limit: str
    level: StopLevel
    figure_usdt: Decimal
    level_usdt: Decimal
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Halted:
    """Committed before it is carried out; holds across restarts until `Resumed`."""

    level: StopLevel
    reason: str
    who: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The halt is over, and so are limits without an end."""

    reason: str
    who: str


@dataclass(frozen=True, slots=True)
class Banned:
    """Nothing is sent before `until_ms`, in this process or the next."""

    until_ms: int
    http_status: int
    scope: str = "exchange"
    text: str = ""


@dataclass(frozen=True, slots=True)
class RecoveryStep:
    """One step of recovery has been done."""

    step: str
    outcome: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Mismatched:
    """The exchange and this journal do not say the same, and what was done about it."""

    symbol: str
    what: str
    ours: str
    theirs: str
    policy: str


@dataclass(frozen=True, slots=True)
class Commanded:
    """An operator's command as typed, without secrets."""

    command: str
    arguments: tuple[str, ...]
    who: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """A bot's file is set back. `before_hash` is kept too: a forced rollback loses nothing.

    `position` is asked for when a position is open; the next session of the bot follows it.
    """

    bot: str
    file: str
    before_hash: str
    text_hash: str
    who: str
    why: str
    position: Handover | None = None


@dataclass(frozen=True, slots=True)
class Alerted:
    """An alert for these sinks; it lies in the outbox by the same commit."""

    alert: Alert
    sinks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reported:
    """A run's figures. `report_hash` is the report document; `decisions_hash` the text of every decision that
    had a signal; `equity_digest` covers equity at every close.
    """

    start_equity_usdt: Decimal
    end_equity_usdt: Decimal
    net_pnl_usdt: Decimal
    max_drawdown_ratio: float | None
    trades: int
    report_hash: str
    decisions_hash: str = ""
    equity_digest: str = ""
