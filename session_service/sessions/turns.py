"""Whose turn it is, where many agents are asked about or ended at the same time.

Decided here: an agent that runs elsewhere costs a request, and of these only so many go out at once for each client.
Thousands at once would take as many connections, and a client library that looks through all of them for each: nothing
would be done in time. Agents of this machine cost a signal, and take no turns. Used by `ending`, `recovery`, `rounds`
and `strays`.
"""

import asyncio
from collections import defaultdict
from contextlib import AbstractAsyncContextManager, nullcontext

from session_service.agents.contract import Launcher

AT_ONCE = 200
"""Requests of one client's launcher: thousands, answered after 200 ms each, are over within the time of a close."""


class Turns:
    """Each client has its own, so that a server that hangs holds up nobody else's agents."""

    def __init__(self) -> None:
        self._of: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))

    def of(self, client: str, launcher: Launcher) -> AbstractAsyncContextManager[None]:
        """What to hold while `launcher`, the client's own, is asked for one thing."""
        return self._of[client] if launcher.survives_restart else nullcontext()
