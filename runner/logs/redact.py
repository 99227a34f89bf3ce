"""No secret leaves through a text: registered ones, and what looks like one.

In: texts, and the secrets that were opened. Out: the texts with `***` in their place.
Refuses to know: logs, terminals, what a secret is for. Only the standard library: an error message needs it
before anything else is imported.

What looks like one: signatures, Binance keys (64 letters and digits of both cases), listen keys, Telegram
tokens, private keys, passwords in URLs, and every URL of a service that puts its token there (`slack://…`).
"""

import base64
import json
import re
import threading
from urllib.parse import quote, quote_plus

STRUCK = "***"
SECRET_LENGTH_MIN = 4  # shorter ones would strike out parts of ordinary words

_SAFE_SCHEMES = r"https?|wss?|sqlite|postgresql|file|ftp"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), into)
    for pattern, into in (
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", STRUCK),
        (r"(signature['\"]?\s*[=:]\s*['\"]?)[^\s&'\",})]+", rf"\g<1>{STRUCK}"),
        (r"(X-MBX-APIKEY['\"]?\s*[=:,]\s*['\"]?)[^\s&'\",})]+", rf"\g<1>{STRUCK}"),
        (r"(listenKey['\"]?\s*[=:]\s*['\"]?)[^\s&'\",})]+", rf"\g<1>{STRUCK}"),
        (r"(authorization['\"]?\s*[=:]\s*['\"]?)((bearer|basic)\s+)?[^\s&'\",})]+", rf"\g<1>{STRUCK}"),
        (r"\b(bot\d+:)[A-Za-z0-9_-]{20,}", rf"\g<1>{STRUCK}"),
        (r"(hooks\.slack(-gov)?\.com/\w+/)[^\s'\"]+", rf"\g<1>{STRUCK}"),
        (rf"\b(?!(?:{_SAFE_SCHEMES})\b)([a-z][a-z0-9-]{{1,19}}://)[^\s'\"]+", rf"\g<1>{STRUCK}"),
        (r"([a-z][a-z0-9+.-]*://)[^/\s'\"@]*:[^\s'\"@]*@", rf"\g<1>{STRUCK}@"),
        (
            r"\b((?:passphrase|password|passwd|secret|api_?key|token)(?:=|['\"]\s*:\s*)['\"]?)[^\s&'\",})]+",
            rf"\g<1>{STRUCK}",
        ),
    )
)
# Case matters here: a hash in hexadecimal has one case and is no key.
_KEY = re.compile(r"\b(?=[A-Za-z0-9]*[A-Z])(?=[A-Za-z0-9]*[a-z])(?=[A-Za-z0-9]*[0-9])[A-Za-z0-9]{60,}\b")


class Redactor:
    """Callable: text in, text without secrets out. One a process, see `redact`."""

    def __init__(self) -> None:
        self._spellings: frozenset[str] = frozenset()
        self._known: re.Pattern[str] | None = None
        self._registering = threading.Lock()

    def register(self, secret: str) -> None:
        """Strike this text out from now on, also percent-encoded, inside JSON, as base64."""
        if len(secret) < SECRET_LENGTH_MIN:
            return
        with self._registering:
            self._register(secret)

    def _register(self, secret: str) -> None:
        self._spellings |= {
            secret,
            quote(secret, safe=""),
            quote_plus(secret),
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
            repr(secret)[1:-1],
            secret.encode().hex(),
            *_inside_base64(secret),
        }
        longest_first = sorted(self._spellings, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(STRUCK, text)
        for pattern, into in _PATTERNS:
            text = pattern.sub(into, text)
        return _KEY.sub(STRUCK, text)


def _inside_base64(secret: str) -> set[str]:
    """What the secret becomes wherever it stands in something that is base64, as in a Basic login."""
    found = set()
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + secret.encode()).decode()
        inner = whole[4 if shift else 0 : len(whole) // 4 * 4 - 4]
        if len(inner) >= SECRET_LENGTH_MIN:
            found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return found


redact = Redactor()
