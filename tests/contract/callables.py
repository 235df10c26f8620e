"""Agents for the python launcher, each of one temperament; every one notes what it was handed."""

import asyncio

from session_service.agents.contract import AgentSpec

HANDED: list[AgentSpec] = []
"""What agents were handed, in the order of their starts."""
ENDED: list[str] = []
"""The session ids of agents that were ended, in the order of their ends."""


async def stays(spec: AgentSpec) -> None:
    """Joins, and stays until it is stopped."""
    HANDED.append(spec)
    try:
        await asyncio.Event().wait()
    finally:
        ENDED.append(spec.session_id)


async def fails(spec: AgentSpec) -> None:
    """Fails before its first suspension, and says too much."""
    HANDED.append(spec)
    raise RuntimeError(spec.agora.token)


async def leaves(spec: AgentSpec) -> None:
    """Does nothing, and ends well at once."""
