"""One request over one connection: bytes out, an answer or a silence back, always within its time and its size.

Decided here: how long a connection and an answer may take, and what each failure is called. Nothing is followed,
decompressed or repeated. Requests are written byte by byte, because many of them are malformed on purpose. Called by
the context alone.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from session_service.check.asking.messages import Answer, Exchange, Request, Silence
from session_service.check.asking.parsing import Reading, Unreadable
from session_service.check.target import Endpoint

_MOST_WAITING = 256 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for a connection, TLS included, and for an answer from its first byte sent."""

    connect: float = 5.0
    answer: float = 15.0


DEFAULT_LIMITS = Limits()
"""A platform's patience is not documented (assumption 3); who takes longer than this has nothing to say."""


Heard = Callable[[Exchange], None]
"""Who is told of each answer."""


class NoConnection(Exception):
    """There is no connection to ask over. `tls` is what OpenSSL said, where it was the one to object."""

    def __init__(self, silence: Silence, detail: str = "", tls: ssl.SSLError | None = None) -> None:
        super().__init__(detail)
        self.silence = silence
        self.detail = detail
        self.tls = tls


class _Incoming(asyncio.Protocol):
    """The bytes that came and were not read yet. No more are taken while many wait.

    A protocol instead of a stream: a stream forgets what came before a reset, and an endpoint that refuses a long body
    early does answer and reset.
    """

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self._waiting = bytearray()
        self._news = asyncio.Event()
        self._ended = False
        self._error: Exception | None = None
        self._transport: asyncio.ReadTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.ReadTransport)  # noqa: S101 - what asyncio promises a Protocol
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        if len(self._waiting) > _MOST_WAITING and self._transport is not None:
            self._transport.pause_reading()
        self._news.set()

    def eof_received(self) -> None:
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)
        self.gone.set()

    async def read(self) -> bytes:
        """What has come; empty at the end. The error that ended the connection, after all that came before it."""
        while not self._waiting and not self._ended:
            self._news.clear()
            await self._news.wait()
        if not self._waiting and self._error is not None:
            raise self._error
        data = bytes(self._waiting)
        self._waiting.clear()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        return data

    def _end(self, error: Exception | None) -> None:
        self._ended = True
        self._error = self._error or error
        self._news.set()


class Connection:
    """One connection, over which requests are sent one after the other."""

    def __init__(
        self, endpoint: Endpoint, transport: asyncio.Transport, incoming: _Incoming, limits: Limits, heard: Heard
    ) -> None:
        self._endpoint, self._heard = endpoint, heard
        self._transport, self._incoming, self._limits = transport, incoming, limits
        self.tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")

    async def exchange(self, request: Request, *, keep: bool = False) -> Exchange:
        """Send it and read the answer. `keep` asks the server to leave the connection open for one more."""
        begun = time.perf_counter()
        reading = Reading(request.method)
        try:
            async with asyncio.timeout(self._limits.answer):
                self._transport.write(written(self._endpoint, request, keep=keep))
                await reading.finish(self._incoming.read)
        except TimeoutError:
            return Exchange(request, silence=Silence.SLOW_ANSWER if reading.received else Silence.NO_ANSWER)
        except Unreadable as error:
            return Exchange(request, silence=error.silence, detail=error.detail)
        except ssl.SSLError as error:
            return Exchange(request, silence=Silence.TLS, detail=_tls_detail(error))
        except OSError:
            return Exchange(request, silence=Silence.CLOSED)
        exchange = Exchange(request, _answer(reading, time.perf_counter() - begun))
        self._heard(exchange)
        return exchange


def _answer(reading: Reading, seconds: float) -> Answer:
    body = bytes(reading.body)
    return Answer(reading.status, reading.headers, body, seconds, kept=reading.kept, excess=reading.excess)


@asynccontextmanager
async def connected(
    endpoint: Endpoint,
    address: str,
    limits: Limits,
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    heard: Heard = lambda _: None,
) -> AsyncIterator[Connection]:
    """A connection to `address`, which was resolved once and for all; NoConnection says why there is none."""
    deadline = asyncio.get_running_loop().time() + limits.connect
    incoming = _Incoming()
    sock = await _reached(address, endpoint.port, deadline)
    transport = await _spoken_to(sock, endpoint, tls() if endpoint.tls else None, incoming, deadline)
    try:
        yield Connection(endpoint, transport, incoming, limits, heard)
    finally:
        # abort, not close: what is still unsent, or unread, is of no use to anybody, and a close could wait for it.
        transport.abort()
        await incoming.gone.wait()


async def _reached(address: str, port: int, deadline: float) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        async with asyncio.timeout_at(deadline):
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException as error:
        sock.close()
        if isinstance(error, OSError):
            raise _unreached(error) from None
        raise
    return sock


def _unreached(error: OSError) -> NoConnection:
    if isinstance(error, TimeoutError):
        return NoConnection(Silence.CONNECT_TIMEOUT)
    if isinstance(error, ConnectionRefusedError):
        return NoConnection(Silence.REFUSED)
    return NoConnection(Silence.UNREACHABLE, (error.strerror or "").lower())


async def _spoken_to(
    sock: socket.socket, endpoint: Endpoint, tls: ssl.SSLContext | None, incoming: _Incoming, deadline: float
) -> asyncio.Transport:
    host = endpoint.host if tls else None
    try:
        async with asyncio.timeout_at(deadline):
            transport, _ = await asyncio.get_running_loop().create_connection(
                lambda: incoming, sock=sock, ssl=tls, server_hostname=host
            )
    except TimeoutError:
        raise NoConnection(Silence.NO_HANDSHAKE) from None
    except ssl.SSLError as error:
        raise NoConnection(Silence.TLS, _tls_detail(error), error) from None
    except OSError:
        raise NoConnection(Silence.TLS, "the connection was closed in the middle of it") from None
    return transport


def _tls_detail(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return (error.reason or "").replace("_", " ").lower()


def written(endpoint: Endpoint, request: Request, *, keep: bool = False) -> bytes:
    """The request's bytes. A Host, Content-Length or Connection of the request's own is left as it is."""
    own = {header.name.lower() for header in request.headers}
    added = {"Host": endpoint.authority, "Connection": "keep-alive" if keep else "close"}
    if request.body.data or request.method in ("POST", "PUT", "PATCH"):
        added["Content-Length"] = str(len(request.body.data))
    head = [f"{request.method} {request.path} HTTP/1.1".encode()]
    head += [f"{name}: {value}".encode() for name, value in added.items() if name.lower() not in own]
    head += [header.name.encode() + b": " + header.value for header in request.headers]
    return b"\r\n".join([*head, b"", request.body.data])
