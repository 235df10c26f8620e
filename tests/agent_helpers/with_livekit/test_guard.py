"""The guard around the platform's own tracer (cekura's LiveKitTracer): its mocks never reach a real caller."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from cekura.livekit import LiveKitTracer
from livekit.agents import Agent, AgentSession, JobContext, function_tool

from agent_helpers import track_if_test
from tests.agent_helpers.jobs import claim
from tests.agent_helpers.with_livekit.hand_made import real_job
from tests.agent_helpers.with_livekit.platform_api import platform_api

TEST = json.dumps(claim(text_mode=True))
SIMULATION = {"lk.simulator.dispatch": '{"simulationRunId": "SR_1"}'}


class Bank(Agent):
    """An agent whose tool moves real money."""

    def __init__(self) -> None:
        super().__init__(instructions="")

    @function_tool
    async def balance(self) -> str:
        """The real one."""
        return "real"


@asynccontextmanager
async def tracer_for(url: str) -> AsyncIterator[LiveKitTracer]:
    """The real tracer; its connections and its handler on the root logger are gone afterwards."""
    tracer = LiveKitTracer("key", 1, host=url, enable_otel_traces=False)
    before = list(logging.getLogger().handlers)
    try:
        yield tracer
    finally:
        await tracer._api.close()
        for handler in set(logging.getLogger().handlers) - set(before):
            logging.getLogger().removeHandler(handler)


def tracked(metadata: str, attributes: dict[str, str] | None = None, room: str = "") -> tuple[bool, bool, list[str]]:
    """Whether the guard let the real tracer run, whether the real tool is still there, what the platform was asked."""
    agent = Bank()
    real_tool = agent.tools[0]

    async def track(url: str, ctx: JobContext) -> bool:
        async with tracer_for(url) as tracer:
            return await track_if_test(tracer, ctx, AgentSession[None](vad=None), agent)

    with platform_api() as (url, asked), real_job(metadata, room, attributes) as ctx:
        done = asyncio.run(track(url, ctx))
    return done, agent.tools[0] is real_tool, asked


def test_in_a_test_the_tracer_runs_with_its_mocks() -> None:
    """As the platform documents it: the tools of the agent are the platform's."""
    done, tool_is_real, asked = tracked(TEST)
    assert (done, tool_is_real) == (True, False)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("metadata", "attributes", "room"),
    [
        ("", None, ""),
        ("", None, TEST),
        ('{"tenant": 7, "text_mode": true}', None, ""),
        (TEST, SIMULATION, ""),
        ("", SIMULATION, ""),
    ],
    ids=["production", "a claim in the room", "shared dispatch", "both kinds of test", "LiveKit's simulation"],
)
def test_everywhere_else_nothing_is_asked_and_no_tool_is_replaced(
    metadata: str, attributes: dict[str, str] | None, room: str, caplog: pytest.LogCaptureFixture
) -> None:
    """And nothing is said about it: these are ordinary calls."""
    assert tracked(metadata, attributes, room) == (False, True, [])
    assert not [record for record in caplog.records if record.name == "agent_helpers"]


@pytest.mark.parametrize(
    ("metadata", "room"), [(json.dumps(claim(text_mode="false")), ""), (TEST, "[]"), (TEST[:-5], "")]
)
def test_broken_metadata_is_warned_about_and_not_tracked(
    metadata: str, room: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody can tell whether there is a real caller."""
    assert tracked(metadata, room=room) == (False, True, [])
    assert [record.levelname for record in caplog.records if record.name == "agent_helpers"] == ["WARNING"]


def test_on_its_own_the_tracer_replaces_tools_in_production() -> None:
    """Why the guard is there; when this fails, the platform has mended it."""
    agent = Bank()
    real_tool = agent.tools[0]

    async def track(url: str, ctx: JobContext) -> None:
        async with tracer_for(url) as tracer:
            await tracer.track_session(ctx, AgentSession[None](vad=None), agent)

    with platform_api() as (url, _), real_job() as ctx:
        asyncio.run(track(url, ctx))
    assert agent.tools[0] is not real_tool
