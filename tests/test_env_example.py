"""deploy/session-service.env.example against the table of settings."""

import re
from pathlib import Path

import pytest

from session_service.settings import VARIABLES

EXAMPLE = Path(__file__).parent.parent / "deploy" / "session-service.env.example"
ENTRY = re.compile(r"^# (?P<meaning>\S.*)\n(?P<off>#?)(?P<name>[A-Z][A-Z_]*)=(?P<value>.*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def entries() -> dict[str, str]:
    return {found["name"]: found["value"] for found in ENTRY.finditer(EXAMPLE.read_text())}


def test_the_example_lists_every_setting_once_with_its_meaning(entries: dict[str, str]) -> None:
    """What is missing here is a setting that nobody finds."""
    assert len(ENTRY.findall(EXAMPLE.read_text())) == len(entries)
    assert set(entries) == {variable.name for variable in VARIABLES}


def test_the_example_shows_the_defaults_and_no_other_value(entries: dict[str, str]) -> None:
    """No value that could be mistaken for a real one, and no default that is not."""
    assert entries == {variable.name: variable.default or "" for variable in VARIABLES}


def test_only_what_is_needed_is_not_commented_out() -> None:
    """An example file that is used unchanged is refused for exactly these."""
    needed = {found["name"] for found in ENTRY.finditer(EXAMPLE.read_text()) if not found["off"]}
    assert needed == {
        "AGORA_APP_ID",
        "AGORA_APP_CERTIFICATE",
        "SESSION_CLIENT_ID",
        "SESSION_SECRET",
        "SESSION_LAUNCHER",
    }
