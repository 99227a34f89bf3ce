"""Ask a running bot how it is; usable as a container's health check.

In: its URL, a path, perhaps a token. Out: status and text; HealthFailed when nothing answers.
Refuses to know: what the answer means. Only the standard library, so that the answer comes at once.
"""

from http.client import HTTPException
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from runner.domain.secret import Secret
from runner.errors import HealthFailed, UsageError

_ANSWER_BYTES_MAX = 4_000_000


class Reply(NamedTuple):
    """An HTTP answer."""

    status: int
    text: str


def ask(url: str, path: str, token: Secret | None, timeout_s: float) -> Reply:
    """GET url + path. No proxy and no redirect: the token goes to the host named, and nowhere else."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{url}: write where the bot listens, such as http://127.0.0.1:9464")
    request = Request(url.rstrip("/") + path)
    if token is not None:
        request.add_unredirected_header("Authorization", f"Bearer {token.reveal()}")
    opener = build_opener(ProxyHandler({}), _Straight())
    try:
        with opener.open(request, timeout=timeout_s) as answer:
            return Reply(answer.status, answer.read(_ANSWER_BYTES_MAX).decode("utf-8", "replace"))
    except HTTPError as refused:
        with refused:
            return Reply(refused.code, refused.read(_ANSWER_BYTES_MAX).decode("utf-8", "replace"))
    except URLError as fault:
        raise HealthFailed(f"{url} does not answer: {fault.reason}; is the bot running?") from None
    except (OSError, HTTPException, ValueError) as fault:
        raise HealthFailed(f"{url} does not answer as it should: {fault}") from None


class _Straight(HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Never."""
