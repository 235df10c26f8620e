"""What holds for every metadata, found out on generated ones; `damaged` is the fuzz target of the parser.

To fuzz for longer: `FUZZ_EXAMPLES=100000 pytest tests/agent_helpers/test_properties.py`, or any fuzzer of bytes on
`test_damaged_metadata_is_read_ordinary_or_broken.hypothesis.fuzz_one_input`.
"""

import dataclasses
import json
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_helpers import MetadataError, TestContext, read_test_context
from agent_helpers.metadata import encode_job
from tests.agent_helpers.jobs import claim, job

many = settings(max_examples=int(os.environ.get("FUZZ_EXAMPLES", "100")))

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=15)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=6)
RESERVED = {"main_agent_variables", "testing_agent_variables", "information"}
PROFILES = OBJECTS.filter(lambda profile: not profile.keys() & RESERVED)
KNOWN = RESERVED | {"scenario_id", "run_id", "test_profile_data", "text_mode"}
FOREIGN = OBJECTS.map(lambda fields: {key: value for key, value in fields.items() if key not in KNOWN})


def read(metadata: Any, **room: Any) -> TestContext[Any]:
    found = read_test_context(job(metadata, **room), on_error="raise")
    assert found is not None
    return found


@many
@given(
    ids=st.tuples(st.integers(), st.integers()), text_mode=st.booleans(), objects=st.tuples(PROFILES, FOREIGN, OBJECTS)
)
def test_what_is_written_is_read(ids: tuple[int, int], text_mode: bool, objects: tuple[Any, Any, Any]) -> None:
    """Nothing is lost, moved, converted or invented on the way through the text."""
    profile, foreign, config = objects
    text = encode_job(*ids, profile=profile, text_mode=text_mode, foreign=foreign)
    found = read(text, copy=json.dumps(config))
    assert (found.scenario_id, found.run_id, found.profile) == (*ids, profile)
    assert (found.text_mode, found.foreign, found.config) == (text_mode, foreign, config)
    assert found.raw == json.loads(text)


@many
@given(claim_=st.fixed_dictionaries({}, optional={"test_profile_data": PROFILES, "text_mode": st.booleans()}))
def test_a_second_encoding_changes_the_notes_alone(claim_: dict[str, Any]) -> None:
    """The same context, and a word about it."""
    once, twice = read(claim(**claim_)), read(json.dumps(json.dumps(claim(**claim_))))
    assert once == dataclasses.replace(twice, notes=())
    assert len(twice.notes) == 1


@many
@given(PROFILES, OBJECTS)
def test_the_shape_of_a_profile_does_not_matter(agent: dict[str, Any], caller: dict[str, Any]) -> None:
    """Sections, and a record of sections, give what the flat profile gives."""
    sections = {"main_agent_variables": agent, "testing_agent_variables": caller}
    record = {"id": 1, "name": "x", "information": sections}
    assert [read(claim(test_profile_data=shape)).profile for shape in (sections, record)] == [agent, agent]


@many
@given(st.text() | VALUES.map(json.dumps), st.text() | VALUES.map(json.dumps))
def test_what_does_not_name_a_scenario_is_an_ordinary_call(metadata: str, room: str) -> None:
    """No metadata of anybody else's is ever an error."""
    if "scenario" not in metadata and "\\" not in metadata:
        assert read_test_context(job(metadata, copy=room), on_error="raise") is None


@many
@given(VALUES.filter(lambda value: type(value) is not int), st.sampled_from(["scenario_id", "run_id"]))
def test_an_id_is_an_integer_and_nothing_else(value: Any, key: str) -> None:
    """Whatever stands there, the error names the field."""
    with pytest.raises(MetadataError) as caught:
        read(claim(**{key: value}))
    assert [problem.field for problem in caught.value.problems] == [key]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A good claim with a piece cut out and another put in."""
    text = json.dumps(claim(test_profile_data=draw(PROFILES)))
    text = json.dumps(text) if draw(st.booleans()) else text
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    return text[:start] + draw(st.text(alphabet='{}[]":,\\ntrue1eE.\x00\ud800"') | st.text(max_size=3)) + text[end:]


@many
@given(damaged(), st.none() | damaged())
def test_damaged_metadata_is_read_ordinary_or_broken(metadata: str, room: str | None) -> None:
    """Never any other exception; and by default none at all."""
    context = job(metadata, copy=room)
    assert read_test_context(context) is None or read_test_context(context, on_error="raise") is not None
