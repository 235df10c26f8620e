"""Servers written in Go that tests need: found on this machine, or built once into .cache/bin.

Used by the stand-in for a bad network (toxiproxy) and by the tests with LiveKit, which run in an environment of their
own: nothing is imported here but pytest and the standard library.
"""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.taking_turns import in_turn

BUILT = Path(__file__).parent.parent / ".cache" / "bin"
BUILD_SECONDS = 900


@dataclass(frozen=True, slots=True)
class GoProgram:
    """One server: the environment variable that may name its file, its `name` on PATH, and what Go builds it from."""

    name: str
    variable: str
    module: str
    formula: str
    go: str
    takes: str

    def path(self) -> str:
        """The program's file; built if need be, skipping the test where that is impossible."""
        return os.environ.get(self.variable) or shutil.which(self.name) or str(self._built())

    def _built(self) -> Path:
        with in_turn(BUILT):
            if not (BUILT / self.name).exists():
                self._build()
        return BUILT / self.name

    def _build(self) -> None:
        go = shutil.which("go")
        if go is None:
            pytest.skip(self._how_to_get_it())
        with tempfile.TemporaryDirectory(dir=BUILT) as folder:  # Go's name for them all is `server`
            command = [go, "install", "-trimpath", "-ldflags=-s -w", self.module]
            subprocess.run(command, env={**os.environ, "GOBIN": folder}, check=True, timeout=BUILD_SECONDS)
            (Path(folder) / "server").rename(BUILT / self.name)

    def _how_to_get_it(self) -> str:
        return (
            f"There is no {self.name}. Install it (brew install {self.formula}, or an archive of its releases), name "
            f"it in {self.variable}, or install {self.go}, and this builds it once in {self.takes}."
        )
