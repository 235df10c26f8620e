"""Starting a process: what it is given, and when it is accepted. Each program has one habit."""

import asyncio
import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from session_service.agents.contract import AgentRef, AgentSpec, AgentState
from session_service.agents.process import ReadySign, child_environment
from session_service.errors import AgentUnavailable
from tests.agents import programs
from tests.agents.conftest import Events, Exits, Run
from tests.agents.processes import listed, nothing_left, pid_of, process_launcher, refusal
from tests.agents.programs import alive, program
from tests.agents.specs import SESSION, agent_spec
from tests.agents.starts import soon, started

pytestmark = pytest.mark.real


def large() -> AgentSpec:
    """A session that no pipe holds at once."""
    return replace(agent_spec(), test={"prompt": "x" * 300_000})


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """Each test leaves nothing behind."""
    with nothing_left():
        yield


def test_the_session_arrives_on_standard_input_and_ends_there(run: Run) -> None:
    """The agent reads to the end of its input and finds one JSON object, with its own token."""
    code = (
        "import json; token = json.load(sys.stdin)['agora']['token']\nif token[:3] == '007': print('ready', flush=True)"
    )
    launcher = process_launcher(program(code + "\nsignal.pause()"))

    async def main() -> None:
        await launcher.stop(await started(launcher))

    run(main())


def test_arguments_and_environment_hold_no_secret(events: Events, run: Run) -> None:
    """Others on the machine can read both; the service's own settings are gone, the rest passes."""
    environment = {"AGORA_APP_CERTIFICATE": "c" * 32, "SESSION_SECRET_FILE": "/run/s", "HTTP_PROXY": "p", "LANG": "C"}
    hidden = frozenset({"AGORA_APP_CERTIFICATE", "SESSION_SECRET", "AGORA_APP_ID"})
    code = "print(sorted(os.environ)); print('args', sys.argv); print('ready', flush=True); signal.pause()"
    launcher = process_launcher(program(code), environment=environment, hidden=hidden)

    async def main() -> None:
        await launcher.stop(await started(launcher))

    run(main())
    names = set(json.loads(events.lines[0].replace("'", '"')))
    assert names - {"LC_CTYPE"} == {"AGORA_APP_ID", "AGORA_CHANNEL", "AGORA_UID", "HTTP_PROXY", "LANG", "SESSION_ID"}
    assert events.lines[1] == "args ['-c']"


def test_a_kept_name_passes() -> None:
    """SESSION_PROCESS_KEEP wins over the names that the service reads."""
    environment = {"LIVEKIT_URL": "a", "LIVEKIT_URL_FILE": "b", "LIVEKIT_API_KEY": "c"}
    hidden = frozenset({"LIVEKIT_URL", "LIVEKIT_API_KEY"})
    assert child_environment(environment, hidden, frozenset({"LIVEKIT_URL"})) == {"LIVEKIT_URL": "a"}


def test_the_command_is_no_shells_to_read(events: Events, run: Run) -> None:
    """Arguments arrive as they are written."""
    launcher = process_launcher(
        (*program("print(sys.argv[1]); print('ready', flush=True); signal.pause()"), "$HOME; `id` *")
    )

    async def main() -> None:
        await launcher.stop(await started(launcher))

    run(main())
    assert events.lines[0] == "$HOME; `id` *"


@pytest.mark.parametrize("command", [programs.DEAF, programs.SILENT], ids=["closes its input", "never reads"])
def test_an_agent_need_not_read(run: Run, command: tuple[str, ...]) -> None:
    """More than a pipe holds is offered to it; nothing waits and nothing is raised."""
    launcher = process_launcher(command, "spawn")

    async def main() -> None:
        ref = await launcher.start(large(), soon())
        await launcher.stop(ref)

    run(main())


def test_an_agent_that_reads_late_gets_everything(run: Run) -> None:
    """What did not fit into the pipe at once follows."""
    launcher = process_launcher(program("n = len(sys.stdin.read()); print('ready' if n > 300000 else n)"))

    async def main() -> None:
        await launcher.stop(await launcher.start(large(), soon()))

    run(main())


def test_a_command_that_is_missing_is_refused(run: Run) -> None:
    """The log says which word and why."""
    text = run(refusal(started(process_launcher(("no-such-agent-command", "--secret-flag"), "spawn"))))
    assert text == "The agent's command no-such-agent-command cannot be executed: No such file or directory."


def test_a_command_that_is_no_program_is_refused(run: Run) -> None:
    """So is a file that may not be executed."""
    assert "Permission denied" in run(refusal(started(process_launcher((__file__,), "spawn"))))


@contextmanager
def no_free_descriptor() -> Iterator[None]:
    """Meanwhile this process may open nothing more."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_machine_that_is_short_of_something_can_be_asked_again(run: Run) -> None:
    """Too many open files is a state of the machine, and not of the command."""
    launcher = process_launcher(programs.STAYS)

    async def main() -> AgentUnavailable:
        with no_free_descriptor(), pytest.raises(AgentUnavailable, match="Too many open files") as caught:
            await started(launcher)
        return caught.value

    assert run(main()).retry_after == 1


def test_with_spawn_an_early_exit_comes_after_the_answer(exits: Exits, events: Events, run: Run) -> None:
    """The start succeeds; the end is logged and told, with its code."""
    launcher = process_launcher(programs.LEAVES, "spawn", on_exit=exits)

    async def main() -> tuple[AgentRef, AgentState]:
        ref = await started(launcher)
        assert exits.seen == []
        await exits.happened.wait()
        return ref, await launcher.poll(ref)

    ref, state = run(main())
    assert exits.seen == [(ref, 3)]
    assert state == AgentState("exited", 3)
    assert [(record["session"], record["code"]) for record in events.of("agent.exited")] == [(SESSION, 3)]


def test_with_line_an_exit_before_ready_is_refused(exits: Exits, run: Run) -> None:
    """The caller is told once, by the refusal."""
    assert "exit code 3 before it was ready" in run(refusal(started(process_launcher(programs.LEAVES, on_exit=exits))))
    assert exits.seen == []


def test_with_line_other_words_are_no_acceptance(run: Run) -> None:
    """`ready` counts at the beginning of a line, and nowhere else."""
    run(refusal(started(process_launcher(program("print('not ready'); print('READY'); print(' ready')")))))


def test_an_agent_that_is_ready_and_leaves_was_accepted(exits: Exits, run: Run) -> None:
    """Both in one breath: the start answers, then the end is told."""
    launcher = process_launcher(program("print('ready')"), on_exit=exits)

    async def main() -> None:
        ref = await started(launcher)
        assert exits.seen == []
        await exits.happened.wait()
        assert exits.seen == [(ref, 0)]

    run(main())


@pytest.mark.parametrize("cut", range(1, 12))
def test_ready_is_seen_whatever_the_reads_cut_it_into(cut: int) -> None:
    """A pipe keeps no boundaries."""
    sign, text = ReadySign(), b"hello\nready\n"
    assert [sign.seen(text[:cut]), sign.seen(text[cut:])].count(True) == 1


def test_a_start_that_is_cancelled_is_stopped_by_name(exits: Exits, run: Run) -> None:
    """The deadline is the caller's; the process stays findable."""
    launcher = process_launcher(programs.SILENT, on_exit=exits)

    async def main() -> None:
        start = asyncio.create_task(started(launcher))
        await asyncio.sleep(0)
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        (ref,) = await listed(launcher, SESSION)
        await launcher.stop(AgentRef("process", SESSION))
        assert not alive(pid_of(ref))

    run(main())
    assert exits.seen == []


def test_a_stop_during_start_ends_the_start(run: Run) -> None:
    """The start is refused, and nothing runs."""
    launcher = process_launcher(programs.SILENT)

    async def main() -> str:
        start = asyncio.create_task(started(launcher))
        await asyncio.sleep(0)
        await launcher.stop(AgentRef("process", SESSION))
        return await refusal(start)

    assert "before it was ready" in run(main())
