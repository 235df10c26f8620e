"""Jobs as the platform dispatches them, for the agent team's own tests: builders, and a pytest plugin with fixtures.

pytest loads this module in every run of an environment that has the package (entry point pytest11), so it imports
LiveKit and asyncio only when a job is made. Jobs are LiveKit's own, from its `fake_job_context`; they are the current
job as long as they last, so `get_job_context()` and `read_test_context()` find them. Needs livekit-agents 1.6 or newer.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from agent_helpers.metadata import encode_job

if TYPE_CHECKING:
    from livekit.agents import JobContext
    from livekit.rtc import Room

BROKEN_METADATA: Mapping[str, str] = {
    "scenario_id is text": '{"scenario_id": "123", "run_id": 456}',
    "run_id is missing": '{"scenario_id": 123}',
    "text_mode is text": '{"scenario_id": 123, "run_id": 456, "text_mode": "false"}',
    "test_profile_data is a list": '{"scenario_id": 123, "run_id": 456, "test_profile_data": []}',
    "cut": '{"scenario_id": 123, "run_i',
}
"""Job metadata of tests that `read_test_context` refuses, by what is wrong with it."""


@contextmanager
def fake_job(metadata: str = "", *, room_metadata: str = "", connected: bool = False) -> Iterator["JobContext"]:
    """A job with these two texts, current until the block ends; without any, an ordinary call.

    Before connect LiveKit has the room's metadata in the job's copy only; `connected` also puts it into `ctx.room`.
    Works with and without a running event loop, and leaves no temporary directory behind.
    """
    with _room() as room:
        fake = _livekit_fake(room, metadata)
        ctx = fake.__enter__()
        ctx.job.room.metadata = room_metadata
        if connected:
            room._info.metadata = room_metadata  # LiveKit offers no other way to a connected room without a server
        try:
            yield ctx
        finally:
            with suppress(ValueError):  # left in another contextvars context than entered: that one is gone
                fake.__exit__(None, None, None)
            ctx._tempdir.cleanup()  # LiveKit leaves it to the garbage collector, which warns


def fake_platform_job(
    *,
    scenario_id: int = 123,
    run_id: int = 456,
    profile: Mapping[str, Any] | None = None,
    text_mode: bool | None = None,
    config: Mapping[str, Any] | None = None,
    foreign: Mapping[str, Any] | None = None,
    connected: bool = False,
) -> AbstractContextManager["JobContext"]:
    """A job as the platform dispatches it in a test: `fake_job` with metadata made of these fields.

    `profile` goes in as it is given, in whichever of the three shapes; `config` is the room's metadata; `foreign` are
    keys of other senders.
    """
    metadata = encode_job(scenario_id, run_id, profile=profile, text_mode=text_mode, foreign=foreign)
    room_metadata = "" if config is None else json.dumps(config)
    return fake_job(metadata, room_metadata=room_metadata, connected=connected)


@pytest.fixture
def platform_profile() -> Mapping[str, Any] | None:
    """The test profile of the jobs below; override it in a conftest.py. None is a run without one."""
    return None


@pytest.fixture
def platform_config() -> Mapping[str, Any] | None:
    """The room's configuration of the jobs below; override it in a conftest.py."""
    return None


@pytest.fixture
def platform_voice_job(
    platform_profile: Mapping[str, Any] | None, platform_config: Mapping[str, Any] | None
) -> Iterator["JobContext"]:
    """The job of a voice test."""
    with fake_platform_job(profile=platform_profile, config=platform_config) as ctx:
        yield ctx


@pytest.fixture
def platform_text_job(
    platform_profile: Mapping[str, Any] | None, platform_config: Mapping[str, Any] | None
) -> Iterator["JobContext"]:
    """The job of a text test."""
    with fake_platform_job(profile=platform_profile, config=platform_config, text_mode=True) as ctx:
        yield ctx


@pytest.fixture(params=BROKEN_METADATA.values(), ids=list(BROKEN_METADATA))
def platform_broken_job(request: pytest.FixtureRequest) -> Iterator["JobContext"]:
    """The job of a test with broken metadata; the test runs once for each entry of BROKEN_METADATA."""
    with fake_job(request.param) as ctx:
        yield ctx


@pytest.fixture
def ordinary_job() -> Iterator["JobContext"]:
    """The job of an ordinary call: no metadata at all."""
    with fake_job() as ctx:
        yield ctx


@pytest.fixture
def make_platform_job() -> Iterator[Callable[..., "JobContext"]]:
    """`fake_platform_job` as a function that returns the job; every job made ends with the test."""
    with ExitStack() as made:
        yield lambda **fields: made.enter_context(fake_platform_job(**fields))


@contextmanager
def _room() -> Iterator["Room"]:
    """An unconnected room. It can be made only under a running loop, which a synchronous test does not have."""
    import asyncio

    from livekit.rtc import Room

    async def make() -> Room:
        return Room()

    if _loop_is_running():
        yield Room()
        return
    loop = asyncio.new_event_loop()
    try:
        yield loop.run_until_complete(make())
    finally:
        loop.close()


def _loop_is_running() -> bool:
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _livekit_fake(room: "Room", metadata: str) -> AbstractContextManager["JobContext"]:
    try:
        from livekit.agents.testing import fake_job_context
    except ImportError:
        raise RuntimeError("agent_helpers.testing needs livekit-agents 1.6 or newer (fake_job_context)") from None
    return fake_job_context(room=room, job_metadata=metadata)
