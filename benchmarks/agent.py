"""Agents that do nothing, for the launcher `python`: what is measured is the service."""

import asyncio
import os
from pathlib import Path

from session_service.agents.contract import AgentSpec


async def run(spec: AgentSpec) -> None:
    """End at once, so that every call has a session's whole life in it: admitted, started, ended, recorded."""


async def comes_and_goes(spec: AgentSpec) -> None:
    """End after half a second, or, every second one, when told to."""
    await asyncio.sleep(0.5 if int(spec.session_id[-1], 16) % 2 else 3600)


async def counts_tasks(spec: AgentSpec) -> None:
    """Write down how many tasks the event loop has, this one included, and end when its caller has been answered."""
    Path(os.environ["SOAK_TASKS"]).write_text(str(len(asyncio.all_tasks())))  # noqa: ASYNC240 - a few bytes, once a look
    await asyncio.sleep(0.5)
