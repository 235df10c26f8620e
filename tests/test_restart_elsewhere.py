"""A service that is killed while agents run elsewhere, and the next one on the same file: no agent left, no slot taken.

The stand-in kills it: with SIGKILL, at a request of its choice, before or after it has done what is asked.
"""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import pytest
from starlette.responses import Response

from tests.agents.agent_servers import SECRET as SIGNING_SECRET
from tests.agents.agent_servers import TEMPLATE as TEN_TEMPLATE
from tests.agents.agent_servers import HostedAgents, HostedTen
from tests.agents.convoai import TEMPLATE, Hosted
from tests.standins.faults import Act, Fault
from tests.test_main_job import ENVIRONMENT, Served

pytestmark = pytest.mark.real

PATIENCE = 60.0
SLACK = 300
"""Seconds by which the stand-in for Agora, whose clock stands still, is ahead of the service."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A stand-in: the settings that lead to it, how to have it play a fault, and the agents that it runs."""

    settings: dict[str, str]
    plays: Callable[[str, Fault], None]
    agents: Callable[[], Sequence[object]]


@contextmanager
def agent_server(folder: Path) -> Iterator[Elsewhere]:
    """A customer's own."""
    with HostedAgents() as hosted:
        settings = {"SESSION_HTTP_URL": hosted.url, "SESSION_HTTP_SECRETS": SIGNING_SECRET}
        yield Elsewhere({"SESSION_LAUNCHER": "http", **settings}, hosted.api.plays, lambda: list(hosted.api.running))


@contextmanager
def agora(folder: Path) -> Iterator[Elsewhere]:
    """Agora's Conversational AI Engine."""
    (folder / "template.json").write_text(json.dumps(TEMPLATE))
    with Hosted() as hosted:
        hosted.api.now += SLACK
        settings = {"SESSION_CONVOAI_URL": hosted.url, "SESSION_CONVOAI_TEMPLATE": str(folder / "template.json")}
        yield Elsewhere({"SESSION_LAUNCHER": "convoai", **settings}, hosted.api.plays, lambda: hosted.api.alive)


@contextmanager
def ten(folder: Path) -> Iterator[Elsewhere]:
    """A TEN agents server."""
    (folder / "template.json").write_text(json.dumps(TEN_TEMPLATE))
    with HostedTen() as hosted:
        settings = {"SESSION_TEN_URL": hosted.url, "SESSION_TEN_TEMPLATE": str(folder / "template.json")}
        yield Elsewhere({"SESSION_LAUNCHER": "ten", **settings}, hosted.api.plays, lambda: hosted.channels)


def kills(pid: int, *, done: bool) -> Fault:
    """Kill the service, and then do what it asked for, or the other way round."""

    async def play(act: Act) -> Response:
        answer = await act() if done else None
        os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0)
        return answer or await act()

    return play


@contextmanager
def serving(folder: Path, elsewhere: Elsewhere) -> Iterator[Served]:
    """A service with one place; if nobody has killed it, it is told to end."""
    store = {"SESSION_STORE": f"sqlite:{folder / 'sessions.db'}", "SESSION_MAX_SESSIONS": "1"}
    environment = {**ENVIRONMENT, "SESSION_OPS_PORT": "0", "PATH": os.environ["PATH"], **store, **elsewhere.settings}
    command = [sys.executable, "-m", "session_service", "serve"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield Served(process)
        finally:
            process.terminate()
            process.wait(PATIENCE)


def live(folder: Path) -> list[str]:
    """The sessions that have not ended."""
    with closing(sqlite3.connect(folder / "sessions.db", timeout=PATIENCE)) as rows:
        return [name for (name,) in rows.execute("SELECT session_id FROM session WHERE state <> 'ended'")]


def call_and_end(served: Served, folder: Path) -> None:
    """A session from its beginning to its end, which an operator asks for."""
    assert served.call().status_code == 200
    url = f"http://127.0.0.1:{served.log[-1]['ops_port']}/sessions/{live(folder)[0]}"
    with httpx2.Client(trust_env=False, timeout=PATIENCE) as client:
        client.delete(url)


@pytest.mark.parametrize(("word", "left"), [("leave", 1), ("stop", 0)])
@pytest.mark.parametrize("place", [agent_server, agora, ten])
def test_agents_elsewhere_are_left_or_stopped_when_the_service_ends(
    tmp_path: Path, place: Callable[[Path], AbstractContextManager[Elsewhere]], word: str, left: int
) -> None:
    """As SESSION_AT_SHUTDOWN says; a session that is left keeps its slot for the next start."""
    with place(tmp_path) as elsewhere:
        told = replace(elsewhere, settings={**elsewhere.settings, "SESSION_AT_SHUTDOWN": word})
        with serving(tmp_path, told) as served:
            assert served.call().status_code == 200
        assert (len(elsewhere.agents()), len(live(tmp_path))) == (left, left)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("place", "asked"),
    [
        (agent_server, "start"),
        (agent_server, "stop"),
        (agora, "join"),
        (agora, "leave"),
        (agora, "query"),
        (ten, "start"),
        (ten, "stop"),
    ],
)
def test_killed_at_a_request_a_service_leaves_no_agent_and_no_slot_to_the_next(
    tmp_path: Path, place: Callable[[Path], AbstractContextManager[Elsewhere]], asked: str, done: bool
) -> None:
    """A start that nobody heard the end of, and an end that was under way."""
    with place(tmp_path) as elsewhere:
        with serving(tmp_path, elsewhere) as first:
            elsewhere.plays(asked, kills(first.process.pid, done=done))
            with pytest.raises(httpx2.TransportError):
                call_and_end(first, tmp_path)
            first.process.wait(PATIENCE)
        with serving(tmp_path, elsewhere) as second:
            deadline = time.monotonic() + PATIENCE
            while live(tmp_path) or elsewhere.agents():
                assert time.monotonic() < deadline, "an agent or a slot is left"
            assert second.call().status_code == 200
