"""What the contract's tests get: services in process, and real servers on loopback."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest

from tests.contract.given import service, settings
from tests.contract.in_process import InProcess
from tests.contract.sockets import Running


class InProcessFactory(Protocol):
    """Makes a service in process from settings that differ from PLENTY."""

    def __call__(self, monotonic: Callable[[], float] = ..., /, **changes: str) -> InProcess: ...


class RunningFactory(Protocol):
    """Runs a server with settings that differ from PLENTY."""

    def __call__(self, **changes: str) -> Running: ...


@pytest.fixture
def in_process() -> Iterator[InProcessFactory]:
    """Makes services that are ended with the test."""
    with ExitStack() as stack:

        def make(monotonic: Callable[[], float] = time.monotonic, /, **changes: str) -> InProcess:
            made = InProcess(service(changes, monotonic))
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def endpoint(in_process: InProcessFactory) -> InProcess:
    """A service with the settings of PLENTY."""
    return in_process()


@pytest.fixture
def running() -> Iterator[RunningFactory]:
    """Runs servers that are stopped with the test."""
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(Running(service(changes), settings(changes).times))


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    """One server with the settings of PLENTY, for every test that leaves it as it was."""
    with Running(service({}), settings({}).times) as running:
        yield running
