"""What the tests of the process launcher share."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

import pytest

from session_service.agents.contract import AgentRef, Launcher, OnExit
from session_service.agents.process import ProcessLauncher
from session_service.errors import AgentRefused
from tests.agents.fakes import ignore_exit
from tests.agents.programs import alive, children, descriptors


def process_launcher(
    command: tuple[str, ...],
    ready: Literal["spawn", "line"] = "line",
    *,
    on_exit: OnExit = ignore_exit,
    grace: float = 2,
    environment: Mapping[str, str] = os.environ,
    hidden: frozenset[str] = frozenset(),
    keep: frozenset[str] = frozenset(),
) -> ProcessLauncher:
    """A launcher for one command, with what its test does not care about filled in."""
    return ProcessLauncher(
        command=command,
        ready=ready,
        environment=environment,
        hidden=hidden,
        keep=keep,
        on_exit=on_exit,
        grace=grace,
    )


@contextmanager
def nothing_left() -> Iterator[None]:
    """Demand that afterwards there is no child, zombie or not, and no file descriptor more than before."""
    before = children(), descriptors()
    yield
    after = children(), descriptors()
    for pid in after[0] - before[0]:  # so that a failing test does not leave its agent behind
        os.killpg(pid, signal.SIGKILL)
    assert after == before, f"children and descriptors: {before} before, {after} after"


async def refusal(start: Awaitable[AgentRef]) -> str:
    """The log text of a start that must be refused."""
    with pytest.raises(AgentRefused) as caught:
        await start
    return str(caught.value)


def pid_of(ref: AgentRef) -> int:
    """The pid in a reference."""
    return int(ref.data["pid"])


async def until_dead(pid: int) -> None:
    """Wait until a process that was killed has noticed."""
    while alive(pid):  # noqa: ASYNC110 - no event tells of the end of another's child
        await asyncio.sleep(0.005)


async def listed(launcher: Launcher, prefix: str) -> Sequence[AgentRef]:
    """What it lists, once there is something: for a moment after a spawn, Linux shows an empty environment."""
    while not (found := await launcher.list(prefix)):  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(0.005)
    return found
