"""Where the operator's port is, and when it needs a token."""

import pytest

from session_service.settings import Layer, Ops, Refused, Sources, ops
from tests.settings.given import loaded

TOKEN = "sentinel-ops-token-8fK2-vLq9_zX"


def found(variables: dict[str, str]) -> Ops:
    """The port as a command finds it, which needs no other setting."""
    return ops(Sources(Layer("environment", variables)))


def test_by_default_this_machine_alone_reaches_it() -> None:
    """Without a token."""
    assert found({}) == Ops("127.0.0.1", 9090, None)
    assert loaded({}).settings.ops == found({})


def test_it_can_be_switched_off_and_left_to_the_system() -> None:
    """By a word, and by zero; an empty value is none."""
    assert [found({"SESSION_OPS_PORT": text}).port for text in ("off", "0", "")] == [None, 0, 9090]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    """Whoever can connect has an account on this machine."""
    assert found({"SESSION_OPS_HOST": host}).token is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "ops.internal", "localhost.example", "::ffff:10.0.0.7"])  # noqa: S104
def test_where_others_reach_it_a_token_is_needed(host: str) -> None:
    """A name may lead anywhere."""
    with pytest.raises(Refused, match="SESSION_OPS_TOKEN: It is missing"):
        found({"SESSION_OPS_HOST": host})
    assert found({"SESSION_OPS_HOST": host, "SESSION_OPS_TOKEN": TOKEN}).token == TOKEN.encode()
    assert found({"SESSION_OPS_HOST": host, "SESSION_OPS_PORT": "off"}).port is None


def test_a_weak_token_is_told_once_and_not_shown() -> None:
    """As one that is too short, not as one that is missing."""
    with pytest.raises(Refused) as caught:
        found({"SESSION_OPS_HOST": "10.0.0.7", "SESSION_OPS_TOKEN": "hunter2"})
    assert [str(problem).count("weak") for problem in caught.value.problems] == [1]
    assert "hunter2" not in str(caught.value)


def test_the_token_is_one_of_the_secrets() -> None:
    """Which no line may hold, and no repr shows."""
    settings = loaded({"SESSION_OPS_TOKEN": TOKEN}).settings
    assert TOKEN in settings.secret_texts()
    assert TOKEN not in repr(settings)
