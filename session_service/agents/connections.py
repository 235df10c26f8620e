"""Where the requests of one client go: a kept connection for each that is under way, the last used one first.

Decided here: that nobody searches. httpcore2's own pool goes through all of its connections twice for each request, and
polls the idle ones: with a hundred starts under way that is half of what a request costs (docs/performance.md). So the
idle ones are a stack here. What a connection is, and whether it is still good, stays httpcore2's. Used by `outgoing`.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Protocol, cast
from weakref import WeakSet

import httpcore2
import httpx2

from session_service.agents.network import Network

KEPT_CONNECTIONS = 100
KEPT_SECONDS = 4.0
"""How long an idle connection is kept: less than the 5 s after which uvicorn and Node.js close theirs."""
_FAILURES = (httpcore2.NetworkError, httpcore2.ProtocolError)


class Connections(httpx2.AsyncBaseTransport):
    """A transport to one server for as many requests at once as there are. No proxy is taken from the environment.

    `trust` says which certificates are good: where nothing is given, those that httpx2 trusts.
    """

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self._trust = trust or httpx2.create_ssl_context(trust_env=False)  # takes 20 ms, and is the same for all
        self._network = Network()
        self._all: WeakSet[httpcore2.AsyncHTTPConnection] = WeakSet()
        self._idle: deque[tuple[float, httpcore2.AsyncHTTPConnection]] = deque()
        self._kept = KEPT_CONNECTIONS

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send over the connection that was used last, or a new one; it is free again when the answer is closed."""
        whole = _as_httpcore2(request)
        connection = await self._taken(whole.url.origin)
        try:
            answer = await connection.handle_async_request(whole)  # where this fails, httpcore2 has closed it
        except _FAILURES as error:
            raise _as_httpx2(error) from None
        body = _Borrowed(cast("_Body", answer.stream), lambda: self._give_back(connection))
        return httpx2.Response(answer.status, headers=answer.headers, stream=body, extensions=answer.extensions)

    async def aclose(self) -> None:
        """Close every connection, those in use too; one that is still being made is closed after its request."""
        self._kept = 0
        for connection in list(self._all):
            await connection.aclose()
        self._idle.clear()

    async def _taken(self, origin: httpcore2.Origin) -> httpcore2.AsyncHTTPConnection:
        oldest = asyncio.get_running_loop().time() - KEPT_SECONDS
        while self._idle:
            since, connection = self._idle.pop()
            if since >= oldest and connection.can_handle_request(origin) and not connection.has_expired():
                return connection
            await connection.aclose()
        made = httpcore2.AsyncHTTPConnection(origin, self._trust, network_backend=self._network)
        self._all.add(made)
        return made

    async def _give_back(self, connection: httpcore2.AsyncHTTPConnection) -> None:
        """Keep it, and close those that have been idle for too long, or are too many: the first of the stack."""
        now = asyncio.get_running_loop().time()
        if _has_more(connection):
            await connection.aclose()
        if connection.is_idle():  # and not closed: an answer that is not read to its end takes it along
            self._idle.append((now, connection))
        while self._has_superfluous(now):
            await self._idle.popleft()[1].aclose()

    def _has_superfluous(self, now: float) -> bool:
        """Whether the first is too old or one too many; while another was closed, somebody may have taken the last."""
        return bool(self._idle) and (self._idle[0][0] < now - KEPT_SECONDS or len(self._idle) > self._kept)


class _Body(Protocol):
    """An answer's body as httpcore2 gives it."""

    def __aiter__(self) -> AsyncGenerator[bytes]: ...

    async def aclose(self) -> None: ...


class _Borrowed(httpx2.AsyncByteStream):
    """An answer's body. Closing it tells that its connection is free."""

    def __init__(self, body: _Body, closed: Callable[[], Awaitable[None]]) -> None:
        self._body = body
        self._closed = closed

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        try:
            async with aclosing(aiter(self._body)) as parts:
                async for part in parts:
                    yield part
        except _FAILURES as error:
            raise _as_httpx2(error) from None

    async def aclose(self) -> None:
        """Close it, which httpx2 does once. What cannot be closed is not used again."""
        await self._body.aclose()
        await self._closed()


def _has_more(connection: httpcore2.AsyncHTTPConnection) -> bool:
    """Whether more was read than the answer. httpcore2 would take that for the next one's, and has no public word."""
    spoken = cast("httpcore2.AsyncHTTP11Connection", connection._connection)
    return bool(spoken._h11_state.trailing_data[0])


def _as_httpcore2(request: httpx2.Request) -> httpcore2.Request:
    url = request.url
    return httpcore2.Request(
        request.method,
        httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=cast("httpx2.AsyncByteStream", request.stream),
        extensions=request.extensions,
    )


def _as_httpx2(error: Exception) -> httpx2.TransportError:
    """Both libraries call their failures by the same names. The text may quote a header, and stays here."""
    if error.__cause__:  # h11's: a frame of its traceback holds it, and all of these would wait for the collector
        error.__cause__.with_traceback(None)
    failure: type[httpx2.TransportError] = getattr(httpx2, type(error).__name__)
    return failure("")
