"""What single settings may be, and what they default to."""

from ipaddress import ip_network

import pytest

from session_service.agora.encryption import MODES
from tests.settings.given import MASTER_KEY, client, loaded, only_problem

DERIVED = {"SESSION_ENCRYPTION_SOURCE": "derived", "SESSION_ENCRYPTION_MASTER_KEY": MASTER_KEY}


def test_a_token_lives_as_long_as_the_longest_call_and_five_minutes() -> None:
    """Nobody can renew the tester's."""
    assert client({}).tokens.lifetime == 3900
    assert client({"SESSION_MAX_DURATION": "600"}).tokens.lifetime == 900


def test_a_lifetime_beyond_agoras_is_refused_and_never_capped() -> None:
    """A token that ends earlier than configured ends in the middle of a call."""
    assert client({"SESSION_TOKEN_LIFETIME": "86400"}).tokens.lifetime == 86400
    assert "from 1 to 86400" in only_problem({"SESSION_TOKEN_LIFETIME": "86401"})
    assert "86100" in only_problem({"SESSION_MAX_DURATION": "86101"})


def test_a_lifetime_shorter_than_a_call_is_a_warning() -> None:
    """It may be meant: sessions that are known to be short."""
    (warning,) = loaded({"SESSION_TOKEN_LIFETIME": "60"}).warnings
    assert "SESSION_MAX_DURATION" in warning


def test_the_tester_is_uid_1_and_the_agent_is_drawn() -> None:
    """The contract's default, and none of ours."""
    assert (client({}).tokens.join_uid, client({}).tokens.agent_uid) == (1, None)


@pytest.mark.parametrize("text", ["0", "-1", "4294967296", "1.0", "one", "٣", "1 2", "0x1", "9" * 40])
@pytest.mark.parametrize("name", ["SESSION_JOIN_UID", "SESSION_AGENT_UID"])
def test_a_uid_is_a_whole_number_of_32_bits_and_not_0(name: str, text: str) -> None:
    """0 in a token admits everybody."""
    assert "from 1 to 4294967295" in only_problem({name: text})


def test_agent_and_tester_have_different_uids() -> None:
    """Agora removes the first of two with the same one."""
    assert client({"SESSION_JOIN_UID": "7", "SESSION_AGENT_UID": "1"}).tokens.agent_uid == 1
    assert "tester" in only_problem({"SESSION_JOIN_UID": "7", "SESSION_AGENT_UID": "7"})


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_agora_can_be_asked_for(mode: str) -> None:
    """Off unless asked for; keys are drawn for each session unless they are to be derived."""
    assert client({}).encryption.mode is None
    assert client({"SESSION_ENCRYPTION_MODE": mode}).encryption.mode == mode
    assert client({"SESSION_ENCRYPTION_MODE": mode}).encryption.master_key is None


def test_derived_keys_need_a_master_key() -> None:
    """And only they do: with random keys or none it is not read."""
    assert client({"SESSION_ENCRYPTION_MODE": "aes_256_gcm2", **DERIVED}).encryption.master_key == MASTER_KEY
    wanted = {"SESSION_ENCRYPTION_MODE": "aes_256_gcm2", "SESSION_ENCRYPTION_SOURCE": "derived"}
    assert "missing" in only_problem(wanted)
    assert client(DERIVED).encryption.master_key is None


def test_a_launcher_has_no_default() -> None:
    """A deployment without an agent is a decision, and not what is left when somebody forgets one."""
    assert "missing" in only_problem({"SESSION_LAUNCHER": ""})


def test_a_command_is_split_like_a_shell_splits_it() -> None:
    """Quotation marks hold words together; nothing else of a shell happens."""
    changes = {"SESSION_LAUNCHER": "process", "SESSION_PROCESS_COMMAND": "python -m 'my agent' $HOME ; ls"}
    launch = client(changes).launch
    assert launch.command == ("python", "-m", "my agent", "$HOME", ";", "ls")
    assert launch.ready == "spawn"


@pytest.mark.parametrize("text", ["''", "'' arg", "python 'open"])
def test_a_command_names_a_program(text: str) -> None:
    """Found out at the start, and not at the first call."""
    assert "It " in only_problem({"SESSION_LAUNCHER": "process", "SESSION_PROCESS_COMMAND": text})


def test_each_launcher_needs_what_it_starts() -> None:
    """Named, with an example."""
    assert "missing" in only_problem({"SESSION_LAUNCHER": "process"})
    assert "missing" in only_problem({"SESSION_LAUNCHER": "python"})


@pytest.mark.parametrize("text", ["nowhere", "nowhere.at_all:run", "json:nothing", "json:__name__", "json:dumps"])
def test_a_callable_is_found_at_the_start(text: str) -> None:
    """No colon, no module, nothing of that name, nothing to call, not async."""
    assert only_problem({"SESSION_LAUNCHER": "python", "SESSION_PYTHON_CALLABLE": text})


def test_networks_are_addresses_or_cidr() -> None:
    """Empty means everybody, and nobody's header is believed."""
    assert loaded({}).settings.caller_networks == loaded({}).settings.trusted_proxies == ()
    found = loaded({"SESSION_CALLER_NETWORKS": "203.0.113.7, 2001:db8::/32"}).settings.caller_networks
    assert found == (ip_network("203.0.113.7"), ip_network("2001:db8::/32"))


@pytest.mark.parametrize("text", ["/", "//", "/a//b", "a/b", "/a b", "/livez", "/readyz/", "/a?b", "/é"])
def test_a_path_is_plain_and_nobody_elses(text: str) -> None:
    """It is what the platform's form holds, so nothing in it needs escaping."""
    assert "It must" in only_problem({"SESSION_PATH": text})


def test_a_path_is_kept_without_its_trailing_slash() -> None:
    """Both are served; one is printed."""
    assert loaded({"SESSION_PATH": "/cekura/"}).settings.path == "/cekura"


def test_methods_are_post_and_get_in_any_case_and_order() -> None:
    """The first one is what `dev` prints."""
    assert loaded({}).settings.methods == ("POST", "GET")
    assert loaded({"SESSION_METHODS": "get post get"}).settings.methods == ("GET", "POST")


@pytest.mark.parametrize("text", ["Host", "content-length", "X Secret", "", "X-Sécret", "X:Y"])
def test_a_secret_header_is_a_name_that_http_does_not_need(text: str) -> None:
    """An empty one is the default."""
    if text:
        assert "header" in only_problem({"SESSION_SECRET_HEADER": text})
    assert loaded({}).settings.secret_header == "X-Cekura-Secret"


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("SESSION_PORT", "0", "65535"),
        ("SESSION_MAX_SESSIONS", "1", "10000000"),
        ("SESSION_MAX_STARTS", "1", "10000000"),
        ("SESSION_AUTH_FAILURES", "1", "1000000"),
        ("SESSION_ANSWER_BUDGET", "0.1", "60"),
        ("SESSION_MAX_DURATION", "1", "86100"),
        ("SESSION_FIRST_BYTE_TIMEOUT", "0.1", "300"),
        ("SESSION_RECEIPT_TIMEOUT", "0.1", "300"),
        ("SESSION_DRAIN_DELAY", "0", "300"),
    ],
)
def test_a_number_has_both_its_ends_and_nothing_beyond(name: str, low: str, high: str) -> None:
    """Out of range is refused, never moved into it."""
    assert loaded({name: low}) != loaded({name: high})
    assert low in only_problem({name: str(float(low) - 0.01)})
    assert high in only_problem({name: f"{high}1"})
