"""Serving one session in stepped time, and what it left behind."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from agora_worker.agent import Agent, Echo
from agora_worker.errors import CannotServe
from agora_worker.presence import Limits
from agora_worker.session import Session
from agora_worker.worker import Worker
from tests import virtual_time
from tests.examples.fakes import AGENT, TESTER, FakeChannel, FakeService

SESSION = Session("s-1", "a" * 32, "cekura-s-1", "007x", AGENT, TESTER, None, None, None)
LIMITS = Limits(join=10, tester=60, back=15)
Script = Callable[[FakeChannel], Coroutine[Any, Any, None]]


@dataclass
class Call:
    """What a call left behind: how it ended, how long it took, and how often it said that it was ready."""

    channel: FakeChannel
    service: FakeService = field(default_factory=FakeService)
    seconds: float = 0
    ready: int = 0
    error: BaseException | None = None

    @property
    def sentence(self) -> str:
        """What the worker ends with, for a person to read."""
        assert isinstance(self.error, CannotServe), self.error
        return str(self.error)


def call(script: Script, agent: Agent | None = None, make: Callable[[], FakeChannel] = FakeChannel) -> Call:
    """Serve one session while `script` makes things happen."""

    async def main() -> Call:
        loop = asyncio.get_running_loop()
        done, start = Call(make()), loop.time()

        def count() -> None:
            done.ready += 1

        worker = Worker(SESSION, done.channel, agent or Echo(), LIMITS, count, service=done.service)
        happening = asyncio.create_task(script(done.channel))
        try:
            await worker.serve()
        except (CannotServe, OSError, ArithmeticError) as error:
            done.error = error
        happening.cancel()
        done.seconds = loop.time() - start
        assert done.channel.calls == ["join", "leave"], "the channel is left, whatever happened"
        return done

    return virtual_time.run(main)
