"""What a test's metadata means, field by field.

Decided here: the values that a field may have, the shapes of a test profile, and what of it the agent may see. `job`
calls `read_context` with the two texts; nothing here knows LiveKit.

| Where | Key | Meaning |
| --- | --- | --- |
| job metadata | scenario_id, run_id | integers, always there |
| job metadata | test_profile_data | an object, there when the scenario or the run has a test profile |
| job metadata | text_mode | a boolean; text and chat runs |
| job metadata | anything else | foreign: another sender's, kept apart |
| room metadata | anything | the LiveKit Config (JSON) of the platform's agent settings |

Neither source fills in for the other: a `text_mode` in the room's configuration is configuration.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, NamedTuple, NotRequired, TypedDict, TypeVar

from agent_helpers.errors import printable
from agent_helpers.metadata import Document, decode_job, decode_room
from agent_helpers.models import ModelT, convert

ProfileT = TypeVar("ProfileT")

_PROFILE = "test_profile_data"
_AGENT_SECTION = "main_agent_variables"
_CALLER_SECTION = "testing_agent_variables"
_RECORD = frozenset({"id", "name", "information"})


class _Dispatch(TypedDict):
    """The job metadata that the platform documents ("LiveKit (Automated)", and text_mode of its LiveKit chat page)."""

    scenario_id: int
    run_id: int
    test_profile_data: NotRequired[dict[str, Any]]
    text_mode: NotRequired[bool]


class RoomConfig(dict[str, Any]):
    """The room's metadata as sent: a dict, with typed access to the settings that LiveKit itself names.

    A property is None where its key is absent, and raises MetadataError where the value has another type. Whether the
    platform also creates the room with these settings is not documented; units are LiveKit's (livekit_room.proto,
    CreateRoomRequest).
    """

    __slots__ = ()

    @property
    def empty_timeout(self) -> int | None:
        """Seconds that the room stays open if nobody joins."""
        return self._setting("empty_timeout", int)

    @property
    def departure_timeout(self) -> int | None:
        """Seconds that the room stays open after everybody left."""
        return self._setting("departure_timeout", int)

    @property
    def max_participants(self) -> int | None:
        """How many may be in the room at once; 0 is no limit."""
        return self._setting("max_participants", int)

    @property
    def min_playout_delay(self) -> int | None:
        """Milliseconds that a subscriber buffers at least."""
        return self._setting("min_playout_delay", int)

    @property
    def max_playout_delay(self) -> int | None:
        """Milliseconds that a subscriber buffers at most."""
        return self._setting("max_playout_delay", int)

    @property
    def sync_streams(self) -> bool | None:
        """Whether audio and video are kept in step when the playout delay changes."""
        return self._setting("sync_streams", bool)

    def as_model(self, model: type[ModelT]) -> ModelT:
        """The same as the team's dataclass, TypedDict or pydantic model; MetadataError lists all that is wrong."""
        return convert(self, model, "room metadata", "")

    def _setting(self, key: str, wanted: type[ModelT]) -> ModelT | None:
        return convert(self[key], wanted, "room metadata", key) if key in self else None


@dataclass(frozen=True)  # with slots, Python 3.11 raises TypeError for TestContext[Profile](...)
class TestContext(Generic[ProfileT]):
    """What the platform says about the test that this job takes part in. Its repr shows no value of the metadata."""

    __test__: ClassVar[bool] = False  # pytest collects classes by the name Test...

    scenario_id: int
    run_id: int
    profile: ProfileT | None = field(repr=False, hash=False)
    """The agent's share of the test profile, whichever shape it came in; None where the run has no profile."""
    text_mode: bool
    """The run speaks text: start the session without audio (`room_options_for`)."""
    config: RoomConfig = field(repr=False, hash=False)
    """The room's metadata; empty where there is none."""
    raw: Mapping[str, Any] = field(repr=False, hash=False)
    """The job metadata as decoded, foreign keys included, without the caller's variables."""
    foreign: Mapping[str, Any] = field(repr=False, hash=False)
    """Those keys of the job metadata that are not the platform's."""
    notes: tuple[str, ...] = field(default=(), hash=False)
    """What was read although its sender should mend it, and what was left out. Names keys, never values."""


def read_context(job_text: object, room_text: object, profile: type[Any] | None = None) -> TestContext[Any] | None:
    """The context of a test; None where the job metadata claims none; MetadataError where the claim is broken.

    The room metadata is looked at only in a test: anybody may keep anything there.
    """
    job = decode_job(job_text)
    if job is None:
        return None
    fields = convert(job.fields, _Dispatch, "job metadata", "")
    share = _agent_share(fields["test_profile_data"]) if _PROFILE in fields else None
    room = decode_room(room_text)
    notes = (
        *_encoded_twice("job metadata", job),
        *_encoded_twice("room metadata", room),
        *(share.notes if share else ()),
    )
    raw = _agents_part(job.fields)
    return TestContext(
        scenario_id=fields["scenario_id"],
        run_id=fields["run_id"],
        profile=share and _as_model(share, profile),
        text_mode=fields.get("text_mode", False),
        config=RoomConfig(room.fields),
        raw=raw,
        foreign={key: value for key, value in raw.items() if key not in _Dispatch.__annotations__},
        notes=notes,
    )


class _Share(NamedTuple):
    """The part of a test profile that is the agent's."""

    variables: dict[str, Any]
    path: str
    notes: tuple[str, ...] = ()


def _agent_share(profile: dict[str, Any], path: str = _PROFILE) -> _Share:
    """Flat profiles are the agent's whole; a sectioned one has a section for it; a record holds one of these."""
    if profile.keys() & {_AGENT_SECTION, _CALLER_SECTION}:
        beside = sorted(profile.keys() - {_AGENT_SECTION, _CALLER_SECTION})
        notes = tuple(f"{printable(f'{path}.{key}')} stands beside the sections and was left out" for key in beside)
        path = f"{path}.{_AGENT_SECTION}"
        return _Share(_object(profile.get(_AGENT_SECTION, {}), path), path, notes)
    if _is_record(profile):
        path = f"{path}.information"
        return _agent_share(_object(profile["information"], path), path)
    return _Share(profile, path)


def _is_record(profile: dict[str, Any]) -> bool:
    """{id, name, information}, as the platform's REST answers and webhooks have it, or more of it.

    A flat profile may have variables of these names, so a partial match counts only where `information` is an object
    with sections: those are what must not reach the agent unsorted.
    """
    information = profile.get("information")
    if profile.keys() == _RECORD or not isinstance(information, dict):
        return profile.keys() == _RECORD
    return profile.keys() > _RECORD or bool(information.keys() & {_AGENT_SECTION, _CALLER_SECTION})


def _object(value: object, path: str) -> dict[str, Any]:
    return convert(value, dict[str, Any], "job metadata", path)


def _as_model(share: _Share, model: type[Any] | None) -> Any:
    variables = _without_caller(share.variables)
    return variables if model is None else convert(variables, model, "job metadata", share.path)


def _agents_part(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The job metadata without the caller's variables. What another sender keeps below its own keys stays as it is."""
    return {
        key: _without_caller(value) if key in (_PROFILE, "information") else value
        for key, value in fields.items()
        if key != _CALLER_SECTION
    }


def _without_caller(value: Any) -> Any:
    """A copy without the caller's section, however deep it lies: an undocumented shape must not hand it over either."""
    if isinstance(value, dict):
        return {key: _without_caller(inner) for key, inner in value.items() if key != _CALLER_SECTION}
    return [_without_caller(inner) for inner in value] if isinstance(value, list) else value


def _encoded_twice(source: str, document: Document) -> tuple[str, ...]:
    return (f"{source} is JSON inside a JSON string; send the object itself",) if document.double_encoded else ()
