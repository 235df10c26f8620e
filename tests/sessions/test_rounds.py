"""Asking after agents whose end nobody tells: what is believed, and when their slots are free."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from session_service.agents.contract import UNKNOWN, AgentRef, AgentState
from session_service.sessions.model import Limits, Reason
from session_service.sessions.rounds import ROUND, SHORTEST_PAUSE
from session_service.sessions.store.contract import Status
from tests.agents.fakes import MemoryLauncher
from tests.sessions.conftest import House, HouseFactory, caller, stays
from tests.virtual_time import run


class HostedLauncher(MemoryLauncher):
    """Its agents run elsewhere; it knows which."""

    survives_restart = True

    def end_all(self) -> None:
        """Every agent ends by itself."""
        self.running.clear()


class CountingLauncher(HostedLauncher):
    """It says how its agents have ended."""

    async def poll(self, ref: AgentRef) -> AgentState:
        """The code, once there is no agent."""
        return await super().poll(ref) if ref.name in self.running else AgentState("exited", 3)


class FlappingLauncher(HostedLauncher):
    """Every other answer denies an agent that runs."""

    async def poll(self, ref: AgentRef) -> AgentState:
        """Know it, know it not."""
        state = await super().poll(ref)
        return state if len(self.calls) % 2 == 0 else UNKNOWN


class IgnorantLauncher(HostedLauncher):
    """Its backend never knows any agent, as one that does not serve the question."""

    async def poll(self, ref: AgentRef) -> AgentState:
        """Know nothing."""
        return UNKNOWN


class RaisingLauncher(HostedLauncher):
    """Fails outside its contract."""

    async def poll(self, ref: AgentRef) -> AgentState:
        """Raise what no launcher may."""
        raise KeyError


class TimingLauncher(HostedLauncher):
    """It notes when it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_at: list[float] = []

    async def poll(self, ref: AgentRef) -> AgentState:
        """Note the instant."""
        self.asked_at.append(asyncio.get_running_loop().time())
        return await super().poll(ref)


class HangingLauncher(HostedLauncher):
    """Never answers."""

    async def poll(self, ref: AgentRef) -> AgentState:
        """Hang."""
        await asyncio.Event().wait()
        raise AssertionError


def after_rounds(house: House, launcher: HostedLauncher, then: Callable[[], object]) -> Status:
    """What has become of a session one minute after `then`, which happens once two rounds are over."""

    async def main() -> Status:
        house.sessions.look_after()
        session = await house.sessions.open(house.grant(launcher), caller(stays))
        await asyncio.sleep(2.5 * ROUND)
        then()
        await asyncio.sleep(60)
        status = await house.status(session.session_id)
        await house.sessions.close()
        return status

    return run(main)


@pytest.mark.parametrize(("kind", "code"), [(HostedLauncher, None), (CountingLauncher, 3)])
def test_an_agent_that_ended_elsewhere_ends_its_session(
    house: House, kind: type[HostedLauncher], code: int | None
) -> None:
    """Within two rounds, with its exit code where that is told; it is stopped all the same, in case it was not true."""
    launcher = kind()
    status = after_rounds(house, launcher, launcher.end_all)
    assert (status.reason, status.exit_code) == (Reason.AGENT_EXITED, code)
    assert launcher.calls[-1][0] == "stop"


@pytest.mark.parametrize("kind", [HostedLauncher, FlappingLauncher, IgnorantLauncher, RaisingLauncher, HangingLauncher])
def test_a_call_is_not_cut_for_an_answer_that_proves_nothing(house: House, kind: type[HostedLauncher]) -> None:
    """One denial between two assents, denials of whoever never knew an agent, and silence."""
    assert after_rounds(house, kind(), lambda: None).reason is None


def asked_at(house: House, count: int) -> list[float]:
    """When so many sessions were asked after in two rounds."""
    launcher = TimingLauncher()

    async def main() -> None:
        house.sessions.look_after()
        grant = house.grant(launcher, limits=Limits(9999, 9999))
        for _ in range(count):
            await house.sessions.open(grant, caller(stays))
        await asyncio.sleep(3 * ROUND + SHORTEST_PAUSE / 2)
        await house.sessions.close()

    run(main)
    return launcher.asked_at


def test_the_questions_of_a_round_are_spread_over_it(house: House) -> None:
    """Not all at once, which would hold up every call that comes meanwhile."""
    asked = asked_at(house, 30)
    assert len(asked) == 60
    assert [after - before for before, after in pairwise(asked)] == pytest.approx([ROUND / 30] * 59)


def test_thousands_of_agents_make_a_round_longer_and_not_denser(house_of: HouseFactory) -> None:
    """What is asked per second has a bound."""
    assert len(asked_at(house_of(Limits(9999, 9999)), 1000)) == 2 * ROUND / SHORTEST_PAUSE


def test_two_denials_one_soon_after_the_other_are_one(house: House) -> None:
    """The last of a round may be the first of the next, when the others have ended and new ones have come."""
    launcher = HostedLauncher()

    async def main() -> None:
        house.sessions.look_after()
        opened = [await house.sessions.open(house.grant(launcher), caller(stays)) for _ in range(40)]
        await asyncio.sleep(2 * ROUND - 0.1)
        agent = launcher.running.pop(opened[-1].session_id)
        for session in opened[:-1]:
            await house.sessions.stop(session.session_id)
            await house.sessions.open(house.grant(launcher), caller(stays))
        await asyncio.sleep(2)
        assert launcher.calls.count(("poll", agent.session_id)) == 2
        launcher.running[agent.session_id] = agent
        await asyncio.sleep(2 * ROUND)
        assert (await house.status(agent.session_id)).reason is None
        await house.sessions.close()

    run(main)


def test_agents_whose_end_is_told_are_not_asked_after(house: House) -> None:
    """A process tells its own end."""

    async def main() -> None:
        launcher = MemoryLauncher()
        house.sessions.look_after()
        await house.sessions.open(house.grant(launcher), caller(stays))
        await asyncio.sleep(3 * ROUND)
        assert [verb for verb, _ in launcher.calls] == ["start"]
        await house.sessions.close()

    run(main)
