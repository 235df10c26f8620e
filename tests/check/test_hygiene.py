"""What the checks of group H say of what stands beside an endpoint, and of its headers."""

import asyncio
from collections.abc import Callable

import pytest

from session_service.check.asking.messages import Answer, Exchange, Request, Silence
from session_service.check.catalogue import BY_ID
from session_service.check.context import Context
from session_service.check.model import Outcome, Result, judged
from session_service.check.target import endpoint
from tests.check.one_answer import context, details, found, made

PAGE = b"<!doctype html><html><head><title>Agents</title></head><body><div id=root></div><script src=/app.js></script>"
Host = Callable[[str], tuple[int, str, bytes] | None]


class Beside(Context):
    """A run against a host that answers paths as a function says; where it says None, nothing answers."""

    host: Host
    asked: list[Request]

    async def once(self, request: Request) -> Exchange:
        await asyncio.sleep(0)
        self.asked.append(request)
        answer = self.host(request.path)
        if answer is None:
            return Exchange(request, silence=Silence.CLOSED)
        status, kind, body = answer
        return Exchange(request, Answer(status, (("content-type", kind),), body, 0.1))


def beside(host: Host, url: str = "http://127.0.0.1:1/cekura/v1/sessions?stage=1") -> tuple[Result, list[Request]]:
    """The result of H01 on that host, and what was asked for."""
    like = context(details(), endpoint=endpoint(url))
    run = Beside(like.target, like.world, like.sessions)
    run.host, run.asked = host, []
    return judged(BY_ID["H01"], made("H01", run), 0.0), run.asked


def test_every_path_is_asked_for_at_the_root_and_beside_the_endpoint() -> None:
    """By GET, without the secret, and each once; nothing counts as a session."""
    result, asked = beside(lambda _: (404, "application/json", b"{}"))
    paths = {request.path for request in asked}
    assert result.outcome is Outcome.PASS
    assert {"/metrics", "/cekura/v1/metrics", "/openapi.json", "/start"} <= paths
    assert len(asked) == len(paths) == 16
    assert all(request.method == "GET" and not request.headers and not request.body.data for request in asked)


def test_an_endpoint_in_the_root_is_asked_beside_only_once() -> None:
    """And its own path is never asked for."""
    result, asked = beside(
        lambda path: (200 if path == "/start" else 404, "text/plain", b""), "http://127.0.0.1:1/start"
    )
    assert result.outcome is Outcome.PASS
    assert len(asked) == 7


@pytest.mark.parametrize("name", ["metrics", "docs", "openapi.json", "admin", "debug", "list", "start"])
def test_what_is_open_is_told_with_the_reason_to_close_it(name: str) -> None:
    """A reason of its own for each."""
    result, _ = beside(lambda path: (200 if path == f"/cekura/v1/{name}" else 404, "text/plain", b"open"))
    (finding,) = result.findings
    assert result.outcome is Outcome.WARN
    assert f"GET /cekura/v1/{name} without a secret was answered 200." in finding.what
    assert finding.why


@pytest.mark.parametrize("answer", [None, (401, "text/plain", b""), (307, "text/html", b""), (500, "text/plain", b"")])
def test_what_is_not_answered_200_is_not_open(answer: tuple[int, str, bytes] | None) -> None:
    """Whatever else it is."""
    assert beside(lambda _: answer)[0].outcome is Outcome.PASS


@pytest.mark.parametrize(
    "body",
    [
        lambda path: PAGE,
        lambda path: PAGE + path.encode(),
        lambda path: PAGE + str(hash(path)).encode(),
    ],
)
def test_one_page_for_every_path_is_told_once_and_weighs_little(body: Callable[[str], bytes]) -> None:
    """Also where it says its own path, or something drawn anew."""
    result, _ = beside(lambda path: (200, "text/html", body(path)))
    (finding,) = result.findings
    assert result.outcome is Outcome.INFO
    assert "every path" in finding.what


def test_what_is_open_on_a_host_that_answers_everything_is_told_all_the_same() -> None:
    """Because it is another answer than that of a path which nobody ever named."""
    result, _ = beside(
        lambda path: (200, "application/json", b'{"agents": 3}') if path == "/list" else (200, "text/html", PAGE)
    )
    assert [finding.what.split()[1] for finding in result.findings[:-1]] == ["/list"]
    assert result.outcome is Outcome.WARN


ID = ("x-request-id", "1")


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ((ID, ("server", "nginx/1.25.3")), "The header server names the software behind the endpoint: 'nginx/1.25.3'."),
        ((ID, ("x-powered-by", "Express")), "x-powered-by"),
        ((ID, ("x-aspnet-version", "4.0.30319")), "x-aspnet-version"),
        ((ID, ("via", "1.1 varnish/7")), "header via"),
        ((ID, ("access-control-allow-origin", " * ")), "any website"),
        ((), "no request id"),
    ],
)
def test_what_headers_tell_too_much_or_too_little_is_a_note(headers: tuple[tuple[str, str], ...], words: str) -> None:
    """No more than that."""
    result = found("H02", details(), headers)
    (finding,) = result.findings
    assert result.outcome is Outcome.INFO
    assert words in finding.what


@pytest.mark.parametrize(
    "headers",
    [
        (ID, ("server", "cloudflare"), ("via", "1.1 google")),
        (("cf-ray", "8f"), ("access-control-allow-origin", "https://app.example.com")),
        (("traceparent", "00-1-2-01"),),
    ],
)
def test_headers_that_tell_nothing_are_no_finding(headers: tuple[tuple[str, str], ...]) -> None:
    """A product without its version, one origin, and whatever names the call."""
    assert found("H02", details(), headers).outcome is Outcome.PASS
