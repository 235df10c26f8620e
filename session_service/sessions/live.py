"""What this process knows of sessions that have not ended: each one, and all of them.

Read and changed by the other modules of this room, never from outside.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass

from session_service.agents.contract import AgentRef
from session_service.sessions.model import Offer
from session_service.sessions.store.contract import ADMITTED, Row, Status


@dataclass(slots=True)
class Live:
    """`status` is what the store was told last; `start` is the agent's, as long as it may have to be cancelled.

    `failed` tells that the agent has said that it cannot go on; `stopped`, that it was stopped, and nobody tries now.
    """

    row: Row
    offer: Offer
    status: Status = ADMITTED
    start: asyncio.Future[AgentRef] | None = None
    failed: bool = False
    stopped: bool = False

    def ref(self) -> AgentRef:
        """How the launcher finds the agent: by what its start told, or by name alone where that was lost."""
        return AgentRef(self.row.launcher, self.row.session_id, json.loads(self.status.ref or "{}"), self.row.channel)


class Table:
    """The live sessions, by id and by channel."""

    def __init__(self) -> None:
        self._live: dict[str, Live] = {}
        self._channels: dict[str, str] = {}

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._live

    def __iter__(self) -> Iterator[Live]:
        return iter(tuple(self._live.values()))

    def add(self, live: Live) -> None:
        """One more."""
        self._live[live.row.session_id] = live
        self._channels[live.row.channel] = live.row.session_id

    def get(self, session_id: str) -> Live | None:
        """The session of that id."""
        return self._live.get(session_id)

    def in_channel(self, channel: str) -> Live | None:
        """The session of that channel."""
        return self._live.get(self._channels.get(channel, ""))

    def forget(self, row: Row) -> None:
        """One less; a no-op for one that is not there."""
        self._live.pop(row.session_id, None)
        self._channels.pop(row.channel, None)
