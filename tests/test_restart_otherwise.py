"""A service that is killed while agents run elsewhere, and the next one on the same file under other settings.

No agent is left that nobody speaks of: it goes on, it is ended, or its session is stranded and takes its slot.
"""

import os
import signal
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.agents.agent_servers import SECRET as SIGNING_SECRET
from tests.agents.agent_servers import HostedAgents
from tests.test_main_job import Served
from tests.test_restart_elsewhere import (
    OTHER_PREFIX,
    OTHER_PROJECT,
    Elsewhere,
    agent_server,
    agora,
    end,
    live,
    readiness,
    serving,
    ten,
    until_ready,
)
from tests.waiting import PATIENCE, eventually

pytestmark = pytest.mark.real

Place = Callable[[Path], AbstractContextManager[Elsewhere]]
URLS: Mapping[Place, str] = {agent_server: "SESSION_HTTP_URL", agora: "SESSION_CONVOAI_URL", ten: "SESSION_TEN_URL"}
everywhere = pytest.mark.parametrize("place", list(URLS), ids=lambda place: place.__name__)


def changed(elsewhere: Elsewhere, **settings: str) -> Elsewhere:
    """The same place, as it is known by other settings."""
    return replace(elsewhere, settings={**elsewhere.settings, **settings})


def call_and_kill(served: Served) -> None:
    """A session whose service is gone from one moment to the next."""
    assert served.call().status_code == 200
    os.kill(served.process.pid, signal.SIGKILL)
    served.process.wait(PATIENCE)


def stop(served: Served, session_id: str, query: str = "") -> httpx2.Response:
    """What an operator is answered who ends it."""
    url = f"http://127.0.0.1:{served.first('service.listening')['ops_port']}/sessions/{session_id}{query}"
    with httpx2.Client(trust_env=False, timeout=PATIENCE) as client:
        return client.delete(url)


def until_gone(elsewhere: Elsewhere) -> None:
    """Wait for the end of its last agent; fail when it does not come."""
    eventually(lambda: not elsewhere.agents(), "an agent is left")


@everywhere
def test_an_agent_of_another_server_strands_its_session(tmp_path: Path, place: Place) -> None:
    """The new server has no such agent, which is no sign that it is gone: the first one's end ends it."""
    with place(tmp_path) as first, place(tmp_path) as other:
        with serving(tmp_path, first) as served:
            call_and_kill(served)
        with serving(tmp_path, other) as served:
            stranded = served.first("session.stranded")
            assert stranded["server"] == first.settings[URLS[place]]
            assert "SESSION_FORMER_URLS" in stranded["why"]
            assert (readiness(served), len(first.agents()), len(live(tmp_path))) == (503, 1, 1)
        with serving(tmp_path, first) as served:
            until_ready(served)
            end(served, tmp_path)
            assert (list(first.agents()), live(tmp_path)) == ([], [])


@everywhere
def test_a_server_that_has_another_name_is_the_same_if_the_operator_says_so(tmp_path: Path, place: Place) -> None:
    """The session goes on, and its end ends its agent."""
    with place(tmp_path) as elsewhere:
        with serving(tmp_path, elsewhere) as served:
            call_and_kill(served)
        url = elsewhere.settings[URLS[place]]
        former = {"SESSION_FORMER_URLS": f"https://agents.example {url}"}
        renamed = changed(elsewhere, **{URLS[place]: url.replace("127.0.0.1", "localhost")}, **former)
        with serving(tmp_path, renamed) as served:
            until_ready(served)
            served.first("session.adopted")
            end(served, tmp_path)
            assert (list(elsewhere.agents()), live(tmp_path)) == ([], [])


@everywhere
def test_a_stranded_session_ends_when_the_operator_says_that_its_agent_is_gone(tmp_path: Path, place: Place) -> None:
    """Not before, and without a word to any server; the log says that it was not us. Then there is room again."""
    with place(tmp_path) as first, place(tmp_path) as other:
        with serving(tmp_path, first) as served:
            call_and_kill(served)
        with serving(tmp_path, other) as served:
            session_id = served.first("session.stranded")["session"]
            assert served.call().status_code == 429
            assert (stop(served, session_id).status_code, live(tmp_path)) == (409, [session_id])
            assert (stop(served, session_id, "?agent=gone").status_code, live(tmp_path)) == (204, [])
            assert served.first("session.written_off")["server"] == first.settings[URLS[place]]
            ended = served.first("session.ended")
            assert (ended["reason"], ended["stop_seconds"]) == ("operator", None)
            assert (readiness(served), served.call().status_code) == (200, 200)
        assert len(first.agents()) == 1


def test_a_session_whose_server_is_gone_for_good_ends_when_the_operator_says_so(tmp_path: Path) -> None:
    """No restart is needed: its end is under way, and cannot come."""
    with ExitStack() as gone:
        elsewhere = gone.enter_context(agent_server(tmp_path))
        with serving(tmp_path, elsewhere) as served:
            assert served.call().status_code == 200
            gone.close()
            (session_id,) = live(tmp_path)
            assert (stop(served, session_id).status_code, live(tmp_path)) == (202, [session_id])
            assert (stop(served, session_id, "?agent=gone").status_code, live(tmp_path)) == (204, [])
            assert served.first("session.written_off")["session"] == session_id


@pytest.mark.parametrize("place", [agora, ten], ids=lambda place: place.__name__)
def test_a_stray_of_a_former_channel_prefix_is_ended(tmp_path: Path, place: Place) -> None:
    """A power cut took its row; its name, at the end of its channel's, says whose it is."""
    with place(tmp_path) as elsewhere:
        with serving(tmp_path, elsewhere) as served:
            call_and_kill(served)
        with closing(sqlite3.connect(tmp_path / "sessions.db", isolation_level=None)) as rows:
            rows.execute("DELETE FROM session")
        with serving(tmp_path, changed(elsewhere, **OTHER_PREFIX)) as served:
            served.first("agent.stray")
            until_gone(elsewhere)


def test_an_agent_whose_project_has_changed_gets_no_token_of_another_one(tmp_path: Path) -> None:
    """It would open nothing; the session goes on with the token that the agent has."""
    with HostedAgents() as hosted:
        server = {"SESSION_LAUNCHER": "http", "SESSION_HTTP_URL": hosted.url, "SESSION_HTTP_SECRETS": SIGNING_SECRET}
        reports = {"SESSION_PUBLIC_URL": "http://127.0.0.1:1"}
        elsewhere = Elsewhere({**server, **reports}, hosted.api.plays, lambda: list(hosted.api.running))
        with serving(tmp_path, elsewhere) as served:
            call_and_kill(served)
        (spec,) = hosted.api.running.values()
        assert spec.report is not None
        for project, status in (({}, 200), (OTHER_PROJECT, 409), ({}, 200)):
            with serving(tmp_path, changed(elsewhere, **project)) as served:
                served.first("session.adopted")
                url = f"http://127.0.0.1:{served.port}{urlsplit(spec.report.url).path}"
                headers = {"Authorization": f"Bearer {spec.report.token}"}
                with httpx2.Client(trust_env=False, timeout=PATIENCE) as client:
                    answer = client.post(url, headers=headers, json={"event": "renew"})
                assert answer.status_code == status, answer.text
