"""Ends sessions whose time is over. Called by `opening` and `lifecycle`.

Decided here: one timer for all sessions, at the earliest clock of any: most end long before theirs is due, so a timer
for each would mostly be set in order to be cancelled. And that a machine's clock which is set, forwards or backwards,
neither cuts a call nor lets one last: what is due is counted in the event loop's time, from the beginning of the watch.
What lies in the future then, because the clock was set back before a restart, is counted from that beginning.
"""

import asyncio
import heapq
from collections.abc import Callable
from functools import cached_property

from session_service.sessions.clocks import next_end
from session_service.sessions.model import Clocks, Reason
from session_service.sessions.store.contract import Row, Status


class Reaper:
    """`clock` gives Unix seconds; `due` is called for a session whose time is over, with the instant of that."""

    def __init__(self, clock: Callable[[], float], due: Callable[[str, Reason, float], object]) -> None:
        self._clock = clock
        self._due = due
        self._ends: list[tuple[float, str, Reason]] = []
        self._current: dict[str, float] = {}
        self._offsets: dict[str, float] = {}
        """From Unix time to the loop's, as it was when each session's watch began."""
        self._alarm: asyncio.TimerHandle | None = None

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """The one that runs. Asked for once: on Python 3.11 each question is a system call, and every call watches."""
        return asyncio.get_running_loop()

    def watch(self, row: Row, status: Status, clocks: Clocks) -> None:
        """Begin or correct the watch over a session: from now on its earliest clock counts."""
        at, reason = next_end(row, status, clocks)
        first = self._offsets.setdefault(row.session_id, self._offset(row.created_at))
        # A loss is told by today's clock, the rest dates from then.
        at += self._offset(status.left_at) if reason is Reason.IDLE else first
        self._current[row.session_id] = at
        heapq.heappush(self._ends, (at, row.session_id, reason))
        if self._ends[0][0] >= at:
            self._set_alarm()

    def forget(self, session_id: str) -> None:
        """The session has ended; a no-op for one that is not watched."""
        self._current.pop(session_id, None)
        self._offsets.pop(session_id, None)
        if len(self._ends) > 2 * len(self._current) + 64:
            self._ends = [entry for entry in self._ends if self._counts(entry)]
            heapq.heapify(self._ends)

    def close(self) -> None:
        """Watch nothing any more."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._current.clear()
        self._offsets.clear()
        self._ends.clear()

    def _offset(self, begun: float | None) -> float:
        """From Unix time to the loop's, for what has `begun` by now."""
        now = self._clock()
        return self._loop.time() - (now if begun is None else max(now, begun))

    def _counts(self, entry: tuple[float, str, Reason]) -> bool:
        return self._current.get(entry[1]) == entry[0]

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        while self._ends and not self._counts(self._ends[0]):
            heapq.heappop(self._ends)
        if self._ends:
            self._alarm = self._loop.call_at(self._ends[0][0], self._ring)

    def _ring(self) -> None:
        self._alarm = None
        now = self._loop.time()
        while self._ends and self._ends[0][0] <= now:
            entry = heapq.heappop(self._ends)
            if self._counts(entry):
                del self._current[entry[1]]
                self._due(entry[1], entry[2], self._clock() - (now - entry[0]))
        self._set_alarm()
