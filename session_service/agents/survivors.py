"""Agents that an earlier start of the service left behind: found by the environment they were given, ended by signal.

Decided here: how a process is recognised. A pid alone proves nothing, since the system gives it away again; the name
that an agent was started under stands in its environment as SESSION_ID, and in that of whatever it started. A process
group is our agent's if its leader has that name, or if its leader has ended and others in it have: an agent that dies
because the service is gone may leave processes of its own. Called by `agents.process`, for agents that it did not start
itself.

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


def found(prefix: str) -> dict[str, list[int]]:
    """The process groups of agents whose SESSION_ID begins with `prefix`, by session id."""
    agents: dict[str, list[int]] = {}
    for pid in _processes():
        name, group = _session_id(pid), _group(pid)
        if name is None or group is None or not name.startswith(prefix):
            continue
        if group not in agents.get(name, ()) and (_session_id(group) == name or _has_ended(group)):
            agents.setdefault(name, []).append(group)
    return agents


async def end(session_id: str, grace: float) -> None:
    """SIGTERM to its groups, and SIGKILL once the leaders are gone or `grace` seconds are over; return when all are."""
    groups = found(session_id).get(session_id, [])
    for group in groups:
        _signal(group, signal.SIGTERM)
    deadline = asyncio.get_running_loop().time() + grace
    while _any_leads(groups, session_id):
        if asyncio.get_running_loop().time() >= deadline:
            break
        await asyncio.sleep(_PAUSE)
    while left := found(session_id).get(session_id):
        for group in left:
            _signal(group, signal.SIGKILL)
        await asyncio.sleep(_PAUSE)


def _processes() -> Iterator[int]:
    with contextlib.suppress(OSError):
        yield from (int(entry) for entry in os.listdir(_PROC) if entry.isdigit())


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def _any_leads(groups: list[int], session_id: str) -> bool:
    return any(_session_id(group) == session_id for group in groups)


def _has_ended(pid: int) -> bool:
    return _environment(pid) == b""


def _session_id(pid: int) -> str | None:
    """What the process has as SESSION_ID, if anything."""
    for entry in (_environment(pid) or b"").split(b"\0"):
        if entry.startswith(_MARK):
            return entry.removeprefix(_MARK).decode(errors="replace")
    return None


def _environment(pid: int) -> bytes | None:
    """Empty for a process that has ended, reaped or not; None for one that is not ours to read."""
    try:
        return (_PROC / str(pid) / "environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
    except OSError:
        return None


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
