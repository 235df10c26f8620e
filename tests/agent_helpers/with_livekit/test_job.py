"""Reading real JobContexts, of the oldest and of the newest livekit-agents."""

import asyncio
import json
import logging
from typing import Any

import pytest
from livekit.agents import AgentSession

from agent_helpers import TestContext, follow_test_context, read_test_context
from agent_helpers.job import is_livekit_simulation
from tests.agent_helpers.jobs import claim
from tests.agent_helpers.with_livekit.hand_made import change_room_metadata, connect, real_job

METADATA = json.dumps(claim(test_profile_data={"user_name": "Ada"}, text_mode=True))
CONFIG = '{"tier": "gold"}'


def test_an_ordinary_job_has_no_context() -> None:
    """LiveKit's own empty values."""
    with real_job() as ctx:
        assert read_test_context(ctx, on_error="raise") is None
        assert ctx.log_context_fields == {}


def test_a_test_is_read_before_connect() -> None:
    """The room's metadata from the job's copy."""
    with real_job(METADATA, CONFIG) as ctx:
        found = read_test_context(ctx, on_error="raise")
    assert found is not None
    assert (found.scenario_id, found.run_id, found.text_mode) == (123, 456, True)
    assert (found.profile, found.config) == ({"user_name": "Ada"}, {"tier": "gold"})


def test_a_test_is_read_after_connect() -> None:
    """The room's metadata from the room."""
    with real_job(METADATA, CONFIG) as ctx:
        connect(ctx, '{"tier": "lead"}')
        found = read_test_context(ctx, on_error="raise")
    assert found is not None
    assert found.config == {"tier": "lead"}


def test_inside_a_job_no_argument_is_needed() -> None:
    """Tools and tasks of the job find it, too."""

    async def deep_inside() -> Any:
        return await asyncio.create_task(asyncio.to_thread(read_test_context, on_error="raise"))

    with real_job(METADATA):
        found = asyncio.run(deep_inside())
    assert found.run_id == 456


def test_outside_of_a_job_livekit_says_so() -> None:
    """It is a mistake of the code, and not of any metadata."""
    with pytest.raises(RuntimeError, match="job context"):
        read_test_context()


def test_a_change_of_the_room_is_followed() -> None:
    """On the room's own event."""
    heard = list[TestContext[Any]]()
    with real_job(METADATA, CONFIG) as ctx:
        follow_test_context(heard.append, ctx)
        change_room_metadata(ctx, '{"tier": "lead"}')
    assert [found.config for found in heard] == [{"tier": "lead"}]


def test_the_ids_are_in_the_log_records_of_the_job(caplog: pytest.LogCaptureFixture) -> None:
    """LiveKit's filter puts the job's log fields on every record of its handlers."""
    root = logging.getLogger()
    with real_job(METADATA) as ctx:
        ctx._on_setup()
        read_test_context(ctx)
        root.warning("hello")
        for handler in ctx._handlers_with_filter:
            handler.removeFilter(ctx._log_filter)
    record = caplog.records[-1]
    assert (vars(record)["scenario_id"], vars(record)["run_id"]) == (123, 456)


def test_a_context_is_a_sessions_userdata() -> None:
    """As it is, or inside the team's own class."""

    async def session() -> AgentSession[TestContext[Any] | None]:
        return AgentSession[TestContext[Any] | None](userdata=read_test_context(), vad=None)

    with real_job(METADATA):
        assert asyncio.run(session()).userdata == read_test_context()


@pytest.mark.parametrize("dispatch", ['{"simulationRunId": "SR_1"}', "not even JSON"])
def test_a_job_of_livekits_own_simulations_is_known(dispatch: str) -> None:
    """Also where LiveKit itself cannot read the dispatch."""
    with real_job(METADATA, attributes={"lk.simulator.dispatch": dispatch}) as ctx:
        assert is_livekit_simulation(ctx)
    with real_job(METADATA) as ctx:
        assert not is_livekit_simulation(ctx)
