"""An endpoint that does not answer the platform's call: one finding, which names the cause and how to mend it."""

import asyncio
import os
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

import pytest

from session_service.check.asking.messages import Silence
from session_service.check.context import World
from session_service.check.model import Finding, Outcome
from session_service.check.plan import plan
from session_service.check.runner import Report, run
from session_service.check.sessions import UNEXPECTED
from session_service.check.target import Endpoint, Target
from tests.check.correct import CLIENT, PATH, SECRET, Correct, Refused, checked, outcomes, serving
from tests.check.misbehaving import HASTY, OK, Server, hanging_up, holding, listening, repeating

HTML = {"Content-Type": "text/html"}


def _only(report: Report) -> Finding:
    """The one finding of the whole run: R01's."""
    found = [(result.check.id, finding) for result in report.results for finding in result.findings]
    assert [name for name, _ in found] == ["R01"], found
    assert {result.outcome for result in report.results} <= {Outcome.FAIL, Outcome.SKIP, Outcome.PASS}
    return found[0][1]


def _told(handler: type[BaseHTTPRequestHandler], path: str = "", **differently: Any) -> str:
    """What the one finding says, with the way to mend it."""
    with serving(handler) as url:
        finding = _only(checked(url + path, **differently))
    return f"{finding.what} {finding.mend}"


class Slashed(Correct):
    """Serves its path with a slash at its end alone."""

    def routed(self) -> None:
        if self.path != f"{PATH}/":
            raise Refused(404)


class GetOnly(Correct):
    """Serves GET alone, and says so."""

    METHODS = ("GET",)


class GetOnlyUnsaid(Correct):
    """Serves GET alone, and knows nothing else at that path."""

    def routed(self) -> None:
        if self.command != "GET":
            raise Refused(404)


class Renamed(Correct):
    """Reads the secret from another header."""

    NAME: ClassVar[str] = "X-API-Key"
    SCHEME: ClassVar[str] = ""
    MISSING: ClassVar[int] = 401

    def authorized(self) -> None:
        sent = self.headers.get(self.NAME)
        if sent != self.SCHEME + SECRET:
            raise Refused(self.MISSING if sent is None else 401)


class Bearer(Renamed):
    """Reads it as RFC 6750 has it."""

    NAME, SCHEME = "Authorization", "Bearer "


class Validating(Renamed):
    """Has a framework that validates headers as it does bodies."""

    MISSING = 422


class OtherSecret(Correct):
    """Has another secret."""

    def authorized(self) -> None:
        raise Refused(401)


class OtherSecretTold(Correct):
    """Has another one, and tells a wrong one from none."""

    def authorized(self) -> None:
        raise Refused(403 if self.headers.get("X-Cekura-Secret") else 401)


class OtherClient(Correct):
    """Serves another client id."""

    def client_id(self, body: bytes) -> object:
        return f"not {super().client_id(body)}"


class OtherClientUnknown(OtherClient):
    """Says 404 to a client id that it does not know."""

    def client_id(self, body: bytes) -> object:
        super().client_id(body)
        raise Refused(404)


class Listing(Correct):
    """Lets in certain addresses only, after the secret."""

    def client_id(self, body: bytes) -> object:
        if super().client_id(body) == CLIENT:
            raise Refused(403, X_Reason="address")
        return "another"

    def answer(self) -> tuple[int, Any, Mapping[str, str]]:
        status, document, headers = super().answer()
        return status, {"error": "address"} if headers else document, headers


class FormBody(Correct):
    """Reads the client id from a form."""

    def client_id(self, body: bytes) -> object:
        raise Refused(400)


class LocksOut(Correct):
    """Lets nobody in any more who came with three wrong secrets."""

    WRONG: ClassVar[list[str]] = []

    def authorized(self) -> None:
        if len(self.WRONG) >= 3:
            raise Refused(403)
        try:
            super().authorized()
        except Refused:
            self.WRONG.append(self.path)
            raise


class UpsideDown(Correct):
    """Refuses the right secret, and no other."""

    def authorized(self) -> None:
        if self.headers.get("X-Cekura-Secret") == SECRET:
            raise Refused(401)


class CountsTooFar(Correct):
    """Announces one byte more than it sends."""

    def send_header(self, keyword: str, value: str) -> None:
        super().send_header(keyword, str(int(value) + 1) if keyword == "Content-Length" else value)


CAUSES: list[tuple[type[Correct], str]] = [
    (Slashed, "It is served with a slash at its end."),
    (GetOnly, "does not serve POST (405). Its Allow header names GET. Set Request Method"),
    (GetOnlyUnsaid, "serves GET and not POST."),
    (Renamed, "reads the secret from X-API-Key, and not from X-Cekura-Secret"),
    (Bearer, "wants `Authorization: Bearer SECRET`"),
    (Validating, "reads the secret from X-API-Key"),
    (OtherSecret, "just as a wrong one, or none, is"),
    (OtherSecretTold, "The secret is wrong: X-Cekura-Secret is read"),
    (OtherClient, "The client id is not served"),
    (OtherClientUnknown, "The client id is not served"),
    (Listing, "a reason of its own"),
    (UpsideDown, "the wrong way round"),
    (FormBody, "Either this one is not served, or the endpoint does not find it."),
    (CountsTooFar, "bytes of the body came, and Content-Length announced"),
]


@pytest.mark.parametrize(("handler", "words"), CAUSES, ids=lambda value: getattr(value, "__name__", ""))
def test_the_cause_is_named(handler: type[Correct], words: str) -> None:
    """Once, for all that follows from it."""
    assert words in _told(handler)


def test_a_lock_for_wrong_secrets_is_told_from_a_wrong_secret() -> None:
    """By how a wrong one was answered when the run began."""
    LocksOut.WRONG.clear()
    assert "This machine seems to be locked out" in _told(LocksOut)


def test_a_wrong_path_is_named() -> None:
    """With the path that was asked for."""
    assert f"Nothing is served at the path {PATH}/v2" in _told(Correct, "/v2")


def test_a_configured_header_that_is_not_read_is_named() -> None:
    """The documented one is tried first."""
    assert "reads the secret from X-Cekura-Secret, and not from X-Other" in _told(Correct, header="X-Other")


def test_the_search_for_the_header_costs_one_session() -> None:
    """The one that opened."""
    with serving(Renamed) as url:
        assert checked(url, only=["R01"]).sessions == 1


def test_an_endpoint_that_refuses_everybody_costs_nothing() -> None:
    """Not one session, and one finding."""
    with serving(OtherSecret) as url:
        assert checked(url).sessions == 0


def _always(status: int, body: bytes, **headers: str) -> type[BaseHTTPRequestHandler]:
    """An endpoint that answers everything with the same."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    class Always(Correct):
        def do_POST(self) -> None:
            self.body()
            self.reply(status, body, named)

        do_GET = do_PUT = do_DELETE = do_TRACE = do_HEAD = do_OPTIONS = do_POST

    return Always


PAGES: list[tuple[int, bytes, dict[str, str], str]] = [
    (404, b"<html>ERR_NGROK_3200</html>", HTML, "no tunnel of that name is running (ERR_NGROK_3200)"),
    (502, b"<html>...</html>", {"ngrok_error_code": "ERR_NGROK_8012"}, "nothing listens behind it"),
    (200, b"<!DOCTYPE html><p>ERR_NGROK_6024", HTML, "ngrok's warning page"),
    (503, b"ERR_NGROK_3004", {}, "ngrok answered, and not the endpoint"),
    (530, b"error code: 1033", {}, "Cloudflare answered 530: no tunnel"),
    (403, b"<html>Just a moment", {"cf_mitigated": "challenge"}, "a challenge for browsers"),
    (522, b"<html>Connection timed out", HTML, "does not get through"),
    (503, b"503 - Tunnel Unavailable", {}, "localtunnel answered 503"),
    (511, b"<html>Tunnel website ahead!", HTML, "localtunnel's warning page"),
    (200, b'<html><form><input name="p" type="password">', HTML, "A login page came"),
    (401, b"<html><title>Please sign in</title>", HTML, "A login page came"),
    (200, b"<!doctype html><div id=app></div>", HTML, "A web page (HTML) came with 200"),
    (502, b"<html><h1>502 Bad Gateway</h1>", HTML, "A proxy answered 502"),
    (504, b"upstream request timeout", {}, "A proxy answered 504"),
    (502, b'{"error": {"code": "agent_refused"}}', {}, "The endpoint itself says so"),
    (500, b"Internal Server Error", {}, "The endpoint broke over the call"),
    (503, b"starting", {}, "it is not ready"),
    (200, b'{"error": "unauthorized"}', {}, "word for word as one with a wrong secret is"),
    (201, b"{}", {}, "Answer exactly 200"),
    (413, b"", {}, "raise the limit"),
    (415, b"", {}, "application/json"),
    (418, b"", {}, "was answered 418"),
    (400, b"bad", {}, "does not understand the call"),
    (404, b"Cannot POST", {}, "Nothing is served at the path"),
    (405, b"", {}, "It does not say which it does serve"),
    (302, b"", {"Location": "https://sso.example.com/login?state=abc"}, "https://sso.example.com/login. A login"),
    (308, b"", {"Location": f"{PATH}/"}, "Use the URL with the slash"),
    (301, b"", {"Location": f"https://127.0.0.1{PATH}"}, "Write https instead of http"),
    (307, b"", {"Location": "https://elsewhere.example.com/x"}, "Put the address that it points to"),
    (302, b"", {}, "for want of a Location header"),
    (302, b"", {"Location": "http://[broken"}, "for want of a Location header"),
]


@pytest.mark.parametrize(("status", "body", "headers", "words"), PAGES)
def test_who_answers_in_its_place_is_named(status: int, body: bytes, headers: dict[str, str], words: str) -> None:
    """Tunnels, proxies, logins, web pages and plain statuses, each with its own way out."""
    assert words in _told(_always(status, body, **headers))


def test_the_query_of_a_redirect_is_not_shown() -> None:
    """It may hold the state of a login."""
    assert "abc" not in _told(_always(302, b"", Location="https://sso.example.com/login?state=abc"))


def test_an_endpoint_that_is_busy_is_no_fault() -> None:
    """R01 tells nothing then, and what rests on it is skipped; but nobody has seen it pass."""
    with serving(_always(429, b"", Retry_After="60")) as url:
        report = checked(url, only=["R01", "S01"])
    assert [result.outcome for result in report.results if result.check.id in ("R01", "S01")] == [
        Outcome.INCONCLUSIVE,
        Outcome.SKIP,
    ]
    assert not report.passed()


SILENT: dict[str, tuple[Server, Silence]] = {
    "is silent": (holding(), Silence.NO_ANSWER),
    "never ends its answer": (holding(OK), Silence.SLOW_ANSWER),
    "has an endless body": (repeating(OK + b"\r\n", b"a" * 65536), Silence.LONG_BODY),
    "has an endless head": (repeating(OK + b"X: ", b"a" * 65536), Silence.LONG_HEAD),
    "speaks something else": (holding(b"SSH-2.0-x\r\n"), Silence.NOT_HTTP),
    "hangs up": (hanging_up, Silence.CLOSED),
}


@pytest.mark.parametrize("name", SILENT)
def test_one_silence_is_enough(name: str) -> None:
    """After the first one R01 is made at once, so that nobody waits for thirty."""
    server, silence = SILENT[name]
    world = World(time.time, time.perf_counter, os.urandom)

    async def made() -> Report:
        async with listening(server) as found:
            where = Endpoint("http", "127.0.0.1", found.port, PATH)
            return await run(Target(where, CLIENT, SECRET.encode()), plan("standard"), world, limits=HASTY)

    report = asyncio.run(made())
    assert silence.value in _only(report).what
    assert report.seconds < 5


def test_no_finding_names_the_secret() -> None:
    """Whatever the cause."""
    for handler, _ in CAUSES:
        assert SECRET not in _told(handler)


class WideOpen(Correct):
    """Gives a session to whoever asks for anything, in any way."""

    METHODS = ("POST", "GET", "PUT", "DELETE", "TRACE", "HEAD")
    MOST_BODY = 10_000_000

    def authorized(self) -> None:
        pass

    def client_id(self, body: bytes) -> object:
        return CLIENT


def test_an_endpoint_that_is_wide_open_costs_a_handful() -> None:
    """One session for each thing that it should have refused, and each of them is told."""
    with serving(WideOpen) as url:
        report = checked(url)
    assert report.sessions <= report.plan.sessions + UNEXPECTED
    assert [name for name, outcome in outcomes(report).items() if outcome == "inconclusive"] == []
    assert {"A01", "A02", "R03", "R05"} == {name for name, outcome in outcomes(report).items() if outcome == "fail"}
