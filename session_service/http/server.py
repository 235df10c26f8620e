"""The HTTP server: uvicorn's, with an end of our own.

Decided here: how the port is taken, and the order in which a process that is told to end does so: no new session, then
no new connection, then the running calls, then the agents. What a connection may do is decided in `connection`. Built
by `cli`.
"""

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Literal, Protocol

import uvicorn

from session_service.errors import SettingsError
from session_service.http import connection
from session_service.http.gate import tell_refused
from session_service.settings import Times

BACKLOG = 2048
LAST_SECOND = 1.0
"""How long the end of the process waits for tasks that were cancelled: those of agents that swallow it never end."""

_log = logging.getLogger("session_service.http")


class Application(Protocol):
    """What is served: an ASGI application that makes request ids, and can be told to take no new session.

    `hurry` tells it to wait no longer for the ends that it waits for, if it does by then.
    """

    @property
    def request_ids(self) -> Callable[[], str]: ...
    def drain(self) -> None: ...
    def hurry(self) -> None: ...
    def __call__(self, scope: Any, receive: Any, send: Any, /) -> Awaitable[None]: ...


class Beside(uvicorn.Server):
    """A second port of the same process: it begins and ends with the service, and has no say in either."""

    def __init__(self, config: uvicorn.Config, bound: socket.socket) -> None:
        super().__init__(config)
        self._bound = bound

    async def begin(self) -> None:
        """Answer from now on."""
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup([self._bound])

    async def end(self) -> None:
        """Close it. Whoever still reads an answer has a second for the rest of it."""
        await self.shutdown([self._bound])


class Server(uvicorn.Server):
    """uvicorn's server, ending with exit code 0 on a signal instead of dying by it.

    `listening` is called when calls are answered and signals are heard: whoever is told so may act on it at once.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        app: Application,
        delay: float,
        listening: Callable[[], None],
        beside: Beside | None,
    ) -> None:
        super().__init__(config)
        self._beside = beside
        self._app = app
        self._delay = delay
        self._listening = listening
        self._close_at: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to end. asyncio.run would wait without bound for an agent that swallows its cancellation."""
        loop = (self.config.get_loop_factory() or asyncio.new_event_loop)()
        try:
            loop.run_until_complete(self.serve(sockets))
            loop.run_until_complete(_cancel_the_rest())
            _log.info("ended", extra={"event": "service.ended"})
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self._beside is not None:
            await self._beside.begin()
        self._listening()

    async def on_tick(self, counter: int) -> bool:
        """Whether to close the port, asked ten times a second: once it is told to end, and the delay is over."""
        if self._beside is not None:
            await self._beside.on_tick(counter)  # which keeps its Date
        told = await super().on_tick(counter)
        return told and self._drained()

    def _drained(self) -> bool:
        """Begin with the first question: from here on no new session is taken."""
        now = asyncio.get_running_loop().time()
        if self._close_at is None:
            self._close_at = now + self._delay
            self._app.drain()
            _log.info("told to end", extra={"event": "service.draining", "delay": self._delay})
        return self.force_exit or now >= self._close_at

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, and never without the lifespan's end, which uvicorn leaves out when it is hurried: agents end there."""
        await super().shutdown(sockets)
        if self.force_exit:
            await self.lifespan.shutdown()
        if self._beside is not None:
            await self._beside.end()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Also the one that tells of a closed terminal, unless it was to be ignored: agents would outlive us."""
        with super().capture_signals():
            heard = threading.current_thread() is threading.main_thread()
            if heard and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
                signal.signal(signal.SIGHUP, self._hang_up)
            yield

    def _hang_up(self, sig: int, frame: FrameType | None) -> None:
        """Told twice, by the kernel and by a shell, it is no hurry."""
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends gracefully. Each further one ends a wait: for the calls, then for the agents."""
        self.force_exit = self.should_exit
        self.should_exit = True
        if self.force_exit and self._loop is not None:
            self._loop.call_soon_threadsafe(self._app.hurry)  # which wakes the loop, as a signal's handler does not


async def _cancel_the_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    if rest:
        await asyncio.wait(rest, timeout=LAST_SECOND)
    for task in rest:
        if not task.done():
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # it is told of here, once
            _log.error("task still runs", extra={"event": "service.task_left", "task": task.get_name()})


def build(
    app: Application,
    times: Times,
    patience: float,
    listening: Callable[[], None] = lambda: None,
    beside: Beside | None = None,
) -> Server:
    """A server for `app`. `patience` is how many seconds a running call has left when the port is closed."""
    protocol = connection.protocol(app.request_ids, times)
    config = _config(app, protocol, lifespan="on", patience=int(patience) + 1)
    return Server(config, app, times.drain, listening, beside)


def beside(app: Any, request_ids: Callable[[], str], times: Times, bound: socket.socket) -> Beside:
    """A second port for `app`, which has no lifespan of its own. Its broken messages are no calls of the platform's."""
    protocol = connection.protocol(request_ids, times, tell_refused)
    return Beside(_config(app, protocol, lifespan="off", patience=1), bound)


def _config(
    app: Any, protocol: type[connection.Protocol], *, lifespan: Literal["on", "off"], patience: int
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        loop="auto",
        lifespan=lifespan,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=patience,
    )


def bind(host: str, port: int, name: str = "SESSION") -> socket.socket:
    """A bound socket, or SettingsError that says what to do about it; `name` begins the names of its settings."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) or not error.errno else os.strerror(error.errno)
        raise SettingsError(
            f"Cannot listen on {host}:{port}: {reason}. "
            f"End what uses it, or set {name}_PORT (and {name}_HOST) to something else."
        ) from None
