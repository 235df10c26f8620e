"""The file of the SQLite store: who may have it, what is in it, and what is said when it cannot be used.

Decided here: one process per file, held by a lock beside it, because a second one would end the first one's agents as
strays; a write-ahead log with `synchronous=NORMAL`, with which a killed process loses nothing and a power cut at most
the last moment (strays are then found by their name); a file that is damaged anywhere is refused at the start. Schema
changes are steps, counted in SQLite's own `user_version`. Called by `sqlite`, and by `app` about a place that is named.
"""

import fcntl
import os
import sqlite3
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from session_service.errors import InvalidValue, SettingsError, StoreUnavailable

RETRY_AFTER = 5
BUSY_SECONDS = 1.0
"""How long a statement waits for somebody else's lock before the call is refused."""

STEPS = (
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
    # The counts of admission are kept beside the rows: what is left to find is every live session, the oldest first.
    """
    DROP INDEX session_live;
    CREATE INDEX session_live ON session (created_at) WHERE state <> 'ended';
    """,
    "ALTER TABLE session ADD COLUMN project TEXT;",
    "ALTER TABLE session ADD COLUMN server TEXT;",
)

_WAY_OUT = {
    sqlite3.SQLITE_BUSY: "Another program holds a lock on it: end that one.",
    sqlite3.SQLITE_FULL: "Make room on its disk.",
    sqlite3.SQLITE_CORRUPT: "Move it away, with its -wal and -shm files: the service then begins a new one.",
}
_WAY_OUT[sqlite3.SQLITE_NOTADB] = _WAY_OUT[sqlite3.SQLITE_CORRUPT]
_ANY_WAY = "Look at the file, its folder and its disk, name another, or set memory."


@dataclass(frozen=True, slots=True)
class File:
    """An open file that is up to date, and the lock that keeps other services away from it."""

    rows: sqlite3.Connection
    lock: int
    path: Path
    inode: int

    def check_in_place(self) -> None:
        """Raise StoreUnavailable where another start would not find it: SQLite itself would write on into nowhere."""
        try:
            found = os.stat(self.path).st_ino == self.inode
        except OSError:
            found = False
        if not found:
            raise StoreUnavailable(f"{self.path} was taken away; put it back, or restart", retry_after=RETRY_AFTER)

    def close(self) -> None:
        """Close it and let go of its lock."""
        self.rows.close()
        os.close(self.lock)


def check_place(path: str) -> str:
    """`path`, if a file can be kept there, as far as looking can tell; InvalidValue with a clause that says why not."""
    path = os.path.realpath(path)
    folder = os.path.dirname(path)
    if os.path.isdir(path):
        raise InvalidValue("it is a folder")
    if not os.access(folder, os.F_OK):
        raise InvalidValue("the folder does not exist, or this user cannot see it")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidValue("this user cannot write in the folder")
    if os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK):
        raise InvalidValue("this user cannot read and write the file")
    return path


def opened(path: Path, deployment: str) -> File:
    """That file, made or brought up to date; a new one gets `deployment` as its id. SettingsError says why not."""
    path = Path(os.path.realpath(path))  # two names of one file are one file
    with ExitStack() as undo:
        lock = _locked(path)
        undo.callback(os.close, lock)
        try:
            _check_names(path)
            rows = undo.enter_context(closing(_connected(path)))
            _bring_up_to_date(rows, deployment)
        except (sqlite3.Error, OSError) as error:
            raise SettingsError(f"SESSION_STORE: {path} cannot be used: {why(error)}") from error
        undo.pop_all()
        return File(rows, lock, path, path.stat().st_ino)


def _locked(path: Path) -> int:
    """Hold the file for this process alone; the system lets go of it when the process ends, however it does."""
    try:
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(f"SESSION_STORE: {path} cannot be made: {error.strerror}. {_ANY_WAY}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise SettingsError(f"SESSION_STORE: {path} is in use by another service. Give each its own file.") from None
    return lock


def _check_names(path: Path) -> None:
    """The lock and SQLite's own log are beside each name, so by a second name another service would get in."""
    if path.is_file() and path.stat().st_nlink > 1:
        raise SettingsError(
            f"SESSION_STORE: {path} has more than one name (a hard link). Leave it one, or name another."
        )


def _connected(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    rows = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        rows.execute("PRAGMA journal_mode = WAL")
        rows.execute("PRAGMA synchronous = NORMAL")
        (found,) = rows.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error:
        rows.close()
        raise
    if found != "ok":
        rows.close()
        raise SettingsError(f"SESSION_STORE: {path} is damaged. {_WAY_OUT[sqlite3.SQLITE_CORRUPT]}")
    return rows


def _bring_up_to_date(rows: sqlite3.Connection, deployment: str) -> None:
    (version,) = rows.execute("PRAGMA user_version").fetchone()
    if version > len(STEPS):
        raise SettingsError("SESSION_STORE: the file was written by a newer version of this service.")
    for number, step in enumerate(STEPS[version:], version + 1):
        rows.executescript(f"BEGIN IMMEDIATE; {step} PRAGMA user_version = {number}; COMMIT;")
    if rows.execute("SELECT count(*) FROM deployment").fetchone() == (0,):
        rows.execute("INSERT INTO deployment VALUES (?)", (deployment,))


def why(error: sqlite3.Error | OSError) -> str:
    """What is wrong with a file, and what to do about it."""
    if isinstance(error, OSError):
        return f"{error.strerror}. {_ANY_WAY}"
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte of an extended code is the plain one
    return f"{error}. {_WAY_OUT.get(code, _ANY_WAY)}"
