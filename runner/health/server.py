"""/healthz, /readyz and /metrics over HTTP.

In: a `Health`, an address, a port, perhaps a token. Out: a server inside the running event loop, until
`stop`. Refuses to know: what the figures mean. Refuses: any address but loopback without a token; any method
but GET and HEAD.

On loopback without a token the Host header must name loopback: a web page that was made to resolve to
127.0.0.1 (DNS rebinding) reads nothing. With a token every path asks for it, as `Authorization: Bearer`.
"""

import hmac
import ipaddress
import json

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from runner.domain.secret import Secret
from runner.errors import UsageError
from runner.health.measures import CONTENT_TYPE
from runner.health.vitals import Health

TOKEN_LENGTH_MIN = 16
_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Server": "runner"}


class HealthServer:
    """`port` is the one it got, also when 0 was asked for."""

    def __init__(self, runner: web.AppRunner, address: str, port: int) -> None:
        self._runner = runner
        self.address = address
        self.port = port

    async def stop(self) -> None:
        """Close the port."""
        await self._runner.cleanup()


async def serve_health(health: Health, address: str, port: int, token: Secret | None) -> HealthServer:
    """Listen; UsageError when it may not, or cannot."""
    check_exposure(address, token)
    app = web.Application(middlewares=[_guard(address, token)], client_max_size=1024)
    for path, handler in _routes(health).items():
        app.router.add_get(path, handler)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port).start()
    except OSError as fault:
        await runner.cleanup()
        raise UsageError(
            f"health cannot listen on {address}:{port}: {fault.strerror or fault}; "
            "choose another with --health-port, 0 takes a free one"
        ) from None
    return HealthServer(runner, address, runner.addresses[0][1])


def check_exposure(address: str, token: Secret | None) -> None:
    """UsageError when others could ask without a token, or with one that can be guessed."""
    if token is not None and len(token.reveal()) < TOKEN_LENGTH_MIN:
        raise UsageError(
            f"health.token has fewer than {TOKEN_LENGTH_MIN} characters; 'openssl rand -hex 16' makes one"
        )
    if token is None and not is_loopback(address):
        raise UsageError(
            f"health would listen on {address}, where others can reach it: set health.token "
            "(RUNNER_HEALTH_TOKEN), or keep 127.0.0.1"
        )


def is_loopback(address: str) -> bool:
    """127.0.0.0/8, ::1, localhost."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _routes(health: Health) -> dict[str, Handler]:
    async def alive(request: web.Request) -> web.Response:
        return _summary(health, ok=health.alive())

    async def ready(request: web.Request) -> web.Response:
        return _summary(health, ok=not health.reasons())

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(body=health.scrape(), headers={**_HEADERS, "Content-Type": CONTENT_TYPE})

    return {"/healthz": alive, "/readyz": ready, "/metrics": metrics}


def _summary(health: Health, *, ok: bool) -> web.Response:
    text = json.dumps(health.summary()) + "\n"
    return web.Response(
        text=text, status=200 if ok else 503, headers=_HEADERS, content_type="application/json"
    )


def _guard(address: str, token: Secret | None) -> Middleware:
    wanted = None if token is None else f"Bearer {token.reveal()}".encode()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if wanted is None and not _names_loopback(request.headers.get("Host", ""), address):
            return web.Response(status=421, text="this host name is not served here\n", headers=_HEADERS)
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if wanted is not None and not hmac.compare_digest(given, wanted):
            return web.Response(
                status=401, text="a token is needed\n", headers={**_HEADERS, "WWW-Authenticate": "Bearer"}
            )
        return await handler(request)

    return guard


def _names_loopback(host: str, address: str) -> bool:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return name.lower() in (*_LOCAL_NAMES, address)
