"""Programs of this machine that the tests of this room call."""

import shutil

import pytest


def tool(name: str, how: str) -> str:
    """Where the program is; without it the test is skipped, and conftest.py makes a failure of that in CI."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed: {how}")
    return path
