"""One call: join, say so, let tester and agent talk, leave.

Decided here: the order of these, and that the agent hears and answers the tester alone. Everything runs on one event
loop; the channel's threads only put events into its queue. Called by `__main__`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from agora_worker.agent import Agent
from agora_worker.audio import WholeMilliseconds
from agora_worker.channel import Channel, Event, Heard, Tell, TokenWillExpire
from agora_worker.presence import Limits, Presence
from agora_worker.service import Service
from agora_worker.session import Session

logger = logging.getLogger("agora_worker")


class Worker:
    """Serves one session, once. Made on the running loop. `ready` is called when the agent is in the channel."""

    def __init__(
        self,
        session: Session,
        channel: Channel,
        agent: Agent,
        limits: Limits,
        ready: Callable[[], None],
        *,
        service: Service,
    ) -> None:
        self._service = service
        self._told_there = False
        self._tester = session.tester_uid
        self._channel = channel
        self._agent = agent
        self._ready = ready
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._presence = Presence(session.tester_uid, limits, self._loop.time())
        self._talking = asyncio.Event()

    async def serve(self) -> None:
        """Return when the tester has left; CannotServe for every other end, and what the agent itself raised.

        The channel is left in every case, a cancelled call included.
        """
        tasks: list[asyncio.Task[None]] = []
        try:
            self._channel.join(self._teller())
            tasks += [asyncio.create_task(self._follow()), asyncio.create_task(self._speak())]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            self._service.left(lost=False)
        finally:
            for task in tasks:
                task.cancel()
            self._channel.leave()

    def _teller(self) -> Tell:
        def tell(event: Event) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the call is over
                self._loop.call_soon_threadsafe(self._events.put_nowait, event)

        return tell

    async def _follow(self) -> None:
        presence = self._presence
        if await self._until(lambda: presence.joined):
            self._ready()
        if await self._until(lambda: presence.tester_came):
            self._talking.set()
        await self._until(lambda: presence.over)

    async def _until(self, reached: Callable[[], bool]) -> bool:
        """Take in events until `reached` or until the call is over, and tell whether it was reached."""
        while not (reached() or self._presence.over):
            try:
                async with asyncio.timeout_at(self._presence.due):
                    event = await self._events.get()
            except TimeoutError:
                self._presence.expire()
            else:
                self._presence.note(event, self._loop.time())
                self._report()
                self._act(event)
        return reached()

    def _report(self) -> None:
        """Tell the service what has changed; that the tester has left for good is told at the end."""
        there = self._presence.tester_there
        if there == self._told_there or self._presence.over:
            return
        self._told_there = there
        if there:
            self._service.joined()
        else:
            self._service.left(lost=True)

    def _renewed(self, token: str) -> None:
        """Called on the thread of the reports."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: the call is over
            self._loop.call_soon_threadsafe(self._channel.renew, token)

    def _act(self, event: Event) -> None:
        match event:
            case Heard(uid, pcm) if uid == self._tester:
                self._agent.hear(pcm)
            case TokenWillExpire():
                logger.info("The agent's token ends within half a minute.")
                self._service.renew(self._renewed)

    async def _speak(self) -> None:
        await self._talking.wait()
        whole = WholeMilliseconds()
        while True:
            pcm = whole.take(await self._agent.speak())
            if pcm:
                self._channel.send(pcm)
            await asyncio.sleep(0)  # an agent that never waits must not keep us from seeing the tester leave
