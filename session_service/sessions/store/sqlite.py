"""The store of a service on one machine: SQLite, so that a restart knows what the crash left.

Decided here: one thread of its own for the database, so that a slow disk never holds the event loop; each step is one
statement that writes, and thereby one transaction; admission asks counts that are kept beside the rows and made anew
from them at each start, so that it costs the same however many sessions live. `file` says whose the file is.
"""

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from session_service.errors import SettingsError, StoreUnavailable
from session_service.sessions.model import Limits, Reason
from session_service.sessions.store.contract import Full, Record, Row, State, Status, StoreUnheard
from session_service.sessions.store.file import RETRY_AFTER, File, opened, why
from session_service.sessions.store.slots import Slots
from session_service.sessions.store.worker import Worker

T = TypeVar("T")
PATIENCE = 5.0
"""Seconds that a caller waits for one step: less than the seven in which it has to be answered."""
KEPT = 100_000
"""Sessions that are remembered, the newest: weeks of a busy deployment, in some 30 MB."""
FORGET_EVERY = 1000
"""Ends between two looks for sessions to forget."""
_UNREADABLE = "Go back to the version that wrote it, or move the file away, with its -wal and -shm files."

_ROW = [field.name for field in fields(Row)]
_COLUMNS = _ROW + [field.name for field in fields(Status)]
_values = attrgetter(*_ROW)
_instants = attrgetter("row.created_at", "row.ends_at", "status.joined_at", "status.left_at")
_INSERT = f"INSERT INTO session ({', '.join(_ROW)}, state) VALUES ({'?, ' * len(_ROW)}'starting')"  # noqa: S608 - our own words
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM session "  # noqa: S608 - our own words
_ACCEPTED = "UPDATE session SET state = 'running', ref = ? WHERE state = 'starting' AND session_id = ?"
_JOINED = "UPDATE session SET joined_at = ?, left_at = NULL WHERE state <> 'ended' AND session_id = ?"
_LEFT = "UPDATE session SET left_at = ? WHERE state <> 'ended' AND session_id = ?"
_ENDING = "UPDATE session SET state = 'ending', reason = ? WHERE state IN ('starting', 'running') AND session_id = ?"
_ENDED = (
    "UPDATE session SET state = 'ended', reason = coalesce(reason, ?), ended_at = ?, exit_code = ?"
    " WHERE state <> 'ended' AND session_id = ?"
)
_FORGET = (
    "DELETE FROM session WHERE state = 'ended' AND created_at <="
    " (SELECT created_at FROM session ORDER BY created_at DESC LIMIT 1 OFFSET ?)"
)


class SqliteStore:
    """Rows in a file. Open it with `open_store`."""

    survives_restart = True

    def __init__(self, file: File, patience: float) -> None:
        self._file = file
        self._rows = file.rows
        self._slots = _counted(file.rows)
        self._ends = 0
        self.deployment: str = file.rows.execute("SELECT id FROM deployment").fetchone()[0]
        self._worker = Worker("store", patience)

    async def admit(self, row: Row, deployment: Limits, client: Limits) -> Full | None:
        """Count and insert in one step, which no other step comes between."""
        return await self._ask(lambda: self._admit(row, deployment, client))

    async def accepted(self, session_id: str, ref: str | None) -> None:
        """Starting becomes running."""
        await self._ask(lambda: self._start_over(_ACCEPTED, ref, session_id))

    async def joined(self, session_id: str, at: float) -> None:
        """Note the instant, and forget that the tester had left."""
        await self._ask(lambda: self._write(_JOINED, at, session_id))

    async def left(self, session_id: str, at: float) -> None:
        """Note the instant."""
        await self._ask(lambda: self._write(_LEFT, at, session_id))

    async def ending(self, session_id: str, reason: Reason) -> None:
        """The first reason stays."""
        await self._ask(lambda: self._start_over(_ENDING, reason, session_id))

    async def ended(self, session_id: str, reason: Reason, at: float, exit_code: int | None) -> Record | None:
        """Free the slot."""
        return await self._ask(lambda: self._end(session_id, reason, at, exit_code))

    async def get(self, session_id: str) -> Record | None:
        """One session."""
        return await self._ask(lambda: self._one(session_id))

    async def live(self) -> Sequence[Record]:
        """The oldest first."""
        return await self._ask(lambda: self._read("WHERE state <> 'ended' ORDER BY created_at"))

    async def recent(self, limit: int) -> Sequence[Record]:
        """The newest first."""
        return await self._ask(lambda: self._read("ORDER BY created_at DESC LIMIT ?", limit))

    async def close(self) -> None:
        """Close the file and let go of its lock."""
        await self._ask(self._file.close)
        self._worker.close()

    async def _ask(self, step: Callable[[], T]) -> T:
        """A full disk, a lock that stays, a damaged page: a refusal towards the caller, and a reason in the log."""
        try:
            return await self._worker.ask(step)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the store failed: {error}", retry_after=RETRY_AFTER) from error
        except TimeoutError:
            raise StoreUnheard("the store does not answer in time", retry_after=RETRY_AFTER) from None

    def _admit(self, row: Row, deployment: Limits, client: Limits) -> Full | None:
        full = self._slots.full(row.client, deployment, client)
        if full is None:
            self._file.check_in_place()
            self._rows.execute(_INSERT, _values(row))
            self._slots.take(row.session_id, row.client, row.ends_at)
        return full

    def _start_over(self, statement: str, value: str | None, session_id: str) -> None:
        if self._write(statement, value, session_id):
            self._slots.started(session_id)

    def _end(self, session_id: str, reason: Reason, at: float, exit_code: int | None) -> Record | None:
        if not self._write(_ENDED, reason, at, exit_code, session_id):
            return None
        self._slots.free(session_id)
        self._ends += 1
        if self._ends % FORGET_EVERY == 0:
            self._write(_FORGET, KEPT)
        return self._one(session_id)

    def _one(self, session_id: str) -> Record | None:
        found = self._read("WHERE session_id = ?", session_id)
        return found[0] if found else None

    def _write(self, statement: str, *values: object) -> bool:
        return self._rows.execute(statement, values).rowcount > 0

    def _read(self, clause: str, *values: object) -> list[Record]:
        return [_record(found) for found in self._rows.execute(_SELECT + clause, values)]


def open_store(path: Path, deployment: str, *, patience: float = PATIENCE) -> SqliteStore:
    """The store in that file, made or brought up to date; a new one gets `deployment` as its id.

    SettingsError says what is wrong with the file.
    """
    file = opened(path, deployment)
    try:
        return SqliteStore(file, patience)
    except sqlite3.Error as error:
        file.close()
        raise SettingsError(f"SESSION_STORE: {path} cannot be used: {why(error)}") from error
    except ValueError as error:
        file.close()
        raise SettingsError(f"SESSION_STORE: {path} {error} {_UNREADABLE}") from None


def _counted(rows: sqlite3.Connection) -> Slots:
    """The counts of what an earlier process left. ValueError for what no version up to this one has written."""
    slots = Slots()
    for found in rows.execute(_SELECT + "WHERE state <> 'ended'"):
        record = _readable(found)
        slots.take(record.row.session_id, record.row.client, record.row.ends_at)
        if record.status.state is not State.STARTING:
            slots.started(record.row.session_id)
    return slots


def _readable(found: tuple[Any, ...]) -> Record:
    try:
        record = _record(found)
        json.loads(record.status.ref or "{}").items()
        sum(filter(None, _instants(record)))  # SQLite keeps a text where a number is due
    except (ValueError, AttributeError, TypeError):
        raise ValueError(f"holds the session {found[0]}, which this version cannot read.") from None
    return record


def _record(found: tuple[Any, ...]) -> Record:
    state, ref, joined_at, left_at, reason, exit_code, ended_at = found[len(_ROW) :]
    status = Status(State(state), ref, joined_at, left_at, Reason(reason) if reason else None, exit_code, ended_at)
    return Record(Row(*found[: len(_ROW)]), status)
