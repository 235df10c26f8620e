"""Starts in tests: with all the time that they need, or with none. Used by the tests of every launcher."""

import asyncio

from session_service.agents.contract import AgentRef, Launcher
from tests.agents.specs import SESSION, agent_spec

SHORTLY = 0.3
"""Seconds within which a start is to fail, in tests whose server never answers."""
TRAVEL = 10.0
"""Seconds that a busy machine may add, where waiting for the answer itself would take for ever."""


def soon() -> float:
    """A deadline that no start here needs: an instant of the running loop's clock."""
    return asyncio.get_running_loop().time() + 60


async def started(launcher: Launcher, name: str = SESSION) -> AgentRef:
    """The reference of an agent that was started without trouble."""
    return await launcher.start(agent_spec(name), soon())
