"""`python -m benchmarks.store`: a session's way through SQLite, beside its statements alone and hops between threads.

Decided here: what is compared. The store admits a session, notes that its agent was accepted, ends it and reads its
record: four transactions, each on the store's own thread. The bare statements are the same ones, with the same pragmas,
in the thread that asks. The hops are four times nothing on such a thread. Contenders take turns, and the microseconds
are the wall clock's: what disturbs the machine is in all of them. Nothing is printed unless both files say the same.
"""

import argparse
import asyncio
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import astuple, fields
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import uvloop

from benchmarks import figures
from benchmarks.processes import Unusable
from session_service.sessions.model import Limits, Reason
from session_service.sessions.store.contract import ADMITTED, Row, Status
from session_service.sessions.store.sqlite import SqliteStore, open_store

SESSIONS, LIVE = 300, 50
"""Sessions per round, and sessions that live beside them: as many as SESSION_MAX_SESSIONS lets in."""
TRANSACTIONS = 4
NOW = 1_700_000_000.0
ROOMY = Limits(10**6, 10**6)
DEPLOYMENT = "0a1b2c3d"
STORE, BARE, HOPS = "the store", "the bare statements, in one thread", "four hops to a thread and back"

_COLUMNS = [field.name for kind in (Row, Status) for field in fields(kind)]
_COUNT = "SELECT count(*), coalesce(sum(state = 'starting'), 0), min(ends_at) FROM session WHERE state <> 'ended' "
_INSERT = f"INSERT INTO session ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own words
_ACCEPTED = "UPDATE session SET state = 'running', ref = ? WHERE state = 'starting' AND session_id = ?"
_ENDED = (
    "UPDATE session SET state = 'ended', reason = coalesce(reason, ?), ended_at = ?, exit_code = ? "
    "WHERE state <> 'ended' AND session_id = ?"
)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM session "  # noqa: S608 - our own words

Way = Callable[[Row], Awaitable[object]]


def row(number: int) -> Row:
    """A session of its own."""
    session_id = f"{DEPLOYMENT}{number:024x}"
    return Row(session_id, "acme", "agora", f"cekura-{session_id}", "none", 1, NOW + number, NOW + number + 3600)


def through(store: SqliteStore) -> Way:
    """What `lifecycle` asks of the store."""

    async def way(row: Row) -> None:
        await store.admit(row, ROOMY, ROOMY)
        await store.accepted(row.session_id, "{}")
        await store.ended(row.session_id, Reason.AGENT_EXITED, NOW, 0)

    return way


def bare(rows: sqlite3.Connection) -> Way:
    """The same transactions, where they are asked for."""

    async def way(row: Row) -> None:
        admitted = _INSERT, astuple(row) + astuple(ADMITTED)
        _transaction(rows, [(_COUNT, ()), (_COUNT + "AND client = ?", (row.client,)), admitted])
        _transaction(rows, [(_ACCEPTED, ("{}", row.session_id))])
        _transaction(rows, [(_ENDED, (Reason.AGENT_EXITED, NOW, 0, row.session_id))])
        _transaction(rows, [(_SELECT + "WHERE session_id = ?", (row.session_id,))])

    return way


def hops(thread: ThreadPoolExecutor) -> Way:
    """As often to another thread as the store goes, for nothing."""

    async def way(row: Row) -> None:
        for _ in range(TRANSACTIONS):
            await asyncio.get_running_loop().run_in_executor(thread, row.__hash__)

    return way


def _transaction(rows: sqlite3.Connection, statements: Iterable[tuple[str, tuple[object, ...]]]) -> None:
    rows.execute("BEGIN IMMEDIATE")
    for statement, values in statements:
        rows.execute(statement, values).fetchall()
    rows.execute("COMMIT")


async def measured(ways: Mapping[str, Way], rounds: int) -> dict[str, list[float]]:
    """Microseconds per session of each way, once per round; the first round only warms."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        sessions = [row(LIVE + number * SESSIONS + one) for one in range(SESSIONS)]
        for name, way in ways.items():
            began = time.perf_counter()
            for session in sessions:
                await way(session)
            if number:
                found[name].append((time.perf_counter() - began) / SESSIONS * 1e6)
    return found


async def compared(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Every way, on a file of its own in which LIVE sessions live."""
    files = [folder / "store.db", folder / "bare.db"]
    store, other = (open_store(path, DEPLOYMENT) for path in files)
    for number in range(LIVE):
        await store.admit(row(number), ROOMY, ROOMY)
        await other.admit(row(number), ROOMY, ROOMY)
    await other.close()
    with closing(sqlite3.connect(files[1], isolation_level=None)) as rows, ThreadPoolExecutor(1) as thread:
        rows.execute("PRAGMA synchronous = NORMAL")
        found = await measured({STORE: through(store), BARE: bare(rows), HOPS: hops(thread)}, rounds)
    await store.close()
    _check([_content(path) for path in files], LIVE + SESSIONS * (rounds + 1))
    return found


def _content(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as rows:
        return rows.execute(_SELECT + "ORDER BY session_id").fetchall()


def _check(contents: Sequence[list[tuple[object, ...]]], expected: int) -> None:
    """The two ways have to leave the same rows, or something else than the store was compared."""
    if contents[0] != contents[1]:
        raise Unusable("The store and the bare statements left different rows.")
    ended = sum(1 for found in contents[0] if found[_COLUMNS.index("state")] == "ended")
    if (len(contents[0]), ended) != (expected, expected - LIVE):
        raise Unusable(f"{ended} of {len(contents[0])} sessions ended; {expected - LIVE} of {expected} should have.")


def report(found: dict[str, list[float]]) -> str:
    """The table of ways, and two ratios by round."""
    floor = median(found[BARE])
    rows = [[name, figures.spread(each), f"{median(each) / floor:.2f}"] for name, each in found.items()]
    each_round = list(zip(found[STORE], found[BARE], found[HOPS], strict=True))
    statements = figures.spread([store / bare for store, bare, _ in each_round], "{:.2f}")
    both = figures.spread([store / (bare + hops) for store, bare, hops in each_round], "{:.2f}")
    ratios = [["the store : the bare statements", statements], ["the store : statements and hops together", both]]
    return "\n\n".join(
        [
            figures.table(["a session admitted, accepted, ended", "us (least-most)", "of bare"], rows),
            figures.table(["ratio", "by round"], ratios),
        ]
    )


def main() -> None:
    """Measure and print. Exits with 1 and a sentence when the two files differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="times that each is measured (15)")
    rounds = parser.parse_args().rounds
    try:
        with TemporaryDirectory() as folder:
            print(report(uvloop.run(compared(Path(folder), rounds))))
    except Unusable as error:
        sys.exit(f"Not measured. {error}")


if __name__ == "__main__":
    main()
