"""What an agent is handed: exactly the keys of the documentation, and nothing else is read back."""

import json
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.agents import handover
from session_service.agents.contract import AgentSpec
from session_service.agora.encryption import MODES, from_entropy
from session_service.errors import InvalidValue
from tests.agents.specs import SESSION, agent_spec

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_the_keys_are_those_of_the_documentation() -> None:
    """No key more, none less."""
    value = json.loads(handover.write(agent_spec()))
    assert list(value) == ["version", "session_id", "agora", "encryption", "test", "report"]
    assert list(value["agora"]) == ["app_id", "channel", "token", "uid", "tester_uid"]
    assert list(value["encryption"]) == ["mode", "mode_number", "web_mode", "key", "salt"]
    assert list(value["report"]) == ["url", "token"]


def test_what_a_session_does_not_have_is_null() -> None:
    """The keys are always there."""
    value = json.loads(handover.write(AgentSpec(SESSION, agent_spec().agora)))
    assert (value["encryption"], value["test"], value["report"]) == (None, None, None)


@given(st.dictionaries(st.text(), values, max_size=4))
def test_reading_gives_back_what_was_written(test: dict[str, object]) -> None:
    """Whatever is being tested, half a surrogate pair included."""
    spec = replace(agent_spec(now=0), test=test)
    assert handover.read(handover.write(spec)) == spec


@pytest.mark.parametrize("name", MODES)
def test_every_mode_comes_back(name: str) -> None:
    """With a salt and without."""
    spec = replace(agent_spec(), encryption=from_entropy(MODES[name], bytes(range(64))))
    assert handover.read(handover.write(spec)) == spec


def test_a_read_only_mapping_is_written_like_any_other() -> None:
    """A frozen spec may hold frozen values."""
    spec = replace(agent_spec(), test=MappingProxyType({"scenario": "x"}))
    assert json.loads(handover.write(spec))["test"] == {"scenario": "x"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}, b"bytes"])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    """Before anything is started."""
    with pytest.raises(InvalidValue, match="JSON values"):
        handover.write(replace(agent_spec(), test={"value": value}))


def changed(**changes: Any) -> bytes:
    """A handover in which some keys have other values."""
    return json.dumps(json.loads(handover.write(agent_spec())) | changes).encode()


SEAT = {"app_id": "a", "channel": "sentinel", "token": "t", "uid": 2, "tester_uid": 1}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        handover.write(agent_spec()) + b"{}",
        handover.write(agent_spec()).replace(b'"test"', b'"version":1,"test"'),
        handover.write(agent_spec()).replace(b'"greets"', b"NaN"),
        changed(version=2),
        changed(version=True),
        changed(session_id=None),
        changed(sentinel=1),
        changed(agora=None),
        changed(agora=SEAT | {"uid": "2"}),
        changed(agora=SEAT | {"uid": True}),
        changed(agora=SEAT | {"sentinel": 1}),
        changed(encryption={"mode": "sentinel"}),
        changed(encryption={"mode": "sentinel", "mode_number": 1, "web_mode": "x", "key": "k", "salt": None}),
        changed(report=[]),
        changed(test="sentinel"),
    ],
)
def test_anything_else_is_refused_without_its_content(data: bytes) -> None:
    """The sentence names the rule."""
    with pytest.raises(InvalidValue) as caught:
        handover.read(data)
    assert "sentinel" not in str(caught.value)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_our_error(data: bytes) -> None:
    """An agent of ours fails with a sentence."""
    with pytest.raises(InvalidValue):
        handover.read(data)
