"""The streams under the requests, on both event loops, against servers that misbehave in one way each."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpcore2
import pytest

from session_service.agents.network import UNREAD, Network, Stream
from tests.agents.conftest import Run
from tests.agents.programs import descriptors
from tests.certificates import HOST, Authority
from tests.cycles import none_of_ours

Server = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
MUCH = 64 * UNREAD
AT_ONCE = struct.pack("ii", 1, 0)


@asynccontextmanager
async def _stream(server: Server, tls: ssl.SSLContext | None = None) -> AsyncIterator[Stream]:
    """A stream to a server that does one thing with it; the connection is closed at the end, whoever has failed."""
    async with await asyncio.start_server(server, "127.0.0.1", 0, ssl=tls) as listening:
        stream = await Network().connect_tcp("127.0.0.1", listening.sockets[0].getsockname()[1])
        try:
            yield stream
        finally:
            await stream.aclose()


async def _all(stream: Stream) -> bytes:
    heard = b""
    while part := await stream.read(64_000):
        heard += part
    return heard


async def _turns() -> None:
    """Let the loop get to what has come, and a closed connection to its last callback."""
    for _ in range(20):
        await asyncio.sleep(0)


async def _write_for_ever(stream: Stream) -> None:
    while True:
        await stream.write(b"go")
        await asyncio.sleep(0)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.closing(writer):
        writer.write(await reader.readexactly(5))


@contextmanager
def _deaf() -> Iterator[int]:
    """A port at which the system answers nobody: the queue of whoever listens is full. Gives its number."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, socket.create_connection(server.getsockname()):
        yield server.getsockname()[1]


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.closing(writer):
        await reader.read()


def test_what_is_written_arrives_and_the_answer_is_read_to_its_end(run: Run) -> None:
    """Written in parts, read in parts."""

    async def main() -> tuple[bytes, bytes, bytes]:
        async with _stream(_echo) as stream:
            for part in (b"he", b"", b"llo"):
                await stream.write(part)
            return await stream.read(2), await _all(stream), await stream.read(1000)

    assert run(main()) == (b"he", b"llo", b"")


def test_a_server_that_sends_much_waits_until_it_is_read(run: Run) -> None:
    """No more is held than the limit and one read of the loop's; all of it arrives."""
    sent = bytes(range(256)) * (MUCH // 256)
    drained = asyncio.Event()

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            writer.transport.set_write_buffer_limits(0)
            writer.write(sent)
            await writer.drain()
            drained.set()

    async def main() -> bytes:
        async with _stream(flood) as stream:
            first = await stream.read(1)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(drained.wait(), 0.2)
            return first + await _all(stream)

    assert run(main()) == sent


def test_a_writer_waits_for_a_server_that_does_not_read(run: Run) -> None:
    """And goes on when it does, before there is an answer."""
    may_read, is_written = asyncio.Event(), asyncio.Event()

    async def later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            await may_read.wait()
            await reader.readexactly(MUCH)
            await is_written.wait()
            writer.write(b"ok")

    async def main() -> bytes:
        async with _stream(later) as stream:
            writing = asyncio.ensure_future(stream.write(bytes(MUCH)))
            done, _ = await asyncio.wait([writing], timeout=0.2)
            assert not done
            may_read.set()
            await writing
            is_written.set()
            return await _all(stream)

    assert run(main()) == b"ok"


def test_what_the_loop_has_not_got_to_is_known_all_the_same(run: Run) -> None:
    """An idle connection that its server has just closed, or told something, is not to be used again."""

    async def main() -> list[bool]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            stream = await Network().connect_tcp(*server.getsockname())
            accepted, _ = server.accept()
            seen = [stream.get_extra_info("is_readable")]
            accepted.close()
            seen.append(stream.get_extra_info("is_readable"))
            await stream.aclose()
            return [*seen, stream.get_extra_info("is_readable")]

    assert run(main()) == [False, True, True]


def test_what_is_not_sent_yet_is_dropped_by_closing(run: Run) -> None:
    """A request that was given up keeps no connection open until a server deigns to read it."""
    may_read, heard = asyncio.Event(), asyncio.Queue[int]()

    async def later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got = 0
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            await may_read.wait()
            while part := await reader.read(UNREAD):
                got += len(part)
        heard.put_nowait(got)

    async def main() -> int:
        async with _stream(later) as stream:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(stream.write(bytes(MUCH)), 0.2)
            await stream.aclose()
            may_read.set()
            return await heard.get()

    assert run(main()) < MUCH


def test_what_came_before_a_reset_is_read_before_it_is_told(run: Run) -> None:
    """An answer may have been complete."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"answer")
        await reader.readexactly(2)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        writer.close()

    async def main() -> bytes:
        async with _stream(reset) as stream:
            while not stream.get_extra_info("is_readable"):  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0)
            with pytest.raises(httpcore2.WriteError):
                await _write_for_ever(stream)
            heard = await stream.read(1000)
            with pytest.raises(httpcore2.ReadError, match="ConnectionResetError"):
                await stream.read(1000)
            return heard

    assert run(main()) == b"answer"


def test_a_writer_whose_server_goes_does_not_wait_for_ever(run: Run) -> None:
    """The server takes nothing and resets the connection."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        writer.transport.abort()

    async def main() -> None:
        async with _stream(reset) as stream:
            with contextlib.suppress(httpcore2.WriteError):
                await stream.write(bytes(MUCH))
            with pytest.raises(httpcore2.ReadError):
                await stream.read(1)

    run(main())


def test_a_name_is_tried_at_each_of_its_addresses(run: Run) -> None:
    """`localhost` is ::1 first on most machines, and the server listens on 127.0.0.1 alone."""

    async def main() -> bytes:
        async with await asyncio.start_server(_echo, "127.0.0.1", 0) as listening:
            stream = await Network().connect_tcp("localhost", listening.sockets[0].getsockname()[1])
            await stream.write(b"hello")
            heard = await _all(stream)
            await stream.aclose()
            return heard

    assert run(main()) == b"hello"


class _TwoAddresses(asyncio.SelectorEventLoop):
    """Where each name has one more address, at which `deaf` is the port."""

    deaf = 0

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        """The addresses in the order in which they are to be tried."""
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", each)) for each in (self.deaf, port)]


def test_an_address_that_never_answers_costs_a_moment() -> None:
    """The next one is tried while the first is waited for."""

    async def main() -> bytes:
        async with await asyncio.start_server(_echo, "127.0.0.1", 0) as listening:
            stream = await Network().connect_tcp(HOST, listening.sockets[0].getsockname()[1])
            await stream.write(b"hello")
            heard = await _all(stream)
            await stream.aclose()
            return heard

    with _deaf() as port, asyncio.Runner(loop_factory=_TwoAddresses) as runner:
        _TwoAddresses.deaf = port
        assert runner.run(asyncio.wait_for(main(), 20)) == b"hello"


@pytest.mark.parametrize("host", ["127.0.0.1", "no host", "two..dots"])
def test_nobody_there_is_a_connect_error(host: str, run: Run) -> None:
    """Nobody listens, and nobody can have such a name, which no server is asked for."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(httpcore2.ConnectError):
            run(Network().connect_tcp(host, bound.getsockname()[1]))


def test_no_thread_for_the_resolver_is_a_connect_error(run: Run) -> None:
    """There are times when a machine has none to give."""

    async def main() -> None:
        await asyncio.get_running_loop().shutdown_default_executor()
        await Network().connect_tcp("localhost", 1)

    with pytest.raises(httpcore2.ConnectError):
        run(main())


def test_an_address_takes_no_thread_of_the_resolver(run: Run) -> None:
    """Agent servers beside the service are called by theirs."""

    async def main() -> bytes:
        await asyncio.get_running_loop().shutdown_default_executor()
        async with _stream(_echo) as stream:
            await stream.write(b"hello")
            return await _all(stream)

    assert run(main()) == b"hello"


def test_a_connection_that_is_given_up_leaves_no_descriptor(run: Run) -> None:
    """Nobody answers."""

    async def main() -> tuple[int, int]:
        before = descriptors()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Network().connect_tcp("127.0.0.1", port), 0.2)
        await asyncio.sleep(0)
        return before, descriptors()

    with _deaf() as port:
        before, after = run(main())
    assert after == before


def test_under_tls_it_is_the_same(tmp_path: Path, run: Run) -> None:
    """With a certificate that is trusted, for the host that was asked for."""
    authority = Authority(tmp_path)

    async def main() -> tuple[bytes, str]:
        async with _stream(_echo, authority.server()) as plain:
            stream = await plain.start_tls(authority.trusted(), HOST)
            await stream.write(b"hello")
            heard = await _all(stream)
            return heard, stream.get_extra_info("ssl_object").version()

    assert run(main()) == (b"hello", "TLSv1.3")


@pytest.mark.parametrize("host", [HOST, "another.example.com"])
def test_a_certificate_that_proves_nothing_is_a_connect_error(host: str, tmp_path: Path, run: Run) -> None:
    """Of an authority that nobody knows, or of another host; nothing stays open."""
    ours, theirs = Authority(tmp_path), Authority(tmp_path, "Somebody Else")
    known = theirs if host == HOST else ours

    async def main() -> None:
        async with _stream(_silent, ours.server()) as plain:
            with pytest.raises(httpcore2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await plain.start_tls(known.trusted(), host)

    run(main())


def test_a_server_that_is_gone_before_tls_is_a_connect_error(tmp_path: Path, run: Run) -> None:
    """On uvloop its end can be known before anybody has asked for TLS."""
    gone = asyncio.Event()

    async def goes(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        gone.set()

    async def main() -> None:
        async with _stream(goes) as plain:
            await gone.wait()
            await _turns()
            with pytest.raises(httpcore2.ConnectError):
                await plain.start_tls(Authority(tmp_path).trusted(), HOST)

    run(main())


def test_what_came_before_the_end_is_read_under_tls(tmp_path: Path, run: Run) -> None:
    """More than is held, and a server that closes without the word by which TLS ends."""
    authority, sent, gone = Authority(tmp_path), bytes(range(256)) * (UNREAD // 128), asyncio.Event()

    async def much(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        below = writer.transport
        with contextlib.closing(writer):
            await writer.start_tls(authority.server())
            writer.transport.set_write_buffer_limits(0)
            writer.write(sent)
            await writer.drain()
            below.close()
        gone.set()

    async def main() -> bytes:
        async with _stream(much) as plain:
            stream = await plain.start_tls(authority.trusted(), HOST)
            heard = b""
            while part := await stream.read(UNREAD // 8):
                await _turns()
                heard += part
            return heard

    assert run(main()) == sent


def test_a_server_that_says_nothing_to_tls_can_be_given_up(tmp_path: Path, run: Run) -> None:
    """The deadline of a request cancels it, and the connection is closed: the server hears of it."""
    heard = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            await reader.read()
        heard.set()

    async def main() -> None:
        async with await asyncio.start_server(silent, "127.0.0.1", 0) as listening:
            stream = await Network().connect_tcp("127.0.0.1", listening.sockets[0].getsockname()[1])
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(stream.start_tls(Authority(tmp_path).trusted(), HOST), 0.2)
            await heard.wait()

    run(main())


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_closed_stream_is_freed_at_once(secure: bool, tmp_path: Path, run: Run) -> None:
    """Nothing of ours waits for the cyclic collector, which looks rarely."""
    authority = Authority(tmp_path)

    async def life() -> None:
        async with _stream(_echo, authority.server() if secure else None) as stream:
            used = await stream.start_tls(authority.trusted(), HOST) if secure else stream
            await used.write(b"hello")
            await _all(used)
            await used.aclose()
        await _turns()

    async def main() -> None:
        await life()
        with none_of_ours():
            await life()

    run(main())


async def _refused(stream: Stream, trust: ssl.SSLContext) -> None:
    await Network().connect_tcp("127.0.0.1", 1)


async def _refused_at_two(stream: Stream, trust: ssl.SSLContext) -> None:
    await Network().connect_tcp("localhost", 1)


async def _given_up(stream: Stream, trust: ssl.SSLContext) -> None:
    with _deaf() as port:
        await asyncio.wait_for(Network().connect_tcp("127.0.0.1", port), 0.01)


async def _mistrusted(stream: Stream, trust: ssl.SSLContext) -> None:
    await stream.start_tls(trust, HOST)


@pytest.mark.parametrize("failing", [_refused, _refused_at_two, _given_up, _mistrusted])
def test_a_connection_that_fails_is_freed_at_once(
    failing: Callable[[Stream, ssl.SSLContext], Awaitable[None]], tmp_path: Path, run: Run
) -> None:
    """A server that cannot be reached is asked again and again."""
    ours, theirs = Authority(tmp_path), Authority(tmp_path, "Somebody Else")

    async def life() -> None:
        async with _stream(_silent, ours.server()) as stream:
            with contextlib.suppress(httpcore2.ConnectError, TimeoutError):
                await failing(stream, theirs.trusted())
        await _turns()

    async def main() -> None:
        await life()
        with none_of_ours():
            await life()

    run(main())
