"""The process launcher against real processes, most of which misbehave."""

import asyncio
import json
import logging
import os
import resource
import signal
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, Protocol

import pytest

from session_service.agents.contract import RUNNING, AgentRef, AgentState
from session_service.agents.process import ProcessLauncher, ReadySign, child_environment
from session_service.errors import AgentRefused, AgentUnavailable
from tests.agents import programs
from tests.agents.conftest import Events, Exits, Run
from tests.agents.programs import alive, children, descriptors, program
from tests.agents.specs import agent_spec

pytestmark = pytest.mark.real
SOON = 60.0


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """After each test: no child, zombie or not, and no file descriptor more than before."""
    before = children(), descriptors()
    yield
    after = children(), descriptors()
    for pid in after[0] - before[0]:  # so that a failing test does not leave its agent behind
        os.killpg(pid, signal.SIGKILL)
    assert after == before


class Make(Protocol):
    """Makes a launcher for one command."""

    def __call__(
        self,
        command: tuple[str, ...],
        ready: Literal["spawn", "line"] = "line",
        *,
        grace: float = 2,
        environment: Mapping[str, str] = os.environ,
        hidden: frozenset[str] = frozenset(),
        keep: frozenset[str] = frozenset(),
    ) -> ProcessLauncher: ...


@pytest.fixture
def make(exits: Exits) -> Make:
    """Launchers that tell `exits` of every end."""

    def build(
        command: tuple[str, ...],
        ready: Literal["spawn", "line"] = "line",
        *,
        grace: float = 2,
        environment: Mapping[str, str] = os.environ,
        hidden: frozenset[str] = frozenset(),
        keep: frozenset[str] = frozenset(),
    ) -> ProcessLauncher:
        return ProcessLauncher(
            command=command,
            ready=ready,
            environment=environment,
            hidden=hidden,
            keep=keep,
            on_exit=exits,
            grace=grace,
        )

    return build


async def started(launcher: ProcessLauncher, session_id: str = "s-1") -> AgentRef:
    """Start the agent of a session."""
    return await launcher.start(agent_spec(session_id), SOON)


async def refusal(start: Awaitable[AgentRef]) -> str:
    """The log text of a start that must be refused."""
    with pytest.raises(AgentRefused) as caught:
        await start
    return str(caught.value)


def pid_of(ref: AgentRef) -> int:
    """The pid in a reference."""
    return int(ref.data["pid"])


# What an agent is given


def test_the_session_arrives_on_standard_input_and_ends_there(make: Make, run: Run) -> None:
    """The agent reads to the end of its input and finds one JSON object, with its own token."""
    code = (
        "import json; token = json.load(sys.stdin)['agora']['token']\nif token[:3] == '007': print('ready', flush=True)"
    )
    launcher = make(program(code + "\nsignal.pause()"))

    async def main() -> None:
        await launcher.stop(await started(launcher))

    run(main())


def test_arguments_and_environment_hold_no_secret(make: Make, events: Events, run: Run) -> None:
    """Others on the machine can read both; the service's own settings are gone, the rest passes."""
    environment = {"AGORA_APP_CERTIFICATE": "c" * 32, "SESSION_SECRET_FILE": "/run/s", "HTTP_PROXY": "p", "LANG": "C"}
    hidden = frozenset({"AGORA_APP_CERTIFICATE", "SESSION_SECRET", "AGORA_APP_ID"})
    code = "print(sorted(os.environ)); print('args', sys.argv); print('ready', flush=True); signal.pause()"
    launcher = make(program(code), environment=environment, hidden=hidden)

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


def test_the_command_is_no_shells_to_read(make: Make, events: Events, run: Run) -> None:
    """Arguments arrive as they are written."""
    launcher = make((*program("print(sys.argv[1]); print('ready', flush=True); signal.pause()"), "$HOME; `id` *"))

    async def main() -> None:
        await launcher.stop(await started(launcher))

    run(main())
    assert events.lines[0] == "$HOME; `id` *"


@pytest.mark.parametrize("command", [programs.DEAF, programs.SILENT], ids=["closes its input", "never reads"])
def test_an_agent_need_not_read(make: Make, run: Run, command: tuple[str, ...]) -> None:
    """More than a pipe holds is offered to it; nothing waits and nothing is raised."""
    launcher = make(command, "spawn")
    spec = agent_spec()
    large = type(spec)(spec.session_id, spec.agora, test={"prompt": "x" * 300_000})

    async def main() -> None:
        ref = await launcher.start(large, SOON)
        await launcher.stop(ref)

    run(main())


def test_an_agent_that_reads_late_gets_everything(make: Make, run: Run) -> None:
    """What did not fit into the pipe at once follows."""
    launcher = make(program("time.sleep(0.05); n = len(sys.stdin.read()); print('ready' if n > 300000 else n)"))
    spec = agent_spec()
    large = type(spec)(spec.session_id, spec.agora, test={"prompt": "x" * 300_000})

    async def main() -> None:
        await launcher.stop(await launcher.start(large, SOON))

    run(main())


# Being accepted


def test_a_command_that_is_missing_is_refused(make: Make, run: Run) -> None:
    """The log says which word and why."""
    text = run(refusal(started(make(("no-such-agent-command", "--secret-flag"), "spawn"))))
    assert text == "The agent's command no-such-agent-command cannot be executed: No such file or directory."


def test_a_command_that_is_no_program_is_refused(make: Make, run: Run) -> None:
    """So is a file that may not be executed."""
    assert "Permission denied" in run(refusal(started(make((__file__,), "spawn"))))


@contextmanager
def no_free_descriptor() -> Iterator[None]:
    """Meanwhile this process may open nothing more."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_machine_that_is_short_of_something_can_be_asked_again(make: Make, run: Run) -> None:
    """Too many open files is a state of the machine, and not of the command."""
    launcher = make(programs.STAYS)

    async def main() -> AgentUnavailable:
        with no_free_descriptor(), pytest.raises(AgentUnavailable, match="Too many open files") as caught:
            await started(launcher)
        return caught.value

    assert run(main()).retry_after == 1


def test_with_spawn_an_early_exit_comes_after_the_answer(make: Make, exits: Exits, events: Events, run: Run) -> None:
    """The start succeeds; the end is logged and told, with its code."""
    launcher = make(programs.LEAVES, "spawn")

    async def main() -> tuple[AgentRef, AgentState]:
        ref = await started(launcher)
        assert exits.seen == []
        await exits.happened.wait()
        return ref, await launcher.poll(ref)

    ref, state = run(main())
    assert exits.seen == [(ref, 3)]
    assert state == AgentState("exited", 3)
    assert [(record["session"], record["code"]) for record in events.of("agent.exited")] == [("s-1", 3)]


def test_with_line_an_exit_before_ready_is_refused(make: Make, exits: Exits, run: Run) -> None:
    """The caller is told once, by the refusal."""
    assert "exit code 3 before it was ready" in run(refusal(started(make(programs.LEAVES))))
    assert exits.seen == []


def test_with_line_other_words_are_no_acceptance(make: Make, run: Run) -> None:
    """`ready` counts at the beginning of a line, and nowhere else."""
    run(refusal(started(make(program("print('not ready'); print('READY'); print(' ready')")))))


def test_an_agent_that_is_ready_and_leaves_was_accepted(make: Make, exits: Exits, run: Run) -> None:
    """Both in one breath: the start answers, then the end is told."""
    launcher = make(program("print('ready')"))

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


def test_a_start_that_is_cancelled_is_stopped_by_name(make: Make, exits: Exits, run: Run) -> None:
    """The deadline is the caller's; the process stays findable."""
    launcher = make(programs.SILENT)

    async def main() -> None:
        start = asyncio.create_task(started(launcher))
        await asyncio.sleep(0)
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        (ref,) = await launcher.list("s-1")
        await launcher.stop(AgentRef("process", "s-1"))
        assert not alive(pid_of(ref))

    run(main())
    assert exits.seen == []


def test_a_stop_during_start_ends_the_start(make: Make, run: Run) -> None:
    """The start is refused, and nothing runs."""
    launcher = make(programs.SILENT)

    async def main() -> str:
        start = asyncio.create_task(started(launcher))
        await asyncio.sleep(0)
        await launcher.stop(AgentRef("process", "s-1"))
        return await refusal(start)

    assert "before it was ready" in run(main())


# Ending


def test_stop_asks_with_sigterm_first(make: Make, events: Events, run: Run) -> None:
    """An agent can say goodbye."""
    code = "signal.signal(signal.SIGTERM, lambda *_: (print('bye'), sys.exit(0))); print('ready', flush=True)"
    launcher = make(program(code + "\nwhile True: signal.pause()"))

    async def main() -> None:
        await launcher.stop(await started(launcher))

    run(main())
    assert (events.lines[-1], events.of("agent.exited")[0]["code"]) == ("bye", 0)


def test_an_agent_that_ignores_sigterm_is_killed_after_the_grace(make: Make, events: Events, run: Run) -> None:
    """Stop returns when it is gone."""
    launcher = make(programs.STUBBORN, grace=0.1)

    async def main() -> int:
        ref = await started(launcher)
        await launcher.stop(ref)
        return pid_of(ref)

    assert not alive(run(main()))
    assert events.of("agent.exited")[0]["code"] == -signal.SIGKILL


async def grandchild_of(launcher: ProcessLauncher, events: Events) -> tuple[AgentRef, int]:
    """Start an agent that forks, and return the pid of what it forked."""
    ref = await started(launcher)
    return ref, int((await events.line("grandchild")).split()[1])


async def until_dead(pid: int) -> None:
    """Wait until a process that was killed has noticed."""
    while alive(pid):  # noqa: ASYNC110 - no event tells of the end of another's child
        await asyncio.sleep(0.005)


def test_what_an_agent_forked_ends_with_it(make: Make, events: Events, run: Run) -> None:
    """The whole group is ended, also a grandchild that ignores SIGTERM."""
    launcher = make(programs.FORKS)

    async def main() -> None:
        ref, pid = await grandchild_of(launcher, events)
        assert alive(pid)
        await launcher.stop(ref)
        await until_dead(pid)

    run(main())


def test_what_a_killed_agent_forked_ends_as_well(make: Make, events: Events, exits: Exits, run: Run) -> None:
    """Somebody kills the leader alone; the rest of its group does not stay, and the end is told."""
    launcher = make(programs.FORKS)

    async def main() -> None:
        ref, pid = await grandchild_of(launcher, events)
        os.kill(pid_of(ref), signal.SIGKILL)
        await exits.happened.wait()
        assert exits.seen == [(ref, -signal.SIGKILL)]
        await until_dead(pid)

    run(main())


def test_an_agent_runs_in_a_group_of_its_own(make: Make, run: Run) -> None:
    """Ctrl-C at our terminal does not reach it; we end it in order."""
    launcher = make(programs.STAYS)

    async def main() -> None:
        ref = await started(launcher)
        assert os.getpgid(pid_of(ref)) == pid_of(ref) != os.getpgid(0)
        await launcher.stop(ref)

    run(main())


def test_an_agent_that_closes_its_output_still_runs(make: Make, run: Run) -> None:
    """Silence is no end."""
    launcher = make(program("print('ready', flush=True); os.close(1); os.close(2); signal.pause()"))

    async def main() -> None:
        ref = await started(launcher)
        assert await launcher.poll(ref) == RUNNING
        await launcher.stop(ref)

    run(main())


def test_a_process_that_left_the_group_cannot_hold_the_end_up(make: Make, events: Events, run: Run) -> None:
    """It keeps our pipe open; the agent is gone all the same."""
    code = "if os.fork() == 0:\n    os.setsid(); print('pid', os.getpid(), flush=True); signal.pause()"
    launcher = make(program(code + "\nprint('ready', flush=True); signal.pause()"))

    async def main() -> None:
        ref = await started(launcher)
        pid = int((await events.line("pid")).split()[1])
        await launcher.stop(ref)
        os.kill(pid, signal.SIGKILL)

    run(main())


# What an agent prints


def test_a_secret_that_an_agent_prints_does_not_reach_the_log(make: Make, events: Events, run: Run) -> None:
    """The agent prints all that it was handed; token, key, salt and report token are gone from every record."""
    launcher = make(programs.ECHOES)

    async def main() -> None:
        await launcher.stop(await started(launcher))

    run(main())
    text = events.all_text()
    assert '"token":"[removed]' in text
    assert not [secret for secret in agent_spec().secrets() if secret in text or secret[8:24] in text]


def test_a_flood_is_cut_down_and_does_not_hold_the_loop(make: Make, events: Events, run: Run) -> None:
    """The burst is logged, the rest is counted, and another session is served meanwhile."""
    flood, calm = make(programs.FLOODS), make(programs.STAYS)

    async def main() -> None:
        ref = await started(flood)
        await calm.stop(await started(calm, "s-2"))
        await flood.stop(ref)

    run(main())
    assert 200 <= len(events.lines) < 600
    assert sum(record["dropped"] for record in events.of("agent.output_dropped")) > 1000


def test_an_endless_line_is_cut(make: Make, events: Events, exits: Exits, run: Run) -> None:
    """Four megabytes without a line end are one line of the log."""
    launcher = make(programs.ENDLESS)

    async def main() -> None:
        await started(launcher)
        await exits.happened.wait()

    run(main())
    assert [len(line) for line in events.lines] == [5, 2000]


def test_the_log_tells_start_and_end(make: Make, events: Events, run: Run) -> None:
    """With the pid, so that an operator can find the process."""
    launcher = make(programs.STAYS)

    async def main() -> AgentRef:
        ref = await started(launcher)
        await launcher.stop(ref)
        return ref

    pid = pid_of(run(main()))
    told = [(record["event"], record["pid"], record["levelno"]) for record in events.records if "pid" in record]
    assert told == [("agent.started", pid, logging.INFO), ("agent.exited", pid, logging.INFO)]


def test_fifty_agents_leave_nothing_behind(make: Make, run: Run) -> None:
    """Started and stopped together; `nothing_is_left` counts."""
    launcher = make(("/bin/sh", "-c", "echo ready; exec sleep 60"))

    async def main() -> None:
        refs = await asyncio.gather(*(started(launcher, f"s-{number}") for number in range(50)))
        await asyncio.gather(*map(launcher.stop, refs))

    run(main())
