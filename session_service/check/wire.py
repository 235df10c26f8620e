"""One request over one connection: bytes out, an answer or a silence back, always within its time and its size.

Decided here: how long a connection and an answer may take, how much is read, and what each failure is called. Nothing
is followed, decompressed or repeated. Requests are written byte by byte, because many of them are malformed on purpose;
answers are read by h11, which refuses what is not HTTP/1.1. Called by the context alone.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import h11

from session_service.check.messages import Answer, Exchange, Request, Silence
from session_service.check.target import Endpoint

MOST_HEAD = 64 * 1024
MOST_BODY = 1024 * 1024
_CHUNK = 64 * 1024


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
    """There is no connection to ask over."""

    def __init__(self, silence: Silence, detail: str = "") -> None:
        super().__init__(detail)
        self.silence = silence
        self.detail = detail


class Connection:
    """One connection, over which requests are sent one after the other."""

    def __init__(
        self,
        endpoint: Endpoint,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        limits: Limits,
        heard: Heard,
    ) -> None:
        self._endpoint, self._heard = endpoint, heard
        self._reader, self._writer, self._limits = reader, writer, limits
        self.tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")

    async def exchange(self, request: Request, *, keep: bool = False) -> Exchange:
        """Send it and read the answer. `keep` asks the server to leave the connection open for one more."""
        begun = time.perf_counter()
        reading = _Reading(request.method)
        try:
            self._writer.write(written(self._endpoint, request, keep=keep))
            async with asyncio.timeout(self._limits.answer):
                answer = await reading.finish(self._reader)
        except TimeoutError:
            return Exchange(request, silence=Silence.SLOW_ANSWER if reading.status else Silence.NO_ANSWER)
        except _Unreadable as error:
            return Exchange(request, silence=error.silence)
        except (OSError, ssl.SSLError):
            return Exchange(request, silence=Silence.CLOSED)
        status, headers, body = answer
        exchange = Exchange(request, Answer(status, headers, body, time.perf_counter() - begun))
        self._heard(exchange)
        return exchange


@asynccontextmanager
async def connected(
    endpoint: Endpoint,
    address: str,
    limits: Limits,
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    heard: Heard = lambda _: None,
) -> AsyncIterator[Connection]:
    """A connection to `address`, which was resolved once and for all; NoConnection says why there is none."""
    try:
        async with asyncio.timeout(limits.connect):
            reader, writer = await asyncio.open_connection(
                address,
                endpoint.port,
                limit=_CHUNK,
                ssl=tls() if endpoint.tls else None,
                server_hostname=endpoint.host if endpoint.tls else None,
            )
    except TimeoutError:
        raise NoConnection(Silence.CONNECT_TIMEOUT) from None
    except ssl.SSLError as error:
        raise NoConnection(Silence.TLS, _tls_detail(error)) from None
    except ConnectionRefusedError:
        raise NoConnection(Silence.REFUSED) from None
    except ConnectionResetError:
        raise NoConnection(Silence.TLS if endpoint.tls else Silence.CLOSED) from None
    except (OSError, socket.gaierror) as error:
        raise NoConnection(Silence.UNREACHABLE, error.strerror or "") from None
    try:
        yield Connection(endpoint, reader, writer, limits, heard)
    finally:
        # abort, not close: what is still unsent, or unread, is of no use to anybody, and a close could wait for it.
        writer.transport.abort()


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


class _Unreadable(Exception):
    def __init__(self, silence: Silence) -> None:
        super().__init__(silence.value)
        self.silence = silence


class _Reading:
    """The way of one answer through h11, with the status as soon as it is known."""

    def __init__(self, method: str) -> None:
        self.status = 0
        self._headers: tuple[tuple[str, str], ...] = ()
        self._body = bytearray()
        self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD)
        # What was really sent was written by hand. The parser is told only what decides how an answer is framed.
        asked = "HEAD" if method == "HEAD" else "POST"
        self._parser.send(h11.Request(method=asked, target="/", headers=[("Host", "unused")]))
        self._parser.send(h11.EndOfMessage())

    async def finish(self, reader: asyncio.StreamReader) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        """Read until the answer is whole."""
        while True:
            event = self._next()
            if event is h11.NEED_DATA:
                self._parser.receive_data(await reader.read(_CHUNK))
            elif isinstance(event, h11.Response):
                self.status = event.status_code
                self._headers = tuple(
                    (name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers
                )
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > MOST_BODY:
                    raise _Unreadable(Silence.LONG_BODY)
            elif isinstance(event, h11.EndOfMessage):
                return self.status, self._headers, bytes(self._body)
            elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                raise _Unreadable(Silence.NOT_HTTP)

    def _next(self) -> object:
        try:
            return self._parser.next_event()
        except h11.RemoteProtocolError as error:
            raise _Unreadable(self._kind(error)) from None

    def _kind(self, error: h11.RemoteProtocolError) -> Silence:
        if error.error_status_hint == 431:
            return Silence.LONG_HEAD
        closed = self._parser.trailing_data[1]
        return Silence.CLOSED if closed and (self.status or not self._parser.trailing_data[0]) else Silence.NOT_HTTP
