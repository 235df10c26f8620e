"""A service that is killed at any moment, and the next one on the same file: no agent left, no slot taken.

No hook in the service chooses the moments: agents hold a step open, a lock on the store holds another, log lines and
rows tell where it stands, and the rest is left to delays from a seeded generator.
"""

import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from session_service.agents import survivors
from tests.agents.programs import HEAD
from tests.test_main_job import ENVIRONMENT, SECRET, Served
from tests.waiting import PATIENCE, eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

PATH = "/cekura/v1/sessions"
FOREVER = "while True: time.sleep(0.05)"
"""Not a pause: a handler is not run if its signal comes in the moment before that."""
STAYS = f"print('ready', flush=True)\n{FOREVER}"
NEVER_READY = f"print('not yet', flush=True)\n{FOREVER}"
READY_WHEN_ASKED = "signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b'ready\\n'))\n" + NEVER_READY
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + STAYS
STUBBORN_ALOUD = "signal.signal(signal.SIGTERM, lambda *_: os.write(1, b'no\\n'))\n" + STAYS
LEAVES_A_CHILD = (
    "if os.fork() == 0:\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    while True: signal.pause()\n"
    "print('ready', flush=True)\nwhile True: os.write(1, b'.'); time.sleep(0.01)"
)
HIDES_ITS_NAME = (
    "if 'SESSION_ID' in os.environ: os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {})\n" + STAYS
)
STARTS_A_SESSION_OF_ITS_OWN = (
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nif os.fork() == 0: os.setsid()\n"
    "else: print('ready', flush=True)\nwhile True: signal.pause()"
)
SEED = 20261121
BODY = b'{"client_id": "acme"}'
HEADERS = f"POST {PATH} HTTP/1.1\r\nHost: here\r\nX-Cekura-Secret: {SECRET}\r\nContent-Length: {len(BODY)}\r\n\r\n"


def environment(folder: Path, agent: str, **changes: str) -> dict[str, str]:
    """One place, one file, an agent that outlives the service."""
    (folder / "agent.py").write_text(HEAD + agent)
    return {
        **ENVIRONMENT,
        "PATH": os.environ["PATH"],
        "SESSION_STORE": f"sqlite:{folder / 'sessions.db'}",
        "SESSION_MAX_SESSIONS": "1",
        "SESSION_PROCESS_COMMAND": f"{sys.executable} -I -S {folder / 'agent.py'}",
        **changes,
    }


@pytest.fixture(autouse=True)
def cleared(tmp_path: Path) -> Iterator[None]:
    """A test that fails leaves no agent on this machine either."""
    yield
    for pid in agents(tmp_path):
        os.kill(pid, signal.SIGKILL)


@contextmanager
def spawned(folder: Path, agent: str, **changes: str) -> "Iterator[subprocess.Popen[str]]":
    """A service that may not listen yet; if the test has not killed it, it is told to end."""
    command = [sys.executable, "-m", "session_service", "serve"]
    settings = environment(folder, agent, **changes)
    with subprocess.Popen(command, env=settings, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


@contextmanager
def serving(folder: Path, agent: str, **changes: str) -> Iterator[Served]:
    """A service that listens."""
    with spawned(folder, agent, **changes) as process:
        yield Served(process)


@contextmanager
def calling(served: Served) -> Iterator[None]:
    """A caller who has sent a call and waits for its answer."""
    with socket.create_connection(("127.0.0.1", served.port)) as caller:
        caller.sendall(HEADERS.encode() + BODY)
        yield


def until_read(served: Served) -> None:
    """A probe that is answered: the service has had a turn for whatever was sent before it."""
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)) as probe:
        probe.request("GET", "/livez")
        assert probe.getresponse().status == 200


def kill(served: Served) -> None:
    """SIGKILL, and the process is gone."""
    served.process.kill()
    served.process.wait(60)


def states(folder: Path) -> list[str]:
    """Where the sessions stand that have not ended."""
    with closing(sqlite3.connect(folder / "sessions.db", timeout=PATIENCE)) as rows:
        return [state for (state,) in rows.execute("SELECT state FROM session WHERE state <> 'ended'")]


def agents(folder: Path) -> list[int]:
    """The agents of this test that run, by what they were started as; what merely waits to be reaped does not run."""
    told = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,stat=,args="], capture_output=True, text=True, check=True)
    found = (line.split(None, 2) for line in told.stdout.splitlines())
    return [int(pid) for pid, stat, args in found if str(folder / "agent.py") in args and stat[0] != "Z"]


def named(folder: Path) -> dict[str, list[int]]:
    """The agents of this test that run, by the name that they were started under."""
    with closing(sqlite3.connect(folder / "sessions.db", timeout=PATIENCE)) as rows:
        (deployment,) = rows.execute("SELECT id FROM deployment").fetchone()
    return survivors.found(deployment)


@contextmanager
def store_held(folder: Path) -> Iterator[None]:
    """Nobody else can write to the store, for less than the second that the service waits for it."""
    with closing(sqlite3.connect(folder / "sessions.db", isolation_level=None)) as rows:
        rows.execute("BEGIN IMMEDIATE")
        yield


def assert_nothing_is_left(folder: Path) -> None:
    """One more start: every session ended, every agent gone, the one place free for a call."""
    with serving(folder, STAYS) as last:
        eventually(lambda: not states(folder))
        assert (agents(folder), named(folder)) == ([], {})
        assert last.call().status_code == 200


def test_killed_before_its_slot_is_written_a_call_leaves_nothing(tmp_path: Path) -> None:
    """The store is held while the call comes in, so that there is a call and no row."""
    with serving(tmp_path, STAYS) as first, store_held(tmp_path), calling(first):
        until_read(first)
        kill(first)
    assert (states(tmp_path), agents(tmp_path)) == ([], [])
    assert_nothing_is_left(tmp_path)


def test_killed_as_soon_as_its_slot_is_written_a_call_leaves_nothing(tmp_path: Path) -> None:
    """The row is there; whether its process is too, the kill has to race for."""
    with serving(tmp_path, NEVER_READY) as first, calling(first):
        eventually(lambda: states(tmp_path) == ["starting"])
        kill(first)
    assert states(tmp_path) == ["starting"]
    assert_nothing_is_left(tmp_path)


def test_killed_before_its_agent_is_ready_a_call_leaves_nothing(tmp_path: Path) -> None:
    """The store knows a start and nothing of its process."""
    with serving(tmp_path, NEVER_READY) as first, calling(first):
        first.until("agent.output")
        kill(first)
    assert (states(tmp_path), len(agents(tmp_path))) == (["starting"], 1)
    assert_nothing_is_left(tmp_path)


def test_killed_before_its_agents_acceptance_is_written_a_call_leaves_nothing(tmp_path: Path) -> None:
    """The agent is ready and the store is held, so that nobody is told."""
    with serving(tmp_path, READY_WHEN_ASKED) as first, calling(first):
        first.until("agent.output")
        with store_held(tmp_path):
            os.kill(agents(tmp_path)[0], signal.SIGUSR1)
            assert first.until("agent.output")["line"] == "ready"
            kill(first)
    assert (states(tmp_path), len(agents(tmp_path))) == (["starting"], 1)
    assert_nothing_is_left(tmp_path)


@pytest.mark.parametrize("agent", [STAYS, STUBBORN], ids=["heeds-sigterm", "ignores-sigterm"])
def test_agents_of_a_killed_service_are_ended_by_the_next(tmp_path: Path, agent: str) -> None:
    """After the answer: they are found by name, also those that ignore SIGTERM; their sessions are lost."""
    with serving(tmp_path, agent) as first:
        assert first.call().status_code == 200
        kill(first)
    assert (states(tmp_path), len(agents(tmp_path)), len(named(tmp_path))) == (["running"], 1, 1)
    with serving(tmp_path, STAYS) as second:
        assert second.first("session.ended")["reason"] == "lost"
        assert (agents(tmp_path), states(tmp_path)) == ([], [])
        assert second.call().status_code == 200


def test_an_agent_that_has_overwritten_its_environment_is_ended_by_the_next(tmp_path: Path) -> None:
    """Its pid and the instant of its birth are in its row; nothing has its name any more."""
    with serving(tmp_path, HIDES_ITS_NAME) as first:
        assert first.call().status_code == 200
        kill(first)
    assert (states(tmp_path), len(agents(tmp_path)), named(tmp_path)) == (["running"], 1, {})
    assert_nothing_is_left(tmp_path)


def test_what_an_agent_leaves_that_ends_with_its_service_is_ended_too(tmp_path: Path) -> None:
    """The agent cannot write to the service any more, and dies of it; what it had started runs on in its group."""
    with serving(tmp_path, LEAVES_A_CHILD) as first:
        assert first.call().status_code == 200
        kill(first)
    eventually(lambda: len(agents(tmp_path)) == 1)
    assert_nothing_is_left(tmp_path)


def test_an_agent_and_what_left_its_group_are_both_ended(tmp_path: Path) -> None:
    """Two groups have the name of one session."""
    with serving(tmp_path, STARTS_A_SESSION_OF_ITS_OWN) as first:
        assert first.call().status_code == 200
        eventually(lambda: [len(groups) for groups in named(tmp_path).values()] == [2])
        kill(first)
    assert_nothing_is_left(tmp_path)


def test_callables_of_a_killed_service_are_gone_with_it_and_their_slots_with_the_next_start(tmp_path: Path) -> None:
    """They are tasks of its process, so their sessions are lost."""
    python = {"SESSION_LAUNCHER": "python", "SESSION_PYTHON_CALLABLE": "tests.contract.callables:stays"}
    for _ in range(2):
        with serving(tmp_path, STAYS, **python) as served:
            eventually(lambda: not states(tmp_path))
            assert served.call().status_code == 200
            assert states(tmp_path) == ["running"]
            kill(served)
    with serving(tmp_path, STAYS, **python) as last:
        assert last.first("session.ended")["reason"] == "lost"
        assert (states(tmp_path), last.call().status_code) == ([], 200)


def test_what_has_left_an_agents_group_ends_when_the_service_is_told_to_end(tmp_path: Path) -> None:
    """No restart is needed for that."""
    with serving(tmp_path, STARTS_A_SESSION_OF_ITS_OWN) as served:
        assert served.call().status_code == 200
        eventually(lambda: [len(groups) for groups in named(tmp_path).values()] == [2])
        served.process.terminate()
        served.process.wait(PATIENCE)
    assert (agents(tmp_path), states(tmp_path)) == ([], [])


def test_an_end_that_a_kill_cut_short_is_finished_for_its_own_reason(tmp_path: Path) -> None:
    """The agent has been asked to end, and says no."""
    with serving(tmp_path, STUBBORN_ALOUD) as first:
        assert first.call().status_code == 200
        first.process.terminate()
        while first.until("agent.output")["line"] != "no":
            pass
        kill(first)
    assert (states(tmp_path), len(agents(tmp_path))) == (["ending"], 1)
    with serving(tmp_path, STAYS) as second:
        assert second.first("session.ended")["reason"] == "shutdown"
        assert (agents(tmp_path), states(tmp_path)) == ([], [])
        assert second.call().status_code == 200


def test_a_service_that_is_killed_while_it_recovers_leaves_the_rest_to_the_next(tmp_path: Path) -> None:
    """It has begun to end an agent that ignores SIGTERM, and has four seconds more to wait for it."""
    with serving(tmp_path, STUBBORN) as first:
        assert first.call().status_code == 200
        kill(first)
    with serving(tmp_path, STAYS) as second:
        eventually(lambda: states(tmp_path) == ["ending"])
        kill(second)
    assert (states(tmp_path), len(agents(tmp_path))) == (["ending"], 1)
    assert_nothing_is_left(tmp_path)


def test_kills_at_any_moment_of_a_call_leave_nothing(tmp_path: Path) -> None:
    """Six services, each killed some milliseconds into its call; the next begins with what that left."""
    delays = random.Random(SEED)  # noqa: S311 - the same moments in every run
    for _ in range(6):
        with serving(tmp_path, STAYS) as served:
            eventually(lambda: not states(tmp_path))
            assert agents(tmp_path) == []
            with calling(served):
                time.sleep(delays.uniform(0.0, 0.06))
                kill(served)
    assert_nothing_is_left(tmp_path)


def test_kills_at_any_moment_of_a_recovery_leave_nothing(tmp_path: Path) -> None:
    """A service that an agent outlives, and four that are killed some time after they were started."""
    delays = random.Random(SEED)  # noqa: S311 - the same moments in every run
    with serving(tmp_path, STUBBORN) as first:
        assert first.call().status_code == 200
        kill(first)
    for _ in range(4):
        with spawned(tmp_path, STAYS) as process:
            time.sleep(delays.uniform(0.2, 1.2))
            process.kill()
    assert_nothing_is_left(tmp_path)
