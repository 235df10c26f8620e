"""Reading one variable after another, and noting every problem on the way.

Decided here: what is kept of a value so that it can be shown, and under which name a problem stands. Used by `load`
and `clients`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from session_service.errors import InvalidValue
from session_service.settings.sources import Sources
from session_service.settings.variables import BY_NAME

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Effective:
    """A setting as it took effect, fit to be shown: secrets masked, and where it came from."""

    name: str
    shown: str
    origin: str


@dataclass(slots=True)
class Reader:
    """Reads one variable after another and notes every problem on the way."""

    sources: Sources
    scope: str = ""
    effective: list[Effective] = field(default_factory=list)

    def read(self, name: str, rule: Callable[[str], T], fallback: Any, *, required: bool = False) -> T:
        """The value, or `fallback` where nothing stands there or a problem was noted."""
        found = self.sources.find(name)
        if found is None and required:
            self.problem(name, "It is missing.")
        if found is None or not found.text:
            return cast(T, fallback)
        shown = "********" if BY_NAME[name].secret else found.text
        self.effective.append(Effective(self.scope + name, shown, found.origin))
        try:
            return rule(found.text)
        except InvalidValue as error:
            self.sources.problem(found.scope, name, str(error))
            return cast(T, fallback)

    def derived(self, name: str, value: T, origin: str) -> T:
        """A value that follows from others, where nobody set one; it is shown like one that was read."""
        self.effective.append(Effective(self.scope + name, str(value), origin))
        return value

    def given(self, name: str) -> bool:
        """Whether anybody set it."""
        found = self.sources.find(name)
        return found is not None and found.origin != "default"

    def problem(self, name: str, what: str) -> None:
        """Note a problem of this client's, or of the only one's."""
        self.sources.problem(self.scope, name, what)
