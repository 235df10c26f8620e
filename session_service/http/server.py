"""The HTTP server: uvicorn on httptools, with the caps that neither has.

Decided here: how large a header block and a whole message may be, what a broken message is answered and when, how the
port is taken and how the process ends. httptools takes a header of a megabyte, a request without Host, and appends
trailers to the headers; none of these reaches the application. Built by `cli`.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any, ClassVar

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from session_service.errors import BadRequest, HeadersTooLarge, ServiceError, SettingsError
from session_service.http import upgrade, wire
from session_service.http.one_write import OneWrite

MAX_HEADER_BYTES = 16 * 1024
MAX_HEADERS = 100
MAX_MESSAGE = 4 * 1024 * 1024
"""Bytes of one message after which the connection is cut. Far over what is answered, so that a caller with a body
that is too large has sent it all and reads its 413."""
BACKLOG = 2048

_log = logging.getLogger("session_service.http")


class Protocol(HttpToolsProtocol):
    """One connection. Refuses, and closes, before a message that breaks a cap reaches the application."""

    request_ids: ClassVar[Callable[[], str]]

    _in_headers = False
    _in_body = False
    _block = 0
    """Bytes since the message began: an upper bound of its header block, if it began its chunk."""
    _begins_chunk = False
    _message = 0
    _fresh = 0
    _refusal: ServiceError | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A connection begins; its answers leave in one write each."""
        super().connection_made(transport)
        self.transport = OneWrite(transport, self.loop)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, within the caps."""
        if self._refusal is not None:
            return
        self._fresh = len(data)
        self._message += len(data)
        if self._in_headers:
            self._block += len(data)
        self._unset_keepalive_if_required()
        self._feed(memoryview(data))
        if self._in_headers and self._block > MAX_HEADER_BYTES:
            self._refuse(HeadersTooLarge())
        elif self._message > MAX_MESSAGE:
            self.transport.close()

    def _feed(self, data: memoryview | bytes) -> None:
        while data and self._refusal is None:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as found:
                data = data[found.args[0] :]
                self._read_on()
            except httptools.HttpParserError:
                self._break_off()

    def _break_off(self) -> None:
        """The parser cannot go on, or a callback of ours had a reason to refuse."""
        self._refuse(self._refusal or BadRequest())

    def _read_on(self) -> None:
        """A request to upgrade is one like any other: its body is still to come, if it has one."""
        self._in_body = self.cycle.more_body = True
        self.parser = upgrade.parser(self)
        self._feed(upgrade.head(self.headers))

    def on_message_begin(self) -> None:
        """A message begins: all of this chunk may be its header block, unless another one came first in it."""
        self._in_headers = True
        self._begins_chunk = self._fresh > 0
        self._block = self._message = self._fresh
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header, without the white space behind it, which httptools leaves there (RFC 9110, 5.5).

        Trailers are dropped (RFC 9110, 6.5.1): whoever reads headers has read them by then.
        """
        if self._in_headers:
            super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        """Hold the header block to its caps, and the message to one Host (RFC 9112, 3.2)."""
        self._in_headers = False
        if len(self.headers) > MAX_HEADERS or self._header_bytes() > MAX_HEADER_BYTES:
            raise self._refused(HeadersTooLarge())
        hosts = [name for name, _ in self.headers if name == b"host"]
        if len(hosts) != 1 and (hosts or self.parser.get_http_version() != "1.0"):
            raise self._refused(BadRequest())
        super().on_headers_complete()
        self._in_body = True

    def on_message_complete(self) -> None:
        """A message ends; what follows it in this chunk is not its own."""
        self._in_body = False
        self._fresh = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is out; a message refused meanwhile is next, if nothing else was asked before it."""
        super().on_response_complete()
        if self._refusal is not None and self.cycle.response_complete:
            self._answer(self._refusal)

    def _header_bytes(self) -> int:
        if self._begins_chunk and self._block <= MAX_HEADER_BYTES:
            return self._block
        line = len(self.parser.get_method()) + len(self.url) + len("  HTTP/1.1\r\n\r\n")
        return line + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refused(self, error: ServiceError) -> ServiceError:
        """Note the reason: an exception that passes through the parser comes out as a parser's error."""
        self._refusal = error
        return error

    def _refuse(self, error: ServiceError) -> None:
        """Refuse the message that is being read, in its turn among the answers (RFC 9112, 9.3.2)."""
        self._refusal = error
        cycle: RequestResponseCycle | None = self.cycle
        answered = cycle is None or cycle.response_complete
        if self._in_body and (answered or self.pipeline):
            self.transport.close()  # its answer is out, or would come before those of others
        elif self._in_body:
            self._abandon(self.cycle)
            self._answer(error)
        elif answered:
            self._answer(error)

    def _abandon(self, cycle: RequestResponseCycle) -> None:
        """The rest of this call's body will never come: towards the application its caller is gone."""
        cycle.disconnected = True
        cycle.message_event.set()

    def _answer(self, error: ServiceError) -> None:
        request_id = type(self).request_ids()
        self.transport.write(_written(error, request_id))
        self.transport.close()
        _log.info(
            "call",
            extra={"event": "call", "request_id": request_id, "status": error.status, "outcome": error.code},
        )


def _written(error: ServiceError, request_id: str) -> bytes:
    body = wire.refusal(error, request_id)
    head = (
        b"content-type: application/json\r\ncontent-length: %d\r\ncache-control: no-store\r\n"
        b"x-request-id: %s\r\nconnection: close\r\n\r\n"
    )
    return STATUS_LINE[error.status] + head % (len(body), request_id.encode("ascii")) + body


class Server(uvicorn.Server):
    """uvicorn's server, ending with exit code 0 on a signal instead of dying by it.

    `listening` is called when calls are answered and signals are heard: whoever is told so may act on it at once.
    """

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell."""
        await super().startup(sockets)
        self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, and never without the lifespan's end, which uvicorn leaves out when it is hurried: agents end there."""
        await super().shutdown(sockets)
        if self.force_exit:
            await self.lifespan.shutdown()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends gracefully; after a second one no running call is waited for."""
        self.force_exit = self.should_exit
        self.should_exit = True


def build(
    app: Callable[..., Any],
    request_ids: Callable[[], str],
    patience: float,
    listening: Callable[[], None] = lambda: None,
) -> Server:
    """A server for `app`. `patience` is how many seconds a running call has left when the process is told to end."""
    protocol = type("Protocol", (Protocol,), {"request_ids": staticmethod(request_ids)})
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        loop="auto",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(patience) + 1,
    )
    return Server(config, listening)


def bind(host: str, port: int) -> socket.socket:
    """A bound socket, or SettingsError that says what to do about it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise SettingsError(
            f"Cannot listen on {host}:{port}: {error.strerror}. "
            "End what uses it, or set SESSION_PORT (and SESSION_HOST) to something else."
        ) from None
