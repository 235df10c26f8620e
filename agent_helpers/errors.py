"""What is wrong with a test's metadata, in words that can be logged.

`metadata`, `models` and `context` raise it, `job` decides whether the caller sees it. Metadata may carry personal data,
so a problem names the source, the field, the rule and the position, and never what stood there.
"""

from dataclasses import dataclass
from typing import Literal

Source = Literal["job metadata", "room metadata"]
_LONGEST_PATH = 1_000
_MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule."""

    source: Source
    field: str
    """Dotted path from the top of the source, list indices included; empty where the whole text is meant."""
    reason: str
    """What the field is, or has to be; it completes the sentence "the field ..."."""
    position: int | None = None
    """Characters before the place where the text stops being JSON; None where it is JSON."""

    def __str__(self) -> str:
        field = f", field {printable(self.field)}:" if self.field else ""
        position = "" if self.position is None else f" (at character {self.position})"
        return f"{self.source}{field} {self.reason}{position}"


def printable(path: str) -> str:
    """A path for a line of a log: its keys are the sender's words, and may hold line breaks or have no end."""
    return "".join(letter if letter.isprintable() else "?" for letter in path[:_LONGEST_PATH])


class MetadataError(ValueError):
    """A job claims to be a test, and its metadata breaks a rule. `problems` has all of them, the text the first 100."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        more = len(self.problems) - _MOST_LISTED
        listed = [*map(str, self.problems[:_MOST_LISTED]), *([f"and {more} more"] if more > 0 else [])]
        return "; ".join(listed)

    @property
    def source(self) -> Source:
        """Where the first problem is."""
        return self.problems[0].source

    @property
    def field(self) -> str:
        """The first problem's field."""
        return self.problems[0].field

    @property
    def reason(self) -> str:
        """The first problem's reason."""
        return self.problems[0].reason

    @property
    def position(self) -> int | None:
        """The first problem's position in the text."""
        return self.problems[0].position
