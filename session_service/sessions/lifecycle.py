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
from session_service.errors import CallerGone, Draining, ServiceError
from session_service.sessions.admission import Admission
from session_service.sessions.ending import Door
from session_service.sessions.live import Live
from session_service.sessions.model import Grant, Offer, Reason, Session
from session_service.sessions.reaper import Reaper
from session_service.sessions.starting import RETRY_AFTER, Caller, accepted, refusal
from session_service.sessions.store.contract import Record, Row, State, Status, Store

NO_LAUNCHER = "none"
RANDOM_BYTES = 12
"""Of a session id, after the deployment's own eight digits: 96 bits, of which nobody can guess one."""
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
        entropy = self._entropy(RANDOM_BYTES + offer.transport.ENTROPY)
        session_id = self._store.deployment + entropy[:RANDOM_BYTES].hex()
        now = self._clock()
        session, spec = _mint(offer, session_id, int(now), entropy[RANDOM_BYTES:])
        live = Live(_row(offer, session, now), offer)
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
        start = live.start = asyncio.ensure_future(launcher.start(spec, deadline))
        try:
            ref = await accepted(start, deadline, caller)
            await self._started(live, json.dumps(ref.data))
        except asyncio.CancelledError:
            self._door.end(spec.session_id, Reason.SHUTDOWN)
            if start.cancelled():  # not this call but its start: the session is being ended
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
            live.status = replace(live.status, joined_at=at, left_at=None)
            await self._store.joined(session_id, at)
            self._watch(live)

    async def tester_left(self, session_id: str, at: float, *, for_good: bool) -> None:
        """Somebody who knows saw the tester leave: an end at once, or after SESSION_IDLE_TIMEOUT if it may return."""
        live = self._live.get(session_id)
        if live is None:
            return
        live.status = replace(live.status, left_at=at)
        if for_good:
            self._door.end(session_id, Reason.TESTER_LEFT)
        await self._store.left(session_id, at)
        self._watch(live)

    async def stop(self, session_id: str, reason: Reason) -> bool:
        """End a session and return when its agent is gone; False for one that is not live."""
        ending = self._door.end(session_id, reason)
        if ending is None:
            return False
        await asyncio.wait({ending})
        return True

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


def _mint(offer: Offer, session_id: str, now: int, entropy: bytes) -> tuple[Session, AgentSpec | None]:
    """Join details for the tester and, where there is an agent to start, what it is told."""
    details, encryption = offer.transport.join(session_id, now, entropy)
    session = Session(session_id, offer.client, details.agora_channel, now, details)
    if offer.launcher is None:
        return session, None
    return session, AgentSpec(session_id, offer.transport.seat(session.channel, now, entropy), encryption)


def _row(offer: Offer, session: Session, now: float) -> Row:
    return Row(
        session.session_id,
        offer.client,
        offer.transport.name,
        session.channel,
        offer.launcher.name if offer.launcher else NO_LAUNCHER,
        offer.transport.join_uid,
        now,
        now + offer.clocks.max_duration,
    )
