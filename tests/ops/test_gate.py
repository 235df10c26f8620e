"""Who is let in on the operator's port: no page of a browser, and with a token nobody without it."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from session_service.app import Service
from tests.contract import given
from tests.contract.answers import Answer
from tests.virtual_time import run

TOKEN = "sentinel-ops-token-8fK2-vLq9_zX"
WITH_TOKEN = {"SESSION_OPS_TOKEN": TOKEN}
EVERYWHERE = {**WITH_TOKEN, "SESSION_OPS_HOST": "0.0.0.0"}  # noqa: S104 - configured, not bound
BEARER = (b"authorization", b"Bearer " + TOKEN.encode())
GUARDED = ["/sessions", "/sessions/x", "/metrics", "/events", "/nothing"]

Header = tuple[bytes, bytes]


def ask(
    changes: Mapping[str, str],
    *headers: Header,
    path: str = "/sessions",
    method: str = "GET",
    host: bytes = b"localhost",
) -> Answer:
    """One call to the operator's port of a new service."""
    return run(lambda: _answer(given.service(changes), method, path, [(b"host", host), *headers]))


async def _answer(service: Service, method: str, path: str, headers: list[Header]) -> Answer:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers, "root_path": ""}
    assert service.ops
    await service.ops(scope, receive, send)
    found = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
    return Answer(sent[0]["status"], tuple(found), b"".join(part.get("body", b"") for part in sent[1:]))


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9090", "127.0.0.1:9090", "[::1]:9090", "[::1]", "10.1.2.3"])
def test_loopback_and_addresses_are_ours(host: str) -> None:
    """A page's own name never looks like this."""
    assert ask({}, host=host.encode()).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::1", "user@evil.example", "\xe4"],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_name_that_was_made_to_lead_here_is_refused(host: str, method: str) -> None:
    """DNS rebinding: the browser takes it for the page's own server."""
    answer = ask({}, host=host.encode("latin-1"), method=method, path="/sessions/x")
    assert (answer.status, answer.code) == (403, "host_not_allowed")


def test_the_configured_name_is_ours() -> None:
    """Where the port is reached by one."""
    answer = ask({"SESSION_OPS_HOST": "localhost"}, host=b"localhost:9090")
    assert answer.status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://localhost:3000", "https://[broken"])
@pytest.mark.parametrize("changes", [{}, WITH_TOKEN])
def test_a_page_of_another_site_is_refused(origin: str, changes: dict[str, str]) -> None:
    """Another port of this machine is another site."""
    answer = ask(changes, BEARER, (b"origin", origin.encode()), method="DELETE", path="/sessions/x")
    assert (answer.status, answer.code) == (403, "origin_not_allowed")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "CROSS-SITE"])
@pytest.mark.parametrize("changes", [{}, WITH_TOKEN])
def test_what_another_page_loads_without_saying_so_is_refused(site: str, changes: dict[str, str]) -> None:
    """An image or a script has no Origin, and a few that ask for the events would keep an operator out of them."""
    answer = ask(changes, BEARER, (b"sec-fetch-site", site.encode()), path="/sessions")
    assert (answer.status, answer.code) == (403, "origin_not_allowed")


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_whoever_types_the_address_is_let_in(site: str) -> None:
    """And so is what a page of ours loads."""
    assert ask({}, (b"sec-fetch-site", site.encode())).status == 200


def test_a_page_of_ours_is_let_in() -> None:
    """The one that this port itself serves."""
    assert ask({}, (b"origin", b"http://localhost:9090"), host=b"localhost:9090").status == 200


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize(
    "sent",
    [
        (),
        ((b"authorization", b"Bearer wrong"),),
        ((b"authorization", b"Basic " + TOKEN.encode()),),
        ((b"authorization", TOKEN.encode()),),
        (BEARER, BEARER),
        ((b"x-cekura-secret", given.SECRET.encode()),),
    ],
)
def test_without_the_token_nothing_is_told(path: str, sent: tuple[Header, ...]) -> None:
    """Not even whether the path exists; and the answer says how to ask."""
    answer = ask(EVERYWHERE, *sent, path=path)
    assert (answer.status, answer.code) == (401, "not_the_operator")
    assert answer.header("www-authenticate") == "Bearer"
    assert TOKEN.encode() not in answer.body


@pytest.mark.parametrize("host", [b"ops.internal:9090", b"10.0.0.7"])
def test_with_the_token_any_name_will_do(host: bytes) -> None:
    """A page in a browser does not have it."""
    assert ask(EVERYWHERE, BEARER, host=host).status == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_the_probes_need_nothing(path: str) -> None:
    """An orchestrator asks by whatever name it has."""
    answer = ask(EVERYWHERE, path=path, host=b"ops.internal")
    assert (answer.status, answer.body) == (200, b'{"status":"ok"}')


def test_the_port_that_the_platform_calls_has_none_of_it() -> None:
    """What an operator sees is behind the other port alone."""
    assert [given.service({}).ops is not None, given.service({"SESSION_OPS_PORT": "off"}).ops] == [True, None]
