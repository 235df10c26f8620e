"""Where a value comes from: the environment, a file named by NAME_FILE, further layers (.env, TOML), the default.

Decided here: the order, that NAME and NAME_FILE together are a problem, and what a missing or unreadable file is
called. `load` asks for one name at a time and never sees where the next layer is.
"""

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
    example: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.what}" + (f" Example: {self.example}" if self.example else "")


@dataclass(frozen=True, slots=True)
class Found:
    """A value as text, and where it stood."""

    text: str = field(repr=False)
    origin: str


@dataclass(frozen=True, slots=True)
class Layer:
    """One place to look in. `label` is what `session-service config` shows."""

    label: str
    values: Mapping[str, str] = field(repr=False)


class Sources:
    """Layers, the strongest first. An empty value counts as absent: compose files pass unset variables that way."""

    def __init__(self, *layers: Layer, problems: list[Problem] | None = None) -> None:
        self.layers = layers
        self.problems = [] if problems is None else problems

    def find(self, name: str) -> Found | None:
        """The value of `name` from the strongest layer that has one, or its default, or None."""
        for layer in self.layers:
            found = self._in_layer(layer, name)
            if found is not None:
                return found
        variable = BY_NAME[name]
        return None if variable.default is None else Found(variable.default, "default")

    def _in_layer(self, layer: Layer, name: str) -> Found | None:
        text, path = layer.values.get(name, ""), layer.values.get(f"{name}_FILE", "")
        if text and path:
            self.problem(name, f"and {name}_FILE are both set. Keep one of them.")
        if text or not path:
            return Found(text, layer.label) if text else None
        content = self._read(name, path)
        return None if content is None else Found(content, f"{layer.label}, {name}_FILE")

    def _read(self, name: str, path: str) -> str | None:
        try:
            content = Path(path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            self.problem(f"{name}_FILE", f"names a file that cannot be read: {reason}.")
            return None
        return content.removesuffix("\n").removesuffix("\r") or None

    def problem(self, name: str, what: str, example: str = "") -> None:
        """Note a problem, once."""
        problem = Problem(name, what, example)
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
        sources.problem("SESSION_CONFIG", "has clients that are no tables.", "[clients.acme]")
        return None
    unknown: list[str] = []
    common = _layer("file", document, unknown)
    clients = {name: _layer(f"file [clients.{name}]", table, unknown) for name, table in tables.items()}
    return ConfigFile(common, clients, tuple(unknown))


def _toml(path: str, sources: Sources) -> dict[str, Any] | None:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        sources.problem("SESSION_CONFIG", f"names a file that cannot be read: {error.strerror}.")
    except ValueError as error:
        _, at, position = str(error).rpartition("(at ")
        sources.problem("SESSION_CONFIG", f"names a file that is not TOML{' (at ' + position if at else ''}.")
    return None


def _layer(label: str, table: Mapping[str, object], unknown: list[str]) -> Layer:
    values = {}
    for key, value in table.items():
        name = _variable_name(key)
        if name is None:
            unknown.append(f"{label}: {key}")
        else:
            values[name] = _text(value)
    return Layer(label, values)


def _variable_name(key: str) -> str | None:
    """A key is a variable's name in any case; its SESSION_ or AGORA_ may be left out."""
    upper = key.upper()
    for name in (upper, f"SESSION_{upper}", f"AGORA_{upper}"):
        if name.removesuffix("_FILE") in BY_NAME:
            return name
    return None


def _text(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)
