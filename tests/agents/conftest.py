"""What every test of a launcher gets: both event loops, the ends, the log, and a launcher of its stand-in."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import pytest
import uvloop

from session_service.agents.contract import AgentRef

T = TypeVar("T")
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


@pytest.fixture(scope="session", autouse=True)
def _both_loops_have_run() -> None:
    """The first uvloop of a process opens two descriptors for good, which no test is to be blamed for."""
    for factory in LOOPS.values():
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(asyncio.sleep(0))


class Run(Protocol):
    """Runs a coroutine to its end on a loop of its own, within a minute."""

    def __call__(self, main: Coroutine[Any, Any, T], /) -> T: ...


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Each test that takes this runs twice: on asyncio's loop and on uvloop."""
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
        yield lambda main: runner.run(asyncio.wait_for(main, 60))


@dataclass
class Exits:
    """An OnExit that keeps what it was told, and can be waited for."""

    seen: list[tuple[AgentRef, int]] = field(default_factory=list)
    happened: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, ref: AgentRef, code: int) -> None:
        """Note one end."""
        self.seen.append((ref, code))
        self.happened.set()


@pytest.fixture
def exits() -> Exits:
    """A fresh OnExit."""
    return Exits()


class Events(logging.Handler):
    """The launchers' log records, as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[dict[str, Any]] = []
        self.changed = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep everything that a formatter could show."""
        self.records.append(vars(record))
        self.changed.set()

    def of(self, event: str) -> list[dict[str, Any]]:
        """The records of one kind of event."""
        return [record for record in self.records if record.get("event") == event]

    @property
    def lines(self) -> list[str]:
        """What the agents printed, as far as the log has it."""
        return [record["line"] for record in self.of("agent.output")]

    async def line(self, beginning: str) -> str:
        """Wait for a line of an agent's output that begins so."""
        while not (found := [line for line in self.lines if line.startswith(beginning)]):
            self.changed.clear()
            await self.changed.wait()
        return found[0]

    def all_text(self) -> str:
        """Everything that any formatter could make of the records."""
        return repr([{**record, "message": record["msg"] % (record["args"] or ())} for record in self.records])


@contextmanager
def _heard(logger: logging.Logger) -> Iterator[Events]:
    """What this logger is told, from debug on."""
    level, handler = logger.level, Events()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


@pytest.fixture
def events() -> Iterator[Events]:
    """The log of `session_service.agents`."""
    with _heard(logging.getLogger("session_service.agents")) as heard:
        yield heard


@pytest.fixture
def everything() -> Iterator[Events]:
    """Every log record of this process."""
    with _heard(logging.getLogger()) as heard:
        yield heard


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment with a proxy for everything, this machine included, at which nobody listens."""
    for name in ("NO_PROXY", "no_proxy"):  # tests/conftest.py keeps the machine's own proxy out of tests by these
        monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


class Connected(Protocol):
    """A launcher that keeps connections."""

    async def aclose(self) -> None: ...


class Hosting(Protocol):
    """A stand-in that has launchers for itself."""

    def launcher(self) -> Connected: ...


@pytest.fixture
def launcher(hosted: Hosting, run: Run) -> Iterator[Connected]:
    """A launcher for `hosted`, the stand-in of the test's own module, whose connections are closed at the end."""
    made = hosted.launcher()
    yield made
    run(made.aclose())
