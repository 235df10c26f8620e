"""The demo agent: what it accepts, what it refuses with which sentence, and how long it stays."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import pytest

from session_service.agents import handover
from session_service.agents.contract import AgentSpec
from session_service.agents.demo import examine
from session_service.agents.process import ProcessLauncher
from session_service.agora import token_services, tokens
from session_service.agora.token_services import KINDS, Service
from session_service.errors import InvalidValue
from tests.agents.conftest import Exits, Run
from tests.agents.specs import PROJECT, SESSION, agent_spec

NOW = 1_700_000_000
COMMAND = (sys.executable, "-m", "session_service.agents.demo")
Version = Literal["006", "007"]
both = pytest.mark.parametrize("version", ["006", "007"])


def with_seat(spec: AgentSpec, **changes: str | int) -> AgentSpec:
    """The same session with another seat."""
    return replace(spec, agora=replace(spec.agora, **changes))  # type: ignore[arg-type]


@both
def test_a_sound_session_is_ready(version: Version) -> None:
    """The line begins with ready, says how long the token lasts, and holds no secret."""
    spec = agent_spec(version=version, now=NOW)
    line = examine(spec, NOW + 100)
    assert line.startswith("ready")
    assert "3500 s" in line
    assert not [secret for secret in spec.secrets() if secret in line]


@both
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"app_id": "0" * 32}, "another App ID"),
        ({"channel": "elsewhere"}, "another channel"),
        ({"uid": 77}, "uid than the agent's"),
        ({"uid": 1}, "the same uid"),
    ],
)
def test_another_sessions_seat_is_refused(version: Version, changes: dict[str, str | int], sentence: str) -> None:
    """The sentence says what does not match."""
    with pytest.raises(InvalidValue, match=sentence):
        examine(with_seat(agent_spec(version=version, now=NOW), **changes), NOW)


@both
def test_an_expired_token_is_refused(version: Version) -> None:
    """Nobody could join with it."""
    with pytest.raises(InvalidValue, match="expired"):
        examine(agent_spec(version=version, now=NOW), NOW + 3600)


@pytest.mark.parametrize(
    ("service", "sentence"),
    [
        (Service(KINDS[2], {1: 600}, {"user_id": "7"}), "no RTC channel"),
        (
            Service(token_services.RTC, {2: 600}, {"channel": f"cekura-{SESSION}", "uid": "7"}),
            "does not let anybody join",
        ),
    ],
)
def test_a_token_that_opens_no_channel_is_refused(service: Service, sentence: str) -> None:
    """Whatever else it opens."""
    token = tokens.mint(PROJECT, [service], issued_at=NOW, lifetime=600, salt=1)
    with pytest.raises(InvalidValue, match=sentence):
        examine(with_seat(agent_spec(now=NOW), token=token, uid=7), NOW)


def test_a_privilege_without_a_limit_of_its_own_lasts_as_long_as_its_token() -> None:
    """Zero is no limit."""
    service = Service(token_services.RTC, {1: 0}, {"channel": f"cekura-{SESSION}", "uid": "7"})
    token = tokens.mint(PROJECT, [service], issued_at=NOW, lifetime=600, salt=1)
    assert "600 s" in examine(with_seat(agent_spec(now=NOW), token=token, uid=7), NOW)


@pytest.fixture
def demo() -> Iterator[subprocess.Popen[bytes]]:
    """The demo agent as a process of its own."""
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        yield process
        process.kill()


def hand(process: subprocess.Popen[bytes], data: bytes) -> bytes:
    """Hand over, and return the first line of the answer."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(data)
    process.stdin.close()
    return process.stdout.readline()


@pytest.mark.real
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stays_until_it_is_stopped(demo: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """And then leaves at once, with 0."""
    assert hand(demo, handover.write(agent_spec())).startswith(b"ready")
    assert demo.poll() is None
    demo.send_signal(number)
    assert demo.wait(timeout=30) == 0


@pytest.mark.real
def test_it_leaves_when_nobody_reads_it_any_more(demo: subprocess.Popen[bytes]) -> None:
    """A service that was killed leaves no demo agents behind."""
    hand(demo, handover.write(agent_spec()))
    assert demo.stdout is not None
    demo.stdout.close()
    assert demo.wait(timeout=30) == 0


@pytest.mark.real
@pytest.mark.parametrize("data", [b"", b"{}", handover.write(with_seat(agent_spec(), token="007sentinel"))])
def test_what_it_cannot_serve_it_says_in_one_sentence(demo: subprocess.Popen[bytes], data: bytes) -> None:
    """With exit code 1, and without the value."""
    line = hand(demo, data)
    assert line.startswith(b"demo agent: ")
    assert b"sentinel" not in line
    assert demo.wait(timeout=30) == 1


@pytest.mark.real
@both
def test_the_process_launcher_starts_it_as_any_agent(version: Version, exits: Exits, run: Run) -> None:
    """Accepted by its line, ended by SIGTERM."""
    launcher = ProcessLauncher(
        command=COMMAND,
        ready="line",
        environment=os.environ,
        hidden=frozenset(),
        keep=frozenset(),
        on_exit=exits,
        grace=5,
    )

    async def main() -> int | None:
        ref = await launcher.start(agent_spec(version=version), 0)
        await launcher.stop(ref)
        return (await launcher.poll(ref)).code

    assert run(main()) == 0


@pytest.mark.real
def test_it_starts_without_the_services_heavy_packages() -> None:
    """It is started for every session of `make dev`."""
    code = "import sys, session_service.agents.demo; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"starlette", "uvicorn", "cryptography", "asyncio", "orjson", "agora_token_builder"} & set(loaded)
