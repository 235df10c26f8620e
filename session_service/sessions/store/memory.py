"""The store of `dev` and of tests: records in this process, gone with it."""

import heapq
from collections.abc import Sequence
from dataclasses import replace

from session_service.sessions.model import Limits, Reason
from session_service.sessions.store.contract import ADMITTED, Full, Record, Row, State, Status

ENDED_KEPT = 1000
"""Ended sessions that are remembered, so that an operator can still ask why."""


class _Tally:
    """How many sessions and starts somebody has."""

    __slots__ = ("sessions", "starts")

    def __init__(self) -> None:
        self.sessions = 0
        self.starts = 0


class MemoryStore:
    """Records by id, with counts beside them, so that admission costs the same however many there are."""

    survives_restart = False

    def __init__(self, deployment: str) -> None:
        self.deployment = deployment
        self._rows: dict[str, Row] = {}
        self._status: dict[str, Status] = {}
        self._ended: dict[str, Record] = {}
        self._all = _Tally()
        self._clients: dict[str, _Tally] = {}
        self._ends: list[tuple[float, str]] = []

    async def admit(self, row: Row, deployment: Limits, client: Limits) -> Full | None:
        """Insert `row` if both limits leave room."""
        own = self._clients.get(row.client)
        if own is None:
            own = self._clients[row.client] = _Tally()
        for tally, limits in ((self._all, deployment), (own, client)):
            if tally.sessions >= limits.sessions:
                return Full(starts=False, earliest_end=self._earliest_end())
            if tally.starts >= limits.starts:
                return Full(starts=True, earliest_end=None)
        self._rows[row.session_id] = row
        self._status[row.session_id] = ADMITTED
        for tally in (self._all, own):
            tally.sessions += 1
            tally.starts += 1
        heapq.heappush(self._ends, (row.ends_at, row.session_id))
        return None

    async def accepted(self, session_id: str, ref: str | None) -> None:
        """Starting becomes running."""
        status = self._status.get(session_id)
        if status is not None and status.state is State.STARTING:
            self._set(session_id, Status(State.RUNNING, ref, status.joined_at, status.left_at))

    async def joined(self, session_id: str, at: float) -> None:
        """Note the instant, and forget that the tester had left."""
        if session_id in self._status:
            self._set(session_id, replace(self._status[session_id], joined_at=at, left_at=None))

    async def left(self, session_id: str, at: float) -> None:
        """Note the instant."""
        if session_id in self._status:
            self._set(session_id, replace(self._status[session_id], left_at=at))

    async def ending(self, session_id: str, reason: Reason) -> None:
        """The first reason stays."""
        status = self._status.get(session_id)
        if status is not None and status.state is not State.ENDING:
            self._set(session_id, replace(status, state=State.ENDING, reason=reason))

    async def ended(self, session_id: str, reason: Reason, at: float, exit_code: int | None) -> Record | None:
        """Free the slot."""
        if session_id not in self._status:
            return None
        before = self._status[session_id]
        reason = before.reason or reason
        status = Status(State.ENDED, before.ref, before.joined_at, before.left_at, reason, exit_code, at)
        self._set(session_id, status)
        row = self._rows.pop(session_id)
        del self._status[session_id]
        for tally in (self._all, self._clients[row.client]):
            tally.sessions -= 1
        self._forget_released()
        return self._remember(Record(row, status))

    async def get(self, session_id: str) -> Record | None:
        """One session."""
        if session_id in self._rows:
            return Record(self._rows[session_id], self._status[session_id])
        return self._ended.get(session_id)

    async def live(self) -> Sequence[Record]:
        """In the order of admission."""
        return tuple(Record(row, self._status[session_id]) for session_id, row in self._rows.items())

    async def recent(self, limit: int) -> Sequence[Record]:
        """The newest first."""
        known = [*await self.live(), *self._ended.values()]
        return tuple(sorted(known, key=lambda record: record.row.created_at, reverse=True)[:limit])

    async def close(self) -> None:
        """Nothing to let go of."""

    def _set(self, session_id: str, status: Status) -> None:
        """Change the status; whoever is no longer starting makes room for the next start."""
        if self._status[session_id].state is State.STARTING and status.state is not State.STARTING:
            self._all.starts -= 1
            self._clients[self._rows[session_id].client].starts -= 1
        self._status[session_id] = status

    def _remember(self, record: Record) -> Record:
        self._ended[record.row.session_id] = record
        if len(self._ended) > ENDED_KEPT:
            del self._ended[next(iter(self._ended))]
        return record

    def _earliest_end(self) -> float | None:
        while self._ends and self._ends[0][1] not in self._rows:
            heapq.heappop(self._ends)
        return self._ends[0][0] if self._ends else None

    def _forget_released(self) -> None:
        """Keep the heap within twice what is live: released sessions would stay in it until their time is over."""
        if len(self._ends) > 2 * len(self._rows) + 64:
            self._ends = [entry for entry in self._ends if entry[1] in self._rows]
            heapq.heapify(self._ends)
