"""What the checks of group E say about mode, key and salt, mistake by mistake."""

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.agora import encryption
from session_service.agora.encryption import MODES
from session_service.check.asking.messages import Answer, Exchange
from session_service.check.catalogue import BY_ID
from session_service.check.context import Context
from session_service.check.model import NotApplicable, Outcome, judged
from tests.check.one_answer import DECLARED, context, details, found, made

KEY = "qbd0hFzG2v1Kp8m4sYtRj3xLwE7uNc9oVaZi5fTgB6U="
SALT = "M3kPz9QwX5vB7nL1cR8tY2uJ4hG6fD0sAqWeZxCvBn8="
RIGHT = {"encryption_mode": "aes_256_gcm2", "encryption_key": KEY, "encryption_salt": SALT}


def encrypted(**differently: object) -> dict[str, object]:
    """Join details of an encrypted channel, right unless told otherwise."""
    return details(**{**RIGHT, **differently})


@pytest.mark.parametrize(
    ("differently", "words"),
    [
        ({"encryption_mode": ...}, "no mode"),
        ({"encryption_mode": "none"}, "none of Agora's"),
        ({"encryption_mode": "AES_256_GCM2"}, "The contract writes aes_256_gcm2"),
        ({"encryption_mode": "aes-256-gcm2"}, "The contract writes aes_256_gcm2"),
        ({"encryption_mode": "Aes256Gcm2"}, "The contract writes aes_256_gcm2"),
        ({"encryption_mode": "8"}, "The contract writes aes_256_gcm2"),
        ({"encryption_mode": 8}, "encryption_mode is no text, but a number"),
        ({"encryption_salt": [1, 2]}, "encryption_salt is no text, but a list"),
        ({"encryption_key": ...}, "There is no key"),
        ({"encryption_key": None}, "There is no key"),
        ({"encryption_salt": ...}, "aes_256_gcm2 needs one"),
        ({"encryption_salt": ""}, "aes_256_gcm2 needs one"),
    ],
)
def test_half_an_encryption_is_told_by_what_is_missing(differently: dict[str, object], words: str) -> None:
    """And an unknown mode by the one that was probably meant."""
    result = found("E01", encrypted(**differently))
    (finding,) = result.findings
    assert result.outcome is Outcome.FAIL
    assert words in finding.what


@pytest.mark.parametrize(
    ("expected", "body", "words"),
    [
        ("on", details(), "not encrypted, and it was expected to be"),
        ("aes_256_gcm2", details(), "not encrypted, and it was expected to be"),
        ("off", encrypted(), "encrypted, and it was expected not to be"),
        ("aes_128_gcm2", encrypted(), "The mode is aes_256_gcm2, and aes_128_gcm2 was expected"),
    ],
)
def test_what_was_expected_and_is_not_is_told(expected: str, body: dict[str, object], words: str) -> None:
    """Because the agent was set up for the other."""
    (finding,) = found("E01", body, encryption=expected).findings
    assert words in finding.what


@pytest.mark.parametrize(
    ("expected", "body", "note"),
    [
        (None, details(), "not encrypted"),
        ("off", details(encryption_mode=None, encryption_key=""), "not encrypted"),
        (None, encrypted(), "encrypted with aes_256_gcm2"),
        ("on", encrypted(encryption_mode="sm4_128_ecb", encryption_salt=...), "encrypted with sm4_128_ecb"),
        ("aes_256_gcm2", encrypted(), "encrypted with aes_256_gcm2"),
    ],
)
def test_what_was_expected_and_is_there_passes(expected: str | None, body: dict[str, object], note: str) -> None:
    """And is said either way."""
    result = found("E01", body, encryption=expected)
    assert (result.outcome, result.reason) == (Outcome.PASS, note)


@pytest.mark.parametrize(
    ("differently", "outcome", "words"),
    [
        ({"encryption_salt": "not base64!"}, "fail", "not standard base64. It must"),
        ({"encryption_salt": SALT.rstrip("=")}, "fail", "The = at its end are missing"),
        ({"encryption_salt": f" {SALT}"}, "fail", "white space around it"),
        ({"encryption_salt": "-_" + SALT[2:]}, "fail", "URL-safe"),
        ({"encryption_salt": SALT[:-2] + "9="}, "fail", "not standard base64. It must"),
        ({"encryption_salt": "ab" * 32}, "fail", "written in hexadecimal"),
        ({"encryption_salt": b64encode(SALT.encode()).decode()}, "fail", "encoded twice"),
        ({"encryption_salt": b64encode(bytes(16)).decode()}, "fail", "16 bytes instead of 32"),
        ({"encryption_salt": b64encode(bytes(32)).decode()}, "fail", "all zero"),
        ({"encryption_mode": "aes_256_gcm"}, "warn", "takes no salt"),
        ({"encryption_key": f"{KEY}\n"}, "fail", "white space"),
        ({"encryption_key": "schl\u00fcssel" * 4}, "fail", "not printable ASCII"),
        ({"encryption_key": "a" * 44}, "fail", "one character"),
        ({"encryption_key": "<base64 key>"}, "fail", "placeholder"),
        ({"encryption_key": "your-encryption-key-goes-in-here"}, "fail", "placeholder"),
        ({"encryption_key": "${ENCRYPTION_KEY}"}, "fail", "placeholder"),
        ({"encryption_key": "changeme"}, "fail", "placeholder"),
        ({"encryption_key": "kf83hs02"}, "warn", "8 characters, and the mode's cipher has a key of 32 bytes"),
        ({"encryption_mode": "aes_128_gcm2", "encryption_key": "kf83hs02"}, "warn", "16 bytes"),
        ({"encryption_key": "abcabcabc" * 4}, "warn", "only 3 different characters"),
        ({"encryption_key": b64encode(KEY.encode()).decode()}, "warn", "a key already"),
        ({"encryption_key": b64encode(b"0f1e2d3c" * 8).decode()}, "warn", "a key already"),
    ],
)
def test_each_fault_of_key_and_salt_has_a_sentence_of_its_own(
    differently: dict[str, object], outcome: str, words: str
) -> None:
    """Without the key and the salt."""
    result = found("E02", encrypted(**differently))
    told = " ".join(finding.what for finding in result.findings)
    assert result.outcome.value == outcome
    assert words in told
    assert not any(str(value) in told for name, value in differently.items() if name != "encryption_mode")


@pytest.mark.parametrize("key", [KEY, "0f" * 8 + "3c7a91e5" * 6, "correct horse battery staple, and more"])
@pytest.mark.parametrize("mode", MODES)
def test_any_long_key_passes_in_every_mode(mode: str, key: str) -> None:
    """As base64, in hexadecimal, or as words."""
    salt = SALT if MODES[mode].salted else ...
    body = encrypted(encryption_mode=mode, encryption_key=key, encryption_salt=salt)
    assert found("E02", body).outcome is Outcome.PASS


def test_a_channel_that_is_not_encrypted_has_nothing_to_look_at() -> None:
    """It is skipped with that reason."""
    with pytest.raises(NotApplicable, match="not encrypted"):
        found("E02", details())


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (encrypted(agora_channel="other", encryption_salt=KEY), "the same key"),
        (encrypted(agora_channel="other", encryption_key=SALT), "the same salt"),
    ],
)
def test_a_key_or_salt_of_another_session_is_told(second: dict[str, object], words: str) -> None:
    """Each for itself."""
    (finding,) = judged(BY_ID["E02"], made("E02", two(second)), 0.0).findings
    assert words in finding.what


def test_one_channel_answered_twice_may_have_one_key() -> None:
    """That it was answered twice is told by G01."""
    assert not made("E02", two(encrypted())).findings
    assert made("E02", two(encrypted())).note == "one session, nothing to compare"


def two(second: dict[str, object]) -> Context:
    """A run in which these join details were answered to a second call."""
    run = context(encrypted())
    assert run.good
    body = json.dumps(second).encode()
    run.minted.append(Exchange(run.good.request, Answer(200, DECLARED, body, 0.1)))
    return run


@given(st.sampled_from(list(MODES.values())), st.binary(min_size=64, max_size=64).filter(lambda drawn: any(drawn[32:])))
def test_what_this_service_draws_is_well_formed(mode: encryption.Mode, drawn: bytes) -> None:
    """Whatever is drawn, but a key that is no random one."""
    drawn_ = encryption.from_entropy(mode, drawn)
    salt = ... if drawn_.salt is None else drawn_.salt
    body = details(encryption_mode=mode.name, encryption_key=drawn_.key, encryption_salt=salt)
    assert found("E02", body).outcome in (Outcome.PASS, Outcome.WARN)
