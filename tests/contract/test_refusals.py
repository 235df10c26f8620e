"""What every refusal has in common, whatever was sent (docs/contract.md, REF)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.answers import Answer
from tests.contract.clauses import REFUSALS, clause
from tests.contract.conftest import InProcessFactory, RunningFactory
from tests.contract.given import BODY, HEADER, PATH, QUERY, RIGHT, SECRET, service
from tests.contract.in_process import JSON, InProcess
from tests.contract.sockets import Running, message

MARK = "zQ7-sentinel"
EACH: dict[str, tuple[dict[str, str], bytes]] = {
    "bad_request": ({}, message(host=None)),
    "malformed_body": ({}, message(body=b"[]")),
    "invalid_client_id": ({}, message(body=b"{}")),
    "unauthenticated": ({}, message(secret=None)),
    "client_not_allowed": ({}, message(body=b'{"client_id": "other"}')),
    "caller_not_allowed": ({"SESSION_CALLER_NETWORKS": "203.0.113.0/24"}, message()),
    "not_found": ({}, message(target=b"/nowhere")),
    "method_not_allowed": ({}, message(b"PUT")),
    "body_too_large": ({}, message(length=1 << 20, body=b"")),
    "unsupported_media_type": ({}, message(b"POST", PATH.encode(), b"Content-Type: text/plain")),
    "headers_too_large": ({}, message(b"POST", PATH.encode(), b"X: " + b"x" * 20_000)),
}
"""The refusals that need no agent and no second call: settings and the message that each takes."""


@pytest.fixture(scope="module")
def anybody() -> Iterator[InProcess]:
    """A service behind trusted proxies, which look at a header more, for the generated calls."""
    endpoint = InProcess(service({"SESSION_TRUSTED_PROXIES": "127.0.0.0/8"}))
    yield endpoint
    endpoint.close()


def agrees_with_the_table(answer: Answer) -> bool:
    """Whether status, sentence and Retry-After of a refusal are those of the document."""
    error = answer.json()["error"]
    _, status, sentence, _, retry = REFUSALS[error["code"]]
    return (answer.status, error["message"]) == (int(status), sentence) and (retry == "yes") == (
        answer.header("retry-after") is not None
    )


@clause("REF-1", "REF-2")
@pytest.mark.parametrize("code", EACH)
def test_a_refusal_has_one_shape(running: RunningFactory, server: Running, code: str) -> None:
    """Code, sentence and the request id of the header, and nothing beside them."""
    changes, sent = EACH[code]
    refused = (running(**changes) if changes else server).say(sent)
    assert (refused.code, set(refused.json()), set(refused.json()["error"])) == (
        code,
        {"error"},
        {"code", "message", "request_id"},
    )
    assert refused.json()["error"]["request_id"] == refused.request_id
    assert agrees_with_the_table(refused)


@clause("REF-5")
def test_refused_calls_take_no_session(in_process: InProcessFactory) -> None:
    """Dozens of them, and the only place that there is stays free."""
    endpoint = in_process(SESSION_MAX_SESSIONS="1")
    for headers in ((), RIGHT, ((HEADER, b"wrong"),), (*RIGHT, *RIGHT), (*RIGHT, (b"content-type", b"text/plain"))):
        for body in (b"", b"{", b"[]", b"{}", b'{"client_id": "other"}', b" " * 20_000):
            for method in ("POST", "GET", "HEAD", "PUT", "DELETE", "TRACE"):
                assert 400 <= endpoint.call(method, headers=headers, body=body).status < 500
    assert endpoint.call().status == 200


# Generated calls: everything at random, and everything near to the right call.
names = st.sampled_from(
    [HEADER, b"content-type", b"content-length", b"x-forwarded-for", b"expect", b"x-request-id", b"host", b"cookie"]
) | st.from_regex(rb"[a-z0-9!#$%&'*+.^_`|~-]{1,30}", fullmatch=True)
values = st.binary(max_size=60) | st.sampled_from(
    [SECRET.encode(), b"application/json", b"10", b"127.0.0.1, ::1", b"-1"]
)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9) | st.just("client_id"), inner, max_size=4)
    ),
    max_leaves=12,
)
bodies = st.binary(max_size=300) | documents.map(lambda document: json.dumps(document).encode()) | st.just(BODY)
paths = st.just(PATH) | st.text(max_size=40) | st.sampled_from(["/", "/livez", "/readyz", PATH + "/", "*", ""])
methods = st.sampled_from(["POST", "GET"]) | st.from_regex(r"[A-Z]{1,12}", fullmatch=True)


calls = st.fixed_dictionaries(
    {
        "method": methods,
        "path": paths,
        "query": st.binary(max_size=80) | st.just(QUERY),
        "headers": st.lists(st.tuples(names, values), max_size=6).flatmap(
            lambda some: st.sampled_from([some, [*some, *RIGHT]])
        ),
        "body": bodies,
    }
)


@clause("REF-4", "ANS-3", "REF-2")
@settings(max_examples=400)
@given(calls)
def test_nothing_that_is_sent_makes_a_fault(anybody: InProcess, call: dict[str, Any]) -> None:
    """Any request that a server could hand on is answered below 500, and as the table says."""
    answer = anybody.call(**call)
    assert answer.status < 500
    assert answer.header("cache-control") == "no-store"
    assert answer.request_id
    assert answer.status == 200 or agrees_with_the_table(answer)


@clause("REF-3")
@settings(max_examples=200)
@given(method=methods, tail=st.text(max_size=12), place=st.integers(0, 9), known=st.booleans())
def test_nothing_that_is_sent_is_echoed(anybody: InProcess, method: str, tail: str, place: int, known: bool) -> None:
    """A mark in each place of a request, and in none of the answer."""
    text = MARK + tail
    raw = text.encode()
    inside = json.dumps(text).encode()
    headers = [*(RIGHT if known else ()), JSON]
    places: list[dict[str, Any]] = [
        {"path": f"/{text}"},
        {"path": f"{PATH}/{text}"},
        {"query": b"client_id=" + raw},
        {"query": b"client_id=" + MARK.encode() + b"&" + MARK.encode() + b"=1"},
        {"headers": [*headers, (MARK.lower().encode(), raw), (b"x-request-id", raw), (b"origin", raw)]},
        {"headers": [(b"content-type", raw), *headers[:1]]},
        {"headers": [(HEADER, raw)]},
        {"body": b'{"client_id": ' + inside + b"}"},
        {"body": b'{"client_id": 1, ' + inside + b": " + inside + b"}"},
        {"body": raw},
    ]
    answer = anybody.call(method, **{"headers": headers, **places[place]})
    assert MARK.lower() not in (repr(answer.headers) + answer.body.decode()).lower()


@clause("REF-3")
@pytest.mark.parametrize(
    "sent",
    [
        message(MARK.encode()),
        message(target=b"/" + MARK.encode()),
        message(target=b"/\xff" + MARK.encode()),
        message(host=MARK.encode()),
        message(b"POST", PATH.encode(), b"Host: " + MARK.encode()),
        message(b"TRACE", PATH.encode(), b"X: " + MARK.encode()),
        message(b"POST", PATH.encode(), MARK.encode() + b"\x00: x"),
        message(b"POST", PATH.encode(), MARK.encode() + b": " + b"x" * 20_000),
        message(b"POST", PATH.encode(), b"Transfer-Encoding: " + MARK.encode(), length=-1),
        message(secret=MARK.encode()),
        MARK.encode() + b"\r\n\r\n",
    ],
)
def test_a_broken_message_is_not_echoed_either(server: Running, sent: bytes) -> None:
    """TRACE, which is there to echo, included."""
    refused = server.say(sent)
    assert refused.status == 200 or 400 <= refused.status < 500
    assert MARK.encode() not in repr(refused.headers).encode() + refused.body


edits = st.tuples(
    st.integers(0, len(message())),
    st.integers(0, 30),
    st.sampled_from(
        [b"", b"\r\n", b"\r\n\r\n", b"\x00", b"\xff", b" ", b":", b"Host: x\r\n", b"0\r\n", b"{", b"9" * 30]
    )
    | st.binary(max_size=10),
)


@clause("REF-4")
@settings(max_examples=150)
@given(st.lists(edits, min_size=1, max_size=4), st.booleans())
def test_no_mangled_message_makes_a_fault(server: Running, changes: list[tuple[int, int, bytes]], twice: bool) -> None:
    """The right call with pieces cut out and put in; then the server still serves."""
    sent = message() * (1 + twice)
    for at, cut, put in changes:
        sent = sent[:at] + put + sent[at + cut :]
    with server.connect() as connection:
        connection.send(sent)
        assert b"HTTP/1.1 5" not in connection.rest()
    assert server.say(message()).status == 200
