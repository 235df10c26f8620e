"""Seeing a child's end before it is reaped, by each means that a system may have."""

import asyncio
import os
import subprocess
from collections.abc import Callable

import pytest

from session_service.agents.watch import watch, watch_by_thread
from tests.agents.conftest import Run

pytestmark = pytest.mark.real
Watch = Callable[[int, Callable[[], None]], None]
each_way = pytest.mark.parametrize("by", [watch, watch_by_thread])


@each_way
def test_an_end_is_told_while_the_process_can_still_be_reaped(by: Watch, run: Run) -> None:
    """Its id is still its own, and its exit code is still to be had."""

    async def main() -> int:
        ended = asyncio.Event()
        process = subprocess.Popen(["/bin/sh", "-c", "read line; exit 5"], stdin=subprocess.PIPE)  # noqa: ASYNC220
        by(process.pid, ended.set)
        assert not ended.is_set()
        _release(process)
        await ended.wait()
        os.kill(process.pid, 0)
        return process.wait()

    assert run(main()) == 5


def _release(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.write(b"go\n")
    process.stdin.close()


def _ended_shell() -> subprocess.Popen[bytes]:
    process = subprocess.Popen(["/bin/sh", "-c", "exit 6"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as output:
        output.read()  # it ends when the shell does
    return process


@each_way
def test_a_process_that_has_ended_before_is_told_as_well(by: Watch, run: Run) -> None:
    """Between its start and the watching anything may happen."""

    async def main() -> int:
        process = _ended_shell()
        ended = asyncio.Event()
        by(process.pid, ended.set)
        await ended.wait()
        return process.wait()

    assert run(main()) == 6
