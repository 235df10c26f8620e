"""What the endpoint reads of a request, and from where (docs/contract.md, REQ)."""

import json

import pytest

from tests.contract.clauses import clause
from tests.contract.conftest import InProcessFactory, RunningFactory
from tests.contract.given import BODY, CLIENT_ID, PATH, QUERY, RIGHT
from tests.contract.in_process import InProcess
from tests.contract.sockets import Running, message

OTHER = json.dumps({"client_id": "somebody-else"}).encode()
NO_OBJECTS = {
    "empty": b"",
    "cut": b'{"client_id": "acme-voi',
    "array": b'["acme-voice"]',
    "string": b'"acme-voice"',
    "null": b"null",
    "nan": b'{"client_id": "acme-voice", "more": NaN}',
    "byte order mark": b"\xef\xbb\xbf" + BODY,
    "lone surrogate": b'{"client_id": "\\ud800"}',
    "lone surrogate in a key": b'{"client_id": "acme-voice", "\\udfff": 1}',
    "not UTF-8": b'{"client_id": "acme-voice\xff"}',
    "UTF-16": BODY.decode().encode("utf-16"),
    "followed by more": BODY + b"{}",
    "form": b"client_id=acme-voice",
}
UNUSABLE = {
    "missing": {},
    "empty": {"client_id": ""},
    "null": {"client_id": None},
    "number": {"client_id": 1},
    "boolean": {"client_id": True},
    "list": {"client_id": [CLIENT_ID]},
    "object": {"client_id": {"client_id": CLIENT_ID}},
    "too long": {"client_id": "a" * 129},
    "line break": {"client_id": "acme-voice\r\nX-Injected: 1"},
    "NUL": {"client_id": "acme-voice\0"},
    "invisible": {"client_id": "acme\u200bvoice"},
    "key in another case": {"Client_Id": CLIENT_ID},
}
HOSTILE = [
    "../" * 9,
    "' OR '1'='1",
    '"}]}',
    "<script>",
    "${jndi:ldap://x}",
    "%00",
    "😀" * 32,
    "a" * 128,
    "*",
    "acme-voice' --",
]


@clause("REQ-1")
def test_a_post_is_read_from_its_body_alone(endpoint: InProcess) -> None:
    """A query neither helps nor hinders."""
    assert endpoint.call(query=b"client_id=somebody-else").status == 200
    assert endpoint.call(query=QUERY, body=b"{}").code == "invalid_client_id"
    assert endpoint.call(query=QUERY, body=OTHER).code == "client_not_allowed"


@clause("REQ-2")
def test_a_get_is_read_from_its_query_alone(endpoint: InProcess) -> None:
    """A body, of whatever type, neither helps nor hinders."""
    assert endpoint.get(body=OTHER, headers=(*RIGHT, (b"content-type", b"text/plain"))).status == 200
    assert endpoint.get(b"", body=BODY).code == "invalid_client_id"
    assert endpoint.get(b"client_id=somebody-else", body=BODY).code == "client_not_allowed"


@clause("REQ-3")
@pytest.mark.parametrize(("served", "other"), [("POST", "GET"), ("GET", "POST")])
def test_each_method_can_be_switched_off(in_process: InProcessFactory, served: str, other: str) -> None:
    """What is switched off is answered as any other method."""
    endpoint = in_process(SESSION_METHODS=served)
    refused = endpoint.call(other, query=QUERY)
    assert (refused.status, refused.header("allow")) == (405, served)
    assert endpoint.call(served, query=QUERY).status == 200


@clause("REQ-3")
def test_both_methods_are_served_by_default(endpoint: InProcess) -> None:
    """The platform lets its user choose, and we do not know what was chosen."""
    assert endpoint.call().status == endpoint.get().status == 200


@clause("REQ-4")
@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "TRACE", "OPTIONS", "PATCH", "PROPFIND", "QUERY"])
def test_another_method_is_refused_and_takes_no_session(running: RunningFactory, method: str) -> None:
    """The only place that there is stays free, although secret and client id are right."""
    server = running(SESSION_MAX_SESSIONS="1")
    target = PATH.encode() + b"?" + QUERY
    refused = server.say(message(method.encode(), target), head=method == "HEAD")
    assert (refused.status, refused.header("allow")) == (405, "POST, GET")
    assert server.say(message()).status == 200


@clause("REQ-5")
@pytest.mark.parametrize("method", [b"FOO", b"post", b"PRI", b"POST\x00", b""])
def test_a_method_that_is_none_is_a_broken_message(server: Running, method: bytes) -> None:
    """The parser knows HTTP's methods; there is nothing that Allow could be about."""
    assert server.say(message(method)).code == "bad_request"


@clause("REQ-5")
def test_connect_is_a_broken_message(server: Running) -> None:
    """Its target is an authority, and we are no proxy."""
    assert server.say(message(b"CONNECT", b"localhost:443")).code == "bad_request"


@clause("REQ-6")
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_trailing_slash_is_the_same_handler(endpoint: InProcess, method: str) -> None:
    """A redirect would lose the body, or the secret."""
    assert endpoint.call(method, PATH + "/", query=QUERY).status == 200
    assert endpoint.call("PUT", PATH + "/").status == 405


@clause("REQ-6")
@pytest.mark.parametrize("path", ["/livez/", "/readyz/", "/cekura/v1", "/cekura/v1/", "//livez", ""])
def test_no_path_is_redirected(endpoint: InProcess, path: str) -> None:
    """Not even to what was probably meant."""
    assert endpoint.call("GET", path).code == endpoint.call("POST", path).code == "not_found"


@clause("REQ-6")
def test_a_trailing_slash_of_the_setting_changes_nothing(in_process: InProcessFactory) -> None:
    """SESSION_PATH with a slash serves both forms as well."""
    endpoint = in_process(SESSION_PATH="/mint/")
    assert [endpoint.call(path=path).status for path in ("/mint", "/mint/", "/mint//", PATH)] == [200, 200, 404, 404]


@clause("REQ-7")
@pytest.mark.parametrize(
    "target",
    [
        b"//cekura/v1/sessions",
        b"/cekura//v1/sessions",
        b"/cekura/v1/sessions//",
        b"/cekura/./v1/sessions",
        b"/cekura/v1/x/../sessions",
        b"/Cekura/v1/sessions",
        b"/cekura/v1/sessions%00",
        b"/cekura/v1/sessions%ff",
        b"/cekura/v1/sessions%2",
        b"/",
        b"*",
    ],
)
def test_another_path_is_not_found(server: Running, target: bytes) -> None:
    """Nothing is made of a path but what percent-encoding says."""
    assert server.say(message(b"OPTIONS" if target == b"*" else b"POST", target)).code == "not_found"


@clause("REQ-7")
@pytest.mark.parametrize(
    "target", [b"/cekura/v1/%73essions", b"http://localhost" + PATH.encode(), PATH.encode() + b"?"]
)
def test_another_spelling_of_the_path_is_the_path(server: Running, target: bytes) -> None:
    """Percent-encoded letters and the absolute form mean the same (RFC 3986, 6.2.2; RFC 9112, 3.2.2)."""
    assert server.say(message(target=target)).status == 200


@clause("REQ-8")
def test_unknown_keys_and_parameters_are_ignored(endpoint: InProcess) -> None:
    """A field that the platform adds one day must not break a run."""
    body = json.dumps({"run_id": 7, "client_id": CLIENT_ID, "scenario": {"deep": [[None]]}, "": "", "é": 1e9}).encode()
    assert endpoint.call(body=body).status == 200
    assert endpoint.get(b"run_id=7&" + QUERY + b"&&x=%C3%A9&client_ID=other").status == 200


@clause("REQ-9")
@pytest.mark.parametrize(
    "value",
    [b"application/json", b"application/json; charset=utf-8", b"Application/JSON;charset=\xff", b"application/json ;"],
)
def test_json_may_be_declared_in_each_form(endpoint: InProcess, value: bytes) -> None:
    """Parameters are not looked at: JSON is UTF-8 (RFC 8259, 8.1)."""
    assert endpoint.call(headers=(*RIGHT, (b"content-type", value))).status == 200


@clause("REQ-9")
def test_the_content_type_may_be_missing(endpoint: InProcess) -> None:
    """The platform's page shows one; a caller by hand forgets it."""
    assert endpoint.call(headers=RIGHT).status == 200


@clause("REQ-9")
@pytest.mark.parametrize(
    "value",
    [b"text/plain", b"application/x-www-form-urlencoded", b"application/jsonp", b"", b"\xff", b"json", b"text/json"],
)
def test_another_media_type_is_refused(endpoint: InProcess, value: bytes) -> None:
    """The body is not read as something that it does not claim to be."""
    assert endpoint.call(headers=(*RIGHT, (b"content-type", value))).code == "unsupported_media_type"


@clause("REQ-10")
@pytest.mark.parametrize("body", NO_OBJECTS.values(), ids=NO_OBJECTS.keys())
def test_what_is_no_json_object_is_refused(endpoint: InProcess, body: bytes) -> None:
    """One code for all of them."""
    assert endpoint.call(body=body).code == "malformed_body"


@clause("REQ-11")
@pytest.mark.parametrize("depth", [32, 200, 1500, 8000])
@pytest.mark.parametrize("pair", [b"[]", b'{"a":0}'], ids=["arrays", "objects"])
def test_deep_nesting_is_refused_wherever_it_is(endpoint: InProcess, depth: int, pair: bytes) -> None:
    """As client_id, and in a key that nobody reads."""
    opening, closing = (b"[", b"]") if pair == b"[]" else (b'{"a":', b"}")
    deep = (opening * depth + b"0" + closing * depth)[: 16 * 1024 - 50]
    for body in (b'{"client_id": ' + deep + b"}", b'{"client_id": "acme-voice", "more": ' + deep + b"}"):
        assert endpoint.call(body=body).code == "malformed_body"


@clause("REQ-11")
def test_31_levels_below_the_object_are_not_too_deep(endpoint: InProcess) -> None:
    """The cap is where the document says."""
    assert endpoint.call(body=BODY[:-1] + b', "more": ' + b"[" * 31 + b"]" * 31 + b"}").status == 200


@clause("REQ-11", "REQ-8")
@pytest.mark.parametrize("more", [b'"' + b"[{" * 99 + b'"', b"[" + b"[{}]," * 99 + b"0]"], ids=["text", "flat"])
def test_many_brackets_are_not_deep(endpoint: InProcess, more: bytes) -> None:
    """What is counted is levels."""
    assert endpoint.call(body=BODY[:-1] + b', "more": ' + more + b"}").status == 200


@clause("REQ-12")
@pytest.mark.parametrize("document", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_unusable_client_id_is_refused(endpoint: InProcess, document: object) -> None:
    """It is told from a well-formed one that nobody has."""
    assert endpoint.call(body=json.dumps(document).encode()).code == "invalid_client_id"


@clause("REQ-12", "REF-5")
@pytest.mark.parametrize("client_id", HOSTILE)
def test_a_hostile_client_id_opens_nothing(in_process: InProcessFactory, client_id: str) -> None:
    """Printable or not, the answer is 4xx and the only place stays free."""
    endpoint = in_process(SESSION_MAX_SESSIONS="1")
    assert endpoint.call(body=json.dumps({"client_id": client_id}).encode()).status in (400, 403)
    assert endpoint.call().status == 200


@clause("REQ-13", "REQ-12")
@pytest.mark.parametrize(
    "query",
    [
        b"",
        b"client_id",
        b"client_id=",
        QUERY + b"&" + QUERY,
        QUERY + b"&client_id=",
        b"client_id=%ff",
        b"client_id=%0d%0a",
        b"client_id=" + b"a" * 129,
        b"client_id=\xc3\xa9",
        b"client_id[]=acme-voice",
        b"&" * 200 + QUERY,
    ],
)
def test_a_query_holds_one_usable_client_id(endpoint: InProcess, query: bytes) -> None:
    """Two of them would be read differently by a proxy in between."""
    assert endpoint.get(query).code == "invalid_client_id"


@clause("REQ-13")
def test_the_last_of_repeated_keys_counts(endpoint: InProcess) -> None:
    """As nearly every reader of JSON has it (RFC 8259, 4)."""
    assert endpoint.call(body=b'{"client_id": "other", "client_id": "acme-voice"}').status == 200
    assert endpoint.call(body=b'{"client_id": "acme-voice", "client_id": "other"}').code == "client_not_allowed"


@clause("REQ-14")
@pytest.mark.parametrize(
    "client_id", ["ACME-voice", " acme-voice", "acme-voice ", "acme\u2010voice", "acme-vo\u0131ce", "acme-voic"]
)
def test_a_client_id_is_compared_exactly(endpoint: InProcess, client_id: str) -> None:
    """Case, white space, look-alikes and shortened ones are other ids."""
    assert endpoint.call(body=json.dumps({"client_id": client_id}).encode()).code == "client_not_allowed"


@clause("REQ-14")
def test_encoded_characters_are_the_characters(endpoint: InProcess) -> None:
    """JSON and query escapes are undone before the comparison."""
    assert endpoint.call(body=b'{"client_id": "\\u0061cme-voice"}').status == 200
    assert endpoint.get(b"client_id=%61cme%2Dvoice").status == 200
