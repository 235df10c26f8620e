"""Certificates and keys for the commands that debug: from the environment or NAME_FILE, never from an argument.

Decided here: that what is needed and missing, and what is set and wrong, ends the command with 2 and a sentence. Called
by the commands `token` and `encryption`.
"""

from collections.abc import Callable
from typing import TypeVar

from session_service.agora import identifiers
from session_service.agora.identifiers import Project
from session_service.cli import running
from session_service.errors import InvalidValue
from session_service.settings import Layer, Sources

Value = TypeVar("Value")


def optional(name: str, read: Callable[[str], Value]) -> Value | None:
    """What `read` makes of the setting `name`, or None where it is not set."""
    sources = Sources(Layer("environment", running.environment()))
    found = sources.find(name)
    if sources.problems:
        running.give_up("\n".join(map(str, sources.problems)))
    if found is None:
        return None
    try:
        return read(found.text)
    except InvalidValue as error:
        running.give_up(f"{name}: {error}")


def required(name: str, read: Callable[[str], Value]) -> Value:
    """What `read` makes of the setting `name`."""
    value = optional(name, read)
    if value is None:
        running.give_up(f"{name} is not set. Set it, or {name}_FILE to a file that holds it, in the environment.")
    return value


def project() -> Project:
    """The Agora project to mint for."""
    app_id = required("AGORA_APP_ID", identifiers.app_id)
    return Project(app_id, required("AGORA_APP_CERTIFICATE", identifiers.app_certificate))
