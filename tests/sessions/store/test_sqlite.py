"""What the file promises beyond the contract: it survives, it is one service's own, and it fails closed."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from session_service.errors import SettingsError, StoreUnavailable
from session_service.sessions.model import Limits, Reason
from session_service.sessions.store.sqlite import _STEPS, ENDED_KEPT, FORGET_EVERY, SqliteStore, open_store
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


def test_the_oldest_ended_sessions_are_forgotten(path: Path) -> None:
    """The file does not grow for ever; live sessions are never forgotten."""

    async def steps(store: SqliteStore) -> None:
        await store.admit(row("live", created_at=1.0), MANY, MANY)
        store._connection.executemany(
            "INSERT INTO session (session_id, client, transport, channel, launcher, tester_uid, created_at, ends_at,"
            " state, ended_at) VALUES (?, 'acme', 'agora', 'c', 'none', 1, ?, ?, 'ended', ?)",
            ((f"old-{n}", 10.0, 20.0, float(n)) for n in range(ENDED_KEPT + 5)),
        )
        for number in range(FORGET_EVERY):
            await store.admit(row(f"new-{number}"), MANY, MANY)
            await store.ended(f"new-{number}", Reason.LOST, 1e9, None)
        assert [await store.get("old-0"), await store.get("old-1004")] == [None, None]
        assert await store.get(f"old-{ENDED_KEPT}") is not None
        assert [record.row.session_id for record in await store.live()] == ["live"]

    on(path, steps)


def test_the_file_is_its_owners_alone(path: Path) -> None:
    """Nobody else on the machine reads which channels there are."""

    async def nothing(store: SqliteStore) -> None:
        pass

    on(path, nothing)
    assert path.stat().st_mode & 0o077 == 0


def test_a_second_service_on_the_same_file_is_refused(path: Path) -> None:
    """It would end the first one's agents."""

    async def steps(store: SqliteStore) -> None:
        with pytest.raises(SettingsError, match="another service"):
            open_store(path, "0a1b2c3d")

    on(path, steps)


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


def test_a_full_disk_refuses_the_call_and_changes_nothing(path: Path) -> None:
    """SQLite's own limit on pages stands in for the disk's."""

    async def steps(store: SqliteStore) -> None:
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        admissions = [store.admit(row(f"{number}", client="x" * 200), WIDE, WIDE) for number in range(1000)]
        answers = await asyncio.gather(*admissions, return_exceptions=True)
        assert {type(answer) for answer in answers} == {type(None), StoreUnavailable}
        store._connection.execute("PRAGMA max_page_count = 100000")
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


def test_a_file_of_the_first_version_is_brought_up_to_date(path: Path) -> None:
    """With its sessions, whose agents' uids nobody had written down."""
    with sqlite3.connect(path) as connection:
        connection.executescript(_STEPS[0])
        connection.execute("PRAGMA user_version = 1")
        connection.execute("INSERT INTO deployment VALUES ('0a1b2c3d')")
        connection.execute(
            "INSERT INTO session"
            " (session_id, client, transport, channel, launcher, tester_uid, created_at, ends_at, state)"
            " VALUES ('a', 'acme', 'agora', 'cekura-a', 'memory', 1, 100, 200, 'running')"
        )
    connection.close()

    async def steps(store: SqliteStore) -> None:
        await store.admit(replace(row("b"), agent_uid=1158465039, report_hash="5f"), WIDE, WIDE)
        first, second = sorted(await store.live(), key=lambda record: record.row.session_id)
        assert first.row == row("a")
        assert (second.row.agent_uid, second.row.report_hash) == (1158465039, "5f")

    on(path, steps)
