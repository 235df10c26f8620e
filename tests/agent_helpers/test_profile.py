"""Test profiles: the shapes in which the platform documents them, and the team's own types for them."""

import json
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from typing import Any, ClassVar, Literal, NotRequired, Required, TypedDict

import pytest
from pydantic import BaseModel, ConfigDict, field_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

from agent_helpers import MetadataError, TestContext, read_test_context
from tests.agent_helpers.jobs import claim, job

AGENT = {"user_name": "Ada", "balance": 12.5}
CALLER = {"mood": "impatient-and-secret"}
SECTIONS = {"main_agent_variables": AGENT, "testing_agent_variables": CALLER}
SHAPES: dict[str, Any] = {
    "flat": AGENT,
    "sections": SECTIONS,
    "the agent's section alone": {"main_agent_variables": AGENT},
    "record": {"id": 5, "name": "VIP", "information": AGENT},
    "record with sections": {"id": 5, "name": "VIP", "information": SECTIONS},
    "record with more keys": {"id": 5, "name": "VIP", "information": SECTIONS, "created_at": "2026-06-08"},
    "record without id": {"name": "VIP", "information": SECTIONS},
}


def read(profile: Any) -> TestContext[Mapping[str, Any]]:
    found = read_test_context(job(claim(test_profile_data=profile)), on_error="raise")
    assert found is not None
    return found


@pytest.mark.parametrize("profile", SHAPES.values(), ids=SHAPES)
def test_every_documented_shape_gives_the_agents_variables(profile: Any) -> None:
    """Nobody has to know which shape a deployment of the platform sends."""
    assert read(profile).profile == AGENT


@pytest.mark.parametrize("profile", SHAPES.values(), ids=SHAPES)
def test_the_callers_variables_are_nowhere_in_a_context(profile: Any) -> None:
    """Not in the profile, and not in `raw` either."""
    found = read(profile)
    assert "secret" not in json.dumps([found.profile, found.raw, found.foreign, found.config, found.notes])
    assert "testing_agent_variables" not in json.dumps(found.raw)


@pytest.mark.parametrize(
    "profile",
    [
        {"main_agent_variables": {"testing_agent_variables": CALLER}},
        {"information": {"information": SECTIONS}},
        {"customers": [SECTIONS]},
    ],
)
def test_the_callers_section_is_left_out_wherever_it_lies(profile: dict[str, Any]) -> None:
    """A shape that nobody documented does not hand it over either."""
    found = read(profile)
    assert "secret" not in json.dumps([found.profile, found.raw])


def test_another_senders_data_is_not_searched() -> None:
    """What lies below a foreign key is not the platform's."""
    crm = {"testing_agent_variables": 7}
    assert into_context(claim(crm=crm)).foreign == {"crm": crm}


def test_a_profile_for_the_caller_alone_is_empty() -> None:
    """There is a profile, and nothing in it is the agent's."""
    assert read({"testing_agent_variables": CALLER}).profile == {}


def test_keys_beside_the_sections_are_left_out_and_noted() -> None:
    """Nobody documents whose they are."""
    found = read({**SECTIONS, "tier": "gold"})
    assert found.profile == AGENT
    assert found.notes == ("test_profile_data.tier stands beside the sections and was left out",)


def test_many_notes_are_few_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The context has all of them."""
    found = read({**SECTIONS, **{f"key-{number}": 1 for number in range(1_000)}})
    assert len(found.notes) == 1_000
    assert len(caplog.records) == 20


@pytest.mark.parametrize(
    "profile",
    [
        {"id": 5, "name": "Ada"},
        {"name": "Ada", "information": "likes tea"},
        {"information": {"likes": "tea"}},
        {"id": 5, "name": "Ada", "information": "likes tea", "tier": "gold"},
    ],
)
def test_a_flat_profile_may_use_the_records_words(profile: dict[str, Any]) -> None:
    """Some of its keys do not make it a record."""
    assert read(profile).profile == profile


def into_context(metadata: dict[str, Any]) -> TestContext[Mapping[str, Any]]:
    found = read_test_context(job(metadata), on_error="raise")
    assert found is not None
    return found


def test_a_key_cannot_write_lines_into_the_log() -> None:
    """Keys are the sender's words: what cannot be printed is replaced, and a key without end is cut."""
    (note,) = read({**SECTIONS, "tier\n\ud800ERROR": 1}).notes
    assert note.startswith("test_profile_data.tier??ERROR ")
    with pytest.raises(MetadataError) as caught:
        into(dict[str, int], {"tier\n" + "x" * 100_000: "gold"})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 2_000


def test_the_text_of_an_error_lists_a_hundred_problems() -> None:
    """A long list of wrong entries is no line of a log; `problems` has them all."""
    with pytest.raises(MetadataError, match=r"; and 400 more$") as caught:
        into(dict[str, list[int]], {"orders": ["x"] * 500})
    assert len(caught.value.problems) == 500


@dataclass
class Chain:
    value: int
    next: "Chain | None" = None


def test_a_wrong_end_of_a_long_chain_is_found_at_once() -> None:
    """Each optional field is checked once, so that time grows with the depth and not with its power of two."""
    profile: dict[str, Any] = {"value": "x"}
    for _ in range(50):
        profile = {"value": 1, "next": profile}
    assert problems(Chain, profile) == {f"{'next.' * 50}value": "is text, not an integer"}


class WrittenAsText(TypedDict, total=False):
    user_name: "Required[str]"
    balance: "NotRequired[float]"


class AllWrittenAsText(TypedDict):
    user_name: str
    balance: "NotRequired[float]"


@pytest.mark.parametrize("model", [WrittenAsText, AllWrittenAsText])
def test_marks_of_a_typed_dict_count_where_annotations_are_text(model: type[Any]) -> None:
    """As `from __future__ import annotations` makes them."""
    assert into(model, {"user_name": "Ada"}) == {"user_name": "Ada"}
    assert problems(model, {}) == {"user_name": "is missing"}


@dataclass(frozen=True)
class Address:
    city: str
    zip: str | None = None


@dataclass(frozen=True)
class Caller:
    user_name: str
    balance: float
    tier: Literal["gold", "lead"] = "lead"
    orders: list[int] = field(default_factory=list)
    address: Address | None = None
    anything: Any = None
    limits: dict[str, int] = field(default_factory=dict)


class CallerDict(TypedDict):
    user_name: str
    balance: NotRequired[float]


class CallerModel(BaseModel):
    user_name: str
    balance: float
    orders: list[int] = []


@pydantic_dataclass
class CallerPydanticDataclass:
    user_name: str
    balance: float


def into(model: type[Any], profile: Any) -> Any:
    found = read_test_context(job(claim(test_profile_data=profile)), profile=model, on_error="raise")
    assert found is not None
    return found.profile


def problems(model: type[Any], profile: Any) -> dict[str, str]:
    with pytest.raises(MetadataError) as caught:
        into(model, profile)
    return {problem.field.removeprefix("test_profile_data."): problem.reason for problem in caught.value.problems}


@pytest.mark.parametrize("profile", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("model", [Caller, CallerModel, CallerPydanticDataclass])
def test_a_profile_becomes_the_teams_own_class(model: type[Any], profile: Any) -> None:
    """From every shape."""
    assert into(model, profile) == model(user_name="Ada", balance=12.5)


def test_a_profile_becomes_the_teams_own_typed_dict() -> None:
    """With what the type declares, and nothing else."""
    assert into(CallerDict, {"user_name": "Ada", "tier": "gold"}) == {"user_name": "Ada"}


def test_dataclasses_lists_and_mappings_are_read_inside_each_other() -> None:
    """Everything that JSON can say."""
    profile = {**AGENT, "orders": [1, 2], "address": {"city": "Ulm"}, "anything": [None], "limits": {"day": 3}}
    expected = Caller("Ada", 12.5, orders=[1, 2], address=Address("Ulm"), anything=[None], limits={"day": 3})
    assert into(Caller, profile) == expected


def test_one_error_lists_every_missing_and_wrong_field() -> None:
    """With the path of each, list indices included."""
    profile = {"balance": "12", "tier": "tin", "orders": [1, "x", True], "address": {"zip": 1}, "limits": {"day": None}}
    assert problems(Caller, profile) == {
        "balance": "is text, not a number",
        "tier": "is not one of 'gold', 'lead'",
        "orders.1": "is text, not an integer",
        "orders.2": "is a boolean, not an integer",
        "address.zip": "is an integer, not text",
        "address.city": "is missing",
        "limits.day": "is null, not an integer",
        "user_name": "is missing",
    }


def test_pydantic_models_list_every_field_in_the_same_words() -> None:
    """The path in the metadata, and pydantic's name for the rule."""
    assert problems(CallerModel, {"balance": "much", "orders": ["x"]}) == {
        "user_name": "is missing",
        "balance": "is not valid (float_parsing)",
        "orders.0": "is not valid (int_parsing)",
    }


def test_the_path_names_the_section() -> None:
    """So that one finds the field in the dispatch."""
    assert problems(CallerDict, {"main_agent_variables": {}}) == {"main_agent_variables.user_name": "is missing"}


class Talkative(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str

    @field_validator("name")
    @classmethod
    def refuse(cls, value: str) -> str:
        raise ValueError(f"{value} will not do")


@dataclass
class TalkativeDataclass:
    name: str

    def __post_init__(self) -> None:
        raise ValueError(f"{self.name} will not do")


@dataclass
class AssertiveDataclass:
    name: str

    def __post_init__(self) -> None:
        assert not self.name, f"{self.name} will not do"


@pytest.mark.parametrize("model", [Talkative, TalkativeDataclass, AssertiveDataclass])
def test_a_models_own_message_is_not_repeated(model: type[Any]) -> None:
    """It may quote what it was given."""
    with pytest.raises(MetadataError) as caught:
        into(model, {"name": "Ada"})
    assert "Ada" not in str(caught.value)
    assert caught.value.__context__ is None


@dataclass
class WithInitVar:
    first: InitVar[str]
    last: InitVar[str] = "Doe"
    count: ClassVar[int] = 0
    name: str = field(init=False)

    def __post_init__(self, first: str, last: str) -> None:
        self.name = f"{first} {last}"


def test_what_a_dataclass_only_takes_is_read_too() -> None:
    """InitVar fields are fields of the profile, checked like any other."""
    assert into(WithInitVar, {"first": "Ada"}).name == "Ada Doe"
    assert into(WithInitVar, {"first": "Ada", "last": "Ray", "name": "x", "count": 7}).name == "Ada Ray"
    assert problems(WithInitVar, {"last": 7}) == {"first": "is missing", "last": "is an integer, not text"}


def test_a_wrong_profile_is_an_ordinary_call_by_default(caplog: pytest.LogCaptureFixture) -> None:
    """Like every other break."""
    assert read_test_context(job(claim(test_profile_data={})), profile=Caller) is None
    assert "test_profile_data.user_name: is missing" in caplog.text


def test_a_run_without_a_profile_is_no_error_for_a_model() -> None:
    """Scenarios without one belong to the same agent."""
    found = read_test_context(job(claim()), profile=Caller, on_error="raise")
    assert found is not None
    assert found.profile is None


@dataclass
class Mixed:
    caller: CallerModel


def test_a_dataclass_may_hold_a_pydantic_model() -> None:
    """Teams have both."""
    assert into(Mixed, {"caller": AGENT}) == Mixed(CallerModel(user_name="Ada", balance=12.5))
    assert problems(Mixed, {"caller": {"balance": 1}}) == {"caller.user_name": "is missing"}


@dataclass
class Unsupported:
    day: set[int]


def test_an_annotation_that_json_cannot_fill_is_a_mistake_of_the_code() -> None:
    """A TypeError whatever `on_error` says; in a test only."""
    with pytest.raises(TypeError, match="use a pydantic model"):
        read_test_context(job(claim(test_profile_data={"day": []})), profile=Unsupported)
    assert read_test_context(job(), profile=Unsupported) is None


def test_a_configuration_has_livekits_own_settings_typed() -> None:
    """None where they are absent."""
    config = read_config({"empty_timeout": 300, "max_participants": 2, "sync_streams": True, "tier": "gold"})
    assert (config.empty_timeout, config.max_participants, config.sync_streams) == (300, 2, True)
    assert (config.departure_timeout, config.min_playout_delay, config.max_playout_delay) == (None, None, None)
    assert config.get("tier") == "gold"


def test_a_setting_of_another_type_is_an_error_when_it_is_used() -> None:
    """The configuration is the customer's own: nothing in it breaks a test by itself."""
    config = read_config({"empty_timeout": "300", "max_participants": None})
    with pytest.raises(MetadataError, match="room metadata, field empty_timeout: is text, not an integer"):
        _ = config.empty_timeout
    with pytest.raises(MetadataError, match="room metadata, field max_participants: is null, not an integer"):
        _ = config.max_participants


def test_a_configuration_becomes_the_teams_own_type() -> None:
    """In the way of a profile."""
    assert read_config({"city": "Ulm"}).as_model(Address) == Address("Ulm")
    with pytest.raises(MetadataError, match="room metadata, field city: is missing"):
        read_config({}).as_model(Address)


def read_config(config: dict[str, Any]) -> Any:
    found = read_test_context(job(claim(), copy=json.dumps(config)), on_error="raise")
    assert found is not None
    return found.config
