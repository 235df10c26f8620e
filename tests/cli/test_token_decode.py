"""`session-service token decode`: wrong tokens of every kind, shown to somebody who has never heard of a uid."""

import json
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from session_service.agora import legacy_tokens, tokens
from session_service.agora.token_services import KINDS, RTC, Service
from tests.agora.vectors import OTHER_CERTIFICATE, PROJECT
from tests.cli.debugging import SIGNED, decode, run

HOUR, DAY = 3600, 86400
ALL = dict.fromkeys((1, 2, 3, 4), HOUR)
KEYS = ["version", "app_id", "channel", "uid", "account", "privileges", "services", "issued_at", "expires_at"]


def begun() -> int:
    """A minute ago, whenever a test is run."""
    return int(time.time()) - 60


def minted(
    uid: str = "1", channel: str = "room", ends: dict[int, int] = ALL, at: int | None = None, life: int = HOUR
) -> str:
    """A token of version 007 that is good now, unless a test says otherwise."""
    service = Service(RTC, ends, {"channel": channel, "uid": uid})
    return tokens.mint(PROJECT, [service], issued_at=begun() if at is None else at, lifetime=life, salt=7)


def old(end: int | None = None) -> str:
    """A publisher's token of version 006 for uid 1 in the room."""
    end = begun() + HOUR if end is None else end
    return legacy_tokens.build(PROJECT, "room", "1", dict.fromkeys(ALL, end), expires_at=end, salt=7)


Made = Callable[[], str]
"""A token that is made when its test runs: one that was made before may have expired by then."""
FITS = ("--expect-channel", "room", "--expect-uid", "1", "--expect-app-id", PROJECT.app_id, "--expect-live")


@pytest.mark.parametrize("made", [minted, old])
def test_a_good_token_that_fits_ends_with_0(made: Made) -> None:
    """Of either version."""
    done = decode(made(), *FITS, **SIGNED)
    assert done.exit_code == 0
    assert "Signature  valid" in done.stdout
    assert "Wrong" not in done.output


def test_a_report_says_everything_in_words() -> None:
    """Who, where, from when to when, and what is allowed until then."""
    lines = decode(minted(), **SIGNED).stdout.splitlines()
    assert lines[:4] == ["Version    007", f"App ID     {PROJECT.app_id}", 'Channel    "room"', "User       uid 1"]
    assert re.fullmatch(r"Issued     20[-0-9]+ [:0-9]+ UTC \(\d+ min.* ago\)", lines[4])
    assert re.fullmatch(r"Expires    until 20[-0-9]+ [:0-9]+ UTC \(\d+ min.* left\)", lines[5])
    assert lines[6:8] == ["Lifetime   1 h", "Signature  valid"]
    assert [line.split()[:2] for line in lines[9:13]] == [[name, "until"] for name in RTC.privileges]
    assert lines[-1] == "Nothing wrong."


@pytest.mark.parametrize("made", [minted, old])
def test_json_has_exactly_the_promised_keys(made: Made) -> None:
    """One object on standard output, remarks on standard error."""
    done = decode(made(), "--json", **SIGNED)
    assert list(json.loads(done.stdout)) == [*KEYS, "signature"]
    assert done.exit_code == 0


def test_without_a_certificate_the_signature_is_unchecked() -> None:
    """Which is nothing wrong."""
    done = decode(minted())
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
    token = minted()
    said = [run("token", "decode", token, **SIGNED).stdout, decode(token, **SIGNED).stdout]
    assert len({re.sub(r"\(.* (ago|left)\)", "", text) for text in said}) == 1  # a second may pass between the two


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (lambda good: good[:-1], "not complete base64"),
        (lambda good: good[:-8], "cut short"),
        (lambda good: good[:40] + ("A" if good[40] != "A" else "B") + good[41:], "damaged"),
        (lambda good: "008" + good[3:], "begin with 007"),
        (lambda good: "006" + good[3:], "goes on as version 007"),
        (lambda good: f" {good}", "white space"),
        (lambda good: f"{good}\n", "line break"),
        (lambda good: f"{good[:30]}\r\n{good[30:]}", "line break"),
        (lambda good: f'"{good}"', "quotes"),
        (lambda good: json.dumps({"agora_token": good}), "This is JSON"),
        (lambda good: f"agora_token={good}", "no Agora token"),
        (lambda good: "", "empty"),
        (lambda good: "007eJ" * 100_000, "longer than any token"),
        (lambda good: PROJECT.certificate, "App Certificate"),
    ],
)
def test_what_cannot_be_read_ends_with_2_and_says_what_it_is(spoilt: Callable[[str], str], words: str) -> None:
    """Without printing it back."""
    good = minted()
    done = decode(spoilt(good), **SIGNED)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("This token cannot be read. ")
    assert words in done.stderr
    assert good[3:20] not in done.stderr
    assert PROJECT.certificate not in done.stderr


def test_bytes_that_are_no_text_cannot_be_read() -> None:
    """A sentence, not a traceback."""
    done = run("token", "decode", "-", given=b"007\xff\xfe")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "not UTF-8" in done.stderr


@pytest.mark.parametrize(
    ("made", "expectation", "words"),
    [
        (
            lambda: minted(channel="lobby"),
            (),
            ["Wrong channel", 'for the channel "lobby", expected is "room"', "error 110"],
        ),
        (
            lambda: minted(uid="7"),
            (),
            ["Wrong uid", "for uid 7, expected is uid 1", "A uid is the number", "error 110"],
        ),
        (lambda: minted(uid="alice"), (), ["Wrong uid", 'the user account "alice"', "must not mix the two"]),
        (minted, ("--expect-app-id", "f" * 32), ["Wrong app id", "error 110"]),
        (minted, ("--expect-app-id", "5bfb"), ["Wrong app id", "error 101", "ERR_INVALID_VENDOR_KEY"]),
        (lambda: minted(at=begun() - DAY), (), ["Wrong live", "Expired 23 h", "error 109", "ERR_DYNAMIC_KEY_TIMEOUT"]),
        (lambda: minted(at=begun() + HOUR), (), ["Wrong live", "Not issued yet", "clock"]),
        (lambda: old(end=HOUR), (), ["Wrong live", "1970-01-01", "like a duration", "error 109"]),
        (lambda: minted(at=begun() % 2**20), (), ["Wrong live", "no real clock", "milliseconds"]),
    ],
)
def test_an_expectation_that_is_not_met_ends_with_1(made: Made, expectation: tuple[str, ...], words: list[str]) -> None:
    """Named, with what Agora's client would do."""
    done = decode(made(), *FITS, *expectation, **SIGNED)
    assert done.exit_code == 1
    assert [word for word in words if word not in done.stdout] == []


@settings(max_examples=50)
@given(made=st.sampled_from([minted, old]), at=st.integers(0, len(old()) - 1), other=st.characters(codec="ascii"))
def test_one_mistyped_character_never_ends_with_0(made: Made, at: int, other: str) -> None:
    """It is unreadable, or its signature does not hold."""
    token = made()
    mistyped = token[:at] + other + token[at + 1 :]
    done = decode(mistyped, *FITS, **SIGNED)
    assert done.exit_code in ((0,) if mistyped == token else (1, 2))


@pytest.mark.parametrize("made", [minted, old])
def test_another_certificate_ends_with_1(made: Made) -> None:
    """Whatever else was expected."""
    done = decode(made(), *FITS, AGORA_APP_CERTIFICATE=OTHER_CERTIFICATE)
    assert done.exit_code == 1
    assert "Signature  invalid" in done.stdout
    assert "Wrong signature: This certificate did not sign the token" in done.stdout


def test_what_is_no_certificate_ends_with_2_and_is_not_shown() -> None:
    """It is the setting that is wrong, not the token."""
    done = decode(minted(), AGORA_APP_CERTIFICATE="hunter2")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("AGORA_APP_CERTIFICATE: An Agora App Certificate is exactly 32")
    assert "hunter2" not in done.output


@pytest.mark.parametrize("words", [(), ("--expect-channel", "room", "--expect-uid", "1")])
def test_an_expired_token_is_told_and_ends_with_0_unless_expected_live(words: tuple[str, ...]) -> None:
    """Most captured tokens have expired when somebody looks."""
    done = decode(minted(at=begun() - DAY), *words, **SIGNED)
    assert done.exit_code == 0
    assert "Note: Expired 23 h" in done.stdout
    assert "ended 20" in done.stdout


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: minted(uid=""), "admits any uid"),
        (lambda: minted(channel="*"), "wildcard"),
        (lambda: minted(channel=""), "every channel"),
        (lambda: minted(ends={1: HOUR}), "subscriber's token"),
        (lambda: minted(ends={2: HOUR}), "join_channel is missing"),
        (lambda: minted(ends={**ALL, 1: 60 + 30}), "ends 58 min 30 s before the token"),
        (lambda: minted(life=2 * DAY), "24 hours"),
        (lambda: minted(life=HOUR * 1000), "milliseconds"),
        (lambda: minted(life=begun()), "looks like an instant"),
        (lambda: minted(uid="01"), "looks like a uid and is none"),
    ],
)
def test_what_is_odd_is_told_and_ends_with_0(made: Made, words: str) -> None:
    """Readable, and nothing that was expected is missing."""
    token = made()
    done = decode(token, **SIGNED)
    assert done.exit_code == 0
    assert words in done.stdout
    assert words in decode(token, "--json", **SIGNED).stderr


def test_the_uid_0_is_shown_as_any_uid() -> None:
    """And expected as 0."""
    assert "User       any uid" in decode(minted(uid="")).stdout
    assert decode(minted(uid=""), "--expect-uid", "0").exit_code == 0
    assert decode(minted(), "--expect-uid", "0").exit_code == 1


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
    done = decode(tokens.mint(PROJECT, [rtm2], issued_at=begun(), lifetime=HOUR, salt=7))
    assert done.exit_code == 0
    assert r'permissions {"0": {"1": ["r\u00f6om\u202e"]}}' in done.stdout


def test_a_byte_order_mark_is_no_part_of_a_token() -> None:
    """Editors on Windows write one."""
    assert run("token", "decode", "-", given=b"\xef\xbb\xbf" + minted().encode() + b"\r\n").exit_code == 0


def test_the_token_is_never_printed_back() -> None:
    """It is a secret until it expires."""
    token = minted()
    for words in ((), ("--json",), ("--expect-uid", "2")):
        assert token[3:30] not in decode(token, *words, **SIGNED).output
