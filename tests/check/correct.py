"""A correct endpoint in small steps, for mutants to break one of; and how a test runs it and checks it.

A mutant is a subclass that overrides one step, so that what it breaks is all that differs.
"""

import asyncio
import hmac
import json
import os
import secrets
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from session_service.agora import tokens
from session_service.agora.identifiers import Project
from session_service.agora.token_services import RTC, Service
from session_service.check.context import World
from session_service.check.plan import plan
from session_service.check.runner import Report, run
from session_service.check.target import Target, endpoint

SECRET = "correct-horse-battery-staple-42"
CLIENT = "acme"
PATH = "/session"
PROJECT = Project("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210")
HOUR = 3600


class Refused(Exception):
    """The call is refused with this status."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__(status)
        self.status, self.headers = status, headers


class Correct(BaseHTTPRequestHandler):
    """What the platform's page asks for, and what anybody may expect of an HTTP server. No step knows another's."""

    protocol_version = "HTTP/1.1"
    METHODS: ClassVar[Sequence[str]] = ("POST", "GET")
    MOST_BODY = 16384

    def answer(self) -> tuple[int, Any, Mapping[str, str]]:
        """Status, document and headers of the answer to a call."""
        try:
            body = self.body()
            self.routed()
            self.authorized()
            if self.client_id(body) != CLIENT:
                raise Refused(403)
        except Refused as refused:
            return refused.status, {"error": "refused"}, refused.headers
        return 200, self.join_details(), {}

    def routed(self) -> None:
        """Refuse another path or method."""
        if urlsplit(self.path).path != PATH:
            raise Refused(404)
        if self.command not in self.METHODS:
            raise Refused(405, Allow=", ".join(self.METHODS))

    def authorized(self) -> None:
        """Refuse a call without the one right secret."""
        sent = self.headers.get_all("X-Cekura-Secret", [])
        if len(sent) != 1 or not hmac.compare_digest(sent[0].encode("latin-1"), SECRET.encode()):
            raise Refused(401)

    def body(self) -> bytes:
        """The body; refuse one that is too long."""
        length = int(self.headers.get("Content-Length", 0))
        if length > self.MOST_BODY:
            self.close_connection = True
            raise Refused(413)
        return self.rfile.read(length)

    def client_id(self, body: bytes) -> object:
        """Who asks; refuse what is no client id."""
        if self.command == "GET":
            found = parse_qs(urlsplit(self.path).query).get("client_id", [])
            value: object = found[0] if len(found) == 1 else None
        else:
            value = self.parsed(body).get("client_id")
        if not isinstance(value, str) or not value:
            raise Refused(400)
        return value

    def parsed(self, body: bytes) -> dict[str, object]:
        """The JSON object in the body; refuse what is none."""
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise Refused(400) from None
        if not isinstance(document, dict):
            raise Refused(400)
        return document

    def join_details(self) -> dict[str, object]:
        """A channel of its own, and the tester's token for it."""
        channel = self.channel()
        return {"agora_app_id": PROJECT.app_id, "agora_channel": channel, "agora_token": self.token(channel)}

    def channel(self) -> str:
        """A name that nobody can guess."""
        return f"cekura-{secrets.token_hex(16)}"

    def token(self, channel: str) -> str:
        """A publisher's token for uid 1."""
        return token(channel)

    def handle_call(self) -> None:
        """Answer, and be done with it."""
        status, document, headers = self.answer()
        self.reply(status, json.dumps(document).encode(), {"Content-Type": "application/json", **headers})

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Write status, headers and body."""
        self.send_response_only(status)
        sent = {"Cache-Control": "no-store", "X-Request-Id": secrets.token_hex(8), **self.common(), **headers}
        for name, value in (sent | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def common(self) -> Mapping[str, str]:
        """Headers of every answer."""
        return {}

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class refuses by itself, as JSON."""
        self.close_connection = True
        self.command = self.command or "GET"
        self.reply(code, b'{"error": "refused"}', {"Content-Type": "application/json", "Connection": "close"})

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    do_POST = do_GET = do_PUT = do_DELETE = do_TRACE = do_HEAD = do_OPTIONS = do_PATCH = handle_call


def token(
    channel: str,
    uid: str = "1",
    *,
    project: Project = PROJECT,
    privileges: Sequence[int] = (1, 2, 3, 4),
    lifetime: int = HOUR,
    age: int = 0,
) -> str:
    """A token of version 007, right unless told otherwise. `age` is in seconds."""
    service = Service(RTC, dict.fromkeys(privileges, lifetime), {"channel": channel, "uid": uid})
    issued_at = int(time.time()) - age
    return tokens.mint(project, [service], issued_at=issued_at, lifetime=lifetime, salt=7)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A checker that hangs up is no error."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The URL of an endpoint that answers with `handler`."""
    server = _Server(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}{PATH}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def checked(url: str, profile: str = "standard", only: Sequence[str] = (), **differently: Any) -> Report:
    """The report on the endpoint at `url`, by the checks of a profile."""
    target = Target(endpoint(url), CLIENT, SECRET.encode(), **{"certificate": PROJECT.certificate, **differently})
    return asyncio.run(run(target, plan(profile, only), World(time.time, time.perf_counter, os.urandom)))


def outcomes(report: Report) -> dict[str, str]:
    """Every check's id with its outcome."""
    return {result.check.id: result.outcome.value for result in report.results}
