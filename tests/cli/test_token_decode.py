"""`session-service token decode`: wrong tokens of every kind, shown to somebody who has never heard of a uid."""

import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from session_service.agora import legacy_tokens, tokens
from session_service.agora.token_services import KINDS, RTC, Service
from tests.agora.vectors import OTHER_CERTIFICATE, PROJECT
from tests.cli.debugging import SIGNED, decode, run

HOUR, DAY = 3600, 86400
BEGUN = int(time.time()) - 60
ALL = dict.fromkeys((1, 2, 3, 4), HOUR)
KEYS = ["version", "app_id", "channel", "uid", "account", "privileges", "services", "issued_at", "expires_at"]


def minted(uid: str = "1", channel: str = "room", ends: dict[int, int] = ALL, at: int = BEGUN, life: int = HOUR) -> str:
    """A token of version 007 that is good now, unless a test says otherwise."""
    service = Service(RTC, ends, {"channel": channel, "uid": uid})
    return tokens.mint(PROJECT, [service], issued_at=at, lifetime=life, salt=7)


def old(end: int = BEGUN + HOUR) -> str:
    """A publisher's token of version 006 for uid 1 in the room."""
    return legacy_tokens.build(PROJECT, "room", "1", dict.fromkeys(ALL, end), expires_at=end, salt=7)


GOOD = minted()
FITS = ("--expect-channel", "room", "--expect-uid", "1", "--expect-app-id", PROJECT.app_id, "--expect-live")


@pytest.mark.parametrize("token", [GOOD, old()])
def test_a_good_token_that_fits_ends_with_0(token: str) -> None:
    """Of either version."""
    done = decode(token, *FITS, **SIGNED)
    assert done.exit_code == 0
    assert "Signature  valid" in done.stdout
    assert "Wrong" not in done.output


def test_a_report_says_everything_in_words() -> None:
    """Who, where, from when to when, and what is allowed until then."""
    lines = decode(GOOD, **SIGNED).stdout.splitlines()
    assert lines[:4] == ["Version    007", f"App ID     {PROJECT.app_id}", 'Channel    "room"', "User       uid 1"]
    assert re.fullmatch(r"Issued     20[-0-9]+ [:0-9]+ UTC \(\d+ min.* ago\)", lines[4])
    assert re.fullmatch(r"Expires    until 20[-0-9]+ [:0-9]+ UTC \(\d+ min.* left\)", lines[5])
    assert lines[6:8] == ["Lifetime   1 h", "Signature  valid"]
    assert [line.split()[:2] for line in lines[9:13]] == [[name, "until"] for name in RTC.privileges]
    assert lines[-1] == "Nothing wrong."


@pytest.mark.parametrize("token", [GOOD, old()])
def test_json_has_exactly_the_promised_keys(token: str) -> None:
    """One object on standard output, remarks on standard error."""
    done = decode(token, "--json", **SIGNED)
    assert list(json.loads(done.stdout)) == [*KEYS, "signature"]
    assert done.exit_code == 0


def test_without_a_certificate_the_signature_is_unchecked() -> None:
    """Which is nothing wrong."""
    done = decode(GOOD)
    assert "Signature  unchecked: there is no certificate to check it with" in done.stdout
    assert done.exit_code == 0


def test_an_old_token_says_what_its_signature_takes() -> None:
    """Channel and uid, which it does not hold."""
    done = decode(old(), **SIGNED)
    assert "Channel    not told by version 006" in done.stdout
    assert "--expect-channel and --expect-uid" in done.stdout
    assert done.exit_code == 0


def test_a_token_may_be_an_argument() -> None:
    """Though the documentation does not do it."""
    assert run("token", "decode", GOOD, **SIGNED).stdout == decode(GOOD, **SIGNED).stdout


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (GOOD[:-1], "not complete base64"),
        (GOOD[:-8], "cut short"),
        (GOOD[:40] + ("A" if GOOD[40] != "A" else "B") + GOOD[41:], "damaged"),
        ("008" + GOOD[3:], "begin with 007"),
        ("006" + GOOD[3:], "goes on as version 007"),
        (f" {GOOD}", "white space"),
        (f"{GOOD}\n", "line break"),
        (f"{GOOD[:30]}\r\n{GOOD[30:]}", "line break"),
        (f'"{GOOD}"', "quotes"),
        (json.dumps({"agora_token": GOOD}), "This is JSON"),
        (f"agora_token={GOOD}", "no Agora token"),
        ("", "empty"),
        ("007eJ" * 100_000, "longer than any token"),
        (PROJECT.certificate, "App Certificate"),
    ],
)
def test_what_cannot_be_read_ends_with_2_and_says_what_it_is(token: str, words: str) -> None:
    """Without printing it back."""
    done = decode(token, **SIGNED)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("This token cannot be read. ")
    assert words in done.stderr
    assert GOOD[3:20] not in done.stderr
    assert PROJECT.certificate not in done.stderr


def test_bytes_that_are_no_text_cannot_be_read() -> None:
    """A sentence, not a traceback."""
    done = run("token", "decode", "-", given=b"007\xff\xfe")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "not UTF-8" in done.stderr


@pytest.mark.parametrize(
    ("token", "expectation", "words"),
    [
        (minted(channel="lobby"), (), ["Wrong channel", 'for the channel "lobby", expected is "room"', "error 110"]),
        (minted(uid="7"), (), ["Wrong uid", "for uid 7, expected is uid 1", "A uid is the number", "error 110"]),
        (minted(uid="alice"), (), ["Wrong uid", 'the user account "alice"', "must not mix the two"]),
        (GOOD, ("--expect-app-id", "f" * 32), ["Wrong app id", "error 110"]),
        (GOOD, ("--expect-app-id", "5bfb"), ["Wrong app id", "error 101", "ERR_INVALID_VENDOR_KEY"]),
        (minted(at=BEGUN - DAY), (), ["Wrong live", "Expired 23 h", "error 109", "ERR_DYNAMIC_KEY_TIMEOUT"]),
        (minted(at=BEGUN + HOUR), (), ["Wrong live", "Not issued yet", "clock"]),
        (old(end=HOUR), (), ["Wrong live", "1970-01-01", "like a duration", "error 109"]),
        (minted(at=BEGUN % 2**20), (), ["Wrong live", "no real clock", "milliseconds"]),
    ],
)
def test_an_expectation_that_is_not_met_ends_with_1(token: str, expectation: tuple[str, ...], words: list[str]) -> None:
    """Named, with what Agora's client would do."""
    done = decode(token, *FITS, *expectation, **SIGNED)
    assert done.exit_code == 1
    assert [word for word in words if word not in done.stdout] == []


@settings(max_examples=50)
@given(token=st.sampled_from([GOOD, old()]), at=st.integers(0, len(old()) - 1), other=st.characters(codec="ascii"))
def test_one_mistyped_character_never_ends_with_0(token: str, at: int, other: str) -> None:
    """It is unreadable, or its signature does not hold."""
    mistyped = token[:at] + other + token[at + 1 :]
    done = decode(mistyped, *FITS, **SIGNED)
    assert done.exit_code in ((0,) if mistyped == token else (1, 2))


@pytest.mark.parametrize("token", [GOOD, old()])
def test_another_certificate_ends_with_1(token: str) -> None:
    """Whatever else was expected."""
    done = decode(token, *FITS, AGORA_APP_CERTIFICATE=OTHER_CERTIFICATE)
    assert done.exit_code == 1
    assert "Signature  invalid" in done.stdout
    assert "Wrong signature: This certificate did not sign the token" in done.stdout


def test_what_is_no_certificate_ends_with_2_and_is_not_shown() -> None:
    """It is the setting that is wrong, not the token."""
    done = decode(GOOD, AGORA_APP_CERTIFICATE="hunter2")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("AGORA_APP_CERTIFICATE: An Agora App Certificate is exactly 32")
    assert "hunter2" not in done.output


@pytest.mark.parametrize("words", [(), ("--expect-channel", "room", "--expect-uid", "1")])
def test_an_expired_token_is_told_and_ends_with_0_unless_expected_live(words: tuple[str, ...]) -> None:
    """Most captured tokens have expired when somebody looks."""
    done = decode(minted(at=BEGUN - DAY), *words, **SIGNED)
    assert done.exit_code == 0
    assert "Note: Expired 23 h" in done.stdout
    assert "ended 20" in done.stdout


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (minted(uid=""), "admits any uid"),
        (minted(channel="*"), "wildcard"),
        (minted(channel=""), "every channel"),
        (minted(ends={1: HOUR}), "subscriber's token"),
        (minted(ends={2: HOUR}), "join_channel is missing"),
        (minted(ends={**ALL, 1: 60 + 30}), "ends 58 min 30 s before the token"),
        (minted(life=2 * DAY), "24 hours"),
        (minted(life=HOUR * 1000), "milliseconds"),
        (minted(life=BEGUN), "looks like an instant"),
        (minted(uid="01"), "looks like a uid and is none"),
    ],
)
def test_what_is_odd_is_told_and_ends_with_0(token: str, words: str) -> None:
    """Readable, and nothing that was expected is missing."""
    done = decode(token, **SIGNED)
    assert done.exit_code == 0
    assert words in done.stdout
    assert words in decode(token, "--json", **SIGNED).stderr


def test_the_uid_0_is_shown_as_any_uid() -> None:
    """And expected as 0."""
    assert "User       any uid" in decode(minted(uid="")).stdout
    assert decode(minted(uid=""), "--expect-uid", "0").exit_code == 0
    assert decode(GOOD, "--expect-uid", "0").exit_code == 1


def test_a_token_cannot_move_the_cursor() -> None:
    """What is no printable text is escaped, wherever it stands in the token."""
    done = decode(
        minted(uid="\x1b[2J", channel="a\nVersion 009\u202e"), "--expect-channel", "\udcff", "--expect-uid", "1"
    )
    assert done.exit_code == 1
    assert not {"\x1b", "\u202e"} & set(done.output)
    assert "\nVersion 009" not in done.output


def test_permissions_are_shown_in_ascii() -> None:
    """Like every text of a token: on any terminal, and without letters that only look like others."""
    rtm2 = Service(KINDS[8], {1: HOUR}, {"user_id": "1", "permissions": {0: {1: ("r\u00f6om\u202e",)}}})
    done = decode(tokens.mint(PROJECT, [rtm2], issued_at=BEGUN, lifetime=HOUR, salt=7))
    assert done.exit_code == 0
    assert r'permissions {"0": {"1": ["r\u00f6om\u202e"]}}' in done.stdout


def test_a_byte_order_mark_is_no_part_of_a_token() -> None:
    """Editors on Windows write one."""
    assert run("token", "decode", "-", given=b"\xef\xbb\xbf" + GOOD.encode() + b"\r\n").exit_code == 0


def test_the_token_is_never_printed_back() -> None:
    """It is a secret until it expires."""
    for words in ((), ("--json",), ("--expect-uid", "2")):
        assert GOOD[3:30] not in decode(GOOD, *words, **SIGNED).output
