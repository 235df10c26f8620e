"""Agents that an earlier start of the service left behind: found by the environment they were given, ended by signal.

Decided here: how a process is recognised. A pid alone proves nothing, since the system gives it away again; the name
that an agent was started under stands in its environment as SESSION_ID, and in that of whatever it started. A process
group is our agent's if its leader has that name, or if its leader has ended and others in it have: an agent that dies
because the service is gone may leave processes of its own. Where an agent has overwritten its environment, as programs
do that give themselves a title, its pid and the instant of its birth prove it too, if its start could be recorded.
Called by `agents.process`, for agents that it did not start itself, and by `agents.stragglers`, for what has left the
group of one that it did.

Environments of other processes are read from /proc. Where there is none (macOS), nobody is found: a restart cannot end
what a killed service left, and nobody ends what an agent has let out of its group. Whoever cannot look, for want of a
file descriptor, is told so by an OSError: nobody may be taken for gone on that account.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_MARK = b"\0SESSION_ID="
_PAUSE = 0.05
AT_ONCE = 8
"""Processes that are asked for their environment without a rest: some 50 microseconds."""


@dataclass(frozen=True, slots=True)
class Leader:
    """The process that an agent was started as: its id, and the instant of its birth."""

    pid: int
    born: int

    def lives(self) -> bool:
        """Whether that process still runs, and leads its group; another one that was given its id does not count."""
        return self.born != 0 and born(self.pid) == self.born and _group(self.pid) == self.pid


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


def born(pid: int) -> int:
    """When the process began, in ticks since the system's boot (proc_pid_stat(5), starttime); 0 if that is unknown."""
    try:
        with open(f"{_PROC}/{pid}/stat", "rb", buffering=0) as file:
            fields = file.readall().rpartition(b")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == b"Z" else int(fields[19])


async def end(session_id: str, grace: float, leader: Leader | None = None) -> None:
    """SIGTERM to its groups, and SIGKILL once the leaders are gone or `grace` seconds are over; return when all are.

    `leader` is what was recorded of its process.
    """
    groups = _groups(session_id, leader)
    for group in groups:
        _signal(group, signal.SIGTERM)
    deadline = asyncio.get_running_loop().time() + grace
    while _any_leads(groups, session_id, leader):
        if asyncio.get_running_loop().time() >= deadline:
            break
        await asyncio.sleep(_PAUSE)
    while left := _groups(session_id, leader):
        for group in left:
            _signal(group, signal.SIGKILL)
        await asyncio.sleep(_PAUSE)


def kill(session_ids: Collection[str], rest: Callable[[], object]) -> frozenset[str]:
    """SIGKILL to every process that has one of these names, whatever its group; tells the names that were found.

    Each is killed as soon as it is recognised: the system does not give its id away again within those microseconds.
    `rest` is called after every AT_ONCE processes: a thread that goes on from one short system call to the next leaves
    the others no turn, for up to five milliseconds (sys.setswitchinterval).
    """
    found = set()
    for number, pid in enumerate(_processes(), 1):
        if number % AT_ONCE == 0:
            rest()
        name = _session_id(pid)
        if name in session_ids:
            found.add(name)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
    return frozenset(filter(None, found))


def _processes() -> Iterator[int]:
    with contextlib.suppress(FileNotFoundError), os.scandir(_PROC) as entries:
        yield from (int(entry.name) for entry in entries if entry.name.isdigit())


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def _groups(session_id: str, leader: Leader | None) -> list[int]:
    groups = found(session_id).get(session_id, [])
    return [leader.pid, *groups] if leader and leader.lives() and leader.pid not in groups else groups


def _any_leads(groups: list[int], session_id: str, leader: Leader | None) -> bool:
    return any(_session_id(group) == session_id for group in groups) or bool(leader and leader.lives())


def _has_ended(pid: int) -> bool:
    return _environment(pid) == b""


def _session_id(pid: int) -> str | None:
    """What the process has as SESSION_ID, if anything."""
    environment = b"\0" + (_environment(pid) or b"")
    _, found, rest = environment.partition(_MARK)
    return rest.partition(b"\0")[0].decode(errors="replace") if found else None


def _environment(pid: int) -> bytes | None:
    """Empty for a process that has ended, reaped or not; None for one that is not ours to read."""
    try:
        with open(f"{_PROC}/{pid}/environ", "rb", buffering=0) as file:  # twice as fast as a path's read_bytes
            return file.readall()
    except (FileNotFoundError, ProcessLookupError):
        return b""
    except PermissionError:
        return None


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
