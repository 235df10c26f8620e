"""Reading a test's context: ours against json.loads of the same text and, where it is installed, the platform's SDK.

Run as `python -m benchmarks.context`; in .venv-livekit, which `make test` sets up, the SDK and LiveKit are there.
Contenders run in one process, in interleaved rounds; imports are timed in processes of their own. The ratios say
something, the microseconds belong to the machine. What has to hold: a usual job's context in under 50 microseconds,
and `import agent_helpers` in under 5 milliseconds more than a bare interpreter takes to start.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median
from types import SimpleNamespace
from typing import Any

from agent_helpers import read_test_context
from benchmarks.figures import spread, table
from benchmarks.processes import ROOT

ROUNDS = 25
CALLS = 2000
STARTS = 15
PROFILE = {"user_name": "John Doe", "user_email": "john@example.com", "account_id": "ACC-12345"}
USUAL = json.dumps({"scenario_id": 123, "run_id": 456, "test_profile_data": PROFILE})
CONFIG = '{"empty_timeout": 300, "max_participants": 10}'


@dataclass(frozen=True)
class Profile:
    """The profile as a team types it."""

    user_name: str
    user_email: str
    account_id: str | None = None


def job(metadata: str) -> Any:
    """What is read of a JobContext; attribute access on LiveKit's own takes a microsecond more."""
    return SimpleNamespace(
        job=SimpleNamespace(metadata=metadata, room=SimpleNamespace(metadata=CONFIG)), room=SimpleNamespace(metadata="")
    )


TEST, ORDINARY = job(USUAL), job("")


def contenders() -> dict[str, Callable[[], object]]:
    """By what they are called in the table; the first is what the others are compared with."""
    found: dict[str, Callable[[], object]] = {
        "json.loads of both texts": lambda: (json.loads(USUAL), json.loads(CONFIG)),
        "read_test_context": lambda: read_test_context(TEST),
        "read_test_context, profile typed": lambda: read_test_context(TEST, profile=Profile),
        "read_test_context, ordinary call": lambda: read_test_context(ORDINARY),
    }
    if find_spec("cekura") and find_spec("livekit"):
        from cekura.livekit import LiveKitTracer

        tracer = LiveKitTracer("key", 1, enable_otel_traces=False)
        found["the SDK's get_simulation_data"] = lambda: tracer.get_simulation_data(TEST)
    return found


def microseconds(call: Callable[[], object]) -> float:
    """One round."""
    begin = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - begin) / CALLS * 1e6


def milliseconds(statement: str) -> float:
    """A process that does this and ends."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {statement}"
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", program], check=True)
    return (time.perf_counter() - begin) * 1e3


def main() -> None:
    """Print both tables."""
    calls = contenders()
    rounds = [{name: microseconds(call) for name, call in calls.items()} for _ in range(ROUNDS)]
    times = {name: [found[name] for found in rounds] for name in calls}
    floor = median(times["json.loads of both texts"])
    rows = [[name, spread(times[name], "{:.2f}"), f"{median(times[name]) / floor:.2f}"] for name in times]
    print(table(["reading a usual job", "us (least-most)", "x json.loads"], rows), end="\n\n")

    statements = [
        "pass",
        "import agent_helpers",
        "import dataclasses, json, logging",
        "from agent_helpers import read_test_context",
    ]
    starts = [{statement: milliseconds(statement) for statement in statements} for _ in range(STARTS)]
    bare = median(found["pass"] for found in starts)
    columns = {statement: [found[statement] for found in starts] for statement in statements}
    rows = [[name, spread(columns[name], "{:.1f}"), f"{median(columns[name]) - bare:.1f}"] for name in columns]
    print(table(["starting an interpreter", "ms (least-most)", "ms more than pass"], rows))


if __name__ == "__main__":
    main()
