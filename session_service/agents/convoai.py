"""The launcher that has Agora run the agent: its Conversational AI Engine, v2.

Decided here: what becomes of a start whose answer was lost, whose agent a taken name is, and when an agent counts as
gone. Chosen by SESSION_LAUNCHER=convoai. An agent that nobody ends is billed by the minute for up to 72 hours, so its
end is asked for until it is seen: by the agent's id or, where that was lost, by its channel, the session's own.
"""

import asyncio
from collections.abc import Callable, Sequence

import stamina

from session_service.agents.contract import RUNNING, UNKNOWN, AgentRef, AgentSpec, AgentState
from session_service.agents.convoai_api import ENDED, ConvoAiApi
from session_service.agents.convoai_body import Template
from session_service.agents.outgoing import RETRY_AFTER
from session_service.errors import AgentRefused, AgentUnavailable

LONGEST_LIFE = 72 * 60 * 60
"""Seconds after which Agora ends any agent: what is older need not be looked for."""
PATIENCE = 8.0
"""Seconds that one `stop`, `poll` or `list` takes at most; less than the end of the process waits for agents."""
_LATER_LOOKS = (0.1, 0.2, 0.4, 0.8, 1.5)
"""Pauses, in seconds, after which an agent may turn up whose start was given up while Agora still worked on it."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0


class ConvoAiLauncher:
    """Starts, finds and ends agents through `api`.

    `channel_prefix` and the session id are a session's channel. `idle_timeout`: seconds after the tester has left until
    Agora ends the agent by itself, whatever happens here. `clock` is Unix time. Agora tells nothing when an agent ends,
    so there is no `on_exit` here.
    """

    name = "convoai"
    survives_restart = True

    def __init__(
        self,
        api: ConvoAiApi,
        template: Template,
        *,
        channel_prefix: str,
        idle_timeout: int,
        clock: Callable[[], float],
        patience: float = PATIENCE,
    ) -> None:
        self.project = api.app_id
        self.server = api.server
        self._api = api
        self._template = template
        self._channel_prefix = channel_prefix
        self._idle_timeout = idle_timeout
        self._clock = clock
        self._patience = patience
        self._unanswered: set[str] = set()

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Join, and return when Agora has accepted, which is before the agent is in the channel.

        A name that is taken is an earlier try of this start, if its agent is in this session's channel; else it is
        AgentRefused.
        """
        body = self._template.body(spec, self._idle_timeout)
        self._unanswered.add(spec.session_id)
        try:
            agent_id = await self._api.join(body, spec.agora.channel, str(spec.agora.uid), deadline)
            agent_id = agent_id or await self._taken(AgentRef(self.name, spec.session_id), deadline)
        except AgentRefused:
            self._unanswered.discard(spec.session_id)
            raise
        self._unanswered.discard(spec.session_id)
        return self._ref(spec.session_id, agent_id)

    async def poll(self, ref: AgentRef) -> AgentState:
        """Ask Agora. An agent whose id was lost is looked for in its channel."""
        deadline = self._deadline()
        agent_id = _agent_id(ref)
        if not agent_id:
            return RUNNING if await self._named(ref, deadline) else UNKNOWN
        task = await self._api.query(agent_id, ref.channel, deadline)
        if task is None:
            return UNKNOWN
        return AgentState("exited", ENDED[task.status]) if task.status in ENDED else RUNNING

    async def stop(self, ref: AgentRef) -> None:
        """Ask for the agent's end and return when Agora says that it has come; AgentUnavailable if it does not."""
        deadline = self._deadline()
        try:
            async with asyncio.timeout_at(deadline):
                await self._until_gone(ref, deadline)
        except TimeoutError:
            raise AgentUnavailable("Agora did not end the agent in time.", retry_after=RETRY_AFTER) from None
        self._unanswered.discard(ref.name)

    async def list(self, prefix: str) -> Sequence[AgentRef]:
        """The project's living agents of such names, however many pages there are."""
        deadline = self._deadline()
        found = []
        for agent_id in await self._living("", deadline):
            task = await self._api.query(agent_id, "", deadline)
            if task and task.name and task.name.startswith(prefix) and task.status not in ENDED:
                found.append(self._ref(task.name, agent_id))
        return found

    async def aclose(self) -> None:
        """Close the connections to Agora. The agents go on."""
        await self._api.aclose()

    async def _until_gone(self, ref: AgentRef, deadline: float) -> None:
        """Try again what Agora cannot answer now: nobody else ends this agent."""
        async for attempt in stamina.retry_context(
            on=AgentUnavailable,
            attempts=None,
            timeout=None,
            wait_initial=_FIRST_PAUSE,
            wait_max=_LONGEST_PAUSE,
            wait_jitter=_FIRST_PAUSE,
        ):
            with attempt:
                agent_id = _agent_id(ref)
                if not (agent_id and await self._ended(agent_id, ref, deadline)):
                    for found in await self._appeared(ref, deadline):
                        await self._ended(found, ref, deadline)

    async def _ended(self, agent_id: str, ref: AgentRef, deadline: float) -> bool:
        """Ask for an end and wait for it. False where Agora knows no such agent.

        Of one that was listed nobody knows the channel: it may have been started under another prefix than today's.
        """
        if not await self._api.leave(agent_id, ref.channel, deadline):
            return False
        pause = _FIRST_PAUSE
        while (task := await self._api.query(agent_id, ref.channel, deadline)) and task.status not in ENDED:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return True

    async def _appeared(self, ref: AgentRef, deadline: float) -> Sequence[str]:
        """The agents of its name; after a lost answer, one that Agora is only now about to make as well."""
        found = await self._named(ref, deadline)
        for pause in _LATER_LOOKS:
            if found or ref.name not in self._unanswered:
                break
            await asyncio.sleep(pause)
            found = await self._named(ref, deadline)
        return found

    async def _taken(self, ref: AgentRef, deadline: float) -> str:
        found = await self._named(ref, deadline)
        if not found:
            raise AgentRefused("Agora runs an agent of this session's name in another channel.")
        return found[0]

    async def _named(self, ref: AgentRef, deadline: float) -> Sequence[str]:
        """The living agents of its name in the session's own channel.

        An answer without a name is counted in: nobody else knows the channel of a session.
        """
        channel = self._channel(ref)
        found = []
        for agent_id in await self._living(channel, deadline):
            task = await self._api.query(agent_id, channel, deadline)
            if task and task.name in (ref.name, "") and task.status not in ENDED:
                found.append(agent_id)
        return found

    async def _living(self, channel: str, deadline: float) -> Sequence[str]:
        return await self._api.living(channel, int(self._clock()) - LONGEST_LIFE, deadline)

    def _channel(self, ref: AgentRef) -> str:
        return ref.channel or self._channel_prefix + ref.name

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._patience

    def _ref(self, name: str, agent_id: str) -> AgentRef:
        return AgentRef(self.name, name, {"agent_id": agent_id})


def _agent_id(ref: AgentRef) -> str:
    """The agent's id at Agora; empty for what is left of a lost answer."""
    return str(ref.data.get("agent_id", ""))
