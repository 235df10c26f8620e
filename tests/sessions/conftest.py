"""Sessions put together from fakes: a launcher by temperament, counted entropy, a clock that stands still."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from session_service.agents.contract import Launcher
from session_service.agora.identifiers import Project
from session_service.sessions.admission import Admission
from session_service.sessions.lifecycle import Sessions
from session_service.sessions.model import Clocks, Grant, Limits, Offer
from session_service.sessions.starting import Caller
from session_service.sessions.store.contract import Status
from session_service.sessions.store.memory import MemoryStore
from tests.transports import usual
from tests.virtual_time import clock

TRANSPORT = usual(Project("970CA35de60c44645bbae8a215061b33", "5CFd2fd1755d40ecb72977518be15d3b"))

ROOMY = Limits(50, 10)


async def stays() -> None:
    """A caller who waits for the answer, however long it takes."""
    await asyncio.Event().wait()


async def leaves() -> None:
    """A caller who hangs up at once."""


def caller(gone: Callable[[], Coroutine[Any, Any, None]]) -> Caller:
    """Somebody who called just now."""
    return Caller("request-1", asyncio.get_running_loop().time(), gone, hung_up=lambda: gone is leaves)


@dataclass
class House:
    """A `Sessions` with its admission, and a grant for each launcher."""

    limits: Limits = ROOMY
    store: MemoryStore = field(default_factory=lambda: MemoryStore("0a1b2c3d"))
    sessions: Sessions = field(init=False)
    drawn: int = 0

    def __post_init__(self) -> None:
        self.sessions = Sessions(self.store, Admission(self.store, self.limits, lambda: 0), clock, self.entropy)

    async def status(self, session_id: str) -> Status:
        """How far a session has come."""
        record = await self.store.get(session_id)
        assert record is not None
        return record.status

    async def taken(self) -> int:
        """How many slots are taken."""
        return len(await self.store.live())

    def entropy(self, size: int) -> bytes:
        """Different bytes each time, the same in each run."""
        self.drawn += 1
        return self.drawn.to_bytes(4, "big") * (size // 4) + bytes(size % 4)

    def grant(self, launcher: Launcher | None, **changes: object) -> Grant:
        """Seven seconds to answer, an hour to last, room for fifty."""
        offer = Offer("acme", "acme-id", TRANSPORT, launcher, ROOMY, 7.0, Clocks(3600.0))
        return Grant(replace(offer, **changes), "blue")  # type: ignore[arg-type]  # the names are Offer's


@pytest.fixture
def house() -> House:
    """A house with the default limits."""
    return House()


HouseFactory = Callable[[Limits], House]


@pytest.fixture
def house_of() -> HouseFactory:
    """Makes a house with the given limits of the deployment."""
    return House
