"""`--follow`: what is seen of one session on the operator's port of the real service."""

import asyncio
import os
import shlex
import sys
import time
from collections.abc import Mapping
from typing import ClassVar

import httpx2
import pytest

from session_service.app import World
from session_service.app.in_thread import RunningService, running
from session_service.check.model import CannotTell, Seen, Severity
from session_service.check.watching.follow import OpsWatch
from session_service.errors import InvalidValue
from tests.check.correct import Correct, serving

pytestmark = pytest.mark.real

WORLD = World(time.time, time.monotonic, os.urandom, os.environ)
OPS: Mapping[str, str] = {"SESSION_OPS_PORT": "9090"}
LEAVES = shlex.join([sys.executable, "-c", "import sys; sys.stdin.read(); sys.exit(3)"])
STAYS = shlex.join([sys.executable, "-c", "import sys, time; sys.stdin.read(); time.sleep(600)"])


def process(command: str) -> dict[str, str]:
    """The settings of a service that starts this program."""
    return {**OPS, "SESSION_LAUNCHER": "process", "SESSION_PROCESS_COMMAND": command}


def opened(service: RunningService) -> Mapping[str, object]:
    """The join details of a session that has just been started."""
    headers, asked = {service.header: service.secret}, {"client_id": service.client_id}
    answer = httpx2.post(service.url, headers=headers, json=asked, trust_env=False, timeout=30)
    found: Mapping[str, object] = answer.json()
    return found


def watched(service: RunningService, end: float = 30.0, token: str | None = None) -> Seen:
    """What the watch sees of a session of its own."""
    assert service.ops_url
    return asyncio.run(OpsWatch(service.ops_url, token, end).watched(opened(service)))


def test_an_agent_that_comes_and_goes_is_a_pass_with_its_exit_code() -> None:
    """However it exits: that is the agent's own matter."""
    with running(process(LEAVES), WORLD) as service:
        seen = watched(service)
    assert not seen.findings
    assert seen.note.endswith("reason agent_exited with exit code 3")


def test_an_agent_that_stays_is_told_of_and_its_session_is_ended() -> None:
    """So that the checker leaves no agent behind."""
    with running(process(STAYS), WORLD) as service:
        (finding,) = watched(service, end=0.2).findings
        (session,) = httpx2.get(f"{service.ops_url}/sessions", trust_env=False).json()["sessions"]
    assert finding.severity is Severity.INFO
    assert (session["state"], session["reason"]) == ("ended", "operator")


def test_a_service_without_a_launcher_is_told_of() -> None:
    """No agent will come."""
    with running(OPS, WORLD) as service:
        (finding,) = watched(service).findings
    assert "SESSION_LAUNCHER" in (finding.mend or "")


def test_a_wrong_token_cannot_be_told_from_no_answer_and_says_what_to_set() -> None:
    """The variable, not the value."""
    token = "operators-token-of-this-service-1"
    with (
        running({**OPS, "SESSION_OPS_TOKEN": token}, WORLD) as service,
        pytest.raises(CannotTell, match="SESSION_OPS_TOKEN"),
    ):
        watched(service, token="another-token-of-another-service")


def test_the_port_of_another_service_is_noticed() -> None:
    """Two of ours on one machine are easily mixed up."""
    with (
        running(OPS, WORLD) as service,
        running(OPS, WORLD) as other,
        pytest.raises(CannotTell, match="another service"),
    ):
        asyncio.run(OpsWatch(other.ops_url or "").watched(opened(service)))


def test_what_is_no_operators_port_is_noticed() -> None:
    """The session endpoint's own port is the likely mistake."""
    with serving(Correct) as url, pytest.raises(CannotTell, match="answered 404"):
        asyncio.run(OpsWatch(url.removesuffix("/session")).watched({"agora_channel": "room"}))


class Odd(Correct):
    """Answers JSON to everybody, but not the operator's port's."""

    SAID: ClassVar[object] = {}

    def answer(self) -> tuple[int, object, Mapping[str, str]]:
        return 200, self.SAID, {}


@pytest.mark.parametrize("said", [[], {}, {"sessions": 5}, {"sessions": [5]}, {"sessions": [{"channel": "room"}]}])
def test_json_of_another_kind_is_no_operators_port(said: object) -> None:
    """Whatever its form."""
    odd = type("Saying", (Odd,), {"SAID": said})
    with serving(odd) as url, pytest.raises(CannotTell, match="not our service's operator's port"):
        asyncio.run(OpsWatch(url.removesuffix("/session")).watched({"agora_channel": "room"}))


def test_a_session_without_a_state_is_none_of_ours() -> None:
    """Its list is like ours, and no more."""
    odd = type("Saying", (Odd,), {"SAID": {"sessions": [{"channel": "room", "session_id": "../x y"}]}})
    with serving(odd) as url, pytest.raises(CannotTell, match="not our service's operator's port"):
        asyncio.run(OpsWatch(url.removesuffix("/session")).watched({"agora_channel": "room"}))


def test_nobody_there_is_noticed() -> None:
    """A closed port."""
    with pytest.raises(CannotTell, match="nothing answers"):
        asyncio.run(OpsWatch("http://127.0.0.1:9").watched({"agora_channel": "room"}))


def test_the_token_never_travels_readable() -> None:
    """Off this machine it takes https."""
    with pytest.raises(InvalidValue, match="readable"):
        OpsWatch("http://ops.example.com", "operators-token-of-this-service-1")
    with pytest.raises(InvalidValue, match="no header can carry"):
        OpsWatch("https://ops.example.com", "operators-token\nof-this-service")
