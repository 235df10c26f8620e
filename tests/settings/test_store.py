"""Where sessions are kept, and what is said where no file can be."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from session_service.app import RULES
from session_service.settings import Layer, Refused, Sources, load
from session_service.settings.variables import STORE_FILE
from tests.settings.given import RIGHT, loaded, only_problem

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    """The current folder is the test's own."""
    with contextlib.chdir(tmp_path):
        yield tmp_path


def shown(changes: dict[str, str]) -> tuple[str, str]:
    """What `session-service config` says of it, and of where it came from."""
    ((text, origin),) = [(row.shown, row.origin) for row in loaded(changes).effective if row.name == "SESSION_STORE"]
    return text, origin


def test_by_default_it_is_a_file_in_the_current_folder(folder: Path) -> None:
    """Which reading the settings does not make; the log names it in full."""
    assert shown({}) == ("sqlite:session-service.db", "default")
    assert loaded({}).settings.store == f"sqlite:{folder / STORE_FILE}"
    assert list(folder.iterdir()) == []


def test_a_folder_of_systemds_has_it(folder: Path) -> None:
    """The first, where a unit has several."""
    found = {"STATE_DIRECTORY": f"{folder}:/var/lib/other"}
    assert shown(found) == (f"sqlite:{folder}/session-service.db", "STATE_DIRECTORY")
    assert loaded(found).settings.store == f"sqlite:{folder / STORE_FILE}"


@pytest.mark.parametrize("named", ["memory", "sqlite:elsewhere.db"])
def test_what_is_named_beats_systemds_folder(named: str) -> None:
    """Even a bad one."""
    assert shown({"SESSION_STORE": named, "STATE_DIRECTORY": "bad"}) == (named, "environment")


def test_a_configuration_file_beats_systemds_folder(folder: Path) -> None:
    """The image sets that folder, and must not take the choice from anybody."""
    (folder / "clients.toml").write_text('store = "memory"\n')
    assert loaded({"SESSION_CONFIG": "clients.toml", "STATE_DIRECTORY": str(folder)}).settings.store == "memory"


WITHOUT_RIGHTS = """
import os, sys
import session_service.sessions.store.file
from tests.settings.given import only_problem
os.chdir(sys.argv[1])
os.geteuid() or os.setuid(65534)  # nothing is out of root's reach
print(only_problem(dict(word.split("=", 1) for word in sys.argv[2:])))
"""


@pytest.mark.real
@pytest.mark.parametrize(
    ("setting", "where"),
    [
        ("SESSION_STORE=", "It is not set, and no file in the current folder can be it: "),
        ("STATE_DIRECTORY={}", "It is not set, and no file in STATE_DIRECTORY can be it: "),
        ("SESSION_STORE=sqlite:{}/sessions.db", "No file can be it: "),
    ],
)
def test_a_folder_that_cannot_be_written_to_is_a_problem_with_two_ways_out(
    folder: Path, setting: str, where: str
) -> None:
    """Nothing else takes its place."""
    folder.chmod(0o555)
    command = [sys.executable, "-c", WITHOUT_RIGHTS, str(folder), setting.format(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(where), done.stderr
    assert "this user cannot" in done.stdout
    assert " Set it to sqlite: and a file that can be written, or to memory" in done.stdout


def test_the_problem_stands_in_the_list_of_all(folder: Path) -> None:
    """Nobody mends a setting to meet the store at the next start."""
    (folder / STORE_FILE).mkdir()
    with pytest.raises(Refused) as caught:
        load(Sources(Layer("environment", {})), RULES)
    assert sorted(problem.name for problem in caught.value.problems) == sorted([*RIGHT, "SESSION_STORE"])


@pytest.mark.parametrize(("path", "why"), [("missing/sessions.db", "does not exist"), (".", "it is a folder")])
def test_a_place_that_is_none_is_a_problem(path: str, why: str) -> None:
    """A folder is made by whoever mounts it, not by a service that may be in the wrong place."""
    assert why in only_problem({"SESSION_STORE": f"sqlite:{path}"})
