"""A service that is killed at any moment, and the next one on the same file: no agent left, no slot taken."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from session_service.agents import survivors
from tests.agents.programs import HEAD
from tests.test_main_job import ENVIRONMENT, SECRET, Served

pytestmark = pytest.mark.real

PATH = "/cekura/v1/sessions"
STAYS = "print('ready', flush=True)\nwhile True: signal.pause()"
NEVER_READY = "print('not yet', flush=True)\nwhile True: signal.pause()"
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + STAYS


def environment(folder: Path, agent: str) -> dict[str, str]:
    """One place, one file, an agent that outlives the service."""
    (folder / "agent.py").write_text(HEAD + agent)
    return {
        **ENVIRONMENT,
        "PATH": os.environ["PATH"],
        "SESSION_STORE": f"sqlite:{folder / 'sessions.db'}",
        "SESSION_MAX_SESSIONS": "1",
        "SESSION_PROCESS_COMMAND": f"{sys.executable} -I -S {folder / 'agent.py'}",
    }


@contextmanager
def serving(folder: Path, agent: str) -> Iterator[Served]:
    """A service; if the test has not killed it, it is told to end."""
    command = [sys.executable, "-m", "session_service", "serve"]
    with subprocess.Popen(command, env=environment(folder, agent), stderr=subprocess.PIPE, text=True) as process:
        try:
            yield Served(process)
        finally:
            process.terminate()
            process.wait(20)


def agents(served: Served) -> list[str]:
    """The sessions of this service's log whose agents still run."""
    named = {str(line["session"]) for line in served.log if line.get("event") == "agent.started"}
    return [name for name in named if survivors.found(name)]


@pytest.mark.parametrize("agent", [STAYS, STUBBORN])
def test_agents_of_a_killed_service_are_ended_by_the_next(tmp_path: Path, agent: str) -> None:
    """They are found by name, also those that ignore SIGTERM; their sessions are lost, their slots free."""
    with serving(tmp_path, agent) as first:
        assert first.call().status_code == 200
        first.until("call")
        first.process.kill()
        first.process.wait(20)
        assert len(agents(first)) == 1
    with serving(tmp_path, agent) as second:
        assert second.until("session.ended")["reason"] == "lost"
        assert agents(first) == []
        assert second.call().status_code == 200


def test_an_agent_whose_start_was_never_answered_is_ended_too(tmp_path: Path) -> None:
    """Killed while the agent was not ready yet: the store knows a start and nothing of its process."""
    body = b'{"client_id": "acme"}'
    head = f"POST {PATH} HTTP/1.1\r\nHost: here\r\nX-Cekura-Secret: {SECRET}\r\nContent-Length: {len(body)}"
    with serving(tmp_path, NEVER_READY) as first, socket.create_connection(("127.0.0.1", first.port)) as caller:
        caller.sendall(head.encode() + b"\r\n\r\n" + body)
        first.until("agent.started")
        first.process.kill()
        first.process.wait(20)
    with serving(tmp_path, STAYS) as second:
        second.until("session.ended")
        assert agents(first) == []
        assert second.call().status_code == 200
