"""agent_helpers.testing: what a team gets by having the package installed."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any

import pytest
from livekit.agents import JobContext, get_job_context

from agent_helpers import MetadataError, read_test_context
from agent_helpers.testing import fake_job, fake_platform_job

if find_spec("livekit.agents.testing") is None:

    def test_on_an_older_livekit_the_fixtures_say_so() -> None:
        """One sentence, with the version that has what they need."""
        with pytest.raises(RuntimeError, match=r"needs livekit-agents 1\.6 or newer"), fake_platform_job():
            pass

else:

    @pytest.fixture
    def platform_profile() -> Mapping[str, Any]:
        """Overridden, as a team does it."""
        return {"main_agent_variables": {"user_name": "Ada"}}

    @pytest.fixture
    def platform_config() -> Mapping[str, Any]:
        """Overridden, as a team does it."""
        return {"tier": "gold"}

    def test_a_voice_job_is_a_voice_test(platform_voice_job: JobContext) -> None:
        """LiveKit's own job, and the current one."""
        found = read_test_context(on_error="raise")
        assert found is not None
        assert (found.text_mode, found.profile, found.config) == (False, {"user_name": "Ada"}, {"tier": "gold"})
        assert get_job_context() is platform_voice_job

    def test_a_text_job_is_a_text_test(platform_text_job: JobContext) -> None:
        """With the same profile and configuration."""
        found = read_test_context(platform_text_job, on_error="raise")
        assert found is not None
        assert (found.text_mode, found.profile, found.config) == (True, {"user_name": "Ada"}, {"tier": "gold"})

    def test_a_broken_job_is_a_broken_test(platform_broken_job: JobContext, caplog: pytest.LogCaptureFixture) -> None:
        """In each of the ways of BROKEN_METADATA."""
        assert read_test_context() is None
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        with pytest.raises(MetadataError):
            read_test_context(on_error="raise")

    def test_an_ordinary_job_is_no_test(ordinary_job: JobContext) -> None:
        """What production looks like."""
        assert read_test_context(ordinary_job, on_error="raise") is None

    def test_jobs_are_made_in_a_test(make_platform_job: Callable[..., JobContext]) -> None:
        """Several of them; the last one made is the current one."""
        first, second = make_platform_job(run_id=1), make_platform_job(run_id=2, foreign={"tenant": 7})
        found = [read_test_context(ctx) for ctx in (first, second)]
        assert [context and context.run_id for context in found] == [1, 2]
        assert get_job_context() is second

    def test_jobs_are_made_in_a_task(make_platform_job: Callable[..., JobContext]) -> None:
        """An asynchronous test runs in a context of its own, which is gone when the fixture ends."""

        async def an_asynchronous_test() -> Any:
            make_platform_job(run_id=7)
            return await asyncio.to_thread(read_test_context)

        assert asyncio.run(an_asynchronous_test()).run_id == 7

    def test_the_current_job_is_seen_by_asynchronous_code(platform_voice_job: JobContext) -> None:
        """The fixture is synchronous, and so is seen by every task of the test."""

        async def deep_inside() -> JobContext:
            return get_job_context()

        assert asyncio.run(deep_inside()) is platform_voice_job

    @pytest.mark.anyio
    async def test_an_asynchronous_test_has_its_job(
        platform_text_job: JobContext, make_platform_job: Callable[..., JobContext]
    ) -> None:
        """The one from a fixture, and then the one that it makes itself."""
        assert get_job_context() is platform_text_job
        made = make_platform_job(run_id=7)
        assert get_job_context() is made

    def test_after_the_block_there_is_no_job() -> None:
        """And none before it."""
        with fake_job():
            assert get_job_context() is not None
        with pytest.raises(RuntimeError):
            get_job_context()

    def test_a_connected_room_has_the_metadata_itself() -> None:
        """Before connect it is in the job's copy alone."""
        with fake_platform_job(config={"tier": "gold"}) as ctx:
            assert (ctx.room.metadata, ctx.job.room.metadata) == ("", '{"tier": "gold"}')
        with fake_platform_job(config={"tier": "gold"}, connected=True) as ctx:
            assert ctx.room.metadata == '{"tier": "gold"}'


@pytest.fixture
def anyio_backend() -> str:
    """What runs the asynchronous test; anyio comes with LiveKit."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_job_left() -> Iterator[None]:
    """No fixture of the plugin leaves its job behind."""
    yield
    with pytest.raises(RuntimeError):
        get_job_context()


def test_the_plugin_is_installed_with_the_package() -> None:
    """Nobody has to name it."""
    (plugin,) = [point for point in entry_points(group="pytest11") if point.name == "agent_helpers"]
    assert plugin.value == "agent_helpers.testing"
