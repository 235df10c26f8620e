"""What every launcher promises, and the values that cross that line.

Decided here: three verbs, what each may assume and must leave behind. `sessions` calls them; each other module of this
room fulfils them. A launcher knows no policy, no settings and no other session, and never cleans up on its own: when a
start fails, `sessions` decides to stop.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from session_service.agora.encryption import ChannelEncryption
from session_service.agora.transport import Seat
from session_service.values import value

SPEC_VERSION = 1


@dataclass(frozen=True, slots=True)
class Report:
    """Where the agent may say that it joined, left or failed, and the token that is good for this session only."""

    url: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """Everything that an agent is told. `session_id` is also its name towards the backend."""

    session_id: str
    agora: Seat
    encryption: ChannelEncryption | None = None
    test: Mapping[str, object] | None = None
    report: Report | None = None
    version: int = SPEC_VERSION

    def secrets(self) -> tuple[str, ...]:
        """What may never be seen in a log: a launcher takes these out of the agent's output."""
        found = [self.agora.token]
        if self.encryption is not None:
            found += [self.encryption.key, *([self.encryption.salt] if self.encryption.salt else [])]
        if self.report is not None:
            found.append(self.report.token)
        return tuple(found)


@value
class AgentRef:
    """How to find a started agent again. JSON without secrets, so that another process can poll and stop it.

    `name` is the session id. A reference with no `data` is valid for `stop`: it is what is left when the answer to a
    start was lost. `channel` is where the agent was sent; empty, it is what the launcher would make of the name today.
    """

    launcher: str
    name: str
    data: Mapping[str, str | int] = field(default_factory=dict)
    channel: str = ""


@dataclass(frozen=True, slots=True)
class AgentState:
    """`running`; `exited` with its exit code; or `unknown`: the launcher has no such agent (any more)."""

    kind: Literal["running", "exited", "unknown"]
    code: int | None = None


RUNNING = AgentState("running")
UNKNOWN = AgentState("unknown")


class OnExit(Protocol):
    """Called once, on the event loop, by a launcher that sees its agents end: after an accepted agent is gone.

    Not for an agent that was stopped, and not for a start that failed: whoever asked for these is told already.
    """

    def __call__(self, ref: AgentRef, code: int) -> None: ...


class Launcher(Protocol):
    """Starts, watches and ends agents. Called by `sessions` only.

    Cancelling `start` leaves the agent stoppable by `AgentRef(name=...)`. None of the verbs reads the environment or
    another session.
    """

    name: str
    """The setting's word for it: none, process, python, ..."""

    survives_restart: bool
    """Whether agents go on, and can be found again, when this process ends."""

    project: str
    """The Agora project outside of which it finds no agent; empty where it finds its agents whatever the project."""

    server: str
    """Who runs its agents, by base URL as `outgoing.server_name` spells it; empty where that is this machine."""

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Start the agent of `spec` and return when it is accepted; called at most once per session id.

        `deadline` is an instant of the event loop's clock, in seconds. Raises AgentRefused (do not retry) or
        AgentUnavailable (may be retried). The caller cancels it when the deadline has passed.
        """
        ...

    async def poll(self, ref: AgentRef) -> AgentState:
        """Tell the agent's state. Never raises for an agent that it does not know: that is `unknown`."""
        ...

    async def stop(self, ref: AgentRef) -> None:
        """Return when the agent is gone. A no-op for one that already is, or never was; safe to repeat.

        Cancelled when nobody can wait any longer: what ends an agent at once is done then.
        """
        ...

    async def list(self, prefix: str) -> Sequence[AgentRef]:
        """The agents whose name begins with `prefix` and that still run, as far as the backend can tell."""
        ...


@runtime_checkable
class Overhears(Protocol):
    """A launcher that logs what its agents print, without the secrets of their AgentSpec."""

    def hide(self, name: str, secret: str) -> None:
        """Take this one out as well, from now on: the agent of that name was told it later. A no-op for no agent."""
        ...


@runtime_checkable
class Connected(Protocol):
    """A launcher that keeps connections. `app` sees to it that they are closed after the last of the verbs."""

    async def aclose(self) -> None:
        """Close them. The agents go on."""
        ...
