"""What the agent worker sends to the service, over real sockets; nothing that the service does holds up a call."""

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from agora_worker.service import ANSWER, Service
from agora_worker.session import Report

TOKEN = "sentinel-report-token"
Heard = list[tuple[str, str, dict[str, object]]]


@contextmanager
def serving(status: int, answer: bytes, location: str = "") -> Iterator[tuple[str, Heard]]:
    """A service that answers everything so; its URL, and what it hears: path, Authorization, body."""
    heard: Heard = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.path, self.headers["Authorization"], json.loads(body)))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/agent/v1/sessions/s-1/events", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_reports_arrive_in_their_order_with_the_token() -> None:
    """And the last one before the process ends."""
    with serving(200, b'{"status": "ok"}') as (url, heard):
        service = Service(Report(url, TOKEN))
        service.joined()
        service.left(lost=True)
        service.left(lost=False)
        service.failed()
        service.close(5)
    assert [body for _, _, body in heard] == [
        {"event": "joined"},
        {"event": "left", "lost": True},
        {"event": "left"},
        {"event": "failed"},
    ]
    assert {entry[:2] for entry in heard} == {("/agent/v1/sessions/s-1/events", f"Bearer {TOKEN}")}


def test_a_fresh_token_is_handed_on() -> None:
    """To whoever asked for it."""
    with serving(200, b'{"agora_token": "007fresh", "expires_at": 1700003900}') as (url, _):
        service, renewed = Service(Report(url, TOKEN)), list[str]()
        service.renew(renewed.append)
        service.close(5)
    assert renewed == ["007fresh"]


@pytest.mark.parametrize(
    ("status", "answer", "location"),
    [(401, b"{}", ""), (503, b"", ""), (200, b"nonsense", ""), (200, b"[]", ""), (302, b"", "/elsewhere")],
)
def test_an_answer_that_is_none_is_a_line_in_the_log(
    status: int, answer: bytes, location: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without URL and token; a redirect is not followed, because the token is for one address."""
    with serving(status, answer, location) as (url, heard), caplog.at_level(logging.DEBUG):
        service, renewed = Service(Report(url, TOKEN)), list[str]()
        service.renew(renewed.append)
        service.joined()
        service.close(5)
    assert (renewed, len(heard)) == ([], 2)
    assert [message for message in caplog.messages if "did not take the report renew" in message]
    assert not [message for message in caplog.messages if TOKEN in message or "127.0.0.1" in message]


def test_a_service_that_never_answers_costs_what_was_allowed_for_it() -> None:
    """It takes the connection, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        service = Service(Report(f"http://127.0.0.1:{silent.getsockname()[1]}/", TOKEN))
        began = time.monotonic()
        service.joined()
        service.close(0.1)
        assert time.monotonic() - began < ANSWER


def test_without_a_report_nothing_is_sent() -> None:
    """No thread is started, and the end waits for none."""
    before = threading.active_count()
    service = Service(None)
    service.joined()
    service.renew(pytest.fail)
    service.close(5)
    assert threading.active_count() == before


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/", "nonsense", "http://127.0.0.1:1/"])
def test_a_url_that_leads_nowhere_harms_nothing(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Only HTTP is spoken."""
    service = Service(Report(url, TOKEN))
    service.joined()
    service.close(5)
    assert [message for message in caplog.messages if "did not take the report joined" in message]
