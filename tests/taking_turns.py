"""Fetching or building something once, though several processes of a test run want it at the same time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def in_turn(folder: Path) -> Iterator[None]:
    """Nobody else is in here for this folder, which is made if it is not there; whoever comes meanwhile waits."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go of with the file, and so with its process
        yield
