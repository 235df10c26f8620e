"""There is room for so many long bodies, and for every short one."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from session_service.errors import BodyTooLarge, CallerGone
from session_service.http import bodies
from session_service.http.bodies import SHORT
from tests.virtual_time import run

LIMIT = 10 * SHORT
GONE = {"type": "http.disconnect"}


class Sender:
    """A caller who sends its body in parts, and what is read of it with one of `places`."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._parts: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.read = asyncio.ensure_future(bodies.whole_if_room(b"", self._parts.get, LIMIT, places))

    async def sends(self, size: int, *, more: bool = True) -> None:
        """So many bytes; returns when they are read."""
        self._parts.put_nowait({"type": "http.request", "body": bytes(size), "more_body": more})
        await asyncio.sleep(1)

    async def hangs_up(self) -> None:
        """Nothing comes any more."""
        self._parts.put_nowait(GONE)
        await asyncio.sleep(1)


@pytest.mark.parametrize("end", ["sends the rest", "hangs up", "sends too much"])
def test_a_long_body_takes_a_place_until_its_end(end: str) -> None:
    """Whichever that is; meanwhile there is no room for another one, and then there is."""

    async def main() -> bytes:
        places = asyncio.Semaphore(1)
        first, second, third = Sender(places), Sender(places), Sender(places)
        await first.sends(SHORT + 1)
        await second.sends(SHORT + 1)
        with pytest.raises(BodyTooLarge):
            await second.read
        await (first.hangs_up() if end == "hangs up" else first.sends(LIMIT if "much" in end else 1, more=False))
        with suppress(CallerGone, BodyTooLarge):
            await first.read
        await third.sends(SHORT + 1, more=False)
        return await third.read

    assert run(main) == bytes(SHORT + 1)


def test_there_is_room_for_every_short_body() -> None:
    """All that means anything to a session is short."""

    async def main() -> bytes:
        places = asyncio.Semaphore(1)
        long, short = Sender(places), Sender(places)
        await long.sends(SHORT + 1)
        await short.sends(SHORT - 1)
        await short.sends(1, more=False)
        long.read.cancel()
        return await short.read

    assert run(main) == bytes(SHORT)
