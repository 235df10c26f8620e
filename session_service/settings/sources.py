"""Where a value comes from: the environment, a file named by NAME_FILE, further layers (.env, TOML), the default.

Decided here: the order, that NAME and NAME_FILE together are a problem, and what a missing or unreadable file is
called. `load` asks for one name at a time and never sees where the next layer is.
"""

import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from session_service.settings.variables import BY_NAME


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the service may not start: the variable, what is wrong with it, an example. Never a value."""

    name: str
    what: str
    example: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what} Example: {self.example}"


@dataclass(frozen=True, slots=True)
class Found:
    """A value as text, and where it stood. The text is empty where a problem with it is noted already."""

    text: str = field(repr=False)
    origin: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """One place to look in. `label` is what `session-service config` shows.

    `scope` stands before a variable's name where the place is one client's own.
    """

    label: str
    values: Mapping[str, str] = field(repr=False)
    scope: str = ""


class Sources:
    """Layers, the strongest first. An empty value counts as absent: compose files pass unset variables that way.

    `weakest` is what a command puts in place of the defaults: it yields to the configuration file too.
    """

    def __init__(self, *layers: Layer, weakest: Layer | None = None, problems: list[Problem] | None = None) -> None:
        self.layers = layers
        self.weakest = weakest
        self.problems = [] if problems is None else problems

    def above(self, *layers: Layer) -> "Sources":
        """The same, with further layers between these and the defaults."""
        return Sources(*self.layers, *layers, weakest=self.weakest, problems=self.problems)

    def find(self, name: str) -> Found | None:
        """The value of `name` from the strongest layer that has one, or its default, or None."""
        for layer in (*self.layers, *([self.weakest] if self.weakest else [])):
            found = self._in_layer(layer, name)
            if found is not None:
                return found
        default = BY_NAME[name].default if name in BY_NAME else None  # a command may look for a name of its own
        return None if default is None else Found(default, "default")

    def _in_layer(self, layer: Layer, name: str) -> Found | None:
        text, path = layer.values.get(name, ""), layer.values.get(f"{name}_FILE", "")
        if text and path:
            self.problem(layer.scope, name, f"{name}_FILE is set as well. Keep one of them.")
        if text:
            return Found(text, layer.label, layer.scope)
        return self._in_file(layer, name, path) if path else None

    def _in_file(self, layer: Layer, name: str, path: str) -> Found | None:
        """What the file holds; a file that cannot be read is a problem, and nothing weaker takes its place."""
        origin = f"{layer.label}, {name}_FILE"
        try:
            content = Path(path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            what = f"The file that it names cannot be read: {_reason(error)}."
            self.problem(layer.scope, f"{name}_FILE", what, f"{name}_FILE=/run/secrets/{name.lower()}")
            return Found("", origin, layer.scope)
        text = content.removesuffix("\n").removesuffix("\r")
        return Found(text, origin, layer.scope) if text else None

    def problem(self, scope: str, name: str, what: str, example: str = "") -> None:
        """Note a problem, once."""
        known = BY_NAME[name].example if name in BY_NAME else "..."
        problem = Problem(scope + name, what, example or f"{name}={known}")
        if problem not in self.problems:
            self.problems.append(problem)


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The TOML file, already turned into variable names: what holds for all, and a layer for each client."""

    common: Layer
    clients: Mapping[str, Layer]
    unknown: tuple[str, ...]


def read_config(path: str, sources: Sources) -> ConfigFile | None:
    """Read the TOML file of SESSION_CONFIG; None, and a problem noted, when it cannot be."""
    document = _toml(path, sources)
    if document is None:
        return None
    tables = document.pop("clients", {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        sources.problem("", "SESSION_CONFIG", "Something under clients is not a table.", "[clients.acme]")
        return None
    unknown: list[str] = []
    common = _layer(document, "", unknown, sources)
    clients = {name: _layer(table, f"[clients.{name}] ", unknown, sources) for name, table in tables.items()}
    return ConfigFile(common, clients, tuple(unknown))


def _toml(path: str, sources: Sources) -> dict[str, Any] | None:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        sources.problem("", "SESSION_CONFIG", f"The file that it names cannot be read: {_reason(error)}.")
    except tomllib.TOMLDecodeError as error:
        # Its text may quote the file, which holds secrets; the position at its end does not.
        position = str(error).rpartition("(at ")[2].rstrip(")")
        sources.problem("", "SESSION_CONFIG", f"The file that it names is not TOML: look at {position}.")
    return None


def _reason(error: OSError | ValueError) -> str:
    return error.strerror or "unknown" if isinstance(error, OSError) else "it is not UTF-8 text"


def _layer(table: Mapping[str, object], scope: str, unknown: list[str], sources: Sources) -> Layer:
    values = {}
    for key, value in table.items():
        name = _variable_name(key)
        if name is None or (scope and not BY_NAME[name.removesuffix("_FILE")].per_client):
            unknown.append(f"{scope}{key}")
        elif (text := _text(name, value)) is None:
            sources.problem(scope, name, "It is text or a number in the file, and no table or list.")
        else:
            values[name] = text
    return Layer(f"file {scope}".rstrip(), values, scope)


def _variable_name(key: str) -> str | None:
    """A key is a variable's name in any case; its SESSION_ or AGORA_ may be left out, so `port` is SESSION_PORT."""
    upper = key.upper()
    for name in (f"SESSION_{upper}", f"AGORA_{upper}", upper):
        if name.removesuffix("_FILE") in BY_NAME:
            return name
    return None


def _text(name: str, value: object) -> str | None:
    """A TOML value as the variable would hold it: a table for labelled secrets, a list for words; else None."""
    if isinstance(value, dict):
        return " ".join(f"{key}={item}" for key, item in value.items()) if name == "SESSION_SECRETS" else None
    if isinstance(value, list):
        if name not in BY_NAME or not BY_NAME[name].several:
            return None
        words = [str(item) for item in value]
        return shlex.join(words) if name == "SESSION_PROCESS_COMMAND" else ",".join(words)
    return str(value)
