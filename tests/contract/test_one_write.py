"""What a connection is given within one turn of the loop leaves in one write, in order."""

import asyncio

import pytest

from session_service.http.one_write import OneWrite
from tests import virtual_time


class Recorded(asyncio.Transport):
    """A transport that keeps each write by itself, and its end; its peer has left so many bytes unread."""

    def __init__(self, unread: int = 0, *, gone: bool = False) -> None:
        super().__init__()
        self.seen: list[bytes | None] = []
        self.unread = unread
        self.gone = gone
        self.aborted_at: float | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.seen.append(bytes(data))

    def close(self) -> None:
        """Keep it as None."""
        self.seen.append(None)

    def is_closing(self) -> bool:
        """Whether its peer has hung up."""
        return self.gone

    def get_write_buffer_size(self) -> int:
        """What is unread."""
        return self.unread

    def abort(self) -> None:
        """Keep when."""
        self.aborted_at = asyncio.get_running_loop().time()


def test_head_and_body_are_one_write() -> None:
    """Two system calls for one answer would be a tenth of what a call costs."""

    async def answer() -> list[bytes | None]:
        wire = Recorded()
        out = OneWrite(wire, asyncio.get_running_loop(), 1.0)
        out.write(b"head ")
        out.write(b"body")
        await asyncio.sleep(0)
        return wire.seen

    assert asyncio.run(answer()) == [b"head body"]


def test_a_later_turn_is_a_write_of_its_own() -> None:
    """Nothing waits for what may never come."""

    async def answer() -> list[bytes | None]:
        wire = Recorded()
        out = OneWrite(wire, asyncio.get_running_loop(), 1.0)
        for part in (b"first", b"second"):
            out.write(part)
            await asyncio.sleep(0)
        return wire.seen

    assert asyncio.run(answer()) == [b"first", b"second"]


def test_closing_sends_what_waits_first() -> None:
    """A refusal that ends the connection is read by its caller."""

    async def answer() -> list[bytes | None]:
        wire = Recorded()
        out = OneWrite(wire, asyncio.get_running_loop(), 1.0)
        out.write(b"refused")
        out.close()
        await asyncio.sleep(0)
        return wire.seen

    assert asyncio.run(answer()) == [b"refused", None]


@pytest.mark.parametrize(("unread", "after"), [(0, None), (1, 2.5)])
def test_closing_does_not_wait_for_ever_for_a_caller_to_read(unread: int, after: float | None) -> None:
    """Its patience over, what is unread is lost; without any, it is left to close by itself."""

    async def aborted_after() -> float | None:
        wire, loop = Recorded(unread), asyncio.get_running_loop()
        began = loop.time()
        OneWrite(wire, loop, 2.5).close()
        await asyncio.sleep(100)
        return wire.aborted_at and wire.aborted_at - began

    assert virtual_time.run(aborted_after) == after


def test_nothing_is_written_to_a_caller_who_has_hung_up() -> None:
    """uvloop raises for such a write, and a caller who leaves is no fault of ours."""

    async def answer() -> list[bytes | None]:
        wire = Recorded(gone=True)
        OneWrite(wire, asyncio.get_running_loop(), 1.0).write(b"answer")
        await asyncio.sleep(0)
        return wire.seen

    assert asyncio.run(answer()) == []
