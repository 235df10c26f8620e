"""`--join`: what the tester's seat in the channel sees, with a stand-in for Agora's SDK."""

import asyncio
import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from session_service.agora import encryption
from session_service.check.model import CannotTell, Finding, Seen, Severity
from session_service.check.watching import join
from session_service.check.watching.join import JoinWatch, Waits
from session_service.errors import InvalidValue
from tests.agents.programs import children
from tests.check.one_answer import CHANNEL, details

pytestmark = pytest.mark.real

STAND_IN = Path(__file__).parents[1] / "examples" / "fake_sdk"
PATIENT = Waits(load=60, join=60, come=60, speak=60, leave=60)
ENCRYPTION = encryption.from_entropy(encryption.mode("aes_256_gcm2"), bytes(range(1, 65)))
NOTHING: Mapping[str, object] = {}
ENCRYPTED: Mapping[str, object] = {
    "encryption_mode": ENCRYPTION.mode,
    "encryption_key": ENCRYPTION.key,
    "encryption_salt": ENCRYPTION.salt,
}


@pytest.fixture(autouse=True)
def _no_tester_left() -> Iterator[None]:
    """Each tester has ended with its test."""
    before = children()
    yield
    assert children() <= before


def environment(habit: str) -> dict[str, str]:
    """Where a stand-in with this habit is the only SDK."""
    return {**os.environ, "PYTHONPATH": str(STAND_IN), "FAKE_AGORA": habit}


def watched(habit: str, waits: Waits = PATIENT, uid: int = 1, answer: Mapping[str, object] = NOTHING) -> Seen:
    """What a tester sees of a session with these join details."""
    return asyncio.run(JoinWatch(uid, environment(habit), waits).watched(details(**answer)))


def finding(habit: str, waits: Waits = PATIENT, uid: int = 1, answer: Mapping[str, object] = NOTHING) -> Finding:
    """The one that it has."""
    (found,) = watched(habit, waits, uid, answer).findings
    return found


def test_an_agent_that_comes_and_is_heard_is_a_pass() -> None:
    """Encrypted or not; the note says who it was."""
    for answer in (NOTHING, ENCRYPTED):
        seen = watched("speaks", answer=answer)
        assert not seen.findings
        assert "uid 4711 came and was heard" in seen.note


def test_whoever_waits_is_told_how_far_it_has_come() -> None:
    """A person sees it while the tester waits."""
    told: list[str] = []
    asyncio.run(JoinWatch(1, environment("speaks"), PATIENT, told.append).watched(details()))
    assert [words.split(",")[0] for words in told] == ["the tester is in the channel", "somebody came"]


@pytest.mark.parametrize(
    ("habit", "uid", "severity", "words"),
    [
        ("refuses", 2, Severity.MUST, "error 110 (ERR_INVALID_TOKEN"),
        ("twin", 1, Severity.MUST, "joined with the tester's uid"),
        ("garbled", 1, Severity.MUST, "cannot decipher"),
    ],
)
def test_what_keeps_the_tester_from_hearing_is_a_finding_of_its_own(
    habit: str, uid: int, severity: Severity, words: str
) -> None:
    """Each says why it matters and how to mend it."""
    found = finding(habit, uid=uid)
    assert words in found.what
    assert found.severity is severity
    assert found.why
    assert found.mend


def test_an_encryption_that_the_sdk_does_not_take_is_told() -> None:
    """It answers so before the join."""
    assert "does not take this encryption mode" in finding("unwilling", uid=2, answer=ENCRYPTED).what


def test_nobody_and_silence_are_told_apart() -> None:
    """After the time that the tester waits for each."""
    assert "nobody else came" in finding("empty", Waits(60, 60, 0.2, 60, 60)).what
    assert "(uid 4711), and was not heard" in finding("silent", Waits(60, 60, 60, 0.2, 60)).what


def test_a_join_that_is_not_answered_cannot_tell() -> None:
    """That can be this machine's network as well."""
    with pytest.raises(CannotTell, match="did not answer the join"):
        watched("strands", Waits(60, 0.2, 60, 60, 60), uid=2)


def test_an_encryption_that_is_none_cannot_tell_and_names_who_does() -> None:
    """It is the fault of E01 or E02, and no tester is started for it."""
    with pytest.raises(CannotTell, match="E01 and E02"):
        watched("missing", answer={"encryption_mode": "rot13", "encryption_key": "key"})


def test_an_sdk_that_is_not_there_is_noticed_beforehand() -> None:
    """With how to install it."""
    asyncio.run(JoinWatch(1, environment("speaks"), PATIENT).ready())
    with pytest.raises(InvalidValue, match="pip install agora-python-server-sdk"):
        asyncio.run(JoinWatch(1, environment("missing"), PATIENT).ready())
    with pytest.raises(CannotTell, match="pip install"):
        watched("missing")


def test_an_sdk_that_does_not_let_go_is_ended() -> None:
    """The fixture sees that nothing is left."""
    assert "was not heard" in finding("hangs", Waits(60, 60, 60, 0.2, 0.2), uid=2).what


def test_who_ends_a_check_ends_its_tester() -> None:
    """As Ctrl-C does, by cancelling."""

    async def main() -> None:
        joined = asyncio.Event()
        watch = JoinWatch(1, environment("empty"), PATIENT, lambda _: joined.set())
        task = asyncio.create_task(watch.watched(details()))
        await joined.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    asyncio.run(main())


def test_the_sdk_gets_the_key_as_text_and_the_salt_as_bytes() -> None:
    """By the process's own input; the stand-in tells their digest, and nothing tells themselves."""
    salt = bytes(range(32))
    seat = {"app_id": "0" * 32, "channel": CHANNEL, "token": "007sentinel", "uid": 1}
    secret = {"mode_number": 8, "key": "sentinel-key", "salt": b64encode(salt).decode()}
    done = subprocess.run(
        [sys.executable, "-m", join.MODULE],
        input=json.dumps({**seat, "encryption": secret}),
        env=environment("empty"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"mode 8, key and salt {sha256(b'sentinel-key' + salt).hexdigest()}" in done.stderr
    assert "fake SDK: released" in done.stderr
    assert "sentinel" not in done.stdout + done.stderr
