"""Where the reports of `check` go: standard output, standard error, files, and GitHub's summary.

Decided here: that every file is opened before anything is sent, so that no run is made whose report is lost; that the
report for people moves to standard error where a program reads standard output; and that progress shows to a person
alone.
"""

import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TextIO

from session_service.check.model import Check
from session_service.check.reports import document, github, junit, terminal
from session_service.check.reports.view import View
from session_service.errors import InvalidValue

_CLEAR = "\r\x1b[K"
_STANDARD_OUTPUT = "-"


class Stream:
    """A text stream that writes what its encoding lacks as an escape."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = stream.encoding or "ascii"

    def write(self, text: str) -> None:
        """Write, and at once."""
        self._stream.write(text.encode(self.encoding, "backslashreplace").decode(self.encoding))
        self._stream.flush()


def stream(one: TextIO) -> Stream:
    """Standard output or standard error, to write on."""
    return Stream(one)


class Progress:
    """One line on standard error that says what is being checked, if a person is there."""

    def __init__(self, error: TextIO, planned: int) -> None:
        self._error = Stream(error) if error.isatty() else None
        self._planned, self._begun = planned, 0

    def begins(self, check: Check) -> None:
        """Show the check in place of the one before."""
        self._begun += 1
        if self._error:
            self._error.write(f"{_CLEAR}[{self._begun}/{self._planned}] {check.id} {check.title}"[:79])

    def tells(self, text: str) -> None:
        """Say in its place how far a long one has come."""
        if self._error:
            self._error.write(f"{_CLEAR}[{self._begun}/{self._planned}] {text}"[:79])

    def over(self) -> None:
        """Take the line away."""
        if self._error:
            self._error.write(_CLEAR)


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where a run is told. `people` is the stream for the terminal report; each of `files` has its own form."""

    people: Stream
    style: terminal.Style
    files: tuple[tuple[TextIO, Callable[[View], str]], ...]
    annotated: bool

    def say(self, text: str) -> None:
        """Tell a person what is about to happen."""
        self.people.write(text)

    def write(self, view: View) -> None:
        """Write every report; files first, for whoever reads a stream may go away."""
        for file, written in self.files:
            Stream(file).write(written(view))
            if file is not sys.stdout:
                file.close()
        text = terminal.written(view, self.style)
        if self.annotated:
            text = github.quiet(secrets.token_hex(16), text) + "".join(f"{line}\n" for line in github.annotations(view))
        self.people.write(text)


def opened(options: Mapping[str, Any], environment: Mapping[str, str]) -> Outputs:
    """Open every file that a report is to be written to; InvalidValue where one cannot be."""
    annotated = bool(options["github"]) or environment.get("GITHUB_ACTIONS") == "true"
    wanted: list[tuple[str | None, Literal["w", "a"], Callable[[View], str]]] = [
        (options["json_file"], "w", document.written),
        (options["junit_file"], "w", junit.written),
    ]
    if annotated:
        wanted.append((environment.get("GITHUB_STEP_SUMMARY"), "a", github.summary))
    named = [(name, mode, written) for name, mode, written in wanted if name]
    names = [name if name == _STANDARD_OUTPUT else os.path.realpath(name) for name, _, _ in named]
    if len(set(names)) < len(names):
        raise InvalidValue("Two reports are to be written to the same place. Give each a file of its own.")
    files = tuple((_open(name, mode), written) for name, mode, written in named)
    people = sys.stderr if _STANDARD_OUTPUT in names else sys.stdout
    return Outputs(Stream(people), _style(people, environment), files, annotated)


def _open(name: str, mode: Literal["w", "a"]) -> TextIO:
    if name == _STANDARD_OUTPUT:
        return sys.stdout
    try:
        return open(name, mode, encoding="utf-8")
    except OSError as error:
        raise InvalidValue(f"No report can be written to {name!a}: {error.strerror}.") from None


def _style(people: TextIO, environment: Mapping[str, str]) -> terminal.Style:
    colour = people.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
    return terminal.style(colour=colour, encoding=people.encoding or "ascii")
