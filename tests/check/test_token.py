"""What the checks of group K say about a token, mistake by mistake, and that they say nothing about a right one."""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.agora import encryption, legacy_tokens, tokens
from session_service.agora.encryption import MODES, Mode
from session_service.agora.identifiers import Project
from session_service.agora.token_services import KINDS, RTC, Kind, Service
from session_service.agora.transport import AgoraTransport, TokenVersion
from session_service.check.model import CannotTell, NotApplicable, Outcome
from tests.agora import strategies
from tests.check.correct import HOUR, PROJECT, token
from tests.check.mutants.token import old
from tests.check.one_answer import CHANNEL, details, found

STRANGER = Project("11112222333344445555666677778888", "88887777666655554444333322221111")
SWAPPED = Project(PROJECT.certificate, PROJECT.app_id)
READING = ("S01", "S02", "S03", "S04", "K01", "K02", "K03", "K04", "K05", "E01", "E02")


def minted(*services: Service, lifetime: int = HOUR, issued_at: int | None = None) -> str:
    """A token of version 007 for these services."""
    at = int(time.time()) if issued_at is None else issued_at
    return tokens.mint(PROJECT, list(services), issued_at=at, lifetime=lifetime, salt=7)


def rtc(privileges: Mapping[int, int], channel: str = CHANNEL) -> Service:
    """The service that opens a channel to uid 1."""
    return Service(RTC, privileges, {"channel": channel, "uid": "1"})


def legacy(expires_at: int, end: int, project: Project = PROJECT) -> str:
    """A token of version 006 with these instants."""
    return legacy_tokens.build(project, CHANNEL, "1", dict.fromkeys((1, 2), end), expires_at=expires_at, salt=7)


TOKEN = minted(rtc({1: HOUR}), issued_at=1_700_000_000)
LEGACY = legacy(1_700_003_600, 1_700_003_600)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TOKEN[:79], "cut short"),
        (TOKEN[:78], "not complete base64"),
        (f'"{TOKEN}"', "quotes"),
        (f"{TOKEN} ", "white space"),
        (b64encode(TOKEN.encode()).decode(), "encoded once more"),
        (b64encode(LEGACY.encode()).decode(), "encoded once more"),
        (quote(TOKEN[:-1] + "="), "written for a URL"),
        ('{"token": "007"}', "JSON, not a token"),
        ("eyJhbGciOiJIUzI1NiJ9.e30.x", "JSON Web Token"),
        (PROJECT.app_id, "an App ID or an App Certificate"),
        ("006" + TOKEN[3:], "goes on as version 007"),
        ("your-token-here", "no Agora token"),
    ],
)
def test_what_is_no_token_is_told_what_it_is(text: str, words: str) -> None:
    """Without the text itself."""
    (finding,) = found("K01", details(agora_token=text)).findings
    assert words in finding.what
    assert text not in finding.what


def test_a_token_of_another_app_id_is_told_by_its_beginning_alone() -> None:
    """By mistake it may be the certificate."""
    (finding,) = found("K01", details(agora_token=token(CHANNEL, project=STRANGER))).findings
    assert '"11112222"' in finding.what
    assert STRANGER.app_id not in finding.what


def test_case_is_told_where_it_is_all_that_differs() -> None:
    """Because it counts."""
    (finding,) = found("K01", details(agora_app_id=PROJECT.app_id.upper())).findings
    assert "upper and lower case" in finding.what


@pytest.mark.parametrize(
    ("check", "values", "words"),
    [
        ("K01", {"agora_app_id": PROJECT.certificate}, "agora_app_id holds the App Certificate"),
        ("K01", {"agora_token": token(CHANNEL, project=SWAPPED)}, "were swapped"),
        ("K02", {"agora_app_id": PROJECT.certificate, "agora_token": token(CHANNEL, project=SWAPPED)}, "were swapped"),
        (
            "K02",
            {"agora_token": token(CHANNEL, project=Project(PROJECT.app_id, PROJECT.app_id))},
            "with the App ID in the certificate's place",
        ),
        (
            "K02",
            {"agora_token": token(CHANNEL, project=Project(PROJECT.app_id, PROJECT.certificate.upper()))},
            "in another case",
        ),
        ("K02", {"agora_token": token(CHANNEL, project=Project(PROJECT.app_id, "0" * 32))}, "did not sign the token"),
        (
            "K02",
            {"agora_token": legacy(2_000_000_000, 2_000_000_000, Project(PROJECT.app_id, PROJECT.app_id))},
            "with the App ID in the certificate's place",
        ),
    ],
)
def test_app_id_and_certificate_in_each_others_place_are_told(check: str, values: dict[str, str], words: str) -> None:
    """And the certificate is not."""
    result = found(check, details(**values))
    (finding,) = result.findings
    assert words in finding.what
    assert PROJECT.certificate not in finding.what + result.reason


def test_a_token_is_shown_decoded() -> None:
    """What a person wants to see of it, and not itself."""
    note = found("K01", details(), now=time.time()).reason
    assert note.startswith(
        f'version 007, app id "01234567" and so on, channel "{CHANNEL}", uid 1, join_channel, publish_audio'
    )
    assert "ends in" in note


def test_services_that_nobody_documented_are_a_warning() -> None:
    """They stand behind the one that opens the channel, so that this one is judged."""
    text = minted(rtc({1: HOUR, 2: HOUR}), Service(Kind(99, "new", (), {}), {}, {}))
    assert found("K01", details(agora_token=text)).outcome is Outcome.WARN
    assert found("K02", details(agora_token=text)).outcome is Outcome.PASS


def test_a_token_that_begins_with_an_unknown_service_tells_nobody_what_it_opens() -> None:
    """Whether it opens the channel is not known, rather than wrong."""
    text = minted(rtc({1: HOUR, 2: HOUR}), Service(Kind(0, "new", (), {}), {}, {}))
    with pytest.raises(CannotTell, match="nobody has documented"):
        found("K02", details(agora_token=text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (token(CHANNEL.upper()), "They differ only in case"),
        (token("lobby"), 'for the channel "lobby"'),
        (token(""), "every channel of the project"),
        (token("cekura-*"), "is a wildcard"),
        (minted(Service(KINDS[2], {1: HOUR}, {"user_id": "1"})), "no service rtc"),
        (minted(rtc({1: HOUR}), rtc({1: HOUR}, "lobby")), "further channels"),
        (old("lobby"), "its checksum differs"),
        (old(""), "every channel of the project"),
    ],
)
def test_a_token_of_another_channel_is_told(text: str, words: str) -> None:
    """In either version."""
    result = found("K02", details(agora_token=text))
    (finding,) = result.findings
    assert result.outcome is Outcome.FAIL
    assert words in finding.what


@pytest.mark.parametrize("text", [token(CHANNEL), old(CHANNEL)])
def test_without_a_certificate_the_signature_is_said_to_be_unchecked(text: str) -> None:
    """And how it can be."""
    result = found("K02", details(agora_token=text), certificate=None)
    assert result.outcome is Outcome.PASS
    assert "not checked" in result.reason


@pytest.mark.parametrize(
    ("text", "outcome", "words"),
    [
        (token(CHANNEL, "4711"), "fail", "the agent's own token"),
        (token(CHANNEL, "tester"), "fail", 'user account "tester"'),
        (token(CHANNEL, "0"), "fail", "not the uid 0"),
        (token(CHANNEL, "01"), "fail", "looks like a uid and is none"),
        (token(CHANNEL, ""), "warn", "any uid"),
        (token(CHANNEL, "*"), "warn", "any uid"),
        (old(CHANNEL, "4711"), "fail", "its checksum differs"),
        (old(CHANNEL, ""), "warn", "any uid"),
    ],
)
def test_a_token_of_another_user_is_told(text: str, outcome: str, words: str) -> None:
    """In either version."""
    result = found("K03", details(agora_token=text))
    (finding,) = result.findings
    assert result.outcome.value == outcome
    assert words in finding.what


def test_the_uid_is_the_one_that_the_tester_is_configured_with() -> None:
    """Then a token for 1 is the wrong one."""
    assert found("K03", details(agora_token=token(CHANNEL, "77")), join_uid=77).outcome is Outcome.PASS
    assert found("K03", details(), join_uid=77).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("mint", "words"),
    [
        (lambda now: minted(rtc({1: HOUR}), issued_at=now), "subscriber"),
        (lambda now: minted(rtc({2: HOUR}), issued_at=now), "join_channel is missing"),
        (lambda now: minted(rtc({}), issued_at=now), "no privilege"),
        (
            lambda now: minted(rtc({1: HOUR, 2: 60}), issued_at=now - 120),
            "publish_audio ended 1 min ago, and the token itself",
        ),
        (lambda now: minted(rtc({1: 60, 2: HOUR}), issued_at=now - 120), "join_channel ended 1 min"),
        (lambda now: legacy(now + HOUR, HOUR), "looks like a duration"),
    ],
)
def test_a_token_that_does_not_let_its_holder_speak_is_told(mint: Callable[[int], str], words: str) -> None:
    """Whether it never did, or does not any more."""
    now = 1_790_000_000
    result = found("K04", details(agora_token=mint(now)), now=now)
    assert result.outcome is Outcome.FAIL
    assert any(words in finding.what for finding in result.findings)


def test_a_token_that_has_ended_as_a_whole_is_a_fault_of_k05_alone() -> None:
    """Its privileges ended with it."""
    now = 1_790_000_000
    body = details(agora_token=minted(rtc({1: 700, 2: 700}), issued_at=now - 200, lifetime=100))
    assert found("K04", body, now=now).outcome is Outcome.PASS
    assert found("K05", body, now=now).outcome is Outcome.FAIL


def test_a_token_without_a_channel_is_a_fault_of_k02_alone() -> None:
    """It has no uid and no privileges to look at."""
    text = minted(Service(KINDS[2], {1: HOUR}, {"user_id": "1"}))
    for check in ("K03", "K04"):
        with pytest.raises(NotApplicable, match="K02"):
            found(check, details(agora_token=text))


def timed(name: str, now: int) -> str:
    """A token whose time is not as it should be, seen at `now`."""
    day, whole = 86400, {1: HOUR, 2: HOUR}
    return {
        "cut": lambda: minted(rtc(whole), issued_at=123_456_789),
        "ahead": lambda: minted(rtc(whole), issued_at=now + 301),
        "behind": lambda: minted(rtc({1: day, 2: day}), issued_at=now - 301, lifetime=day),
        "expired": lambda: minted(rtc(whole), issued_at=now - 2 * HOUR),
        "instant": lambda: minted(rtc(whole), issued_at=now, lifetime=now + HOUR),
        "milliseconds": lambda: minted(rtc(whole), issued_at=now, lifetime=HOUR * 1000),
        "nothing": lambda: minted(rtc(whole), issued_at=now, lifetime=0),
        "minutes": lambda: minted(rtc(whole), issued_at=now, lifetime=60),
        "privilege": lambda: minted(rtc({1: HOUR, 2: 120}), issued_at=now),
        "day": lambda: minted(rtc({1: day, 2: day}), issued_at=now, lifetime=day),
        "old instant": lambda: legacy(HOUR, HOUR),
        "old expired": lambda: legacy(now - 1, now - 1),
        "old short": lambda: legacy(now + 120, now + 120),
        "old week": lambda: legacy(now + 7 * day, now + HOUR),
        "old day": lambda: legacy(now + day, 0),
    }[name]()


@pytest.mark.parametrize(
    ("name", "outcome", "words"),
    [
        ("cut", "fail", "no real clock"),
        ("ahead", "fail", "ahead of this machine's clock"),
        ("behind", "fail", "kept from an earlier call"),
        ("expired", "fail", "it has expired since"),
        ("instant", "fail", "version 007 takes seconds after the issue"),
        ("milliseconds", "fail", "milliseconds; in seconds it would be 1 h"),
        ("nothing", "fail", "live for 0 seconds"),
        ("minutes", "fail", "If 60 was meant as minutes"),
        ("privilege", "fail", "One of the token's privileges ends after 2 min"),
        ("day", "warn", "good for 1 d"),
        ("old instant", "fail", "looks like a duration"),
        ("old expired", "fail", "expired 1 s ago"),
        ("old short", "fail", "may take 10 minutes"),
        ("old week", "fail", "no token for more than 24 hours"),
        ("old day", "warn", "good for 1 d"),
    ],
)
def test_a_token_out_of_time_is_told(name: str, outcome: str, words: str) -> None:
    """With the unit that was probably meant."""
    result = found("K05", details(agora_token=timed(name, 1_790_000_000)), now=1_790_000_000.5)
    (finding,) = result.findings
    assert result.outcome.value == outcome
    assert words in finding.what


@pytest.mark.parametrize(("issued_at", "lifetime"), [(-300, 1000), (300, 600), (0, 600), (0, 7200), (-9, 3600)])
def test_a_token_within_the_bounds_is_no_finding(issued_at: int, lifetime: int) -> None:
    """At each of their ends."""
    now = 1_790_000_000
    text = minted(rtc({1: lifetime, 2: 0}), issued_at=now + issued_at, lifetime=lifetime)
    assert found("K05", details(agora_token=text), now=now).outcome is Outcome.PASS


@st.composite
def services(draw: st.DrawFn) -> tuple[AgoraTransport, Project, TokenVersion, Mode | None]:
    """A service as somebody may have configured it."""
    project = draw(strategies.projects.filter(lambda one: one.app_id.lower() != one.certificate.lower()))
    version: TokenVersion = draw(st.sampled_from(["007", "006"]))
    mode = draw(st.none() | st.sampled_from(list(MODES.values())))
    transport = AgoraTransport(
        project,
        prefix=draw(st.sampled_from(["cekura-", "", "a b"])),
        join_uid=draw(strategies.uids),
        agent_uid=None,
        lifetime=draw(st.integers(600, 7200)),
        token_version=version,
        encryption=mode,
        master_key=bytes(range(32)) if mode and draw(st.booleans()) else None,
    )
    return transport, project, version, mode


@given(services(), st.randoms(use_true_random=False))
def test_right_join_details_are_no_finding_but_what_their_version_implies(
    service: tuple[AgoraTransport, Project, TokenVersion, Mode | None], random: Random
) -> None:
    """Whatever project, mode, uid and lifetime a service is configured with."""
    transport, project, version, mode = service
    now = 1_790_000_000
    made, _ = transport.join("0f" * 16, now, random.randbytes(AgoraTransport.ENTROPY))
    body = {name: value for name, value in asdict(made).items() if value is not None}
    expected: dict[str, Any] = {"certificate": project.certificate, "join_uid": transport.join_uid, "now": now}
    checks = [check for check in READING if mode or check != "E02"]
    told = {check for check in checks if found(check, body, **expected).outcome is not Outcome.PASS}
    assert told == ({"K01"} if version == "006" else set())


@given(st.text() | st.text().map("007eJ".__add__) | st.text(min_size=35).map("006".__add__))
def test_any_text_for_a_token_is_judged_or_passed_over(text: str) -> None:
    """No check breaks over it."""
    for check in READING:
        with suppress(NotApplicable, CannotTell):
            told = "".join(finding.what for finding in found(check, details(agora_token=text)).findings)
            assert len(text) < 35 or text not in told


@given(encryption_key=st.text(), encryption_salt=st.text(), encryption_mode=st.sampled_from(list(encryption.MODES)))
def test_any_key_and_salt_are_judged(encryption_key: str, encryption_salt: str, encryption_mode: str) -> None:
    """No check breaks over them, and none repeats them."""
    given_ = {"encryption_mode": encryption_mode, "encryption_key": encryption_key, "encryption_salt": encryption_salt}
    for check in ("E01", "E02"):
        told = "".join(finding.what for finding in found(check, details(**given_)).findings)
        assert len(encryption_salt) < 8 or encryption_salt not in told
