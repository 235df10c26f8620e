"""Agents that an earlier start of the service left behind: found by the environment they were given, ended by signal.

Decided here: how a process is recognised. A pid alone proves nothing, since the system gives it away again; the name
that an agent was started under stands in its environment as SESSION_ID, and whoever leads a process group with that
name is our agent. Called by `agents.process`, for agents that it did not start itself.

Environments of other processes are read from /proc. Where there is none (macOS), nobody is found, and a restart cannot
end what a killed service left.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_MARK = b"SESSION_ID="
_PAUSE = 0.05


def found(prefix: str) -> dict[str, int]:
    """The leaders of process groups whose SESSION_ID begins with `prefix`: session id to pid."""
    named = ((_session_id(pid), pid) for pid in _leaders())
    return {name: pid for name, pid in named if name is not None and name.startswith(prefix)}


def _leaders() -> Iterator[int]:
    with contextlib.suppress(OSError):
        for entry in os.listdir(_PROC):
            if entry.isdigit() and _group(int(entry)) == int(entry):
                yield int(entry)


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def _session_id(pid: int) -> str | None:
    """What the process has as SESSION_ID; None for one that is not ours to read, or a zombie, which has none."""
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return None
    for entry in environment.split(b"\0"):
        if entry.startswith(_MARK):
            return entry.removeprefix(_MARK).decode(errors="replace")
    return None


async def end(session_id: str, grace: float) -> None:
    """SIGTERM to the group, and SIGKILL `grace` seconds later; return when its leader is gone."""
    pid = found(session_id).get(session_id)
    if pid is None:
        return
    _signal(pid, signal.SIGTERM)
    deadline = asyncio.get_running_loop().time() + grace
    while _session_id(pid) == session_id:
        if asyncio.get_running_loop().time() >= deadline:
            _signal(pid, signal.SIGKILL)
        await asyncio.sleep(_PAUSE)
    _signal(pid, signal.SIGKILL)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
