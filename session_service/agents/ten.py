"""The launcher that has a TEN agents server run the agent.

Decided here: what becomes of a start that outlasts its deadline, and who is pinged. Chosen by SESSION_LAUNCHER=ten. The
server knows an agent, its worker, by the channel, which is the session's own and nobody else's.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from session_service.agents.contract import RUNNING, UNKNOWN, AgentRef, AgentSpec, AgentState
from session_service.agents.ten_api import CHANNEL_EXISTS, DONE, NO_SUCH_CHANNEL, NOT_STOPPED, TenApi
from session_service.agents.ten_body import Template
from session_service.agora.identifiers import SESSION_ID_LENGTH
from session_service.errors import AgentRefused, AgentUnavailable

PATIENCE = 8.0
"""Seconds that one `poll`, `list`, ping or try of a `stop` takes at most."""
START_TAKES = 12.0
"""Seconds after which a start that nobody waits for any longer has happened, or never will: the server tries ten times,
a second apart, to see the process, and knows the channel only then."""
_PAUSE = 0.25
_PINGS_PER_TIMEOUT = 3


class TenLauncher:
    """Starts, finds and ends agents through `api`.

    `channel_prefix` and the session id are a session's channel. `lifetime`: seconds after which the server itself ends
    an agent whose template wants no pings. With a `timeout` in the template, each agent is pinged as long as it runs
    and this process knows of it: from its start or, after a restart, from the first `poll` on. The server tells nothing
    when an agent ends, so there is no `on_exit` here.
    """

    name = "ten"
    survives_restart = True
    project = ""

    def __init__(
        self,
        api: TenApi,
        template: Template,
        *,
        channel_prefix: str,
        lifetime: int,
        patience: float = PATIENCE,
        start_takes: float = START_TAKES,
    ) -> None:
        self.server = api.server
        self._api = api
        self._template = template
        self._channel_prefix = channel_prefix
        self._lifetime = lifetime
        self._patience = patience
        self._start_takes = start_takes
        self._unanswered: dict[str, float] = {}
        self._pings: dict[str, asyncio.Task[None]] = {}

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Return when the server has seen the process. A channel that has a worker is an earlier try of this start."""
        name = spec.session_id
        body = self._template.body(spec, self._lifetime)
        self._unanswered[name] = self._now() + self._start_takes
        try:
            code = await self._api.start(body, deadline)
        except AgentRefused:
            del self._unanswered[name]
            raise
        del self._unanswered[name]
        if code not in (DONE, CHANNEL_EXISTS):
            raise self._api.failure("start", code)
        ref = AgentRef(self.name, name, channel=spec.agora.channel)
        self._keep(ref)
        return ref

    async def poll(self, ref: AgentRef) -> AgentState:
        """Running as long as the server lists the channel. It does not tell how an agent ended."""
        if not await self._listed(ref):
            return UNKNOWN
        self._keep(ref)
        return RUNNING

    async def stop(self, ref: AgentRef) -> None:
        """Ask for the end, which has come when the server answers; a start that may yet happen is waited for."""
        self._forget(ref.name)
        code = await self._ask_to_end(ref)
        while code == NO_SUCH_CHANNEL and self._now() < self._unanswered.get(ref.name, 0.0):
            await asyncio.sleep(_PAUSE)
            code = await self._ask_to_end(ref)
        if code not in (DONE, NO_SUCH_CHANNEL) and not await self._ended_meanwhile(ref, code):
            raise self._api.failure("stop", code)
        self._unanswered.pop(ref.name, None)

    async def list(self, prefix: str) -> Sequence[AgentRef]:
        """The agents in channels of such names, also those of a channel prefix that was configured before."""
        found = [AgentRef(self.name, self._name(channel), channel=channel) for channel in await self._channels()]
        return [ref for ref in found if ref.name.startswith(prefix)]

    async def aclose(self) -> None:
        """End the pings and close the connections. An agent goes on as long as its timeout allows."""
        pings = list(self._pings.values())
        for name in list(self._pings):
            self._forget(name)
        await asyncio.gather(*pings, return_exceptions=True)
        await self._api.aclose()

    async def _ask_to_end(self, ref: AgentRef) -> str:
        return await self._api.stop(ref.name, self._channel(ref), self._now() + self._patience)

    async def _ended_meanwhile(self, ref: AgentRef, code: str) -> bool:
        """Whether the signals met nobody because another stop's had done their work."""
        return code == NOT_STOPPED and not await self._listed(ref)

    async def _listed(self, ref: AgentRef) -> bool:
        return self._channel(ref) in await self._channels()

    async def _channels(self) -> Sequence[str]:
        return await self._api.channels(self._now() + self._patience)

    def _keep(self, ref: AgentRef) -> None:
        """Ping this agent from now on, if its template wants that and nobody does."""
        if self._template.timeout is not None and ref.name not in self._pings:
            interval = self._template.timeout / _PINGS_PER_TIMEOUT
            self._pings[ref.name] = asyncio.get_running_loop().create_task(self._ping(ref, interval))

    def _forget(self, name: str) -> None:
        task = self._pings.pop(name, None)
        if task is not None:
            task.cancel()

    async def _ping(self, ref: AgentRef, interval: float) -> None:
        """Until the server has no such worker; what it cannot answer now, it may answer next time."""
        code = DONE
        while code != NO_SUCH_CHANNEL:
            await asyncio.sleep(interval)
            with suppress(AgentRefused, AgentUnavailable):
                code = await self._api.ping(ref.name, self._channel(ref), self._now() + self._patience)
        del self._pings[ref.name]

    def _name(self, channel: str) -> str:
        """A session's id stands at the end of its channel's name, and tells whose the channel is."""
        return channel.removeprefix(self._channel_prefix)[-SESSION_ID_LENGTH:]

    def _channel(self, ref: AgentRef) -> str:
        return ref.channel or self._channel_prefix + ref.name

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
