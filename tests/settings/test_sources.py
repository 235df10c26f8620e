"""Where a value may stand, and which place is the strongest."""

from pathlib import Path

import pytest

from session_service.app import RULES
from session_service.settings import Layer, Loaded, Sources, address, load
from tests.settings.given import RIGHT, SECRET, client, loaded, only_problem, problems, refusal


def origin(found: Loaded, name: str) -> str:
    """Where this setting came from, as `session-service config` shows it."""
    return {row.name: row.origin for row in found.effective}[name]


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_one_line_end_of_a_file_is_no_part_of_the_value(tmp_path: Path, ending: str) -> None:
    """Editors add it, `docker secret create` does not."""
    path = tmp_path / "secret"
    path.write_bytes(f"{SECRET}{ending}".encode())
    found = loaded({"SESSION_SECRET": "", "SESSION_SECRET_FILE": str(path)})
    assert found.settings.clients[0].secrets[0].value == SECRET.encode()
    assert origin(found, "SESSION_SECRET") == "environment, SESSION_SECRET_FILE"


def test_a_second_line_end_is_part_of_the_value(tmp_path: Path) -> None:
    """What is taken verbatim is not tidied up; the secret is refused for it."""
    (tmp_path / "secret").write_text(SECRET + "\n\n")
    assert "white space" in only_problem({"SESSION_SECRET": "", "SESSION_SECRET_FILE": str(tmp_path / "secret")})


def test_a_file_that_is_not_there_is_one_problem() -> None:
    """Under the name that has to be mended; the variable itself is not missing as well."""
    assert problems({"SESSION_SECRET": "", "SESSION_SECRET_FILE": "/nowhere/secret"}) == ["SESSION_SECRET_FILE"]


def test_why_a_file_cannot_be_read_is_told_without_its_path(tmp_path: Path) -> None:
    """A folder, and something that is no text; the path may be the secret itself, set under the wrong name."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00secret")
    for path, why in ((tmp_path, "Is a directory"), (tmp_path / "binary", "not UTF-8"), (tmp_path / SECRET, "No such")):
        text = str(refusal({"SESSION_SECRET": "", "SESSION_SECRET_FILE": str(path)}))
        assert why in text
        assert str(path) not in text


def test_an_empty_file_counts_as_absent(tmp_path: Path) -> None:
    """As an empty variable does."""
    (tmp_path / "empty").write_text("\n")
    assert "missing" in only_problem({"SESSION_SECRET": "", "SESSION_SECRET_FILE": str(tmp_path / "empty")})


def test_a_variable_and_its_file_together_are_a_problem(tmp_path: Path) -> None:
    """Nobody can say which one was meant."""
    (tmp_path / "secret").write_text(SECRET)
    assert "SESSION_SECRET_FILE" in only_problem({"SESSION_SECRET_FILE": str(tmp_path / "secret")})


def test_an_empty_value_counts_as_absent() -> None:
    """Compose files pass variables on that way, set or not."""
    assert client({"SESSION_JOIN_UID": "", "SESSION_AGENT_UID": ""}).tokens.join_uid == 1
    assert "missing" in only_problem({"SESSION_SECRET": ""})


def test_an_empty_file_name_beside_a_value_is_no_problem() -> None:
    """The same compose file passes both names."""
    assert client({"SESSION_SECRET_FILE": ""}).secrets


def test_the_stronger_place_wins_with_a_value_or_with_a_file(tmp_path: Path) -> None:
    """Environment before .env, whichever of them uses NAME_FILE."""
    (tmp_path / "id").write_text("from-file")
    strong = Layer("environment", {"SESSION_CLIENT_ID_FILE": str(tmp_path / "id")})
    found = load(Sources(strong, Layer(".env", RIGHT)), RULES)
    assert found.settings.clients[0].client_id == "from-file"
    assert origin(found, "SESSION_SECRET") == ".env"


def test_what_a_command_assumes_yields_to_everything(tmp_path: Path) -> None:
    """`dev` brings a launcher of its own only where nothing else names one."""
    weakest = Layer("dev", {"SESSION_LAUNCHER": "process", "SESSION_LOG_FORMAT": "text"})
    found = load(Sources(Layer("environment", RIGHT), weakest=weakest), RULES)
    assert (found.settings.clients[0].launch.launcher, found.settings.log_format) == ("none", "text")


def test_session_port_beats_port() -> None:
    """Container platforms set PORT for whatever runs there."""
    assert loaded({}).settings.port == 8080
    assert loaded({"PORT": "9001"}).settings.port == 9001
    assert loaded({"PORT": "9001", "SESSION_PORT": "9002"}).settings.port == 9002


def test_the_address_is_known_without_the_other_settings(tmp_path: Path) -> None:
    """The health check needs no secret; it reads the port where the service does."""
    (tmp_path / "clients.toml").write_text("port = 9003\n")
    found = Sources(Layer("environment", {"SESSION_CONFIG": str(tmp_path / "clients.toml"), "PORT": ""}))
    assert address(found) == ("127.0.0.1", 9003)


def test_an_unknown_name_is_a_warning_and_a_later_one_too() -> None:
    """A typing error is told, and stops no deployment."""
    (later, unknown) = sorted(loaded({"SESSION_SECRTE": "x", "CEKURA_API_KEY": "x"}).warnings)
    assert later.startswith("CEKURA_API_KEY belongs to a later version")
    assert unknown.startswith("SESSION_SECRTE is not known")


def test_names_that_others_set_are_no_warning() -> None:
    """A desktop's session manager has nothing to do with ours; nor have names that do not begin like ours."""
    assert loaded({"SESSION_MANAGER": "local/host:@/tmp/.ICE-unix/1", "XDG_SESSION_ID": "2"}).warnings == ()


def test_a_warning_holds_no_value() -> None:
    """What is misspelt may be a secret."""
    assert SECRET not in "".join(loaded({"SESSION_SECRTE": SECRET}).warnings)
