"""What an agent has started and that has left its process group (a daemon, setsid): it is ended with the agent.

Decided here: how much looking may cost. Every process of the machine has to be asked for its environment, at some 25
microseconds each, so that is done in a thread, one look serves all agents that have ended by then, and after a look
comes a rest of nine times its length: a tenth of one core, however many agents end. Used by `agents.process`.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from session_service.agents import survivors

REST = 9
"""Times the length of a look."""
SHORTEST_REST = 0.01
"""Seconds. A look at an empty machine takes none."""

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
        loop = asyncio.get_running_loop()
        while self._waiting:
            begun = loop.time()
            names = frozenset(self._waiting)
            found = await self._killed(names)
            for name in names - found:
                gone = self._waiting.pop(name)
                if not gone.done():
                    gone.set_result(None)
            await asyncio.sleep(max(SHORTEST_REST, REST * (loop.time() - begun)))

    async def _killed(self, names: frozenset[str]) -> frozenset[str]:
        """Who still had processes, which are asked after again."""
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._thread, survivors.kill, names)
        except RuntimeError:  # no thread can be started now, so nobody knows
            return names
        for name in found:
            _log.warning("processes of an ended agent killed", extra={"event": "agent.stragglers", "session": name})
        return found
