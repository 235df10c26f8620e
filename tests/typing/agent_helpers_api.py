"""The helpers as an agent's author writes them: checked by mypy and pyright, both strict, and never run.

`make test` checks it. A line that has to be refused carries an ignore, and both checkers complain about a needless one.
"""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, assert_type

from cekura.livekit import LiveKitTracer  # pyright: ignore[reportMissingTypeStubs]
from livekit.agents import Agent, AgentSession, JobContext, RunContext
from livekit.agents.voice.room_io import RoomOptions
from pydantic import BaseModel

from agent_helpers import (
    MetadataError,
    Problem,
    RoomConfig,
    TestContext,
    follow_test_context,
    label_session,
    read_test_context,
    room_options_for,
    track_if_test,
)
from agent_helpers.testing import fake_platform_job


@dataclass(frozen=True)
class Profile:
    user_name: str


class ProfileDict(TypedDict):
    user_name: str


class ProfileModel(BaseModel):
    user_name: str


class Config(TypedDict, total=False):
    tier: str


@dataclass
class CallData:
    test: TestContext[Profile] | None


async def entrypoint(ctx: JobContext) -> None:
    """Every call of the API, with a real JobContext."""
    plain = read_test_context(ctx)
    assert_type(plain, TestContext[Mapping[str, Any]] | None)
    assert_type(read_test_context(), TestContext[Mapping[str, Any]] | None)
    assert_type(read_test_context(ctx, profile=ProfileDict), TestContext[ProfileDict] | None)
    assert_type(read_test_context(ctx, profile=ProfileModel), TestContext[ProfileModel] | None)
    test = read_test_context(ctx, profile=Profile, on_error="raise")
    assert_type(test, TestContext[Profile] | None)
    session = AgentSession[CallData](userdata=CallData(test))
    agent = Agent(instructions="")
    assert_type(await track_if_test(LiveKitTracer("key", 1), ctx, session, agent), bool)
    options = room_options_for(test, RoomOptions(close_on_disconnect=False))
    await session.start(agent, room=ctx.room, room_options=options)  # pyright: ignore[reportUnknownMemberType] LiveKit's
    label_session(test)
    assert_type(follow_test_context(fields, ctx, profile=Profile), TestContext[Profile] | None)


def fields(test: TestContext[Profile]) -> None:
    """What a context gives."""
    assert_type(test.scenario_id, int)
    assert_type(test.run_id, int)
    assert_type(test.profile, Profile | None)
    assert_type(test.text_mode, bool)
    assert_type(test.config, RoomConfig)
    assert_type(test.config.empty_timeout, int | None)
    assert_type(test.config.as_model(Config), Config)
    assert_type(test.raw, Mapping[str, Any])
    assert_type(test.notes, tuple[str, ...])


def refused(ctx: JobContext, test: TestContext[Profile]) -> None:
    """What neither checker lets pass."""
    test.run_id = 1  # type: ignore[misc]
    test.profile.user_name  # type: ignore[union-attr]  # noqa: B018
    read_test_context("ctx")  # type: ignore[call-overload]
    read_test_context(ctx, on_error="rise")  # type: ignore[call-overload]


def problems(error: MetadataError) -> Iterator[str]:
    """What an error tells."""
    for problem in error.problems:
        assert_type(problem, Problem)
        yield f"{problem.source} {problem.field} {problem.reason} {problem.position}"


def tool(context: RunContext[CallData]) -> str:
    """Inside of a tool the context is in the userdata."""
    test = context.userdata.test
    return test.profile.user_name if test and test.profile else "nobody"


def test_of_a_team(make_platform_job: Callable[..., JobContext]) -> None:
    """The plugin's fixtures and builders."""
    with fake_platform_job(profile={"user_name": "Ada"}, text_mode=True) as ctx:
        assert_type(ctx, JobContext)
    assert_type(make_platform_job(run_id=7), JobContext)
