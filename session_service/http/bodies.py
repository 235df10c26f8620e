"""Reading a request's body, never more of it than its path allows. Called by whoever answers a POST."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from session_service.errors import BodyTooLarge, CallerGone

Receive = Callable[[], Awaitable[Any]]
SHORT = 16 * 1024
"""Bytes of a body that there is always room for."""


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


async def whole_if_room(declared: bytes, receive: Receive, limit: int, places: asyncio.Semaphore) -> bytes:
    """Like `whole`; but a body that is not SHORT takes one of `places`, and is too large where there is none.

    Whoever reads bodies before it knows their senders would else keep `limit` bytes for everybody who connects. Nobody
    waits for a place: those who wait keep their connections.
    """
    read = 0
    async with AsyncExitStack() as held:

        async def counted() -> Any:
            nonlocal read
            before = read
            message = await receive()
            read += len(message.get("body", b""))
            if before <= SHORT < read:
                if places.locked():
                    raise BodyTooLarge
                await held.enter_async_context(places)
            return message

        return await whole(declared, counted, limit)


def _number(text: bytes) -> int:
    """A length as a server hands it on; 0 for anything else: what then comes is counted all the same."""
    return int(text) if text.isdigit() and len(text) < 20 else 0
