"""The life of a session: admitted, minted, its agent started, joined and left by the tester, ended.

Decided here: the order of these steps and what happens when one fails. Nothing is started before its slot is taken in
the store; whatever fails after that goes through the one door of `ending`. Called by `http` (open, reports,
notifications, operators), the launchers (an agent's exit) and `app` (recover, close).
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import replace

from session_service import logs
from session_service.agents.contract import AgentRef, AgentSpec, Launcher
from session_service.agora.transport import Renewal
from session_service.errors import CallerGone, Draining, ServiceError, SessionOver
from session_service.sessions.admission import Admission
from session_service.sessions.ending import Door
from session_service.sessions.live import Live
from session_service.sessions.minting import entropy_for, mint
from session_service.sessions.model import Grant, Offer, Reason, Session
from session_service.sessions.reaper import Reaper
from session_service.sessions.starting import RETRY_AFTER, Caller, accepted, refusal
from session_service.sessions.store.contract import Record, Row, State, Status, Store

STOP_MARGIN = 0.5
"""Seconds of the answer budget that are left for stopping what did not start in time."""
CLOSE_PATIENCE = 10.0
"""Seconds that the end of the process waits for agents; each launcher's own grace is shorter."""

Clock = Callable[[], float]
Entropy = Callable[[int], bytes]

_log = logging.getLogger("session_service.sessions")


class Sessions:
    """Opens and ends sessions. Clock (Unix seconds) and entropy are given: nothing here reads the machine's own."""

    def __init__(self, store: Store, admission: Admission, clock: Clock, entropy: Entropy) -> None:
        self._store = store
        self._admission = admission
        self._clock = clock
        self._entropy = entropy
        self._live: dict[str, Live] = {}
        self._channels: dict[str, str] = {}
        self._door = Door(store, self._live, clock, self._told)
        self._reaper = Reaper(clock, self._door.end)
        self._draining = False
        self.stranded: tuple[str, ...] = ()
        """Sessions of an earlier start that nobody here can end; `recovery` finds them."""

    async def open(self, grant: Grant, caller: Caller) -> Session:
        """A new session whose agent is accepted; the answer budget counts from the caller's arrival.

        Raises the refusals of admission, AgentRefused, AgentUnavailable, AgentTimeout or CallerGone; what was
        started is then stopped.
        """
        if self._draining:
            raise Draining(retry_after=RETRY_AFTER)
        offer = grant.offer
        minted = mint(offer, self._store.deployment, self._clock(), self._entropy(entropy_for(offer)))
        session, spec, live = minted.session, minted.spec, Live(minted.row, offer)
        await self._admit(live)
        if offer.launcher is not None and spec is not None:
            session = await self._start(live, offer.launcher, session, spec, caller)
        else:
            await self._started(live, None)
        return session

    async def _admit(self, live: Live) -> None:
        session_id = live.row.session_id
        self._live[session_id] = live
        self._channels[live.row.channel] = session_id
        try:
            await self._admission.admit(live.row, live.offer.limits)
        except ServiceError:
            self._forget(live.row)
            raise
        except asyncio.CancelledError:
            # The store may have taken the slot: its steps keep their order, so the end comes after.
            self._door.end(session_id, Reason.CALLER_GONE)
            raise

    async def _start(
        self, live: Live, launcher: Launcher, session: Session, spec: AgentSpec, caller: Caller
    ) -> Session:
        answer_by = caller.arrived + live.offer.answer_budget
        deadline = answer_by - min(STOP_MARGIN, (answer_by - asyncio.get_running_loop().time()) / 2)
        try:
            if live.offer.starts_at_once:
                ref = await launcher.start(spec, deadline)
            else:
                live.start = asyncio.ensure_future(launcher.start(spec, deadline))
                ref = await accepted(live.start, deadline, caller)
            await self._started(live, json.dumps(ref.data) if ref.data else None)
        except asyncio.CancelledError:
            self._door.end(spec.session_id, Reason.SHUTDOWN)
            if live.start is not None and live.start.cancelled():  # not this call but its start: the session is ended
                raise Draining(retry_after=RETRY_AFTER) from None
            raise
        except Exception as error:  # noqa: BLE001 - whatever a launcher raises, nothing of its agent may go on
            failure = refusal(error)
            await self._give_up(live.row, failure, caller, answer_by)
            raise failure from (None if failure is error else error)
        return session.with_agent(ref)

    async def _started(self, live: Live, ref: str | None) -> None:
        """The start is over, and recorded: from now on the clocks count."""
        live.status = Status(State.RUNNING, ref, live.status.joined_at, live.status.left_at)
        await self._store.accepted(live.row.session_id, ref)
        if live.row.session_id in self._live:
            self._reaper.watch(live.row, live.status, live.offer.clocks)

    async def _give_up(self, row: Row, failure: ServiceError, caller: Caller, answer_by: float) -> None:
        """Stop what a failed start may have left; the caller waits for that as long as its budget lasts."""
        reason = Reason.CALLER_GONE if isinstance(failure, CallerGone) else Reason.START_FAILED
        _log.warning(
            "agent not started",
            extra={
                "event": "agent.not_started",
                "request_id": caller.request_id,
                "session": row.session_id,
                "code": failure.code,
                "why": str(failure),
            },
        )
        ending = self._door.end(row.session_id, reason)
        if ending is not None:
            await asyncio.wait({ending}, timeout=max(0.0, answer_by - asyncio.get_running_loop().time()))

    def agent_exited(self, ref: AgentRef, code: int) -> None:
        """A launcher saw its agent end."""
        self._door.agent_gone(ref.name, Reason.AGENT_EXITED, code)

    async def tester_joined(self, session_id: str, at: float) -> None:
        """Somebody who knows saw the tester in the channel."""
        live = self._live.get(session_id)
        if live is not None:
            _log.info("tester joined", extra={"event": "tester.joined", "session": session_id})
            live.status = replace(live.status, joined_at=at, left_at=None)
            await self._store.joined(session_id, at)
            self._watch(live)

    async def tester_left(self, session_id: str, at: float, *, for_good: bool) -> None:
        """Somebody who knows saw the tester leave: an end at once, or after SESSION_IDLE_TIMEOUT if it may return."""
        live = self._live.get(session_id)
        if live is None:
            return
        _log.info("tester left", extra={"event": "tester.left", "session": session_id, "for_good": for_good})
        live.status = replace(live.status, left_at=at)
        if for_good:
            self._door.end(session_id, Reason.TESTER_LEFT)
        await self._store.left(session_id, at)
        self._watch(live)

    def agent_left(self, session_id: str) -> None:
        """Somebody who knows saw the agent leave for good. Launchers that see their agents end are waited for."""
        live = self._live.get(session_id)
        if live is not None and live.offer.launcher is not None and live.offer.launcher.survives_restart:
            _log.info("agent left", extra={"event": "agent.left_channel", "session": session_id})
            self._door.end(session_id, Reason.AGENT_EXITED)

    def renew(self, session_id: str) -> Renewal:
        """A fresh token for the agent of a live session; SessionOver for every other one."""
        live = self._live.get(session_id)
        if live is None or live.row.agent_uid is None or self._door.is_ending(session_id):
            raise SessionOver
        transport = live.offer.transport
        entropy = self._entropy(transport.RENEWAL_ENTROPY)
        return transport.renew(live.row.channel, live.row.agent_uid, int(self._clock()), entropy)

    async def stop(self, session_id: str) -> bool:
        """End a session because the operator says so; returns when its agent is gone, False for one not live here."""
        ending = self._door.end(session_id, Reason.OPERATOR)
        if ending is None:
            return False
        await asyncio.wait({ending})
        return True

    async def record(self, session_id: str) -> Record | None:
        """One session, live or ended, as the store tells it."""
        return await self._store.get(session_id)

    def live(self, session_id: str) -> Row | None:
        """A session that has not ended."""
        live = self._live.get(session_id)
        return live.row if live else None

    def in_channel(self, channel: str) -> Row | None:
        """The live session of a channel."""
        live = self._live.get(self._channels.get(channel, ""))
        return live.row if live else None

    @property
    def draining(self) -> bool:
        """Whether new sessions are refused because the service ends."""
        return self._draining

    def drain(self) -> None:
        """Take no new session from now on; those that live go on."""
        self._draining = True

    async def close(self) -> None:
        """Take no new session, end every live one that nobody could find again, and return within ten seconds."""
        self.drain()
        self._reaper.close()
        for session_id, live in list(self._live.items()):
            if live.offer.stop_at_shutdown:
                self._door.end(session_id, Reason.SHUTDOWN)
        for session_id in await self._door.wait(CLOSE_PATIENCE):
            _log.error("agent still runs", extra={"event": "agent.left", "session": session_id})
        await self._store.close()

    def adopt(self, record: Record, offer: Offer) -> None:
        """A session of an earlier process goes on in this one."""
        live = Live(record.row, offer, record.status)
        self._live[record.row.session_id] = live
        self._channels[record.row.channel] = record.row.session_id
        self._watch(live)

    def end(self, session_id: str, reason: Reason) -> None:
        """Begin the end of a session, or let the one that is under way go on."""
        self._door.end(session_id, reason)

    def _told(self, record: Record) -> None:
        """A session has ended, and is recorded: the one line that says so."""
        row, status = record.row, record.status
        self._forget(row)
        lasted = (status.ended_at or row.created_at) - row.created_at
        logs.event(
            _log,
            "session ended",
            {
                "event": "session.ended",
                "session": row.session_id,
                "client": row.client,
                "reason": status.reason,
                "exit_code": status.exit_code,
                "seconds": round(lasted, 1),
            },
        )

    def _watch(self, live: Live) -> None:
        if live.row.session_id in self._live and not self._door.is_ending(live.row.session_id):
            self._reaper.watch(live.row, live.status, live.offer.clocks)

    def _forget(self, row: Row) -> None:
        self._live.pop(row.session_id, None)
        self._channels.pop(row.channel, None)
        self._reaper.forget(row.session_id)
