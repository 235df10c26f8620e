"""Reading a customer's JSON template, for the launchers that have one.

Decided here: that a problem is told by its place or its key and never by what stands there, since templates hold the
keys of vendors.
"""

from pathlib import Path

import orjson

from session_service.agents.outgoing import Json
from session_service.errors import InvalidValue


def content_of(path: str) -> bytes:
    """What the file `path` holds; InvalidValue with the system's reason where it cannot be read."""
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "that is no path"
        raise InvalidValue(f"The template cannot be read: {reason}.") from None


def parsed(content: bytes) -> Json:
    """A template's JSON object; InvalidValue names the place where it stops being JSON."""
    try:
        return json_object(orjson.loads(content), "The template")
    except orjson.JSONDecodeError as error:
        position = f"line {error.lineno}, column {error.colno}"
    raise InvalidValue(f"The template is not JSON: look at {position}.")  # outside, so that no context quotes it


def json_object(value: object, what: str) -> Json:
    """`value`, if it is an object; InvalidValue that calls it `what` if not."""
    if not isinstance(value, dict):
        raise InvalidValue(f"{what} must be a JSON object.")
    return value
