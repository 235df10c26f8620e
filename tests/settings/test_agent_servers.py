"""The settings of the launchers whose agents a server of the customer's runs: http and ten."""

from base64 import b64encode
from pathlib import Path

import pytest

from session_service.settings import AgentServer, Ten
from tests.settings.given import (
    CONVOAI,
    HTTP,
    SIGNING_SECRET,
    TEN,
    TEN_TEMPLATE,
    client,
    loaded,
    only_problem,
    problems,
)

OTHER = "whsec_" + b64encode(bytes(range(32))).decode()


def test_an_agent_server_needs_an_address_and_a_secret() -> None:
    """Nothing else can be known of it."""
    assert client(HTTP).launch.http == AgentServer("https://agents.example/v1/agents", (SIGNING_SECRET,))
    assert problems({"SESSION_LAUNCHER": "http"}) == ["SESSION_HTTP_URL", "SESSION_HTTP_SECRETS"]


@pytest.mark.parametrize("between", [" ", ",", ", ", "\n"])
def test_several_secrets_sign_during_a_change(between: str) -> None:
    """In the order in which they stand; base64's own `=` is no separator."""
    settings = client({**HTTP, "SESSION_HTTP_SECRETS": f"{SIGNING_SECRET}{between}{OTHER}"}).launch.http
    assert settings is not None
    assert settings.secrets == (SIGNING_SECRET, OTHER)


@pytest.mark.parametrize(
    "secret",
    [
        "sentinel-without-a-prefix-and-long-enough",
        OTHER.removeprefix("whsec_"),
        "whsec_" + b64encode(bytes(23)).decode(),
        "whsec_" + b64encode(bytes(65)).decode(),
        "whsec_" + "sentinel-not-of-the-alphabet-sentinel-not",
        f"{OTHER} whsec_",
    ],
)
def test_a_signing_secret_that_is_none_is_refused_without_showing_it(secret: str) -> None:
    """Prefix, base64, and between 24 and 64 bytes."""
    what = only_problem({**HTTP, "SESSION_HTTP_SECRETS": secret})
    assert "whsec_ and the base64 of 24 to 64" in what
    assert "sentinel" not in what


def test_signing_secrets_are_shown_nowhere() -> None:
    """In no repr, and masked in every log line."""
    found = loaded({**HTTP, "SESSION_HTTP_SECRETS": f"{SIGNING_SECRET} {OTHER}"})
    assert not [secret for secret in (SIGNING_SECRET, OTHER) if secret in repr(found)]
    assert {SIGNING_SECRET, OTHER} <= set(found.settings.secret_texts())


def test_a_ten_server_needs_an_address_and_a_template() -> None:
    """The graph is the customer's to choose."""
    assert client(TEN).launch.ten == Ten("http://127.0.0.1:8080", TEN_TEMPLATE)
    assert problems({"SESSION_LAUNCHER": "ten"}) == ["SESSION_TEN_URL", "SESSION_TEN_TEMPLATE"]


def test_a_ten_template_with_something_of_the_sessions_is_refused_at_the_start(tmp_path: Path) -> None:
    """With the rule, and nothing of the file."""
    path = tmp_path / "ten.json"
    path.write_text('{"graph_name": "sentinel-graph", "channel_name": "sentinel"}')
    what = only_problem({**TEN, "SESSION_TEN_TEMPLATE": str(path)})
    assert "graph_name, properties and timeout" in what
    assert "sentinel" not in what


@pytest.mark.parametrize("given", [{**HTTP, "SESSION_HTTP_URL": ""}, {**TEN, "SESSION_TEN_URL": ""}])
def test_no_address_is_guessed(given: dict[str, str]) -> None:
    """Sessions are sent nowhere that nobody named."""
    assert len(problems(given)) == 1


@pytest.mark.parametrize("url", ["http://ten:8080", "http://10.0.0.7:8080", "https://user:pw@ten.example"])
def test_a_ten_server_is_reached_on_this_machine_or_by_https(url: str) -> None:
    """Whoever else reaches it owns its agents."""
    assert "base URL" in only_problem({**TEN, "SESSION_TEN_URL": url})


@pytest.mark.parametrize("given", [HTTP, TEN, CONVOAI], ids=["http", "ten", "convoai"])
def test_a_server_may_have_had_other_names(given: dict[str, str]) -> None:
    """None unless somebody says so; any number while they are in use."""
    former = "https://old.example/v1, https://older.example/v1"
    assert client(given).launch.former_urls == ()
    told = client({**given, "SESSION_FORMER_URLS": former}).launch.former_urls
    assert told == ("https://old.example/v1", "https://older.example/v1")
