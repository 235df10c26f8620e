"""`python -m benchmarks.store`: a session's way through SQLite, beside its statements alone and hops between threads.

Decided here: what is compared. The store admits a session, notes that its agent was accepted, and ends it, which tells
its record: three steps on the store's own thread. The bare statements are the same four, with the same pragmas, in the
thread that asks; once as the store has them, and once with admission as SQL alone decides it, by counting rows in a
transaction. The hops are three times nothing on such a thread. Contenders take turns, and the microseconds are the wall
clock's: what disturbs the machine is in all of them. Nothing is printed unless all files say the same.
"""

import argparse
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import uvloop

from benchmarks import figures
from benchmarks.processes import Unusable
from session_service.sessions.model import Limits, Reason
from session_service.sessions.store.contract import Row, Status
from session_service.sessions.store.sqlite import SqliteStore, open_store
from session_service.sessions.store.worker import Worker

SESSIONS, LIVE = 300, 50
"""Sessions per round, and sessions that live beside them: as many as SESSION_MAX_SESSIONS lets in."""
STEPS = 3
NOW = 1_700_000_000.0
ROOMY = Limits(10**6, 10**6)
DEPLOYMENT = "0a1b2c3d"
STORE, BARE, COUNTED = "the store", "the bare statements, in one thread", "the same, and admission counts rows"
HOPS = "three hops to a thread and back"

_ROW = [field.name for field in fields(Row)]
_COLUMNS = _ROW + [field.name for field in fields(Status)]
_values = attrgetter(*_ROW)
_COUNT = "SELECT count(*), coalesce(sum(state = 'starting'), 0), min(ends_at) FROM session WHERE state <> 'ended' "
_INSERT = f"INSERT INTO session ({', '.join(_ROW)}, state) VALUES ({'?, ' * len(_ROW)}'starting')"  # noqa: S608 - our own words
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


def bare(rows: sqlite3.Connection, *, counted: bool) -> Way:
    """The same statements, where they are asked for; each is its own transaction, unless there is more to it."""

    async def way(row: Row) -> None:
        if counted:
            rows.execute("BEGIN IMMEDIATE")
            rows.execute(_COUNT).fetchone()
            rows.execute(_COUNT + "AND client = ?", (row.client,)).fetchone()
        rows.execute(_INSERT, _values(row))
        if counted:
            rows.execute("COMMIT")
        rows.execute(_ACCEPTED, ("{}", row.session_id))
        rows.execute(_ENDED, (Reason.AGENT_EXITED, NOW, 0, row.session_id))
        rows.execute(_SELECT + "WHERE session_id = ?", (row.session_id,)).fetchall()

    return way


def hops(worker: Worker) -> Way:
    """As often to another thread as the store goes, for nothing."""

    async def way(row: Row) -> None:
        for _ in range(STEPS):
            await worker.ask(row.__hash__)

    return way


async def measured(ways: Mapping[str, Way], rounds: int, live: int) -> dict[str, list[float]]:
    """Microseconds per session of each way, once per round; the first round only warms."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        sessions = [row(live + number * SESSIONS + one) for one in range(SESSIONS)]
        for name, way in ways.items():
            began = time.perf_counter()
            for session in sessions:
                await way(session)
            if number:
                found[name].append((time.perf_counter() - began) / SESSIONS * 1e6)
    return found


async def compared(folder: Path, rounds: int, live: int) -> dict[str, list[float]]:
    """Every way, on a file of its own in which so many sessions live."""
    files = {name: folder / f"{number}.db" for number, name in enumerate((STORE, BARE, COUNTED))}
    for path in files.values():
        store = open_store(path, DEPLOYMENT)
        for number in range(live):
            await store.admit(row(number), ROOMY, ROOMY)
        await store.close()
    store, worker = open_store(files[STORE], DEPLOYMENT), Worker("hops", 5.0)
    with ExitStack() as stack:
        stack.callback(worker.close)
        plain = {name: bare(_rows(stack, files[name]), counted=name is COUNTED) for name in (BARE, COUNTED)}
        found = await measured({STORE: through(store), **plain, HOPS: hops(worker)}, rounds, live)
    await store.close()
    _check([_content(path) for path in files.values()], live, live + SESSIONS * (rounds + 1))
    return found


def _rows(stack: ExitStack, path: Path) -> sqlite3.Connection:
    rows = stack.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
    rows.execute("PRAGMA synchronous = NORMAL")
    return rows


def _content(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as rows:
        return rows.execute(_SELECT + "ORDER BY session_id").fetchall()


def _check(contents: Sequence[list[tuple[object, ...]]], live: int, expected: int) -> None:
    """All ways have to leave the same rows, or something else than the store was compared."""
    if any(content != contents[0] for content in contents):
        raise Unusable("The store and the bare statements left different rows.")
    ended = sum(1 for found in contents[0] if found[_COLUMNS.index("state")] == "ended")
    if (len(contents[0]), ended) != (expected, expected - live):
        raise Unusable(f"{ended} of {len(contents[0])} sessions ended; {expected - live} of {expected} should have.")


def report(found: dict[str, list[float]]) -> str:
    """The table of ways, and the store's ratios to the others by round."""
    floor = median(found[BARE])
    rows = [[name, figures.spread(each), f"{median(each) / floor:.2f}"] for name, each in found.items()]
    each_round = list(zip(*(found[name] for name in (STORE, BARE, COUNTED, HOPS)), strict=True))
    ratios = {
        "the store : the bare statements": [store / bare for store, bare, _, _ in each_round],
        "the store : the same, counting": [store / counted for store, _, counted, _ in each_round],
        "the store : bare statements and hops": [store / (bare + hops) for store, bare, _, hops in each_round],
    }
    by_round = [[name, figures.spread(each, "{:.2f}")] for name, each in ratios.items()]
    return "\n\n".join(
        [
            figures.table(["a session admitted, accepted, ended", "us (least-most)", "of bare"], rows),
            figures.table(["ratio", "by round"], by_round),
        ]
    )


def main() -> None:
    """Measure and print. Exits with 1 and a sentence when the two files differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="times that each is measured (15)")
    parser.add_argument("--live", type=int, default=LIVE, help=f"sessions that live beside the measured ones ({LIVE})")
    asked = parser.parse_args()
    try:
        with TemporaryDirectory() as folder:
            print(report(uvloop.run(compared(Path(folder), asked.rounds, asked.live))))
    except Unusable as error:
        sys.exit(f"Not measured. {error}")


if __name__ == "__main__":
    main()
