"""The store of `dev` and of tests: records in this process, gone with it."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from session_service.sessions.model import Limits, Reason
from session_service.sessions.store.contract import ADMITTED, Full, Record, Row, State, Status
from session_service.sessions.store.slots import Slots

ENDED_KEPT = 1000
"""Ended sessions that are remembered, so that an operator can still ask why."""


class MemoryStore:
    """Records by id, and the counts that admission asks beside them."""

    survives_restart = False

    def __init__(self, deployment: str) -> None:
        self.deployment = deployment
        self._rows: dict[str, Row] = {}
        self._status: dict[str, Status] = {}
        self._ended: OrderedDict[str, Record] = OrderedDict()
        self._slots = Slots()

    async def admit(self, row: Row, deployment: Limits, client: Limits) -> Full | None:
        """Insert `row` if both limits leave room."""
        full = self._slots.full(row.client, deployment, client)
        if full is None:
            self._rows[row.session_id] = row
            self._status[row.session_id] = ADMITTED
            self._slots.take(row.session_id, row.client, row.ends_at)
        return full

    async def accepted(self, session_id: str, ref: str | None) -> None:
        """Starting becomes running."""
        status = self._status.get(session_id)
        if status is not None and status.state is State.STARTING:
            self._status[session_id] = Status(State.RUNNING, ref, status.joined_at, status.left_at)
            self._slots.started(session_id)

    async def joined(self, session_id: str, at: float) -> None:
        """Note the instant, and forget that the tester had left."""
        if session_id in self._status:
            self._status[session_id] = replace(self._status[session_id], joined_at=at, left_at=None)

    async def left(self, session_id: str, at: float) -> None:
        """Note the instant."""
        if session_id in self._status:
            self._status[session_id] = replace(self._status[session_id], left_at=at)

    async def ending(self, session_id: str, reason: Reason) -> None:
        """The first reason stays."""
        status = self._status.get(session_id)
        if status is not None and status.state is not State.ENDING:
            self._status[session_id] = replace(status, state=State.ENDING, reason=reason)
            self._slots.started(session_id)

    async def ended(self, session_id: str, reason: Reason, at: float, exit_code: int | None) -> Record | None:
        """Free the slot."""
        if session_id not in self._status:
            return None
        before = self._status.pop(session_id)
        reason = before.reason or reason
        status = Status(State.ENDED, before.ref, before.joined_at, before.left_at, reason, exit_code, at)
        self._slots.free(session_id)
        return self._remember(Record(self._rows.pop(session_id), status))

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

    def _remember(self, record: Record) -> Record:
        self._ended[record.row.session_id] = record
        if len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)  # a plain dict looks for its first entry through all that were deleted
        return record
