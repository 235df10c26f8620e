"""The life of a session as everybody else sees it: opened, joined and left by the tester, ended.

Decided here: what each piece of news means for a session, and how all of them end with the service. How a session
begins is decided in `opening`, how one ends in `ending`, and when, in `reaper`. Called by `http` (open, reports,
notifications, operators), the launchers (an agent's exit) and `app` (recover, close).
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace

from session_service.agents.contract import AgentRef, Overhears
from session_service.agora.transport import Renewal
from session_service.errors import AgentUnavailable, Draining, NoFreshToken, SessionOver
from session_service.sessions.admission import DRAIN_RETRY_AFTER, Admission
from session_service.sessions.ending import Door
from session_service.sessions.live import Live, Table
from session_service.sessions.model import Clock, Entropy, Grant, Offer, Reason, Session
from session_service.sessions.opening import Opening
from session_service.sessions.reaper import Reaper
from session_service.sessions.rounds import Rounds
from session_service.sessions.starting import Caller
from session_service.sessions.store.contract import Record, Row, State, Store

CLOSE_PATIENCE = 10.0
"""Seconds that the end of the process waits for agents, all of them together; each launcher's own grace is shorter."""
LEFT_TOLD = 20
"""Sessions that are named of those whose end was not waited for."""

_log = logging.getLogger("session_service.sessions")


class Sessions:
    """Opens and ends sessions. Clock (Unix seconds) and entropy are given: nothing here reads the machine's own."""

    def __init__(self, store: Store, admission: Admission, clock: Clock, entropy: Entropy) -> None:
        self._store = store
        self._admission = admission
        self._clock = clock
        self._entropy = entropy
        self._live = Table()
        self._door = Door(store, self._live, clock, self._forget)
        self._reaper = Reaper(clock, self._door.end)
        self._rounds = Rounds(self._live, self._found_gone)
        self._opening = Opening(store, admission, self._live, self._door, self._reaper, clock=clock, entropy=entropy)
        self._closing = False
        self.stranded: dict[str, str] = {}
        """Sessions of an earlier start that nobody here can end, and why; `recovery` finds them."""
        self.finding_out = False
        """Whether agents of an earlier start are being asked after; `recovery` does that."""

    async def open(self, grant: Grant, caller: Caller) -> Session:
        """A new session whose agent is accepted; the answer budget counts from the caller's arrival.

        Raises the refusals of admission, AgentRefused, AgentUnavailable, AgentTimeout or CallerGone; what was
        started is then stopped.
        """
        self._admission.check_open()
        try:
            return await self._opening.open(grant, caller)
        except AgentUnavailable:
            if self.draining:
                raise Draining(retry_after=DRAIN_RETRY_AFTER) from None
            raise

    def agent_exited(self, ref: AgentRef, code: int) -> None:
        """A launcher saw its agent end."""
        self._door.agent_gone(ref.name, Reason.AGENT_EXITED, code)

    async def tester_joined(self, session_id: str, at: float) -> None:
        """Somebody who knows saw the tester in the channel."""
        live = self._live.get(session_id)
        if live is not None:
            _log.info("tester joined", extra={"event": "tester.joined", "session": session_id})
            live.status = replace(live.status, joined_at=at, left_at=None)
            self._watch(live)
            await self._store.joined(session_id, at)

    async def tester_left(self, session_id: str, at: float, *, for_good: bool) -> None:
        """Somebody who knows saw the tester leave: an end at once, or after SESSION_IDLE_TIMEOUT if it may return."""
        live = self._live.get(session_id)
        if live is None:
            return
        _log.info("tester left", extra={"event": "tester.left", "session": session_id, "for_good": for_good})
        live.status = replace(live.status, left_at=at)
        if for_good:
            self._door.end(session_id, Reason.TESTER_LEFT)
        self._watch(live)
        await self._store.left(session_id, at)

    async def note_left(self, session_id: str) -> None:
        """Keep that the tester has left for good, before whoever told it hears that it was understood.

        It is told once: a process that is killed between that answer and the end would else leave the agent running.
        """
        live = self._live.get(session_id)
        if live is not None:
            await self._door.note(live.row, Reason.TESTER_LEFT)

    def agent_left(self, session_id: str, agent_id: str = "") -> None:
        """Somebody who knows saw the agent leave for good. Launchers that see their agents end are waited for.

        `agent_id` is the provider's name for it, where that was told: a start that is tried again has had other agents.
        """
        live = self._live.get(session_id)
        if live is not None and _is_the_agent(live, agent_id):
            _log.info("agent left", extra={"event": "agent.left_channel", "session": session_id})
            self._door.end(session_id, Reason.AGENT_EXITED)

    def agent_failed(self, session_id: str) -> None:
        """The agent says that it cannot go on: its session ends, as a start that failed where it is still starting."""
        live = self._live.get(session_id)
        if live is not None:
            live.failed = True
            starting = live.status.state is State.STARTING
            self._door.end(session_id, Reason.START_FAILED if starting else Reason.AGENT_EXITED)

    def renew(self, session_id: str) -> Renewal:
        """A fresh token for the agent of a live session; SessionOver for every other one.

        NoFreshToken where its channel is in a project that this process has no certificate of, or may have none.
        """
        live = self._live.get(session_id)
        if session_id in self.stranded:
            raise NoFreshToken("the session is stranded")
        if live is None or live.row.agent_uid is None or self._door.is_ending(session_id):
            raise SessionOver
        transport = live.offer.transport
        if live.row.project not in (None, transport.app_id):
            raise NoFreshToken
        entropy = self._entropy(transport.RENEWAL_ENTROPY)
        fresh = transport.renew(live.row.channel, live.row.agent_uid, int(self._clock()), entropy)
        launcher: object = live.offer.launcher
        if isinstance(launcher, Overhears):
            launcher.hide(session_id, fresh.token)
        return fresh

    async def stop(self, session_id: str) -> bool:
        """End a session because the operator says so; returns when its agent is gone, False for one not live here."""
        ending = self._door.end(session_id, Reason.OPERATOR)
        if ending is None:
            return False
        await asyncio.wait({ending})
        return True

    async def write_off(self, session_id: str) -> bool:
        """Record the end of a session because the operator says that its agent is gone, which nobody here can bring
        about: it is stranded, or its end fails. False for every other one. Raises StoreUnavailable.
        """
        if session_id not in self.stranded and not self._door.is_ending(session_id):
            return False
        await self._door.write_off(session_id)
        self.stranded.pop(session_id, None)
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
        live = self._live.in_channel(channel)
        return live.row if live else None

    @property
    def draining(self) -> bool:
        """Whether new sessions are refused because the service ends."""
        return self._admission.closed

    @property
    def admissions(self) -> Mapping[str, int]:
        """What became of those who asked for a session: how many were admitted, and refused, by code."""
        return self._admission.counts

    def drain(self) -> None:
        """Take no new session from now on; those that live go on."""
        self._admission.closed = True

    async def close(self) -> None:
        """Take no new session, end every live one that nobody could find again, and return within ten seconds.

        Also those whose agent is still being started: their callers are not answered any more.
        """
        self.drain()
        self._closing = True
        self._reaper.close()
        self._rounds.close()
        for live in self._live:
            if live.offer.stop_at_shutdown or live.status.state is State.STARTING:
                self._door.end(live.row.session_id, Reason.SHUTDOWN)
        left = await self._door.wait(CLOSE_PATIENCE)
        if left:
            values = {"event": "service.sessions_left", "count": len(left), "sessions": left[:LEFT_TOLD]}
            _log.error("sessions have not ended in time, and are left to the next start", extra=values)

    def hurry(self) -> None:
        """Where `close` waits for ends, it waits no longer; a no-op before."""
        if self._closing:
            self._door.give_up()

    def look_after(self) -> None:
        """From now on ask after the agents whose ends nobody tells us, until `close`."""
        self._rounds.begin()

    def adopt(self, record: Record, offer: Offer) -> None:
        """A session of an earlier process goes on in this one.

        Nobody may have listened when its tester came, or came back: it is not missed, and one that was lost has the
        time to come back again.
        """
        status = record.status
        if status.left_at is not None:
            status = replace(status, left_at=self._clock())
        live = Live(record.row, replace(offer, clocks=replace(offer.clocks, evidence=False)), status)
        self._live.add(live)
        self._watch(live)
        if record.status.state is State.STARTING:
            self._door.stop_again(live)

    def end(self, session_id: str, reason: Reason) -> None:
        """Begin the end of a session, or let the one that is under way go on."""
        self._door.end(session_id, reason)

    def _found_gone(self, session_id: str, code: int | None) -> None:
        """A launcher says that an agent is gone. It is stopped all the same, in case that is not so."""
        self._door.end(session_id, Reason.AGENT_EXITED, exit_code=code)

    def _watch(self, live: Live) -> None:
        if live.row.session_id in self._live and not self._door.is_ending(live.row.session_id):
            self._reaper.watch(live.row, live.status, live.offer.clocks)

    def _forget(self, row: Row) -> None:
        self._live.forget(row)
        self._reaper.forget(row.session_id)


def _is_the_agent(live: Live, agent_id: str) -> bool:
    """Whether who left is the session's agent. During a start, whoever left is of an earlier try: the start tells."""
    if live.offer.launcher is None or not live.offer.launcher.survives_restart or live.status.state is State.STARTING:
        return False
    known = live.ref().data.get("agent_id")
    return not agent_id or known in (None, agent_id)
