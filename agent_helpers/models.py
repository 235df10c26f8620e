"""A JSON object as the team's own type: a dataclass, a TypedDict or a pydantic model.

`context` calls it with the platform's fields, with the profile and with the room's configuration. Dataclasses and
TypedDicts are checked here, strictly and without a dependency: text is no number, a boolean is no integer, null only
where None is allowed, and keys that the type does not declare are left out. A pydantic model checks itself, as strictly
as the team configured it.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

from agent_helpers.errors import MetadataError, Problem, Source
from agent_helpers.metadata import kind

ModelT = TypeVar("ModelT")
_MISSING: Any = object()


class _Field(NamedTuple):
    annotation: Any
    required: bool


@dataclasses.dataclass(slots=True)
class _Report:
    """Collects what is wrong, so that one error can list all of it."""

    source: Source
    problems: list[Problem] = dataclasses.field(default_factory=list)

    def add(self, path: str, reason: str) -> Any:
        self.problems.append(Problem(self.source, path, reason))
        return _MISSING


def convert(value: object, model: type[ModelT], source: Source, path: str) -> ModelT:
    """`value` as a `model`. MetadataError lists every missing and every wrong field, each as a path below `path`.

    TypeError when a dataclass or TypedDict has annotations beyond str, int, float, bool, None, Any, Literal, unions,
    lists, mappings and further such classes: that is a mistake in the agent's code, whatever the metadata says.
    """
    report = _Report(source)
    result = _check(value, model, path, report)
    if report.problems:
        raise MetadataError(*report.problems)
    return typing.cast(ModelT, result)


def _pydantic(value: object, model: Any, path: str, report: _Report) -> Any:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(model).validate_python(value)
    except ValidationError as error:
        # Only the kind of each error: messages of the team's own validators may quote what they were given.
        found = [(error_["loc"], error_["type"]) for error_ in error.errors(include_url=False, include_input=False)]
    for location, kind_of_error in found:
        reason = "is missing" if kind_of_error == "missing" else f"is not valid ({kind_of_error})"
        report.add(".".join([path, *map(str, location)]).strip("."), reason)
    return _MISSING


def _check(value: object, annotation: Any, path: str, report: _Report) -> Any:
    """`value` if it is what `annotation` says, with dataclasses built; else a reported problem."""
    return _checker(annotation)(value, annotation, path, report)


@cache
def _checker(annotation: Any) -> "Callable[[object, Any, str, _Report], Any]":
    if annotation in _SCALARS:
        return _scalar
    if hasattr(annotation, "__pydantic_validator__"):
        return _pydantic
    if dataclasses.is_dataclass(annotation) or _is_typed_dict(annotation):
        return _object
    check = _OTHERS.get(typing.get_origin(annotation) or annotation)
    if check is None:
        raise TypeError(f"{annotation!r} is not supported here; use a pydantic model for it")
    return check


def _anything(value: object, annotation: Any, path: str, report: _Report) -> Any:
    return value


def _scalar(value: object, annotation: Any, path: str, report: _Report) -> Any:
    accepted, wanted = _SCALARS[annotation]
    if type(value) in accepted:
        return value
    return report.add(path, f"is {kind(value)}, not {wanted}")


def _object(value: object, model: Any, path: str, report: _Report) -> Any:
    if not isinstance(value, Mapping):
        return report.add(path, f"is {kind(value)}, not an object")
    known = len(report.problems)
    prefix = f"{path}." if path else ""
    found = {}
    for name, field in _fields(model).items():
        if name in value:
            found[name] = _check(value[name], field.annotation, prefix + name, report)
        elif field.required:
            report.add(prefix + name, "is missing")
    return _construct(model, found, path, report) if len(report.problems) == known else _MISSING


def _construct(model: Callable[..., Any], found: dict[str, Any], path: str, report: _Report) -> Any:
    try:
        return model(**found)
    except (ValueError, AssertionError):  # from __post_init__, as pydantic has it; the text may quote the value
        return report.add(path, f"is refused by {model.__name__}")


@cache
def _fields(model: Any) -> dict[str, _Field]:
    hints = typing.get_type_hints(model)
    if _is_typed_dict(model):
        marked = typing.get_type_hints(model, include_extras=True)
        return {name: _Field(hint, _is_required(model, name, marked[name])) for name, hint in hints.items()}
    fields = (field for field in dataclasses.fields(model) if field.init)
    only_taken = {name: hint.type for name, hint in hints.items() if isinstance(hint, dataclasses.InitVar)}
    return {
        **{field.name: _Field(hints[field.name], _has_no_default(field)) for field in fields},
        **{name: _Field(hint, not hasattr(model, name)) for name, hint in only_taken.items()},
    }


def _is_typed_dict(annotation: Any) -> bool:
    return hasattr(annotation, "__required_keys__")  # true for typing's and for typing_extensions' own


def _is_required(model: Any, name: str, marked: Any) -> bool:
    """`__required_keys__` knows no mark of a module whose annotations are text (PEP 563)."""
    origin = typing.get_origin(marked)
    if origin in (typing.Required, typing.NotRequired):
        return origin is typing.Required
    return name in model.__required_keys__


def _has_no_default(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _literal(value: object, annotation: Any, path: str, report: _Report) -> Any:
    for choice in typing.get_args(annotation):
        if type(choice) is type(value) and choice == value:
            return value
    return report.add(path, f"is not one of {', '.join(map(repr, typing.get_args(annotation)))}")


def _union(value: object, annotation: Any, path: str, report: _Report) -> Any:
    tried = []
    for choice in typing.get_args(annotation):
        trial = _Report(report.source)
        result = _check(value, choice, path, trial)
        if not trial.problems:
            return result
        if choice is not types.NoneType:
            tried.append(trial)
    # Optional[X]: the caller wants to read what is wrong with X, not that no choice fitted.
    if len(tried) == 1 and value is not None:
        report.problems.extend(tried[0].problems)
        return _MISSING
    return report.add(path, f"is {kind(value)}, which none of the allowed types takes")


def _list(value: object, annotation: Any, path: str, report: _Report) -> Any:
    if not isinstance(value, list):
        return report.add(path, f"is {kind(value)}, not a list")
    (item,) = typing.get_args(annotation) or (Any,)
    return [_check(entry, item, f"{path}.{index}", report) for index, entry in enumerate(value)]


def _mapping(value: object, annotation: Any, path: str, report: _Report) -> Any:
    if not isinstance(value, Mapping):
        return report.add(path, f"is {kind(value)}, not an object")
    _, item = typing.get_args(annotation) or (str, Any)
    if item is Any:
        return dict(value)  # the usual profile: nothing to check, and no path to make for it
    return {key: _check(entry, item, f"{path}.{key}", report) for key, entry in value.items()}


_SCALARS: Mapping[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "text"),
    int: ((int,), "an integer"),
    float: ((float, int), "a number"),
    bool: ((bool,), "a boolean"),
    None: ((types.NoneType,), "null"),
    types.NoneType: ((types.NoneType,), "null"),
}
_OTHERS: Mapping[Any, Callable[[object, Any, str, _Report], Any]] = {
    Any: _anything,
    object: _anything,
    typing.Literal: _literal,
    typing.Union: _union,
    types.UnionType: _union,
    list: _list,
    Sequence: _list,
    dict: _mapping,
    Mapping: _mapping,
}
