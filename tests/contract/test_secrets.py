"""Who may ask, and how that is found out (docs/contract.md, AUTH)."""

import base64
import hmac
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from session_service.errors import Unauthenticated
from session_service.http.auth import Auth, Callers, Key, Throttle, key
from session_service.sessions.model import Opened
from tests.contract.clauses import clause
from tests.contract.conftest import InProcessFactory
from tests.contract.given import BODY, CLIENT_ID, HEADER, PATH, QUERY, RIGHT, SECRET
from tests.contract.in_process import Headers, InProcess
from tests.contract.sockets import Running, message

WRONG = b"sentinel-wrong-Zk3-Q9w2-p7Xv-"
BLUE, GREEN = "sentinel-blue-8fK2-q0-Wm=4", "sentinel-green-b7-Yt5-Lx31"
CLOSED: dict[str, Headers] = {
    "missing": (),
    "empty": ((HEADER, b""),),
    "wrong": ((HEADER, WRONG),),
    "wrong, of the same length": ((HEADER, b"x" * len(SECRET)),),
    "cut": ((HEADER, SECRET[:-1].encode()),),
    "extended": ((HEADER, SECRET.encode() + b"a"),),
    "in another case": ((HEADER, SECRET.swapcase().encode()),),
    "quoted": ((HEADER, b'"' + SECRET.encode() + b'"'),),
    "not ASCII": ((HEADER, b"\xff\xfe\x80"),),
    "right and not ASCII": ((HEADER, SECRET.encode() + b"\xa0"),),
    "twice, wrong first": ((HEADER, WRONG), *RIGHT),
    "twice, right first": (*RIGHT, (HEADER, WRONG)),
    "twice, both right": (*RIGHT, *RIGHT),
    "twice, joined": ((HEADER, SECRET.encode() + b", " + SECRET.encode()),),
    "with an underscore": ((HEADER.replace(b"-", b"_"), SECRET.encode()),),
}


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Every record of the service, from debug on."""
    with caplog.at_level(logging.DEBUG):
        yield caplog


@clause("AUTH-1")
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_the_secret_opens_from_its_header(endpoint: InProcess, method: str) -> None:
    """The same for both methods."""
    assert endpoint.call(method, query=QUERY, headers=RIGHT).status == 200


@clause("AUTH-1")
def test_the_header_can_be_named(in_process: InProcessFactory) -> None:
    """The default's name is then a header like any other."""
    endpoint = in_process(SESSION_SECRET_HEADER="X-Acme-Key")
    assert endpoint.get(headers=((b"x-acme-key", SECRET.encode()), (HEADER, b"no matter"))).status == 200
    assert endpoint.get(headers=RIGHT).code == "unauthenticated"


@clause("AUTH-1")
@pytest.mark.parametrize("name", [b"X-Cekura-Secret", b"X-CEKURA-SECRET", b"x-cekura-secret"])
def test_the_headers_name_counts_in_any_case(server: Running, name: bytes) -> None:
    """Field names have no case (RFC 9110, 5.1)."""
    line = name + b": " + SECRET.encode()
    assert server.say(message(b"POST", PATH.encode(), line, secret=None)).status == 200


@clause("AUTH-1")
@pytest.mark.parametrize("name", [b"authorization", b"cookie", b"x-api-key", b"proxy-authorization"])
def test_the_secret_opens_from_no_other_header(endpoint: InProcess, name: bytes) -> None:
    """Bare, as a bearer token and as a password."""
    basic = b"Basic " + base64.b64encode(f"{CLIENT_ID}:{SECRET}".encode())
    for value in (SECRET.encode(), b"Bearer " + SECRET.encode(), basic):
        assert endpoint.call(headers=((name, value),)).code == "unauthenticated"


@clause("AUTH-1")
def test_the_secret_opens_from_neither_query_nor_body(endpoint: InProcess) -> None:
    """Addresses are logged everywhere, and a body is read by those whom the header let in."""
    query = f"client_id={CLIENT_ID}&secret={SECRET}&x-cekura-secret={SECRET}".encode()
    body = json.dumps({"client_id": CLIENT_ID, "secret": SECRET, "X-Cekura-Secret": SECRET}).encode()
    assert endpoint.get(query, headers=()).code == "unauthenticated"
    assert endpoint.call(query=query, headers=(), body=body).code == "unauthenticated"


@clause("AUTH-2", "AUTH-3", "REF-6")
@pytest.mark.parametrize("headers", CLOSED.values(), ids=CLOSED.keys())
def test_what_opens_nothing_looks_the_same(endpoint: InProcess, headers: Headers) -> None:
    """Whoever tries secrets learns nothing from the answer but that it was none."""
    refused, plain = endpoint.get(headers=headers), endpoint.get(headers=((HEADER, WRONG),))
    assert refused.status == 401
    assert refused.without_request_id() == plain.without_request_id()
    assert refused.header("www-authenticate") == "SharedSecret"


@clause("AUTH-2")
def test_bytes_beyond_ascii_are_a_wrong_secret(server: Running) -> None:
    """Over a socket as well: 401 and no fault of ours."""
    assert server.say(message(secret="schlüssel".encode())).status == 401
    assert server.say(message(secret=bytes(range(0x80, 0x100)))).status == 401


@clause("AUTH-3")
@pytest.mark.parametrize(("first", "second"), [(SECRET.encode(), WRONG), (WRONG, SECRET.encode())])
def test_a_secret_sent_twice_is_refused_in_both_orders(server: Running, first: bytes, second: bytes) -> None:
    """A proxy may look at the other one."""
    assert server.say(message(b"POST", PATH.encode(), HEADER + b": " + second, secret=first)).status == 401


@clause("AUTH-4")
@pytest.mark.parametrize("around", [b" %s", b"%s ", b"\t %s \t"])
def test_white_space_around_the_value_does_not_count(server: Running, around: bytes) -> None:
    """Blanks and tabs; it is not the caller's to say how a header is written."""
    assert server.say(message(secret=around % SECRET.encode())).status == 200


@clause("AUTH-5")
def test_each_live_secret_opens_and_its_label_is_logged(
    in_process: InProcessFactory, log: pytest.LogCaptureFixture
) -> None:
    """So that an operator sees when the old one is no longer sent."""
    endpoint = in_process(SESSION_SECRETS=f"blue={BLUE}, green={GREEN}")
    for secret in (SECRET, BLUE, GREEN):
        assert endpoint.get(headers=((HEADER, secret.encode()),)).status == 200
    calls = [vars(record) for record in log.records if vars(record).get("event") == "call"]
    assert [call["secret"] for call in calls] == ["default", "blue", "green"]


@clause("AUTH-5")
def test_no_secret_reaches_the_log(in_process: InProcessFactory, log: pytest.LogCaptureFixture) -> None:
    """Right ones, wrong ones, and what the answer holds: searched in all that a record carries."""
    endpoint = in_process(SESSION_SECRETS=f"blue={BLUE}", SESSION_ENCRYPTION_MODE="aes_256_gcm2")
    answers = [endpoint.get(headers=((HEADER, secret),)) for secret in (SECRET.encode(), BLUE.encode(), WRONG)]
    details = [answer.json() for answer in answers[:2]]
    hidden = [SECRET, BLUE, WRONG.decode()]
    hidden += [one[name] for one in details for name in ("agora_token", "encryption_key", "encryption_salt")]
    written = repr([vars(record) for record in log.records])
    assert not [secret for secret in hidden if secret in written]


class CountedKey(Key):
    """A key that notes each time somebody looks at its digest."""

    looked: list[str]

    def __getattribute__(self, name: str) -> object:
        if name == "digest":
            CountedKey.looked.append(object.__getattribute__(self, "opens").label)
        return super().__getattribute__(name)


@clause("AUTH-6")
@pytest.mark.parametrize("secret", [b"first", b"third", b"none", b""])
def test_every_live_secret_is_compared_on_every_call(secret: bytes) -> None:
    """The loop does not end where it finds, and digests are of one length."""
    offer: object = None
    labels = ("first", "second", "third")
    plain = [key(label.encode(), Opened(offer, label)) for label in labels]  # type: ignore[arg-type]  # not looked at
    auth = Auth("X-Secret", [CountedKey(one.digest, one.opens) for one in plain], Callers((), ()), Throttle(9, float))
    CountedKey.looked = []
    with suppress(Unauthenticated):
        auth.opened({"client": None, "headers": [(b"x-secret", secret)]})
    assert CountedKey.looked == list(labels)


@clause("AUTH-6")
def test_keys_are_digests_of_one_length() -> None:
    """The time of a comparison tells nothing of a secret's length."""
    offer: object = None
    digests = [key(b"x" * length, Opened(offer, "x")).digest for length in (1, 24, 400)]  # type: ignore[arg-type]
    assert {len(digest) for digest in digests} == {32}
    assert not hmac.compare_digest(digests[0], digests[1])


@clause("AUTH-7")
@pytest.mark.parametrize("method", [b"POST", b"GET"])
def test_a_wrong_secret_is_answered_before_any_byte_of_the_body(server: Running, method: bytes) -> None:
    """A kilobyte is announced and nothing is sent."""
    refused = server.say(message(method, secret=WRONG, length=1024, body=b""))
    assert refused.code == "unauthenticated"


@clause("AUTH-7")
def test_a_wrong_secret_comes_before_every_fault_of_the_body(endpoint: InProcess) -> None:
    """Media type, size, JSON and client id are nobody's business without a secret."""
    for content_type, body in ((b"text/plain", BODY), (b"application/json", b"{"), (b"application/json", b"{}")):
        headers = ((HEADER, WRONG), (b"content-type", content_type), (b"content-length", b"9999999"))
        assert endpoint.call(headers=headers, body=body).code == "unauthenticated"


@clause("AUTH-7")
def test_only_a_right_secret_is_invited_to_send_its_body(server: Running) -> None:
    """Expect: 100-continue is there to save the body."""
    with server.connect() as connection:
        connection.send(message(b"POST", PATH.encode(), b"Expect: 100-continue", length=len(BODY), body=b""))
        assert connection.line() == b"HTTP/1.1 100 Continue\r\n"
        assert connection.line() == b"\r\n"
        connection.send(BODY)
        assert connection.answer().status == 200


@clause("AUTH-7")
@pytest.mark.parametrize("secret", [WRONG, None])
def test_a_wrong_secret_is_not_invited_to_send_its_body(server: Running, secret: bytes | None) -> None:
    """The first line that comes is the refusal's."""
    expect = message(b"POST", PATH.encode(), b"Expect: 100-continue", secret=secret, length=1024, body=b"")
    assert server.say(expect).status == 401


@pytest.fixture
def two_clients(in_process: InProcessFactory, tmp_path: Path) -> InProcess:
    """The clients blue and green, each with a secret of its own, as a TOML file makes them."""
    file = tmp_path / "clients.toml"
    file.write_text(
        f'[clients.blue]\nclient_id = "blue-id"\nsecret = "{BLUE}"\n'
        f'[clients.green]\nclient_id = "green-id"\nsecret = "{GREEN}"\n'
        'app_id = "0123456789abcdef0123456789abcdef"\n'
    )
    return in_process(SESSION_CONFIG=str(file), SESSION_SECRET="", SESSION_CLIENT_ID="")


@clause("AUTH-8")
def test_a_secret_opens_its_own_client(two_clients: InProcess) -> None:
    """And gets that client's own Agora project."""
    for secret, client_id, project in ((BLUE, "blue-id", "970C"), (GREEN, "green-id", "0123")):
        found = two_clients.get(f"client_id={client_id}".encode(), headers=((HEADER, secret.encode()),))
        assert found.json()["agora_app_id"].startswith(project)


@clause("AUTH-8")
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_another_clients_id_is_refused_like_an_unknown_one(two_clients: InProcess, method: str) -> None:
    """Byte for byte: nobody can ask us who else is a client."""

    def refused(secret: str, client_id: str) -> tuple[int, list[tuple[str, str]], bytes]:
        body = json.dumps({"client_id": client_id}).encode()
        query, headers = f"client_id={client_id}".encode(), ((HEADER, secret.encode()),)
        return two_clients.call(method, query=query, body=body, headers=headers).without_request_id()

    assert refused(BLUE, "green-id") == refused(BLUE, "nobody-s") == refused(GREEN, "blue-id")
    assert refused(BLUE, "green-id")[0] == 403


@clause("AUTH-9")
def test_calls_from_elsewhere_are_refused_whatever_their_secret(in_process: InProcessFactory) -> None:
    """Single addresses, networks, and IPv4 in IPv6 clothes."""
    endpoint = in_process(SESSION_CALLER_NETWORKS="203.0.113.7 198.51.100.0/24 2001:db8::/32")
    for address in ("203.0.113.7", "198.51.100.200", "2001:db8::1", "::ffff:203.0.113.7"):
        assert endpoint.call(address=address).status == 200
    for address in ("203.0.113.8", "127.0.0.1", "2001:db9::1", "::ffff:203.0.113.8", "", "unix"):
        for headers in (RIGHT, ()):
            assert endpoint.call(address=address, headers=headers).code == "caller_not_allowed"


def from_proxy(endpoint: InProcess, *forwarded: bytes, peer: str = "10.0.0.1") -> int:
    """The status of a right call with these X-Forwarded-For headers."""
    headers = tuple((b"x-forwarded-for", value) for value in forwarded)
    return endpoint.call(address=peer, headers=(*RIGHT, *headers)).status


@clause("AUTH-10")
def test_the_nearest_address_that_is_no_proxy_is_the_caller(in_process: InProcessFactory) -> None:
    """What stands further left was written by whoever called."""
    endpoint = in_process(SESSION_CALLER_NETWORKS="203.0.113.7", SESSION_TRUSTED_PROXIES="10.0.0.0/8")
    assert from_proxy(endpoint, b"203.0.113.7") == 200
    assert from_proxy(endpoint, b"192.0.2.1, 203.0.113.7, 10.9.9.9") == 200
    assert from_proxy(endpoint, b"192.0.2.1", b"203.0.113.7,10.9.9.9") == 200
    assert from_proxy(endpoint, b"203.0.113.7, 192.0.2.1") == 403
    assert from_proxy(endpoint, b"203.0.113.7, \xff") == 403
    assert from_proxy(endpoint, b"203.0.113.7:1234") == 403
    assert from_proxy(endpoint) == 403


@clause("AUTH-10")
def test_anybody_elses_forwarded_for_is_ignored(in_process: InProcessFactory) -> None:
    """With proxies configured and without."""
    trusting = in_process(SESSION_CALLER_NETWORKS="203.0.113.7", SESSION_TRUSTED_PROXIES="10.0.0.0/8")
    assert from_proxy(trusting, b"203.0.113.7", peer="192.0.2.1") == 403
    plain = in_process(SESSION_CALLER_NETWORKS="203.0.113.7")
    assert from_proxy(plain, b"203.0.113.7") == 403
    assert from_proxy(plain, b"192.0.2.1", peer="203.0.113.7") == 200


class Clock:
    """A monotonic clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        """The time, in seconds."""
        return self.now


@clause("AUTH-11", "REF-2")
def test_wrong_secrets_are_throttled_and_right_ones_are_not(in_process: InProcessFactory) -> None:
    """The platform may share an address with whoever tries secrets."""
    clock = Clock()
    endpoint = in_process(clock, SESSION_AUTH_FAILURES="3")
    codes = [endpoint.get(headers=((HEADER, WRONG),)).code for _ in range(5)]
    assert codes == ["unauthenticated"] * 3 + ["too_many_failures"] * 2
    assert endpoint.get().status == 200
    assert endpoint.call(address="192.0.2.1", headers=((HEADER, WRONG),)).code == "unauthenticated"


@clause("AUTH-11", "REF-2")
def test_the_throttle_lets_go_after_the_time_that_it_told(in_process: InProcessFactory) -> None:
    """Retry-After is in whole seconds, and true."""
    clock = Clock()
    endpoint = in_process(clock, SESSION_AUTH_FAILURES="3")
    refused = [endpoint.get(headers=((HEADER, WRONG),)) for _ in range(4)][-1]
    clock.now += int(refused.header("retry-after") or "0")
    assert [endpoint.get(headers=((HEADER, WRONG),)).status for _ in range(2)] == [401, 429]
