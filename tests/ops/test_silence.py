"""What a listener hears while nothing happens: stepped time shows when."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import cast

from starlette.requests import Request
from starlette.responses import StreamingResponse

from session_service.http.events import HEARTBEAT, Events
from session_service.journal import Journal
from tests.virtual_time import run


async def chunks(journal: Journal) -> AsyncIterator[bytes]:
    """What a listener without a wish is sent."""
    scope = {"type": "http", "headers": [], "query_string": b""}
    answer = await Events(journal, lambda: "r-1").answer(Request(scope))
    return cast("AsyncIterator[bytes]", cast("StreamingResponse", answer).body_iterator)


def test_silence_is_broken_by_comments() -> None:
    """So that no proxy takes it for the end."""

    async def main() -> tuple[list[bytes], float]:
        heard = await chunks(Journal(5, 1, str))
        return [await anext(heard) for _ in range(3)], asyncio.get_running_loop().time()

    said, time = run(main)
    assert said == [b": events of this process\n\n", b":\n\n", b":\n\n"]
    assert time == 1000 + 2 * HEARTBEAT


def test_an_event_breaks_it_at_once() -> None:
    """Without waiting for the next comment, and as one that can be resumed from."""

    async def main() -> tuple[bytes, float]:
        journal, loop = Journal(5, 7, str), asyncio.get_running_loop()
        heard = await chunks(journal)
        await anext(heard)
        loop.call_later(1, journal.keep, logging.makeLogRecord({"event": "call"}))
        return await anext(heard), loop.time()

    said, time = run(main)
    assert said.startswith(b'id: 7\ndata: {"number":7,')
    assert said.endswith(b"}\n\n")
    assert time == 1001
