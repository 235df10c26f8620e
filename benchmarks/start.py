"""`python -m benchmarks.start`: how long from a command to its first answer, beside a FastAPI hello world.

Decided here: what counts as started (the first 200, asked for without pause from the moment of the spawn) and what the
service is compared with: FastAPI's smallest application, started by uvicorn's own command line. Byte code and page
cache are warm in both: one start of each goes unmeasured.
"""

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import figures, processes
from benchmarks.http import SERVE, SETTINGS, UVICORN
from benchmarks.processes import Unusable, python
from tests.ports import free_port

WANTED = 1.0


@dataclass(frozen=True, slots=True)
class Starter:
    """A server to be started: its command without a port, the path that it answers with 200."""

    name: str
    command: tuple[str, ...]
    path: str


SERVICE = Starter("session-service serve", SERVE, "/livez")
HELLO = Starter("uvicorn, FastAPI hello world", ("-m", "uvicorn", "benchmarks.hello:app", *UVICORN), "/")
STARTERS = (SERVICE, HELLO)


def start(starter: Starter, folder: Path) -> float:
    """Milliseconds from the spawn to the first 200."""
    port = free_port()
    where = () if starter is SERVICE else ("--port", str(port))
    settings = SETTINGS | {
        "SESSION_LAUNCHER": "none",
        "SESSION_PORT": str(port),
        "SESSION_OPS_PORT": "0",
        "SESSION_STORE": f"sqlite:{folder / 'sessions.db'}",
    }
    began = time.perf_counter()
    with processes.server(python(*starter.command, *where), settings, port, folder / "log"):
        status, _ = processes.call(port, "GET", starter.path, {})
        took = (time.perf_counter() - began) * 1000
    if status != 200:
        raise Unusable(f"{starter.name} answered {status}.")
    return took


def imported(statement: str) -> float:
    """Milliseconds that a process with this one statement takes."""
    began = time.perf_counter()
    subprocess.run(python("-c", statement), check=True, cwd=processes.ROOT)
    return (time.perf_counter() - began) * 1000


def report(rounds: int) -> str:
    """Both tables: starts, and imports over an interpreter that imports nothing."""
    starts: dict[Starter, list[float]] = {starter: [] for starter in STARTERS}
    imports: dict[str, list[float]] = {"pass": [], "import session_service": []}
    with TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            for starter, found in starts.items():
                found.append(start(starter, Path(folder)))
            for statement, found in imports.items():
                found.append(imported(statement))
            if number == 0:
                for found in [*starts.values(), *imports.values()]:
                    found.clear()
    ratio = median(starts[SERVICE]) / median(starts[HELLO])
    extra = median(imports["import session_service"]) - median(imports["pass"])
    rows = [[starter.name, figures.spread(found)] for starter, found in starts.items()]
    verdict = f"ratio {ratio:.2f}, wanted <= {WANTED:.2f}{'' if ratio <= WANTED else ': MORE'}"
    return "\n\n".join(
        [
            figures.table(["from the command to the first 200", "ms"], rows),
            verdict,
            f"`import session_service`: {extra:.1f} ms over an interpreter that imports nothing",
        ]
    )


def main() -> None:
    """Measure and print. Exits with 1 and a sentence when a server did not start or answer."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=11, help="times that each is started (11)")
    try:
        print(report(parser.parse_args().rounds))
    except Unusable as error:
        sys.exit(f"Not measured. {error}")


if __name__ == "__main__":
    main()
