"""The wire under a request: httpcore2's interface for networks, on asyncio's own transports.

Decided here: that a request waits for nothing but the other side. httpcore2's own backend, on anyio, gives up its turn
of the event loop after each part that it has written, and begins and ends reading around each answer, two system calls:
with a hundred starts under way that is a sixth of what a start costs (docs/performance.md). Which address of a name is
tried first, and when the next one, is left to aiohappyeyeballs (RFC 8305). Used by `connections`.

No timeout of the interface is kept: whoever sends has one deadline around all of it (`outgoing`).
"""

import asyncio
import select
import socket
import ssl
from collections.abc import Iterable
from typing import Any, cast

import aiohappyeyeballs
import httpcore2

UNREAD = 256 * 1024
"""Bytes after which the other side has to wait until they are read."""
NEXT_ADDRESS = 0.25
"""Seconds until the next address is tried, too (RFC 8305, section 5)."""


class Network(httpcore2.AsyncNetworkBackend):
    """Opens streams over TCP."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> "Stream":
        """Return a stream to the first address of `host` that can be connected to; ConnectError if there is none."""
        loop, wire = asyncio.get_running_loop(), _Wire()
        try:
            found = _numeric(host, port) or await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            connected = await aiohappyeyeballs.start_connection(found, happy_eyeballs_delay=NEXT_ADDRESS)
            await loop.create_connection(lambda: wire, sock=connected)
        except (OSError, RuntimeError, UnicodeError) as error:  # no thread for the resolver; a name that none can be
            raise _failure(error) from None
        return Stream(wire)


class Stream(httpcore2.AsyncNetworkStream):
    """One connection, used by one task at a time."""

    def __init__(self, wire: "_Wire") -> None:
        self._wire = wire

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - the interface's
        """Return what has come, or what comes first; nothing at the end, and ReadError if the connection broke."""
        wire = self._wire
        while not wire.unread and not wire.over:
            await wire.change()
        if wire.broken and not wire.unread:
            raise httpcore2.ReadError(wire.broken)
        return wire.take(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the interface's
        """Send, and wait only where the other side takes no more; WriteError if it has closed the connection."""
        wire = self._wire
        if wire.over:
            raise httpcore2.WriteError(wire.broken)
        wire.transport.write(buffer)
        while wire.full and not wire.over:
            await wire.change()

    async def aclose(self) -> None:
        """Close at once, and drop what is not sent."""
        self._wire.transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's
    ) -> "Stream":
        """Return this connection under TLS; ConnectError if there is no agreement or no trust."""
        loop, wire, below = asyncio.get_running_loop(), _Wire(), self._wire.transport
        if below.is_closing():  # the server was quick; uvloop would return a stream that is none
            raise httpcore2.ConnectError(self._wire.broken)
        wire.connection_made(below)
        try:
            above = await loop.start_tls(below, wire, ssl_context, server_hostname=server_hostname)
        except OSError as error:  # ssl.SSLError is one
            raise _failure(error) from None
        wire.transport = cast("asyncio.Transport", above)
        return Stream(wire)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore2 asks for: `ssl_object`, and `is_readable`, by which an idle connection is known as useless."""
        if info == "is_readable":
            return self._wire.is_useless()
        return self._wire.transport.get_extra_info(info)


class _Wire(asyncio.Protocol):
    """What has come and is not read yet, and whether more can come and go."""

    transport: asyncio.Transport
    _source: asyncio.Transport
    """What has to wait while too much is unread: TCP, also under TLS. While uvloop's TLS waits, it drops at the end of
    the connection what it has not told yet."""

    def __init__(self) -> None:
        self.unread = bytearray()
        self.over = False
        self.broken = ""
        self.full = False
        self._paused = False
        self._changed: asyncio.Future[None] | None = None

    async def change(self) -> None:
        """Wait for anything to happen."""
        self._changed = asyncio.get_running_loop().create_future()
        await self._changed

    def take(self, most: int) -> bytes:
        """Return the first of what has not been read, and let more come."""
        taken = bytes(self.unread[:most])
        del self.unread[:most]
        if self._paused:
            self._paused = False
            self._source.resume_reading()
        return taken

    def is_useless(self) -> bool:
        """Whether anything has come that nobody has asked for, or the end: also what the loop has not got to yet."""
        if self.over or self.unread or self._source.is_closing():
            return True
        waiting = select.poll()
        waiting.register(self._source.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(waiting.poll(0))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's word that there is a connection."""
        self.transport = self._source = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """The loop's word that something has come."""
        self.unread += data
        if len(self.unread) > UNREAD:
            self._paused = True
            self._source.pause_reading()
        self._tell()

    def eof_received(self) -> None:
        """The loop's word that nothing more comes; it closes the connection then."""
        self.over = True
        self._tell()

    def connection_lost(self, exc: Exception | None) -> None:
        """The loop's word that the connection is gone."""
        self.over = True
        self.broken = f"{type(exc).__name__}: {exc}" if exc else ""
        self._tell()

    def pause_writing(self) -> None:
        """The loop's word that the other side takes no more."""
        self.full = True

    def resume_writing(self) -> None:
        """The loop's word that it does again."""
        self.full = False
        self._tell()

    def _tell(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)


def _numeric(host: str, port: int) -> Any:
    """The address, where `host` is one and nobody has to be asked: that would take a thread."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return None


def _failure(error: Exception) -> httpcore2.ConnectError:
    """What a failed connect is called. A frame of its traceback holds the error: only the collector would free both."""
    return httpcore2.ConnectError(str(error.with_traceback(None)))
