"""Our own service as a process, and `session-service check` as another one that is pointed at it."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.commands import PROGRAM, command, environment

_LAST_LINE = "Press Ctrl-C to stop."
LONGEST = 240.0
"""Seconds within which a check has ended, however loaded the machine is."""


@dataclass(frozen=True, slots=True)
class Service:
    """What its banner says: where it is, and who may call."""

    url: str
    client_id: str
    secret: str
    ops: str

    def words(self, words: str) -> list[str]:
        """The command line that checks it."""
        return [*PROGRAM, "check", self.url, "--client-id", self.client_id, *shlex.split(words)]

    def check(self, words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Check it."""
        return subprocess.run(
            self.words(words),
            env=environment({"SESSION_SECRET": self.secret, **variables}),
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
        )


@contextmanager
def serving(folder: Path, variables: Mapping[str, str]) -> Iterator[Service]:
    """The service in that folder, with these settings and everything else made up. It ends with its test."""
    with command(folder, "dev", variables) as dev:
        dev.until(_LAST_LINE)
        form = dict(re.findall(r"^  ([A-Z][A-Za-z ]+?) {2,}(\S+)$", dev.said, re.MULTILINE))
        (ops,) = re.findall(r"(http://\S+)/sessions,", dev.said)
        yield Service(form["Session Endpoint URL"], form["Client ID"], form["Secret"], ops)


def process(code: str) -> dict[str, str]:
    """The settings of a service whose agent is this Python program."""
    return {"SESSION_LAUNCHER": "process", "SESSION_PROCESS_COMMAND": shlex.join([sys.executable, "-c", code])}
