"""The settings of the launcher whose agents Agora runs."""

from pathlib import Path

import pytest

from session_service.settings import ConvoAi
from tests.settings.given import CONVOAI, TEMPLATE, client, loaded, only_problem, problems

CUSTOMER = {"SESSION_CONVOAI_CUSTOMER_ID": "5c1f", "SESSION_CONVOAI_CUSTOMER_SECRET": "sentinel-customer-77Xw"}


def test_a_template_is_all_that_is_needed() -> None:
    """The whole world's host, a token for each call, and Agora's own timeout behind ours."""
    assert client(CONVOAI).launch.convoai == ConvoAi(TEMPLATE, "global", "", "", "", 60)


def test_a_template_is_needed() -> None:
    """Nobody else can know what the agent says."""
    assert problems({"SESSION_LAUNCHER": "convoai"}) == ["SESSION_CONVOAI_TEMPLATE"]


def test_a_template_with_something_of_the_sessions_is_refused_at_the_start(tmp_path: Path) -> None:
    """With the key's name, and nothing else of the file."""
    path = tmp_path / "template.json"
    path.write_text('{"properties": {"token": "sentinel-token"}}')
    what = only_problem({**CONVOAI, "SESSION_CONVOAI_TEMPLATE": str(path)})
    assert "properties.token" in what
    assert "sentinel" not in what


@pytest.mark.parametrize("missing", CUSTOMER)
def test_customer_id_and_secret_go_together(missing: str) -> None:
    """One alone authenticates nobody, and falling back to tokens would not be noticed."""
    assert problems({**CONVOAI, **CUSTOMER, missing: ""}) == [missing]


def test_the_customer_secret_is_shown_nowhere() -> None:
    """In no repr, and masked in every log line."""
    found = loaded({**CONVOAI, **CUSTOMER})
    assert "sentinel-customer" not in repr(found)
    assert "sentinel-customer-77Xw" in found.settings.secret_texts()


@pytest.mark.parametrize(
    "url", ["https://user:pw@proxy.example/", "https://proxy.example/?key=1", "ftp://proxy.example", "http://10.0.0.1"]
)
def test_credentials_go_only_where_they_are_safe(url: str) -> None:
    """https, or this machine."""
    assert "base URL" in only_problem({**CONVOAI, "SESSION_CONVOAI_URL": url})


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://localhost:9/", "http://[::1]:9", "https://a.example/b/"])
def test_a_proxy_or_a_test_may_stand_in_for_the_area(url: str) -> None:
    """For them alone there is SESSION_CONVOAI_URL."""
    settings = client({**CONVOAI, "SESSION_CONVOAI_URL": url}).launch.convoai
    assert settings is not None
    assert settings.url == url
