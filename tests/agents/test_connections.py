"""The connections of one client, over a server that keeps each of them open and counts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from session_service.agents.connections import KEPT_CONNECTIONS, KEPT_SECONDS, Connections
from tests import virtual_time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
MANY = KEPT_CONNECTIONS + 20


class Counting:
    """A server that answers when `enough` requests wait, and knows how many connections are open."""

    def __init__(self) -> None:
        self.enough = 1
        self.opened = 0
        self.open = 0
        self.closed = asyncio.Event()
        self._waiting: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the client closes it."""
        self.opened += 1
        self.open += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self._waiting.append(writer)
                if len(self._waiting) >= self.enough:
                    self._answer()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.open -= 1
            self.closed.set()
        finally:
            writer.close()

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        for writer in waiting:
            writer.write(ANSWER)


@asynccontextmanager
async def _client(counting: Counting) -> AsyncIterator[httpx2.AsyncClient]:
    async with await asyncio.start_server(counting.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        made = httpx2.AsyncClient(transport=Connections(), base_url=f"http://127.0.0.1:{port}", timeout=None)
        async with made as client:
            yield client
        await _until(counting, 0)


async def _until(counting: Counting, connections: int) -> None:
    """Wait until the server has seen so many connections left open: the other end of a close comes in its own time."""
    async with asyncio.timeout(30):
        while counting.open > connections:
            counting.closed.clear()
            await counting.closed.wait()


async def _at_once(client: httpx2.AsyncClient, counting: Counting, requests: int) -> None:
    counting.enough = requests
    answers = await asyncio.gather(*[client.get("/") for _ in range(requests)])
    assert {answer.content for answer in answers} == {b"ok"}


def test_requests_at_once_have_a_connection_each() -> None:
    """None waits for another's answer, however many there are."""

    async def main() -> int:
        counting = Counting()
        async with _client(counting) as client:
            await _at_once(client, counting, MANY)
        return counting.opened

    assert asyncio.run(main()) == MANY


def test_one_request_after_another_takes_the_same_connection() -> None:
    """Also when others are idle: these can so grow old, and are closed."""

    async def main() -> int:
        counting = Counting()
        async with _client(counting) as client:
            for requests in (3, 1, 1, 3):
                await _at_once(client, counting, requests)
        return counting.opened

    assert asyncio.run(main()) == 3


def test_what_was_idle_for_too_long_is_closed() -> None:
    """By the next request, so that a busy hour leaves nothing behind."""

    async def main() -> int:
        counting = Counting()
        async with _client(counting) as client:
            await _at_once(client, counting, 3)
            await asyncio.sleep(KEPT_SECONDS + 1)
            await _at_once(client, counting, 1)
            await _until(counting, 1)
            return counting.open

    assert virtual_time.run(main) == 1


def test_the_last_idle_one_may_be_taken_while_an_old_one_is_closed() -> None:
    """Whoever gives one back closes what is too old, and meanwhile another request comes, at whichever moment."""

    async def main() -> list[bytes]:
        counting = Counting()
        async with _client(counting) as client:

            async def later(turns: int) -> bytes:
                for _ in range(turns):
                    await asyncio.sleep(0)
                return (await client.get("/")).content

            seen: list[bytes] = []
            for turns in range(60):
                await _at_once(client, counting, 3)
                await asyncio.sleep(KEPT_SECONDS + 1)
                counting.enough = 1
                seen += await asyncio.gather(later(0), later(turns))
            return seen

    assert virtual_time.run(main) == [b"ok"] * 120


def test_no_more_idle_connections_are_kept_than_are_useful() -> None:
    """The others are closed when their answers are read."""

    async def main() -> int:
        counting = Counting()
        async with _client(counting) as client:
            await _at_once(client, counting, MANY)
            await _until(counting, KEPT_CONNECTIONS)
            return counting.open

    assert asyncio.run(main()) == KEPT_CONNECTIONS


def test_a_request_that_was_given_up_takes_its_connection_with_it() -> None:
    """Its answer may still come, and must be nobody else's."""

    async def main() -> int:
        counting = Counting()
        async with _client(counting) as client:
            counting.enough = 2
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.get("/"), 0.1)
            await _until(counting, 0)
            await _at_once(client, counting, 1)
        return counting.opened

    assert asyncio.run(main()) == 2
