"""The one door through which sessions end: decided, agent stopped, recorded. Called by `lifecycle` and `recovery`.

Decided here: that the first reason stays, that an end under way is joined and not repeated, and that a stop that fails
is tried again for as long as this process lives, while the session keeps its slot: an agent that runs on is billed.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from session_service.agents.contract import AgentRef, Launcher
from session_service.errors import ServiceError, StoreUnavailable
from session_service.sessions.live import Live
from session_service.sessions.model import Reason
from session_service.sessions.store.contract import Record, Store

T = TypeVar("T")

RETRY_SECONDS = (1.0, 30.0)
"""The pause before a failed stop is tried again: doubled each time, between these."""
STOP_PATIENCE = 60.0
"""Seconds after which a stop that has not come back counts as failed: longer than any launcher's own grace."""

_log = logging.getLogger("session_service.sessions")


class Door:
    """Ends live sessions. `sessions` is the table of `lifecycle`; `clock` gives Unix seconds."""

    def __init__(
        self, store: Store, sessions: dict[str, Live], clock: Callable[[], float], gone: Callable[[Record], None]
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._clock = clock
        self._gone = gone
        self._ending: dict[str, asyncio.Task[None]] = {}

    def end(self, session_id: str, reason: Reason) -> asyncio.Task[None] | None:
        """Begin an end, or join the one that is under way; None for a session that is not live here."""
        if session_id not in self._sessions:
            return None
        return self._begin(session_id, self._stop(session_id, reason))

    def agent_gone(self, session_id: str, reason: Reason, exit_code: int | None) -> asyncio.Task[None] | None:
        """The agent has ended by itself: nothing to stop. During an end of ours this is no news."""
        if session_id not in self._sessions or session_id in self._ending:
            return None
        return self._begin(session_id, self._record(session_id, reason, exit_code))

    def is_ending(self, session_id: str) -> bool:
        """Whether an end is under way."""
        return session_id in self._ending

    async def wait(self, seconds: float) -> list[str]:
        """Wait for every end that is under way; the ids of those that are not over in time."""
        if self._ending:
            await asyncio.wait(self._ending.values(), timeout=seconds)
        left = list(self._ending)
        for task in self._ending.values():
            task.cancel()
        return left

    def _begin(self, session_id: str, steps: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        if session_id in self._ending:
            steps.close()
            return self._ending[session_id]
        task = self._ending[session_id] = asyncio.get_running_loop().create_task(steps)
        task.add_done_callback(lambda _: self._ending.pop(session_id, None))
        return task

    async def _stop(self, session_id: str, reason: Reason) -> None:
        live = self._sessions[session_id]
        if live.start is not None:
            live.start.cancel()
            # A start may fail in the turn in which it is given up: its words are taken, and are nobody's news.
            await asyncio.gather(live.start, return_exceptions=True)
        # Without this step the row says less than it could; the agent is stopped all the same.
        with contextlib.suppress(StoreUnavailable):
            await self._store.ending(session_id, reason)
        launcher = live.offer.launcher
        if launcher is not None:
            await _until_done(session_id, lambda: _stopped(launcher, live.ref()))
        await self._record(session_id, reason, None)

    async def _record(self, session_id: str, reason: Reason, exit_code: int | None) -> None:
        now = self._clock()
        record = await _until_done(session_id, lambda: self._store.ended(session_id, reason, now, exit_code))
        live = self._sessions.pop(session_id)
        self._gone(record or Record(live.row, replace(live.status, reason=reason, ended_at=now)))


async def _stopped(launcher: Launcher, ref: AgentRef) -> None:
    async with asyncio.timeout(STOP_PATIENCE):
        await launcher.stop(ref)


async def _until_done(session_id: str, attempt: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Try until it works. Launchers and stores are not ours to trust: whatever they raise is a reason to try again."""
    pause, longest = RETRY_SECONDS
    while True:
        try:
            return await attempt()
        except Exception as error:  # noqa: BLE001 - see above
            values = {"event": "session.end_failed", "session": session_id, "why": _words(error), "retry_in": pause}
            _log.error("an end failed, and is tried again", extra=values)
        await asyncio.sleep(pause)
        pause = min(2 * pause, longest)


def _words(error: Exception) -> str:
    """Our own errors speak for the log; what others say may hold anything."""
    return str(error) if isinstance(error, ServiceError) else type(error).__name__
