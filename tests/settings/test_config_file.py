"""Several clients in one deployment: the TOML file of SESSION_CONFIG."""

from pathlib import Path

import pytest

from session_service.settings import Client, Refused
from tests.settings.given import OTHER, RIGHT, SECRET, SHARED, file_refusal, from_file, problems

TWO = f"""
[clients.acme]
secret = "{SECRET}"
client_id = "acme-voice"
app_id = "0123456789ABCDEF0123456789abcdef"
app_certificate = "fedcba9876543210fedcba9876543210"
launcher = "process"
process_command = ["python", "-m", "my agent"]
process_ready = "line"
encryption_mode = "aes_256_gcm2"
max_sessions = 5
max_starts = 2
answer_budget = 3.5
max_duration = 600
join_uid = 7

[clients.globex]
secrets = {{ blue = "{OTHER}", green = "{OTHER}-2" }}
channel_prefix = "globex-"
"""


def clients(folder: Path, toml: str, environment: dict[str, str] = SHARED) -> dict[str, Client]:
    """The clients of this file, by name."""
    return {client.name: client for client in from_file(folder, toml, environment).settings.clients}


def test_each_client_has_its_own_secrets_project_launcher_encryption_and_limits(tmp_path: Path) -> None:
    """Everything that a session is made from may differ."""
    acme = clients(tmp_path, TWO)["acme"]
    assert [secret.value for secret in acme.secrets] == [SECRET.encode()]
    assert (acme.client_id, acme.app_id) == ("acme-voice", "0123456789ABCDEF0123456789abcdef")
    assert (acme.launch.command, acme.launch.ready) == (("python", "-m", "my agent"), "line")
    assert acme.encryption.mode == "aes_256_gcm2"
    assert (acme.max_sessions, acme.max_starts, acme.answer_budget, acme.max_duration) == (5, 2, 3.5, 600)
    assert (acme.tokens.join_uid, acme.tokens.lifetime) == (7, 900)


def test_a_client_takes_what_its_table_leaves_out_from_the_environment(tmp_path: Path) -> None:
    """And its client id from the table's name."""
    globex = clients(tmp_path, TWO)["globex"]
    assert globex.app_id == RIGHT["AGORA_APP_ID"]
    assert (globex.client_id, globex.launch.launcher) == ("globex", "none")
    assert {secret.label for secret in globex.secrets} == {"blue", "green"}


def test_a_table_beats_the_environment_which_beats_what_holds_for_all(tmp_path: Path) -> None:
    """The nearest place wins, and an operator can still overrule the common part of the file."""
    toml = f'max_sessions = 1\nmax_starts = 2\n[clients.a]\nmax_sessions = 3\nsecret = "{SECRET}"'
    found = clients(tmp_path, toml, SHARED | {"SESSION_MAX_STARTS": "4"})["a"]
    assert (found.max_sessions, found.max_starts) == (3, 4)


def test_nobodys_identity_holds_for_somebody_else(tmp_path: Path) -> None:
    """A secret of the environment opens the environment's client alone, however it stands there."""
    (tmp_path / "more").write_text(f"blue={OTHER}")
    environment = {**RIGHT, "SESSION_SECRETS_FILE": str(tmp_path / "more")}
    found = clients(tmp_path, f'[clients.a]\nsecret = "{SECRET}-a"', environment)
    assert [secret.value for secret in found["a"].secrets] == [f"{SECRET}-a".encode()]
    assert {secret.label for secret in found["default"].secrets} == {"default", "blue"}


def test_a_table_without_a_secret_is_told_which_one_it_is(tmp_path: Path) -> None:
    """The environment's secret does not help it."""
    (problem,) = file_refusal(tmp_path, "[clients.a]\n", RIGHT).problems
    assert problem.name == "[clients.a] SESSION_SECRET"


def test_a_problem_of_the_environment_is_told_once_and_not_for_every_client(tmp_path: Path) -> None:
    """What holds for all is wrong in one place."""
    refused = file_refusal(tmp_path, TWO, SHARED | {"SESSION_TOKEN_VERSION": "008", "AGORA_APP_ID": "short"})
    assert sorted(problem.name for problem in refused.problems) == ["AGORA_APP_ID", "SESSION_TOKEN_VERSION"]


def test_a_problem_of_a_table_is_told_under_its_client(tmp_path: Path) -> None:
    """Two tables with the same fault are two problems."""
    toml = "".join(f'[clients.{name}]\nsecret_file = "/nowhere"\njoin_uid = 0\n' for name in "ab")
    names = [problem.name for problem in file_refusal(tmp_path, toml).problems]
    assert names == [
        f"[clients.{name}] {what}" for name in "ab" for what in ("SESSION_SECRET_FILE", "SESSION_JOIN_UID")
    ]


@pytest.mark.parametrize("key", ["max_starts", "MAX_STARTS", "session_max_starts", "SESSION_MAX_STARTS"])
def test_a_key_is_the_variables_name_with_or_without_its_beginning(tmp_path: Path, key: str) -> None:
    """In any case."""
    assert clients(tmp_path, f'[clients.a]\nsecret = "{SECRET}"\n{key} = 4')["a"].max_starts == 4


def test_a_port_in_the_file_is_session_port(tmp_path: Path) -> None:
    """Not PORT, which the platform around may set as well."""
    toml = f'port = 9001\n[clients.a]\nsecret = "{SECRET}"'
    assert from_file(tmp_path, toml, SHARED | {"PORT": "9002"}).settings.port == 9001


def test_what_holds_for_all_may_stand_at_the_top(tmp_path: Path) -> None:
    """With a list where a variable has words."""
    toml = f'methods = ["GET"]\nlog_format = "text"\n[clients.a]\nsecret = "{SECRET}"'
    found = from_file(tmp_path, toml).settings
    assert (found.methods, found.log_format) == (("GET",), "text")


@pytest.mark.parametrize("line", [f'secret = {{ blue = "{SECRET}" }}', f'secret = ["{SECRET}"]'])
def test_a_table_or_a_list_is_no_text(tmp_path: Path, line: str) -> None:
    """It would become a secret that nobody sends."""
    with pytest.raises(Refused) as caught:
        from_file(tmp_path, f"[clients.a]\n{line}")
    assert "[clients.a] SESSION_SECRET: It is text" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_file_without_tables_is_one_client(tmp_path: Path) -> None:
    """TOML for those who like it better than variables."""
    found = clients(tmp_path, f'client_id = "acme"\nsecret = "{SECRET}"')
    assert found["default"].client_id == "acme"


def test_an_unknown_key_is_a_warning_wherever_it_stands(tmp_path: Path) -> None:
    """So is a key that holds for the whole service, in a client's table."""
    toml = f'colour = "red"\n[clients.a]\nsecret = "{SECRET}"\nprot = 1\nport = 9001'
    found = from_file(tmp_path, toml)
    assert [warning.partition(" is")[0] for warning in found.warnings] == [
        "colour",
        "[clients.a] prot",
        "[clients.a] port",
    ]
    assert found.settings.port == 8080


def test_two_clients_need_two_ids_and_two_names(tmp_path: Path) -> None:
    """Between two tables, and between a table and the environment."""
    tables = f'[clients.a]\nsecret = "{SECRET}"\n[clients.b]\nclient_id = "a"\nsecret = "{OTHER}"'
    assert [problem.name for problem in file_refusal(tmp_path, tables).problems] == ["SESSION_CLIENT_ID"]
    default = f'[clients.default]\nsecret = "{SECRET}"'
    assert [problem.name for problem in file_refusal(tmp_path, default, dict(RIGHT)).problems] == ["SESSION_CONFIG"]


def test_two_clients_may_share_a_secret(tmp_path: Path) -> None:
    """It opens both ids; that is the operator's choice."""
    toml = "".join(f'[clients.{name}]\nsecret = "{SECRET}"\n' for name in "ab")
    assert set(clients(tmp_path, toml)) == {"a", "b"}


@pytest.mark.parametrize("line", [f'secret = "{SECRET}', f"secret = {SECRET}", f'["{SECRET}"]\n["{SECRET}"]'])
def test_broken_toml_is_told_by_its_position_and_without_its_text(tmp_path: Path, line: str) -> None:
    """The line that is broken may be the one with the secret."""
    refused = file_refusal(tmp_path, line)
    assert [problem.name for problem in refused.problems] == ["SESSION_CONFIG"]
    assert "look at " in str(refused)
    assert SECRET not in str(refused)


def test_a_file_that_cannot_be_read_is_the_only_problem(tmp_path: Path) -> None:
    """What would have stood in it is not called missing."""
    (tmp_path / "clients.toml").mkdir()
    (tmp_path / "binary.toml").write_bytes(b"\xff")
    for name in ("clients.toml", "binary.toml", "nowhere.toml"):
        path = str(tmp_path / name)
        assert problems({"SESSION_CONFIG": path, "SESSION_CLIENT_ID": "", "SESSION_SECRET": ""}) == ["SESSION_CONFIG"]


@pytest.mark.parametrize("toml", ["[[clients]]\na = 1", "[clients]\na = 1", "clients = 3"])
def test_clients_are_tables(tmp_path: Path, toml: str) -> None:
    """And the example says how one is written."""
    (problem,) = file_refusal(tmp_path, toml).problems
    assert problem.example == "[clients.acme]"


def test_where_a_clients_settings_came_from_is_told(tmp_path: Path) -> None:
    """By table, by the file's common part, by the environment, by default."""
    rows = {row.name: row.origin for row in from_file(tmp_path, "max_starts = 2\n" + TWO).effective}
    assert rows["[clients.acme] SESSION_LAUNCHER"] == "file [clients.acme]"
    assert rows["[clients.acme] SESSION_TOKEN_VERSION"] == "default"
    assert rows["[clients.globex] SESSION_MAX_STARTS"] == "file"
    assert rows["[clients.globex] AGORA_APP_ID"] == "environment"
