"""How long a caller may take to send its message: to its first byte, and from there to its last.

Decided here: what is waited for and until when. uvicorn waits for ever, so a few hundred callers that say half a word
would take every connection there is. `connection` says what it hears, and is told when it has waited long enough.

A connection has one timer, which is not moved when a message ends or the next one begins: when it fires, the instant
that is due by then is compared with the one it was set for. A busy connection so sets one timer in ten seconds.
"""

import asyncio
import math
from collections.abc import Callable

from session_service.settings import Times

_NEVER = math.inf


def _nobody() -> None:
    """Whom a connection tells that is gone."""


class Receipt:
    """What one connection is waited for. `silent` and `late` are called when that was in vain, each at most once.

    Between two messages nothing is waited for here: uvicorn closes connections that idle.
    """

    __slots__ = ("_at", "_awaited", "_due", "_late", "_loop", "_silent", "_timer", "_times", "under_way")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        times: Times,
        silent: Callable[[], None],
        late: Callable[[], None],
    ) -> None:
        """A new connection: its first byte is waited for."""
        self._loop = loop
        self._times = times
        self._silent = silent
        self._late = late
        self._awaited = True
        self.under_way = False
        """Whether a message has begun and not ended."""
        self._due = loop.time() + times.first_byte
        self._at = _NEVER
        self._timer: asyncio.TimerHandle | None = None
        self._set_timer()

    def begin(self) -> None:
        """A message begins, or is given all of its time once more."""
        self.under_way = self._awaited = True
        self._due = self._loop.time() + self._times.receipt
        if self._due < self._at:
            self._set_timer()

    def end(self) -> None:
        """It is here, or nobody waits for it any more."""
        self.under_way = self._awaited = False

    def go_on(self) -> None:
        """What seemed to be the end was none: the message has what is left of its time."""
        self.under_way = self._awaited = True

    def close(self) -> None:
        """The connection is gone, and nobody is told any more: whom would be holds this one (`collector`)."""
        self.end()
        self._silent = self._late = _nobody
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._at = self._due
        self._timer = self._loop.call_at(self._at, self._fire)

    def _fire(self) -> None:
        fired, self._at, self._timer = self._at, _NEVER, None
        if self._awaited and self._due > fired:
            self._set_timer()
        elif self._awaited:
            late = self._late if self.under_way else self._silent
            self.end()
            late()
