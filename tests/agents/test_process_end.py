"""Ending a process: by us, by itself, by others, and what it has forked."""

import asyncio
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from session_service.agents import survivors
from session_service.agents.contract import RUNNING, AgentRef
from session_service.agents.process import ProcessLauncher
from tests.agents import programs
from tests.agents.conftest import Events, Exits, Run
from tests.agents.processes import nothing_left, pid_of, process_launcher, until_dead
from tests.agents.programs import alive, program
from tests.agents.specs import PREFIX, SESSION
from tests.agents.starts import started

pytestmark = pytest.mark.real


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """Each test leaves nothing behind."""
    with nothing_left():
        yield


def test_stop_asks_with_sigterm_first(events: Events, run: Run) -> None:
    """An agent can say goodbye."""
    code = "signal.signal(signal.SIGTERM, lambda *_: (print('bye'), sys.exit(0))); print('ready', flush=True)"
    launcher = process_launcher(program(code + "\nwhile True: time.sleep(0.05)"))  # a pause may miss a handler's signal

    async def main() -> None:
        await launcher.stop(await started(launcher))

    run(main())
    assert (events.lines[-1], events.of("agent.exited")[0]["code"]) == ("bye", 0)


def test_an_agent_that_ignores_sigterm_is_killed_after_the_grace(events: Events, run: Run) -> None:
    """Stop returns when it is gone."""
    launcher = process_launcher(programs.STUBBORN, grace=0.1)

    async def main() -> int:
        ref = await started(launcher)
        await launcher.stop(ref)
        return pid_of(ref)

    assert not alive(run(main()))
    assert events.of("agent.exited")[0]["code"] == -signal.SIGKILL


def test_a_stop_that_nobody_waits_for_any_longer_kills_at_once(events: Events, run: Run) -> None:
    """The service is made to end: its grace is over, and its agents do not stay."""
    launcher = process_launcher(programs.STUBBORN, grace=600)

    async def main() -> None:
        ref = await started(launcher)
        stopping = asyncio.ensure_future(launcher.stop(ref))
        await asyncio.sleep(0)
        stopping.cancel()
        await until_dead(pid_of(ref))
        while not events.of("agent.exited"):  # noqa: ASYNC110 - until then its descriptors are open
            await asyncio.sleep(0.005)

    run(main())


async def grandchild_of(launcher: ProcessLauncher, events: Events) -> tuple[AgentRef, int]:
    """Start an agent that forks, and return the pid of what it forked."""
    ref = await started(launcher)
    return ref, int((await events.line("grandchild")).split()[1])


def test_what_an_agent_forked_ends_with_it(events: Events, run: Run) -> None:
    """The whole group is ended, also a grandchild that ignores SIGTERM."""
    launcher = process_launcher(programs.FORKS)

    async def main() -> None:
        ref, pid = await grandchild_of(launcher, events)
        assert alive(pid)
        await launcher.stop(ref)
        await until_dead(pid)

    run(main())


def test_what_a_killed_agent_forked_ends_as_well(events: Events, exits: Exits, run: Run) -> None:
    """Somebody kills the leader alone; the rest of its group does not stay, and the end is told."""
    launcher = process_launcher(programs.FORKS, on_exit=exits)

    async def main() -> None:
        ref, pid = await grandchild_of(launcher, events)
        os.kill(pid_of(ref), signal.SIGKILL)
        await exits.happened.wait()
        assert exits.seen == [(ref, -signal.SIGKILL)]
        await until_dead(pid)

    run(main())


def test_an_agent_runs_in_a_group_of_its_own(run: Run) -> None:
    """Ctrl-C at our terminal does not reach it; we end it in order."""
    launcher = process_launcher(programs.STAYS)

    async def main() -> None:
        ref = await started(launcher)
        assert os.getpgid(pid_of(ref)) == pid_of(ref) != os.getpgid(0)
        await launcher.stop(ref)

    run(main())


def test_an_agent_that_closes_its_output_still_runs(run: Run) -> None:
    """Silence is no end."""
    launcher = process_launcher(program("print('ready', flush=True); os.close(1); os.close(2); signal.pause()"))

    async def main() -> None:
        ref = await started(launcher)
        assert await launcher.poll(ref) == RUNNING
        await launcher.stop(ref)

    run(main())


@pytest.mark.skipif(not programs.PROC.exists(), reason="survivors are found in /proc, which Linux has")
@pytest.mark.parametrize("shift", [0, 1], ids=["itself", "pid-given-away"])
def test_an_agent_that_hides_its_name_is_found_by_its_process(run: Run, shift: int) -> None:
    """By a launcher that did not start it. A process that has its pid, and was born at another time, is spared."""
    launcher, later = process_launcher(programs.NAMELESS), process_launcher(programs.STAYS)

    async def main() -> None:
        ref = await started(launcher, f"{PREFIX}nameless")
        recorded = AgentRef("process", f"{PREFIX}nameless", {**ref.data, "born": int(ref.data["born"]) + shift})
        await later.stop(recorded)
        assert alive(pid_of(ref)) == bool(shift)
        await launcher.stop(ref)

    run(main())


DAEMON = """
told, tell = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print('daemon', os.getpid(), flush=True)
        os.write(tell, b'!')
        while True: signal.pause()
    os._exit(0)
os.wait()
os.read(told, 1)
print('ready', flush=True)
"""
in_proc = pytest.mark.skipif(not programs.PROC.exists(), reason="who left a group is found in /proc, which Linux has")


async def daemon_of(launcher: ProcessLauncher, events: Events) -> tuple[AgentRef, int]:
    """Start an agent that lets a daemon out of its group, and return the pid of that."""
    ref = await started(launcher)
    return ref, int((await events.line("daemon")).split()[1])


@in_proc
def test_what_left_the_group_ends_with_the_agent(events: Events, run: Run) -> None:
    """It keeps our pipe open and ignores SIGTERM; a stop returns when it is gone."""
    launcher = process_launcher(program(DAEMON + "signal.pause()"))

    async def main() -> None:
        ref, pid = await daemon_of(launcher, events)
        assert os.getpgid(pid) not in (pid_of(ref), os.getpgid(0))
        await launcher.stop(ref)
        assert not alive(pid)

    run(main())
    assert [record["session"] for record in events.of("agent.stragglers")][:1] == [SESSION]


@in_proc
def test_what_left_the_group_of_an_agent_that_ends_by_itself_ends_too(events: Events, exits: Exits, run: Run) -> None:
    """The end is told once nothing of it runs; who asks for it meanwhile waits for the same."""
    launcher = process_launcher(program(DAEMON + "sys.stdin.read(); sys.exit(3)"), on_exit=exits)

    async def main() -> None:
        ref, pid = await daemon_of(launcher, events)
        await exits.happened.wait()
        assert not alive(pid)
        assert exits.seen == [(ref, 3)]

    run(main())


@in_proc
def test_a_stop_in_the_middle_of_such_an_end_waits_for_it(events: Events, exits: Exits, run: Run) -> None:
    """The leader is reaped, so its group is nobody's to signal; its end was asked for, and is not told."""
    launcher = process_launcher(program(DAEMON + "sys.exit(3)"), on_exit=exits)

    async def main() -> None:
        ref, pid = await daemon_of(launcher, events)
        while not events.of("agent.exited"):  # noqa: ASYNC110 - in the turn in which it is reaped
            await asyncio.sleep(0)
        await launcher.stop(ref)
        assert not alive(pid)

    run(main())
    assert exits.seen == []


@contextmanager
def no_file_can_be_opened() -> Iterator[None]:
    """As where callers hold every descriptor that this process may have."""
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)


@in_proc
def test_nobody_is_gone_because_nobody_can_look(events: Events, run: Run) -> None:
    """Neither what has left a group, nor what an earlier service left behind: it is looked for until that works."""
    launcher = process_launcher(program(DAEMON + "signal.pause()"))

    async def main() -> None:
        ref, pid = await daemon_of(launcher, events)
        with no_file_can_be_opened():
            stopping = asyncio.ensure_future(launcher.stop(ref))
            assert not (await asyncio.wait({stopping}, timeout=0.5))[0]
            with pytest.raises(OSError, match="Too many open files"):
                await process_launcher(programs.STAYS).stop(ref)
        await stopping
        assert not alive(pid)

    run(main())


@in_proc
def test_a_look_rests_after_every_few_processes() -> None:
    """Each is asked by a short system call or three: without a rest the event loop got no turn until the last one."""
    rests: list[int] = []
    survivors.kill(frozenset({SESSION}), lambda: rests.append(1))
    about = len(os.listdir("/proc")) // survivors.AT_ONCE
    assert about / 2 <= len(rests) <= about * 2


@in_proc
def test_processes_of_another_session_are_spared(run: Run) -> None:
    """Also one whose name begins with that of the agent that ends, or that is no agent at all."""
    launcher = process_launcher(programs.STAYS)

    async def main() -> None:
        others = [await started(launcher, f"{SESSION}{number}") for number in range(3)]
        await launcher.stop(await started(launcher, SESSION))
        assert all(alive(pid_of(ref)) for ref in others)
        await asyncio.gather(*(launcher.stop(ref) for ref in others))

    run(main())
