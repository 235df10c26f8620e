"""What runs on this machine, read from /proc: a service in a chroot or a sandbox has the host's process ids, too."""

import os
import select
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """One process as it was when it was looked at."""

    pid: int
    parent: int
    uids: frozenset[int]
    """Real, effective, saved and file system user id."""
    command: tuple[str, ...]

    def is_python_with(self, word: str) -> bool:
        """Whether it is an interpreter, and not who starts one, that was given an argument ending in `word`."""
        program, *arguments = self.command or ("",)
        return Path(program).name.startswith("python") and any(argument.endswith(word) for argument in arguments)


def below(root: int) -> list[Process]:
    """The process `root`'s children, and theirs, as they are now."""
    everyone = [found for entry in Path("/proc").iterdir() if entry.name.isdigit() and (found := _look(entry))]
    known = {root}
    while fresh := {one.pid for one in everyone if one.parent in known} - known:
        known |= fresh
    return [one for one in everyone if one.pid in known - {root}]


def _look(entry: Path) -> Process | None:
    try:
        status = dict(line.split(":\t", 1) for line in (entry / "status").read_text().splitlines() if ":\t" in line)
        command = (entry / "cmdline").read_text().split("\0")[:-1]
    except OSError:  # it ended while we looked
        return None
    return Process(int(entry.name), int(status["PPid"]), frozenset(map(int, status["Uid"].split())), tuple(command))


class Watch:
    """A process to wait for, held so that its number cannot be given to another one meanwhile."""

    def __init__(self, pid: int) -> None:
        self._handle = os.pidfd_open(pid)

    def ended(self, seconds: float) -> bool:
        """Wait until it has ended, at most so long."""
        readable, _, _ = select.select([self._handle], [], [], seconds)
        return bool(readable)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._handle)
