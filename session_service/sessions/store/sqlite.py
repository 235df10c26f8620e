"""The store of a service on one machine: SQLite with a write-ahead log, so that a restart knows what the crash left.

Decided here: one thread of its own for the database, so that a slow disk never holds the event loop; one process per
file, held by a lock beside it, because a second one would end the first one's agents as strays; `synchronous=NORMAL`,
with which a killed process loses nothing and a power cut at most the last moment (strays are then found by their name).
Schema changes are steps, counted in SQLite's own `user_version`.
"""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, TypeVar

from session_service.errors import SettingsError, StoreUnavailable
from session_service.sessions.model import Limits, Reason
from session_service.sessions.store.contract import ADMITTED, Full, Record, Row, State, Status

T = TypeVar("T")
RETRY_AFTER = 5
ENDED_KEPT = 100_000
"""Ended sessions that are remembered: weeks of a busy deployment, in some 30 MB."""
FORGET_EVERY = 1000
"""Ends between two looks for sessions to forget."""
BUSY_SECONDS = 1.0
"""How long a statement waits for somebody else's lock before the call is refused."""

_STEPS = (
    """
    CREATE TABLE deployment (id TEXT NOT NULL);
    CREATE TABLE session (
        session_id TEXT PRIMARY KEY, client TEXT NOT NULL, transport TEXT NOT NULL, channel TEXT NOT NULL,
        launcher TEXT NOT NULL, tester_uid INTEGER NOT NULL, created_at REAL NOT NULL, ends_at REAL NOT NULL,
        report_hash TEXT, state TEXT NOT NULL, ref TEXT, joined_at REAL, left_at REAL, reason TEXT,
        exit_code INTEGER, ended_at REAL
    ) WITHOUT ROWID;
    CREATE INDEX session_live ON session (client, state) WHERE state <> 'ended';
    CREATE INDEX session_age ON session (created_at);
    """,
    "ALTER TABLE session ADD COLUMN agent_uid INTEGER;",
)
_COUNT = "SELECT count(*), coalesce(sum(state = 'starting'), 0), min(ends_at) FROM session WHERE state <> 'ended' "
_FACTS = len(fields(Row))
_COLUMNS = [field.name for kind in (Row, Status) for field in fields(kind)]
_INSERT = f"INSERT INTO session ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own words
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM session "  # noqa: S608 - our own words


class SqliteStore:
    """Rows in a file. Open it with `open_store`."""

    survives_restart = True

    def __init__(self, connection: sqlite3.Connection, lock: int, thread: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._lock = lock
        self._thread = thread
        self._ends = 0
        self.deployment: str = connection.execute("SELECT id FROM deployment").fetchone()[0]

    async def admit(self, row: Row, deployment: Limits, client: Limits) -> Full | None:
        """Count and insert in one transaction that holds the write lock from its first statement."""

        def step(rows: sqlite3.Connection) -> Full | None:
            for where, values, limits in (("", (), deployment), ("AND client = ?", (row.client,), client)):
                full = _full(rows, where, values, limits)
                if full is not None:
                    return full
            rows.execute(_INSERT, astuple(row) + astuple(ADMITTED))
            return None

        return await self._run(step)

    async def accepted(self, session_id: str, ref: str | None) -> None:
        """Starting becomes running."""
        await self._write("state = 'running', ref = ?", "state = 'starting'", ref, session_id)

    async def joined(self, session_id: str, at: float) -> None:
        """Note the instant, and forget that the tester had left."""
        await self._write("joined_at = ?, left_at = NULL", "state <> 'ended'", at, session_id)

    async def left(self, session_id: str, at: float) -> None:
        """Note the instant."""
        await self._write("left_at = ?", "state <> 'ended'", at, session_id)

    async def ending(self, session_id: str, reason: Reason) -> None:
        """The first reason stays."""
        await self._write("state = 'ending', reason = ?", "state IN ('starting', 'running')", reason, session_id)

    async def ended(self, session_id: str, reason: Reason, at: float, exit_code: int | None) -> Record | None:
        """Free the slot."""
        changes = "state = 'ended', reason = coalesce(reason, ?), ended_at = ?, exit_code = ?"
        changed = await self._write(changes, "state <> 'ended'", reason, at, exit_code, session_id)
        self._ends += changed
        if self._ends >= FORGET_EVERY:
            self._ends = 0
            await self._run(_forget)
        return await self.get(session_id) if changed else None

    async def get(self, session_id: str) -> Record | None:
        """One session."""
        found = await self._read("WHERE session_id = ?", session_id)
        return found[0] if found else None

    async def live(self) -> Sequence[Record]:
        """The oldest first."""
        return await self._read("WHERE state <> 'ended' ORDER BY created_at")

    async def recent(self, limit: int) -> Sequence[Record]:
        """The newest first."""
        return await self._read("ORDER BY created_at DESC LIMIT ?", limit)

    async def close(self) -> None:
        """Close the file and let go of its lock."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()
        os.close(self._lock)

    async def _write(self, changes: str, where: str, *values: object) -> bool:
        statement = f"UPDATE session SET {changes} WHERE {where} AND session_id = ?"  # noqa: S608 - our own words
        return await self._run(lambda rows: rows.execute(statement, values).rowcount > 0)

    async def _read(self, clause: str, *values: object) -> list[Record]:
        return await self._run(lambda rows: [_record(found) for found in rows.execute(_SELECT + clause, values)])

    async def _run(self, step: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, step)

    def _transaction(self, step: Callable[[sqlite3.Connection], T]) -> T:
        with _refusing():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                result = step(self._connection)
            except BaseException:
                if self._connection.in_transaction:  # a full disk has rolled back already
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
            return result


def open_store(path: Path, deployment: str) -> SqliteStore:
    """The store in that file, made or brought up to date; a new one gets `deployment` as its id.

    SettingsError says what is wrong with the file.
    """
    lock = _locked(path)
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
    try:
        connection = thread.submit(_connected, path, deployment).result()
        return SqliteStore(connection, lock, thread)
    except (sqlite3.Error, SettingsError) as error:
        thread.shutdown()
        os.close(lock)
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(f"SESSION_STORE: {path} cannot be used: {error}. Move it away, or name another.") from error


def _locked(path: Path) -> int:
    """Hold the file for this process alone; the system lets go of it when the process ends, however it does."""
    try:
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(f"SESSION_STORE: {path} cannot be made: {error.strerror}.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise SettingsError(f"SESSION_STORE: {path} is in use by another service. Give each its own file.") from None
    return lock


def _connected(path: Path, deployment: str) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    _bring_up_to_date(connection, deployment)
    return connection


def _bring_up_to_date(connection: sqlite3.Connection, deployment: str) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(_STEPS):
        raise SettingsError("SESSION_STORE: the file was written by a newer version of this service.")
    for number, step in enumerate(_STEPS[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {step} PRAGMA user_version = {number}; COMMIT;")
    if connection.execute("SELECT count(*) FROM deployment").fetchone() == (0,):
        connection.execute("INSERT INTO deployment VALUES (?)", (deployment,))


def _forget(rows: sqlite3.Connection) -> None:
    """Let go of the oldest ended sessions, so that the file stays as large as it is useful."""
    oldest = "(SELECT ended_at FROM session WHERE state = 'ended' ORDER BY ended_at DESC LIMIT 1 OFFSET ?)"
    rows.execute(f"DELETE FROM session WHERE state = 'ended' AND ended_at <= {oldest}", (ENDED_KEPT,))  # noqa: S608


@contextmanager
def _refusing() -> Iterator[None]:
    """A full disk, a lock that stays, a damaged file: each is a refusal towards the caller and a reason in the log."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailable(f"the store failed: {error}", retry_after=RETRY_AFTER) from error


def _full(rows: sqlite3.Connection, where: str, values: tuple[Any, ...], limits: Limits) -> Full | None:
    counted = _COUNT + where
    sessions, starts, earliest = rows.execute(counted, values).fetchone()
    if sessions >= limits.sessions:
        return Full(starts=False, earliest_end=earliest)
    return Full(starts=True, earliest_end=None) if starts >= limits.starts else None


def _record(found: tuple[Any, ...]) -> Record:
    state, ref, joined_at, left_at, reason, exit_code, ended_at = found[_FACTS:]
    status = Status(State(state), ref, joined_at, left_at, Reason(reason) if reason else None, exit_code, ended_at)
    return Record(Row(*found[:_FACTS]), status)
