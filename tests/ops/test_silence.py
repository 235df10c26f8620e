"""What a listener hears while nothing happens, and what others do while it hears much: stepped time shows when."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import cast

from starlette.requests import Request
from starlette.responses import StreamingResponse

from session_service.http.events import AT_ONCE, HEARTBEAT, Events
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


def test_whoever_hears_much_holds_up_nobody() -> None:
    """Between two pages everybody else has a turn: calls, and the connection, which says when it is full."""

    async def main() -> list[int]:
        journal, turns = Journal(5 * AT_ONCE, 1, str), 0
        for _ in range(5 * AT_ONCE):
            journal.keep(logging.makeLogRecord({"event": "call"}))

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        busy, heard, had = asyncio.ensure_future(others()), await chunks(journal), []
        for _ in range(5):
            await anext(heard)
            had.append(turns)
        busy.cancel()
        return had

    assert run(main) == [0, 0, 1, 2, 3]
