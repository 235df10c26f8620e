"""What the checks of group S say about an answer, fault by fault."""

import json

import pytest

from session_service.check.model import NotApplicable, Outcome
from tests.check.correct import PROJECT, SECRET, token
from tests.check.one_answer import CHANNEL, DECLARED, details, found

NESTED = b'{"a":' * 30_000 + b"1" + b"}" * 30_000


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no body"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b"\xff\xfe{\x00", "not UTF-8"),
        (b"<html>", "page for a browser"),
        (b"{'agora_token': 1}", "single quotes"),
        (b'{"agora_token": "007', "not JSON"),
        (NESTED, "not JSON"),
        (json.dumps(json.dumps(details())), "JSON twice"),
        ([details()], "a list"),
        (42, "no object"),
        (None, "no object"),
        (b'{"a": NaN, "a": -Infinity}', "NaN"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"<b>Warning</b>: {} " + json.dumps(details()).encode(), "page for a browser"),
        (b"<b>Warning</b>: x " + json.dumps(details()).encode(), "Something stands before it"),
        (details(agora_token=...), "agora_token is missing"),
        (details(agora_token=None), "agora_token is null"),
        (details(agora_channel=7), "agora_channel is a number"),
        (details(agora_channel=True), "true or false"),
        (details(agora_app_id=["x"]), "a list"),
        (details(agora_app_id={}), "an object"),
        (details(agora_token=""), "agora_token is empty"),
        (details(agora_token=" \n"), "agora_token is empty"),
        ({"data": details()}, "inside 'data'"),
        ({"success": False, "Message": "no agent"}, "holds an error instead of join details"),
        ({}, "None of the keys agora_app_id, agora_channel, agora_token is there"),
        ({"appId": "x", "channelName": "y", "rtcToken": "z"}, "There is 'rtcToken'"),
        ({"agoraAppId": "x", "channel": "y", "token": "z"}, "There is 'agoraAppId'"),
    ],
)
def test_each_fault_of_form_has_a_sentence_of_its_own(body: object, words: str) -> None:
    """And each says how to mend it."""
    result = found("S01", body.encode() if isinstance(body, str) else body)
    assert result.outcome is Outcome.FAIL
    assert any(words in finding.what for finding in result.findings)
    assert all(finding.mend for finding in result.findings)
    assert not result.reason


@pytest.mark.parametrize("body", [{"data": details()}, {"error": "no agent"}, {}])
def test_what_is_missing_together_is_told_once(body: object) -> None:
    """And not for each of the three keys."""
    assert len(found("S01", body).findings) == 1


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ((), "no Content-Type"),
        ((("content-type", ""),), "declared as nothing"),
        ((("content-type", "text/plain"),), "'text/plain' instead of application/json"),
        ((("content-type", "application/json; charset=utf-16"),), "'utf-16'"),
        ((*DECLARED, ("content-encoding", "gzip")), "compressed"),
    ],
)
def test_each_fault_of_declaration_has_a_sentence_of_its_own(headers: tuple[tuple[str, str], ...], words: str) -> None:
    """Though the body is right."""
    (finding,) = found("S01", details(), headers).findings
    assert words in finding.what


@pytest.mark.parametrize(
    "declared",
    [
        "application/json",
        "Application/JSON",
        "application/json; profile=x; charset=utf-8",
        'application/json;charset="UTF-8"',
    ],
)
def test_json_may_be_declared_in_every_usual_way(declared: str) -> None:
    """Case, white space, quotes and a needless charset change nothing."""
    assert found("S01", details(), (("content-type", declared),)).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"agora_app_id": "0" * 31}, "32 hexadecimal"),
        ({"agora_app_id": "g" * 32}, "32 hexadecimal"),
        ({"agora_channel": "a/b"}, "1 to 63"),
        ({"agora_channel": "sal\u00f3n"}, "1 to 63"),
        ({"agora_channel": "x" * 65}, "1 to 63"),
        ({"agora_channel": "*"}, "1 to 63"),
        ({"agora_token": "007\x00"}, "line breaks"),
        ({"agora_token": "\u0660\u0660\u0667"}, "none of ASCII"),
    ],
)
def test_what_agora_does_not_allow_is_told_by_its_rule(values: dict[str, str], words: str) -> None:
    """Without the value."""
    result = found("S02", details(**values))
    (finding,) = result.findings
    assert result.outcome is Outcome.FAIL
    assert words in finding.what
    assert next(iter(values.values())) not in finding.what or values == {"agora_channel": "*"}


def test_sixty_four_characters_are_a_warning() -> None:
    """Because Agora's own pages differ."""
    assert found("S02", details(agora_channel="x" * 64)).outcome is Outcome.WARN
    assert found("S02", details(agora_channel="/" + "x" * 63)).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("further", "words"),
    [
        ({"encryption_key": None}, "null instead of absent"),
        ({"encryption_mode": ""}, "empty instead of absent"),
        ({"encryption_mode": "aes_256_gcm", "encryption_key": "k", "encryption_salt": ""}, "encryption_salt is empty"),
        ({"app_certificate": "x"}, "'app_certificate' is named"),
        ({"meta": {"apiKey": "x"}}, "'meta.apiKey' is named"),
        ({"hints": [{"private-key": 7}]}, "'hints.0.private-key' is named"),
        ({"note": PROJECT.certificate.upper()}, "'note' holds the App Certificate"),
        ({"note": f"sent {SECRET}"}, "'note' holds the secret"),
        ({"agent": {"rtc": token(CHANNEL, "4711")}}, "'agent.rtc' holds another token"),
        ({"pem": "-----BEGIN PRIVATE KEY-----"}, "PEM"),
        ({"build": "a" * 32}, "'build' holds 32 hexadecimal"),
        ({"agora_channel": PROJECT.certificate}, "agora_channel holds the App Certificate"),
    ],
)
def test_what_the_answer_should_not_tell_is_named_by_its_key(further: dict[str, object], words: str) -> None:
    """And never by its value."""
    result = found("S03", details(**further))
    (finding,) = result.findings
    assert result.outcome is Outcome.WARN
    assert words in finding.what
    assert PROJECT.certificate not in finding.what.lower()
    assert SECRET not in finding.what


@pytest.mark.parametrize(
    "further",
    [
        {"session_id": "a" * 32},
        {"requestId": "b" * 32},
        {"room": CHANNEL.removeprefix("cekura-")},
        {"app": PROJECT.app_id},
        {"password": None, "secret": False},
        {"agora_channel": CHANNEL, "room": {"phone": "0060123456789", "version": "007"}},
        {"expires_in": 3600, "uid": 1, "region": "eu"},
        {"encryption_mode": "aes_256_gcm2", "encryption_key": None},
    ],
)
def test_harmless_further_keys_are_no_finding(further: dict[str, object]) -> None:
    """Ids, what the answer says anyway, and nothing at all; half an encryption is E01's."""
    assert found("S03", details(**further)).outcome is Outcome.PASS


@pytest.mark.parametrize("said", [(), ("private, max-age=5",), ("no-cache",), ("no-storey",)])
def test_an_answer_that_may_be_stored_is_told(said: tuple[str, ...]) -> None:
    """With what it says instead."""
    headers = tuple(("cache-control", value) for value in said)
    (finding,) = found("S04", details(), headers).findings
    assert (said[0] if said else "has no Cache-Control") in finding.what


@pytest.mark.parametrize("said", [("no-store",), ("private, No-Store",), ("private", "max-age=0 , no-store")])
def test_no_store_counts_wherever_it_stands(said: tuple[str, ...]) -> None:
    """In any case, among others, and in a second header."""
    assert found("S04", details(), tuple(("cache-control", value) for value in said)).outcome is Outcome.PASS


@pytest.mark.parametrize("body", [b"", b"[]", {"agora_app_id": "x"}, {"agora_token": 7}, {"agora_app_id": None}])
@pytest.mark.parametrize("check", ["S02", "S03", "K01", "K02", "K03", "K04", "K05", "E01", "E02"])
def test_an_answer_without_join_details_is_a_fault_of_s01_alone(check: str, body: object) -> None:
    """Where somebody leaves S01 out, the others have nothing to look at."""
    with pytest.raises(NotApplicable, match="no join details"):
        found(check, body)
