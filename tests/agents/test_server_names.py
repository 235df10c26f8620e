"""How a server is known again: by its base URL in one spelling, which holds no secret."""

import pytest

from session_service.agents.outgoing import server_name
from session_service.errors import InvalidValue


@pytest.mark.parametrize(
    "url",
    ["https://agents.example/v1", "HTTPS://Agents.Example:443/v1/", "https://agents.example/v1//"],
)
def test_a_server_has_one_name_however_its_url_is_written(url: str) -> None:
    """A slash, a capital or the usual port makes no other server of it."""
    assert server_name(url) == "https://agents.example/v1"


@pytest.mark.parametrize(
    "url",
    ["https://agents.example/v2", "https://agents.example:8443/v1", "https://other.example/v1", "http://localhost/v1"],
)
def test_servers_that_may_be_two_have_two_names(url: str) -> None:
    """Paths keep their case: one gateway may lead to several."""
    assert server_name(url) not in (server_name("https://agents.example/v1"), server_name("https://agents.example/V1"))


@pytest.mark.parametrize(
    "url", ["https://user:pw@agents.example", "https://agents.example/?key=k", "http://agents.example"]
)
def test_a_name_holds_nothing_that_a_base_url_may_not(url: str) -> None:
    """Neither credentials nor a query."""
    with pytest.raises(InvalidValue):
        server_name(url)
