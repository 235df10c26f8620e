"""Servers that each misbehave in one named way towards whoever connects, and a call to one of them."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from socket import SO_LINGER, SOL_SOCKET

from session_service.check.asking import wire
from session_service.check.asking.messages import Body, Exchange, Request
from session_service.check.asking.wire import Limits
from session_service.check.target import Endpoint

PATIENT = Limits(30, 30)
HASTY = Limits(0.3, 0.3)
"""For servers that never come to an end: the limit is what is waited for."""

CALL = Request("POST", "/session", body=Body(b"{}"))
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Server = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def saying(*pieces: bytes) -> Server:
    """Reads the call, says the pieces, and closes."""

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.writelines(pieces)

    return server


def repeating(begin: bytes, again: bytes) -> Server:
    """Says `begin`, and then the rest for ever."""

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(0)

    return server


def holding(*pieces: bytes) -> Server:
    """Says the pieces and then nothing, with the connection left open."""

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.writelines(pieces)
        await asyncio.Event().wait()

    return server


def resetting(*pieces: bytes) -> Server:
    """Says the pieces and resets the connection, as a kernel does whose program has died."""

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.writelines(pieces)
        await writer.drain()
        writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return server


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes after the first bytes, whatever they are."""
    await reader.read(65536)


async def refusing_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers when it has read the head, and closes with the body unread."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
    await writer.drain()


@asynccontextmanager
async def listening(server: Server, tls: ssl.SSLContext | None = None) -> AsyncIterator[Endpoint]:
    """The endpoint that is served by it. Whoever is still served at the end is cut off."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await server(reader, writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield Endpoint("https" if tls else "http", "127.0.0.1", listener.sockets[0].getsockname()[1], "/session")
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def asked(
    endpoint: Endpoint,
    limits: Limits,
    request: Request = CALL,
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
) -> Exchange:
    """What becomes of one call."""
    try:
        async with wire.connected(endpoint, "127.0.0.1", limits, tls) as connection:
            return await connection.exchange(request)
    except wire.NoConnection as error:
        return Exchange(request, silence=error.silence, detail=error.detail)


def call(server: Server, limits: Limits = PATIENT, request: Request = CALL) -> Exchange:
    """The same in a loop of its own, in which no task is left behind."""

    async def made() -> Exchange:
        async with listening(server) as endpoint:
            exchange = await asked(endpoint, limits, request)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return exchange

    return asyncio.run(made())
