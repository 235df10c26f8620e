"""The python launcher: what a customer's callable may do without harming the service, and how it is ended."""

import asyncio
import contextlib
import sys
import time
import types
from collections.abc import Iterator

import pytest

from session_service.agents.contract import RUNNING, AgentRef, AgentSpec, AgentState
from session_service.agents.python import AgentCallable, PythonLauncher, load_callable
from session_service.errors import AgentRefused, InvalidValue
from tests.agents.conftest import Events, Exits, Run
from tests.agents.specs import SESSION, agent_spec
from tests.agents.starts import soon, started


async def stay(spec: AgentSpec) -> None:
    """Wait until cancelled."""
    await asyncio.Event().wait()


async def leave(spec: AgentSpec) -> None:
    """Return at once."""


async def fail(spec: AgentSpec) -> None:
    """Raise at once, with a token in the text."""
    raise RuntimeError(f"cannot join with {spec.agora.token}")


async def fail_later(spec: AgentSpec) -> None:
    """Raise after the first suspension, with a token in the text."""
    await asyncio.sleep(0)
    raise RuntimeError(f"cannot go on with {spec.agora.token}")


async def quit_service(spec: AgentSpec) -> None:
    """Do what a script does to end itself."""
    await asyncio.sleep(0)
    sys.exit(4)


class Unusual(BaseException):
    """What no `except Exception` sees."""


def raising(kind: type[BaseException]) -> AgentCallable:
    """An agent that raises after the first suspension, with a token in the text."""

    async def agent(spec: AgentSpec) -> None:
        await asyncio.sleep(0)
        raise kind(f"cannot go on with {spec.agora.token}")

    return agent


async def until_told(launcher: PythonLauncher, exits: Exits) -> AgentRef:
    """Start one agent and wait until its end is told."""
    ref = await started(launcher)
    await exits.happened.wait()
    return ref


def test_the_callable_gets_the_spec_as_it_is(exits: Exits, run: Run) -> None:
    """One frozen value, no copy."""
    given: list[AgentSpec] = []

    async def note(spec: AgentSpec) -> None:
        given.append(spec)

    spec = agent_spec()

    async def main() -> None:
        await PythonLauncher(note, on_exit=exits).start(spec, soon())

    run(main())
    assert given[0] is spec


@pytest.mark.parametrize(("agent", "code"), [(leave, 0), (fail_later, 1), (quit_service, 4)])
def test_an_end_is_told_once_with_its_code(agent: AgentCallable, code: int, exits: Exits, run: Run) -> None:
    """A return is 0 and an exception 1; sys.exit ends the agent and not the service."""
    launcher = PythonLauncher(agent, on_exit=exits)

    async def main() -> AgentState:
        return await launcher.poll(await until_told(launcher, exits))

    assert run(main()) == AgentState("exited", code)
    assert [told for _, told in exits.seen] == [code]


@pytest.mark.parametrize("kind", [Unusual, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError])
def test_whatever_an_agent_raises_ends_that_agent_alone(
    kind: type[BaseException], exits: Exits, events: Events, run: Run
) -> None:
    """Its end is told with code 1, and nothing of it reaches the loop or, with a token, the log."""
    run(until_told(PythonLauncher(raising(kind), on_exit=exits), exits))
    assert [told for _, told in exits.seen] == [1]
    assert agent_spec().agora.token not in events.all_text()


def test_a_failure_before_the_first_suspension_is_refused(exits: Exits, run: Run) -> None:
    """The caller is told once, by the refusal, and nothing runs."""
    launcher = PythonLauncher(fail, on_exit=exits)

    async def main() -> None:
        with pytest.raises(AgentRefused, match="failed before its first suspension"):
            await started(launcher)
        await asyncio.sleep(0)
        assert list(await launcher.list("")) == []

    run(main())
    assert exits.seen == []


@pytest.mark.parametrize("agent", [fail, fail_later])
def test_a_failure_is_logged_with_its_traceback_and_without_a_token(
    agent: AgentCallable, events: Events, exits: Exits, run: Run
) -> None:
    """The operator sees the line that failed; the token in the exception's text is gone."""

    async def main() -> None:
        await started(PythonLauncher(agent, on_exit=exits))
        await exits.happened.wait()

    if agent is fail:
        with pytest.raises(AgentRefused):
            run(main())
    else:
        run(main())
    assert "Traceback" in events.lines[0]
    assert "RuntimeError: cannot" in events.lines[-1]
    assert agent_spec().agora.token not in events.all_text()


def test_what_a_callable_was_told_later_is_taken_out_of_its_traceback_as_well(
    events: Events, exits: Exits, run: Run
) -> None:
    """A fresh token, that is."""
    fresh = agent_spec("another session").agora.token

    async def fail_with_it(spec: AgentSpec) -> None:
        await asyncio.sleep(0)
        raise RuntimeError(f"cannot go on with {fresh}")

    async def main() -> None:
        launcher = PythonLauncher(fail_with_it, on_exit=exits)
        launcher.hide((await started(launcher)).name, fresh)
        await exits.happened.wait()
        launcher.hide(SESSION, fresh)

    run(main())
    assert "RuntimeError: cannot go on with [removed]" in events.lines[-1]
    assert fresh[-16:-2] not in events.all_text()


def test_stop_lets_the_callable_clean_up(exits: Exits, run: Run) -> None:
    """Cancellation arrives as CancelledError, and stop waits for what follows."""
    left: list[str] = []

    async def polite(spec: AgentSpec) -> None:
        try:
            await stay(spec)
        finally:
            await asyncio.sleep(0.01)
            left.append(spec.session_id)

    launcher = PythonLauncher(polite, on_exit=exits)

    async def main() -> None:
        await launcher.stop(await started(launcher))

    run(main())
    assert left == [SESSION]


def swallower(times: int) -> AgentCallable:
    """An agent that survives so many cancellations."""

    async def swallow(spec: AgentSpec) -> None:
        for _ in range(times):
            try:
                await stay(spec)
            except asyncio.CancelledError:
                continue
        await stay(spec)

    return swallow


def test_a_callable_that_swallows_one_cancellation_is_cancelled_again(exits: Exits, run: Run) -> None:
    """After half of the grace."""
    launcher = PythonLauncher(swallower(1), on_exit=exits, grace=0.05)

    async def main() -> AgentState:
        ref = await started(launcher)
        await launcher.stop(ref)
        return await launcher.poll(ref)

    assert run(main()).kind == "exited"


async def blocks_after_the_first(spec: AgentSpec) -> None:
    """The grace is over before the second cancellation."""
    with contextlib.suppress(asyncio.CancelledError):
        await stay(spec)
    time.sleep(0.06)  # noqa: ASYNC251 - as a customer's code may
    await stay(spec)


async def blocks_at_the_second(spec: AgentSpec) -> None:
    """The grace is over in the very turn in which it is cancelled again."""
    with contextlib.suppress(asyncio.CancelledError):
        await stay(spec)
    asyncio.get_running_loop().call_later(0.03, time.sleep, 0.06)
    time.sleep(0.04)  # noqa: ASYNC251 - so that both timers are over at once
    await stay(spec)


@pytest.mark.parametrize("callable_", [blocks_after_the_first, blocks_at_the_second])
def test_a_loop_that_stood_still_makes_no_agent_a_stuck_one(
    callable_: AgentCallable, exits: Exits, events: Events, run: Run
) -> None:
    """It has heeded its second cancellation."""
    launcher = PythonLauncher(callable_, on_exit=exits, grace=0.05)

    async def main() -> AgentState:
        ref = await started(launcher)
        await launcher.stop(ref)
        return await launcher.poll(ref)

    assert run(main()).kind == "exited"
    assert events.of("agent.stuck") == []


def test_a_callable_that_never_ends_is_given_up_by_name(exits: Exits, events: Events, run: Run) -> None:
    """Stop returns after the grace, the log names the session, and poll does not lie about it."""
    launcher = PythonLauncher(swallower(2), on_exit=exits, grace=0.05)

    async def main() -> AgentState:
        ref = await started(launcher)
        await launcher.stop(ref)
        return await launcher.poll(ref)

    assert run(main()) == RUNNING
    assert [record["session"] for record in events.of("agent.stuck")] == [SESSION]


def test_a_start_that_is_cancelled_is_stopped_by_name(exits: Exits, run: Run) -> None:
    """The task stays findable, and its end is nobody's news."""
    launcher = PythonLauncher(stay, on_exit=exits)

    async def main() -> None:
        start = asyncio.create_task(started(launcher))
        await asyncio.sleep(0)
        start.cancel()
        await asyncio.wait({start})
        assert [ref.name for ref in await launcher.list("")] == [SESSION]
        await launcher.stop(AgentRef("python", SESSION))
        assert list(await launcher.list("")) == []

    run(main())
    assert exits.seen == []


# From text


@pytest.fixture
def customer_module() -> Iterator[types.ModuleType]:
    """A module that a customer might have."""
    module = types.ModuleType("customer_module")
    sys.modules["customer_module"] = module
    yield module
    del sys.modules["customer_module"]


class Worker:
    """An agent that is an object."""

    async def __call__(self, spec: AgentSpec) -> None:
        """Return at once."""


@pytest.mark.parametrize("agent", [leave, Worker()], ids=["function", "object"])
def test_an_async_callable_is_found_by_its_name(customer_module: types.ModuleType, agent: object) -> None:
    """A function, or an object with an async __call__."""
    vars(customer_module)["run"] = agent
    assert load_callable("customer_module:run") is agent


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("customer_module", "written module:function"),
        (":sentinel", "written module:function"),
        ("no_such_module_here:run", r"cannot be imported \(ModuleNotFoundError\)"),
        ("customer_module:missing", "nothing of that name"),
        ("customer_module:number", "not callable"),
        ("customer_module:blocking", "not async"),
    ],
)
def test_a_callable_that_cannot_serve_is_refused(customer_module: types.ModuleType, text: str, sentence: str) -> None:
    """Each with its own sentence, and none with the value."""
    vars(customer_module).update(number=7, blocking=print)
    with pytest.raises(InvalidValue, match=sentence) as caught:
        load_callable(text)
    assert text not in str(caught.value)
