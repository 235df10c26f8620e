"""The join body: the customer's template with the session's part put in, and nothing of either lost."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.agents.contract import AgentSpec
from session_service.agents.convoai_body import Template, load_template, read_template
from session_service.agora.encryption import MODES, from_entropy
from session_service.errors import InvalidValue
from tests.agents.specs import PREFIX, SESSION, agent_spec

OURS = ("channel", "token", "agent_rtc_uid", "remote_rtc_uids", "idle_timeout", "rtc")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
NOT_OURS = st.text(max_size=12).filter(
    lambda key: key not in {*OURS, "name", "properties", "labels", "session_id", "enable_string_uid"}
)
TEMPLATES = st.fixed_dictionaries(
    {},
    optional={
        "pipeline_id": st.text(max_size=9),
        "properties": st.dictionaries(NOT_OURS, JSON, max_size=4).flatmap(
            lambda properties: st.dictionaries(NOT_OURS, st.text(max_size=9), max_size=3).map(
                lambda labels: properties | {"labels": labels}
            )
        ),
    },
)


def template(content: object) -> Template:
    """The template that this value is the JSON of."""
    return read_template(orjson.dumps(content))


def body(content: object, spec: AgentSpec) -> Any:
    """What Agora gets, as it reads it."""
    return orjson.loads(orjson.dumps(template(content).body(spec, 60)))


@given(TEMPLATES)
def test_the_customers_part_passes_as_it_is(content: dict[str, Any]) -> None:
    """Every key and value of the template stands in the body, and beside them only ours."""
    sent = body(content, agent_spec())
    theirs = content.get("properties", {})
    assert {key: value for key, value in sent.items() if key not in ("name", "properties")} == {
        key: value for key, value in content.items() if key != "properties"
    }
    assert {key: sent["properties"][key] for key in theirs if key != "labels"} == {
        key: value for key, value in theirs.items() if key != "labels"
    }
    assert sent["properties"].keys() == theirs.keys() | {*OURS, "labels"}


@given(TEMPLATES, st.sampled_from(sorted(MODES)))
def test_the_sessions_part_is_the_same_whatever_the_template_says(content: dict[str, Any], mode: str) -> None:
    """Who, where, with whom, until when, and how encrypted."""
    seat = agent_spec(f"{PREFIX}9").agora
    encryption = from_entropy(MODES[mode], bytes(range(64)))
    sent = body(content, AgentSpec(f"{PREFIX}9", seat, encryption))
    properties = sent["properties"]
    expected = [seat.channel, seat.token, str(seat.uid), [str(seat.tester_uid)], 60]
    assert [properties[key] for key in OURS[:5]] == expected
    assert (sent["name"], properties["labels"]["session_id"]) == (f"{PREFIX}9", f"{PREFIX}9")
    assert properties["rtc"]["encryption_mode"] == MODES[mode].number
    assert properties["rtc"]["encryption_key"] == encryption.key
    assert properties["rtc"].get("encryption_salt") == encryption.salt


def test_an_unencrypted_channel_has_no_rtc() -> None:
    """An empty key would switch encryption off, and a mode without one is refused."""
    assert "rtc" not in body({}, AgentSpec(SESSION, agent_spec().agora))["properties"]


def test_one_body_leaves_the_template_as_it_was() -> None:
    """The next session starts from the same."""
    made = template({"properties": {"labels": {"team": "a"}}})
    first = made.body(agent_spec(SESSION), 60)
    assert made.body(agent_spec(SESSION), 60) == first
    assert made.labels == {"team": "a"}


@pytest.mark.parametrize("key", OURS)
def test_a_template_that_sets_what_is_the_sessions_is_refused_by_the_keys_name(key: str) -> None:
    """Whatever the value: silence would mean that one of the two is ignored."""
    with pytest.raises(InvalidValue, match=f"properties.{key}") as caught:
        template({"properties": {key: "sentinel"}})
    assert "sentinel" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ({"name": "sentinel"}, "sets name"),
        ({"properties": {"labels": {"session_id": "sentinel"}}}, "labels.session_id"),
        ({"properties": {"labels": {"team": 7}}}, "must be a text"),
        ({"properties": {"labels": ["sentinel"]}}, "properties.labels must be"),
        ({"properties": ["sentinel"]}, "properties must be"),
        (["sentinel"], "The template must be"),
        ({"properties": {"enable_string_uid": True}}, "uids are numbers"),
    ],
)
def test_a_template_of_another_shape_is_refused(content: object, rule: str) -> None:
    """At the start of the service, and without what stands in it."""
    with pytest.raises(InvalidValue, match=rule) as caught:
        template(content)
    assert "sentinel" not in str(caught.value)


def test_what_is_no_json_is_refused_with_its_position() -> None:
    """And without a word of it."""
    with pytest.raises(InvalidValue, match="line 2, column") as caught:
        read_template(b'{"properties":\n sentinel}')
    assert "sentinel" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("path", ["no-such-template.json", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_refused(path: str) -> None:
    """With the system's reason."""
    with pytest.raises(InvalidValue, match="cannot be read"):
        load_template(path)


def test_a_template_does_not_show_what_it_holds() -> None:
    """It holds the keys of vendors."""
    assert "sentinel" not in repr(
        template({"properties": {"llm": {"api_key": "sentinel"}, "labels": {"a": "sentinel"}}})
    )
