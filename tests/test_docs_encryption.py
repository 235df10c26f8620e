"""docs/encryption.md says what the code does."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from session_service.agora import encryption
from session_service.agora.encryption import MODES
from tests.agora.tools import tool

PAGE = (Path(__file__).parent.parent / "docs" / "encryption.md").read_text()
MASTER_KEY = bytes(range(32))


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the table whose heading begins so, without the marks of code."""
    table = PAGE[PAGE.index(heading) :].split("\n\n", 1)[0]
    for line in table.splitlines()[2:]:
        yield [cell.strip().strip("`") for cell in line.strip("|").split("|")]


def test_the_table_of_modes_is_the_codes() -> None:
    """Name, number, Web name and salt of each, in order."""
    told = [(name, int(number), web, salt) for name, number, web, salt, *_ in rows("| Mode | Number")]
    assert told == [
        (mode.name, mode.number, mode.web_name, "32 bytes" if mode.salted else "no") for mode in MODES.values()
    ]


def test_the_vectors_are_what_is_derived() -> None:
    """Each value of the table, from the master key and the channel above it."""
    assert MASTER_KEY.hex() in PAGE
    for name, purpose, value in rows("| Mode | Purpose"):
        assert value == getattr(encryption.derive(MODES[name], MASTER_KEY, "room-1"), purpose)


@pytest.mark.real
def test_the_openssl_command_prints_its_vector() -> None:
    """Pasted into a shell as it stands."""
    tool("openssl", "apt-get install openssl, or brew install openssl@3")
    (command,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    printed = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == encryption.derive(MODES["aes_256_gcm2"], MASTER_KEY, "room-1").key
