"""The connections of one client, over a server that keeps each of them open and counts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import httpx2
import pytest

from session_service.agents.connections import KEPT_CONNECTIONS, KEPT_SECONDS, Connections
from session_service.agents.outgoing import Outgoing, Request
from session_service.errors import AgentUnavailable
from tests import virtual_time
from tests.certificates import Authority
from tests.cycles import none_of_ours

Server = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
MANY = KEPT_CONNECTIONS + 20
TURNS = 20
"""Of the loop: more than what one end does needs until the other, in the same loop, has been told."""


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


def test_the_last_used_one_is_not_taken_either_when_it_was_idle_for_too_long() -> None:
    """Its server may be closing it, and the request would be lost."""

    async def main() -> int:
        counting = Counting()
        async with _client(counting) as client:
            await _at_once(client, counting, 1)
            await asyncio.sleep(KEPT_SECONDS + 1)
            await _at_once(client, counting, 1)
        return counting.opened

    assert virtual_time.run(main) == 2


@asynccontextmanager
async def _client_of(server: Server) -> AsyncIterator[httpx2.AsyncClient]:
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        async with httpx2.AsyncClient(transport=Connections(), base_url=url, timeout=None) as client:
            yield client


@pytest.mark.parametrize("more", [b"", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"])
def test_a_connection_that_its_server_has_given_up_is_not_used_again(more: bytes) -> None:
    """It may say so, in an answer that nobody has asked for; that would be the next request's answer."""
    opened, is_read = [], asyncio.Event()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            opened.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(ANSWER)
            await is_read.wait()
            writer.write(more)
            if more:
                await reader.read()

    async def main() -> list[int]:
        async with _client_of(once) as client:
            first = await client.get("/")
            is_read.set()
            for _ in range(TURNS):
                await asyncio.sleep(0)
            return [first.status_code, (await client.get("/")).status_code]

    assert (asyncio.run(main()), len(opened)) == ([200, 200], 2)


def test_two_answers_to_one_request_are_not_two_requests_answers() -> None:
    """They come at once, so that the second is read along with the first."""
    opened = []

    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(reader)
        with closing(writer), suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(ANSWER + ANSWER.replace(b"200 OK", b"500 No"))

    async def main() -> list[int]:
        async with _client_of(twice) as client:
            return [(await client.get("/")).status_code for _ in range(2)]

    assert (asyncio.run(main()), len(opened)) == ([200, 200], 2)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"", httpx2.RemoteProtocolError),
        (b"SSH-2.0-OpenSSH_9.6\r\n", httpx2.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", httpx2.RemoteProtocolError),
    ],
    ids=["nothing", "another-protocol", "half"],
)
def test_what_is_no_answer_fails_by_the_name_that_httpx2_has_for_it(answer: bytes, failure: type[Exception]) -> None:
    """Whether it goes wrong before the body or in it, and without a word of what came."""

    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)

    async def main() -> None:
        async with _client_of(breaks) as client:
            await client.get("/")

    with pytest.raises(failure, match=r"^$"):
        asyncio.run(main())


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9.6\r\n\r\n"], ids=["nothing-in-time", "another-protocol"])
def test_a_request_that_failed_is_freed_at_once(said: bytes) -> None:
    """With its connection: nothing of ours waits for the cyclic collector, which looks rarely."""

    async def says(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(ConnectionError):
            writer.write(said)
            await reader.read()

    async def life() -> None:
        async with await asyncio.start_server(says, "127.0.0.1", 0) as listening:
            outgoing = Outgoing("The server")
            url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            deadline = asyncio.get_running_loop().time() + (60 if said else 0.1)
            asked = asyncio.ensure_future(outgoing.send(Request("start", "POST", url), deadline))
            await asyncio.wait([asked])
            assert isinstance(asked.exception(), AgentUnavailable)
            await outgoing.aclose()
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def main() -> None:
        await life()
        with none_of_ours():
            await life()

    asyncio.run(main())


def test_https_is_spoken_with_whom_is_trusted_alone(tmp_path: Path) -> None:
    """By those that httpx2 trusts, if nothing else is said."""
    authority = Authority(tmp_path)

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
            await writer.drain()

    async def got(port: int, transport: Connections) -> bytes:
        async with httpx2.AsyncClient(transport=transport, timeout=None) as client:
            return (await client.get(f"https://localhost:{port}/")).content

    async def main() -> bytes:
        tls = authority.server(host="localhost")
        async with await asyncio.start_server(answers, "127.0.0.1", 0, ssl=tls) as listening:
            port = listening.sockets[0].getsockname()[1]
            with pytest.raises(httpx2.ConnectError):
                await got(port, Connections())
            return await got(port, Connections(authority.trusted()))

    assert asyncio.run(main()) == b"ok"


def test_an_answer_that_is_not_read_to_its_end_takes_its_connection_with_it() -> None:
    """The rest of it is nobody's answer."""

    async def main() -> int:
        counting = Counting()
        async with _client(counting) as client:
            async with client.stream("GET", "/"):
                pass
            await _at_once(client, counting, 1)
        return counting.opened

    assert asyncio.run(main()) == 2


def test_another_server_has_connections_of_its_own() -> None:
    """Though a client is meant for one."""

    async def main() -> tuple[int, int]:
        one, other = Counting(), Counting()
        async with _client(one) as client, await asyncio.start_server(other.serve, "127.0.0.1", 0) as server:
            for host in ("", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", ""):
                assert (await client.get(f"{host}/")).content == b"ok"
            await client.aclose()
            await _until(other, 0)
        return one.opened, other.opened

    assert asyncio.run(main()) == (2, 1)


def test_no_more_idle_connections_are_kept_than_are_useful() -> None:
    """The others are closed when their answers are read."""

    async def main() -> int:
        counting = Counting()
        async with _client(counting) as client:
            await _at_once(client, counting, MANY)
            await _until(counting, KEPT_CONNECTIONS)
            return counting.open

    assert asyncio.run(main()) == KEPT_CONNECTIONS


def test_a_connection_that_was_being_made_at_the_close_is_not_kept() -> None:
    """Nobody would close it later."""

    async def main() -> bytes:
        counting = Counting()
        async with _client(counting) as client:
            asked = asyncio.ensure_future(client.get("/"))
            await asyncio.sleep(0)
            await client.aclose()
            heard = (await asked).content
            await _until(counting, 0)
            return heard

    assert asyncio.run(main()) == b"ok"


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
