"""A request that asks to upgrade its connection, read as if it had not asked (RFC 9110, 7.8: Upgrade may be ignored).

Decided here: how its body is got at. httptools stops behind the header block of such a request and takes whatever
follows for another protocol's; curl --http2 and Java's client send their JSON just there. Called by `connection` only.
"""

from collections.abc import Iterable
from typing import Protocol

import httptools

Header = tuple[bytes, bytes]
FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class Callbacks(Protocol):
    """What httptools calls while it reads."""

    def on_message_begin(self) -> None: ...
    def on_url(self, url: bytes) -> None: ...
    def on_header(self, name: bytes, value: bytes) -> None: ...
    def on_headers_complete(self) -> None: ...
    def on_body(self, body: bytes) -> None: ...
    def on_message_complete(self) -> None: ...


class _Behind:
    """Passes a parser's callbacks on, but for those of its first header block."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._passing = False
        self.on_body = callbacks.on_body
        self.on_message_complete = callbacks.on_message_complete

    def on_message_begin(self) -> None:
        if self._passing:
            self._callbacks.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if self._passing:
            self._callbacks.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._passing:
            self._callbacks.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._passing:
            self._callbacks.on_headers_complete()
        self._passing = True


def parser(callbacks: Callbacks) -> httptools.HttpRequestParser:
    """A parser for what follows such a request: its body, then further messages. Feed it `head` first."""
    return httptools.HttpRequestParser(_Behind(callbacks))


def head(headers: Iterable[Header]) -> bytes:
    """A header block that says of the body what the request's own said, and asks for nothing."""
    framing = [name + b": " + value for name, value in headers if name in FRAMING]
    return b"\r\n".join([b"POST / HTTP/1.1", *framing, b"", b""])
