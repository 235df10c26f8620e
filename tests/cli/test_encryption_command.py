"""`session-service encryption`: what each SDK gets, what does not match, and no key on the terminal unasked."""

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from session_service.agora import encryption
from session_service.agora.encryption import MODES
from tests.cli.debugging import run

KEY, SALT = "the key of this channel, as it is", b64encode(bytes(range(32))).decode()
MASTER_KEY = bytes(range(32)).hex()
ANSWER = {
    "agora_app_id": "5bfbb040c5e34dd6917e05060bc05b97",
    "agora_channel": "room",
    "agora_token": "007-a-token",
    "encryption_mode": "aes_256_gcm2",
    "encryption_key": KEY,
    "encryption_salt": SALT,
}
PLAIN = {name: value for name, value in ANSWER.items() if not name.startswith("encryption")}
HANDED = {"mode": "aes_256_gcm2", "mode_number": 8, "web_mode": "aes-256-gcm2", "key": KEY, "salt": SALT}
SILENCE = "neither hears the other"


def compared(one: object, other: object, folder: Path) -> tuple[int, str]:
    """The exit code, and everything that is printed, for one side against another."""
    file = folder / "other.json"
    file.write_text(json.dumps(other))
    done = run("encryption", "-", "--other", str(file), given=json.dumps(one))
    return done.exit_code, done.output


def shown(answer: object, *words: str, **variables: str) -> tuple[int, str]:
    """The exit code, and everything that is printed, for one side."""
    done = run("encryption", "-", *words, given=json.dumps(answer), **variables)
    return done.exit_code, done.output


def test_each_sdk_gets_its_spelling() -> None:
    """Number or Web name; the key as it is; the salt as bytes or as base64."""
    code, output = shown(ANSWER, "--show-secrets")
    assert code == 0
    assert output.count(f"'{KEY}'") == 5
    assert output.count(bytes(range(32)).hex()) == 4
    assert output.count(f"'{SALT}'") == 1
    assert '"aes-256-gcm2"' in output
    for name in ("encryptionMode       8", "encryption_mode      8", "encryption_kdf_salt", "properties.rtc"):
        assert name in output


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_each_mode_is_shown(mode: encryption.Mode) -> None:
    """With a salt where there is one."""
    made = encryption.from_entropy(mode, bytes(range(64)))
    answer = {**PLAIN, "encryption_mode": made.mode, "encryption_key": made.key, "encryption_salt": made.salt}
    code, output = shown(answer)
    assert code == 0
    assert f"Mode  {mode.name} ({mode.number})" in output
    assert ("encryptionKdfSalt" in output) is mode.salted


@pytest.mark.parametrize("other", [ANSWER, {"encryption": {**HANDED, "key": KEY.upper(), "salt": SALT[4:]}}])
def test_no_key_salt_or_token_is_shown_unasked(other: object, tmp_path: Path) -> None:
    """A terminal's text is kept and passed on."""
    _, output = compared(ANSWER, other, tmp_path)
    assert not [secret for secret in (KEY, KEY.upper(), SALT, SALT[4:], "007-a-token") if secret in output]


def test_a_fingerprint_is_the_sha256_of_what_an_sdk_takes() -> None:
    """As `printf %s KEY | sha256sum` prints it."""
    _, output = shown(ANSWER)
    assert output.count("33 characters, sha256 45d9db5e9f3e\n") == 5
    assert output.count(f"32 bytes, sha256 {sha256(bytes(range(32))).hexdigest()[:12]}\n") == 4


def test_an_answer_matches_what_the_agent_is_handed(tmp_path: Path) -> None:
    """Both sides, in their own spellings."""
    code, output = compared(ANSWER, {"encryption": HANDED}, tmp_path)
    assert code == 0
    assert output.endswith("Nothing wrong.\n")


def test_two_sides_without_encryption_match(tmp_path: Path) -> None:
    """An answer without the three fields, an agent that is handed null."""
    code, output = compared(PLAIN, {"encryption": None}, tmp_path)
    assert code == 0
    assert output.count("Not encrypted.") == 2


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"mode": "aes_128_gcm2", "mode_number": 7, "web_mode": "aes-128-gcm2"}, "The modes differ: aes_256_gcm2 here"),
        ({"key": "another"}, "The keys differ. Both sides join without an error"),
        ({"key": KEY + "\n"}, "white space"),
        ({"key": KEY.upper()}, "upper and lower case"),
        ({"key": KEY.encode().hex()}, "in hexadecimal"),
        ({"key": b64encode(KEY.encode()).decode()}, "base64"),
        ({"salt": None}, "Only one side has a salt"),
        ({"salt": b64encode(bytes(31) + b"1").decode()}, "The salts differ. Both"),
        ({"salt": b64encode(SALT.encode()).decode()}, "encoded as base64 a second time"),
        ({"mode_number": 7}, "are not those of one mode"),
        ({"key": "\ud800"}, "The keys differ. Both"),
        ({"salt": "\ud800"}, "The salts differ. Both"),
        ({"mode": KEY}, "The modes differ: aes_256_gcm2 here, none of Agora's there."),
        ({"mode": "\ud800"}, "none of Agora's there"),
        ({"mode": None}, "The modes differ: aes_256_gcm2 here, none there."),
    ],
)
def test_each_difference_is_named_with_what_it_does(changed: dict[str, object], words: str, tmp_path: Path) -> None:
    """Nobody is told at the join."""
    code, output = compared(ANSWER, {"encryption": {**HANDED, **changed}}, tmp_path)
    assert code == 1
    assert words in output
    assert "Nothing wrong" not in output
    assert KEY not in output


@pytest.mark.parametrize(("one", "other"), [(ANSWER, PLAIN), (PLAIN, ANSWER), (ANSWER, {"encryption": None})])
def test_encryption_on_one_side_alone_is_silence(one: object, other: object, tmp_path: Path) -> None:
    """The commonest mistake."""
    code, output = compared(one, other, tmp_path)
    assert code == 1
    assert "Only one side encrypts." in output
    assert SILENCE in output


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"encryption_mode": None}, "no mode"),
        ({"encryption_mode": "aes-256-gcm2"}, "The contract writes aes_256_gcm2"),
        ({"encryption_mode": "Aes256Gcm2"}, "The contract writes aes_256_gcm2"),
        ({"encryption_mode": KEY}, "none of Agora's"),
        ({"encryption_mode": "aes_256_gcm"}, "takes no salt"),
        ({"encryption_key": None}, "There is no key"),
        ({"encryption_key": ""}, "There is no key"),
        ({"encryption_key": " x"}, "white space"),
        ({"encryption_key": "\u00e5"}, "not printable ASCII"),
        ({"encryption_key": "\ud800"}, "not printable ASCII"),
        ({"encryption_salt": None}, "The salt is missing"),
        ({"encryption_salt": ""}, "The salt is missing"),
        ({"encryption_salt": "not base64!"}, "not standard base64"),
        ({"encryption_salt": "\u00e5"}, "not standard base64"),
        ({"encryption_salt": bytes(range(32)).hex()}, "48 bytes instead of 32"),
        ({"encryption_salt": b64encode(bytes(32)).decode()}, "all zero"),
    ],
)
def test_each_fault_of_one_side_is_named(changed: dict[str, object], words: str) -> None:
    """Without the other side, and without the value."""
    code, output = shown({**ANSWER, **changed})
    assert code == 1
    assert words in output
    assert KEY not in output


def test_what_an_agent_elsewhere_derives_is_compared() -> None:
    """From the master key in the environment and the channel's name."""
    made = encryption.derive(MODES["aes_256_gcm2"], bytes(range(32)), "room")
    answer = {**ANSWER, "encryption_key": made.key, "encryption_salt": made.salt}
    code, output = shown(answer, "--channel", "room", SESSION_ENCRYPTION_MASTER_KEY=MASTER_KEY)
    assert (code, "What is derived:" in output) == (0, True)
    code, output = shown(answer, "--channel", "lobby", SESSION_ENCRYPTION_MASTER_KEY=MASTER_KEY)
    assert (code, "The keys differ." in output, "The salts differ." in output) == (1, True, True)
    assert not [secret for secret in (MASTER_KEY, made.key, made.salt or MASTER_KEY) if secret in output]


@pytest.mark.parametrize(
    ("answer", "variables", "words"),
    [
        (ANSWER, {}, "SESSION_ENCRYPTION_MASTER_KEY is not set"),
        (
            ANSWER,
            {"SESSION_ENCRYPTION_MASTER_KEY": "hunter2"},
            "SESSION_ENCRYPTION_MASTER_KEY: A master key is 32 bytes",
        ),
        (PLAIN, {"SESSION_ENCRYPTION_MASTER_KEY": MASTER_KEY}, "ANSWER names none of Agora's"),
    ],
)
def test_what_cannot_be_derived_ends_with_2(answer: object, variables: dict[str, str], words: str) -> None:
    """With a sentence, and without a value."""
    code, output = shown(answer, "--channel", "room", **variables)
    assert code == 2
    assert words in output
    assert "hunter2" not in output


def test_a_channel_that_cannot_be_one_ends_with_2() -> None:
    """The same rule as everywhere."""
    code, output = shown(ANSWER, "--channel", "a/b", SESSION_ENCRYPTION_MASTER_KEY=MASTER_KEY)
    assert (code, "A channel name is" in output) == (2, True)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (b"", "not JSON"),
        (b"hunter2", "not JSON"),
        (b'HTTP/1.1 200 OK\n\n{"hunter2": 1}', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"hunter2": 1}', "neither an answer"),
        (b"[1]", "neither an answer"),
        (b'{"encryption": "hunter2"}', "neither an object nor null"),
        (b'{"encryption": {"mode_number": true}}', "mode_number must be a whole number"),
        (b'{"encryption_key": 7}', "encryption_key must be a text"),
    ],
)
def test_what_is_no_side_ends_with_2(given: bytes, words: str) -> None:
    """With a sentence, and without the input."""
    done = run("encryption", "-", given=given)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr
    assert "hunter2" not in done.output


def test_a_file_that_is_not_there_ends_with_2() -> None:
    """click's own sentence."""
    assert run("encryption", "nowhere.json").exit_code == 2
