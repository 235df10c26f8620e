"""`python -m benchmarks.http`: answers per second of the service, against a bare ASGI answer and against FastAPI.

Decided here: the variants, the order of the rounds, the ratios that are wanted, and when a measurement may be believed.
Every variant runs on the same uvicorn (uvloop, httptools, no access log), alone, as a fresh process on one core; the
load comes from the other. The log goes to a file, and is counted: as many lines as answers, or nothing is printed.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import figures, load, processes
from benchmarks.load import CONNECTIONS
from benchmarks.processes import Unusable, python
from tests.ports import free_port

PATH = "/cekura/v1/sessions"
SECRET = "benchmark-secret-of-32-characters"
BODY = '{"client_id":"benchmark"}'
WARM_UP = 1

SETTINGS = {
    "AGORA_APP_ID": "970ca35de60c44645bbae8a215061b33",
    "AGORA_APP_CERTIFICATE": "5cfd2fd1755d40ecb72977518be15d3b",
    "SESSION_CLIENT_ID": "benchmark",
    "SESSION_SECRET": SECRET,
    "SESSION_AUTH_FAILURES": "1000000",
    "SESSION_STORE": "memory",
    # Sessions without an agent last until their time is over: none of them may be in the way of the next.
    "SESSION_MAX_SESSIONS": "10000000",
    "SESSION_MAX_STARTS": "10000000",
}
UVICORN = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--no-proxy-headers", "--log-level", "warning")


@dataclass(frozen=True, slots=True)
class Variant:
    """One server: how it is started, what it is sent and must answer, and the log lines that one call leaves."""

    name: str
    command: tuple[str, ...]
    launcher: str = "none"
    secret: str = SECRET
    status: int = 200
    answer: bytes = b'"agora_token":"007'
    lines: int = 1


def _uvicorn(app: str) -> tuple[str, ...]:
    return ("-m", "uvicorn", f"benchmarks.{app}", *UVICORN)


SERVE = ("-m", "session_service", "serve")
BARE = Variant("bare ASGI answer", _uvicorn("bare:app"), answer=b"ok", lines=0)
NONE = Variant("service, launcher none", SERVE)
PYTHON = Variant("service, launcher python", SERVE, launcher="python", lines=2)
REFUSED = Variant("service, wrong secret", SERVE, secret="another-" + SECRET, status=401, answer=b"unauthenticated")
FASTAPI = Variant("FastAPI, one token", _uvicorn("plain_fastapi:app"))
FASTAPI_AGENT = Variant("FastAPI, two tokens and a task", _uvicorn("plain_fastapi:app_with_agent"), lines=2)
VARIANTS = (BARE, NONE, PYTHON, REFUSED, FASTAPI, FASTAPI_AGENT)

WANTED = (
    (NONE, BARE, 0.36),
    (PYTHON, BARE, 0.28),
    (NONE, FASTAPI, 2.4),
    (PYTHON, FASTAPI_AGENT, 2.4),
    (REFUSED, NONE, 1.7),
)


@dataclass(frozen=True, slots=True)
class Round:
    """One run of one variant: answers per second, and microseconds of processor time per answer where known."""

    per_second: float
    cpu: float | None


def measure(variant: Variant, seconds: int, folder: Path) -> Round:
    """Run one variant once. Unusable unless every call was answered, and logged, as it should be."""
    port, log = free_port(), folder / "log"
    headers = {"Content-Type": "application/json", "X-Cekura-Secret": variant.secret}
    call = load.script(folder / "call.lua", headers, BODY)
    url = f"http://127.0.0.1:{port}{PATH}"
    with processes.server(_command(variant, port), _environment(variant, port), port, log) as pid:
        _probe(variant, port, headers)
        warm = load.run(url, call, WARM_UP)
        before = processes.cpu_seconds(pid)
        report = load.run(url, call, seconds)
        after = processes.cpu_seconds(pid)
        _probe(variant, port, headers)
        # Now, since the service writes a line for each session that its own end ends.
        _check_log(variant, log, warm.answers + report.answers + 2)
    for run in (warm, report):
        _check_statuses(variant, run)
    cpu = None if before is None or after is None else (after - before) / report.answers * 1e6
    return Round(report.per_second, cpu)


def _command(variant: Variant, port: int) -> list[str]:
    where = () if variant.command is SERVE else ("--port", str(port))
    return python(*variant.command, *where)


def _environment(variant: Variant, port: int) -> dict[str, str]:
    own = {"SESSION_LAUNCHER": variant.launcher, "SESSION_PORT": str(port), "SESSION_OPS_PORT": "0"}
    return SETTINGS | own | ({"SESSION_PYTHON_CALLABLE": "benchmarks.agent:run"} if variant is PYTHON else {})


def _probe(variant: Variant, port: int, headers: dict[str, str]) -> None:
    status, body = processes.call(port, "POST", PATH, headers, BODY)
    if status != variant.status or variant.answer not in body:
        raise Unusable(f"{variant.name}: a call was answered with {status} and {body[:200]!r}.")


def _check_statuses(variant: Variant, report: load.Report) -> None:
    expected = 0 if variant.status == 200 else report.answers
    if report.not_2xx != expected:
        raise Unusable(f"{variant.name}: {report.not_2xx} of {report.answers} answers were refusals, not {expected}.")


def _check_log(variant: Variant, log: Path, answers: int) -> None:
    """As many lines as calls. When wrk stops, calls are under way that are logged but that it does not count.

    One whose caller is found gone by then has a line more, which says that its agent has not started.
    """
    with log.open("rb") as lines:
        told = (line for line in lines if b"not started" not in line)
        found = sum(1 for line in told if b"session ended" in line or b"call" in line)
    most = answers + 2 * CONNECTIONS
    if not variant.lines * answers <= found <= variant.lines * most:
        raise Unusable(f"{variant.name}: {found} log lines for {answers} calls, {variant.lines} wanted for each.")


def rounds(count: int, seconds: int) -> dict[Variant, list[Round]]:
    """Every variant in turn, that many times over: what disturbs the machine for a while disturbs all of them."""
    results: dict[Variant, list[Round]] = {variant: [] for variant in VARIANTS}
    with TemporaryDirectory() as folder:
        for number in range(count):
            for variant in VARIANTS:
                print(f"\rround {number + 1} of {count}: {variant.name:40}", end="", file=sys.stderr, flush=True)
                results[variant].append(measure(variant, seconds, Path(folder)))
    print(file=sys.stderr)
    return results


def report(results: dict[Variant, list[Round]]) -> str:
    """The table of variants and the table of wanted ratios."""
    bare = _rate(results[BARE])
    rows = [
        [
            variant.name,
            figures.spread([run.per_second for run in runs]),
            f"{_rate(runs) / bare:.2f}",
            _cpu(runs),
        ]
        for variant, runs in results.items()
    ]
    ratios = [_ratio(results, *wanted) for wanted in WANTED]
    return "\n\n".join(
        [
            figures.table(["variant", "answers/s", "of bare", "CPU us/answer"], rows),
            figures.table(["ratio", "answers/s, by round", "CPU", "wanted", ""], ratios),
        ]
    )


def _cost(runs: Sequence[Round]) -> float:
    """What an answer costs: processor time where it is known, which other work on the machine hardly touches."""
    known = [run.cpu for run in runs if run.cpu is not None]
    return median(known) if len(known) == len(runs) else 1 / _rate(runs)


def _rate(runs: Sequence[Round]) -> float:
    return median(run.per_second for run in runs)


def _cpu(runs: Sequence[Round]) -> str:
    known = [run.cpu for run in runs if run.cpu is not None]
    return figures.spread(known, "{:.1f}") if known else "-"


def _ratio(results: dict[Variant, list[Round]], over: Variant, under: Variant, wanted: float) -> list[str]:
    rates = [a.per_second / b.per_second for a, b in zip(results[over], results[under], strict=True)]
    found = _cost(results[under]) / _cost(results[over])
    name = f"{over.name} : {under.name}"
    verdict = "" if found >= wanted else "LESS"
    return [name, figures.spread(rates, "{:.2f}"), f"{found:.2f}", f"{wanted:.2f}", verdict]


def main() -> None:
    """Measure and print. Exits with 1 and a sentence when an answer was not what it should be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="times that every variant runs (5)")
    parser.add_argument("--seconds", type=int, default=3, help="seconds of load per run (3)")
    options = parser.parse_args()
    try:
        print(report(rounds(options.rounds, options.seconds)))
    except Unusable as error:
        sys.exit(f"Not measured. {error}")


if __name__ == "__main__":
    main()
