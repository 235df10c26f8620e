"""A real worker with real job processes, dispatched over the wire: metadata through LiveKit's own process boundary."""

import asyncio
import json
import os
from typing import Any

import pytest

from tests.agent_helpers.jobs import claim
from tests.agent_helpers.with_livekit.wire import dispatcher, running_worker, worker_environment

pytestmark = pytest.mark.real

WORKER = "tests.agent_helpers.with_livekit.reporting_worker"


async def reports(*jobs: tuple[Any, ...]) -> list[Any]:
    """What each of these jobs reads, one after the other, in one worker."""
    async with dispatcher() as server:
        environment = worker_environment(server.url, REPORT_URL=server.url.replace("ws:", "http:") + "/report")
        async with running_worker(WORKER, environment):
            return [await server.dispatch(*job) for job in jobs]


def test_a_worker_hands_metadata_to_its_jobs() -> None:
    """An ordinary call, a test with everything, a broken one, and one of LiveKit's own simulations."""
    test = claim(test_profile_data={"user_name": "Ada é", "orders": [None, 1]}, text_mode=True)
    ordinary, good, broken, simulation = asyncio.run(
        reports(
            ("", '{"tier": "gold"}'),
            (json.dumps(test), '{"tier": "gold"}'),
            (json.dumps(claim(text_mode="false")),),
            (json.dumps(test), "", {"lk.simulator.dispatch": '{"simulationRunId": "SR_1"}'}),
        )
    )
    assert (ordinary["found"], ordinary["error"], ordinary["log_fields"]) == (None, "", {})
    assert good["found"] == [123, 456, {"user_name": "Ada é", "orders": [None, 1]}, True, {"tier": "gold"}]
    assert good["log_fields"] == {"scenario_id": 123, "run_id": 456}
    assert (broken["found"], broken["log_fields"]) == (None, {})
    assert broken["error"] == "job metadata, field text_mode: is text, not a boolean"
    assert [job["simulation"] for job in (ordinary, good, broken, simulation)] == [False, False, False, True]
    assert os.getpid() not in {job["pid"] for job in (ordinary, good, broken, simulation)}


def test_metadata_of_the_greatest_size_arrives_whole() -> None:
    """LiveKit's process boundary has no bound of its own; ours is what LiveKit's server allows."""
    filler = "x" * 520_000
    good, too_large = asyncio.run(
        reports((json.dumps(claim(filler=filler)),), (json.dumps(claim(filler=filler * 2)),)),
    )
    assert good["found"] is not None
    assert too_large["error"] == "job metadata is over 524288 bytes"
