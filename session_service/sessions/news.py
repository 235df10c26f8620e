"""What Agora tells of a channel, as something that happens to its session. Called by `http.hooks`.

Decided here: whose news counts for which session, in which order it counts, and what each event does. News comes late,
twice and in any order: of one user's events only a newer one than the last counts, and an emptied channel counts only
if nobody has joined since. A loss counts from its telling: what tells of the return may come right behind, and neither
a late notification nor a wrong clock, at Agora or here, costs the time to come back.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import Literal

from session_service.agora.notifications import AgentEvent, ChannelDestroyed, Event, Unreadable, UserJoined, UserLeft
from session_service.errors import MalformedNotification
from session_service.sessions.lifecycle import Sessions
from session_service.sessions.store.contract import Row

Outcome = Literal["applied", "stale", "unknown"]
CHANNELS_KEPT = 10_000
"""Channels whose order of events is remembered at once; the one that was silent longest is forgotten first."""

_log = logging.getLogger("session_service.sessions")


@dataclass(slots=True)
class _Heard:
    """The newest that was heard of a channel: each user's sequence number, and the instant of the last join."""

    sequences: dict[int, int] = field(default_factory=dict)
    last_join: int = -1


class News:
    """Applies events to sessions. `clock` gives Unix seconds."""

    def __init__(self, sessions: Sessions, clock: Callable[[], float]) -> None:
        self._sessions = sessions
        self._clock = clock
        self._heard: OrderedDict[str, _Heard] = OrderedDict()

    async def hear(self, event: Event, clients: Set[str]) -> Outcome:
        """Whether one event counts, told by somebody who speaks for these clients: `act` belongs to each that does.

        MalformedNotification for one about a session that cannot be read.
        Nothing has been done about it yet. But that a tester has left for good is kept, in case this process is killed.
        """
        row = self._row(event)
        if row is None or row.client not in clients:
            return "unknown"
        if isinstance(event, Unreadable):
            raise MalformedNotification(event.why)
        if not self._is_new(row, event):
            return "stale"
        if isinstance(event, UserLeft) and event.uid == row.tester_uid and event.for_good:
            await self._sessions.note_left(row.session_id)
        return "applied"

    async def act(self, event: Event) -> None:
        """Do what an event means that counted. Raises StoreUnavailable."""
        row = self._row(event)
        if row is not None:
            await self._apply(row, event)

    def _row(self, event: Event) -> Row | None:
        """The live session that an event is about."""
        if isinstance(event, AgentEvent):
            return self._sessions.live(event.session_id) or self._sessions.in_channel(event.channel)
        if isinstance(event, UserJoined | UserLeft | ChannelDestroyed | Unreadable):
            return self._sessions.in_channel(event.channel)
        return None

    def _is_new(self, row: Row, event: Event) -> bool:
        """Whether an event counts; it is remembered if so."""
        heard = self._heard.setdefault(row.session_id, _Heard())
        self._heard.move_to_end(row.session_id)
        if len(self._heard) > CHANNELS_KEPT:
            self._heard.popitem(last=False)
        if isinstance(event, ChannelDestroyed):
            return event.at > heard.last_join
        if isinstance(event, UserJoined | UserLeft) and event.uid in (row.tester_uid, row.agent_uid):
            if event.sequence <= heard.sequences.get(event.uid, -1):
                return False
            heard.sequences[event.uid] = event.sequence
            if isinstance(event, UserJoined):
                heard.last_join = max(heard.last_join, event.at)
        return True

    async def _apply(self, row: Row, event: Event) -> None:
        match event:
            case UserJoined(uid=uid) if uid == row.tester_uid:
                await self._sessions.tester_joined(row.session_id, self._held(row, event.at))
            case UserLeft(uid=uid) if uid == row.tester_uid:
                await self._sessions.tester_left(row.session_id, self._clock(), for_good=event.for_good)
            case UserLeft(uid=uid) if uid == row.agent_uid and event.for_good:
                self._sessions.agent_left(row.session_id)
            case ChannelDestroyed():
                self._sessions.agent_left(row.session_id)
                await self._sessions.tester_left(row.session_id, self._clock(), for_good=False)
            case AgentEvent():
                self._hear_agent(row, event)

    def _hear_agent(self, row: Row, event: AgentEvent) -> None:
        """An error ends nothing: agents go on after most of them, and one that does not leaves."""
        if event.kind == "left":
            self._sessions.agent_left(row.session_id, event.agent_id)
        elif event.kind == "error":
            values = {"event": "agent.error", "session": row.session_id, "part": event.module, "code": event.code}
            _log.warning("Agora reports an error of the agent", extra=values)
        elif event.kind == "token_expiring":
            values = {"event": "agent.token_expiring", "session": row.session_id}
            _log.warning("the agent's token is about to end", extra=values)

    def _held(self, row: Row, at: float) -> float:
        """An instant that Agora tells, within the session's life."""
        return max(row.created_at, min(float(at), self._clock()))
