"""What every launcher promises, proven over each of them: one suite, one subclass per launcher."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from session_service.agents.contract import AgentRef, AgentSpec, Launcher
from session_service.agents.python import PythonLauncher
from tests.agents.conftest import Exits, Run
from tests.agents.fakes import MemoryLauncher
from tests.agents.processes import listed, process_launcher
from tests.agents.programs import STAYS, children
from tests.agents.specs import PREFIX, agent_spec
from tests.agents.starts import soon
from tests.cycles import none_of_ours


class LauncherContract:
    """The suite. A subclass gives the fixture `launcher`, whose agents stay until they are stopped."""

    @pytest.fixture
    def launcher(self, exits: Exits) -> Launcher:
        """The launcher under test."""
        raise NotImplementedError

    def test_a_reference_carries_the_session_id_and_the_launchers_name(self, launcher: Launcher, run: Run) -> None:
        """The name is known before the call, so a lost answer can be cleaned up."""

        async def main() -> AgentRef:
            ref = await launcher.start(agent_spec(f"{PREFIX}7"), soon())
            await launcher.stop(ref)
            return ref

        ref = run(main())
        assert (ref.launcher, ref.name) == (launcher.name, f"{PREFIX}7")

    def test_a_reference_is_json_without_a_secret(self, launcher: Launcher, run: Run) -> None:
        """It is kept in the store."""
        spec = agent_spec()

        async def main() -> AgentRef:
            ref = await launcher.start(spec, soon())
            await launcher.stop(ref)
            return ref

        text = json.dumps(asdict(run(main())))
        assert not [secret for secret in spec.secrets() if secret in text]

    def test_an_accepted_agent_runs_until_it_is_stopped(self, launcher: Launcher, run: Run) -> None:
        """Poll and list agree before and after."""

        async def main() -> None:
            ref = await launcher.start(agent_spec(), soon())
            assert (await launcher.poll(ref)).kind == "running"
            assert list(await listed(launcher, PREFIX)) == [ref]
            await launcher.stop(ref)
            assert (await launcher.poll(ref)).kind != "running"
            assert list(await launcher.list(PREFIX)) == []

        run(main())

    def test_a_name_alone_is_enough_to_stop(self, launcher: Launcher, run: Run) -> None:
        """A reference without data is what is left of a start whose answer was lost."""

        async def main() -> None:
            ref = await launcher.start(agent_spec(), soon())
            await launcher.stop(AgentRef(launcher.name, ref.name))
            assert (await launcher.poll(ref)).kind != "running"

        run(main())

    def test_stopping_what_never_was_does_nothing(self, launcher: Launcher, run: Run) -> None:
        """Whoever cleans up need not know how far a start came."""
        run(launcher.stop(AgentRef(launcher.name, "never")))

    def test_an_agent_that_never_was_is_unknown(self, launcher: Launcher, run: Run) -> None:
        """Poll raises nothing for it."""
        assert run(launcher.poll(AgentRef(launcher.name, "never"))).kind == "unknown"

    def test_stopping_again_and_at_the_same_time_is_safe(self, launcher: Launcher, run: Run) -> None:
        """All of them return, after one end."""

        async def main() -> None:
            ref = await launcher.start(agent_spec(), soon())
            await asyncio.gather(*(launcher.stop(ref) for _ in range(5)))
            await launcher.stop(ref)

        run(main())

    def test_a_stop_that_is_given_up_does_not_keep_the_agent_alive(self, launcher: Launcher, run: Run) -> None:
        """The first caller is cancelled; the second sees the end that the first began."""

        async def main() -> None:
            ref = await launcher.start(agent_spec(), soon())
            first = asyncio.create_task(launcher.stop(ref))
            await asyncio.sleep(0)
            first.cancel()
            await launcher.stop(ref)
            assert (await launcher.poll(ref)).kind != "running"

        run(main())

    def test_an_asked_for_end_is_told_to_its_caller_alone(self, launcher: Launcher, exits: Exits, run: Run) -> None:
        """`on_exit` is for ends that nobody asked for."""

        async def main() -> None:
            await launcher.stop(await launcher.start(agent_spec(), soon()))
            await asyncio.sleep(0)

        run(main())
        assert exits.seen == []

    def test_list_finds_by_prefix(self, launcher: Launcher, run: Run) -> None:
        """Names of other deployments are not touched."""

        async def main() -> set[str]:
            specs = [agent_spec(PREFIX + name) for name in ("a-1", "a-2", "b-1")]
            refs = [await launcher.start(spec, soon()) for spec in specs]
            found = {ref.name for ref in await launcher.list(f"{PREFIX}a-")}
            await asyncio.gather(*map(launcher.stop, refs))
            return found

        assert run(main()) == {f"{PREFIX}a-1", f"{PREFIX}a-2"}

    def test_sessions_at_the_same_time_do_not_disturb_each_other(self, launcher: Launcher, run: Run) -> None:
        """One end leaves the others running."""

        async def main() -> None:
            first, *rest = [await launcher.start(agent_spec(f"{PREFIX}{number}"), soon()) for number in range(8)]
            await launcher.stop(first)
            assert {(await launcher.poll(ref)).kind for ref in rest} == {"running"}
            await asyncio.gather(*map(launcher.stop, rest))

        run(main())

    def test_an_agent_that_has_ended_is_freed_at_once(self, launcher: Launcher, run: Run) -> None:
        """Nothing of it waits for the cyclic collector, which looks rarely."""

        async def life(name: str) -> None:
            await launcher.stop(await launcher.start(agent_spec(name), soon()))

        async def main() -> None:
            await life(f"{PREFIX}6")  # the first opens what stays
            with none_of_ours():
                await life(f"{PREFIX}7")
                await asyncio.sleep(0)

        run(main())


class TestMemoryLauncher(LauncherContract):
    """The fake that other rooms' tests build on keeps the same promises."""

    @pytest.fixture
    def launcher(self, exits: Exits) -> Launcher:
        """An entry in a dictionary per session."""
        return MemoryLauncher(exits)


class TestPythonLauncher(LauncherContract):
    """An async callable that waits for ever."""

    @pytest.fixture
    def launcher(self, exits: Exits) -> Launcher:
        """A task per session."""

        async def stay(spec: AgentSpec) -> None:
            await asyncio.Event().wait()

        return PythonLauncher(stay, on_exit=exits)


@pytest.mark.real
class TestProcessLauncher(LauncherContract):
    """A program that waits for ever."""

    @pytest.fixture(params=["spawn", "line"])
    def launcher(self, exits: Exits, request: pytest.FixtureRequest) -> Iterator[Launcher]:
        """A process per session, accepted in either way; one that a failing test leaves would be found by the next."""
        before = children()
        yield process_launcher(STAYS, request.param, on_exit=exits)
        for pid in children() - before:
            os.killpg(pid, signal.SIGKILL)
