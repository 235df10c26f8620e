"""`python -m benchmarks.check`: how long the checker takes, and how much of that is its own work.

Decided here: that own work is the processor time of the checker's process, made reports included, and that all the rest
of a run is waiting for answers. The standard profile runs against two endpoints on loopback, each a process of its own:
the minimal one of examples/ and our service, without an agent. The whole command is timed beside it, as a person waits
for it: that is the interpreter's start and the imports more.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import figures, processes
from benchmarks.http import PATH, SECRET, SERVE, SETTINGS
from benchmarks.processes import LOAD_CORE, Unusable, python
from session_service.check.context import World
from session_service.check.plan import plan
from session_service.check.redaction import Known
from session_service.check.reports import document, github, junit, terminal, view
from session_service.check.runner import Listener, Run
from session_service.check.target import Target, endpoint
from tests.ports import free_port

WANTED_SECONDS = 10.0
WANTED_REPORT = 0.1
"""Of the whole command: an endpoint on loopback is hardly waited for, so the run itself is no measure of "small"."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is checked: its name, and its command line behind the interpreter; `port_last` appends the port to it."""

    name: str
    command: tuple[str, ...]
    port_last: bool = False


MINIMAL = Endpoint("minimal endpoint", ("examples/minimal_endpoint/endpoint.py",), port_last=True)
SERVICE = Endpoint("our service", SERVE)
ENDPOINTS = (MINIMAL, SERVICE)


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: seconds of the run, of own work in it, of the reports, and of the whole command."""

    run: float
    work: float
    reports: float
    command: float

    @property
    def waiting(self) -> float:
        """The share of the run, reports included, that is no own work."""
        return 1 - (self.work + self.reports) / (self.run + self.reports)

    @property
    def reporting(self) -> float:
        """The reports' share of the same."""
        return self.reports / (self.run + self.reports)


def measured(url: str) -> Measured:
    """Check it once within this process and once as a command; Unusable where it does not pass."""
    target = Target(
        endpoint(url), SETTINGS["SESSION_CLIENT_ID"], SECRET.encode(), certificate=SETTINGS["AGORA_APP_CERTIFICATE"]
    )
    known = Known(target)
    began, worked = time.perf_counter(), time.process_time()
    world = World(time.time, time.perf_counter, os.urandom)
    run = Run(target, plan("standard"), world, listener=Listener(heard=known.learn))
    asyncio.run(run.make())
    took, work = time.perf_counter() - began, time.process_time() - worked
    if not run.report().passed(strict=True):
        raise Unusable(f"{url} did not pass.")
    return Measured(took, work, _reported(run, known), _command(url))


def _reported(run: Run, known: Known) -> float:
    """Seconds of work for every form of the report."""
    worked = time.process_time()
    found = view.view(run.report(), known)
    terminal.written(found, terminal.style(colour=True, encoding="utf-8"))
    document.written(found)
    junit.written(found)
    github.summary(found)
    return time.process_time() - worked


def _command(url: str) -> float:
    """Seconds of the whole command, as a person waits for it."""
    words = python("-m", "session_service", "check", url, "--client-id", SETTINGS["SESSION_CLIENT_ID"])
    began = time.perf_counter()
    done = subprocess.run(words, env={**os.environ, **SETTINGS}, cwd=processes.ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        raise Unusable(f"The command ended with {done.returncode}:\n{done.stderr.decode()[-2000:]}")
    return time.perf_counter() - began


def rounds(one: Endpoint, number: int, folder: Path) -> list[Measured]:
    """So many runs against one fresh process; one before them goes unmeasured."""
    port = free_port()
    settings = SETTINGS | {"SESSION_LAUNCHER": "none", "SESSION_PORT": str(port), "SESSION_OPS_PORT": "off"}
    command = python(*one.command, *([str(port)] if one.port_last else []))
    with processes.server(command, settings, port, folder / "log"), processes.pinned(LOAD_CORE):
        return [measured(f"http://127.0.0.1:{port}{PATH}") for _ in range(number + 1)][1:]


def report(found: dict[Endpoint, list[Measured]]) -> str:
    """The table, and what of it was wanted."""
    header = ["standard profile", "run, s", "command, s", "waiting, %", "own work, %", "reports, %"]
    slowest = max(one.command for runs in found.values() for one in runs)
    largest = max(median([one.reports / one.command for one in runs]) for runs in found.values())
    verdicts = [
        f"slowest command {slowest:.1f} s, wanted < {WANTED_SECONDS:.0f}{'' if slowest < WANTED_SECONDS else ': MORE'}",
        f"reports {largest:.2f} of a command, wanted < {WANTED_REPORT}{'' if largest < WANTED_REPORT else ': MORE'}",
    ]
    return "\n\n".join([figures.table(header, [_row(one, runs) for one, runs in found.items()]), "\n".join(verdicts)])


def _row(one: Endpoint, runs: Sequence[Measured]) -> list[str]:
    return [
        one.name,
        figures.spread([run.run for run in runs], "{:.2f}"),
        figures.spread([run.command for run in runs], "{:.2f}"),
        figures.spread([100 * run.waiting for run in runs]),
        figures.spread([100 * (1 - run.waiting - run.reporting) for run in runs]),
        figures.spread([100 * run.reporting for run in runs], "{:.1f}"),
    ]


def main() -> None:
    """Measure and print. Exits with 1 and a sentence when an endpoint did not start, or did not pass."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="runs against each endpoint (5)")
    number = parser.parse_args().rounds
    try:
        with TemporaryDirectory() as folder:
            print(report({one: rounds(one, number, Path(folder)) for one in ENDPOINTS}))
    except Unusable as error:
        sys.exit(f"Not measured. {error}")


if __name__ == "__main__":
    main()
