"""What an agent has started and that has left its process group (a daemon, setsid): it is ended with the agent.

Decided here: how much looking may cost. Every process of the machine has to be asked for its environment, at some 6
microseconds each and now and then much longer, so that is done in a thread, which rests after every few: a tenth of one
core, and no turn of the event loop waits for a look. One look serves all agents that have ended by then. Used by
`agents.process`.
"""

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor

from session_service.agents import survivors

REST = 0.0005
"""Seconds, after every few processes: ten times as long as these take."""
PAUSE = 0.01
"""Seconds between two looks."""

_log = logging.getLogger("session_service.agents")


class Stragglers:
    """Those of one launcher's agents. Where the system has no /proc, nobody is found."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "stragglers")

    def end(self, session_id: str) -> "asyncio.Future[None]":
        """Kill every process that has that SESSION_ID, and be done once there is none. Called once for each agent."""
        loop = asyncio.get_running_loop()
        gone = self._waiting[session_id] = loop.create_future()
        if self._looking is None or self._looking.done():
            self._looking = loop.create_task(self._look(), name="stragglers")
        return gone

    async def _look(self) -> None:
        while self._waiting:
            names = frozenset(self._waiting)
            found = await self._killed(names)
            for name in names - found:
                gone = self._waiting.pop(name)
                if not gone.done():
                    gone.set_result(None)
            await asyncio.sleep(PAUSE)

    async def _killed(self, names: frozenset[str]) -> frozenset[str]:
        """Who still had processes, which are asked after again."""
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._thread, survivors.kill, names, _rest)
        except (RuntimeError, OSError):  # no thread can be started now, or no file opened, so nobody knows
            return names
        for name in found:
            _log.warning("processes of an ended agent killed", extra={"event": "agent.stragglers", "session": name})
        return found


def _rest() -> None:
    time.sleep(REST)
