"""A store whose steps are timed. Put around the real one by `app`, where there is an operator's port to tell.

Decided here: that a step counts from its call to its answer, the wait for its turn included, whether it works or fails.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from session_service.sessions.model import Clock, Limits, Reason
from session_service.sessions.store.contract import Full, Record, Row, Store

T = TypeVar("T")


class TimedStore:
    """Does what `store` does, and tells `took` the name and the seconds of each step."""

    def __init__(self, store: Store, clock: Clock, took: Callable[[str, float], None]) -> None:
        self._store = store
        self._clock = clock
        self._took = took
        self.deployment = store.deployment
        self.survives_restart = store.survives_restart

    async def admit(self, row: Row, deployment: Limits, client: Limits) -> Full | None:
        """Timed."""
        return await self._timed("admit", self._store.admit(row, deployment, client))

    async def accepted(self, session_id: str, ref: str | None) -> None:
        """Timed."""
        await self._timed("accepted", self._store.accepted(session_id, ref))

    async def joined(self, session_id: str, at: float) -> None:
        """Timed."""
        await self._timed("joined", self._store.joined(session_id, at))

    async def left(self, session_id: str, at: float) -> None:
        """Timed."""
        await self._timed("left", self._store.left(session_id, at))

    async def ending(self, session_id: str, reason: Reason) -> None:
        """Timed."""
        await self._timed("ending", self._store.ending(session_id, reason))

    async def ended(self, session_id: str, reason: Reason, at: float, exit_code: int | None) -> Record | None:
        """Timed."""
        return await self._timed("ended", self._store.ended(session_id, reason, at, exit_code))

    async def get(self, session_id: str) -> Record | None:
        """Timed."""
        return await self._timed("get", self._store.get(session_id))

    async def live(self) -> Sequence[Record]:
        """Timed."""
        return await self._timed("live", self._store.live())

    async def recent(self, limit: int) -> Sequence[Record]:
        """Timed."""
        return await self._timed("recent", self._store.recent(limit))

    async def close(self) -> None:
        """Let go of what the store holds. Nobody can be told any more."""
        await self._store.close()

    async def _timed(self, step: str, answer: Awaitable[T]) -> T:
        begun = self._clock()
        try:
            return await answer
        finally:
            self._took(step, self._clock() - begun)
