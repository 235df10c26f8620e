"""What you replace: the agent itself, as two methods.

Decided here: what an agent is to this worker, and which one serves a session. `worker` calls the two methods, both on
one event loop; `__main__` calls `new_agent`.
"""

import asyncio
from typing import Protocol

from agora_worker.session import Session


class Agent(Protocol):
    """Hears the tester and says something. All audio is pcm_s16le, 16 kHz, mono."""

    def hear(self, pcm: bytes) -> None:
        """Take what the tester just said, usually 10 ms (320 bytes). Must return at once: keep it, and think later."""
        ...

    async def speak(self) -> bytes:
        """Wait until there is something to say, and return it: any length, faster than it is spoken if you like.

        Called again and again from the moment that the tester is there. It is cancelled when the call ends.
        """
        ...


class Echo:
    """Says what it hears."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[bytes] = asyncio.Queue()

    def hear(self, pcm: bytes) -> None:
        """Keep it."""
        self._heard.put_nowait(pcm)

    async def speak(self) -> bytes:
        """Return the oldest piece that was not said yet."""
        return await self._heard.get()


def new_agent(session: Session) -> Agent:
    """Return the agent for this session. Yours goes here; `session.test` tells what is being tested, or is None."""
    return Echo()
