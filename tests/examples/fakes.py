"""A channel for the agent worker's tests that allows only what Agora allows, and agents with one habit each."""

import asyncio
from itertools import count

from agora_worker.channel import Event, Heard, Joined, Tell, UserJoined, UserLeft
from agora_worker.service import Answered, Fields, Service

TESTER, AGENT, STRANGER = 1, 7001, 99
FRAME = 320
"""Bytes of 10 ms."""


def frame(number: int) -> bytes:
    """Ten milliseconds that are like no others."""
    return number.to_bytes(4, "big") * (FRAME // 4)


class FakeChannel:
    """Refuses every call out of order, and every piece of audio that is not whole milliseconds.

    `sent` is what was said into it; `calls` are the verbs. The test makes things happen by `tell` and the methods
    below it.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.sent: list[bytes] = []
        self.joined = False
        self.tokens: list[str] = []
        self.left_at = 0.0
        self.asked = asyncio.Event()
        self._tell: Tell | None = None
        self._numbers = count()

    def join(self, tell: Tell) -> None:
        """Once, and first."""
        assert self.calls == []
        self.calls.append("join")
        self._tell = tell
        self.asked.set()

    def send(self, pcm: bytes) -> None:
        """Between joining and leaving."""
        assert self.joined, "sent while not in the channel"
        assert self.calls == ["join"]
        assert pcm
        assert len(pcm) % 32 == 0, "not whole milliseconds"
        self.sent.append(pcm)

    def renew(self, token: str) -> None:
        """While it is in the channel."""
        assert self.joined, "renewed while not in the channel"
        self.tokens.append(token)

    def leave(self) -> None:
        """Once, and last."""
        assert self.calls[-1:] == ["join"]
        self.calls.append("leave")
        self.left_at = asyncio.get_running_loop().time()

    def tell(self, event: Event) -> None:
        """Let this happen."""
        assert self._tell is not None
        self.joined = self.joined or isinstance(event, Joined)
        self._tell(event)

    async def lets_tester_in(self) -> None:
        """The agent is in the channel, and so is the tester."""
        await self.asked.wait()
        self.tell(Joined())
        self.tell(UserJoined(TESTER))

    async def says(self, milliseconds: int, uid: int = TESTER) -> bytes:
        """Somebody speaks for so long, in pieces of 10 ms at the pace of speech."""
        said = [frame(next(self._numbers)) for _ in range(milliseconds // 10)]
        for pcm in said:
            self.tell(Heard(uid, pcm))
            await asyncio.sleep(0.01)
        return b"".join(said)

    def tester_leaves(self, *, lost: bool = False) -> None:
        """With a goodbye, or without one."""
        self.tell(UserLeft(TESTER, lost))


class BrokenChannel(FakeChannel):
    """Fails while it joins."""

    def join(self, tell: Tell) -> None:
        """Raise what a library raises."""
        super().join(tell)
        raise OSError("the library failed")


class FakeService(Service):
    """Notes what it is told, and grants a renewal at once."""

    def __init__(self) -> None:
        super().__init__(None)
        self.told: list[dict[str, object]] = []

    def _say(self, fields: Fields, answered: Answered = lambda _: None) -> None:
        self.told.append(dict(fields))
        answered({"agora_token": "007fresh"})


class Mute:
    """Hears, and never says anything."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def hear(self, pcm: bytes) -> None:
        """Keep it."""
        self.heard.append(pcm)

    async def speak(self) -> bytes:
        """Wait for ever."""
        await asyncio.get_running_loop().create_future()
        raise AssertionError


class Reciter(Mute):
    """Says prepared pieces as fast as it is asked, of whatever length they are."""

    def __init__(self, pieces: list[bytes]) -> None:
        super().__init__()
        self._left = list(pieces)

    async def speak(self) -> bytes:
        """Return the next piece; after the last, wait for ever."""
        return self._left.pop(0) if self._left else await super().speak()


class Chatterbox(Mute):
    """Never waits."""

    async def speak(self) -> bytes:
        """Return at once, always."""
        return bytes(32)


class Broken(Mute):
    """Fails as soon as it is to say something."""

    async def speak(self) -> bytes:
        """Raise what an agent raises."""
        raise ZeroDivisionError("the agent's own failure")
