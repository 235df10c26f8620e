"""Metadata as text: when it claims to be a test, how it is decoded, how large it may be, how it is written.

Pure: strings in, JSON objects out. `context` gives the objects their meaning; `testing` writes what `decode_job` reads.

Both sources are strings that anybody with the LiveKit API secret can set, to anything. A job claims to be a test when
its metadata is a JSON object with the key `scenario_id` (the platform's page "LiveKit (Automated)": always included),
or when it cannot be decoded and contains that key as text: a cut dispatch must not pass for an ordinary call.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from agent_helpers.errors import MetadataError, Problem, Source

CLAIM = "scenario_id"
MAX_BYTES = 524_288
"""The default of LiveKit's server, `limit.max_metadata_size`, since its version 1.13.2."""
MAX_DEPTH = 64
"""Objects and lists inside each other, the outermost counted."""

_CLAIM_AS_TEXT = re.compile(rf'"{CLAIM}\\*"')  # the backslash of a text that was encoded twice


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity, which Python reads and RFC 8259 does not know


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError  # 1e400, which Python reads as infinity
    return value


_JSON = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)


@dataclass(frozen=True, slots=True)
class Document:
    """A decoded source."""

    fields: dict[str, Any]
    double_encoded: bool
    """The object came inside a JSON string: the sender encoded it twice."""


def decode_job(text: object) -> Document | None:
    """The job metadata of a test; None where nothing claims to be one; MetadataError where a claim cannot be read."""
    if not isinstance(text, str) or is_blank(text):
        return None
    try:
        value, double_encoded = _decode(text, "job metadata")
    except MetadataError:
        if _CLAIM_AS_TEXT.search(text):
            raise
        return None
    if not isinstance(value, dict) or CLAIM not in value:
        return None
    return Document(_bounded(value, text, "job metadata"), double_encoded)


def decode_room(text: object) -> Document:
    """The room metadata of a test; no fields where there is none; MetadataError unless it is one JSON object."""
    if is_blank(text):
        return Document({}, double_encoded=False)
    if not isinstance(text, str):
        raise MetadataError(Problem("room metadata", "", "is no string"))
    value, double_encoded = _decode(text, "room metadata")
    if not isinstance(value, dict):
        raise MetadataError(Problem("room metadata", "", f"is {kind(value)}, not an object"))
    return Document(_bounded(value, text, "room metadata"), double_encoded)


def encode_job(
    scenario_id: int,
    run_id: int,
    *,
    profile: Mapping[str, Any] | None = None,
    text_mode: bool | None = None,
    foreign: Mapping[str, Any] | None = None,
) -> str:
    """Job metadata as the platform sends it. What is None is left out; `foreign` are keys of other senders."""
    fields: dict[str, Any] = {CLAIM: scenario_id, "run_id": run_id}
    if profile is not None:
        fields["test_profile_data"] = profile
    if text_mode is not None:
        fields["text_mode"] = text_mode
    return json.dumps({**fields, **(foreign or {})})


def is_blank(text: object) -> bool:
    """Whether a source holds nothing. LiveKit's own empty value is the empty string."""
    return text is None or (isinstance(text, str) and not text.strip())


def kind(value: object) -> str:
    """JSON's own word for a decoded value, with its article."""
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "an integer", float: "a number"}
    return "null" if value is None else names.get(type(value), "no JSON value")


def _decode(text: str, source: Source) -> tuple[object, bool]:
    value = _loads(text, source)
    if isinstance(value, str) and value.lstrip().startswith("{"):
        return _loads(value, source), True
    return value, False


def _loads(text: str, source: Source) -> Any:
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise MetadataError(Problem(source, "", f"is over {MAX_BYTES} bytes"))
    # Raised after the except clauses, so that no traceback or error report carries the decoder's copy of the text.
    try:
        return _JSON.decode(text)
    except json.JSONDecodeError as error:
        problem = Problem(source, "", "is not JSON", error.pos)
    except RecursionError:
        problem = _too_deep(source)
    except ValueError:
        problem = Problem(source, "", "holds a number that JSON or Python cannot represent")
    raise MetadataError(problem)


def _bounded(fields: dict[str, Any], text: str, source: Source) -> dict[str, Any]:
    """The same fields, unless they are nested too deep. Few brackets cannot be: no walk for a usual job."""
    if text.count("{") + text.count("[") > MAX_DEPTH and _deeper_than(MAX_DEPTH, fields):
        raise MetadataError(_too_deep(source))
    return fields


def _deeper_than(limit: int, value: object) -> bool:
    level: list[object] = [value]
    for _ in range(limit):
        level = [child for parent in level for child in _children(parent)]
    return any(isinstance(item, dict | list) for item in level)


def _children(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _too_deep(source: Source) -> Problem:
    return Problem(source, "", f"is nested over {MAX_DEPTH} deep")
