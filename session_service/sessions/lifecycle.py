"""The life of a session: admitted, minted, its agent started, ended. The one stateful object of the service.

Decided here: the order of these steps, what happens when one fails, and that every end goes through one door. Nothing
is started before its slot is taken; whatever fails after that is stopped by name, and the slot is held until it is.
Called by `http.routes` (open), the launchers (an agent's exit) and `app` (run, close).
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from session_service import logs
from session_service.agents.contract import AgentRef, AgentSpec, Launcher
from session_service.errors import CallerGone, Draining, ServiceError
from session_service.sessions.admission import Admission, Slot
from session_service.sessions.model import Grant, Offer, Reason, Session
from session_service.sessions.starting import RETRY_AFTER, Caller, accepted, refusal

SESSION_ID_BYTES = 16
STOP_MARGIN = 0.5
"""Seconds of the answer budget that are left for stopping what did not start in time."""
CLOSE_PATIENCE = 10.0
"""Seconds that the end of the process waits for agents; each launcher's own grace is shorter."""
ENDED_KEPT = 1000
"""Ended sessions that are remembered, so that an operator can still ask why."""

Clock = Callable[[], float]
Entropy = Callable[[int], bytes]

_log = logging.getLogger("session_service.sessions")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a session ended. `exit_code` is set where the agent's own exit ended it; `ended_at` is Unix seconds."""

    session: Session
    reason: Reason
    ended_at: int
    exit_code: int | None = None


@dataclass(slots=True)
class _Live:
    """A session that has not ended. `start` is its agent's, as long as it may have to be cancelled."""

    session: Session
    launcher: Launcher | None
    start: asyncio.Future[AgentRef] | None = None


class Sessions:
    """Opens and ends sessions. Clock (Unix seconds) and entropy are given: nothing here reads the machine's own."""

    def __init__(self, admission: Admission, clock: Clock, entropy: Entropy) -> None:
        self._admission = admission
        self._clock = clock
        self._entropy = entropy
        self._live: dict[str, _Live] = {}
        self._ended: OrderedDict[str, Ended] = OrderedDict()
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._draining = False

    async def open(self, grant: Grant, caller: Caller) -> Session:
        """A new session whose agent is accepted; the answer budget counts from the caller's arrival.

        Raises the refusals of admission, AgentRefused, AgentUnavailable, AgentTimeout or CallerGone; what was
        started is then stopped.
        """
        if self._draining:
            raise Draining(retry_after=RETRY_AFTER)
        offer = grant.offer
        entropy = self._entropy(SESSION_ID_BYTES + offer.transport.ENTROPY)
        session_id = entropy[:SESSION_ID_BYTES].hex()
        slot = Slot(session_id, offer.client, caller.arrived + offer.max_duration)
        self._admission.admit(slot, offer.limits, caller.arrived)
        try:
            session, spec = self._mint(offer, session_id, entropy[SESSION_ID_BYTES:])
        except BaseException:
            self._admission.release(session_id)
            raise
        live = self._live[session_id] = _Live(session, offer.launcher)
        if offer.launcher is not None and spec is not None:
            session = await self._start(live, offer.launcher, spec, caller, caller.arrived + offer.answer_budget)
        self._admission.started(session_id)
        self._set_alarm()
        return session

    def _mint(self, offer: Offer, session_id: str, entropy: bytes) -> tuple[Session, AgentSpec | None]:
        """Join details for the tester and, where there is an agent to start, what it is told."""
        now = int(self._clock())
        details, encryption = offer.transport.join(session_id, now, entropy)
        session = Session(session_id, offer.client, details.agora_channel, now, details)
        if offer.launcher is None:
            return session, None
        return session, AgentSpec(session_id, offer.transport.seat(session.channel, now, entropy), encryption)

    async def _start(
        self, live: _Live, launcher: Launcher, spec: AgentSpec, caller: Caller, answer_by: float
    ) -> Session:
        deadline = answer_by - min(STOP_MARGIN, (answer_by - asyncio.get_running_loop().time()) / 2)
        start = live.start = asyncio.ensure_future(launcher.start(spec, deadline))
        try:
            ref = await accepted(start, deadline, caller)
        except asyncio.CancelledError:
            self._end(spec.session_id, Reason.SHUTDOWN)
            if start.cancelled():  # not this call but its start: the session is being ended
                raise Draining(retry_after=RETRY_AFTER) from None
            raise
        except Exception as error:  # noqa: BLE001 - whatever a launcher raises, nothing of its agent may go on
            failure = refusal(error)
            await self._give_up(live.session, failure, caller, answer_by)
            raise failure from (None if failure is error else error)
        live.session = live.session.with_agent(ref)
        return live.session

    async def _give_up(self, session: Session, failure: ServiceError, caller: Caller, answer_by: float) -> None:
        """Stop what a failed start may have left; the caller waits for that as long as its budget lasts."""
        reason = Reason.CALLER_GONE if isinstance(failure, CallerGone) else Reason.START_FAILED
        _log.warning(
            "agent not started",
            extra={
                "event": "agent.not_started",
                "request_id": caller.request_id,
                "session": session.session_id,
                "code": failure.code,
                "why": str(failure),
            },
        )
        ending = self._end(session.session_id, reason)
        if ending is not None:
            await asyncio.wait({ending}, timeout=max(0.0, answer_by - asyncio.get_running_loop().time()))

    def agent_exited(self, ref: AgentRef, code: int) -> None:
        """A launcher saw its agent end. During a stop of ours this is no news."""
        if ref.name in self._live and ref.name not in self._ending:
            self._record(ref.name, Reason.AGENT_EXITED, code)

    def ended(self, session_id: str) -> Ended | None:
        """How this session ended, if it has, and is among the last thousand."""
        return self._ended.get(session_id)

    def live(self) -> tuple[Session, ...]:
        """The sessions that have not ended."""
        return tuple(live.session for live in self._live.values())

    @property
    def draining(self) -> bool:
        """Whether new sessions are refused because the service ends."""
        return self._draining

    def drain(self) -> None:
        """Take no new session from now on; those that live go on."""
        self._draining = True

    async def close(self) -> None:
        """Take no new session, end every live one, and return when their agents are gone, or in ten seconds."""
        self.drain()
        if self._alarm is not None:
            self._alarm.cancel()
        for session_id in list(self._live):
            self._end(session_id, Reason.SHUTDOWN)
        if self._ending:
            await asyncio.wait(self._ending.values(), timeout=CLOSE_PATIENCE)
        for session_id in self._ending:
            _log.error("agent still runs", extra={"event": "agent.left", "session": session_id})

    def _end(self, session_id: str, reason: Reason) -> asyncio.Task[None] | None:
        """The one door: stop the agent, then record why. An end that is under way is joined, not repeated."""
        if session_id not in self._live:
            return None
        if session_id not in self._ending:
            task = asyncio.get_running_loop().create_task(self._stop(session_id, reason))
            self._ending[session_id] = task
            task.add_done_callback(lambda _: self._ending.pop(session_id, None))
        return self._ending[session_id]

    async def _stop(self, session_id: str, reason: Reason) -> None:
        live = self._live[session_id]
        if live.start is not None and not live.start.done():
            live.start.cancel()
            await asyncio.wait({live.start})
        if live.launcher is not None:
            try:
                await live.launcher.stop(live.session.agent or AgentRef(live.launcher.name, session_id))
            except Exception:  # noqa: BLE001 - a launcher that cannot stop must not keep the others from it
                _log.exception("agent not stopped", extra={"event": "agent.not_stopped", "session": session_id})
        self._record(session_id, reason)

    def _record(self, session_id: str, reason: Reason, exit_code: int | None = None) -> None:
        session = self._live.pop(session_id).session
        self._admission.release(session_id)
        ended = Ended(session, reason, int(self._clock()), exit_code)
        self._ended[session_id] = ended
        if len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)
        logs.event(
            _log,
            "session ended",
            {
                "event": "session.ended",
                "session": session_id,
                "client": session.client,
                "reason": reason.value,
                "exit_code": exit_code,
                "seconds": ended.ended_at - session.started_at,
            },
        )

    def _set_alarm(self) -> None:
        """Wake at the earliest end. One timer for all: most sessions end long before theirs is due."""
        at = self._admission.next_end()
        if at is None or (self._alarm is not None and self._alarm.when() <= at):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_at(at, self._end_due)

    def _end_due(self) -> None:
        self._alarm = None
        for session_id in self._admission.due(asyncio.get_running_loop().time()):
            self._end(session_id, Reason.MAX_DURATION)
        if not self._draining:
            self._set_alarm()
