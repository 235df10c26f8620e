"""The one door through which sessions end: decided, agent stopped, recorded. Called by `lifecycle` and `opening`.

Decided here: that the first reason stays, that an end under way is joined and not repeated, and that a session keeps
its slot until its agent is gone, however often that has to be tried: an agent that runs on is billed. A start that does
not let itself be cancelled holds no end up; whenever it comes back, its agent is stopped. Only an operator's word that
an agent is gone ends a session without a stop.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from session_service import logs
from session_service.agents.contract import AgentRef, Launcher
from session_service.errors import AgentUnavailable
from session_service.sessions.live import Live, Table
from session_service.sessions.model import Reason
from session_service.sessions.store.contract import Record, Row, Store
from session_service.sessions.trying import until_done
from session_service.sessions.turns import Turns
from session_service.values import value

START_PATIENCE = 5.0
"""Seconds that a start which was cancelled has to end, before its agent is stopped all the same."""
STOP_PATIENCE = 60.0
"""Seconds after which a stop that has not come back counts as failed: longer than any launcher's own grace."""
LATER_STOPS = (10.0, 30.0, 60.0)
"""Seconds after which an agent elsewhere is stopped again whose start was not heard of: a provider may go on with what
nobody waits for, and answers within a minute, as a proxy in front of it does."""
NOTE_PATIENCE = 0.25
"""Seconds that an agent's end waits until its reason is noted: a store that is locked or hangs keeps no agent alive."""
CODE_BITS = 63
"""Of an exit code that a store can keep, beside its sign. What an agent calls its exit code may be any number."""

_log = logging.getLogger("session_service.sessions")


@value
class _End:
    """Why, and since when: `due` is Unix time. `stop_seconds` is what stopping took; None where nothing was stopped."""

    reason: Reason
    due: float
    exit_code: int | None = None
    stop_seconds: float | None = None


class Door:
    """Ends live sessions of the table. `clock` gives Unix seconds; `gone` hears of each session that has ended."""

    def __init__(self, store: Store, sessions: Table, clock: Callable[[], float], gone: Callable[[Row], None]) -> None:
        self._store = store
        self._sessions = sessions
        self._clock = clock
        self._gone = gone
        self._turns = Turns()
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._late: set[asyncio.Task[float]] = set()

    def end(
        self, session_id: str, reason: Reason, due: float | None = None, exit_code: int | None = None
    ) -> asyncio.Task[None] | None:
        """Begin an end, or join the one that is under way; None for a session that is not live here.

        `due` is the instant, in Unix seconds, from which on the session should have been over: now, unless told.
        """
        live = self._sessions.get(session_id)
        if live is None:
            return None
        return self._begin(session_id, self._stop(live, _End(reason, self._clock() if due is None else due, exit_code)))

    def agent_gone(self, session_id: str, reason: Reason, exit_code: int | None) -> asyncio.Task[None] | None:
        """The agent has ended by itself: nothing to stop. During an end of ours this is no news."""
        live = self._sessions.get(session_id)
        if live is None or session_id in self._ending:
            return None
        return self._begin(session_id, self._record(live, _End(reason, self._clock(), exit_code)))

    def stop_again(self, live: Live) -> None:
        """Stop the agent again for a minute, ended as its session may be: its start may come about until then."""
        for seconds in LATER_STOPS:
            asyncio.get_running_loop().call_later(seconds, self._stop_once_more, live)

    async def note(self, row: Row, reason: Reason) -> None:
        """Keep that this session is to end: a start that comes after a kill ends it, then. The first reason stays.

        Where the store does not answer, the row says less than it could, and the agent is stopped all the same.
        """
        noting = asyncio.ensure_future(self._store.ending(row.session_id, reason))
        noting.add_done_callback(_hear_out)
        await asyncio.wait({noting}, timeout=NOTE_PATIENCE)

    async def write_off(self, session_id: str) -> None:
        """Record an end without having stopped the agent: an operator vouches that it is gone. Raises StoreUnavailable.

        An end that is under way is tried no longer. A session that has ended meanwhile stays as it ended.
        """
        now = self._clock()
        record = await self._store.ended(session_id, Reason.OPERATOR, now, None)
        if record is None:
            return
        if under_way := self._ending.get(session_id):
            under_way.cancel()
        _tell_written_off(record.row)
        self._finish(record, _End(Reason.OPERATOR, now), now)

    def is_ending(self, session_id: str) -> bool:
        """Whether an end is under way."""
        return session_id in self._ending

    async def wait(self, seconds: float) -> list[str]:
        """Wait for every end that is under way, and give up the rest; the ids of those that are not over."""
        under_way = dict(self._ending)
        if tasks := {*under_way.values(), *self._late}:
            await asyncio.wait(tasks, timeout=seconds)
        self.give_up()
        return [session_id for session_id, task in under_way.items() if not task.done() or task.cancelled()]

    def give_up(self) -> None:
        """Try none of these ends any longer: their rows stay as they are, for the next start."""
        for task in (*self._ending.values(), *self._late):
            task.cancel()

    def _begin(self, session_id: str, steps: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        if session_id in self._ending:
            steps.close()
            return self._ending[session_id]
        task = self._ending[session_id] = asyncio.get_running_loop().create_task(steps)
        task.add_done_callback(lambda _: self._ending.pop(session_id, None))
        return task

    async def _stop(self, live: Live, end: _End) -> None:
        if live.start is not None:
            await self._cancel(live, live.start)
        await self.note(live.row, end.reason)
        if live.offer.launcher is not None:
            end = replace(end, stop_seconds=await self._stop_agent(live, live.offer.launcher))
        await self._record(live, end)
        live.start = None  # one that failed holds its failure, whose traceback holds `live`

    async def _cancel(self, live: Live, start: asyncio.Future[AgentRef]) -> None:
        start.cancel()
        _, clinging = await asyncio.wait({start}, timeout=START_PATIENCE)
        start.add_done_callback(_hear_out)
        if clinging:
            start.add_done_callback(lambda _: self._stop_late(live))
        elif _may_come_about(live, start):
            self.stop_again(live)

    def _stop_once_more(self, live: Live) -> None:
        """Unless that is still being tried, or an operator has said that it need not be."""
        if live.stopped:
            self._stop_late(live)

    def _stop_late(self, live: Live) -> None:
        """A start has come about after its session was ended, or may have: its agent is nobody's."""
        if live.offer.launcher is not None:
            task = asyncio.get_running_loop().create_task(self._stop_agent(live, live.offer.launcher))
            self._late.add(task)
            task.add_done_callback(self._late.discard)

    async def _stop_agent(self, live: Live, launcher: Launcher) -> float:
        turn = self._turns.of(live.row.client, launcher)
        live.stopped = False
        seconds = await until_done(live.row, "stop", lambda: _stopped(launcher, live.ref()), turn)
        live.stopped = True
        return seconds

    async def _record(self, live: Live, end: _End) -> None:
        row, now = live.row, self._clock()
        code = _kept(end.exit_code)
        record = await until_done(row, "record", lambda: self._store.ended(row.session_id, end.reason, now, code))
        if row.session_id not in self._sessions:  # its admission was refused meanwhile: there never was a session
            return
        self._finish(record or Record(row, replace(live.status, reason=end.reason, ended_at=now)), end, now)

    def _finish(self, record: Record, end: _End, now: float) -> None:
        self._sessions.forget(record.row)
        self._gone(record.row)
        _tell(record, end, now)


def _hear_out(given_up: asyncio.Future[Any]) -> None:
    """A start, or a note, may fail in the turn in which it is given up: its words are taken, and are nobody's news."""
    if not given_up.cancelled():
        given_up.exception()


def _may_come_about(live: Live, start: asyncio.Future[AgentRef]) -> bool:
    """Whether an agent may yet begin to run whose start is over here: elsewhere, and nobody was told how it went."""
    elsewhere = live.offer.launcher is not None and live.offer.launcher.survives_restart
    return elsewhere and (start.cancelled() or isinstance(start.exception(), AgentUnavailable))


def _kept(exit_code: int | None) -> int | None:
    return None if exit_code is None or exit_code.bit_length() > CODE_BITS else exit_code


async def _stopped(launcher: Launcher, ref: AgentRef) -> float:
    """Stop an agent, and tell how many seconds that took."""
    begun = asyncio.get_running_loop().time()
    async with asyncio.timeout(STOP_PATIENCE):
        await launcher.stop(ref)
    return asyncio.get_running_loop().time() - begun


def _tell_written_off(row: Row) -> None:
    values = {
        "event": "session.written_off",
        "session": row.session_id,
        "client": row.client,
        "launcher": row.launcher,
        "project": row.project,
        "server": row.server,
    }
    _log.warning("an operator says that this agent is gone; it was not stopped by us", extra=values)


def _tell(record: Record, end: _End, now: float) -> None:
    """A session has ended, and is recorded: the one line that says so."""
    row, status = record.row, record.status
    logs.event(
        _log,
        "session ended",
        {
            "event": "session.ended",
            "session": row.session_id,
            "client": row.client,
            "launcher": row.launcher,
            "reason": status.reason,
            "exit_code": status.exit_code,
            "seconds": round((status.ended_at or row.created_at) - row.created_at, 1),
            "stop_seconds": None if end.stop_seconds is None else round(end.stop_seconds, 3),
            "lag_seconds": round(max(0.0, now - end.due), 3),
        },
    )
