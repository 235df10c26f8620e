"""Callers that are slow or silent, over a socket (docs/contract.md, CAP-10 and CAP-11)."""

import logging
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.agora.tools import tool
from tests.contract.clauses import clause
from tests.contract.conftest import RunningFactory
from tests.contract.given import BODY, PATH, SECRET
from tests.contract.sockets import Connection, Running, message

pytestmark = pytest.mark.real  # a real server, and real seconds: twenty of them

TARGET = PATH.encode()
SHORT = 0.3
"""Seconds that a message may take here."""
PAUSE = 0.02
"""Seconds between two bytes of a caller who dribbles: a thousand of them, if each bought time, would take twenty."""
HELD = 4.0
"""Seconds for which many slow connections are there at once, while somebody else calls."""
LONG = "60"
"""Seconds after which a test of something else has failed."""
HEAD, _, _ = message().partition(b"\r\n\r\n")
ATTACKS = {
    "slow headers": ["-H"],
    "slow bodies": ["-B", "-f", f"text/plain\r\nX-Cekura-Secret: {SECRET}"],
    "slow reading": ["-X", "-k", "9"],
}


@pytest.fixture
def hasty(running: RunningFactory) -> Iterator[Running]:
    """A server that waits a moment for a message, and for a first byte longer than any test."""
    server = running(SESSION_RECEIPT_TIMEOUT=str(SHORT), SESSION_FIRST_BYTE_TIMEOUT=LONG)
    yield server
    server.until_idle()


def dribbled(connection: Connection, data: bytes) -> float:
    """Send `data` a byte at a time until the other side says something; the seconds that it took to."""
    began = time.monotonic()
    for byte in data:
        connection.send(bytes((byte,)))
        if connection.speaks(within=PAUSE):
            break
    return time.monotonic() - began


@clause("CAP-11")
def test_a_silent_connection_is_closed_without_a_word(running: RunningFactory) -> None:
    """However long a message may take: nobody has begun one."""
    server = running(SESSION_FIRST_BYTE_TIMEOUT=str(SHORT), SESSION_RECEIPT_TIMEOUT=LONG)
    with server.connect() as connection:
        assert connection.line() == b""
    server.until_idle()


@clause("CAP-10", "CAP-9")
@pytest.mark.parametrize(
    "begun",
    [b"P", b"POST " + TARGET[:5], b"POST " + TARGET + b" HTTP/1.1\r\nHost: x\r\n", HEAD, b"\r\n", message()[:-1]],
    ids=["a byte", "half a line", "half a block", "all but its end", "an empty line", "all but a byte"],
)
def test_a_message_that_stalls_is_refused(hasty: Running, begun: bytes) -> None:
    """Wherever it does, and the connection ends."""
    with hasty.connect() as connection:
        connection.send(begun)
        refused = connection.answer()
        assert (refused.status, refused.code, connection.line()) == (408, "request_timeout", b"")
    assert refused.header("connection") == "close"


@clause("CAP-10")
@pytest.mark.parametrize("begun", [HEAD + b"\r\nX: ", message(length=9000)], ids=["header", "body"])
def test_a_dribbled_message_is_refused(hasty: Running, begun: bytes) -> None:
    """Each byte is progress, and none of them buys time."""
    with hasty.connect() as connection:
        connection.send(begun)
        took = dribbled(connection, b" " * 1000)
        assert connection.answer().code == "request_timeout"
    assert SHORT - 0.1 < took < 1000 * PAUSE / 2


@clause("CAP-10", "CAP-7")
def test_a_request_to_upgrade_is_given_no_more_time(hasty: Running) -> None:
    """Its body is read by a second parser, on the clock of the first."""
    with hasty.connect() as connection:
        connection.send(message(b"POST", TARGET, b"Connection: Upgrade", b"Upgrade: h2c", length=9000))
        assert connection.answer().code == "request_timeout"


@clause("CAP-10", "ANS-6")
@pytest.mark.parametrize("begun", [b"POST " + TARGET, message(length=99)], ids=["header", "body"])
def test_a_message_that_stalls_behind_another_is_refused_in_its_turn(hasty: Running, begun: bytes) -> None:
    """The one before it has its answer."""
    with hasty.connect() as connection:
        connection.send(message() + begun)
        assert [connection.answer().status for _ in range(2)] == [200, 408]
        assert connection.line() == b""


@clause("CAP-10")
def test_a_call_that_was_answered_early_is_not_answered_twice(hasty: Running) -> None:
    """A wrong secret is told before the body comes; when it never does, the connection just ends."""
    with hasty.connect() as connection:
        connection.send(message(secret=b"wrong", length=99))
        assert connection.answer().status == 401
        assert connection.line() == b""


@clause("CAP-10")
@pytest.mark.parametrize("behind", [b"", b"POST ", message(length=99), message()], ids=["", "header", "body", "call"])
def test_a_call_that_has_arrived_is_never_cut(running: RunningFactory, behind: bytes) -> None:
    """Its agent takes longer to start than a message may to arrive, whatever else comes on the connection."""
    server = running(
        SESSION_RECEIPT_TIMEOUT="0.1",
        SESSION_LAUNCHER="process",
        SESSION_PROCESS_COMMAND="sh -c 'sleep 0.5; echo ready; exec sleep 60'",
        SESSION_PROCESS_READY="line",
    )
    with server.connect() as connection:
        connection.send(message() + behind)
        assert connection.answer().status == 200
        if behind:
            assert connection.answer().status == (200 if behind == message() else 408)


@clause("CAP-10")
def test_time_between_two_messages_does_not_count(running: RunningFactory) -> None:
    """A connection that is used again and again outlives the time of each of its messages: a second, here."""
    server, began = running(SESSION_RECEIPT_TIMEOUT="1"), time.monotonic()
    with server.connect() as connection:
        while time.monotonic() - began < 3:
            connection.send(message()[:50])
            connection.send(message()[50:])
            assert connection.answer().status == 200


@clause("CAP-10")
def test_a_caller_that_reads_slowly_gets_all_of_its_answer(hasty: Running) -> None:
    """What it takes to read is its own affair."""
    with hasty.connect() as slow, hasty.connect() as clock:
        slow.send(message())
        clock.send(b"P")
        assert clock.answer().code == "request_timeout"
        assert slow.answer().status == 200


@clause("CAP-12")
@pytest.mark.parametrize("calls", [1000, 20_000], ids=["that fit our buffers", "that do not"])
def test_a_caller_that_never_reads_is_cut_off(running: RunningFactory, calls: int) -> None:
    """Its answers would wait for it for ever, and so would the end of the service."""
    server = running(SESSION_RECEIPT_TIMEOUT=str(SHORT))
    with server.connect(window=1024) as connection:
        connection.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * calls)
        connection.send(b"GET /livez HTTP/1.0\r\n\r\n")
        server.until_idle()


@clause("CAP-10", "CAP-8", "REF-5")
def test_a_call_that_never_arrived_takes_no_session(running: RunningFactory, caplog: pytest.LogCaptureFixture) -> None:
    """The only place that there is goes to the next call, and the log names both."""
    server = running(SESSION_RECEIPT_TIMEOUT=str(SHORT), SESSION_MAX_SESSIONS="1")
    with caplog.at_level(logging.INFO), server.connect() as connection:
        connection.send(message(length=len(BODY) + 1))
        refused = connection.answer()
        assert server.say(message()).status == 200
    lines = [vars(record) for record in caplog.records if vars(record).get("event") == "call"]
    assert {"request_timeout"} == {line["outcome"] for line in lines if line["request_id"] == refused.request_id}


@clause("CAP-10", "CAP-11")
def test_hundreds_of_slow_connections_do_not_keep_a_call_from_its_answer(running: RunningFactory) -> None:
    """They are all gone afterwards."""
    server = running(SESSION_RECEIPT_TIMEOUT=str(HELD), SESSION_FIRST_BYTE_TIMEOUT=str(HELD))
    with ExitStack() as stack:
        slow = [stack.enter_context(server.connect()) for _ in range(400)]
        for connection in slow[::2]:
            connection.send(b"POST " + TARGET)
        began = time.monotonic()
        assert server.say(message()).status == 200
        assert time.monotonic() - began < HELD
        assert {connection.line()[:12] for connection in slow} == {b"", b"HTTP/1.1 408"}
    server.until_idle()


@clause("CAP-10", "CAP-12")
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_known_attack_keeps_no_call_from_its_answer(running: RunningFactory, attack: list[str]) -> None:
    """slowhttptest's, from 300 connections at once."""
    program = tool("slowhttptest", "apt-get install slowhttptest, or brew install slowhttptest")
    server = running(SESSION_RECEIPT_TIMEOUT=str(HELD), SESSION_FIRST_BYTE_TIMEOUT=str(HELD))
    url = f"http://127.0.0.1:{server.port}{PATH}"
    how = ["-c", "300", "-r", "300", "-i", "1", "-l", str(int(HELD) + 2), "-s", "9000", "-t", "POST", "-u", url]
    with subprocess.Popen([program, *attack, *how], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as attacking:
        server.until_busy(300)
        began = time.monotonic()
        assert server.say(message()).status == 200
        assert time.monotonic() - began < HELD
        assert attacking.wait(60) == 0
    server.until_idle()
