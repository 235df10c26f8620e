"""What each command prints, and the code that it ends with."""

import os
import re
import stat
from pathlib import Path

import pytest

from session_service.cli import made_up
from tests.cli.conftest import Call
from tests.commands import command as process
from tests.settings.given import CERTIFICATE, MASTER_KEY, OTHER, RIGHT, SECRET, client

EVERY_SECRET = {
    **RIGHT,
    "SESSION_SECRETS": f"blue={OTHER}",
    "SESSION_ENCRYPTION_MODE": "aes_256_gcm2",
    "SESSION_ENCRYPTION_SOURCE": "derived",
    "SESSION_ENCRYPTION_MASTER_KEY": MASTER_KEY,
}
REAL = {name: RIGHT[name] for name in ("AGORA_APP_ID", "AGORA_APP_CERTIFICATE")}


def test_help_names_every_command(call: Call) -> None:
    """Without importing one of them."""
    words = re.findall(r"^  (\w+)  ", call("--help", {}).output, re.MULTILINE)
    assert words == ["check", "config", "dev", "encryption", "healthcheck", "secret", "serve", "sessions", "token"]


@pytest.mark.parametrize(
    "command", ["check", "config", "dev", "encryption", "healthcheck", "secret", "serve", "sessions", "token"]
)
def test_each_command_explains_itself(call: Call, command: str) -> None:
    """In at least a sentence."""
    assert "." in call(f"{command} --help", {}).output


def test_an_unknown_command_is_refused(call: Call) -> None:
    """click's own sentence and exit code."""
    assert call("sevre", {}).exit_code == 2


@pytest.mark.real
@pytest.mark.parametrize(("line", "words"), [("token decode -", "is empty"), ("encryption -", "is not JSON")])
def test_a_closed_standard_input_reads_as_empty(line: str, words: str, tmp_path: Path) -> None:
    """And is no failure of the program, whose exit code 1 would say that a token or a side is wrong."""
    with process(tmp_path, f"{line} <&-", {}) as running:
        running.until(words)
        assert running.process.wait(60) == 2


def test_serve_without_settings_says_everything_that_is_missing(call: Call) -> None:
    """On standard error, with exit code 2."""
    done = call("serve", {})
    assert done.exit_code == 2
    assert done.stdout == ""
    assert [name for name in RIGHT if f"  {name}: It is missing. Example: {name}=" not in done.stderr] == []


def test_serve_makes_nothing_up_and_reads_no_env_file(call: Call) -> None:
    """What `dev` would take from the folder."""
    Path(".env").write_text("\n".join(f"{name}={value}" for name, value in RIGHT.items()))
    assert call("serve", {}).exit_code == 2
    assert os.listdir() == [".env"]


def test_serve_refuses_a_weak_secret_without_showing_it(call: Call) -> None:
    """Exit code 2, and the way to a better one."""
    done = call("serve", {**RIGHT, "SESSION_SECRET": "hunter2-hunter2"})
    assert done.exit_code == 2
    assert "SESSION_SECRET: It is weak" in done.stderr
    assert "hunter2" not in done.output


def test_config_masks_every_secret(call: Call) -> None:
    """The names are there, the values are not."""
    done = call("config", EVERY_SECRET)
    assert done.exit_code == 0
    assert not [secret for secret in (SECRET, OTHER, CERTIFICATE, MASTER_KEY) if secret in done.output]
    assert len(re.findall(r"^\w+ +\*{8}  \(environment\)$", done.output, re.MULTILINE)) == 4


def test_config_shows_where_each_setting_came_from(call: Call) -> None:
    """Environment, file, or default; and what was not read."""
    Path("id").write_text("from-a-file\n")
    changes = {"SESSION_CLIENT_ID": "", "SESSION_CLIENT_ID_FILE": "id", "SESSION_MAX_STARST": "1"}
    output = call("config", {**RIGHT, **changes}).output
    assert re.search(r"^SESSION_CLIENT_ID +from-a-file  \(environment, SESSION_CLIENT_ID_FILE\)$", output, re.MULTILINE)
    assert re.search(r"^SESSION_LAUNCHER +none  \(environment\)$", output, re.MULTILINE)
    assert re.search(r"^SESSION_MAX_STARTS +10  \(default\)$", output, re.MULTILINE)
    assert "Warning: SESSION_MAX_STARST is not known" in output


def test_config_shows_what_follows_from_other_settings(call: Call) -> None:
    """The lifetime that tokens really have, though nobody set it."""
    output = call("config", {**RIGHT, "SESSION_MAX_DURATION": "600"}).output
    assert re.search(r"^SESSION_TOKEN_LIFETIME +900  \(SESSION_MAX_DURATION and 300\)$", output, re.MULTILINE)


def test_config_refuses_what_serve_refuses(call: Call) -> None:
    """With the same words."""
    done = call("config", {})
    assert (done.exit_code, done.output) == (2, call("serve", {}).output)


def test_secret_prints_one_that_the_settings_take(call: Call) -> None:
    """43 characters on a line, another each time."""
    first, second = call("secret", {}).output, call("secret", {}).output
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}\n", first)
    assert first != second
    assert client({"SESSION_SECRET": first.rstrip("\n")}).secrets


def test_dev_with_half_of_an_agora_project_says_which_half_is_missing(call: Call) -> None:
    """It is not completed with something made up."""
    for name, missing in zip(REAL, reversed(REAL), strict=True):
        done = call("dev", {name: REAL[name]})
        assert done.exit_code == 2
        assert f"{missing}: It is missing." in done.stderr


def test_dev_names_a_bad_setting_of_the_env_file(call: Call) -> None:
    """The same list as `serve`."""
    Path(".env").write_text("SESSION_PORT=eighty\n")
    done = call("dev", {})
    assert done.exit_code == 2
    assert "SESSION_PORT: It must be a whole number" in done.stderr


def test_dev_says_when_its_files_cannot_be_read(call: Call) -> None:
    """A sentence, not a traceback."""
    Path(".env").write_bytes(b"SESSION_SECRET=\xff\xfe")
    done = call("dev", {})
    assert done.exit_code == 2
    assert "not UTF-8" in done.stderr


def test_dev_says_when_it_cannot_keep_what_it_makes_up(call: Call) -> None:
    """Here a link that leads nowhere has the name; a folder without the right to write is the same."""
    Path(made_up.FILE).symlink_to("nowhere/file")
    done = call("dev", {})
    assert done.exit_code == 2
    assert made_up.FILE in done.stderr


def test_what_is_made_up_is_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    """Also one that somebody opened to others in the meantime."""
    for _ in range(2):
        made_up.kept(tmp_path, frozenset())
        assert stat.S_IMODE((tmp_path / made_up.FILE).stat().st_mode) == 0o600
        (tmp_path / made_up.FILE).chmod(0o644)


def test_what_is_made_up_stays_and_would_be_taken_by_serve(tmp_path: Path) -> None:
    """The second start has the values of the first."""
    values = made_up.kept(tmp_path, frozenset())
    assert values == made_up.kept(tmp_path, frozenset())
    assert client(dict(values)).client_id.startswith("dev-")


def test_nothing_made_up_is_mixed_with_something_real(tmp_path: Path) -> None:
    """An App ID goes with its own certificate, and secrets of one's own are the only ones."""
    assert not made_up.kept(tmp_path, frozenset({"AGORA_APP_ID"})).keys() & REAL.keys()
    assert "SESSION_SECRET" not in made_up.kept(tmp_path, frozenset({"SESSION_SECRETS"}))
    assert made_up.kept(tmp_path, frozenset({"SESSION_CONFIG"})) == {}


def test_a_setting_given_as_a_file_is_given(tmp_path: Path) -> None:
    """And an empty one is not."""
    assert made_up.given({"AGORA_APP_ID_FILE": "x", "SESSION_SECRET": ""}, {"PORT": "1"}) == {"AGORA_APP_ID", "PORT"}
