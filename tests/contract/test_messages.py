"""HTTP messages that no client library sends, over a socket (docs/contract.md, CAP)."""

import pytest

from session_service.http.connection import MAX_WAITING
from tests.contract.answers import Answer
from tests.contract.clauses import clause
from tests.contract.conftest import RunningFactory
from tests.contract.given import BODY, HEADER, PATH, QUERY, SECRET
from tests.contract.sockets import Running, message

TARGET = PATH.encode()
CHUNKED = b"Transfer-Encoding: chunked"
MEBIBYTE = b" " * (1 << 20)


def chunks(*parts: bytes, trailers: bytes = b"") -> bytes:
    """A chunked body, with its end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n" + trailers + b"\r\n"


def chunked(body: bytes, *extra: bytes, secret: bytes | None = SECRET.encode(), host: bytes | None = b"x") -> bytes:
    """A POST whose body is sent as it stands, under Transfer-Encoding: chunked."""
    return message(b"POST", TARGET, CHUNKED, *extra, secret=secret, host=host, length=-1, body=body)


def of_size(size: int) -> bytes:
    """A right call whose request line and headers have exactly so many bytes."""
    return message(b"POST", TARGET, b"X: " + b"x" * (size - len(message(b"POST", TARGET, b"X: ")) + len(BODY)))


def ended_with(server: Running, data: bytes) -> tuple[Answer, bytes]:
    """The answer to `data`, and what follows it: nothing, once the server has closed."""
    with server.connect() as connection:
        connection.send(data)
        return connection.answer(), connection.line()


@clause("CAP-1")
def test_the_header_block_is_capped_at_16_kib(server: Running) -> None:
    """To the byte."""
    assert server.say(of_size(16 * 1024)).status == 200
    assert server.say(of_size(16 * 1024 + 1)).code == "headers_too_large"


@clause("CAP-1", "CAP-9")
@pytest.mark.parametrize(
    "data",
    [
        message(b"POST", TARGET, b"X: " + MEBIBYTE),
        message(b"POST", TARGET + b"?" + MEBIBYTE.replace(b" ", b"a")),
        message(b"POST", TARGET, MEBIBYTE.replace(b" ", b"n") + b": x"),
        b"POST " + TARGET + b" HTTP/1.1\r\nHost: x\r\nX: " + MEBIBYTE,
        b"POST " + TARGET + b" HTTP/1.1\r\n" + b"a: b\r\n" * 100_000,
    ],
    ids=["value", "target", "name", "line that never ends", "block that never ends"],
)
def test_a_mebibyte_of_headers_is_refused(server: Running, data: bytes) -> None:
    """At once, without waiting for its end."""
    refused, rest = ended_with(server, data)
    assert (refused.code, rest) == ("headers_too_large", b"")


@clause("CAP-1")
def test_dribbled_headers_are_refused_as_well(server: Running) -> None:
    """A kilobyte at a time, in a line that never ends."""
    with server.connect() as connection:
        connection.send(b"POST " + TARGET + b" HTTP/1.1\r\nHost: x\r\nX: ")
        for _ in range(17):
            connection.send(b"x" * 1024)
        assert connection.answer().code == "headers_too_large"


@clause("CAP-1")
def test_a_right_call_may_come_byte_by_byte(server: Running) -> None:
    """What is counted is bytes, not packets."""
    with server.connect() as connection:
        for byte in message():
            connection.send(bytes((byte,)))
        assert connection.answer().status == 200


@clause("CAP-1", "ANS-6", "CAP-9")
@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_the_cap_holds_for_a_message_behind_another(server: Running, end: bytes) -> None:
    """Which is answered all the same, first."""
    with server.connect() as connection:
        connection.send(message() + message(b"POST", TARGET, b"X: " + b"x" * 60_000)[:-50] + end)
        assert connection.answer().status == 200
        connection.send(b"x" * 17_000)
        assert connection.answer().code == "headers_too_large"


@clause("CAP-2")
def test_a_hundred_headers_are_served_and_no_more(server: Running) -> None:
    """Host, secret and Content-Length count as well."""
    lines = [b"X-%d: x" % number for number in range(98)]
    assert server.say(message(b"POST", TARGET, *lines[:97])).status == 200
    assert server.say(message(b"POST", TARGET, *lines)).code == "headers_too_large"


@clause("CAP-3")
def test_a_body_of_16_kib_is_served_and_no_more(server: Running) -> None:
    """White space around JSON is JSON; announced or chunked."""
    fitting = BODY.ljust(16 * 1024)
    assert server.say(message(body=fitting)).status == 200
    assert server.say(chunked(chunks(fitting[:9000], fitting[9000:]))).status == 200
    assert server.say(message(body=fitting + b" ")).code == "body_too_large"
    assert server.say(chunked(chunks(fitting, b" "))).code == "body_too_large"


@clause("CAP-3", "REF-4")
@pytest.mark.parametrize(
    "data", [message(body=MEBIBYTE), chunked(chunks(MEBIBYTE)), chunked(chunks(*[b" " * 999] * 1050))]
)
def test_a_mebibyte_of_body_is_refused_and_the_connection_lives(server: Running, data: bytes) -> None:
    """Its caller has sent it all and reads its answer."""
    with server.connect() as connection:
        connection.send(data + message())
        assert [connection.answer().status for _ in range(2)] == [413, 200]


@clause("CAP-3")
def test_an_announced_mebibyte_is_refused_before_it_comes(server: Running) -> None:
    """Nothing of it was sent."""
    assert server.say(message(length=1 << 20, body=b"")).code == "body_too_large"


@clause("CAP-4")
@pytest.mark.parametrize(
    "data",
    [
        message(host=None),
        message(b"POST", TARGET, b"Host: localhost"),
        message(b"POST", TARGET, b"hOST: other"),
        message(b"POST", TARGET, b"Host: other", version=b"1.0"),
        message(b"POST", b"http://localhost" + TARGET, host=None),
    ],
    ids=["none", "the same twice", "two", "two in 1.0", "absolute form alone"],
)
def test_a_request_has_one_host(server: Running, data: bytes) -> None:
    """RFC 9112, 3.2."""
    assert server.say(data).code == "bad_request"


@clause("CAP-4")
def test_http_1_0_may_leave_host_out(server: Running) -> None:
    """The connection ends with the answer, as was usual then."""
    answer, rest = ended_with(server, message(host=None, version=b"1.0"))
    assert (answer.status, answer.header("connection"), rest) == (200, "close", b"")


@clause("CAP-5", "CAP-9")
@pytest.mark.parametrize(
    "data",
    [
        message(b"POST", TARGET, CHUNKED),
        chunked(chunks(BODY), b"Content-Length: 1"),
        message(b"POST", TARGET, b"Content-Length: 3"),
        message(b"POST", TARGET, b"Content-Length: %d" % len(BODY)),
        message(b"POST", TARGET, b"Content-Length: -1", length=-1),
        message(b"POST", TARGET, b"Content-Length: +27", length=-1),
        message(b"POST", TARGET, b"Content-Length: 0x1b", length=-1),
        message(b"POST", TARGET, b"Content-Length: " + b"9" * 5000, length=-1),
        message(b"POST", TARGET, b"Transfer-Encoding: gzip", length=-1),
        chunked(b"zz\r\n" + BODY),
        chunked(b"-1\r\n" + BODY),
        chunked(b"fffffffffffffffff\r\n" + BODY),
        message(b"POST", TARGET, b"X: 1\r\n folded"),
        message(b"POST", TARGET, HEADER + b":\r\n " + SECRET.encode(), secret=None),
        message(b"POST", TARGET, HEADER + b" : " + SECRET.encode(), secret=None),
        message(b"POST", TARGET, b"no colon"),
        message(b"POST", TARGET, b"X: \x00"),
        message(b"POST", TARGET, b": no name"),
        message().replace(b"\r\n", b"\n"),
        message(version=b"1.2"),
        message(target=b"/\xff"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)  # fmt: skip
def test_a_message_whose_end_is_in_doubt_is_refused(server: Running, data: bytes) -> None:
    """And nothing behind it is believed: the connection ends."""
    refused, rest = ended_with(server, data + message())
    assert (refused.status, refused.code, rest) == (400, "bad_request", b"")
    assert refused.header("connection") == "close"


@clause("CAP-5")
def test_a_body_that_breaks_later_is_refused(server: Running) -> None:
    """The call was under way, and is given up."""
    with server.connect() as connection:
        connection.send(chunked(b"5\r\n" + BODY[:5] + b"\r\n"))
        connection.send(b"broken\r\n")
        assert (connection.answer().code, connection.line()) == ("bad_request", b"")


@clause("CAP-5")
def test_a_body_that_breaks_after_its_refusal_is_not_answered_twice(server: Running) -> None:
    """A second answer would be taken for that of the next request."""
    with server.connect() as connection:
        connection.send(chunked(b"5\r\n" + BODY[:5] + b"\r\n", secret=b"wrong"))
        assert connection.answer().status == 401
        connection.send(b"broken\r\n")
        assert connection.line() == b""


@clause("CAP-6")
def test_a_trailer_adds_neither_a_secret_nor_a_host(server: Running) -> None:
    """A trailer is read after the decision that it would change."""
    secret = HEADER + b": " + SECRET.encode() + b"\r\n"
    assert server.say(chunked(chunks(BODY, trailers=secret), secret=None)).code == "unauthenticated"
    assert server.say(chunked(chunks(BODY, trailers=b"Host: x\r\n"), host=None)).code == "bad_request"
    assert server.say(chunked(chunks(BODY, trailers=secret + b"Host: y\r\nContent-Type: text/plain\r\n"))).status == 200


UPGRADE = (b"Connection: Upgrade, HTTP2-Settings", b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")


@clause("CAP-7", "REF-4")
@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"HTTP/2.0", b"x" * 2000])
@pytest.mark.parametrize("framing", ["length", "chunks", "query"])
def test_a_request_to_upgrade_is_one_like_any_other(server: Running, protocol: bytes, framing: str) -> None:
    """curl --http2 sends its JSON with one; a second call on the connection is served as well."""
    lines = (*UPGRADE, b"Upgrade: " + protocol)
    sent = {
        "length": message(b"POST", TARGET, *lines),
        "chunks": chunked(chunks(BODY, trailers=b"X: x\r\n"), *lines),
        "query": message(b"GET", TARGET + b"?" + QUERY, *lines, length=-1, body=b""),
    }[framing]
    with server.connect() as connection:
        connection.send(sent + message() + sent)
        assert [connection.answer().status for _ in range(3)] == [200, 200, 200]


@clause("CAP-7")
@pytest.mark.parametrize("size", [1, 7, 100])
def test_the_body_of_a_request_to_upgrade_may_come_later(server: Running, size: int) -> None:
    """In pieces of any size."""
    sent = message(b"POST", TARGET, *UPGRADE, b"Upgrade: h2c") + message(secret=b"wrong")
    with server.connect() as connection:
        for start in range(0, len(sent), size):
            connection.send(sent[start : start + size])
        assert [connection.answer().status for _ in range(2)] == [200, 401]


@clause("CAP-7", "CAP-3", "CAP-5")
@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (message(b"POST", TARGET, *UPGRADE, b"Upgrade: h2c", body=MEBIBYTE), "body_too_large"),
        (chunked(b"zz\r\n", *UPGRADE, b"Upgrade: h2c"), "bad_request"),
        (message(b"POST", TARGET, b"Transfer-Encoding: gzip", *UPGRADE, b"Upgrade: h2c", length=-1), "bad_request"),
        (message(b"POST", TARGET, *UPGRADE, b"Upgrade: h2c", host=None), "bad_request"),
        (message(b"POST", TARGET, *UPGRADE, b"Upgrade: h2c", secret=b"wrong", length=99, body=b""), "unauthenticated"),
        (message(b"CONNECT", TARGET, body=b""), "method_not_allowed"),
    ],
)
def test_a_request_to_upgrade_is_held_to_every_rule(server: Running, sent: bytes, code: str) -> None:
    """Asking for another protocol opens no other way in."""
    assert server.say(sent).code == code


@clause("CAP-7")
def test_many_requests_to_upgrade_are_no_trouble(server: Running) -> None:
    """As many in one packet as are answered, and again, each answered."""
    sent = message(b"GET", b"/livez", b"Connection: Upgrade", b"Upgrade: x", length=-1, secret=None, body=b"")
    with server.connect() as connection:
        for _ in range(100):
            connection.send(sent * (MAX_WAITING + 1))
            assert {connection.answer().status for _ in range(MAX_WAITING + 1)} == {200}


@clause("CAP-8", "REF-5")
@pytest.mark.parametrize("sent", [0, 10, len(BODY)])
def test_a_caller_that_hangs_up_in_its_body_takes_no_session(running: RunningFactory, sent: int) -> None:
    """The only place that there is goes to the next call."""
    server = running(SESSION_MAX_SESSIONS="1")
    with server.connect() as connection:
        connection.send(message(length=len(BODY) + 1, body=BODY[:sent]))
    assert server.say(message()).status == 200


@clause("CAP-8")
def test_a_caller_that_says_nothing_is_no_trouble(server: Running) -> None:
    """Nor one that only sends empty lines."""
    with server.connect(), server.connect() as other:
        other.send(b"\r\n" * 50)
        assert server.say(message()).status == 200
        other.send(message())
        assert other.answer().status == 200


@clause("CAP-9", "ANS-6")
@pytest.mark.parametrize("broken", [b"garbage\r\n\r\n", message(host=None), b"POST  HTTP/1.1\r\n\r\n"])
def test_answers_before_a_broken_message_are_not_lost(server: Running, broken: bytes) -> None:
    """Two good calls, then the refusal, then the end."""
    with server.connect() as connection:
        connection.send(message() + message() + broken + message())
        assert [connection.answer().status for _ in range(3)] == [200, 200, 400]
        assert connection.line() == b""


@clause("CAP-13")
def test_requests_without_end_in_one_packet_are_not_kept(server: Running) -> None:
    """Each costs many times its bytes in memory: the first are answered, and the connection ends."""
    with server.connect() as connection:
        connection.send(5000 * message(b"GET", b"/livez", length=-1, body=b""))
        assert [connection.answer().status for _ in range(MAX_WAITING + 1)] == (MAX_WAITING + 1) * [200]
        assert (connection.answer().code, connection.line()) == ("bad_request", b"")


@clause("CAP-13")
def test_as_many_as_may_wait_are_answered_again_and_again(server: Running) -> None:
    """The cap is on what waits at once, and not on what a connection may ask."""
    with server.connect() as connection:
        for _ in range(5):
            connection.send((MAX_WAITING + 1) * message(b"GET", b"/livez", length=-1, body=b""))
            assert {connection.answer().status for _ in range(MAX_WAITING + 1)} == {200}
