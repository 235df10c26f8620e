"""The command line as a process: started in a folder, listened to, and ended as a terminal or an orchestrator does."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PROGRAM = (sys.executable, "-m", "session_service")
OURS = ("SESSION_", "AGORA_", "CEKURA_", "LIVEKIT_", "STATE_DIRECTORY")


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without settings of ours, and with these; sessions in memory unless they say more."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS) and name != "PORT"}
    return {**kept, "SESSION_STORE": "memory", **variables}


class Command:
    """A running command, whose standard output and standard error are one stream, as in a terminal."""

    def __init__(self, folder: Path, line: str, variables: Mapping[str, str], before: str = "") -> None:
        self.said = ""
        self.process = subprocess.Popen(
            ["sh", "-c", f"exec {before} {shlex.join(PROGRAM)} {line}"],
            cwd=folder,
            env=environment({"SESSION_PORT": "0", "SESSION_OPS_PORT": "0", **variables}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def until(self, word: str) -> str:
        """Read up to the line that holds `word`, and return that line."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.said += line
            if word in line:
                return line
        raise AssertionError(self.said)

    def press_ctrl_c(self) -> int:
        """SIGINT to the process group, as a terminal sends it; returns the exit code."""
        return self._end(signal.SIGINT)

    def terminate(self) -> int:
        """SIGTERM to the process, as an orchestrator sends it; returns the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        rest, _ = self.process.communicate(timeout=60)
        self.said += rest
        return self.process.returncode


@contextmanager
def command(folder: Path, line: str, variables: Mapping[str, str], before: str = "") -> Iterator[Command]:
    """A command that is ended at the latest when its test is; `before` stands before it, as in a shell."""
    running = Command(folder, line, variables, before)
    try:
        yield running
    finally:
        if not running.process.stdout or not running.process.stdout.closed:
            running.terminate()


def run(folder: Path, line: str, variables: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """A command that ends by itself."""
    return subprocess.run(
        [*PROGRAM, *shlex.split(line)],
        cwd=folder,
        env=environment(variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
