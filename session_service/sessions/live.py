"""What this process knows of a session that has not ended."""

import asyncio
import json
from dataclasses import dataclass

from session_service.agents.contract import AgentRef
from session_service.sessions.model import Offer
from session_service.sessions.store.contract import ADMITTED, Row, Status


@dataclass(slots=True)
class Live:
    """`status` is what the store was told last; `start` is the agent's, as long as it may have to be cancelled."""

    row: Row
    offer: Offer
    status: Status = ADMITTED
    start: asyncio.Future[AgentRef] | None = None

    def ref(self) -> AgentRef:
        """How the launcher finds the agent: by what its start told, or by name alone where that was lost."""
        return AgentRef(self.row.launcher, self.row.session_id, json.loads(self.status.ref or "{}"))
