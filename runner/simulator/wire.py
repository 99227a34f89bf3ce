"""What travels: a request as it arrives, a reply as it leaves; and whether the request is signed rightly.

In: method, target, headers, body as bytes of the wire. Out: `Call` with decoded parameters; `Reply`.
Refuses to know: endpoints, sockets, the book.
Source: Binance's signing rules: HMAC-SHA256 over query and body as sent, joined without `&`.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from runner.simulator.refusal import Refused

RECV_WINDOW_MS, RECV_WINDOW_MS_MAX, AHEAD_MS_MAX = 5000, 60_000, 1000
_SIGNATURE = re.compile(r"(?:^|&)signature=([^&]*)")
_VERSIONED = re.compile(r"^/fapi/v([123])/(.+)$")

JSON_TYPE, HTML_TYPE = "application/json", "text/html"


class Reply(NamedTuple):
    """An answer; `fate` says what becomes of it on its way: sent, reset, hangs, or cut after some bytes."""

    status: int
    headers: dict[str, str]
    body: bytes
    fate: str = "sent"
    cut: int = 0
    late_ms: int = 0


class Call(NamedTuple):
    """One request. `path` is without its version: `order`, `positionSide/dual`."""

    method: str
    version: int
    path: str
    query: str
    body: str
    params: Mapping[str, str]
    key: str

    @property
    def is_signed(self) -> bool:
        """Does it carry a signature?"""
        return "signature" in self.params


def read_call(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Call:
    """The parts of a request. A path outside /fapi has version 0; of a repeated parameter the last counts."""
    path, _, query = target.partition("?")
    versioned = _VERSIONED.match(path)
    text = body.decode("utf-8", "replace")
    pairs = parse_qsl(query, keep_blank_values=True) if query else []
    if text:
        pairs += parse_qsl(text, keep_blank_values=True)
    key = next((text for name, text in headers.items() if name.lower() == "x-mbx-apikey"), "")
    version, name = (int(versioned[1]), versioned[2]) if versioned else (0, path)
    return Call(method.upper(), version, name, query, text, dict(pairs), key)


def check_signature(call: Call, secret: str) -> None:
    """-1022 unless the signature is the HMAC of query and body as they were sent."""
    told = call.params.get("signature", "")
    signed = _SIGNATURE.sub("", call.query) + _SIGNATURE.sub("", call.body)
    made = hmac.new(secret.encode(), signed.lstrip("&").encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(made, told):
        raise Refused(-1022, "Signature for this request is not valid.")


def check_time(call: Call, clocks: Iterable[int], late: Refused | None = None) -> None:
    """-1021 unless the timestamp is good by one of the clocks; a second ahead is refused whatever the window.

    `late`: what to answer instead of -1021 to a timestamp that is too old.
    """
    window = call.params.get("recvWindow", str(RECV_WINDOW_MS))
    sent = call.params.get("timestamp", "")
    if not sent:
        raise Refused(-1102, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.")
    try:
        sent_ms, window_ms = int(sent), int(Decimal(window))
    except (ValueError, ArithmeticError):
        raise Refused(-1100, "Illegal characters found in parameter 'timestamp' or 'recvWindow'.") from None
    if not 0 < window_ms <= RECV_WINDOW_MS_MAX:
        raise Refused(-1131, "recvWindow must be less than 60000")
    ages_ms = [clock_ms - sent_ms for clock_ms in clocks]
    if any(-AHEAD_MS_MAX < age_ms <= window_ms for age_ms in ages_ms):
        return
    if min(ages_ms, key=abs) <= -AHEAD_MS_MAX:
        raise Refused(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    raise late or Refused(-1021, "Timestamp for this request is outside of the recvWindow.")


def answered(tree: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply that carries JSON, written as the exchange writes it: without blanks."""
    body = json.dumps(tree, separators=(",", ":"), ensure_ascii=False).encode()
    return Reply(status, {"Content-Type": f"{JSON_TYPE};charset=UTF-8", **(headers or {})}, body)


def refused(code: int, message: str, status: int = 400, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply that carries an error."""
    return answered({"code": code, "msg": message}, status, headers)


def page(status: int, title: str) -> Reply:
    """A reply of something between the client and the exchange."""
    text = f"<html><head><title>{status} {title}</title></head><body><h1>{title}</h1></body></html>"
    return Reply(status, {"Content-Type": HTML_TYPE}, text.encode())
