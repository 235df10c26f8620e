"""The beginning of a session: admitted, minted, its agent started. Called by `lifecycle` only.

Decided here: the order of these steps and what happens when one fails. Nothing is started before its slot is taken in
the store; whatever fails after that goes through the one door of `ending`. Whether an agent has started, and how long
that took, is told here for every launcher.
"""

import asyncio
import json
import logging

from session_service import logs
from session_service.agents.contract import AgentRef, AgentSpec
from session_service.errors import AgentRefused, AgentUnavailable, CallerGone, ServiceError
from session_service.sessions.admission import Admission
from session_service.sessions.ending import Door
from session_service.sessions.live import Live, Table
from session_service.sessions.minting import entropy_for, mint
from session_service.sessions.model import Clock, Entropy, Grant, Reason, Session
from session_service.sessions.reaper import Reaper
from session_service.sessions.starting import RETRY_AFTER, Caller, accepted, refusal
from session_service.sessions.store.contract import Row, State, Status, Store, StoreUnheard
from session_service.sessions.trying import is_told_to_end

STOP_MARGIN = 0.5
"""Seconds of the answer budget that are left for stopping what did not start in time."""
LAST_WORD = 0.1
"""Seconds by which a start is given up here before its launcher may: both would say that the time is over, and which of
them comes first would decide whether the caller is told 504 or 503."""
ENDED_MEANWHILE = "the session was ended before its caller was answered"

_log = logging.getLogger("session_service.sessions")


class Opening:
    """Opens sessions into `table`, has `reaper` watch them, and ends through `door` what does not come about."""

    def __init__(
        self,
        store: Store,
        admission: Admission,
        table: Table,
        door: Door,
        reaper: Reaper,
        *,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._admission = admission
        self._table = table
        self._door = door
        self._reaper = reaper
        self._clock = clock
        self._entropy = entropy

    async def open(self, grant: Grant, caller: Caller) -> Session:
        """A new session whose agent is accepted; raises what `Sessions.open` says."""
        offer = grant.offer
        minted = mint(offer, self._store.deployment, self._clock(), self._entropy(entropy_for(offer)))
        session, spec, live = minted.session, minted.spec, Live(minted.row, offer)
        await self._admit(live)
        agent = await self._start(live, spec, caller)
        return session.with_agent(agent) if agent is not None else session

    async def _admit(self, live: Live) -> None:
        self._table.add(live)
        try:
            await self._admission.admit(live.row, live.offer.limits)
        except BaseException as error:
            if isinstance(error, ServiceError) and not isinstance(error, StoreUnheard):
                self._table.forget(live.row)
                raise
            # The store may have taken the slot: its steps keep their order, so the end comes after.
            cancelled = isinstance(error, asyncio.CancelledError)
            self._door.end(live.row.session_id, Reason.CALLER_GONE if cancelled else Reason.START_FAILED)
            raise
        self._check_lives(live)

    async def _start(self, live: Live, spec: AgentSpec | None, caller: Caller) -> AgentRef | None:
        clock = asyncio.get_running_loop().time
        begun = clock()
        answer_by = caller.arrived + live.offer.answer_budget
        deadline = answer_by - min(STOP_MARGIN, (answer_by - begun) / 2)
        try:
            ref = await _accepted(live, spec, deadline, caller)
            took = clock() - begun
            await self._started(live, json.dumps({**ref.data}) if ref and ref.data else None)
            if caller.hung_up():  # an answer that is written now would reach nobody
                raise CallerGone
            self._check_lives(live)
        except BaseException as error:  # whatever a launcher raises, nothing of its agent may go on
            if is_told_to_end(error):
                self._door.end(live.row.session_id, Reason.SHUTDOWN)
                raise
            # Raised without a name: a frame that names what was raised in it is freed by the collector alone.
            raise await self._given_up(  # noqa: B904 - it has its cause
                _told(self._failure(live, error), live.row, caller, clock() - begun), live.row, answer_by
            )
        if ref is not None:
            _tell_started(live.row, ref, took)
        return ref

    def _check_lives(self, live: Live) -> None:
        """Raise if the session was ended while its caller waited: nothing may be started in it any more."""
        if not self._lives(live):
            raise _ended_meanwhile(live)

    def _lives(self, live: Live) -> bool:
        return live.row.session_id in self._table and not self._door.is_ending(live.row.session_id)

    def _failure(self, live: Live, error: BaseException) -> ServiceError:
        """What the caller is told: a start that was cancelled is one whose session was ended meanwhile."""
        cancelled = isinstance(error, asyncio.CancelledError) and not self._lives(live)
        return _ended_meanwhile(live) if cancelled else refusal(error)

    async def _started(self, live: Live, ref: str | None) -> None:
        """The start is over, and recorded: from now on the clocks count."""
        live.status = Status(State.RUNNING, ref, live.status.joined_at, live.status.left_at)
        await self._store.accepted(live.row.session_id, ref)
        if live.row.session_id in self._table:
            self._reaper.watch(live.row, live.status, live.offer.clocks)

    async def _given_up(self, failure: ServiceError, row: Row, answer_by: float) -> ServiceError:
        """The failure, once what its start may have left is stopped; or when its caller's budget is over."""
        reason = Reason.CALLER_GONE if isinstance(failure, CallerGone) else Reason.START_FAILED
        ending = self._door.end(row.session_id, reason)
        if ending is not None:
            await asyncio.wait({ending}, timeout=max(0.0, answer_by - asyncio.get_running_loop().time()))
        return failure


def _ended_meanwhile(live: Live) -> ServiceError:
    """What its caller is told of a session that was ended before the answer."""
    if live.failed:
        return AgentRefused("the agent reported that it failed")
    return AgentUnavailable(ENDED_MEANWHILE, retry_after=RETRY_AFTER)


async def _accepted(live: Live, spec: AgentSpec | None, deadline: float, caller: Caller) -> AgentRef | None:
    """The agent, once it is accepted; None where join details are all that is asked for."""
    launcher = live.offer.launcher
    if launcher is None or spec is None:
        return None
    if live.offer.starts_at_once:
        return await launcher.start(spec, deadline)
    live.start = asyncio.ensure_future(launcher.start(spec, deadline + LAST_WORD))
    return await accepted(live.start, deadline, caller)


def _tell_started(row: Row, ref: AgentRef, took: float) -> None:
    """What the launcher knows its agent by is told as well: a process id, an id at Agora."""
    values = {
        "event": "agent.started",
        "session": row.session_id,
        "launcher": row.launcher,
        "seconds": round(took, 3),
        **ref.data,
    }
    logs.event(_log, "agent started", values)


def _told(failure: ServiceError, row: Row, caller: Caller, took: float) -> ServiceError:
    """The failure, once it is in the log."""
    values = {
        "event": "agent.not_started",
        "request_id": caller.request_id,
        "session": row.session_id,
        "launcher": row.launcher,
        "code": failure.code,
        "why": str(failure),
        "seconds": round(took, 3),
    }
    _log.warning("agent not started", extra=values)
    return failure
