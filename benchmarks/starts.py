"""`python -m benchmarks.starts`: 400 agents a second through the service, beside calling their server directly.

Decided here: who runs on which core, what "added" means, and when a measurement may be believed. The agent server
(`slow_agents`) takes 200 ms and shares the second core with whoever calls the service; the service, or a direct
caller, has the first one. Added is what a call takes beyond the agent server's own time. There are two direct callers:
one uses the service's own client, the other httpx2's as it is, which is what somebody would write without the service.
Sessions stay, so that there are thousands of them at the end: more than a service is ever set to let in.
"""

import argparse
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import figures, processes
from benchmarks.arrivals import RATE
from benchmarks.http import SERVE, SETTINGS
from benchmarks.processes import LOAD_CORE, ROOT, SERVER_CORE, Unusable, python
from tests.ports import free_port

SECONDS, WARM_UP = 5, 1
PLAIN, DIRECT, SERVICE = "directly, with plain httpx2", "directly, with our client", "through the service"
CALLERS = {
    PLAIN: ("plainly", SERVER_CORE),
    DIRECT: ("directly", SERVER_CORE),
    SERVICE: ("through_the_service", LOAD_CORE),
}
"""Each way to start an agent: its function in `arrivals`, and the core that it runs on."""
WANTED = {0.5: 1.5, 0.99: 2.5}
"""Times that the service may add of what a direct call adds, by the part of calls that it holds for."""
STORES = {"memory": "memory", "sqlite": "sqlite:{folder}/sessions.db"}
SLOWEST_RATE = 0.98
"""Of RATE; below it the caller was the one that could not keep up."""


@dataclass(frozen=True, slots=True)
class Round:
    """Milliseconds that each call took beyond the agent server's own time, and how many were sent per second."""

    added: Sequence[float]
    rate: float

    def at(self, part: float) -> float:
        """What this part of the calls stays within."""
        return sorted(self.added)[math.ceil(part * len(self.added)) - 1]


def measure(caller: str, core: int, port: int, agents: int, seconds: int) -> Round:
    """One round of calls; Unusable unless each was accepted, and the agent server saw each as an agent of its own."""
    _told(agents)
    count = RATE * seconds
    command = python("-c", f"from benchmarks import arrivals; arrivals.{caller}({port}, {count})")
    with processes.pinned(core):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unusable(f"{caller}: {done.stderr.strip().rpartition(chr(10))[2]}")
    found, told = json.loads(done.stdout), _told(agents)
    if found["statuses"] not in ([200], [201]):
        raise Unusable(f"{caller}: calls were answered with {found['statuses']}.")
    if (told["accepted"], told["different"]) != (count + 1, count + 1):
        raise Unusable(f"{caller}: {count + 1} calls became {told['different']} agents in {told['accepted']} starts.")
    return Round([took - told["took"] * 1e3 for took in found["milliseconds"]], count / found["seconds"])


def _told(agents: int) -> dict[str, float]:
    told: dict[str, float] = json.loads(processes.call(agents, "GET", "/told", {})[1])
    return told


def compared(rounds: int, store: str, folder: Path) -> dict[str, list[Round]]:
    """All, in turn; each of the two processes that serve is the same throughout."""
    agents, port = free_port(), free_port()
    found: dict[str, list[Round]] = {name: [] for name in CALLERS}
    with ExitStack() as running:
        own = python("-m", "benchmarks.slow_agents", str(agents))
        running.enter_context(processes.server(own, {}, agents, folder / "agents.log", core=LOAD_CORE))
        settings = _settings(port, agents) | {"SESSION_STORE": STORES[store].format(folder=folder)}
        pid = running.enter_context(processes.server(python(*SERVE), settings, port, folder / "log"))
        for number in range(rounds + 1):
            seconds = SECONDS if number else WARM_UP
            for name, (caller, core) in CALLERS.items():
                asked = port if name == SERVICE else agents
                found[name].append(measure(caller, core, asked, agents, seconds))
        os.kill(pid, signal.SIGKILL)  # or it would end thousands of agents, one by one
    return {name: each[1:] for name, each in found.items()}


def _settings(port: int, agents: int) -> dict[str, str]:
    return SETTINGS | {
        "SESSION_LAUNCHER": "http",
        "SESSION_HTTP_URL": f"http://127.0.0.1:{agents}/agents",
        "SESSION_HTTP_SECRETS": "whsec_" + "YmVuY2htYXJr" * 4,
        "SESSION_PORT": str(port),
        "SESSION_OPS_PORT": "0",
    }


def report(found: dict[str, list[Round]]) -> str:
    """What each adds, and the ratios that are wanted."""
    rows = [
        [name, *(figures.spread([each.at(part) for each in runs], "{:.2f}") for part in WANTED)]
        for name, runs in found.items()
    ]
    return "\n\n".join(
        [
            figures.table([f"{RATE} agents/s, added to 200 ms", "p50 ms, by round", "p99 ms, by round"], rows),
            figures.table(
                ["ratio", "of medians", "wanted", ""],
                [_ratio(found, direct, *wanted) for direct in (PLAIN, DIRECT) for wanted in WANTED.items()],
            ),
        ]
    )


def check(found: dict[str, list[Round]]) -> None:
    """A caller that could not keep the rate measured the machine: Unusable."""
    for name, runs in found.items():
        rate = min(each.rate for each in runs)
        if rate < SLOWEST_RATE * RATE:
            raise Unusable(f"{name}: other work on this machine left time for {rate:.0f} calls a second, not {RATE}.")


def _ratio(found: dict[str, list[Round]], direct: str, part: float, wanted: float) -> list[str]:
    over, under = (median(each.at(part) for each in found[name]) for name in (SERVICE, direct))
    verdict = "" if over <= wanted * under else "MORE"
    return [f"p{100 * part:.0f}, service : {direct}", f"{over / under:.2f}", f"{wanted:.2f}", verdict]


def main() -> None:
    """Measure and print. Exits with 1 and a sentence when a call was not what it should be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.starts", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=2, help="times five seconds of each (2)")
    parser.add_argument("--store", choices=STORES, default="memory", help="where sessions are kept (memory)")
    options = parser.parse_args()
    try:
        with TemporaryDirectory() as folder:
            found = compared(options.rounds, options.store, Path(folder))
            print(report(found))
            check(found)
    except Unusable as error:
        sys.exit(f"No verdict. {error}")


if __name__ == "__main__":
    main()
