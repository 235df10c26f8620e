"""The real server on a loopback port, and connections on which a test says every byte itself."""

import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from session_service.app import Service
from session_service.http import server
from session_service.settings import Times
from tests.contract.answers import Answer
from tests.contract.given import BODY, HEADER, PATH, SECRET

DEADLINE = 30.0
"""Seconds after which a server that should have said something fails the test."""


class Running:
    """The server of a service in a thread with its own event loop; a context that stops it cleanly."""

    def __init__(self, service: Service, times: Times) -> None:
        self._socket = server.bind("127.0.0.1", 0)
        self._server = server.build(service, times, 1.0)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._server.should_exit = True
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive(), "the server does not stop"

    def connect(self, window: int | None = None) -> "Connection":
        """A new connection; `window` is how many bytes its side takes that nobody reads."""
        return Connection(self.port, window)

    def until_idle(self) -> None:
        """Return when no connection is left on the server's side."""
        self._until(lambda others: others == 0)

    def until_busy(self, connections: int) -> None:
        """Return when so many are there."""
        self._until(lambda others: others >= connections)

    def _until(self, reached: Callable[[int], bool]) -> None:
        """Ask until the number of other connections is right; each time is a turn of the server's loop."""
        deadline = time.monotonic() + 2 * DEADLINE
        with self.connect() as own:
            while own.ask("/livez").status == 200 and not reached(len(self._server.server_state.connections) - 1):
                assert time.monotonic() < deadline, "the connections are not what they should be"

    def say(self, message: bytes, *, head: bool = False) -> Answer:
        """One message on a connection of its own, and the answer to it."""
        with self.connect() as connection:
            connection.send(message)
            return connection.answer(head=head)


class Connection:
    """Bytes out, answers in."""

    def __init__(self, port: int, window: int | None = None) -> None:
        self._socket = socket.socket()
        if window is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self._socket.settimeout(DEADLINE)
        self._socket.connect(("127.0.0.1", port))
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.hang_up()

    def send(self, data: bytes) -> None:
        """Send it all, or as much as the other side takes before it closes."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(data)

    def answer(self, *, head: bool = False) -> Answer:
        """The next answer; `head` for one that has no body whatever its length says."""
        status = self._file.readline()
        assert status.startswith(b"HTTP/1.1 "), f"no answer but {status!r}"
        headers = tuple(iter(self._header, ("", "")))
        length = next(int(value) for name, value in headers if name == "content-length")
        return Answer(int(status.split()[1]), headers, b"" if head else self._file.read(length))

    def speaks(self, within: float) -> bool:
        """Whether the other side says something within so many seconds: an answer, or that it has closed."""
        return bool(select.select([self._socket], [], [], within)[0])

    def ask(self, path: str) -> Answer:
        """A GET without a secret, and the answer to it."""
        self.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return self.answer()

    def line(self) -> bytes:
        """The next line, whatever it is; empty when the other side has closed."""
        try:
            return self._file.readline()
        except ConnectionResetError:
            return b""

    def rest(self) -> bytes:
        """End this side's sending, and read all that still comes."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        try:
            return self._file.read()
        except ConnectionResetError:
            return b""

    def hang_up(self) -> None:
        """Close from this side."""
        self._file.close()
        self._socket.close()

    def _header(self) -> tuple[str, str]:
        name, _, value = self._file.readline().decode("latin-1").rstrip("\r\n").partition(":")
        return name.lower(), value.strip()


def message(
    method: bytes = b"POST",
    target: bytes = PATH.encode(),
    *extra: bytes,
    secret: bytes | None = SECRET.encode(),
    host: bytes | None = b"localhost",
    length: int | None = None,
    body: bytes = BODY,
    version: bytes = b"1.1",
) -> bytes:
    """A request in bytes. `extra` are whole header lines; `length` is what is announced, which need not be true."""
    lines = [b"%s %s HTTP/%s" % (method, target, version)]
    if host is not None:
        lines.append(b"Host: " + host)
    if secret is not None:
        lines.append(HEADER + b": " + secret)
    announced = len(body) if length is None else length
    if announced >= 0:
        lines.append(b"Content-Length: %d" % announced)
    return b"\r\n".join([*lines, *extra, b"", body])
