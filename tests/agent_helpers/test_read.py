"""The three outcomes of a job's metadata: an ordinary call, a test, a test whose metadata is broken."""

import dataclasses
import json
import logging
import pickle
from typing import Any

import pytest

from agent_helpers import MetadataError, RoomConfig, TestContext, follow_test_context, read_test_context
from agent_helpers.job import is_livekit_simulation
from agent_helpers.metadata import MAX_BYTES, MAX_DEPTH
from tests.agent_helpers.jobs import Context, claim, job


def nested(depth: int) -> Any:
    """An object with `depth` objects in all, itself counted."""
    value: Any = {}
    for _ in range(depth - 1):
        value = {"deeper": value}
    return value


def padded(size: int) -> str:
    """A good claim of exactly `size` bytes."""
    empty = json.dumps(claim(filler=""))
    return json.dumps(claim(filler="x" * (size - len(empty))))


def read(context: Context) -> TestContext[Any]:
    found = read_test_context(context, on_error="raise")
    assert found is not None
    return found


ORDINARY = {
    "nothing": "",
    "white space": " \n\t",
    "no JSON": "tenant-7",
    "cut JSON": '{"tenant": ',
    "null": "null",
    "a number": "7",
    "a list with a claim in it": json.dumps([claim()]),
    "text": '"scenario_id"',
    "the key as a value": json.dumps({"key": "scenario_id"}),
    "the key further down": json.dumps({"crm": claim()}),
    "the key below the greatest depth": json.dumps({"crm": nested(MAX_DEPTH), "x": {"scenario_id": 1}}),
    "another key": json.dumps({"scenario_ids": [1], "run_id": 2, "text_mode": True}),
    "too large": "x" * (MAX_BYTES + 1),
    "an object of somebody else's, encoded twice": json.dumps(json.dumps({"tenant": 7})),
    "brackets without end": "[" * 200_000,
}


@pytest.mark.parametrize("metadata", ORDINARY.values(), ids=ORDINARY)
@pytest.mark.parametrize("room", ["", "no JSON", json.dumps(claim())], ids=["no room", "text", "claim in the room"])
def test_an_ordinary_call_has_no_context_and_no_warning(
    metadata: str, room: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever else stands in either metadata, and however errors are to be treated."""
    context = job(metadata, copy=room, connected=room)
    assert read_test_context(context) is None
    assert read_test_context(context, on_error="raise") is None
    assert not caplog.records
    assert not context.log_context_fields


def test_metadata_that_is_no_text_claims_nothing() -> None:
    """A stand-in of somebody's own unit test, which LiveKit never sends."""
    context = job()
    context.job.metadata = claim()
    assert read_test_context(context, on_error="raise") is None


def test_a_test_is_read_with_every_field() -> None:
    """The platform's own example, with text mode and a configuration."""
    profile = {"user_name": "John Doe", "account_id": "ACC-12345"}
    found = read(job(claim(test_profile_data=profile, text_mode=True), copy='{"empty_timeout": 300}'))
    assert (found.scenario_id, found.run_id, found.text_mode) == (123, 456, True)
    assert found.profile == profile
    assert found.config == {"empty_timeout": 300}
    assert found.raw == claim(test_profile_data=profile, text_mode=True)
    assert not found.foreign
    assert not found.notes


def test_the_smallest_test_has_defaults() -> None:
    """No profile is None, and not an empty one."""
    found = read(job(claim()))
    assert found.profile is None
    assert found.text_mode is False
    assert found.config == {}
    assert read(job(claim(test_profile_data={}))).profile == {}


def test_a_context_is_frozen_hashable_and_can_be_pickled() -> None:
    """It travels as userdata, between threads and to processes."""
    found = read(job(claim(test_profile_data={"a": [1]}), copy='{"b": 2}'))
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.run_id = 1  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.tenant = 7  # type: ignore[attr-defined]
    assert hash(found) == hash(read(job(claim())))
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301


def test_a_context_can_be_made_with_its_type() -> None:
    """In a team's own tests, of what the agent does with one."""
    made = TestContext[dict[str, str]](1, 2, {"name": "Ada"}, False, RoomConfig(), {}, {})
    assert made.profile == {"name": "Ada"}


def test_the_repr_shows_no_value_of_the_metadata() -> None:
    """A context in a log line or an assertion shows ids only."""
    found = read(job(claim(test_profile_data={"name": "Ada"}, extra="Ada"), copy='{"name": "Ada"}'))
    assert "Ada" not in repr(found)


BROKEN: dict[str, tuple[Any, str, str]] = {
    "no run id": ({"scenario_id": 1}, "run_id", "is missing"),
    "scenario id is text": (claim(scenario_id="123"), "scenario_id", "is text, not an integer"),
    "scenario id is null": (claim(scenario_id=None), "scenario_id", "is null, not an integer"),
    "scenario id is a boolean": (claim(scenario_id=True), "scenario_id", "is a boolean, not an integer"),
    "run id is a fraction": (claim(run_id=456.0), "run_id", "is a number, not an integer"),
    "text mode is text": (claim(text_mode="false"), "text_mode", "is text, not a boolean"),
    "text mode is a number": (claim(text_mode=1), "text_mode", "is an integer, not a boolean"),
    "text mode is null": (claim(text_mode=None), "text_mode", "is null, not a boolean"),
    "profile is text": (claim(test_profile_data="{}"), "test_profile_data", "is text, not an object"),
    "profile is a list": (claim(test_profile_data=[]), "test_profile_data", "is a list, not an object"),
    "profile is null": (claim(test_profile_data=None), "test_profile_data", "is null, not an object"),
    "section is text": (
        claim(test_profile_data={"main_agent_variables": "x"}),
        "test_profile_data.main_agent_variables",
        "is text, not an object",
    ),
    "information is null": (
        claim(test_profile_data={"id": 1, "name": "x", "information": None}),
        "test_profile_data.information",
        "is null, not an object",
    ),
    "nested too deep": (claim(deep=nested(MAX_DEPTH)), "", f"is nested over {MAX_DEPTH} deep"),
    "nested beyond the decoder": (
        '{"scenario_id": 1, "run_id": ' + "[" * 200_000,
        "",
        f"is nested over {MAX_DEPTH} deep",
    ),
    "too large": (padded(MAX_BYTES + 1), "", f"is over {MAX_BYTES} bytes"),
    "cut": ('{"scenario_id": 123, "run', "", "is not JSON"),
    "cut and encoded twice": (json.dumps(json.dumps(claim()))[:-3], "", "is not JSON"),
    "cut inside": (json.dumps('{"scenario_id": 123, '), "", "is not JSON"),
    "no number of JSON's": (
        '{"scenario_id": NaN, "run_id": 456}',
        "",
        "holds a number that JSON or Python cannot represent",
    ),
    "a number beyond every float": (
        '{"scenario_id": 123, "run_id": 456, "balance": 1e400}',
        "",
        "holds a number that JSON or Python cannot represent",
    ),
    "an endless number": (
        '{"scenario_id": ' + "9" * 5_000 + "}",
        "",
        "holds a number that JSON or Python cannot represent",
    ),
}


@pytest.mark.parametrize(("metadata", "field", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_claim_is_an_error_that_says_what_and_where(metadata: Any, field: str, reason: str) -> None:
    """With `on_error="raise"`: source, field and reason."""
    with pytest.raises(MetadataError) as caught:
        read_test_context(job(metadata), on_error="raise")
    assert (caught.value.source, caught.value.field, caught.value.reason) == ("job metadata", field, reason)


@pytest.mark.parametrize(("metadata", "field", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_claim_is_an_ordinary_call_with_one_warning(
    metadata: Any, field: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By default: a call is never hurt by what stands in its metadata."""
    context = job(metadata)
    assert read_test_context(context) is None
    ((logger, level, message),) = caplog.record_tuples
    assert (logger, level) == ("agent_helpers", logging.WARNING)
    assert reason in message
    assert field in message
    assert not context.log_context_fields


ROOMS: dict[str, tuple[Any, str]] = {
    "no JSON": ("{tier: gold}", "is not JSON"),
    "null": ("null", "is null, not an object"),
    "a list": ("[1, 2]", "is a list, not an object"),
    "a number": ("7", "is an integer, not an object"),
    "text": ('"gold"', "is text, not an object"),
    "too deep": (json.dumps(nested(MAX_DEPTH + 1)), f"is nested over {MAX_DEPTH} deep"),
    "too large": ('{"x": "' + "x" * MAX_BYTES + '"}', f"is over {MAX_BYTES} bytes"),
    "no string": (b"{}", "is no string"),
}


@pytest.mark.parametrize(("metadata", "reason"), ROOMS.values(), ids=ROOMS)
def test_a_test_in_a_broken_room_is_a_broken_claim(metadata: Any, reason: str) -> None:
    """The connected room decides, even where the job's copy could be read."""
    context = job(claim(), copy="{}", connected=metadata)
    assert read_test_context(context) is None
    with pytest.raises(MetadataError) as caught:
        read_test_context(context, on_error="raise")
    assert (caught.value.source, caught.value.field, caught.value.reason) == ("room metadata", "", reason)


def test_the_position_is_where_the_text_stops_being_json() -> None:
    """Counted in characters from the beginning."""
    with pytest.raises(MetadataError) as caught:
        read_test_context(job('{"scenario_id": 123, x'), on_error="raise")
    assert caught.value.position == len('{"scenario_id": 123, ')
    assert str(caught.value) == "job metadata is not JSON (at character 21)"


def test_one_error_lists_every_wrong_field() -> None:
    """Nobody mends a dispatch one field a run."""
    with pytest.raises(MetadataError) as caught:
        read_test_context(job({"scenario_id": "1", "text_mode": 1}), on_error="raise")
    assert [problem.field for problem in caught.value.problems] == ["scenario_id", "run_id", "text_mode"]


@pytest.mark.parametrize("metadata", [entry[0] for entry in BROKEN.values()], ids=BROKEN)
def test_no_error_carries_content(metadata: Any) -> None:
    """Neither in its text nor in an exception that it was raised from."""
    with pytest.raises(MetadataError) as caught:
        read_test_context(job(metadata), on_error="raise")
    assert caught.value.__context__ is None
    assert "123" not in str(caught.value)
    assert "999" not in str(caught.value)


def test_a_mistyped_on_error_is_refused() -> None:
    """It would otherwise be taken for the other one."""
    with pytest.raises(ValueError, match="on_error"):
        read_test_context(job(), on_error="rise")  # type: ignore[call-overload]


def test_the_greatest_size_and_depth_are_allowed() -> None:
    """The bounds themselves are inside."""
    assert read(job(padded(MAX_BYTES))).raw["filler"]
    assert read(job(claim(deep=nested(MAX_DEPTH - 1)))).raw["deep"]


def test_the_size_is_counted_in_bytes() -> None:
    """As LiveKit's server counts it."""
    text = json.dumps(claim(filler="é" * (MAX_BYTES // 2)), ensure_ascii=False)
    assert len(text) < MAX_BYTES
    assert read_test_context(job(text)) is None


def test_before_connect_the_copy_in_the_job_is_read() -> None:
    """The connected room has no metadata yet."""
    assert read(job(claim(), copy='{"tier": "gold"}', connected="")).config == {"tier": "gold"}


def test_after_connect_the_room_itself_is_read() -> None:
    """It is as new as the room; the copy is as old as the dispatch."""
    assert read(job(claim(), copy='{"tier": "gold"}', connected='{"tier": "lead"}')).config == {"tier": "lead"}


def test_a_room_without_metadata_of_its_own_has_the_copy() -> None:
    """A stand-in whose connected room has None, or white space."""
    for blank in (None, " "):
        assert read(job(claim(), copy='{"tier": "gold"}', connected=blank)).config == {"tier": "gold"}


@pytest.mark.parametrize("attributes", [None, {}, {"tenant": "7"}])
def test_a_job_without_the_simulators_attribute_is_none_of_its_simulations(attributes: dict[str, str] | None) -> None:
    """Whatever a stand-in of somebody's own unit test has there."""
    context: Any = job(claim())
    context.job.attributes = attributes
    assert not is_livekit_simulation(context)


def test_the_ids_join_the_log_fields_of_the_job() -> None:
    """What the agent put there stays."""
    context = job(claim())
    context.log_context_fields["tenant"] = 7
    read(context)
    assert context.log_context_fields == {"tenant": 7, "scenario_id": 123, "run_id": 456}


def test_a_follower_hears_of_every_change() -> None:
    """The first context is returned, each later one is handed over."""
    context, heard = job(claim(), copy='{"step": 1}'), list[Any]()
    first = follow_test_context(heard.append, context)
    assert first is not None
    context.room.change('{"step": 2}')
    context.room.change("")
    assert [first.config, *(found.config for found in heard)] == [{"step": 1}, {"step": 2}, {}]


def test_a_broken_change_is_a_warning_and_no_news(caplog: pytest.LogCaptureFixture) -> None:
    """The follower keeps what it has."""
    context, heard = job(claim()), list[Any]()
    follow_test_context(heard.append, context)
    context.room.change("{")
    assert not heard
    assert "room metadata is not JSON" in caplog.text


def test_in_an_ordinary_call_nothing_is_followed() -> None:
    """No listener of ours is in a production room."""
    context = job()
    assert follow_test_context(lambda found: None, context) is None
    assert not context.room.listeners
