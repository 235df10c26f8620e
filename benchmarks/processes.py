"""Servers as processes of their own: what is measured on the first core, the load on the second.

Decided here: how a server is started, pinned, waited for and ended, and how its processor time is read. Used by `http`,
`start` and `starts`.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

SERVER_CORE, LOAD_CORE = 0, 1
START_PATIENCE, END_PATIENCE = 15.0, 30.0
ROOT = Path(__file__).resolve().parent.parent


class Unusable(Exception):
    """A measurement that may not be believed; the text says why."""


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keep this process on one core, where the system can and there is more than one; what it starts stays there."""
    if not hasattr(os, "sched_setaffinity") or core not in (before := os.sched_getaffinity(0)):
        yield
        return
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def python(*arguments: str) -> list[str]:
    """The command line of a module in this interpreter."""
    return [sys.executable, *arguments]


@contextmanager
def server(
    command: Sequence[str], environment: Mapping[str, str], port: int, log: Path, *, core: int = SERVER_CORE
) -> Iterator[int]:
    """Run a server and give its process id once it listens; its output goes to `log`. Unusable if it never does."""
    with log.open("wb") as output, pinned(core):
        process = subprocess.Popen(command, env={**os.environ, **environment}, cwd=ROOT, stdout=output, stderr=output)
    try:
        if not wait_for(port, process):
            raise Unusable(f"{' '.join(command)} did not start:\n{log.read_text()[-2000:]}")
        yield process.pid
    except Unusable as error:
        if process.poll() is not None:
            raise Unusable(f"{' '.join(command)} ended with code {process.returncode}.") from error
        raise
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask, and insist: no measurement may leave a server behind."""
    process.terminate()
    try:
        process.wait(END_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> bool:
    """Whether the port is listened on before the process ends or patience does. Tries without pause: this is timed."""
    deadline = time.monotonic() + START_PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return True
    return False


def call(port: int, method: str, path: str, headers: Mapping[str, str], body: str | None = None) -> tuple[int, bytes]:
    """One call over a connection of its own: status and body."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def cpu_seconds(pid: int) -> float | None:
    """Processor time that a process has used, in seconds; None where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
