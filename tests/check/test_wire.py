"""One call to servers that misbehave: it ends within its limits, and what it ends with has the right name."""

import asyncio
import gzip
import os
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.check.asking.messages import Body, Exchange, Request, Silence
from session_service.check.asking.parsing import Reading, Unreadable
from session_service.check.asking.wire import connected
from session_service.check.target import Endpoint
from tests.certificates import HOST, Authority
from tests.check.misbehaving import (
    CALL,
    HASTY,
    OK,
    PATIENT,
    Server,
    asked,
    call,
    holding,
    listening,
    refusing_early,
    repeating,
    resetting,
    saying,
)

ENDS: dict[str, tuple[Server, Silence]] = {
    "closes without a word": (saying(), Silence.CLOSED),
    "closes in the head": (saying(OK), Silence.CLOSED),
    "closes in the body": (saying(OK, b"Content-Length: 9\r\n\r\n{}"), Silence.CLOSED),
    "closes in a chunk": (saying(OK, b"Transfer-Encoding: chunked\r\n\r\n9\r\n{}"), Silence.CLOSED),
    "resets without a word": (resetting(), Silence.CLOSED),
    "resets in the head": (resetting(OK), Silence.CLOSED),
    "resets in the body": (resetting(OK, b"Content-Length: 9\r\n\r\n{}"), Silence.CLOSED),
    "has endless headers": (repeating(OK, b"X-More: and more\r\n"), Silence.LONG_HEAD),
    "has a header of 10 MB": (repeating(OK + b"X-Long: ", b"a" * 65536), Silence.LONG_HEAD),
    "is endlessly about to answer": (repeating(b"", b"HTTP/1.1 102 Wait\r\n\r\n" * 50), Silence.LONG_HEAD),
    "has an endless body": (repeating(OK + b"\r\n", b"a" * 65536), Silence.LONG_BODY),
    "has endless chunks": (
        repeating(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"400\r\n" + b"a" * 1024 + b"\r\n"),
        Silence.LONG_BODY,
    ),
    "speaks HTTP/2": (saying(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"), Silence.NOT_HTTP),
    "sends HTTP/2's preface": (holding(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Silence.NOT_HTTP),
    "sends a TLS alert": (holding(b"\x15\x03\x01\x00\x02\x02\x46"), Silence.NOT_HTTP),
    "is an SSH server": (holding(b"SSH-2.0-OpenSSH_9.2\r\n"), Silence.NOT_HTTP),
    "is a Redis server": (holding(b"-ERR wrong number of arguments\r\n"), Silence.NOT_HTTP),
    "has a status that is none": (saying(b"HTTP/1.1 yes OK\r\n\r\n"), Silence.NOT_HTTP),
    "has a header that is none": (saying(OK, b"no colon\r\n\r\n"), Silence.NOT_HTTP),
    "has two lengths": (saying(OK, b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"), Silence.NOT_HTTP),
    "has a broken chunk": (saying(OK, b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n"), Silence.NOT_HTTP),
}

NEVER_ENDS: dict[str, tuple[Server, Silence]] = {
    "is silent": (holding(), Silence.NO_ANSWER),
    "stops in the status line": (holding(b"HTT"), Silence.SLOW_ANSWER),
    "stops in the head": (holding(OK), Silence.SLOW_ANSWER),
    "stops in the body": (holding(OK, b"Content-Length: 9\r\n\r\n{}"), Silence.SLOW_ANSWER),
    "leaves the end open": (holding(OK, b"\r\n{}"), Silence.SLOW_ANSWER),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_is_no_answer_has_a_name(name: str) -> None:
    """At once, without waiting for a limit."""
    server, silence = ENDS[name]
    exchange = call(server)
    assert (exchange.answer, exchange.silence) == (None, silence)


@pytest.mark.parametrize("name", NEVER_ENDS)
def test_what_never_ends_is_left_at_the_limit(name: str) -> None:
    """Whatever has come by then."""
    server, silence = NEVER_ENDS[name]
    assert call(server, HASTY).silence is silence


def test_bytes_that_drip_do_not_prolong_the_wait() -> None:
    """The limit is for the whole answer."""

    async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in OK * 1000:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.01)

    assert call(dripping, HASTY).silence is Silence.SLOW_ANSWER


def test_other_protocols_are_named_by_their_first_bytes() -> None:
    """So that the reader of a report knows what listens there."""
    assert call(holding(b"\x15\x03\x01\x00\x02\x02\x46")).detail == "it is TLS: the port wants https"
    assert call(holding(b"SSH-2.0-x\r\n")).detail == "it is an SSH server"


def test_a_closed_port_is_refused() -> None:
    """And no exception of asyncio gets out."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = Endpoint("http", "127.0.0.1", unused.getsockname()[1], "/")
        assert asyncio.run(asked(endpoint, PATIENT)).silence is Silence.REFUSED


def test_a_black_hole_is_a_connection_that_takes_too_long() -> None:
    """A queue that nobody empties drops what comes, as a firewall does."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        endpoint = Endpoint("http", "127.0.0.1", listener.getsockname()[1], "/")
        assert asyncio.run(asked(endpoint, HASTY)).silence is Silence.CONNECT_TIMEOUT


def test_a_server_that_does_not_answer_a_handshake_is_left() -> None:
    """It took the connection, so that it is no black hole."""

    async def made() -> Silence | None:
        async with listening(holding()) as plain:
            endpoint = Endpoint("https", "127.0.0.1", plain.port, "/")
            return (await asked(endpoint, HASTY)).silence

    assert asyncio.run(made()) is Silence.NO_HANDSHAKE


def test_an_answer_before_the_request_was_read_is_an_answer() -> None:
    """A server that refuses a long body closes with most of it unread, and its kernel resets the connection."""
    long = Request("POST", "/session", body=Body(b"a" * 1024 * 1024))
    assert call(refusing_early, request=long).status == 413


def test_a_reset_behind_the_answer_changes_nothing() -> None:
    """What came before it counts."""
    assert call(resetting(OK, b"Content-Length: 2\r\n\r\n{}")).status == 200


def test_bare_line_feeds_are_line_ends() -> None:
    """RFC 9112, 2.2 lets a reader take them."""
    assert call(saying(b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}")).status == 200


def test_an_encoded_body_stays_as_it_came() -> None:
    """Nobody asked for it, and whoever judges the answer has to see that."""
    packed = gzip.compress(b"{}")
    exchange = call(saying(OK, b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed), packed))
    assert exchange.answer
    assert exchange.answer.body == packed


def test_an_interim_answer_is_passed_over() -> None:
    """RFC 9110, 15.2: the final one follows."""
    exchange = call(saying(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", OK, b"Content-Length: 2\r\n\r\n{}"))
    assert exchange.status == 200


def test_a_body_may_end_with_the_connection() -> None:
    """As in HTTP/1.0, and then nothing can follow on it."""
    exchange = call(saying(b"HTTP/1.0 200 OK\r\n\r\n{}"))
    assert exchange.answer
    assert (exchange.answer.body, exchange.answer.kept) == (b"{}", False)


def test_bytes_behind_the_answer_are_seen() -> None:
    """An answer that announces too little, or two answers to one call."""
    exchange = call(saying(OK, b"Content-Length: 2\r\n\r\n{}garbage"))
    assert exchange.answer
    assert (exchange.answer.body, exchange.answer.excess) == (b"{}", True)


def test_a_connection_carries_two_calls() -> None:
    """Each with the answer of its own."""

    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for status in (b"201", b"202"):
            await reader.readuntil(b"{}")
            writer.write(b"HTTP/1.1 " + status + b" OK\r\nContent-Length: 0\r\n\r\n")

    async def made() -> list[int | None]:
        async with listening(twice) as endpoint, connected(endpoint, "127.0.0.1", PATIENT) as connection:
            return [(await connection.exchange(CALL, keep=True)).status for _ in range(2)]

    assert asyncio.run(made()) == [201, 202]


def _read(pieces: list[bytes]) -> tuple[int, object, bytes] | Silence:
    coming = iter(pieces)

    async def read() -> bytes:
        return next(coming, b"")

    reading = Reading("POST")
    try:
        asyncio.run(reading.finish(read))
    except Unreadable as error:
        return error.silence
    return reading.status, reading.headers, bytes(reading.body)


_LINES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 100 Wait",
        b"Content-Length: 2",
        b"Transfer-Encoding: chunked",
        b"",
        b"{}",
        b"2",
        b"0",
    ]
)


@given(st.lists(_LINES | st.binary(max_size=8), max_size=8), st.lists(st.integers(0, 80), max_size=5))
def test_it_does_not_matter_how_an_answer_is_cut(lines: list[bytes], cuts: list[int]) -> None:
    """The same bytes are the same answer, or the same silence, in whatever pieces they come."""
    whole = b"\r\n".join(lines)
    marks = [0, *sorted(cuts), len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(marks)]
    assert _read([piece for piece in pieces if piece]) == _read([whole] if whole else [])


def _over_tls(authority: Authority, server: Server) -> Exchange:
    async def asking() -> Exchange:
        async with listening(server, authority.server()) as found:
            return await asked(replace(found, host=HOST), PATIENT, tls=authority.trusted)

    return asyncio.run(asking())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.mark.parametrize("framing", [b"Content-Length: 2\r\n\r\n{}", b"\r\n{}"])
def test_tls_that_ends_without_saying_so_is_an_end(authority: Authority, framing: bytes) -> None:
    """Many servers leave out close_notify; what came before counts."""

    async def cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(OK + framing)
        await writer.drain()
        with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as plain:
            plain.shutdown(socket.SHUT_WR)

    assert _over_tls(authority, cut_off).status == 200


def test_a_tls_alert_instead_of_an_answer_is_told(authority: Authority) -> None:
    """A server that wants a client's certificate says so only when the handshake is over, in TLS 1.3."""
    demanding = authority.server()
    demanding.verify_mode = ssl.CERT_REQUIRED

    def serve(listener: socket.socket) -> None:
        taken, _ = listener.accept()
        with socket.socket(fileno=os.dup(taken.fileno())) as plain:
            secured = demanding.wrap_socket(taken, server_side=True, do_handshake_on_connect=False)
            with secured, suppress(ssl.SSLError):
                secured.do_handshake()
            plain.recv(65536)  # what is left unread would make the kernel reset the connection, and overtake the alert

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        where = Endpoint("https", HOST, listener.getsockname()[1], "/")
        exchange = asyncio.run(asked(where, PATIENT, tls=authority.trusted))
        thread.join(30)
    assert exchange.silence is Silence.TLS
    assert "certificate required" in exchange.detail


def test_garbage_in_the_middle_of_tls_is_told(authority: Authority) -> None:
    """Bytes that are no TLS record, behind a handshake that was sound."""

    async def garbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as plain:
            plain.send(b"HTTP/1.1 500 Oops\r\n\r\n")
        await asyncio.Event().wait()

    assert _over_tls(authority, garbling).silence is Silence.TLS
