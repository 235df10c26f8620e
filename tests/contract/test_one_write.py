"""What a connection is given within one turn of the loop leaves in one write, in order."""

import asyncio

from session_service.http.one_write import OneWrite


class Recorded(asyncio.Transport):
    """A transport that keeps each write by itself, and its end."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[bytes | None] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.seen.append(bytes(data))

    def close(self) -> None:
        """Keep it as None."""
        self.seen.append(None)


def test_head_and_body_are_one_write() -> None:
    """Two system calls for one answer would be a tenth of what a call costs."""

    async def answer() -> list[bytes | None]:
        wire = Recorded()
        out = OneWrite(wire, asyncio.get_running_loop())
        out.write(b"head ")
        out.write(b"body")
        await asyncio.sleep(0)
        return wire.seen

    assert asyncio.run(answer()) == [b"head body"]


def test_a_later_turn_is_a_write_of_its_own() -> None:
    """Nothing waits for what may never come."""

    async def answer() -> list[bytes | None]:
        wire = Recorded()
        out = OneWrite(wire, asyncio.get_running_loop())
        for part in (b"first", b"second"):
            out.write(part)
            await asyncio.sleep(0)
        return wire.seen

    assert asyncio.run(answer()) == [b"first", b"second"]


def test_closing_sends_what_waits_first() -> None:
    """A refusal that ends the connection is read by its caller."""

    async def answer() -> list[bytes | None]:
        wire = Recorded()
        out = OneWrite(wire, asyncio.get_running_loop())
        out.write(b"refused")
        out.close()
        await asyncio.sleep(0)
        return wire.seen

    assert asyncio.run(answer()) == [b"refused", None]
