"""Commands called within this process, in a folder and an environment of the test's own."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from session_service.cli import commands
from session_service.settings import NAMES

Call = Callable[[str, Mapping[str, str]], Result]


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Call]:
    """Calls `session-service` with these words and settings, in an empty folder."""
    nothing: dict[str, str | None] = dict.fromkeys([*NAMES, *(f"{name}_FILE" for name in NAMES)])
    path = list(sys.path)

    def run(words: str, variables: Mapping[str, str]) -> Result:
        return CliRunner().invoke(commands, words.split(), env={**nothing, **variables})

    with contextlib.chdir(tmp_path):
        yield run
    sys.path[:] = path
