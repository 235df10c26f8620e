"""What is told about a token: in one shape for both versions, with every difference and every oddity named."""

from contextlib import suppress
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.agora import either_version, legacy_tokens, token_judgement, token_remarks, token_report, tokens
from session_service.agora.identifiers import MAX_UID
from session_service.agora.token_report import Expected, TokenReport
from session_service.agora.token_services import KINDS, RTC, Kind, Service
from session_service.errors import UnreadableToken
from tests.agora import strategies
from tests.agora.vectors import OTHER_CERTIFICATE, PROJECT

NOW = 1_700_000_000
DAY = 86400
ALL = dict.fromkeys((1, 2, 3, 4), 3600)
ANYTHING = Expected()
FITS = Expected("room", "1", PROJECT.app_id, live=True)


def minted(
    privileges: dict[int, int] = ALL, channel: str = "room", uid: str = "1", *, at: int = NOW, lifetime: int = 3600
) -> str:
    """A token of version 007, ours unless a test says otherwise."""
    service = Service(RTC, privileges, {"channel": channel, "uid": uid})
    return tokens.mint(PROJECT, [service], issued_at=at, lifetime=lifetime, salt=7)


def old(ends: dict[int, int] | None = None, channel: str = "room", uid: str = "1", *, end: int = NOW + 3600) -> str:
    """A token of version 006, ours unless a test says otherwise."""
    granted = dict.fromkeys((1, 2, 3, 4), NOW + 3600) if ends is None else ends
    return legacy_tokens.build(PROJECT, channel, uid, granted, expires_at=end, salt=7)


def report(token: str, expected: Expected = ANYTHING, certificate: str | None = PROJECT.certificate) -> TokenReport:
    """What is told about it."""
    return token_report.report(token, certificate, expected)


def differences(token: str, expected: Expected, now: int = NOW, certificate: str = PROJECT.certificate) -> list[str]:
    """The subjects of everything that is wrong."""
    found = token_judgement.judge(report(token, expected, certificate), expected, now)
    return [difference.subject for difference in found]


def remarks(token: str, now: int = NOW) -> str:
    """Everything that is odd."""
    return "\n".join(token_remarks.remarks(report(token), now))


def test_a_current_token_is_told_whole() -> None:
    """Instants instead of seconds, names instead of numbers."""
    ends = dict.fromkeys(RTC.privileges, NOW + 3600)
    assert report(minted()).document() == {
        "version": "007",
        "app_id": PROJECT.app_id,
        "channel": "room",
        "uid": 1,
        "account": None,
        "privileges": ends,
        "services": [{"name": "rtc", "privileges": ends, "fields": {"channel": "room", "uid": "1"}}],
        "issued_at": NOW,
        "expires_at": NOW + 3600,
        "signature": "valid",
    }


def test_an_old_token_tells_no_channel_no_uid_and_no_issue() -> None:
    """They are not in it."""
    told = report(old(), FITS).document()
    assert [told[key] for key in ("version", "channel", "uid", "account", "issued_at")] == ["006"] + 4 * [None]
    assert (told["expires_at"], told["signature"]) == (NOW + 3600, "valid")
    assert told["privileges"] == dict.fromkeys(RTC.privileges, NOW + 3600)


@pytest.mark.parametrize(
    ("user", "uid", "account"),
    [
        ("", 0, None),
        ("1", 1, None),
        (str(MAX_UID), MAX_UID, None),
        (str(MAX_UID + 1), None, str(MAX_UID + 1)),
        ("0", None, "0"),
        ("01", None, "01"),
        ("\u0661", None, "\u0661"),
        ("1 ", None, "1 "),
        ("*", None, "*"),
        ("9" * 5000, None, "9" * 5000),
        ("ålice", None, "ålice"),
    ],
)
def test_a_user_is_a_uid_or_an_account(user: str, uid: int | None, account: str | None) -> None:
    """Only the plain decimal is a uid; the empty text is the uid 0."""
    told = report(minted(uid=user))
    assert (told.uid, told.account) == (uid, account)


def test_every_service_is_told() -> None:
    """With its fields, its own privileges, and what of these has no name."""
    services = [
        Service(KINDS[1], {1: 60, 77: 0}, {"channel": "room", "uid": "1"}),
        Service(KINDS[2], {1: 60}, {"user_id": "me"}),
        Service(KINDS[9], {}, {}),
    ]
    told = report(tokens.mint(PROJECT, services, issued_at=NOW, lifetime=60, salt=1))
    assert [service.name for service in told.services] == ["rtc", "rtm", "convoai"]
    assert told.services[1].fields == {"user_id": "me"}
    assert told.privileges == {"join_channel": NOW + 60, "privilege_77": None}


def test_an_old_tokens_login_is_a_service_of_its_own() -> None:
    """As in version 007."""
    told = report(old({1: NOW, 1000: NOW}))
    assert [(service.name, list(service.privileges)) for service in told.services] == [
        ("rtc", ["join_channel"]),
        ("rtm", ["rtm_login"]),
    ]


def test_a_token_without_rtc_has_neither_channel_nor_uid() -> None:
    """And a person is told why no join works with it."""
    token = tokens.mint(PROJECT, [Service(KINDS[2], {1: 60}, {"user_id": "me"})], issued_at=NOW, lifetime=60, salt=1)
    assert (report(token).channel, report(token).uid, report(token).account) == (None, None, None)
    assert "opens no channel" in remarks(token)
    assert differences(token, FITS) == ["channel", "uid"]


@pytest.mark.parametrize("expected", [ANYTHING, Expected(channel="room"), Expected(user="1")])
def test_an_old_signature_is_unchecked_unless_both_are_expected(expected: Expected) -> None:
    """Channel and uid are signed and not told."""
    told = report(old(), expected)
    assert told.signature == "unchecked"
    assert told.unchecked_because is not None
    assert "only when both are expected" in told.unchecked_because


def test_an_old_token_for_any_uid_can_be_checked_under_each() -> None:
    """What was signed is the empty text, not the expected uid."""
    assert report(old(uid=""), FITS).signature == "valid"
    assert "any uid" in remarks(old(uid=""))
    assert differences(old(uid=""), FITS) == []


@pytest.mark.parametrize("token", [minted(), old()])
def test_a_token_that_fits_has_no_difference(token: str) -> None:
    """Of either version."""
    assert differences(token, FITS) == []
    assert report(token, FITS).signature == "valid"


@pytest.mark.parametrize(
    ("token", "expected", "subjects"),
    [
        (minted(), Expected(channel="Room"), ["channel"]),
        (minted(), Expected(user="2"), ["uid"]),
        (minted(), Expected(user=""), ["uid"]),
        (minted(uid="alice"), Expected(user="1"), ["uid"]),
        (minted(), Expected(app_id=PROJECT.app_id.lower()), ["app_id"]),
        (minted(channel="b", uid="2"), FITS, ["channel", "uid"]),
        (old(), Expected(channel="Room"), ["channel"]),
        (old(), Expected(user="2"), ["uid"]),
        (old(), Expected(app_id="f" * 32), ["app_id"]),
        (old(channel="b", uid="2"), FITS, ["channel", "uid"]),
    ],
)
def test_each_difference_is_named(token: str, expected: Expected, subjects: list[str]) -> None:
    """And nothing else."""
    assert differences(token, expected) == subjects


@pytest.mark.parametrize(
    ("channel", "user", "words"),
    [
        ("a", "1", ""),
        ("b", "2", ""),
        ("b", "1", "The token is for uid 2, expected is uid 1."),
        ("c", "2", 'The token is for the channel "a" or "b", expected is "c".'),
        (None, "3", "The token is for uid 1 or uid 2, expected is uid 3."),
    ],
)
def test_each_service_rtc_has_a_channel_and_a_user_of_its_own(channel: str | None, user: str, words: str) -> None:
    """The user of one channel is nobody in the other."""
    services = [Service(RTC, ALL, {"channel": name, "uid": uid}) for name, uid in (("a", "1"), ("b", "2"))]
    token = tokens.mint(PROJECT, services, issued_at=NOW, lifetime=60, salt=7)
    expected = Expected(channel, user)
    found = [difference.what for difference in token_judgement.judge(report(token, expected), expected, NOW)]
    assert len(found) == bool(words)
    assert words in "".join(found)


@pytest.mark.parametrize("token", [minted(), old()])
def test_another_certificate_is_an_invalid_signature(token: str) -> None:
    """Also when nothing else is wrong."""
    assert differences(token, FITS, certificate=OTHER_CERTIFICATE) == ["signature"]


@pytest.mark.parametrize(
    ("channel", "wanted", "fits"),
    [
        ("*", "room", True),
        ("", "room", True),
        ("r*m", "room", True),
        ("r*m", "rook", False),
        ("a.c", "abc", False),
        ("1*a*2", "1xay2", True),
        ("1*a*2", "12", False),
        ("ab*ba", "aba", False),
        ("*aa*aa*", "aaa", False),
        ("*a" * 20 + "*b", "a" * 63, False),
    ],
)
def test_a_wildcard_opens_what_fits_and_is_remarked(channel: str, wanted: str, fits: bool) -> None:
    """Only the asterisk is one."""
    token = minted(channel=channel)
    assert (differences(token, Expected(channel=wanted)) == []) is fits
    assert ("channel" in remarks(token)) is (channel != "a.c")


@pytest.mark.parametrize("uid", ["", "*"])
def test_a_wildcard_uid_admits_everybody_and_is_remarked(uid: str) -> None:
    """Agora lets them in, so it is no difference."""
    assert differences(minted(uid=uid), FITS) == []
    assert "admits any uid" in remarks(minted(uid=uid))
    assert token_judgement.named_user(uid) == "any uid"


@pytest.mark.parametrize(
    ("token", "now", "words"),
    [
        (minted(), NOW + 3600, "Expired 0 s ago"),
        (minted({1: 60}), NOW + 120, "its privilege to join ends then"),
        (minted({1: 0}), NOW + 3660, "Expired 1 min ago"),
        (minted(lifetime=3 * DAY, privileges={1: 0}), NOW + 2 * DAY, "Expired 1 d ago"),
        (minted(at=NOW + 61), NOW, "1 min 1 s ahead"),
        (old(end=3600), NOW, "1970-01-01 01:00:00 UTC"),
        (old({1: 3600}), NOW, "its privilege to join"),
    ],
)
def test_a_token_that_is_not_live_says_why(token: str, now: int, words: str) -> None:
    """Only where that is expected."""
    assert differences(token, Expected(live=True), now) == ["live"]
    assert differences(token, ANYTHING, now) == []
    (found,) = token_judgement.liveness(report(token), now)
    assert words in str(found)


def test_a_clock_may_be_a_little_ahead() -> None:
    """Two machines never agree to the second."""
    assert token_judgement.liveness(report(minted(at=NOW + 60)), NOW) == ()
    assert token_judgement.liveness(report(minted()), NOW + 3599) == ()


def test_a_difference_explains_agoras_error_number() -> None:
    """To somebody who has never heard of a uid."""
    expected = Expected(user="2")
    (found,) = token_judgement.judge(report(minted(), expected), expected, NOW)
    assert "The token is for uid 1, expected is uid 2." in str(found)
    assert "A uid is the number under which a participant joins" in str(found)
    assert "error 110 (ERR_INVALID_TOKEN or ERR_NO_AUTHORIZED in browsers)" in str(found)
    assert "the answer is 3 (the new token is invalid, or for another uid)" in str(found)


@pytest.mark.parametrize(
    ("expected", "number"),
    [(Expected(app_id="f" * 32), 110), (Expected(app_id="mistyped"), 101), (Expected(channel="b"), 110)],
)
def test_the_error_number_is_that_of_agoras_client(expected: Expected, number: int) -> None:
    """An App ID that is none is refused before the token is looked at."""
    (found,) = token_judgement.judge(report(minted(), expected), expected, NOW)
    assert found.error is not None
    assert found.error.number == number


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (minted({1: 3600}), "subscriber"),
        (minted({2: 3600}), "join_channel is missing"),
        (minted({1: 60, 2: 60}), "join_channel ends 59 min before the token"),
        (minted({1: 3600, 2: 60}), "publish_audio ends before"),
        (minted(lifetime=2 * DAY), "no token for more than 24 hours"),
        (minted(lifetime=3_600_000), "milliseconds; in seconds it would be 1 h"),
        (minted(lifetime=NOW + 3600), "looks like an instant"),
        (minted(at=3600), "no real clock"),
        (minted(uid="alice"), "user account"),
        (minted(uid="01"), "looks like a uid and is none"),
        (minted(uid=" 1"), "looks like a uid and is none"),
        (minted(uid="0"), "not the uid 0"),
        (minted(uid="\u0430lice"), "breaks a rule of Agora"),
        (minted(channel="r\u043e\u043em"), r'"r\u043e\u043em" breaks a rule of Agora'),
        (minted(channel="a" * 64), "1 to 63 characters"),
        (old({1: 3600}), "like a duration"),
        (old(end=NOW + 2 * DAY), "2 d after now"),
        (old(channel=""), "every channel"),
        (old(), "only checksums"),
    ],
)
def test_what_is_odd_is_remarked(token: str, words: str) -> None:
    """With the mistake that it usually comes from."""
    assert words in remarks(token)


def test_a_token_like_ours_is_not_remarked_on() -> None:
    """Otherwise nobody would read the remarks."""
    assert remarks(minted()) == ""


def test_a_second_service_rtc_is_remarked() -> None:
    """The report's head holds one channel and one uid."""
    rtc = Service(RTC, ALL, {"channel": "room", "uid": "1"})
    assert "more than once" in remarks(tokens.mint(PROJECT, [rtc, rtc], issued_at=NOW, lifetime=60, salt=1))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ('{"agora_token": "007"}', "agora_token"),
        (f'"{minted()}"', "quotes"),
        (f"{minted()[:50]}\n{minted()[50:]}", "line break"),
        (f"{minted()} ", "white space"),
        ("eyJhbGciOiJIUzI1NiJ9.e30.x", "LiveKit"),
        (PROJECT.app_id, "App ID"),
        ("005" + minted()[3:], "007"),
        ("006" + minted()[3:], "goes on as version 007"),
        ("007" + old()[3:], "goes on as version 006"),
        (minted()[:-7], "base64"),
        (minted()[:-8], "cut short"),
        ("007eJ" + "A" * 200_000, "longer"),
        ("hunter2", "007"),
    ],
)
def test_what_is_no_token_is_told_what_it_is(text: str, words: str) -> None:
    """As far as we know, and without the text."""
    with pytest.raises(UnreadableToken, match=words) as raised:
        either_version.read(text)
    assert "hunter2" not in str(raised.value)
    assert PROJECT.app_id not in str(raised.value)


@given(text=st.text() | st.text().map("007".__add__) | st.text(min_size=40).map("006".__add__))
def test_any_text_is_told_about_or_unreadable(text: str) -> None:
    """Nothing else comes out, whatever goes in."""
    with suppress(UnreadableToken):
        assert report(text).signature != "valid"


@given(services=strategies.services, terms=strategies.any_terms, now=strategies.u32)
def test_any_token_can_be_judged_and_remarked_on(services: list[Service], terms: dict[str, int], now: int) -> None:
    """Every service, any Unicode, every instant that the format holds."""
    told = report(tokens.mint(PROJECT, services, **terms), FITS)
    assert told.signature == "valid"
    assert all(map(str, token_judgement.judge(told, FITS, now)))
    assert all(token_remarks.remarks(told, now))


@given(ends=strategies.privileges, user=strategies.texts, end=strategies.u32, now=strategies.u32)
def test_any_old_token_can_be_judged_and_remarked_on(ends: dict[int, int], user: str, end: int, now: int) -> None:
    """The same for version 006."""
    expected = Expected("room", user, None, live=True)
    told = report(old(ends, uid=user, end=end), expected)
    assert told.signature == "valid"
    assert all(map(str, token_judgement.judge(told, expected, now)))
    assert all(token_remarks.remarks(told, now))


def test_a_checksum_alone_is_compared() -> None:
    """Two names with one checksum cannot be told apart; the signature can, when both are expected."""
    assert crc32(b"plumless") == crc32(b"buckeroo")
    token = old(channel="plumless")
    assert differences(token, Expected(channel="buckeroo")) == []
    assert differences(token, Expected(channel="buckeroo", user="1")) == ["signature"]


def test_what_follows_an_unknown_service_is_remarked() -> None:
    """It is signed, and unread."""
    unknown = Kind(99, "later", (), {})
    rtc = Service(RTC, ALL, {"channel": "room", "uid": "1"})
    token = tokens.mint(PROJECT, [rtc, Service(unknown, {}, {})], issued_at=NOW, lifetime=3600, salt=7)
    assert "More services follow" in remarks(token)
    assert report(token).document()["signature"] == "valid"
