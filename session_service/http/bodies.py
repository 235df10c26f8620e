"""Reading a request's body, never more of it than its path allows. Called by whoever answers a POST."""

from collections.abc import Awaitable, Callable
from typing import Any

from session_service.errors import BodyTooLarge, CallerGone

Receive = Callable[[], Awaitable[Any]]


async def whole(declared: bytes, receive: Receive, limit: int) -> bytes:
    """The whole body. `declared` is what the caller says of its length, `limit` the bytes that are kept in memory.

    Raises BodyTooLarge, as early as that is known, or CallerGone.
    """
    if _number(declared) > limit:
        raise BodyTooLarge
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGone
        body += message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLarge
        more = message.get("more_body", False)
    return body


def _number(text: bytes) -> int:
    """A length as a server hands it on; 0 for anything else: what then comes is counted all the same."""
    return int(text) if text.isdigit() and len(text) < 20 else 0
