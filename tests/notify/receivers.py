"""Real receivers on loopback: HTTP that can be slow, refuse or hang; SMTP with and without TLS; a proxy that
stands in for the hosts of Slack and Telegram, with a certificate of its own.
"""

import json
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Received:
    """What arrived, and how the next request is answered."""

    port: int = 0
    bodies: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    replies: list[int] = field(default_factory=list)  # status codes to come; 200 when there are none
    reply: str = "ok"
    wait: threading.Event | None = None  # held back until it is set
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def await_bodies(self, count: int, seconds: float = 20.0) -> list[str]:
        """The bodies once there are `count` of them."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.bodies) >= count, seconds), self.bodies
            return list(self.bodies)

    def json(self, place: int = -1) -> dict[str, Any]:
        """One body as JSON."""
        tree = json.loads(self.bodies[place])
        assert isinstance(tree, dict)
        return tree


def _handler(received: Received) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            with received.arrived:
                received.bodies.append(body)
                received.paths.append(self.path)
                status = received.replies.pop(0) if received.replies else 200
                received.arrived.notify_all()
            if received.wait is not None:
                received.wait.wait(60)
            reply = received.reply.encode()
            try:
                self.send_response(status)
                if status in (301, 302, 307):
                    self.send_header("Location", f"http://127.0.0.1:{received.port}/elsewhere")
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)
            except OSError:
                pass  # the client was killed meanwhile

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Handler


@contextmanager
def http_receiver(context: ssl.SSLContext | None = None) -> Iterator[Received]:
    """An HTTP server in the manner of a webhook."""
    received = Received()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(received))
    server.daemon_threads = True
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    received.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield received
    finally:
        if received.wait is not None:
            received.wait.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def connect_proxy(port: int) -> Iterator[tuple[int, list[str]]]:
    """A proxy that answers CONNECT to any host by a tunnel to one local port; (its port, hosts asked for)."""
    asked: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    over = threading.Event()

    def tunnel(client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", port)) as inner:
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            asked.append(head.split()[1].decode())
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            while not over.is_set():
                for ready in select.select([client, inner], [], [], 0.05)[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    (inner if ready is client else client).sendall(data)

    def accept() -> None:
        while not over.is_set():
            try:
                client, _ = listener.accept()
            except TimeoutError:
                continue
            threads.append(threading.Thread(target=tunnel, args=(client,)))
            threads[-1].start()

    threads = [threading.Thread(target=accept)]
    threads[0].start()
    try:
        yield listener.getsockname()[1], asked
    finally:
        over.set()
        for thread in threads:
            thread.join()
        listener.close()


@contextmanager
def smtp_receiver(
    tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None
) -> Iterator[tuple[int, list[Message], Callable[[int], None]]]:
    """An SMTP server (aiosmtpd), with STARTTLS and a login where asked; (port, mails, wait for so many)."""
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult

    mails: list[Message] = []
    arrived = threading.Condition()

    class Keep:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
            with arrived:
                mails.append(message_from_bytes(envelope.content, policy=default))
                arrived.notify_all()
            return "250 kept"

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        return AuthResult(success=(data.login.decode(), data.password.decode()) == login)

    options: dict[str, Any] = {"tls_context": tls, "require_starttls": bool(tls)} if tls else {}
    if login:
        options |= {"authenticator": authenticate, "auth_required": True, "auth_require_tls": bool(tls)}
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    controller = Controller(Keep(), hostname="127.0.0.1", port=port, **options)
    controller.start()

    def await_mails(count: int) -> None:
        with arrived:
            assert arrived.wait_for(lambda: len(mails) >= count, 20), mails

    try:
        yield port, mails, await_mails
    finally:
        controller.stop()


def certificate(folder: Path, *names: str) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS for these names, and the file with the authority that signed it."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receivers of the tests")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / "ca.pem", folder / "key.pem"
    file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return context, file
