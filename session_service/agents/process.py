"""The launcher that starts a command of the customer's for each session.

Decided here: what that process is given, when it counts as accepted, and which failures are worth a retry. Chosen by
SESSION_LAUNCHER=process. The session reaches the agent on standard input alone: arguments and environment can be read
by others on the machine, so they hold nothing secret.

The process is started by subprocess.Popen, on the event loop: CPython uses vfork, so the loop waits for well under a
millisecond whatever this process's size, where uvloop's own way forks and waits longer the more memory there is
(docs/performance.md).
"""

import asyncio
import errno
import logging
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from session_service.agents import handover, survivors
from session_service.agents.child import Child
from session_service.agents.contract import RUNNING, UNKNOWN, AgentRef, AgentSpec, AgentState, OnExit
from session_service.agents.exits import ExitCodes
from session_service.agents.output import Output
from session_service.agents.stragglers import Stragglers
from session_service.errors import AgentRefused, AgentUnavailable

GRACE = 5.0
NOT_STARTED = 127
"""The exit code of an agent that never ran, as shells have it."""
_READY = b"\nready"
_SHORTAGES = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})

logger = logging.getLogger("session_service.agents")


def child_environment(environment: Mapping[str, str], hidden: frozenset[str], keep: frozenset[str]) -> dict[str, str]:
    """Return `environment` without the names that the service itself reads, each with its NAME_FILE, save `keep`."""
    removed = (hidden | {f"{name}_FILE" for name in hidden}) - keep
    return {name: value for name, value in environment.items() if name not in removed}


class ReadySign:
    """Looks in an agent's output for a line that begins with `ready`, whatever the reads cut it into."""

    def __init__(self) -> None:
        self._tail = b"\n"

    def seen(self, data: bytes) -> bool:
        """Tell whether such a line has begun in `data`."""
        heard = self._tail + data
        self._tail = heard[-len(_READY) + 1 :]
        return _READY in heard


@dataclass(slots=True, eq=False)
class _Agent:
    """One agent and what is being waited for: `accepted` is its start's answer, a refusal included.

    `gone` is set when nothing of it runs any more, in its process group or outside.
    """

    ref: AgentRef
    accepted: asyncio.Future[None]
    output: Output
    sign: ReadySign = field(default_factory=ReadySign)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    child: Child = field(init=False)

    def hear(self, data: bytes) -> None:
        """Take what the agent prints: to the log, and for its first ready line."""
        if not self.accepted.done() and self.sign.seen(data):
            self.accepted.set_result(None)
        self.output.hear(data)


class ProcessLauncher:
    """Starts `command`, never through a shell, as the leader of its own process group.

    `ready` says what accepting means: `spawn`, that the command could be executed; `line`, that it printed a line which
    begins with `ready`. `environment` is what children inherit, without the names in `hidden` and each NAME_FILE of
    them, save those in `keep`. `stop` sends SIGTERM to the group and SIGKILL `grace` seconds later, or at once where
    nobody waits any longer. `on_exit` is called for an accepted agent that ended without being stopped; a negative code
    is the signal that ended it.
    """

    name = "process"
    survives_restart = False
    project = ""
    server = ""

    def __init__(
        self,
        *,
        command: tuple[str, ...],
        ready: Literal["spawn", "line"],
        environment: Mapping[str, str],
        hidden: frozenset[str],
        keep: frozenset[str],
        on_exit: OnExit,
        grace: float = GRACE,
    ) -> None:
        self._command = command
        self._ready = ready
        self._environment = child_environment(environment, hidden, keep)
        self._on_exit = on_exit
        self._grace = grace
        self._agents: dict[str, _Agent] = {}
        self._ended = ExitCodes()
        self._stragglers = Stragglers()

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Start the command. A command that cannot be executed, or ends before it is ready, is AgentRefused."""
        data = handover.write(spec)
        agent = self._adopt(spec, self._spawn(spec), data)
        if self._ready == "line":
            await agent.accepted
        return agent.ref

    async def poll(self, ref: AgentRef) -> AgentState:
        """Tell what this process knows: agents that it did not start are unknown to it."""
        return RUNNING if ref.name in self._agents else self._ended.state(ref.name)

    async def stop(self, ref: AgentRef) -> None:
        """End the process group, and what has left it, and return when all are gone.

        Whoever else asks waits for the same end.
        """
        agent = self._agents.get(ref.name)
        if agent is not None:
            agent.child.stop(self._grace)
            try:
                await agent.gone.wait()
            except asyncio.CancelledError:
                agent.child.kill()
                raise
        elif self._ended.state(ref.name) is UNKNOWN:
            await survivors.end(ref.name, self._grace, _leader(ref))

    def hide(self, name: str, secret: str) -> None:
        """Take this secret, too, out of what the agent prints."""
        agent = self._agents.get(name)
        if agent is not None:
            agent.output.hide(secret)

    async def list(self, prefix: str) -> Sequence[AgentRef]:
        """The agents that run: this process's own, and those that an earlier one left behind."""
        return [self._ref(name, groups[0]) for name, groups in survivors.found(prefix).items()]

    def _ref(self, name: str, pid: int) -> AgentRef:
        return AgentRef(self.name, name, {"pid": pid, "born": survivors.born(pid)})

    def _spawn(self, spec: AgentSpec) -> subprocess.Popen[bytes]:
        names = {
            "SESSION_ID": spec.session_id,
            "AGORA_APP_ID": spec.agora.app_id,
            "AGORA_CHANNEL": spec.agora.channel,
            "AGORA_UID": str(spec.agora.uid),
        }
        try:
            return subprocess.Popen(  # noqa: S603 - the command is the operator's, no shell reads it
                self._command,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=self._environment | names,
                start_new_session=True,
            )
        except OSError as error:
            self._ended.add(spec.session_id, NOT_STARTED)
            raise self._start_failure(error) from error

    def _start_failure(self, error: OSError) -> AgentRefused | AgentUnavailable:
        if error.errno in _SHORTAGES:
            return AgentUnavailable(f"No process can be started now: {error.strerror}.", retry_after=1)
        return AgentRefused(f"The agent's command {self._command[0]} cannot be executed: {error.strerror}.")

    def _adopt(self, spec: AgentSpec, process: subprocess.Popen[bytes], data: bytes) -> _Agent:
        loop = asyncio.get_running_loop()
        ref = self._ref(spec.session_id, process.pid)
        agent = _Agent(ref, loop.create_future(), Output(spec, loop.time))
        if self._ready == "spawn":
            agent.accepted.set_result(None)
        self._agents[ref.name] = agent
        agent.child = Child(process, data, agent.hear, partial(self._end, agent))
        return agent

    def _end(self, agent: _Agent, code: int) -> None:
        """The process is reaped and heard out, and its group is gone; who has left that is looked for."""
        agent.output.close()
        level = logging.INFO if agent.child.stopping or code == 0 else logging.WARNING
        _log(level, "agent exited", event="agent.exited", session=agent.ref.name, code=code, pid=agent.ref.data["pid"])
        self._stragglers.end(agent.ref.name).add_done_callback(lambda _: self._tell(agent, code))

    def _tell(self, agent: _Agent, code: int) -> None:
        """Nothing of the agent runs any more."""
        del self._agents[agent.ref.name]
        self._ended.add(agent.ref.name, code)
        agent.gone.set()
        if not agent.accepted.done():
            agent.accepted.set_exception(AgentRefused(f"The agent ended with exit code {code} before it was ready."))
        elif not agent.child.stopping and not agent.accepted.cancelled():
            # Not at once: a start whose agent was accepted in this same turn of the loop answers first.
            asyncio.get_running_loop().call_soon(self._on_exit, agent.ref, code)


def _leader(ref: AgentRef) -> survivors.Leader | None:
    """What a start has recorded of its process; None where it could not."""
    pid, born = ref.data.get("pid"), ref.data.get("born")
    return survivors.Leader(pid, born) if isinstance(pid, int) and isinstance(born, int) else None


def _log(level: int, message: str, **values: object) -> None:
    logger.log(level, message, extra=values)
