"""What importing the package costs an agent: nothing but the package."""

import subprocess
import sys
from pathlib import Path

import pytest

import agent_helpers

ROOT = Path(__file__).parent.parent.parent
NAMES = [
    "asyncio",
    "dataclasses",
    "json",
    "logging",
    "livekit",
    "pydantic",
    "opentelemetry",
    "pytest",
    "session_service",
]


def loaded(statement: str) -> set[str]:
    """Which of NAMES a bare interpreter has loaded after the statement."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{statement}\nprint(*{set(NAMES)!r} & sys.modules.keys())"
    ran = subprocess.run([sys.executable, "-I", "-c", program], check=True, capture_output=True, text=True)
    return set(ran.stdout.split())


def test_importing_the_package_loads_nothing_else() -> None:
    """Not even most of the standard library: that is what keeps it far below five milliseconds."""
    assert loaded("import agent_helpers") == set()


def test_using_it_loads_the_standard_library_alone() -> None:
    """An agent's environment needs no package for us."""
    statement = "from agent_helpers import *"
    assert loaded(statement) == {"dataclasses", "json", "logging"}


def test_the_plugin_loads_no_livekit() -> None:
    """A test run that uses none of its fixtures does not pay for them."""
    assert loaded("import pytest; import agent_helpers.testing") == {"dataclasses", "json", "logging", "pytest"}


def test_every_public_name_is_found_and_listed() -> None:
    """The lazy package answers like any other."""
    assert set(agent_helpers.__all__) <= set(dir(agent_helpers))
    assert all(getattr(agent_helpers, name) for name in agent_helpers.__all__)
    with pytest.raises(AttributeError, match="no attribute 'read_text_context'"):
        _ = agent_helpers.read_text_context  # type: ignore[attr-defined]
