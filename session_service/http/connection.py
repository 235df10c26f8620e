"""One HTTP connection: uvicorn's on httptools, with the caps that neither has.

Decided here: how large a header block and a whole message may be, how many messages wait for their answers, and what a
broken or late message is answered and when. httptools takes a header of a megabyte, a request without Host, and appends
trailers to the headers; none of these reaches the application. Used by `server`.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from session_service.errors import BadRequest, HeadersTooLarge, RequestTimeout, ServiceError
from session_service.http import upgrade, wire
from session_service.http.one_write import OneWrite
from session_service.http.receipt import Receipt
from session_service.settings import Times

MAX_HEADER_BYTES = 16 * 1024
MAX_HEADERS = 100
MAX_MESSAGE = 4 * 1024 * 1024
"""Bytes of one message after which the connection is cut. Far over what is answered, so that a caller with a body
that is too large has sent it all and reads its 413."""
MAX_WAITING = 16
"""Requests of one connection that wait for the answer to an earlier one. uvicorn keeps as many as come, and each takes
many times its bytes."""

HUNG_UP = "session_service.hung_up"
"""In a scope's state: asks whether the caller has hung up by now, which `receive` would have to be awaited for."""

Tell = Callable[[ServiceError, str], None]
"""Told of the refusal of a message that is broken or late, with the request id of its answer."""

_log = logging.getLogger("session_service.http")


class Protocol(HttpToolsProtocol):
    """One connection. Refuses, and closes, before a message that breaks a cap reaches the application."""

    request_ids: ClassVar[Callable[[], str]]
    times: ClassVar[Times]
    tell: ClassVar[Tell]

    _receipt: Receipt
    _unread: asyncio.TimerHandle | None = None
    _in_headers = False
    _in_body = False
    _block = 0
    """Bytes since the message began: an upper bound of its header block, if it began its chunk."""
    _begins_chunk = False
    _message = 0
    _fresh = 0
    _refusal: ServiceError | None = None
    _under_way: RequestResponseCycle | None = None
    """The call whose answer is next. uvicorn's `cycle` is that of the last message, which may wait behind it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A connection begins; its answers leave in one write each."""
        super().connection_made(transport)
        times = type(self).times
        self.transport = OneWrite(transport, self.loop, times.receipt)
        self._receipt = Receipt(self.loop, times, self.transport.close, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone, and nothing is waited for any more."""
        self._receipt.close()
        while self.pipeline:  # nobody deals with these any more, and each holds what holds it
            waiting, _ = self.pipeline.pop()
            waiting.on_response = _nobody
        if self._under_way is not None:
            self._abandon(self._under_way)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, within the caps."""
        if self._refusal is not None:
            return
        self._fresh = len(data)
        self._message += len(data)
        if self._in_headers:
            self._block += len(data)
        if not self._receipt.under_way:
            self._receipt.begin()
        self._unset_keepalive_if_required()
        self._feed(memoryview(data))
        if self._in_headers and self._block > MAX_HEADER_BYTES:
            self._refuse(HeadersTooLarge())
        elif self._message > MAX_MESSAGE:
            self.transport.close()

    def pause_writing(self) -> None:
        """More answers are unread than are kept; their caller has as long for them as for a message."""
        super().pause_writing()
        self._unread = self.loop.call_later(type(self).times.receipt, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read on."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()

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
        reason = self._refusal or BadRequest()
        self._refuse(reason.with_traceback(None))  # whose frames hold this connection

    def _read_on(self) -> None:
        """A request to upgrade is one like any other: its body is still to come, if it has one."""
        self._in_body = self.cycle.more_body = True
        self._receipt.go_on()
        self.parser = upgrade.parser(self)
        self._feed(upgrade.head(self.headers))

    def on_message_begin(self) -> None:
        """A message begins: all of this chunk may be its header block, unless another one came first in it."""
        self._in_headers = True
        self._begins_chunk = self._fresh > 0
        self._block = self._message = self._fresh
        if not self._receipt.under_way:
            self._receipt.begin()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header, without the white space behind it, which httptools leaves there (RFC 9110, 5.5).

        Trailers are dropped (RFC 9110, 6.5.1): whoever reads headers has read them by then.
        """
        if self._in_headers:
            super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        """Hold the connection and the header block to their caps, and the message to one Host (RFC 9112, 3.2)."""
        self._in_headers = False
        if len(self.pipeline) >= MAX_WAITING:
            raise self._refused(BadRequest())
        if len(self.headers) > MAX_HEADERS or self._header_bytes() > MAX_HEADER_BYTES:
            raise self._refused(HeadersTooLarge())
        hosts = [name for name, _ in self.headers if name == b"host"]
        if len(hosts) != 1 and (hosts or self.parser.get_http_version() != "1.0"):
            raise self._refused(BadRequest())
        self.scope["state"][HUNG_UP] = self.transport.is_closing
        super().on_headers_complete()
        self._in_body = True
        if 0 < len(self.pipeline) < MAX_WAITING:
            self.flow.resume_reading()  # uvicorn has paused it, and who does not read does not see that a caller goes

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """It is this call's turn."""
        self._under_way = cycle
        super()._start_asgi_task(cycle, app)

    def on_message_complete(self) -> None:
        """A message ends; what follows it in this chunk is not its own."""
        self._in_body = False
        self._fresh = 0
        self._receipt.end()
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
        self._receipt.end()
        cycle: RequestResponseCycle | None = self.cycle
        answered = cycle is None or cycle.response_complete
        if self._in_body and (answered or self.pipeline):
            self.transport.close()  # its answer is out, or would come before those of others
        elif self._in_body:
            self._abandon(self.cycle)
            self._answer(error)
        elif answered:
            self._answer(error)

    def _late(self) -> None:
        """The message is overdue, unless it is ours to hurry: nothing is read, or another is answered first."""
        if self.flow.read_paused or (self._in_body and self.pipeline):
            self._receipt.begin()
        else:
            self._refuse(RequestTimeout())

    def _abandon(self, cycle: RequestResponseCycle) -> None:
        """Nothing more will come of this call: towards the application its caller is gone."""
        cycle.disconnected = True
        cycle.message_event.set()

    def _answer(self, error: ServiceError) -> None:
        request_id = type(self).request_ids()
        self.transport.write(_written(error, request_id))
        self.transport.close()
        type(self).tell(error, request_id)


def _nobody() -> None:
    """Whom an answer tells that nobody waits for."""


def _written(error: ServiceError, request_id: str) -> bytes:
    body = wire.refusal(error, request_id)
    head = (
        b"content-type: application/json\r\ncontent-length: %d\r\ncache-control: no-store\r\n"
        b"x-request-id: %s\r\nconnection: close\r\n\r\n"
    )
    return STATUS_LINE[error.status] + head % (len(body), request_id.encode("ascii")) + body


def tell_call(error: ServiceError, request_id: str) -> None:
    """The canonical line of a call of which nobody knows more: its message is broken, or late."""
    values = {"event": "call", "request_id": request_id, "status": error.status, "outcome": error.code}
    _log.info("call", extra=values)


def protocol(request_ids: Callable[[], str], times: Times, tell: Tell = tell_call) -> type[Protocol]:
    """The connections of one server; `tell` is what is logged of a message that the application never sees."""
    own = {"request_ids": staticmethod(request_ids), "times": times, "tell": staticmethod(tell)}
    return type("Protocol", (Protocol,), own)
