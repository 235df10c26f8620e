"""The launcher that runs an async callable of the customer's as one task per session, in this process.

Decided here: when such a task counts as accepted, how it is ended, and that what it raises stays in its own session.
Chosen by SESSION_LAUNCHER=python. A start that works costs one task and one turn of the loop: what an end needs is made
when there is an end.
"""

import asyncio
import importlib
import inspect
import logging
import traceback
from collections.abc import Callable, Coroutine, Sequence

from session_service.agents.contract import RUNNING, AgentRef, AgentSpec, AgentState, OnExit
from session_service.agents.exits import ExitCodes
from session_service.agents.output import TOLD_LATER, Output
from session_service.errors import AgentRefused, InvalidValue

AgentCallable = Callable[[AgentSpec], Coroutine[object, object, object]]

GRACE = 5.0

logger = logging.getLogger("session_service.agents")


def load_callable(text: str) -> AgentCallable:
    """Import what `module:function` names. InvalidValue tells which of its parts is not as it must be."""
    module_name, colon, function_name = text.partition(":")
    if not (module_name and colon and function_name):
        raise InvalidValue("A callable is written module:function, as in my_agent:run.")
    try:
        found = getattr(importlib.import_module(module_name), function_name, None)
    except Exception as error:
        raise InvalidValue(
            f"The callable's module cannot be imported ({type(error).__name__}). "
            "Import it with the same Python from the same directory to see why."
        ) from error
    return _checked(found)


def _checked(found: object) -> AgentCallable:
    if found is None:
        raise InvalidValue("The callable's module has nothing of that name.")
    if not callable(found):
        raise InvalidValue("What module:function names is not callable.")
    if not (inspect.iscoroutinefunction(found) or inspect.iscoroutinefunction(type(found).__call__)):
        raise InvalidValue("What module:function names is not async. Define it as: async def run(spec).")
    return found


class _Agent:
    """One running task. `gone` and the timer exist from the first `stop` on."""

    __slots__ = ("accepted", "gone", "ref", "task", "timer", "told_later")

    def __init__(self, ref: AgentRef, task: asyncio.Task[int]) -> None:
        self.ref = ref
        self.task = task
        self.accepted = False
        self.told_later: tuple[str, ...] = ()
        self.gone: asyncio.Event | None = None
        self.timer: asyncio.TimerHandle | None = None


class PythonLauncher:
    """Runs `function(spec)` as a task and keeps it until it ends.

    Accepted means that it has not failed by its first suspension. `on_exit` is called for an accepted agent that ended
    without being stopped: code 0 for a return, 1 for an exception, and what the agent said with SystemExit. `stop`
    cancels; half of `grace` seconds later it cancels again, and after all of it the agent is logged and given up, which
    means that it still runs and `poll` still says so.
    """

    name = "python"
    survives_restart = False
    project = ""
    server = ""

    def __init__(self, function: AgentCallable, *, on_exit: OnExit, grace: float = GRACE) -> None:
        self._function = function
        self._on_exit = on_exit
        self._grace = grace
        self._agents: dict[str, _Agent] = {}
        self._ended = ExitCodes()

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Start the task and return once it has had its first turn; AgentRefused where that was its last."""
        ref = AgentRef(self.name, spec.session_id)
        task = asyncio.get_running_loop().create_task(self._run(spec), name=spec.session_id)
        agent = self._agents[spec.session_id] = _Agent(ref, task)
        task.add_done_callback(self._forget)
        await asyncio.sleep(0)
        if task.done() and _exit_code(task):
            raise AgentRefused("The agent's callable failed before its first suspension.")
        agent.accepted = True
        return ref

    async def poll(self, ref: AgentRef) -> AgentState:
        """Tell what this process knows: agents that it did not start are unknown to it."""
        return RUNNING if ref.name in self._agents else self._ended.state(ref.name)

    async def stop(self, ref: AgentRef) -> None:
        """Cancel the task and return when it is gone, or given up; whoever else asks waits for the same end."""
        agent = self._agents.get(ref.name)
        if agent is None:
            return
        if agent.gone is None:
            agent.gone = asyncio.Event()
            self._cancel(agent, self._cancel_again)
        await agent.gone.wait()

    def hide(self, name: str, secret: str) -> None:
        """Take this secret, too, out of what the agent raises."""
        agent = self._agents.get(name)
        if agent is not None:
            agent.told_later = (*agent.told_later, secret)[-TOLD_LATER:]

    async def list(self, prefix: str) -> Sequence[AgentRef]:
        """The agents of this process that run."""
        return [agent.ref for name, agent in self._agents.items() if name.startswith(prefix)]

    async def _run(self, spec: AgentSpec) -> int:
        """Run the callable and return its exit code; only cancellation and GeneratorExit leave here as exceptions."""
        try:
            await self._function(spec)
        except SystemExit as end:
            # Left alone, it would end the service: asyncio passes it on through the loop.
            return end.code if isinstance(end.code, int) else int(end.code is not None)
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - the agent is the customer's code, KeyboardInterrupt included
            _tell(spec, error, self._agents[spec.session_id].told_later)
            return 1
        return 0

    def _forget(self, task: asyncio.Task[int]) -> None:
        agent = self._agents.pop(task.get_name())
        code = _exit_code(task)
        self._ended.add(agent.ref.name, code)
        if agent.gone is not None:
            if agent.timer is not None:
                agent.timer.cancel()
            agent.gone.set()
        elif agent.accepted:
            self._on_exit(agent.ref, code)

    def _cancel(self, agent: _Agent, then: Callable[[_Agent], None]) -> None:
        """Cancel now, and do `then` later: a loop that stood still would find two timers over at once."""
        agent.task.cancel()
        agent.timer = asyncio.get_running_loop().call_later(self._grace / 2, then, agent)

    def _cancel_again(self, agent: _Agent) -> None:
        self._cancel(agent, self._give_up)

    def _give_up(self, agent: _Agent) -> None:
        if agent.task.done():  # and `_forget` has its turn yet, because the loop has stood still
            return
        values = {"event": "agent.stuck", "session": agent.ref.name}
        logger.error("agent does not end: its callable swallows cancellation", extra=values)
        if agent.gone is not None:
            agent.gone.set()


def _exit_code(task: asyncio.Task[int]) -> int:
    return 1 if task.cancelled() or task.exception() else task.result()


def _tell(spec: AgentSpec, error: BaseException, told_later: Sequence[str]) -> None:
    """Log an agent's traceback as the output that it would be if it were a process."""
    logger.warning("agent failed", extra={"event": "agent.failed", "session": spec.session_id, "code": 1})
    output = Output(spec, asyncio.get_running_loop().time)
    for secret in told_later:
        output.hide(secret)
    output.hear("".join(traceback.format_exception(error)).encode(errors="replace"))
    output.close()
