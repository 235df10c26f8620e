"""A service with both of its ports on sockets, and a listener that reads events."""

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import httpx2

from session_service.app import World, build
from session_service.http import server
from tests.contract import given

DEADLINE = 30.0
NONE: Mapping[str, str] = {}


class Serving:
    """Both ports in a thread with its own event loop; a context that stops it as a signal does."""

    def __init__(self, changes: Mapping[str, str] = NONE) -> None:
        settings = given.settings(changes)
        service = build(settings, World(time.time, time.monotonic, given.CountedEntropy(), {}))
        assert service.ops
        self._sockets = [server.bind("127.0.0.1", 0) for _ in range(2)]
        main, ops = self._sockets
        self._beside = server.beside(service.ops, service.request_ids, settings.times, ops)
        self._server = server.build(service, settings.times, 1.0, beside=self._beside)
        self._thread = threading.Thread(target=self._server.run, args=([main],))
        self.port, self.ops_port = (one.getsockname()[1] for one in self._sockets)
        self.ops = httpx2.Client(base_url=f"http://127.0.0.1:{self.ops_port}", timeout=DEADLINE, trust_env=False)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()
        self.ops.close()
        assert not self._thread.is_alive(), "the server does not stop"

    def stop(self) -> None:
        """End the service, and return when it has."""
        self._server.should_exit = True
        self._thread.join(DEADLINE)

    def open(self, secret: str = given.SECRET) -> httpx2.Response:
        """The platform's call."""
        url, headers = f"http://127.0.0.1:{self.port}{given.PATH}", {"X-Cekura-Secret": secret}
        return httpx2.post(url, headers=headers, json={"client_id": given.CLIENT_ID}, timeout=DEADLINE, trust_env=False)

    def session(self) -> str:
        """The id of a session that has just been opened."""
        assert self.open().status_code == 200
        return str(self.ops.get("/sessions").json()["sessions"][0]["session_id"])

    def flood(self, events: int) -> None:
        """So many events at once, as an agent that prints without end makes them."""
        for number in range(events):
            values = {"event": "agent.output", "session": "flood", "line": f"{number} " + 3000 * "x"}
            logging.getLogger("session_service.agents").info("agent output", extra=values)

    def until(self, reached: Callable[[], bool]) -> None:
        """Ask until it is so; each question is a turn of the server's loop."""
        deadline = time.monotonic() + DEADLINE
        while not reached():
            assert time.monotonic() < deadline, "it never comes to that"

    def connections(self) -> int:
        """How many the operator's port has, the one that asks included."""
        assert self.ops.get("/livez").status_code == 200
        return len(self._beside.server_state.connections)

    def listen(self, query: str = "", **headers: str) -> "Listener":
        """A connection that reads events."""
        return Listener(self.ops_port, query, headers)


class Listener:
    """One reader of /events over a bare socket."""

    def __init__(self, port: int, query: str, headers: Mapping[str, str], window: int | None = None) -> None:
        self._socket = socket.socket()
        if window is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self._socket.settimeout(DEADLINE)
        self._socket.connect(("127.0.0.1", port))
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self._socket.sendall(f"GET /events{query} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())
        self._file = self._socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._file.close()
        self._socket.close()

    def line(self) -> str:
        """The next line that says something of an event; empty at the end. Chunk sizes and comments are passed over."""
        for raw in self._file:
            line = raw.decode().strip()
            if line.startswith(("id: ", "event: ", "data: ")):
                return line
        return ""

    def next(self) -> dict[str, Any]:
        """The next event or gap."""
        while not (line := self.line()).startswith("data: "):
            assert line, "the stream has ended"
        found: dict[str, Any] = json.loads(line.removeprefix("data: "))
        return found

    def until(self, name: str) -> dict[str, Any]:
        """The next event of this name."""
        while (event := self.next()).get("event") != name:
            pass
        return event
