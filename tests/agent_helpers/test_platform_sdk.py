"""The fourteen cases in which the platform's own SDK (cekura 1.6.7, get_simulation_data) loses or invents something.

In the order of that method's own steps. Each test says what the SDK does; with_livekit/test_platform_sdk.py holds the
SDK to it, so that a new version that mends a case is noticed.
"""

import json
from typing import Any

import pytest

from agent_helpers import MetadataError, TestContext, read_test_context
from tests.agent_helpers.jobs import Context, claim, job


def read(context: Context) -> TestContext[Any]:
    found = read_test_context(context, on_error="raise")
    assert found is not None
    return found


def refused(context: Context) -> str:
    with pytest.raises(MetadataError) as caught:
        read_test_context(context, on_error="raise")
    return str(caught.value)


def test_1_a_null_id_is_no_id() -> None:
    """The SDK says that it is a simulation, and has no scenario_id in its data."""
    assert refused(job(claim(scenario_id=None))) == "job metadata, field scenario_id: is null, not an integer"


def test_2_null_is_not_absent() -> None:
    """The SDK drops null keys, and null entries of lists, so that later entries move."""
    profile = {"middle_name": None, "orders": [None, "A-1", None]}
    assert read(job(claim(test_profile_data=profile))).profile == profile


def test_3_nothing_becomes_text() -> None:
    """The SDK replaces what is nested over ten deep by a hundred characters of Python."""
    deep: Any = {"leaf": [1.5, True]}
    for _ in range(20):
        deep = {"deeper": deep}
    assert read(job(claim(test_profile_data=deep))).profile == deep


def test_4_json_inside_a_json_string_is_read_and_said(caplog: pytest.LogCaptureFixture) -> None:
    """The SDK takes it for no metadata, without a word."""
    found = read(job(json.dumps(json.dumps(claim())), copy=json.dumps('{"tier": "gold"}')))
    assert (found.scenario_id, found.config) == (123, {"tier": "gold"})
    assert [note.split(" is ")[0] for note in found.notes] == ["job metadata", "room metadata"]
    assert caplog.text.count("JSON inside a JSON string") == 2


def test_5_a_key_of_the_job_is_not_overwritten_by_the_room() -> None:
    """The SDK puts the room's metadata over the job's own key additional_config."""
    found = read(job(claim(additional_config="mine"), copy='{"tier": "gold"}'))
    assert (found.foreign, found.config) == ({"additional_config": "mine"}, {"tier": "gold"})


def test_6_foreign_keys_are_kept_apart_and_listed() -> None:
    """The SDK has them in one namespace with the platform's."""
    found = read(job(claim(tenant=7, test_profile_data={"tenant": 8})))
    assert found.foreign == {"tenant": 7}
    assert found.profile == {"tenant": 8}


@pytest.mark.parametrize("metadata", ["[1]", "7", '"gold"'])
def test_7_a_configuration_is_an_object(metadata: str) -> None:
    """The SDK hands on whatever the room holds."""
    assert "not an object" in refused(job(claim(), copy=metadata))


@pytest.mark.parametrize("metadata", ["null", "{tier: gold}"])
def test_8_a_broken_room_is_not_replaced_by_its_older_copy(metadata: str) -> None:
    """The SDK falls back, and so reads a configuration that is no longer true."""
    assert refused(job(claim(), copy='{"tier": "gold"}', connected=metadata)).startswith("room metadata")


def test_9_an_ordinary_room_with_json_is_no_test() -> None:
    """The SDK's answer is not empty, and so looks like a simulation to `if data:`."""
    assert read_test_context(job("", copy='{"tier": "gold"}'), on_error="raise") is None


def test_10_an_id_is_an_integer() -> None:
    """The SDK passes text through."""
    assert refused(job(claim(scenario_id="123"))) == "job metadata, field scenario_id: is text, not an integer"


def test_11_the_text_false_is_not_a_boolean() -> None:
    """The SDK takes it for true, and starts text mode."""
    assert refused(job(claim(text_mode="false"))) == "job metadata, field text_mode: is text, not a boolean"


def test_12_a_configuration_does_not_switch_text_mode() -> None:
    """The SDK does not either; it stays a key of the configuration."""
    found = read(job(claim(), copy='{"text_mode": true}'))
    assert (found.text_mode, found.config) == (False, {"text_mode": True})


def test_13_text_mode_alone_is_no_test() -> None:
    """The SDK starts text mode in an ordinary call."""
    assert read_test_context(job({"text_mode": True}), on_error="raise") is None


def test_14_room_metadata_that_is_no_string_is_an_error_of_ours() -> None:
    """The SDK lets an AttributeError escape."""
    assert refused(job(claim(), connected={"tier": "gold"})) == "room metadata is no string"
