"""GET /events: the journal as server-sent events (WHATWG HTML, 9.2), for an operator who watches.

Decided here: where a listener begins and goes on after an interruption, what a quiet minute looks like, and how many
may listen. A listener that does not read is not waited for: `connection` cuts it off. Used by `ops`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from session_service.errors import TooManyListeners
from session_service.http.replies import RequestIds
from session_service.journal import Event, Journal

LISTENERS = 16
HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent: proxies cut what says nothing for a minute, some sooner."""
AT_ONCE = 20
"""Events of one write, and of one turn of the event loop: a millisecond of it."""
RETRY_AFTER = 5


class Events:
    """The listeners of one journal."""

    def __init__(self, journal: Journal, request_ids: RequestIds) -> None:
        self._journal = journal
        self._request_ids = request_ids
        self._listeners = 0

    async def answer(self, request: Request) -> Response:
        """Everything that is kept, or what came after a number, and then what comes; TooManyListeners."""
        if self._listeners >= LISTENERS:
            raise TooManyListeners(retry_after=RETRY_AFTER)
        self._listeners += 1
        return _Stream(self._told(_begin(request, self._journal)), self._request_ids(), self._gone)

    def _gone(self) -> None:
        self._listeners -= 1

    async def _told(self, number: int) -> AsyncIterator[bytes]:
        yield b": events of this process\n\n"
        while True:
            page = self._journal.since(number, AT_ONCE)
            if page.gap:
                yield b'event: gap\ndata: {"oldest":%d}\n\n' % self._journal.oldest
            if page.events:
                yield b"".join(map(_written, page.events))
                await asyncio.sleep(0)  # calls have a turn, and so does the connection, to say that it is full
            number = page.last
            try:
                async with asyncio.timeout(HEARTBEAT):
                    if not await self._journal.after(number):
                        return
            except TimeoutError:
                yield b":\n\n"


class _Stream(StreamingResponse):
    """A stream that says when it is over, however it ends."""

    def __init__(self, chunks: AsyncIterator[bytes], request_id: str, over: Callable[[], None]) -> None:
        headers = {"Cache-Control": "no-store", "X-Request-Id": request_id}
        super().__init__(chunks, headers=headers, media_type="text/event-stream")
        self._over = over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._over()


def as_json(event: Event) -> dict[str, object]:
    """An event as every answer shows it; the time as in the log."""
    return {
        "number": event.number,
        "time": datetime.fromtimestamp(event.time, UTC),
        "event": event.name,
        "session": event.session,
        "values": event.values,
    }


def _written(event: Event) -> bytes:
    return b"id: %d\ndata: %s\n\n" % (event.number, orjson.dumps(as_json(event), default=str))


def _begin(request: Request, journal: Journal) -> int:
    """The number to go on from. A browser that reconnects says it in a header, beside the address of its first try.

    What is no number is no event of ours, and told of as a gap.
    """
    asked = request.headers.get("last-event-id") or request.query_params.get("after")
    if asked is None:
        return journal.oldest - 1
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 20 else 0
