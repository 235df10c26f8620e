"""Launchers for tests: one that behaves, and others that each misbehave in the one way that their name tells.

Each overrides one verb, so that two temperaments combine by inheritance:
`class SlowImmortalLauncher(SlowLauncher, ImmortalLauncher)`.
"""

import asyncio
from collections.abc import Sequence

from session_service.agents.contract import RUNNING, UNKNOWN, AgentRef, AgentSpec, AgentState, OnExit
from session_service.errors import AgentRefused, AgentUnavailable


def ignore_exit(ref: AgentRef, code: int) -> None:
    """An OnExit for tests that do not look at ends."""


class MemoryLauncher:
    """Behaves: agents are entries in `running`; `calls` lists every verb with the name that it was given."""

    name = "memory"
    survives_restart = False
    project = ""
    server = ""

    def __init__(self, on_exit: OnExit = ignore_exit) -> None:
        self.on_exit = on_exit
        self.running: dict[str, AgentSpec] = {}
        self.calls: list[tuple[str, str]] = []

    def ref(self, spec: AgentSpec) -> AgentRef:
        """The reference that a successful start of `spec` answers with."""
        return AgentRef(self.name, spec.session_id, {"seat": spec.agora.uid})

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Accept at once."""
        self.calls.append(("start", spec.session_id))
        self.running[spec.session_id] = spec
        return self.ref(spec)

    async def poll(self, ref: AgentRef) -> AgentState:
        """Running as long as it is in `running`."""
        self.calls.append(("poll", ref.name))
        return RUNNING if ref.name in self.running else UNKNOWN

    async def stop(self, ref: AgentRef) -> None:
        """Gone at once."""
        self.calls.append(("stop", ref.name))
        self.running.pop(ref.name, None)

    async def list(self, prefix: str) -> Sequence[AgentRef]:
        """Everything in `running` with that prefix."""
        return [self.ref(spec) for name, spec in self.running.items() if name.startswith(prefix)]


class SlowLauncher(MemoryLauncher):
    """The agent exists at once and is accepted only when the test sets `release`."""

    def __init__(self, on_exit: OnExit = ignore_exit) -> None:
        super().__init__(on_exit)
        self.entered = asyncio.Event()
        self.release = asyncio.Event()

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Wait for `release`; a cancelled start leaves the agent running."""
        ref = await super().start(spec, deadline)
        self.entered.set()
        await self.release.wait()
        return ref


class RefusingLauncher(MemoryLauncher):
    """Refuses every start; nothing runs."""

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Raise AgentRefused."""
        self.calls.append(("start", spec.session_id))
        raise AgentRefused("refused by the test")


class UnavailableLauncher(MemoryLauncher):
    """Can start nothing now; a retry after two seconds would make sense."""

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Raise AgentUnavailable."""
        self.calls.append(("start", spec.session_id))
        raise AgentUnavailable("unavailable in the test", retry_after=2)


class LostAnswerLauncher(MemoryLauncher):
    """Starts the agent, and loses the answer: the caller sees a failure, and the agent runs."""

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Start, then raise AgentUnavailable."""
        await super().start(spec, deadline)
        raise AgentUnavailable("the answer was lost in the test")


class ImmortalLauncher(MemoryLauncher):
    """The agent cannot be ended: `stop` waits for ever."""

    async def stop(self, ref: AgentRef) -> None:
        """Never return; end only by cancellation."""
        self.calls.append(("stop", ref.name))
        await asyncio.Event().wait()


class FailingStopLauncher(MemoryLauncher):
    """The agent cannot be ended: `stop` raises, and the agent runs on."""

    async def stop(self, ref: AgentRef) -> None:
        """Raise AgentUnavailable."""
        self.calls.append(("stop", ref.name))
        raise AgentUnavailable("stop failed in the test")


class DyingLauncher(MemoryLauncher):
    """The agent is accepted, and ends by itself with `code` on the loop's next turn."""

    def __init__(self, on_exit: OnExit = ignore_exit, code: int = 1) -> None:
        super().__init__(on_exit)
        self.code = code

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Accept, and let the agent end."""
        ref = await super().start(spec, deadline)
        asyncio.get_running_loop().call_soon(self._die, ref)
        return ref

    def _die(self, ref: AgentRef) -> None:
        if self.running.pop(ref.name, None) is not None:
            self.on_exit(ref, self.code)
