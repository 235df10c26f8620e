"""Is there room? One synchronous step that checks every limit and takes the slot, before anything is started.

Decided here: what counts (sessions until they end, starts until they are accepted), that a deployment's limit holds
over all clients, and when a refused caller should come back. Called by `lifecycle` only; nothing awaits in between, so
racing calls cannot both take the last slot.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from session_service.errors import SessionLimit, StartLimit
from session_service.sessions.model import Limits

RETRY_AFTER = (5, 60)
"""Bounds of Retry-After in seconds: a refused caller neither hammers nor gives up."""
START_RETRY_AFTER = 2
"""Seconds after which a start that is under way is likely over."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that a session holds. `ends_at` is an instant of the clock given to `admit`."""

    session_id: str
    client: str
    ends_at: float


class _Tally:
    """How many sessions and starts somebody has."""

    __slots__ = ("sessions", "starts")

    def __init__(self) -> None:
        self.sessions = 0
        self.starts = 0


class Admission:
    """Who holds which slot, in this process. `jitter` gives a number of seconds that spreads callers who come back."""

    def __init__(self, deployment: Limits, jitter: Callable[[], int]) -> None:
        self._deployment = deployment
        self._jitter = jitter
        self._slots: dict[str, Slot] = {}
        self._starting: set[str] = set()
        self._all = _Tally()
        self._clients: dict[str, _Tally] = {}
        self._ends: list[tuple[float, str]] = []

    def admit(self, slot: Slot, limits: Limits, now: float) -> None:
        """Take a slot and count a start, or raise SessionLimit or StartLimit and change nothing."""
        own = self._clients.setdefault(slot.client, _Tally())
        self._check(self._all, self._deployment, now)
        self._check(own, limits, now)
        self._slots[slot.session_id] = slot
        self._starting.add(slot.session_id)
        for tally in (self._all, own):
            tally.sessions += 1
            tally.starts += 1
        heapq.heappush(self._ends, (slot.ends_at, slot.session_id))

    def started(self, session_id: str) -> None:
        """The start is over, well or badly. Safe to repeat."""
        if session_id in self._starting:
            self._starting.remove(session_id)
            self._all.starts -= 1
            self._clients[self._slots[session_id].client].starts -= 1

    def release(self, session_id: str) -> None:
        """Give the slot back. Safe to repeat."""
        self.started(session_id)
        slot = self._slots.pop(session_id, None)
        if slot is not None:
            self._all.sessions -= 1
            self._clients[slot.client].sessions -= 1
            self._forget_released()

    def next_end(self) -> float | None:
        """When the earliest slot ends by itself, or None when there is none."""
        while self._ends and self._ends[0][1] not in self._slots:
            heapq.heappop(self._ends)
        return self._ends[0][0] if self._ends else None

    def due(self, now: float) -> Iterator[str]:
        """The sessions whose time is over, each told once; the slot stays taken until it is released."""
        while self._ends and self._ends[0][0] <= now:
            session_id = heapq.heappop(self._ends)[1]
            if session_id in self._slots:
                yield session_id

    def taken(self) -> int:
        """Slots taken, over all clients."""
        return len(self._slots)

    def _check(self, tally: _Tally, limits: Limits, now: float) -> None:
        low, high = RETRY_AFTER
        if tally.sessions >= limits.sessions:
            end = self.next_end()
            wait = high if end is None else min(max(int(end - now) + 1, low), high)
            raise SessionLimit(retry_after=wait + self._jitter())
        if tally.starts >= limits.starts:
            raise StartLimit(retry_after=START_RETRY_AFTER + self._jitter())

    def _forget_released(self) -> None:
        """Keep the heap within twice what is live: released sessions would stay in it until their time is over."""
        if len(self._ends) > 2 * len(self._slots) + 64:
            self._ends = [entry for entry in self._ends if entry[1] in self._slots]
            heapq.heapify(self._ends)
