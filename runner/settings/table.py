"""Every setting of `runner`: its name, kind, default and meaning, as a literal table.

In: a text of the environment, or a value of runner.toml. Out: the setting's value, or why it is none.
Refuses to know: where the text came from, who uses the value.

`health.port` is `[health] port` in runner.toml and RUNNER_HEALTH_PORT in the environment. In a default,
`{home}` is the home folder.
"""

import re
from difflib import get_close_matches
from typing import Literal, NamedTuple, assert_never
from urllib.parse import urlsplit

Kind = Literal["text", "path", "port", "number", "flag", "url", "choice"]
Found = str | int | bool
# Who may say it. `own` is everybody but the project's runner.toml, which may come with somebody else's bots
# and must not lead keys, records or alerts elsewhere. `environment` has to be known before files are read.
Said = Literal["anywhere", "own", "environment"]


class Setting(NamedTuple):
    """One setting. `default` is None where there is none. A `secret` is never printed."""

    name: str
    kind: Kind
    default: Found | None
    help: str
    said: Said = "anywhere"
    secret: bool = False
    choices: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """The environment variable of the same meaning."""
        return "RUNNER_" + self.name.replace(".", "_").upper()


SETTINGS: tuple[Setting, ...] = (
    Setting("home", "path", None, "Where candles, journal, keys and settings lie.", "environment"),
    Setting(
        "db",
        "url",
        "sqlite:///{home}/journal.db",
        "Where the journal is: SQLite, or a postgresql+psycopg:// URL.",
        "own",
    ),
    Setting(
        "log.level",
        "choice",
        "info",
        "The least important messages that are logged.",
        choices=("debug", "info", "warning", "error"),
    ),
    Setting(
        "log.format",
        "choice",
        "auto",
        "text for people, json for machines; auto: text on a terminal.",
        choices=("auto", "text", "json"),
    ),
    Setting(
        "health.address",
        "text",
        "127.0.0.1",
        "Where health and metrics listen; another needs a token.",
        "own",
    ),
    Setting("health.port", "port", 9464, "Their port; 0 takes a free one."),
    Setting("health.token", "text", None, "The word that a request must bear.", "own", secret=True),
    Setting(
        "health.heartbeat", "url", None, "Pinged every minute while the bot is alive.", "own", secret=True
    ),
    Setting("exchange.url", "url", None, "A stand-in for the exchange on this machine.", "own"),
    Setting("exchange.speed", "number", "1", "How many times as fast time passes at the stand-in.", "own"),
    Setting(
        "session.on_mismatch",
        "choice",
        "halt",
        "What becomes of a position that the journal cannot explain, once it is protected.",
        choices=("halt", "adopt", "flatten"),
    ),
    Setting("session.notional_max", "number", None, "The most USDT that any bot may hold.", "own"),
    Setting(
        "account.daily_loss",
        "number",
        None,
        "USDT that the bots of `runner up` may lose together on a UTC day; then all are closed and halted.",
        "own",
    ),
    Setting("archive.url", "url", "https://data.binance.vision", "Where candles in bulk come from.", "own"),
    Setting("vault.file", "path", "{home}/keys/vault.json", "The encrypted keys.", "own"),
    Setting(
        "vault.passphrase_file",
        "path",
        None,
        "Holds the vault's passphrase, for starts without a person.",
        "own",
    ),
)
BY_NAME = {setting.name: setting for setting in SETTINGS}
BY_VARIABLE = {setting.variable: setting for setting in SETTINGS}

# Variables of that prefix which are no settings: our own tests', and those of GitHub's and GitLab's machines.
_OURS = (
    *("ACTIONS", "BUG_SEEDS", "CELLS", "CRASHES", "EXAMPLES", "KILLS", "NEED_POSTGRES", "PLAYS"),
    *("PROOF_FIGURES", "RECORD_KEY", "RECORD_SECRET", "REHEARSAL_DAYS", "SESSION_KILLS"),
    *("TEST_CACHE", "TEST_DB"),
)
_THEIRS = (
    *("ALLOW_RUNASROOT", "ARCH", "DEBUG", "ENVIRONMENT", "NAME", "OS", "PERFLOG", "TEMP"),
    *("TOOLSDIRECTORY", "TOOL_CACHE", "TRACKING_ID", "USER", "WORKSPACE"),
)
FOREIGN = frozenset(f"RUNNER_{word}" for word in (*_OURS, *_THEIRS))

FLAG_WORDS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


class Unfit(ValueError):  # noqa: N818 – says what the text is
    """A text or a value of runner.toml is none of the setting's kind; `str()` says what is wanted."""


def from_text(setting: Setting, text: str) -> Found:
    """What a text of the environment or of the command line means."""
    if setting.kind == "port":
        if not re.fullmatch(r"[0-9]{1,5}", text):
            raise Unfit(wanted(setting))
        return checked(setting, int(text))
    if setting.kind == "flag":
        if text.lower() not in FLAG_WORDS:
            raise Unfit(wanted(setting))
        return FLAG_WORDS[text.lower()]
    return checked(setting, text)


def checked(setting: Setting, found: object) -> Found:
    """The same, if it is of the setting's kind; Unfit otherwise."""
    if setting.kind == "number" and type(found) in (int, float):
        found = repr(found)
    right = {"port": int, "flag": bool}.get(setting.kind, str)
    if type(found) is not right:
        raise Unfit(wanted(setting))
    assert isinstance(found, Found)
    text = str(found)
    if isinstance(found, int) and setting.kind == "port" and not 0 <= found <= 65_535:
        raise Unfit(wanted(setting))
    if any(ord(mark) < 32 or ord(mark) == 127 for mark in text) or not text.strip():
        raise Unfit(wanted(setting))
    if setting.kind == "choice" and text not in setting.choices:
        raise Unfit(wanted(setting) + did_you_mean(text, setting.choices))
    is_none = {"url": not _is_url(text), "number": not _is_number(text)}
    if is_none.get(setting.kind, False):
        raise Unfit(wanted(setting))
    return found


def wanted(setting: Setting) -> str:
    """What the setting takes, in words."""
    match setting.kind:
        case "port":
            return "write a port, a whole number from 0 to 65535"
        case "number":
            return "write a number above 0, such as 5000"
        case "flag":
            return "write true or false"
        case "choice":
            return f"write one of {', '.join(setting.choices)}"
        case "url":
            return "write a URL, such as scheme://host/path"
        case "path":
            return "write a path as text"
        case "text":
            return "write a text of one line"
    assert_never(setting.kind)


def did_you_mean(word: str, known: tuple[str, ...] | list[str]) -> str:
    """`; did you mean 'info'?`, or nothing."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def option_of(name: str) -> str:
    """`--log-level`, the command-line option of `log.level`, for those commands that have it."""
    return "--" + name.replace(".", "-").replace("_", "-")


def masked(setting: Setting, found: Found | None) -> str | int | bool | None:
    """The value as it may be shown: no secret, and no name or password inside a URL."""
    if found is None:
        return None
    if setting.secret:
        return "(hidden)"
    if setting.kind == "url":
        return masked_url(str(found))
    return found


def masked_url(url: str) -> str:
    """`postgresql://…@host/journal`: what stands before an @, and what follows a ?, can be a secret."""
    scheme, separator, rest = url.partition("://")
    place, question, _ = rest.partition("?")
    _, at, host = place.rpartition("@")
    return f"{scheme}{separator}{'…@' if at else ''}{host}{'?…' if question else ''}"


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,15})?", text) is not None and float(text) > 0


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.scheme) and "://" in text and (parts.port is None or parts.port >= 0)
    except ValueError:
        return False
