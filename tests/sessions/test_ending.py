"""The one door: what an end takes with it."""

import asyncio
import gc

import pytest

from session_service.agents.contract import AgentRef, AgentSpec
from session_service.errors import AgentRefused, CallerGone
from tests.agents.fakes import MemoryLauncher
from tests.sessions.conftest import House, caller, leaves
from tests.virtual_time import run


class FailsWhenCancelledLauncher(MemoryLauncher):
    """The start turns a cancellation into a refusal, as one whose agent ends in that very turn does."""

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Wait, and fail."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise AgentRefused("too late") from None
        raise AssertionError


def test_a_start_that_fails_while_it_is_given_up_is_no_fault(house: House) -> None:
    """The caller's going is the reason; the loop has no exception left over that nobody took."""
    faults: list[object] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["message"]))
        with pytest.raises(CallerGone):
            await house.sessions.open(house.grant(FailsWhenCancelledLauncher()), caller(leaves))
        gc.collect()  # what nobody took is told when the task is collected

    run(main)
    assert faults == []
