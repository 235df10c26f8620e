"""`python -m benchmarks.soak --minutes 60`: whether a service that has been busy for long is as it was before.

Decided here: what is done to it, what is looked at, and how much may be left. Calls come over sockets, at a bounded
rate, each in turn of another kind: sessions whose agents end by themselves or at the maximum duration, as processes
and as tasks; callers who are refused; callers who hang up at three points. What is sampled is the service's process,
its children, the live rows of its store and the tasks of its event loop, which an agent in the process counts, each
time when nothing is going on: after a warm-up, and after the rest.
"""

import argparse
import itertools
import json
import os
import socket
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import figures, processes
from benchmarks.http import PATH, SECRET, SERVE, SETTINGS
from benchmarks.processes import Unusable, python
from tests.ports import free_port

RATE = 10.0
"""Calls a second: two cores have time left, so that what is measured is what is kept and not what is queued."""
WARM_UP = 12.0
"""Seconds of calls before the first look: by then every module is imported and every thread started."""
PATIENCE = 20.0
"""Seconds within which all has to be over once nobody calls: the longest session, its agent's grace, and slack."""
LASTS = 2
"""SESSION_MAX_DURATION, in seconds."""
MINUTES_PER_LOOK = 5.0
"""Looks between the first and the last show whether what grows still does."""
MEMORY_SLACK = 16 * 1024
"""KiB that a service may have grown by: some ten megabytes are the ring of its latest events, which the warm-up does
not fill, and the rest is what an allocator does not give back. In a minute that finds a leak of 28 KiB a call, in
an hour one of half a KiB."""
TASKS = "tasks"
"""The file in which the agent that looks at the service tells what it has counted."""

AGENT = """
read -r order
echo ready
case $SESSION_ID in *[02468ace]) sleep 0.5 ;; *) sleep 60 ;; esac
"""
CLIENTS = """
[clients.soak-process]
secret = "{secret}"
launcher = "process"
process_command = ["/bin/sh", "{agent}"]
process_ready = "line"

[clients.soak-python]
secret = "{secret}"
launcher = "python"
python_callable = "benchmarks.agent:comes_and_goes"

[clients.soak-look]
secret = "{secret}"
launcher = "python"
python_callable = "benchmarks.agent:counts_tasks"
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a service holds. `memory` is what is resident, in KiB; `live` counts the sessions that have not ended, and
    `tasks` those of the event loop.
    """

    memory: int
    descriptors: int
    threads: int
    children: int
    live: int
    tasks: int = 0

    def problems(self, before: "Sample") -> list[str]:
        """What has not come back to what it was. Only memory may differ: all else is opened for a call or a session."""
        found = [
            f"{name} were {getattr(before, name)} and are {getattr(self, name)}"
            for name in ("descriptors", "threads", "children", "live", "tasks")
            if getattr(self, name) != getattr(before, name)
        ]
        if self.memory > before.memory + MEMORY_SLACK:
            found.append(f"memory was {before.memory} KiB and is {self.memory}")
        return found


@dataclass(frozen=True, slots=True)
class Soaked:
    """The looks at the service, how each kind of call was answered, and why the sessions have ended."""

    samples: tuple[Sample, ...]
    answers: Counter[tuple[str, int | None]]
    reasons: Counter[str]

    @property
    def problems(self) -> list[str]:
        """Everything for which this run fails."""
        first, last = self.samples[0], self.samples[-1]
        found = last.problems(first)
        wrong = [key for key in self.answers if key[1] != EXPECTED[key[0]]]
        found += [f"{kind} was answered with {status}, {self.answers[kind, status]} times" for kind, status in wrong]
        missing = {"agent_exited", "max_duration"} - set(self.reasons)
        return found + [f"no session has ended as {reason}" for reason in sorted(missing)]


def _message(client: str, secret: str = SECRET, body: str | None = None) -> bytes:
    body = json.dumps({"client_id": client}) if body is None else body
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nX-Cekura-Secret: {secret}\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


GOOD = _message("soak-process")
CALLS: dict[str, tuple[bytes, int | None]] = {
    "process": (GOOD, 200),
    "python": (_message("soak-python"), 200),
    "wrong secret": (_message("soak-process", secret="another-" + SECRET), 401),
    "process again": (GOOD, 200),
    "no agent": (_message(SETTINGS["SESSION_CLIENT_ID"]), 200),
    "hang-up in the head": (GOOD[:40], None),
    "python again": (_message("soak-python"), 200),
    "unknown client": (_message("nobody"), 403),
    "hang-up in the body": (GOOD[:-5], None),
    "no JSON": (_message("", body="{"), 400),
    "hang-up before the answer": (GOOD, None),
}
"""Each kind of call: its bytes, and the status of its answer; None for a caller who does not wait for one."""
LOOK = _message("soak-look")
EXPECTED = {kind: status for kind, (_, status) in CALLS.items()}


def call(port: int, message: bytes, expected: int | None) -> int | None:
    """One call on a connection of its own, and its status; None where the caller hangs up without waiting."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(message)
        if expected is None:
            return None
        with connection.makefile("rb") as answer:
            return int(answer.readline().split()[1])


def load(port: int, seconds: float, answers: Counter[tuple[str, int | None]]) -> None:
    """Call for so long, at RATE, each kind in turn."""
    begun = time.monotonic()
    for number, (kind, (message, expected)) in enumerate(itertools.cycle(CALLS.items())):
        due = begun + number / RATE
        if due >= begun + seconds:
            return
        time.sleep(max(0.0, due - time.monotonic()))
        answers[kind, call(port, message, expected)] += 1


def sample(pid: int, store: Path) -> Sample:
    """Look at a service. Unusable where the system has no /proc."""
    folder = Path(f"/proc/{pid}")
    if not folder.exists():
        raise Unusable("The system has no /proc, or the service has ended.")
    memory = next(line.split()[1] for line in (folder / "status").read_text().splitlines() if line.startswith("VmRSS"))
    threads = list((folder / "task").iterdir())
    children = [child for thread in threads for child in (thread / "children").read_text().split()]
    live = sum(count for state, count in rows(store, "state") if state != "ended")
    return Sample(int(memory), len(os.listdir(folder / "fd")), len(threads), len(children), live)


def tasks(port: int, told: Path) -> int:
    """How many tasks the service's event loop has, as an agent has `told` it that was started for this."""
    if call(port, LOOK, 200) != 200:
        raise Unusable("The service does not start the agent that looks at it.")
    return int(told.read_text())  # written before its first suspension, and so before the answer


def rows(store: Path, column: str) -> list[tuple[str, int]]:
    """How many sessions have what in that column."""
    with closing(sqlite3.connect(store, timeout=PATIENCE)) as opened:
        return list(opened.execute(f"SELECT {column}, count(*) FROM session GROUP BY {column}"))  # noqa: S608 - ours


def at_rest(look: Callable[[], Sample]) -> Sample:
    """Wait until no session lives, no child runs and no connection is being closed; or until patience is over."""
    deadline, now = time.monotonic() + PATIENCE, look()
    while time.monotonic() < deadline:
        time.sleep(0.5)
        before, now = now, look()
        if now.live == now.children == 0 and now.descriptors == before.descriptors:
            break
    return now


def soak(seconds: float, looks: int = 1) -> Soaked:
    """Call a service of its own for so long after the warm-up, and look at it so many times, evenly spread."""
    answers: Counter[tuple[str, int | None]] = Counter()
    samples: list[Sample] = []
    with TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        store = folder / "sessions.db"
        with processes.server(python(*SERVE), _environment(folder, port), port, folder / "log") as pid:
            for part in (WARM_UP, *[seconds / looks] * looks):
                load(port, part, answers)
                held = at_rest(lambda: sample(pid, store))
                samples.append(replace(held, tasks=tasks(port, folder / TASKS)))
        return Soaked(tuple(samples), answers, Counter(dict(rows(store, "reason"))))


def _environment(folder: Path, port: int) -> dict[str, str]:
    (folder / "agent.sh").write_text(AGENT)
    (folder / "clients.toml").write_text(CLIENTS.format(secret=SECRET, agent=folder / "agent.sh"))
    return {
        **SETTINGS,
        "SESSION_CONFIG": str(folder / "clients.toml"),
        "SESSION_STORE": f"sqlite:{folder / 'sessions.db'}",
        "SESSION_LAUNCHER": "none",
        "SESSION_MAX_DURATION": str(LASTS),
        "SESSION_PORT": str(port),
        "SESSION_OPS_PORT": "0",
        "SOAK_TASKS": str(folder / TASKS),
    }


def report(soaked: Soaked) -> str:
    """What was held at each look, how calls were answered, and why sessions have ended."""
    names = [field.name for field in fields(Sample)]
    looks = [
        [f"look {number}", *(f"{getattr(one, name):,}" for name in names)] for number, one in enumerate(soaked.samples)
    ]
    answers = [[kind, str(status or "-"), f"{count:,}"] for (kind, status), count in soaked.answers.items()]
    reasons = [[reason, f"{count:,}"] for reason, count in soaked.reasons.items()]
    return "\n\n".join(
        [
            figures.table(["at rest", *names], looks),
            figures.table(["call", "status", "times"], answers),
            figures.table(["ended as", "sessions"], reasons),
            "\n".join(soaked.problems) or "All of it is as it was.",
        ]
    )


def main() -> None:
    """Soak and print. Exits with 1 when something was left, or when nothing could be looked at."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0, help="how long calls are made after the warm-up (60)")
    minutes = parser.parse_args().minutes
    try:
        soaked = soak(minutes * 60, looks=max(1, int(minutes / MINUTES_PER_LOOK)))
    except Unusable as error:
        sys.exit(f"Not measured. {error}")
    print(report(soaked))
    sys.exit(bool(soaked.problems))


if __name__ == "__main__":
    main()
