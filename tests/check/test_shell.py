"""A line of shell sends what the checker sent."""

import asyncio
import os
import re
import shutil
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import pytest

from session_service.check.asking import calls, shell, wire
from session_service.check.asking.messages import Body, Exchange, Header, Request
from session_service.check.context import World
from session_service.check.plan import plan
from session_service.check.runner import Listener, Run
from session_service.check.target import Endpoint, Target, endpoint
from tests.check.correct import CLIENT, PROJECT, SECRET, Correct, serving

TARGET = Target(endpoint("https://agents.example.com/sessions"), CLIENT, SECRET.encode())
ODD = (
    Request("GET", "/session?client_id=a%0Ab&x='$(id)'"),
    Request("POST", "/session", (Header("X-Empty", b""), Header("x-cased", b"v"), Header("X-Cased", b"w"))),
    Request("POST", "/session", (Header("X-High", b"a\xff\xc3\xa9 b"), Header("X-Quoted", b'it\'s "$HOME" `id`'))),
    Request("POST", "/session", body=Body(b'{"a": "it\'s", "b": "$HOME\\\\"}')),
    Request("POST", "/session", body=Body(b"\x00\xff\n%s\\\n")),
    Request("POST", "/session", body=Body(b"a" * 1048577, "head -c 1048577 /dev/zero | tr '\\0' a")),
    Request("PUT", "/a/../session", (Header("Content-Type", b"application/json"),), Body(b"@file")),
    Request("DELETE", "/session?a[0]={1}"),
    Request("HEAD", "/session", (calls.header(TARGET, calls.right(TARGET)),)),
    Request("POST", "/session", (Header("X-Part", SECRET[:-1].encode(), "${SESSION_SECRET%?}"),)),
)


def line(request: Request, at: Endpoint = TARGET.endpoint) -> str:
    """The request as shell, to that endpoint."""
    return shell.curl(at, request, 15.0)


def test_the_platforms_call_is_a_line_that_anybody_can_read() -> None:
    """The secret is named, and stands nowhere."""
    told = line(calls.platform(TARGET, calls.right(TARGET)))
    assert told.endswith(
        """-H "X-Cekura-Secret: $SESSION_SECRET" -H 'Content-Type: application/json' """
        """--data-raw '{"client_id": "acme"}' https://agents.example.com/sessions"""
    )
    assert SECRET not in told


@pytest.mark.parametrize("request_", ODD, ids=range(len(ODD)))
def test_a_line_is_one_line_of_printable_ascii(request_: Request) -> None:
    """Whatever was sent: it is to be pasted."""
    told = line(request_)
    assert told.isascii()
    assert told.isprintable()


@pytest.mark.real
@pytest.mark.parametrize("program", ["bash", "sh"])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_every_request_of_a_full_run_is_repeated_by_its_line(method: Literal["POST", "GET"], program: str) -> None:
    """And some that no check makes; but for the order of headers, and Connection."""
    with recording() as (at, received):
        for one in (*ODD, *requests_of_a_run(method)):
            repeat(program, line(one, at))
            assert parts(received.pop()) == parts(wire.written(at, one)), line(one, at)


def requests_of_a_run(method: Literal["POST", "GET"]) -> list[Request]:
    """Each different request that the checks make of a correct endpoint."""
    made: dict[str, Request] = {}

    def heard(exchange: Exchange) -> None:
        secretless = re.sub(r"[0-9a-f]{8,}", "", line(exchange.request))
        made.setdefault(secretless, exchange.request)

    with serving(Correct) as url:
        target = Target(endpoint(url), CLIENT, SECRET.encode(), method, certificate=PROJECT.certificate)
        world = World(time.time, time.perf_counter, os.urandom)
        asyncio.run(Run(target, plan("full"), world, listener=Listener(heard=heard)).make())
    return list(made.values())


def repeat(program: str, told: str) -> None:
    """Run the line as a person would who has set the secret."""
    if shutil.which("curl") is None or shutil.which(program) is None:
        pytest.skip(f"repeating calls needs {program} and curl: apt-get install bash curl")
    variables = {**os.environ, "SESSION_SECRET": SECRET}
    subprocess.run([program, "-c", told], env=variables, check=True, capture_output=True, timeout=60)


def parts(data: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Request line, headers in an order of their own but for those of one name, and body."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    kept = [re.sub(rb": *$", b":", header) for header in headers if not header.lower().startswith(b"connection:")]
    return first, sorted(kept, key=lambda header: header.partition(b":")[0].lower()), body


@contextmanager
def recording() -> Iterator[tuple[Endpoint, list[bytes]]]:
    """An endpoint that keeps the bytes of each request, and answers 200."""
    received: list[bytes] = []

    class Recorder(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += self.rfile.readline()
            length = re.search(rb"^content-length: *(\d+)", head, re.IGNORECASE | re.MULTILINE)
            received.append(head + self.rfile.read(int(length[1]) if length else 0))
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Recorder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield endpoint(f"http://127.0.0.1:{server.server_address[1]}/session"), received
        server.shutdown()
        thread.join(10)
