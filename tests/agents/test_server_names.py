"""How a server is known again: by its base URL in one spelling, which holds no secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


URLS = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["https", "HTTPS", "Https"]),
    st.sampled_from(
        [
            "agents.example",
            "AGENTS.example",
            "127.0.0.1",
            "[::1]",
            "localhost",
            "b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example",
        ]
    ),
    st.sampled_from(["", ":443", ":8443", ":80"]),
    st.text("aZ1/-._~%7e:@", max_size=12).map(lambda path: f"/{path}"),
)


@given(url=URLS)
def test_a_name_is_its_own_name(url: str) -> None:
    """A row is compared with what today's settings lead to, and with former URLs that were copied from a row."""
    assert server_name(server_name(url)) == server_name(url)
