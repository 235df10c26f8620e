"""Who takes a slot, and who is being started: the counts that admission asks, of the deployment and of each client.

Decided here: when there is no room, and when the next place is free. Both stores use it, so that they cannot drift
apart, and admission costs the same however many sessions live. A store changes it after its row has changed, and never
before: rows are the truth, and a restarted store counts them anew.
"""

import heapq
from dataclasses import dataclass, field

from session_service.sessions.model import Limits
from session_service.sessions.store.contract import Full


@dataclass(slots=True)
class _Tally:
    """How many sessions and starts somebody has, and when each ends; `ends` also holds some that are gone."""

    sessions: int = 0
    starts: int = 0
    ends: list[tuple[float, str]] = field(default_factory=list)


class Slots:
    """Counts of live sessions. Ids that it does not know change nothing."""

    def __init__(self) -> None:
        self._deployment = _Tally()
        self._clients: dict[str, _Tally] = {}
        self._live: dict[str, tuple[_Tally, _Tally]] = {}
        self._starting: set[str] = set()

    def full(self, client: str, deployment: Limits, own: Limits) -> Full | None:
        """Why there is no room for one more session of `client`, or None."""
        for tally, limits in ((self._deployment, deployment), (self._of(client), own)):
            if tally.sessions >= limits.sessions:
                return Full(starts=False, earliest_end=self._earliest_end(tally))
            if tally.starts >= limits.starts:
                return Full(starts=True, earliest_end=None)
        return None

    def take(self, session_id: str, client: str, ends_at: float) -> None:
        """A session of `client` begins to start."""
        tallies = self._live[session_id] = self._deployment, self._of(client)
        self._starting.add(session_id)
        for tally in tallies:
            tally.sessions += 1
            tally.starts += 1
            heapq.heappush(tally.ends, (ends_at, session_id))

    def started(self, session_id: str) -> None:
        """Its start is over, whatever became of it."""
        if session_id in self._starting:
            self._starting.discard(session_id)
            for tally in self._live[session_id]:
                tally.starts -= 1

    def free(self, session_id: str) -> None:
        """It has ended."""
        self.started(session_id)
        for tally in self._live.pop(session_id, ()):
            tally.sessions -= 1
            self._forget_ended(tally)

    def _of(self, client: str) -> _Tally:
        tally = self._clients.get(client)
        if tally is None:
            tally = self._clients[client] = _Tally()
        return tally

    def _earliest_end(self, tally: _Tally) -> float | None:
        while tally.ends and tally.ends[0][1] not in self._live:
            heapq.heappop(tally.ends)
        return tally.ends[0][0] if tally.ends else None

    def _forget_ended(self, tally: _Tally) -> None:
        """Keep the heap within twice what is live: ended sessions would stay in it until their time is over."""
        if len(tally.ends) > 2 * tally.sessions + 64:
            tally.ends = [entry for entry in tally.ends if entry[1] in self._live]
            heapq.heapify(tally.ends)
