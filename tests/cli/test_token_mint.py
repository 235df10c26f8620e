"""`session-service token mint`: the token that was asked for, alone; and no certificate anywhere."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from session_service.agora import token_report
from tests.agora import strategies
from tests.agora.vectors import PROJECT
from tests.cli.debugging import SIGNED, decode, run

ROOM = ("token", "mint", "--channel", "room")


def is_account(text: str) -> bool:
    """Whether a token can tell this text from a uid, and --expect-uid from the uid 0."""
    return token_report.uid(text) is None and text != "0"


accounts = st.text(strategies.CHARACTERS, min_size=1, max_size=255).filter(is_account)


@settings(max_examples=30)
@given(
    version=st.sampled_from(["007", "006"]),
    channel=strategies.channels,
    uid=strategies.uids,
    role=st.sampled_from(["publisher", "subscriber"]),
    lifetime=strategies.lifetimes,
)
def test_decode_reports_what_mint_was_asked_for(version: str, channel: str, uid: int, role: str, lifetime: int) -> None:
    """Either version, each role; version 006 is asked, as it does not tell."""
    words = (f"--channel={channel}", f"--uid={uid}", "--version", version, "--role", role, "--lifetime", str(lifetime))
    token = run("token", "mint", *words, **SIGNED).stdout.removesuffix("\n")
    expected = (f"--expect-channel={channel}", f"--expect-uid={uid}", "--expect-app-id", PROJECT.app_id)
    done = decode(token, "--json", *expected, **SIGNED)
    told = json.loads(done.stdout)
    assert (done.exit_code, told["version"], told["signature"]) == (0, version, "valid")
    assert (told["channel"], told["uid"]) == ((channel, uid) if version == "007" else (None, None))
    assert len(told["privileges"]) == (4 if role == "publisher" else 1)
    assert version == "006" or told["expires_at"] - told["issued_at"] == lifetime


@settings(max_examples=30)
@given(version=st.sampled_from(["007", "006"]), account=accounts)
def test_a_user_account_is_minted_as_it_is(version: str, account: str) -> None:
    """Also one that begins with a hyphen, after an equals sign."""
    token = run(*ROOM, f"--account={account}", "--version", version, **SIGNED).stdout.removesuffix("\n")
    done = decode(token, "--json", "--expect-channel", "room", f"--expect-uid={account}", **SIGNED)
    assert (done.exit_code, json.loads(done.stdout)["signature"]) == (0, "valid")
    assert json.loads(done.stdout)["account"] == (account if version == "007" else None)


@pytest.mark.parametrize("version", ["007", "006"])
def test_the_token_stands_alone_on_standard_output(version: str) -> None:
    """So that it can be piped on."""
    done = run(*ROOM, "--uid", "1", "--version", version, **SIGNED)
    assert done.exit_code == 0
    assert done.stdout.startswith(version)
    assert len(done.stdout.split()) == 1
    assert done.stderr == ""


@pytest.mark.parametrize("words", [("--any-uid",), ("--any-uid", "--uid", "0")])
def test_any_uid_is_minted_when_it_is_said(words: tuple[str, ...]) -> None:
    """And decode says what that means."""
    done = decode(run(*ROOM, *words, **SIGNED).stdout.removesuffix("\n"), "--json", **SIGNED)
    assert json.loads(done.stdout)["uid"] == 0
    assert "admits any uid" in done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "once: --uid N, --account TEXT, or --any-uid"),
        (("--uid", "1", "--account", "a"), "once: --uid N"),
        (("--uid", "1", "--any-uid"), "once: --uid N"),
        (("--uid", "0"), "If so: --any-uid"),
        (("--uid", "-1"), "from 1 to 4294967295"),
        (("--uid", "4294967296"), "from 1 to 4294967295"),
        (("--uid", "one"), "--uid"),
        (("--account", ""), "1 to 255 characters"),
        (("--account", "ålice"), "1 to 255 characters"),
        (("--account", "12"), "--uid"),
        (("--uid", "1", "--lifetime", "0"), "1 to 86400 seconds"),
        (("--uid", "1", "--lifetime", "86401"), "1 to 86400 seconds"),
        (("--uid", "1", "--role", "admin"), "publisher"),
        (("--uid", "1", "--version", "008"), "007"),
        (("--uid", "1", "--channel", "a/b"), "A channel name is"),
        (("--uid", "1", "--channel", ""), "A channel name is"),
        (("--uid", "1", "--channel", "*"), "A channel name is"),
    ],
)
def test_a_bad_value_is_a_sentence_and_exit_code_2(words: tuple[str, ...], sentence: str) -> None:
    """And no token."""
    done = run(*ROOM, *words, **SIGNED)
    assert (done.exit_code, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert PROJECT.certificate not in done.output


@pytest.mark.parametrize("missing", ["AGORA_APP_ID", "AGORA_APP_CERTIFICATE"])
def test_a_missing_setting_is_named(missing: str) -> None:
    """With the file that could hold it."""
    done = run(*ROOM, "--uid", "1", **{**SIGNED, missing: ""})
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{missing} is not set. Set it, or {missing}_FILE" in done.stderr


@pytest.mark.parametrize("name", ["AGORA_APP_ID", "AGORA_APP_CERTIFICATE"])
def test_a_wrong_setting_is_named_without_its_value(name: str) -> None:
    """Such as a certificate that was cut."""
    done = run(*ROOM, "--uid", "1", **{**SIGNED, name: "hunter2"})
    assert done.exit_code == 2
    assert f"{name}: An Agora App" in done.stderr
    assert "hunter2" not in done.output


def test_the_certificate_may_stand_in_a_file(tmp_path: Path) -> None:
    """As where the service runs."""
    file = tmp_path / "certificate"
    file.write_text(f"{PROJECT.certificate}\n")
    variables = {"AGORA_APP_ID": PROJECT.app_id, "AGORA_APP_CERTIFICATE_FILE": str(file)}
    token = run(*ROOM, "--uid", "1", **variables).stdout.removesuffix("\n")
    assert "Signature  valid" in decode(token, **variables).stdout


def test_a_file_that_is_not_there_is_named_by_its_setting() -> None:
    """Exit code 2, and the reason."""
    done = run(*ROOM, "--uid", "1", AGORA_APP_ID=PROJECT.app_id, AGORA_APP_CERTIFICATE_FILE="nowhere")
    assert done.exit_code == 2
    assert "AGORA_APP_CERTIFICATE_FILE" in done.stderr


def test_the_certificate_is_in_no_output() -> None:
    """Neither of mint nor of decode, right or wrong."""
    minted = run(*ROOM, "--uid", "1", **SIGNED)
    token = minted.stdout.removesuffix("\n")
    said = [minted, decode(token, **SIGNED), decode(token[:-8], **SIGNED), decode(token, "--expect-uid", "2", **SIGNED)]
    assert not [done for done in said if PROJECT.certificate in done.output]
