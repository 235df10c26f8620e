"""Holds the platform's own SDK to what tests/agent_helpers/test_platform_sdk.py says of it, case by case.

When one of these fails, the platform has mended the case, and the sentence there has to go.
"""

import json
from typing import Any

import pytest
from cekura.livekit import LiveKitTracer

from tests.agent_helpers.jobs import claim
from tests.agent_helpers.with_livekit.hand_made import connect, real_job

TRACER = LiveKitTracer("key", 1, enable_otel_traces=False)
DEEP: Any = "leaf"
for _ in range(12):
    DEEP = {"deeper": DEEP}

CASES: dict[str, tuple[str, str, Any]] = {
    "1 null id": (json.dumps({"scenario_id": None, "run_id": 1}), "", {"run_id": 1}),
    "2 null entries": (json.dumps({"orders": [None, "A-1"], "name": None}), "", {"orders": ["A-1"]}),
    "4 encoded twice": (json.dumps(json.dumps(claim())), "", {}),
    "5 own additional_config": ('{"additional_config": 1}', '{"tier": 2}', {"additional_config": {"tier": 2}}),
    "6 foreign keys": (json.dumps(claim(tenant=7)), "", claim(tenant=7)),
    "7 list for a configuration": ("", "[1]", {"additional_config": [1]}),
    "9 ordinary room": ("", '{"tier": 2}', {"additional_config": {"tier": 2}}),
    "10 text for an id": ('{"scenario_id": "123"}', "", {"scenario_id": "123"}),
    "11 text for text mode": ('{"text_mode": "false"}', "", {"text_mode": "false"}),
    "12 text mode in the room": ("", '{"text_mode": true}', {"additional_config": {"text_mode": True}}),
    "13 text mode alone": ('{"text_mode": true}', "", {"text_mode": True}),
}


@pytest.mark.parametrize(("metadata", "room", "data"), CASES.values(), ids=CASES)
def test_the_sdks_data(metadata: str, room: str, data: Any) -> None:
    """What get_simulation_data makes of a real job."""
    with real_job(metadata, room) as ctx:
        assert TRACER.get_simulation_data(ctx) == data


def test_1_the_sdk_calls_a_null_id_a_simulation() -> None:
    """The key alone decides."""
    with real_job('{"scenario_id": null}') as ctx:
        assert TRACER.is_simulation_call(ctx)


def test_3_the_sdk_turns_deep_values_into_text() -> None:
    """A hundred characters of Python."""
    with real_job(json.dumps({"deep": DEEP})) as ctx:
        assert "{'deeper'" in json.dumps(TRACER.get_simulation_data(ctx))


@pytest.mark.parametrize("metadata", ["null", "{tier: lead}"])
def test_8_the_sdk_falls_back_to_the_older_copy(metadata: str) -> None:
    """Although the room itself has other metadata."""
    with real_job("", '{"tier": "gold"}') as ctx:
        connect(ctx, metadata)
        assert TRACER.get_simulation_data(ctx) == {"additional_config": {"tier": "gold"}}
