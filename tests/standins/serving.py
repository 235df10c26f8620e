"""A stand-in on a real loopback port, served by uvicorn in a thread of its own."""

import socket
import threading
from typing import Self

import uvicorn
from starlette.types import ASGIApp

DEADLINE = 30.0
"""Seconds after which a server that does not stop fails the test."""


class Served:
    """An ASGI application under `url`; a context that stops it, whatever still waits for an answer."""

    def __init__(self, app: ASGIApp, path: str = "") -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, lifespan="off", access_log=False, timeout_graceful_shutdown=0)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}{path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._server.should_exit = True
        self._thread.join(DEADLINE)
        self._socket.close()
        assert not self._thread.is_alive(), "the stand-in does not stop"
