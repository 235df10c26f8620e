"""What a session is answered with, and what its token opens (docs/contract.md, ANS and TOK)."""

import json
import re
from base64 import b64decode

import pytest

from session_service.agora import encryption, identifiers, tokens
from tests.contract import callables
from tests.contract.clauses import clause
from tests.contract.conftest import InProcessFactory
from tests.contract.given import APP_ID, CERTIFICATE, HEADER, PATH, QUERY, RIGHT
from tests.contract.in_process import InProcess
from tests.contract.sockets import Running, message
from tests.virtual_time import NOW

PLAIN = {"agora_app_id", "agora_channel", "agora_token"}
ENCRYPTED = PLAIN | {"encryption_mode", "encryption_key"}
PYTHON = {"SESSION_LAUNCHER": "python", "SESSION_PYTHON_CALLABLE": "tests.contract.callables:stays"}


@clause("ANS-1")
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_session_is_exactly_the_contracts_fields(endpoint: InProcess, method: str) -> None:
    """200 and three strings, nothing beside them."""
    answer = endpoint.call(method, query=QUERY)
    assert (answer.status, set(answer.json())) == (200, PLAIN)
    assert all(isinstance(value, str) and value for value in answer.json().values())
    assert answer.json()["agora_app_id"] == APP_ID


@clause("ANS-2")
@pytest.mark.parametrize("mode", encryption.MODES.values(), ids=encryption.MODES.keys())
def test_an_encrypted_channel_has_the_fields_of_its_mode(in_process: InProcessFactory, mode: encryption.Mode) -> None:
    """The salt is there where the mode takes one, and absent where it does not."""
    details = in_process(SESSION_ENCRYPTION_MODE=mode.name).call().json()
    assert set(details) == ENCRYPTED | ({"encryption_salt"} if mode.salted else set())
    assert details["encryption_mode"] == mode.name
    assert details["encryption_key"]
    assert not mode.salted or len(b64decode(details["encryption_salt"], validate=True)) == 32


@clause("ANS-2")
def test_derived_keys_are_answered_in_the_same_fields(in_process: InProcessFactory) -> None:
    """Where the key comes from is nobody's business but ours."""
    derived = {"SESSION_ENCRYPTION_SOURCE": "derived", "SESSION_ENCRYPTION_MASTER_KEY": bytes(range(32)).hex()}
    details = in_process(SESSION_ENCRYPTION_MODE="aes_256_gcm2", **derived).call().json()
    assert set(details) == ENCRYPTED | {"encryption_salt"}


@clause("ANS-3", "PRO-3")
@pytest.mark.parametrize("path", [PATH, PATH + "/", "/livez", "/readyz", "/", "/nowhere", "//"])
@pytest.mark.parametrize("method", [b"POST", b"GET", b"HEAD", b"PUT"])
def test_every_answer_has_the_same_headers(server: Running, path: str, method: bytes) -> None:
    """Whoever stands in between may keep none of them."""
    answer = server.say(message(method, path.encode()), head=method == b"HEAD")
    assert answer.header("content-type") == "application/json"
    assert answer.header("cache-control") == "no-store"
    assert answer.request_id
    assert method == b"HEAD" or int(answer.header("content-length") or "-1") == len(answer.body)


@clause("ANS-3", "ANS-4")
@pytest.mark.parametrize(
    "broken", [b"garbage\r\n\r\n", message(host=None), message(b"POST", b"/", b"X: " + b"x" * 20000)]
)
def test_a_broken_message_gets_the_same_headers(server: Running, broken: bytes) -> None:
    """These answers are written where no application is reached."""
    first, second = server.say(broken), server.say(broken)
    assert first.header("cache-control") == "no-store"
    assert first.header("content-type") == "application/json"
    assert first.request_id != second.request_id


@clause("ANS-4", "REF-3")
def test_a_request_id_is_ours(endpoint: InProcess) -> None:
    """A caller's own would let it write into our log."""
    sent = (b"x-request-id", b"sentinel-of-the-caller")
    ids = [endpoint.call(headers=(*RIGHT, sent)).request_id for _ in range(3)]
    ids += [endpoint.call(headers=(sent,)).request_id]
    assert len(set(ids)) == 4
    assert all(re.fullmatch(r"[0-9a-f]+-[0-9a-f]+", one) for one in ids)


@clause("ANS-5")
@pytest.mark.parametrize("path", [PATH, "/livez", "/nowhere"])
def test_no_answer_names_its_software_or_opens_to_browsers(server: Running, path: str) -> None:
    """Neither Server nor anything of CORS."""
    answer = server.say(message(b"POST", path.encode(), b"Origin: https://example.com"))
    names = {name for name, _ in answer.headers}
    assert not names & {"server", "x-powered-by", "via"}
    assert not [name for name in names if name.startswith("access-control")]


@clause("ANS-6")
def test_pipelined_requests_are_answered_in_order(server: Running) -> None:
    """Good and bad ones, by both methods, in one packet."""
    requests = [
        message(),
        message(secret=b"wrong"),
        message(b"GET", PATH.encode() + b"?" + QUERY, length=-1, body=b""),
        message(b"PUT"),
        message(b"GET", b"/livez", length=-1, body=b""),
        message(target=b"/nowhere"),
        message(body=b"{"),
    ]
    with server.connect() as connection:
        connection.send(b"".join(requests))
        assert [connection.answer().status for _ in requests] == [200, 401, 200, 405, 200, 404, 400]


@clause("ANS-6")
def test_a_connection_serves_one_request_after_another(server: Running) -> None:
    """A refusal does not end it, be its body read or not."""
    with server.connect() as connection:
        for sent, status in ((message(), 200), (message(secret=b"wrong"), 401), (message(), 200)):
            connection.send(sent)
            assert connection.answer().status == status


@clause("TOK-1", "TOK-2")
def test_every_session_has_a_channel_of_its_own(in_process: InProcessFactory) -> None:
    """A readable beginning, then 128 bits."""
    endpoint = in_process(SESSION_CHANNEL_PREFIX="acme.eu-")
    channels = [endpoint.call().json()["agora_channel"] for _ in range(20)]
    assert len(set(channels)) == 20
    for channel in channels:
        assert re.fullmatch(r"acme\.eu-[0-9a-f]{32}", channel)
        assert identifiers.channel(channel) == channel


@clause("TOK-1")
def test_a_channel_has_a_readable_beginning_by_default(endpoint: InProcess) -> None:
    """In Agora's console one sees whose it is."""
    assert re.fullmatch(r"cekura-[0-9a-f]{32}", endpoint.call().json()["agora_channel"])


@clause("TOK-3")
@pytest.mark.parametrize(("setting", "uid"), [({}, "1"), ({"SESSION_JOIN_UID": "4294967295"}, "4294967295")])
def test_the_token_admits_the_tester_as_a_publisher(
    in_process: InProcessFactory, setting: dict[str, str], uid: str
) -> None:
    """Signed for this project, this channel and this uid alone."""
    details = in_process(**setting).call().json()
    token = tokens.read(details["agora_token"])
    (service,) = token.services
    assert token.app_id == APP_ID
    assert token.signature_valid(CERTIFICATE)
    assert (service.fields["channel"], service.fields["uid"]) == (details["agora_channel"], uid)
    assert set(service.privileges) >= {1, 2}


@clause("TOK-4")
@pytest.mark.parametrize(
    ("setting", "lifetime"),
    [({}, 3900), ({"SESSION_MAX_DURATION": "600"}, 900), ({"SESSION_TOKEN_LIFETIME": "86400"}, 86400)],
)
def test_the_token_outlives_the_longest_call(
    in_process: InProcessFactory, setting: dict[str, str], lifetime: int
) -> None:
    """Nobody can renew the tester's token."""
    token = tokens.read(in_process(**setting).call().json()["agora_token"])
    assert (token.issued_at, token.lifetime) == (NOW, lifetime)
    assert set(token.services[0].privileges.values()) == {lifetime}


@clause("TOK-5")
@pytest.mark.parametrize("setting", [{}, {"SESSION_AGENT_UID": "1001"}, {"SESSION_JOIN_UID": "7"}])
def test_the_agent_has_a_seat_of_its_own(in_process: InProcessFactory, setting: dict[str, str]) -> None:
    """Two who join with one uid throw each other out."""
    details = in_process(**PYTHON, **setting).call().json()
    seat = callables.HANDED[-1].agora
    token = tokens.read(seat.token)
    assert seat.channel == token.services[0].fields["channel"] == details["agora_channel"]
    assert token.services[0].fields["uid"] == str(seat.uid)
    assert seat.uid not in (0, seat.tester_uid)
    assert seat.token != details["agora_token"]


@clause("TOK-6")
def test_agent_and_caller_are_handed_the_same_encryption(in_process: InProcessFactory) -> None:
    """The very characters; another session has others."""
    endpoint = in_process(SESSION_ENCRYPTION_MODE="aes_128_gcm2", **PYTHON)
    details = [endpoint.call().json() for _ in range(5)]
    handed = [spec.encryption for spec in callables.HANDED[-5:]]
    names = ("encryption_mode", "encryption_key", "encryption_salt")
    assert [[one[name] for name in names] for one in details] == [[e.mode, e.key, e.salt] for e in handed if e]
    assert len({one["encryption_key"] for one in details}) == len({one["encryption_salt"] for one in details}) == 5


@clause("PRO-1", "PRO-2", "PRO-3")
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_answer_without_a_secret_and_without_detail(endpoint: InProcess, path: str) -> None:
    """An orchestrator needs no more."""
    answer = endpoint.call("GET", path, headers=())
    assert (answer.status, answer.json()) == (200, {"status": "ok"})


@clause("PRO-2", "PRO-1")
def test_a_service_that_ends_is_alive_and_not_ready(endpoint: InProcess) -> None:
    """Traffic goes elsewhere; nobody restarts us for it."""
    endpoint.end()
    refused = endpoint.call("GET", "/readyz", headers=())
    assert (refused.status, refused.code) == (503, "draining")
    assert int(refused.header("retry-after") or "0") > 0
    assert endpoint.call("GET", "/livez", headers=()).status == 200


@clause("PRO-3")
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_probe_takes_get_alone(endpoint: InProcess, path: str) -> None:
    """And HEAD, which asks for the same without its body."""
    refused = endpoint.call("POST", path)
    assert (refused.status, refused.code) == (405, "method_not_allowed")
    assert set((refused.header("allow") or "").split(", ")) == {"GET", "HEAD"}
    assert json.loads(refused.body)["error"]["request_id"] == refused.request_id
    assert endpoint.call("HEAD", path, headers=((HEADER, b"wrong"),)).status == 200
