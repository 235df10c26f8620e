"""What a process prints, seen in the log."""

import asyncio
import logging
from collections.abc import Iterator

import pytest

from session_service.agents.contract import AgentRef
from session_service.agents.output import BURST, LINES_PER_SECOND
from tests.agents import programs
from tests.agents.conftest import Events, Exits, Run
from tests.agents.processes import nothing_left, pid_of, process_launcher
from tests.agents.specs import PREFIX, agent_spec
from tests.agents.starts import started

pytestmark = pytest.mark.real


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """Each test leaves nothing behind."""
    with nothing_left():
        yield


def test_a_secret_that_an_agent_prints_does_not_reach_the_log(events: Events, run: Run) -> None:
    """The agent prints all that it was handed; token, key, salt and report token are gone from every record."""
    launcher = process_launcher(programs.ECHOES)

    async def main() -> None:
        await launcher.stop(await started(launcher))

    run(main())
    text = events.all_text()
    assert '"token":"[removed]' in text
    assert not [secret for secret in agent_spec().secrets() if secret in text or secret[8:24] in text]


def test_a_flood_is_cut_down_and_does_not_hold_the_loop(events: Events, run: Run) -> None:
    """The burst is logged, then what its time allows; the rest is counted, and another session is served meanwhile."""
    flood, calm = process_launcher(programs.FLOODS), process_launcher(programs.STAYS)

    async def main() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        ref = await started(flood)
        await calm.stop(await started(calm, f"{PREFIX}2"))
        await flood.stop(ref)
        return loop.time() - began

    took = run(main())
    assert BURST <= len(events.lines) <= BURST + LINES_PER_SECOND * took + 1, "the one is the calm agent's"
    assert sum(record["dropped"] for record in events.of("agent.output_dropped")) > 1000


def test_an_endless_line_is_cut(events: Events, exits: Exits, run: Run) -> None:
    """Four megabytes without a line end are one line of the log."""
    launcher = process_launcher(programs.ENDLESS, on_exit=exits)

    async def main() -> None:
        await started(launcher)
        await exits.happened.wait()

    run(main())
    assert [len(line) for line in events.lines] == [5, 2000]


def test_the_log_tells_the_end(events: Events, run: Run) -> None:
    """With the pid, so that an operator can find the process."""
    launcher = process_launcher(programs.STAYS)

    async def main() -> AgentRef:
        ref = await started(launcher)
        await launcher.stop(ref)
        return ref

    pid = pid_of(run(main()))
    told = [(record["event"], record["pid"], record["levelno"]) for record in events.records if "pid" in record]
    assert told == [("agent.exited", pid, logging.INFO)]


def test_fifty_agents_leave_nothing_behind(run: Run) -> None:
    """Started and stopped together; `nothing_is_left` counts."""
    launcher = process_launcher(("/bin/sh", "-c", "echo ready; exec sleep 60"))

    async def main() -> None:
        refs = await asyncio.gather(*(started(launcher, f"{PREFIX}{number}") for number in range(50)))
        await asyncio.gather(*map(launcher.stop, refs))

    run(main())
