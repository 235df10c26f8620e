"""How late the event loop comes to a timer: what holds it up holds up every call. Entered by `http.ops`."""

import asyncio
from collections.abc import Callable

INTERVAL = 0.5
"""Seconds between two measurements."""


class Lag:
    """Measures the event loop: a timer that says how late it was. A context of the running loop."""

    def __init__(self, late: Callable[[float], None]) -> None:
        self._late = late
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        self._set()

    def __exit__(self, *failure: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _set(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + INTERVAL
        self._timer = loop.call_at(due, self._fire, due)

    def _fire(self, due: float) -> None:
        self._late(max(0.0, asyncio.get_running_loop().time() - due))
        self._set()
