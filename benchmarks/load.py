"""Load by wrk: how it is started, and what its report says. Used by `http`."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import LOAD_CORE, Unusable, pinned

CONNECTIONS = 64
HOW_TO_GET_WRK = "wrk is not installed. Get it with: apt-get install wrk (Debian, Ubuntu) or brew install wrk (macOS)."

PATIENCE = 10
"""Seconds that wrk waits for an answer before it counts as lost: a busy machine may take more than its own two."""

_REQUESTS = re.compile(r"(\d+) requests in ")
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_NOT_2XX = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_SOCKET_ERRORS = re.compile(r"Socket errors: (.*)")


@dataclass(frozen=True, slots=True)
class Report:
    """What wrk saw: answers, answers per second, and how many were neither 2xx nor 3xx."""

    answers: int
    per_second: float
    not_2xx: int


def wrk_path() -> str:
    """Where wrk is; Unusable, with how to get it, where it is not."""
    found = shutil.which("wrk")
    if found is None:
        raise Unusable(HOW_TO_GET_WRK)
    return found


def script(path: Path, headers: dict[str, str], body: str) -> Path:
    """Write the call as a wrk script. Values are the benchmark's own: no quotes in them to escape but the body's."""
    lines = ['wrk.method = "POST"', f"wrk.body = [[{body}]]"]
    lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
    path.write_text("\n".join(lines) + "\n")
    return path


def run(url: str, call: Path, seconds: int) -> Report:
    """Keep every connection busy for that long, from one thread. Unusable when a connection breaks."""
    command = [wrk_path(), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", f"--timeout={PATIENCE}s", "-s", str(call), url]
    with pinned(LOAD_CORE):
        report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    requests, rate = _REQUESTS.search(report), _RATE.search(report)
    broken, refused = _SOCKET_ERRORS.search(report), _NOT_2XX.search(report)
    if broken or not requests or not rate:
        raise Unusable(f"wrk reports {broken[0] if broken else 'nothing that can be read'}")
    return Report(int(requests[1]), float(rate[1]), int(refused[1]) if refused else 0)
