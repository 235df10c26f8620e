"""Every way in which a start, a stop and a tester can go, crossed: what is called, recorded, kept and answered."""

import asyncio
from dataclasses import dataclass

import pytest

from session_service.errors import AgentRefused, AgentTimeout, AgentUnavailable, ServiceError
from session_service.sessions.model import Clocks, Reason, Session
from session_service.sessions.starting import Caller
from session_service.sessions.store.contract import State
from tests.agents.fakes import (
    FailingStopLauncher,
    ImmortalLauncher,
    LostAnswerLauncher,
    MemoryLauncher,
    RefusingLauncher,
    SlowLauncher,
)
from tests.cycles import none_of_ours
from tests.sessions.conftest import House, caller, stays
from tests.virtual_time import run

CLOCKS = Clocks(max_duration=100.0, join_deadline=60.0, idle_timeout=30.0, evidence=True)
BUDGET = 7.0
"""Seconds within which the caller has its answer, whatever a stop does."""
WINDOW = 20.0
"""Seconds from the end's decision to the look at what has come of it: a failing stop is tried at 0, 1, 3, 7 and 15."""


@dataclass(frozen=True, slots=True)
class Start:
    """How a start goes, what its caller gets, and when its end is decided, in seconds from the call; None: it lives."""

    name: str
    temperaments: tuple[type[MemoryLauncher], ...]
    answer: type[Session | ServiceError]
    ends: float | None


@dataclass(frozen=True, slots=True)
class Stop:
    """How a stop goes, how often it is called within WINDOW, and what has become of slot and state by then."""

    name: str
    temperaments: tuple[type[MemoryLauncher], ...]
    calls: int
    slots: int
    state: State


@dataclass(frozen=True, slots=True)
class Visit:
    """What the tester does, in seconds from the caller's answer, and why and when a session that lives then ends."""

    name: str
    joins: float | None
    leaves: float | None
    reason: Reason
    ends: float


STARTS = (
    Start("start-ok", (), Session, None),
    Start("refused", (RefusingLauncher,), AgentRefused, 0.0),
    Start("times-out", (SlowLauncher,), AgentTimeout, 6.5),
    Start("answer-lost", (LostAnswerLauncher,), AgentUnavailable, 0.0),
)
STOPS = (
    Stop("stop-ok", (), 1, 0, State.ENDED),
    Stop("stop-fails", (FailingStopLauncher,), 5, 1, State.ENDING),
    Stop("stop-hangs", (ImmortalLauncher,), 1, 1, State.ENDING),
)
TESTERS = (
    Visit("tester-leaves", 1.0, 2.0, Reason.TESTER_LEFT, 2.0),
    Visit("tester-stays", 1.0, None, Reason.MAX_DURATION, 100.0),
    Visit("tester-never-comes", None, None, Reason.JOIN_DEADLINE, 60.0),
)


def launcher_of(start: Start, stop: Stop) -> MemoryLauncher:
    """A launcher with both temperaments."""
    made = type("CrossedLauncher", (*start.temperaments, *stop.temperaments, MemoryLauncher), {})()
    assert isinstance(made, MemoryLauncher)
    return made


def crossed(start: Start, stop: Stop, tester: Visit) -> tuple[Reason, float, float]:
    """Why and when the end is decided, and when the caller has its answer: after the stop of a failed start."""
    if start.ends is None:
        return tester.reason, tester.ends, 0.0
    return Reason.START_FAILED, start.ends, start.ends if stop.state is State.ENDED else BUDGET


async def answer_to(house: House, launcher: MemoryLauncher, who: Caller) -> Session | ServiceError:
    """What the caller gets: a session, or the refusal."""
    try:
        return await house.sessions.open(house.grant(launcher, clocks=CLOCKS), who)
    except ServiceError as refusal:
        return refusal


async def play(house: House, session_id: str, tester: Visit, called: float) -> None:
    """Tell of the tester as somebody who knows would, whether or not the session still lives."""
    if tester.joins is not None:
        await asyncio.sleep(tester.joins)
        await house.sessions.tester_joined(session_id, called)
    if tester.leaves is not None and tester.joins is not None:
        await asyncio.sleep(tester.leaves - tester.joins)
        await house.sessions.tester_left(session_id, called, for_good=True)


@pytest.mark.parametrize("tester", TESTERS, ids=lambda tester: tester.name)
@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.name)
@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.name)
def test_a_session_ends_once_for_its_first_reason_and_keeps_its_slot_until_its_agent_is_gone(
    house: House, start: Start, stop: Stop, tester: Visit
) -> None:
    """The launcher hears one start and the stops of one end; the caller has its one answer within the budget."""
    reason, ends, answer_after = crossed(start, stop, tester)

    async def main() -> None:
        launcher, loop = launcher_of(start, stop), asyncio.get_running_loop()
        called = loop.time()
        answer = await answer_to(house, launcher, caller(stays))
        answered = loop.time() - called
        (session_id,) = {name for _, name in launcher.calls}
        await play(house, session_id, tester, called)
        await asyncio.sleep(called + ends + WINDOW - loop.time())
        status = await house.status(session_id)
        assert isinstance(answer, start.answer)
        assert answered == pytest.approx(answer_after)
        assert launcher.calls == [("start", session_id)] + [("stop", session_id)] * stop.calls
        assert (status.reason, status.state) == (reason, stop.state)
        assert await house.taken() == stop.slots

    run(main)


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.name)
def test_what_a_session_took_is_freed_at_its_end(house: House, start: Start) -> None:
    """None of it waits for the cyclic collector, which looks rarely; a start that failed is no exception."""

    async def life() -> None:
        launcher = launcher_of(start, STOPS[0])
        await answer_to(house, launcher, caller(stays))
        await asyncio.sleep(CLOCKS.max_duration + WINDOW)
        assert await house.taken() == 0

    async def main() -> None:
        await life()
        with none_of_ours():
            await life()

    run(main)
