"""Starts in tests: with all the time that they need, or with hardly any. Used by the tests of every launcher."""

import asyncio

import pytest

from session_service.agents.contract import AgentRef, Launcher
from session_service.errors import AgentUnavailable
from tests.agents.specs import SESSION, agent_spec

SHORTLY = 0.3
"""Seconds after which is given up what never comes about."""
TRAVEL = 10.0
"""Seconds that a busy machine may add, where waiting for the answer itself would take for ever."""


def soon() -> float:
    """A deadline that no start here needs: an instant of the running loop's clock."""
    return asyncio.get_running_loop().time() + 60


async def started(launcher: Launcher, name: str = SESSION) -> AgentRef:
    """The reference of an agent that was started without trouble."""
    return await launcher.start(agent_spec(name), soon())


async def given_up(launcher: Launcher) -> None:
    """A start that is never answered ends with its deadline, and says so."""
    clock = asyncio.get_running_loop().time
    began = clock()
    with pytest.raises(AgentUnavailable, match="in time"):
        await launcher.start(agent_spec(), began + SHORTLY)
    assert clock() - began < SHORTLY + TRAVEL
