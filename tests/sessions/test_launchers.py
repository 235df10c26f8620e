"""Launchers that break their contract, in what they raise and return: nothing of theirs goes on, nobody gives up."""

import asyncio
from collections.abc import Sequence

import pytest

from session_service.agents.contract import AgentRef, AgentSpec, AgentState
from session_service.errors import AgentRefused, AgentTimeout, AgentUnavailable
from session_service.sessions.model import Reason
from session_service.sessions.strays import end_strays
from session_service.sessions.turns import Turns
from tests.agents.fakes import MemoryLauncher
from tests.sessions.conftest import House, caller, stays
from tests.virtual_time import run


class Unusual(BaseException):
    """No Exception, as what compiled code panics with."""


class RaisingLauncher(MemoryLauncher):
    """Each verb but `start` raises the first time that it is called; a `start` that does leaves its agent running."""

    survives_restart = True

    def __init__(self, error: BaseException, *, starts: bool = True) -> None:
        super().__init__()
        self.error = error
        self.starts = starts
        self.raised: set[str] = set()

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Raise, or accept."""
        ref = await super().start(spec, deadline)
        if self.starts:
            return ref
        raise self.error

    async def poll(self, ref: AgentRef) -> AgentState:
        """Raise, then tell that the agent has ended."""
        self.fail("poll")
        return AgentState("exited", 3)

    async def stop(self, ref: AgentRef) -> None:
        """Raise, then stop."""
        self.fail("stop")
        await super().stop(ref)

    async def list(self, prefix: str) -> Sequence[AgentRef]:
        """Raise, then list."""
        self.fail("list")
        return await super().list(prefix)

    def fail(self, verb: str) -> None:
        """Raise, the first time."""
        if verb not in self.raised:
            self.raised.add(verb)
            raise self.error


class PunctualLauncher(MemoryLauncher):
    """It gives up by itself, at its deadline, as one that asks another server does."""

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Raise, when the time is over."""
        await super().start(spec, deadline)
        await asyncio.sleep(deadline - asyncio.get_running_loop().time())
        raise AgentUnavailable("The agent server did not answer to start in time.", retry_after=5)


class GarbledLauncher(MemoryLauncher):
    """Its references hold no mapping."""

    def ref(self, spec: AgentSpec) -> AgentRef:
        """What no other process could use."""
        return AgentRef(self.name, spec.session_id, ["42"])  # type: ignore[arg-type]  # that is the point


def test_a_start_that_takes_too_long_is_told_as_that_whoever_gives_it_up(house: House) -> None:
    """Not as a launcher that is unavailable, on some days: the codes differ, and so do the counts."""

    async def main() -> None:
        launcher = PunctualLauncher()
        with pytest.raises(AgentTimeout):
            await house.sessions.open(house.grant(launcher), caller(stays))
        assert launcher.running == {}

    run(main)


RAISED = pytest.mark.parametrize("error", [asyncio.CancelledError(), Unusual()], ids=["cancelled", "unusual"])


@RAISED
@pytest.mark.parametrize("at_once", [False, True])
def test_whatever_a_start_raises_it_has_failed(house: House, error: BaseException, at_once: bool) -> None:
    """Nobody has cancelled it, and the service does not end: its caller is refused, and nothing runs on."""

    async def main() -> None:
        launcher = RaisingLauncher(error, starts=False)
        with pytest.raises(AgentRefused):
            await house.sessions.open(house.grant(launcher, starts_at_once=at_once), caller(stays))
        (record,) = await house.store.recent(1)
        assert (record.status.reason, launcher.running, await house.taken()) == (Reason.START_FAILED, {}, 0)

    run(main)


def test_a_reference_that_cannot_be_kept_is_a_start_that_failed(house: House) -> None:
    """Before the session counts as running, not behind it."""

    async def main() -> None:
        launcher = GarbledLauncher()
        with pytest.raises(AgentRefused):
            await house.sessions.open(house.grant(launcher), caller(stays))
        assert (launcher.running, await house.taken()) == ({}, 0)

    run(main)


@RAISED
def test_whatever_a_stop_raises_it_is_tried_again(house: House, error: BaseException) -> None:
    """Only who is told to end gives up: an agent would run on, and its session keep its slot for good."""

    async def main() -> None:
        launcher = RaisingLauncher(error)
        session = await house.sessions.open(house.grant(launcher), caller(stays))
        assert await house.sessions.stop(session.session_id)
        assert (launcher.running, await house.taken()) == ({}, 0)

    run(main)


@RAISED
def test_whatever_a_question_is_answered_with_the_next_one_is_asked(house: House, error: BaseException) -> None:
    """An agent that has ended meanwhile is still found gone."""

    async def main() -> None:
        session = await house.sessions.open(house.grant(RaisingLauncher(error)), caller(stays))
        house.sessions.look_after()
        await asyncio.sleep(120)
        assert (await house.status(session.session_id)).exit_code == 3

    run(main)


@RAISED
def test_whatever_a_list_raises_strays_are_looked_for_again(house: House, error: BaseException) -> None:
    """One that runs is ended in the end."""

    async def main() -> None:
        launcher = RaisingLauncher(error)
        session = await house.sessions.open(house.grant(launcher), caller(stays))
        await house.store.ended(session.session_id, Reason.LOST, 0.0, None)
        await end_strays(house.grant(launcher).offer, house.store, Turns())
        assert (launcher.raised, launcher.running) == ({"list", "stop"}, {})

    run(main)
