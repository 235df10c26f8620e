"""From the bytes that came to one answer, never more of them than there can be in a sound one.

Decided here: how much of an answer is read, what is no HTTP, and by which first bytes another protocol is known. h11
does the reading, and refuses what is not HTTP/1.1. Called by `wire`.
"""

from collections.abc import Awaitable, Callable

import h11

from session_service.check.asking.messages import Silence

MOST_HEAD = 64 * 1024
MOST_BODY = 1024 * 1024
_BEGINNING = b"HTTP/"
_OTHERS = {
    b"\x15\x03": "it is TLS: the port wants https",
    b"\x16\x03": "it is TLS: the port wants https",
    b"\x00\x00": "it looks like HTTP/2, and HTTP/1.1 was asked for",
    b"SSH-": "it is an SSH server",
}


class Unreadable(Exception):
    """What came is no answer."""

    def __init__(self, silence: Silence, detail: str = "") -> None:
        super().__init__(silence.value)
        self.silence = silence
        self.detail = detail


class Reading:
    """The way of one answer through h11. What is known of it so far can be read at any time."""

    def __init__(self, method: str) -> None:
        self.received = 0
        self.status = 0
        self.headers: tuple[tuple[str, str], ...] = ()
        self.body = bytearray()
        self._beginning = bytearray()
        self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD)
        # What was really sent was written by hand. The parser is told only what decides how an answer is framed.
        asked = "HEAD" if method == "HEAD" else "POST"
        self._parser.send(h11.Request(method=asked, target="/", headers=[("Host", "unused")]))
        self._parser.send(h11.EndOfMessage())

    @property
    def kept(self) -> bool:
        """Whether the answer leaves the connection open for one more call."""
        return self._parser.their_state is h11.DONE

    @property
    def excess(self) -> bool:
        """Whether bytes came behind the answer's end."""
        return bool(self._parser.trailing_data[0])

    async def finish(self, read: Callable[[], Awaitable[bytes]]) -> None:
        """Read until the answer is whole; Unreadable where it is none. `read` gives nothing at the end."""
        while not isinstance(event := self._next(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                await self._more(read)
            elif isinstance(event, h11.Response):
                self.status = event.status_code
                self.headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers)
            elif isinstance(event, h11.Data):
                self.body += event.data
                if len(self.body) > MOST_BODY:
                    raise Unreadable(Silence.LONG_BODY)
            elif not isinstance(event, h11.InformationalResponse):
                raise Unreadable(Silence.NOT_HTTP)

    async def _more(self, read: Callable[[], Awaitable[bytes]]) -> None:
        if not self.status and self.received > MOST_HEAD:
            raise Unreadable(Silence.LONG_HEAD)
        data = await read()
        self.received += len(data)
        if len(self._beginning) < len(_BEGINNING):
            self._beginning += data[: len(_BEGINNING)]
            self._recognize()
        self._parser.receive_data(data)

    def _recognize(self) -> None:
        """Object at once to what cannot become an answer; h11 would wait for the end of a head that never comes."""
        begun = bytes(self._beginning).lstrip(b"\r\n")[: len(_BEGINNING)]
        if not _BEGINNING.startswith(begun):
            detail = next((said for first, said in _OTHERS.items() if self._beginning.startswith(first)), "")
            raise Unreadable(Silence.NOT_HTTP, detail)

    def _next(self) -> object:
        try:
            return self._parser.next_event()
        except h11.RemoteProtocolError as error:
            raise Unreadable(self._kind(error), self._short()) from None

    def _short(self) -> str:
        """How much of a body is missing, where its length was announced."""
        announced = dict(self.headers).get("content-length", "")
        return f"{len(self.body)} bytes of the body came, and Content-Length announced {announced}" if announced else ""

    def _kind(self, error: h11.RemoteProtocolError) -> Silence:
        if error.error_status_hint == 431:
            return Silence.LONG_HEAD
        return Silence.CLOSED if self._parser.trailing_data[1] else Silence.NOT_HTTP
