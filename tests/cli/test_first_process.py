"""The service as the first process of a container, which inherits what agents leave behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import environment
from tests.contract.given import PLENTY
from tests.contract.sockets import DEADLINE, Connection, message
from tests.test_main_job import Served

pytestmark = pytest.mark.real

LEAVES_TWO_BEHIND = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    time.sleep(0.2)
    os._exit(0)
print("ready", flush=True)
time.sleep(0.1)
"""
HEARS_ONCE_PER_AGENT = """
import os, signal, time
from session_service.cli import first_process

first_process.leave_it()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
for _ in range(40):
    if os.fork() == 0:
        if os.fork():
            os._exit(0)
        time.sleep(0.02)
        os._exit(0)
    os.wait()
    print("left", flush=True)
    signal.sigwait({signal.SIGUSR1})
"""
WITHOUT_NEWS = """
import signal
from session_service.cli import first_process

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
first_process.leave_it()
raise SystemExit(3)
"""
PLACE = ["--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--proc", "/proc"]
APART = ["--unshare-pid", "--as-pid-1", "--die-with-parent"]


@pytest.fixture
def apart() -> list[str]:
    """What a command is begun with that is to be the first process where it runs."""
    if shutil.which("bwrap") is None:
        pytest.skip("a place with process ids of its own needs bubblewrap: apt-get install bubblewrap")
    return ["bwrap", *PLACE, *APART, sys.executable]


@pytest.fixture
def first(apart: list[str], tmp_path: Path) -> Iterator[Served]:
    """A service that is the first process where it runs."""
    (tmp_path / "agent.py").write_text(LEAVES_TWO_BEHIND)
    agent = {
        "SESSION_LAUNCHER": "process",
        "SESSION_PROCESS_COMMAND": f"{sys.executable} -I -S {tmp_path / 'agent.py'}",
        "SESSION_PROCESS_READY": "line",
    }
    command = [*apart, "-m", "session_service", "serve"]
    settings = environment({**PLENTY, "SESSION_PORT": "0", "SESSION_OPS_PORT": "0", **agent})
    with subprocess.Popen(command, env=settings, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield Served(process)
        finally:
            process.kill()


def ids(process: int) -> list[int]:
    """Its children, whether they run or wait to be reaped."""
    children = Path(f"/proc/{process}/task/{process}/children")
    return [int(child) for child in children.read_text().split()]


def await_reaped(process: int) -> None:
    """Until it has no child but the service."""
    deadline = time.monotonic() + DEADLINE
    while len(ids(process)) > 1:
        assert time.monotonic() < deadline, "something waits to be reaped"


def test_what_agents_leave_behind_is_reaped_and_the_end_is_handed_on(first: Served) -> None:
    """Nobody else would: every session would take two of the container's process ids for good."""
    with Connection(first.port) as caller:
        for _ in range(5):
            caller.send(message())
            assert caller.answer().status == 200
    (inside,) = ids(first.process.pid)
    await_reaped(inside)
    os.kill(inside, signal.SIGTERM)
    assert first.until("service.ended")
    assert first.process.wait(DEADLINE) == 0


def test_a_signal_that_comes_while_it_reaps_is_handed_on_at_once(apart: list[str]) -> None:
    """Not when the next agent ends: SIGTERM would wait until the container is killed, and every agent with it."""
    command = [*apart, "-c", HEARS_ONCE_PER_AGENT]
    with subprocess.Popen(command, env=environment({}), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for _ in process.stdout:
                (inside,) = ids(process.pid)
                await_reaped(inside)
                os.kill(inside, signal.SIGUSR1)
            assert process.wait(DEADLINE) == 0
        finally:
            process.kill()


def test_the_end_is_heard_of_where_it_was_begun_with_that_ignored(apart: list[str]) -> None:
    """An ignored signal stays so through every exec: the container would go on without its service."""
    ended = subprocess.run([*apart, "-c", WITHOUT_NEWS], env=environment({}), timeout=DEADLINE, check=False)
    assert ended.returncode == 3
