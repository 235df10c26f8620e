"""Where the requests of one client go: a kept connection for each that is under way, the last used one first.

Decided here: that nobody searches. httpx2's own pool goes through all of its connections twice for each request, and
polls the idle ones: with a hundred starts under way that is half of what a request costs (docs/performance.md). So each
connection has a pool of its own here, which holds that connection and nothing else, and the idle ones are a stack. What
a connection is, how long it is good for and when it is opened anew stays httpx2's. Used by `outgoing`.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from weakref import WeakSet

import httpx2

KEPT_CONNECTIONS = 100
KEPT_SECONDS = 4.0
"""How long an idle connection is kept: less than the 5 s after which uvicorn and Node.js close theirs."""

_LIMITS = httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEPT_SECONDS)


class Connections(httpx2.AsyncBaseTransport):
    """A transport for as many requests at once as there are. No proxy is taken from the environment."""

    def __init__(self) -> None:
        self._tls = httpx2.create_ssl_context(trust_env=False)  # takes 20 ms, and is the same for all
        self._all: WeakSet[httpx2.AsyncHTTPTransport] = WeakSet()
        self._idle: deque[tuple[float, httpx2.AsyncHTTPTransport]] = deque()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send over the connection that was used last, or a new one; it is free again when the answer is closed."""
        connection = self._idle.pop()[1] if self._idle else self._new()
        response = await connection.handle_async_request(request)  # where this fails, httpx2 has closed it
        assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101 - an asynchronous transport has no other
        response.stream = _Borrowed(response.stream, lambda: self._give_back(connection))
        return response

    async def aclose(self) -> None:
        """Close every connection, those in use too."""
        for connection in list(self._all):
            await connection.aclose()
        self._idle.clear()

    def _new(self) -> httpx2.AsyncHTTPTransport:
        connection = httpx2.AsyncHTTPTransport(verify=self._tls, trust_env=False, limits=_LIMITS)
        self._all.add(connection)
        return connection

    async def _give_back(self, connection: httpx2.AsyncHTTPTransport) -> None:
        """Keep it, and close those that have been idle for too long, or are too many: the first of the stack."""
        now = asyncio.get_running_loop().time()
        self._idle.append((now, connection))
        while self._has_superfluous(now):
            await self._idle.popleft()[1].aclose()

    def _has_superfluous(self, now: float) -> bool:
        """Whether the first is too old or one too many; while another was closed, somebody may have taken the last."""
        return bool(self._idle) and (self._idle[0][0] < now - KEPT_SECONDS or len(self._idle) > KEPT_CONNECTIONS)


class _Borrowed(httpx2.AsyncByteStream):
    """An answer's body. Closing it tells that its connection is free."""

    def __init__(self, body: httpx2.AsyncByteStream, closed: Callable[[], Awaitable[None]]) -> None:
        self._body = body
        self._closed = closed

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._body)

    async def aclose(self) -> None:
        """Close it, which httpx2 does once. What cannot be closed is not used again."""
        await self._body.aclose()
        await self._closed()
