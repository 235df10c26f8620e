"""`python -m benchmarks.stall`: the event loop's longest stall while a large process starts fifty agents.

Decided here: what a stall is, and beside what it is told. A task asks for its turn without pause, so that whatever
holds the loop shows as a gap between two turns; a start's stall is the longest gap from its beginning until the process
has ended and is reaped. 500 MB are resident, which a fork has to map and vfork has not. The ways take turns in one
process. On a machine whose cores are shared, gaps come from outside as well: the row without a start shows how many.
"""

import argparse
import asyncio
import json
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from statistics import median

import uvloop

from benchmarks import figures
from benchmarks.processes import ROOT, Unusable, python
from session_service.agents.contract import AgentRef, AgentSpec
from session_service.agents.process import ProcessLauncher
from session_service.agora.transport import Seat

STARTS = 50
RESIDENT = 500 << 20
LOOKED_AT = 0.005
"""Seconds that a round without a start is looked at: about as long as a start takes."""
WANTED = 2.0
"""Milliseconds: the 99th percentile of our launcher's stalls."""
COMMAND = ("/bin/cat",)
"""Reads what it is handed, and ends when there is no more."""
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
NOTHING, POPEN, LAUNCHER, LOOPS_OWN = "no start", "bare subprocess.Popen", "our ProcessLauncher", "the loop's own"

Start = Callable[[str], Awaitable[int]]
"""Starts a process under a name and returns its exit code when it is reaped."""


class Exits:
    """An OnExit: the exit code of each agent, for whoever waits for it."""

    def __init__(self) -> None:
        self._codes: dict[str, asyncio.Future[int]] = {}

    def __call__(self, ref: AgentRef, code: int) -> None:
        """Note an end."""
        self.of(ref.name).set_result(code)

    def of(self, name: str) -> "asyncio.Future[int]":
        """The exit code, once there is one."""
        return self._codes.setdefault(name, asyncio.get_running_loop().create_future())


def ours() -> Start:
    """An agent as the service starts it: handed its session, listened to, its group ended."""
    exits = Exits()
    launcher = ProcessLauncher(
        command=COMMAND, ready="spawn", environment=os.environ, hidden=frozenset(), keep=frozenset(), on_exit=exits
    )

    async def start(name: str) -> int:
        seat = Seat("0" * 32, f"cekura-{name}", "007" + "t" * 300, 1001, 1)
        await launcher.start(AgentSpec(name, seat), asyncio.get_running_loop().time() + 10)
        return await exits.of(name)

    return start


async def popen(name: str) -> int:
    """The standard library alone, which uses vfork; asked at each turn whether the process has ended."""
    process = subprocess.Popen(COMMAND, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)  # noqa: ASYNC220 - this is what is measured
    while (code := process.poll()) is None:  # noqa: ASYNC110 - nobody tells: that is what ours has and this has not
        await asyncio.sleep(0)
    return code


async def loops_own(name: str) -> int:
    """What asyncio offers: its own way on its own loop, and uvloop's, which forks, on uvloop."""
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*COMMAND, stdin=nowhere, stdout=nowhere, start_new_session=True)
    return await process.wait()


async def nothing(name: str) -> int:
    """What the machine itself does to the loop."""
    end = time.perf_counter() + LOOKED_AT
    while time.perf_counter() < end:  # noqa: ASYNC110 - turns are what is wanted
        await asyncio.sleep(0)
    return 0


class Turns:
    """The longest gap, in seconds, between two turns of the loop since it was last asked for."""

    def __init__(self) -> None:
        self._longest = 0.0
        self._last = time.perf_counter()

    async def spin(self) -> None:
        """Take turn after turn."""
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            self._longest = max(self._longest, now - self._last)
            self._last = now

    def longest(self) -> float:
        """The gap, forgotten with the answer."""
        longest, self._longest = self._longest, 0.0
        return longest


async def stalls() -> dict[str, list[float]]:
    """Milliseconds: the stall of each start, by the way of starting."""
    ways: dict[str, Start] = {NOTHING: nothing, POPEN: popen, LAUNCHER: ours(), LOOPS_OWN: loops_own}
    found: dict[str, list[float]] = {name: [] for name in ways}
    turns = Turns()
    spinning = asyncio.create_task(turns.spin())
    for number in range(-1, STARTS):  # the first one loads what is loaded once
        for name, start in ways.items():
            await asyncio.sleep(0)
            turns.longest()
            code = await start(f"s-{number}")
            await asyncio.sleep(0)
            if code != 0:
                raise Unusable(f"{name}: a process ended with {code}.")
            found[name].append(turns.longest() * 1e3)
    spinning.cancel()
    with suppress(asyncio.CancelledError):
        await spinning
    return {name: each[1:] for name, each in found.items()}


def inside(loop: str) -> None:
    """The process that is measured: prints its stalls as JSON."""
    ballast = bytearray(b"\1") * RESIDENT
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        found = runner.run(stalls())
    if resident < len(ballast):
        raise Unusable(f"{resident >> 20} MB were resident.")
    print(json.dumps(found))


def measured(loop: str) -> dict[str, list[float]]:
    """One process's stalls; Unusable when it fails."""
    command = python("-c", f"from benchmarks import stall; stall.inside({loop!r})")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unusable(f"{loop}: {done.stderr.strip().rpartition(chr(10))[2]}")
    found: dict[str, list[float]] = json.loads(done.stdout)
    return found


def percentile(values: Sequence[float], part: float) -> float:
    """The least value that this part of all values does not exceed."""
    return sorted(values)[math.ceil(part * len(values)) - 1]


def over_rounds(rounds: int) -> dict[str, dict[str, list[float]]]:
    """The stalls of all rounds, by loop and by way of starting."""
    found: dict[str, dict[str, list[float]]] = {loop: {} for loop in LOOPS}
    for _ in range(rounds):
        for loop, ways in found.items():
            for way, gaps in measured(loop).items():
                ways.setdefault(way, []).extend(gaps)
    return found


def report(found: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """A row for each way on each loop, and whether ours is what is wanted."""
    rows = [_row(loop, way, gaps) for loop, ways in found.items() for way, gaps in ways.items()]
    return figures.table(["longest stall of the loop per start, ms", "p50", "p99", "most", "wanted p99", ""], rows)


def check(found: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """Where the loop stands still by itself, no stall can be put down to a start: Unusable."""
    for loop, ways in found.items():
        p99 = percentile(ways[NOTHING], 0.99)
        if p99 > WANTED / 2:
            raise Unusable(f"{loop}: other work on this machine held it for {p99:.1f} ms (p99) without any start.")


def _row(loop: str, way: str, gaps: Sequence[float]) -> list[str]:
    p99 = percentile(gaps, 0.99)
    told = [f"{loop}: {way}", f"{median(gaps):.2f}", f"{p99:.2f}", f"{max(gaps):.2f}"]
    return [*told, *([f"{WANTED:.2f}", "" if p99 <= WANTED else "MORE"] if way == LAUNCHER else ["", ""])]


def main() -> None:
    """Measure and print. Exits with 1 and a sentence when a process failed, or the machine was too busy."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stall", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="processes per loop (5)")
    rounds = parser.parse_args().rounds
    try:
        found = over_rounds(rounds)
        print(report(found))
        check(found)
    except Unusable as error:
        sys.exit(f"No verdict. {error}")


if __name__ == "__main__":
    main()
