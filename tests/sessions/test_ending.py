"""The one door: what an end takes with it."""

import asyncio
import gc

import pytest

from session_service.agents.contract import AgentRef, AgentSpec
from session_service.errors import AgentRefused, AgentUnavailable, CallerGone, StoreUnavailable
from session_service.sessions.model import Reason
from session_service.sessions.store.contract import Record
from session_service.sessions.store.memory import MemoryStore
from tests.agents.fakes import FailingStopLauncher, MemoryLauncher, UnavailableLauncher
from tests.sessions.conftest import House, caller, leaves, stays
from tests.virtual_time import run


class FailsWhenCancelledLauncher(MemoryLauncher):
    """The start turns a cancellation into a refusal, as one whose agent ends in that very turn does."""

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Wait, and fail."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise AgentRefused("too late") from None
        raise AssertionError


class DeadLauncher(UnavailableLauncher, FailingStopLauncher):
    """Its server is gone: nothing elsewhere is heard of, neither a start nor a stop."""

    survives_restart = True


def test_a_start_that_fails_while_it_is_given_up_is_no_fault(house: House) -> None:
    """The caller's going is the reason; the loop has no exception left over that nobody took."""
    faults: list[object] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["message"]))
        with pytest.raises(CallerGone):
            await house.sessions.open(house.grant(FailsWhenCancelledLauncher()), caller(leaves))
        gc.collect()  # what nobody took is told when the task is collected

    run(main)
    assert faults == []


def test_an_end_that_fails_without_end_is_over_by_an_operators_word(house: House) -> None:
    """Its server is gone for good: the end is tried no longer, and its slot is free."""

    async def main() -> None:
        launcher = FailingStopLauncher()
        session = await house.sessions.open(house.grant(launcher), caller(stays))
        assert await house.sessions.write_off(session.session_id) is False, "nobody has tried to end it"
        house.sessions.end(session.session_id, Reason.OPERATOR)
        await asyncio.sleep(10)
        assert await house.taken() == 1
        assert await house.sessions.write_off(session.session_id) is True
        tries = len(launcher.calls)
        await asyncio.sleep(600)
        assert (await house.taken(), len(launcher.calls)) == (0, tries)
        assert (await house.status(session.session_id)).reason == Reason.OPERATOR

    run(main)


@pytest.mark.parametrize("waits", [0, 25, 300])
def test_an_operators_word_is_the_last_also_of_a_start_that_nobody_heard_of(house: House, waits: int) -> None:
    """Such an agent is stopped again for a minute, but not beside tries that still fail, and not after that word."""

    async def main() -> None:
        launcher = DeadLauncher()
        with pytest.raises(AgentUnavailable):
            await house.sessions.open(house.grant(launcher), caller(stays))
        session_id = launcher.calls[0][1]
        await asyncio.sleep(waits)
        assert await house.sessions.write_off(session_id) is True
        tries = len(launcher.calls)
        await asyncio.sleep(600)
        assert (len(launcher.calls), tries) == (tries, {0: 5, 25: 7, 300: 16}[waits])

    run(main)


def test_a_word_that_the_store_cannot_take_leaves_an_end_under_way(house: House) -> None:
    """It is tried as before: nobody may run on because a disk was full."""

    class Full(MemoryStore):
        """Cannot record an end while `full`."""

        full = True

        async def ended(self, session_id: str, reason: Reason, at: float, exit_code: int | None) -> Record | None:
            """Fail, or record it."""
            if self.full:
                raise StoreUnavailable("the disk is full")
            return await super().ended(session_id, reason, at, exit_code)

    async def main() -> None:
        store = Full("0a1b2c3d")
        house = House(store=store)
        session = await house.sessions.open(house.grant(MemoryLauncher()), caller(stays))
        house.sessions.end(session.session_id, Reason.OPERATOR)
        await asyncio.sleep(1)
        with pytest.raises(StoreUnavailable):
            await house.sessions.write_off(session.session_id)
        store.full = False
        await asyncio.sleep(60)
        assert await house.taken() == 0

    run(main)
