"""`session-service healthcheck` against servers that live, and against none."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tests.cli.conftest import Call
from tests.ports import free_port

pytestmark = pytest.mark.real


@contextmanager
def server(status: int) -> Iterator[str]:
    """The port of a server that answers everything with this status, if the path is the probe's."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/livez" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = Thread(target=found.handle_request)
        thread.start()
        yield str(found.server_port)
        thread.join()


def hang_up(listener: socket.socket) -> None:
    """Take one connection, and close it."""
    listener.accept()[0].close()


def test_a_living_service_is_0(call: Call) -> None:
    """Whatever it listens on: everywhere includes here."""
    for host in ("127.0.0.1", "0.0.0.0"):  # noqa: S104 - asked, not bound
        with server(200) as port:
            assert call("healthcheck", {"SESSION_HOST": host, "SESSION_PORT": port}).exit_code == 0


def test_port_is_asked_where_session_port_is_not_set(call: Call) -> None:
    """As the service listens."""
    with server(200) as port:
        assert call("healthcheck", {"PORT": port}).exit_code == 0


def test_another_answer_than_200_is_1(call: Call) -> None:
    """Something else has the port."""
    with server(500) as port:
        assert call("healthcheck", {"SESSION_PORT": port}).exit_code == 1


def test_a_closed_port_is_1_with_the_reason(call: Call) -> None:
    """In one line of a container's health log."""
    done = call("healthcheck", {"SESSION_PORT": str(free_port())})
    assert done.exit_code == 1
    assert done.stderr.startswith("not alive: ")
    assert done.stderr.count("\n") == 1


def test_a_server_that_speaks_no_http_is_1(call: Call) -> None:
    """It hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=hang_up, args=[listener])
        thread.start()
        assert call("healthcheck", {"SESSION_PORT": str(listener.getsockname()[1])}).exit_code == 1
        thread.join()
