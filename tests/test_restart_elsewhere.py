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
from tests.standins.faults import Act, Fault, drips, floods
from tests.test_main_job import ENVIRONMENT, Served
from tests.waiting import PATIENCE, eventually

pytestmark = pytest.mark.real

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


def end(served: Served, folder: Path) -> None:
    """An operator ends the only session."""
    url = f"http://127.0.0.1:{served.first('service.listening')['ops_port']}/sessions/{live(folder)[0]}"
    with httpx2.Client(trust_env=False, timeout=PATIENCE) as client:
        client.delete(url)


def call_and_end(served: Served, folder: Path) -> None:
    """A session from its beginning to its end."""
    assert served.call().status_code == 200
    end(served, folder)


def readiness(served: Served) -> int:
    """What a balancer is told."""
    with httpx2.Client(trust_env=False, timeout=PATIENCE) as client:
        return client.get(f"http://127.0.0.1:{served.port}/readyz").status_code


def until_ready(served: Served) -> None:
    """Wait until the service knows of its agents; fail when it does not come to that."""
    eventually(lambda: readiness(served) == 200, "the service does not become ready")


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
            eventually(lambda: not live(tmp_path) and not elsewhere.agents(), "an agent or a slot is left")
            assert second.call().status_code == 200


OTHER_PROJECT = {"AGORA_APP_ID": "0" * 32, "AGORA_APP_CERTIFICATE": "f" * 32}
OTHER_PREFIX = {"SESSION_CHANNEL_PREFIX": "other-"}


@pytest.mark.parametrize(
    ("place", "changes"),
    [(agora, OTHER_PREFIX), (ten, OTHER_PREFIX), (ten, OTHER_PROJECT), (agent_server, OTHER_PROJECT | OTHER_PREFIX)],
    ids=["agora-prefix", "ten-prefix", "ten-project", "agent-server-both"],
)
def test_agents_are_found_again_in_the_channels_that_they_have(
    tmp_path: Path, place: Callable[[Path], AbstractContextManager[Elsewhere]], changes: dict[str, str]
) -> None:
    """Whatever the channels of new sessions are called: the session goes on, and its end ends its agent."""
    with place(tmp_path) as elsewhere:
        with serving(tmp_path, elsewhere) as first:
            assert first.call().status_code == 200
        changed = replace(elsewhere, settings={**elsewhere.settings, **changes})
        with serving(tmp_path, changed) as second:
            second.first("session.adopted")
            assert len(elsewhere.agents()) == 1
            end(second, tmp_path)
            assert (list(elsewhere.agents()), live(tmp_path)) == ([], [])


def test_an_agent_in_a_project_that_is_not_configured_any_more_strands_its_session(tmp_path: Path) -> None:
    """Nobody finds it with another App ID, and it is billed: the row stays, until the first project is back."""
    with agora(tmp_path) as elsewhere:
        with serving(tmp_path, elsewhere) as first:
            assert first.call().status_code == 200
        changed = replace(elsewhere, settings={**elsewhere.settings, **OTHER_PROJECT})
        with serving(tmp_path, changed) as second:
            stranded = second.first("session.stranded")
            assert (stranded["session"], stranded["project"]) == (live(tmp_path)[0], ENVIRONMENT["AGORA_APP_ID"])
            assert (readiness(second), len(elsewhere.agents())) == (503, 1)
        with serving(tmp_path, elsewhere) as third:
            until_ready(third)
            end(third, tmp_path)
            assert (list(elsewhere.agents()), live(tmp_path)) == ([], [])


@pytest.mark.parametrize("fault", [floods, drips])
@pytest.mark.parametrize(
    ("place", "asked"), [(agent_server, ("poll", "list")), (agora, ("query", "list")), (ten, ("list", "list"))]
)
def test_a_provider_that_floods_or_drips_at_a_restart_costs_no_call_and_no_start(
    tmp_path: Path,
    place: Callable[[Path], AbstractContextManager[Elsewhere]],
    asked: tuple[str, ...],
    fault: Fault,
) -> None:
    """Calls are answered meanwhile, the session goes on, and its agent can be ended once the provider is itself."""
    with place(tmp_path) as elsewhere:
        with serving(tmp_path, elsewhere) as first:
            assert first.call().status_code == 200
        for question in asked:
            elsewhere.plays(question, fault)
        with serving(tmp_path, elsewhere) as second:
            assert second.call().status_code == 429
            until_ready(second)
            second.first("session.adopted")
            end(second, tmp_path)
            assert (list(elsewhere.agents()), live(tmp_path)) == ([], [])


def test_a_provider_that_hangs_at_a_restart_is_told_by_readiness(tmp_path: Path) -> None:
    """503 until ten seconds are over, whatever the provider does; then the session goes on."""
    with agent_server(tmp_path) as elsewhere:
        with serving(tmp_path, elsewhere) as first:
            assert first.call().status_code == 200
        elsewhere.plays("poll", drips)
        with serving(tmp_path, elsewhere) as second:
            assert readiness(second) == 503
            until_ready(second)
            assert len(live(tmp_path)) == 1
            end(second, tmp_path)
