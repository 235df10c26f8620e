"""Agents that do nothing, for the launcher `python`: what is measured is the service."""

import asyncio

from session_service.agents.contract import AgentSpec


async def run(spec: AgentSpec) -> None:
    """End at once, so that every call has a session's whole life in it: admitted, started, ended, recorded."""


async def comes_and_goes(spec: AgentSpec) -> None:
    """End after half a second, or, every second one, when told to."""
    await asyncio.sleep(0.5 if int(spec.session_id[-1], 16) % 2 else 3600)
