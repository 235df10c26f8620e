"""Asking after agents whose end nobody tells: what is believed, and when their slots are free."""

import asyncio
from collections.abc import Callable

import pytest

from session_service.agents.contract import UNKNOWN, AgentRef, AgentState
from session_service.sessions.model import Reason
from session_service.sessions.rounds import ROUND
from session_service.sessions.store.contract import Status
from tests.agents.fakes import MemoryLauncher
from tests.sessions.conftest import House, caller, stays
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
