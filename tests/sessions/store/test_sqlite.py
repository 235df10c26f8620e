"""What the file promises beyond the contract: it survives, it is one service's own, and it fails closed."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from session_service.errors import SettingsError, StoreUnavailable
from session_service.sessions.model import Limits, Reason
from session_service.sessions.store.contract import Full, StoreUnheard
from session_service.sessions.store.file import STEPS
from session_service.sessions.store.sqlite import FORGET_EVERY, KEPT, SqliteStore, open_store
from tests.sessions.store.conftest import WIDE, row

MANY = Limits(10**6, 10**6)
Steps = Callable[[SqliteStore], Coroutine[Any, Any, None]]


def on(path: Path, steps: Steps) -> str:
    """Open, run, close; tells the deployment's id."""

    async def main() -> str:
        store = open_store(path, "0a1b2c3d")
        try:
            await steps(store)
        finally:
            await store.close()
        return store.deployment

    return asyncio.run(main())


async def nothing(store: SqliteStore) -> None:
    """Open and close."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "sessions.db"


def test_sessions_and_the_deployments_id_survive(path: Path) -> None:
    """Opened again, everything is as it was left."""

    async def first(store: SqliteStore) -> None:
        await store.admit(row("a"), WIDE, WIDE)
        await store.accepted("a", '{"pid": 7}')

    async def second(store: SqliteStore) -> None:
        (record,) = await store.live()
        assert (record.row, record.status.ref) == (row("a"), '{"pid": 7}')

    assert on(path, first) == on(path, second)


def test_the_oldest_sessions_are_forgotten_once_they_have_ended(path: Path) -> None:
    """The file does not grow for ever; live sessions are never forgotten."""

    async def steps(store: SqliteStore) -> None:
        await store.admit(row("live", created_at=1.0), MANY, MANY)
        store._rows.executemany(
            "INSERT INTO session (session_id, client, transport, channel, launcher, tester_uid, created_at, ends_at,"
            " state, ended_at) VALUES (?, 'acme', 'agora', 'c', 'none', 1, ?, ?, 'ended', ?)",
            ((f"old-{n}", 10.0 + n, 20.0, 20.0) for n in range(KEPT + 5)),
        )
        for number in range(FORGET_EVERY):
            await store.admit(row(f"new-{number}", created_at=1e6), MANY, MANY)
            await store.ended(f"new-{number}", Reason.LOST, 1e9, None)
        assert [await store.get("old-0"), await store.get("old-1004")] == [None, None]
        assert await store.get(f"old-{KEPT}") is not None
        assert [record.row.session_id for record in await store.live()] == ["live"]

    on(path, steps)


def test_the_file_is_its_owners_alone(path: Path) -> None:
    """Nobody else on the machine reads which channels there are."""

    on(path, nothing)
    assert path.stat().st_mode & 0o077 == 0


def test_a_second_service_on_the_same_file_is_refused(path: Path) -> None:
    """It would end the first one's agents."""

    async def steps(store: SqliteStore) -> None:
        with pytest.raises(SettingsError, match="another service"):
            open_store(path, "0a1b2c3d")

    on(path, steps)


def test_two_names_of_one_file_are_one_file(path: Path) -> None:
    """A link does not let a second service in."""

    async def steps(store: SqliteStore) -> None:
        (path.parent / "link.db").symlink_to(path)
        with pytest.raises(SettingsError, match="another service"):
            open_store(path.parent / "link.db", "0a1b2c3d")

    on(path, steps)


def test_a_file_with_a_second_name_is_refused(path: Path) -> None:
    """By a hard link another service would get in: the lock, and SQLite's own log, are beside the name."""
    on(path, nothing)
    (path.parent / "second.db").hardlink_to(path)
    for name in ("sessions.db", "second.db"):
        with pytest.raises(SettingsError, match="more than one name"):
            open_store(path.parent / name, "0a1b2c3d")
    (path.parent / "second.db").unlink()
    on(path, nothing)


@pytest.mark.parametrize(
    "change", ["state = 'paused'", "reason = 'whim'", "ref = '{'", "ref = '7'", "ends_at = 'soon'", "left_at = 'now'"]
)
def test_a_live_session_that_this_version_cannot_read_is_refused_at_the_start(path: Path, change: str) -> None:
    """With its id: nobody could end it."""

    async def fill(store: SqliteStore) -> None:
        await store.admit(row("a"), WIDE, WIDE)

    on(path, fill)
    with closing(sqlite3.connect(path, isolation_level=None)) as rows:
        rows.execute(f"UPDATE session SET {change}")  # noqa: S608 - our own words
    with pytest.raises(SettingsError, match=r"session a, which this version cannot read.*Go back"):
        open_store(path, "0a1b2c3d")


def test_a_file_of_a_newer_version_is_refused(path: Path) -> None:
    """And left as it is."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SettingsError, match="newer version"):
        open_store(path, "0a1b2c3d")


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to be looked at" * 50, b"SQLite format 3\x00" + b"\xff" * 5000]
)
def test_a_damaged_file_is_refused_at_the_start(path: Path, content: bytes) -> None:
    """With its path, and nothing is written over."""
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"sessions\.db"):
        open_store(path, "0a1b2c3d")
    assert path.read_bytes() == content


@pytest.mark.parametrize("over", [False, True], ids=["live", "ended"])
def test_a_file_with_one_damaged_page_is_refused_at_the_start(path: Path, over: bool) -> None:
    """Not at the first call that needs that page, of sessions that are over too: by then others were told of room."""

    async def fill(store: SqliteStore) -> None:
        for number in range(200):
            await store.admit(row(f"{number:04}"), MANY, MANY)
            if over:
                await store.ended(f"{number:04}", Reason.LOST, 150.0, None)

    on(path, fill)
    whole = path.read_bytes()
    path.write_bytes(whole[:-4096] + b"\xff" * 4096)
    with pytest.raises(SettingsError, match="Move it away"):
        open_store(path, "0a1b2c3d")


def test_a_page_that_is_damaged_meanwhile_refuses_the_call(path: Path) -> None:
    """Nothing is started on account of a store that cannot be read."""

    async def steps(store: SqliteStore) -> None:
        store._rows.execute("PRAGMA writable_schema = ON")
        store._rows.execute("UPDATE sqlite_schema SET rootpage = 9999 WHERE name = 'session'")
        store._rows.execute("PRAGMA writable_schema = RESET")
        with pytest.raises(StoreUnavailable, match="malformed"):
            await store.admit(row("a"), WIDE, WIDE)

    on(path, steps)


def test_a_file_that_is_locked_at_the_start_is_refused(path: Path) -> None:
    """With what to do about it, and without waiting for ever."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SettingsError, match="Another program holds a lock"):
            open_store(path, "0a1b2c3d")


def test_a_database_of_something_else_is_refused(path: Path) -> None:
    """Though SQLite can read it."""
    with closing(sqlite3.connect(path)) as other:
        other.executescript(f"CREATE TABLE deployment (id TEXT); PRAGMA user_version = {len(STEPS)}")
    with pytest.raises(SettingsError, match="no such table"):
        open_store(path, "0a1b2c3d")


def test_after_a_refusal_the_file_is_free_again(path: Path) -> None:
    """Neither the lock beside it nor the file stays open."""
    path.write_bytes(b"not a database, but long enough to be looked at" * 50)
    with pytest.raises(SettingsError):
        open_store(path, "0a1b2c3d")
    path.unlink()
    on(path, nothing)


def test_a_folder_in_the_files_place_is_one_clear_sentence(path: Path) -> None:
    """And no traceback."""
    path.mkdir()
    with pytest.raises(SettingsError, match="Is a directory"):
        open_store(path, "0a1b2c3d")


def test_a_folder_that_is_not_there_is_one_clear_sentence(tmp_path: Path) -> None:
    """The operator mounts it."""
    with pytest.raises(SettingsError, match="SESSION_STORE"):
        open_store(tmp_path / "missing" / "sessions.db", "0a1b2c3d")


def test_a_lock_that_stays_refuses_the_call_and_changes_nothing(path: Path) -> None:
    """Somebody with a shell in the file: the call fails closed, and works again afterwards."""

    async def steps(store: SqliteStore) -> None:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable):
            await store.admit(row("a"), WIDE, WIDE)
        other.execute("ROLLBACK")
        other.close()
        assert await store.admit(row("a"), WIDE, WIDE) is None

    on(path, steps)


def test_a_slot_whose_end_cannot_be_written_stays_taken(path: Path) -> None:
    """The counts follow the rows: a restart would find this session, and count it."""

    async def steps(store: SqliteStore) -> None:
        await store.admit(row("a"), WIDE, WIDE)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StoreUnavailable):
                await store.ended("a", Reason.LOST, 150.0, None)
        assert await store.admit(row("b"), Limits(1, 9), WIDE) == Full(starts=False, earliest_end=200.0)
        assert await store.ended("a", Reason.LOST, 150.0, None) is not None
        assert await store.admit(row("b"), Limits(1, 9), WIDE) is None

    on(path, steps)


@pytest.mark.parametrize("again", [False, True], ids=["gone", "another-one"])
def test_a_file_that_is_taken_away_meanwhile_refuses_the_call(path: Path, again: bool) -> None:
    """SQLite would write on into what nobody can open any more, and the next start would know of no agent."""

    async def steps(store: SqliteStore) -> None:
        await store.admit(row("a"), WIDE, WIDE)
        os.rename(path, path.with_name("away.db"))
        if again:
            os.close(os.open(path, os.O_CREAT))
        with pytest.raises(StoreUnavailable, match="taken away"):
            await store.admit(row("b"), WIDE, WIDE)
        os.rename(path.with_name("away.db"), path)
        assert await store.admit(row("b"), WIDE, WIDE) is None

    on(path, steps)


def test_a_store_that_hangs_refuses_the_call_in_time(path: Path) -> None:
    """Thirty calls that each wait for a lock, too: the last is not answered half a minute later."""
    go_on = threading.Event()

    async def steps() -> None:
        store = open_store(path, "0a1b2c3d", patience=0.01)
        store._worker.ask(go_on.wait).cancel()
        with pytest.raises(StoreUnheard):
            await store.admit(row("a"), WIDE, WIDE)
        go_on.set()
        store._worker.close()
        store._file.close()

    asyncio.run(steps())


def test_a_full_disk_refuses_the_call_and_changes_nothing(path: Path) -> None:
    """SQLite's own limit on pages stands in for the disk's."""

    async def steps(store: SqliteStore) -> None:
        (pages,) = store._rows.execute("PRAGMA page_count").fetchone()
        store._rows.execute(f"PRAGMA max_page_count = {pages}")
        admissions = [store.admit(row(f"{number}", client="x" * 200), WIDE, WIDE) for number in range(1000)]
        answers = await asyncio.gather(*admissions, return_exceptions=True)
        assert {type(answer) for answer in answers} == {type(None), StoreUnavailable}
        store._rows.execute("PRAGMA max_page_count = 100000")
        before = len(await store.live())
        assert await store.ended("0", Reason.LOST, 150.0, None) is not None
        assert len(await store.live()) == before - 1

    on(path, steps)


def test_a_step_whose_caller_is_cancelled_is_whole_or_not_at_all(path: Path) -> None:
    """What was asked before a cancellation is done in its order, so that an end that follows finds it."""

    async def steps(store: SqliteStore) -> None:
        admitting = asyncio.ensure_future(store.admit(row("a"), WIDE, WIDE))
        await asyncio.sleep(0)
        admitting.cancel()
        await store.ended("a", Reason.CALLER_GONE, 150.0, None)
        assert await store.live() == []

    on(path, steps)


def of_version(path: Path, version: int, *states: str) -> None:
    """A file as that version of the schema had it, with a session in each of these states."""
    with closing(sqlite3.connect(path)) as connection:
        for step in STEPS[:version]:
            connection.executescript(step)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("INSERT INTO deployment VALUES ('0a1b2c3d')")
        connection.executemany(
            "INSERT INTO session"
            " (session_id, client, transport, channel, launcher, tester_uid, created_at, ends_at, state)"
            " VALUES (?, 'acme', 'agora', ?, 'memory', 1, 100, 200, ?)",
            [(state, f"cekura-{state}", state) for state in states],
        )
        connection.commit()


def test_a_file_of_the_first_version_is_brought_up_to_date(path: Path) -> None:
    """With its sessions, whose agents' uids nobody had written down."""
    of_version(path, 1, "running")

    async def steps(store: SqliteStore) -> None:
        await store.admit(replace(row("b"), agent_uid=1158465039, report_hash="5f"), WIDE, WIDE)
        second, first = sorted(await store.live(), key=lambda record: record.row.session_id)
        assert first.row == row("running")
        assert (second.row.agent_uid, second.row.report_hash) == (1158465039, "5f")

    on(path, steps)


@pytest.mark.parametrize("version", range(1, len(STEPS) + 1))
def test_sessions_of_an_older_file_take_their_slots(path: Path, version: int) -> None:
    """Each one that has not ended, and each start: the counts are made from the rows."""
    of_version(path, version, "starting", "running", "ending", "ended")

    async def steps(store: SqliteStore) -> None:
        assert await store.admit(row("new"), Limits(3, 9), WIDE) == Full(starts=False, earliest_end=200.0)
        assert await store.admit(row("new"), Limits(9, 1), WIDE) == Full(starts=True, earliest_end=None)
        assert await store.admit(row("new"), WIDE, Limits(4, 2)) is None
        await store.ended("starting", Reason.LOST, 150.0, None)
        assert await store.admit(row("next"), Limits(4, 2), WIDE) is None

    on(path, steps)


def test_an_older_file_becomes_like_a_new_one(path: Path, tmp_path: Path) -> None:
    """Table for table and index for index."""
    of_version(path, 1, "running")

    async def schema(store: SqliteStore) -> None:
        seen.append(store._rows.execute("SELECT type, name, tbl_name FROM sqlite_schema ORDER BY name").fetchall())

    seen: list[object] = []
    on(path, schema)
    on(tmp_path / "new.db", schema)
    assert seen[0] == seen[1]


def test_admission_reads_no_row(path: Path) -> None:
    """So it costs the same however many sessions live."""

    async def steps(store: SqliteStore) -> None:
        asked: list[str] = []
        store._rows.set_trace_callback(asked.append)
        await store.admit(row("a"), Limits(1, 1), WIDE)
        await store.admit(row("b"), Limits(1, 1), WIDE)
        assert [statement.partition(" ")[0] for statement in asked] == ["INSERT"]

    on(path, steps)


def test_a_session_of_the_fourth_version_keeps_its_project_and_has_no_server(path: Path) -> None:
    """That version wrote down the project of agents at Agora, and nobody's server."""
    of_version(path, 4, "running")
    with closing(sqlite3.connect(path, isolation_level=None)) as rows:
        rows.execute("UPDATE session SET project = 'one'")

    async def steps(store: SqliteStore) -> None:
        (record,) = await store.live()
        assert (record.row.project, record.row.server) == ("one", None)

    on(path, steps)
