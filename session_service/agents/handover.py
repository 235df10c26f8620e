"""What an agent is handed, as bytes: one UTF-8 JSON object, and the way back.

Decided here: the object's keys, which docs/agents.md promises to customers. Called by the launchers whose agents live
outside this process, and, the way back, by agents that are ours.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from session_service.agents.contract import SPEC_VERSION, AgentSpec, Report
from session_service.agora.encryption import ChannelEncryption
from session_service.agora.transport import Seat
from session_service.errors import InvalidValue

_SHAPE = {"version": int, "session_id": str, "agora": dict, "encryption": dict, "test": dict, "report": dict}
_MAYBE = frozenset({"encryption", "test", "report"})
_SEAT = {"app_id": str, "channel": str, "token": str, "uid": int, "tester_uid": int}
_ENCRYPTION = {"mode": str, "mode_number": int, "web_mode": str, "key": str, "salt": str}
_REPORT = {"url": str, "token": str}


def write(spec: AgentSpec) -> bytes:
    """Return `spec` as one JSON object, without a line end. InvalidValue where `test` holds what JSON cannot."""
    value = {
        "version": spec.version,
        "session_id": spec.session_id,
        "agora": _flat(spec.agora),
        "encryption": _flat(spec.encryption) if spec.encryption else None,
        "test": dict(spec.test) if spec.test is not None else None,
        "report": _flat(spec.report) if spec.report else None,
    }
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError, RecursionError):
        raise InvalidValue("What is being tested must consist of JSON values: text, numbers, lists, objects.") from None


def _flat(part: Seat | ChannelEncryption | Report) -> dict[str, object]:
    """Its fields by name; `asdict` would copy each of them, deeply, for a fiftieth of a start."""
    return {one.name: getattr(part, one.name) for one in fields(part)}


def read(data: bytes) -> AgentSpec:
    """Return the AgentSpec that `write` made `data` of; InvalidValue, without any of its content, for all else."""
    value = _object(_parsed(data), "The handover", _SHAPE, optional=_MAYBE)
    if value["version"] != SPEC_VERSION:
        raise InvalidValue(f"The handover has another version than {SPEC_VERSION}: agent and service do not fit.")
    return AgentSpec(
        session_id=value["session_id"],
        agora=Seat(**_object(value["agora"], "agora", _SEAT)),
        encryption=_encryption(value["encryption"]),
        test=value["test"],
        report=_report(value["report"]),
    )


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise InvalidValue("The handover is not one UTF-8 JSON object in which each key stands once.") from None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _no_constant(_: str) -> object:
    raise ValueError  # NaN and Infinity are no JSON (RFC 8259, section 6)


def _object(
    value: object, name: str, shape: Mapping[str, type], optional: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return `value` if it is an object of exactly this shape; bool is no number, and only `optional` may be null."""
    if not isinstance(value, dict) or value.keys() != shape.keys():
        raise InvalidValue(f"{name} must be an object with exactly the keys {', '.join(shape)}.")
    for key, wanted in shape.items():
        if type(value[key]) is not wanted and not (value[key] is None and key in optional):
            raise InvalidValue(f"{name} has something else than {_WORDS[wanted]} under {key}.")
    return value


_WORDS = {int: "a whole number", str: "text", dict: "an object"}


def _encryption(value: dict[str, object] | None) -> ChannelEncryption | None:
    if value is None:
        return None
    return ChannelEncryption(**_object(value, "encryption", _ENCRYPTION, optional=frozenset({"salt"})))


def _report(value: dict[str, object] | None) -> Report | None:
    return None if value is None else Report(**_object(value, "report", _REPORT))
