"""Group T where a plain server on this machine cannot show it: names, certificates, versions of TLS, and time."""

import asyncio
import os
import socket
import ssl
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from session_service.check.asking.messages import Answer, Exchange
from session_service.check.catalogue import BY_ID
from session_service.check.context import Context, World
from session_service.check.model import Finding, NotApplicable, Outcome, Result, Seen, Severity
from session_service.check.plan import plan
from session_service.check.runner import Report, run
from session_service.check.sessions import Sessions
from session_service.check.target import Endpoint, Target, endpoint
from tests.certificates import HOST, Authority
from tests.check.correct import CLIENT, SECRET, Correct, outcomes, serving
from tests.check.misbehaving import CALL, OK, PATIENT, Server, holding, listening, saying

WORLD = World(time.time, time.perf_counter, os.urandom)
ANSWER = saying(OK, b"Content-Length: 2\r\n\r\n{}")


def _resolving(*addresses: str) -> World:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return replace(WORLD, resolve=resolve)


def _failing(error: OSError) -> World:
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise error

    return replace(WORLD, resolve=resolve)


def _target(endpoint: Endpoint) -> Target:
    return Target(endpoint, CLIENT, SECRET.encode())


def _named(world: World, host: str = HOST) -> Result:
    report = asyncio.run(run(_target(Endpoint("https", host, 443, "/")), plan(only=["T03"]), world, limits=PATIENT))
    return report.results[0]


@pytest.mark.parametrize("addresses", [("93.184.216.34",), ("2606:2800:220::1", "93.184.216.34")])
def test_a_public_address_passes(addresses: tuple[str, ...]) -> None:
    """One that IPv4 reaches."""
    assert (_named(_resolving(*addresses)).outcome, _named(_resolving(*addresses)).reason) == (
        Outcome.PASS,
        "93.184.216.34",
    )


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("10.1.2.3", "private"),
        ("192.168.1.2", "private"),
        ("172.16.0.9", "private"),
        ("169.254.1.1", "link-local"),
        ("100.64.0.7", "shared (carrier-grade NAT)"),
        ("0.0.0.0", "private or reserved"),  # noqa: S104 - nobody binds it
        ("fd00::1", "private"),
        ("fe80::1", "link-local"),
        ("::ffff:10.0.0.1", "private"),
    ],
)
def test_an_address_that_the_internet_does_not_reach_fails(address: str, kind: str) -> None:
    """With its kind, and with a tunnel as the way out."""
    result = _named(_resolving(address))
    assert result.outcome is Outcome.FAIL
    assert kind in result.findings[0].what
    assert "tunnel" in result.check.mend


def test_ipv6_alone_fails() -> None:
    """The platform's known address is IPv4."""
    result = _named(_resolving("2606:2800:220::1"))
    assert result.outcome is Outcome.FAIL
    assert "IPv6" in result.findings[0].what


def test_one_private_address_among_public_ones_fails() -> None:
    """Some calls would arrive and some would not."""
    result = _named(_resolving("93.184.216.34", "10.0.0.1"))
    assert "some calls arrive" in result.findings[0].what


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (socket.gaierror(socket.EAI_NONAME, ""), "no name server knows it"),
        (socket.gaierror(socket.EAI_AGAIN, ""), "the name servers gave no answer"),
        (OSError(), "it cannot be asked for"),
    ],
)
def test_a_name_that_does_not_resolve_is_one_finding(error: OSError, said: str) -> None:
    """It says why, and everything else is skipped."""
    report = asyncio.run(run(_target(Endpoint("https", HOST, 443, "/")), plan("quick"), _failing(error)))
    (failed,) = (result for result in report.results if result.outcome is not Outcome.SKIP)
    assert failed.check.id == "T03"
    assert said in failed.findings[0].what


def test_a_name_is_resolved_once_for_all_calls() -> None:
    """A second answer of the name server changes nothing: no call goes elsewhere in the middle of a run."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ("127.0.0.1",)

    with serving(Correct) as url:
        port = int(url.rsplit(":")[-1].split("/")[0])
        where = Endpoint("http", "localhost", port, "/session")
        report = asyncio.run(run(_target(where), plan("quick"), replace(WORLD, resolve=resolve)))
    assert (report.passed(strict=True), asked) == (True, ["localhost"])
    assert outcomes(report)["T03"] == "skip"


def test_localhost_is_where_the_endpoint_listens() -> None:
    """It often has two addresses, and a server on the second of them only."""
    with serving(Correct) as url:
        port = int(url.rsplit(":")[-1].split("/")[0])
        where = Endpoint("http", "localhost", port, "/session")
        report = asyncio.run(run(_target(where), plan(only=["R01"]), _resolving("127.0.0.9", "127.0.0.1")))
    assert report.passed(strict=True)


def test_nothing_is_sent_over_plain_http_to_another_machine() -> None:
    """T01 says why; where it is left out the rest is skipped all the same, diagnosis included."""
    where = Endpoint("http", HOST, 1, "/")
    world = _resolving("93.184.216.34")
    report = asyncio.run(run(_target(where), plan("standard"), world))
    assert [result.check.id for result in report.results if result.outcome is Outcome.FAIL] == ["T01"]
    bare = asyncio.run(run(_target(where), plan("standard", skip=["T01"]), world))
    assert {result.outcome for result in bare.results if result.check.id != "T03"} == {Outcome.SKIP}
    assert (report.sessions, bare.sessions) == (0, 0)


def _secured(
    tls: ssl.SSLContext | None,
    trusted: Callable[[], ssl.SSLContext],
    server: Server = ANSWER,
    *,
    check: str = "T01",
    scheme: str = "https",
) -> Result:
    world = replace(_resolving("127.0.0.1"), tls=trusted)

    async def made() -> Report:
        async with listening(server, tls) as found:
            where = replace(found, scheme=scheme, host=HOST)
            skipped = ["T03", "T01"] if check == "T02" else ["T03"]
            return await run(_target(where), plan(only=[check], skip=skipped), world)

    return asyncio.run(made()).results[0]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_a_trusted_certificate_passes(authority: Authority) -> None:
    """With the version of TLS and the days that it has left."""
    result = _secured(authority.server(), authority.trusted)
    assert (result.outcome, result.reason) == (Outcome.PASS, "TLS 1.3, 89 days left")


def test_every_check_passes_over_tls(authority: Authority) -> None:
    """Those that need it among them."""
    world = replace(_resolving("127.0.0.1"), tls=authority.trusted)
    with serving(Correct, authority.server()) as url:
        where = replace(endpoint(url), host=HOST)
        report = asyncio.run(run(_target(where), plan(skip=["T03"]), world))
    assert report.passed(strict=True), outcomes(report)
    assert (outcomes(report)["T01"], outcomes(report)["T02"]) == ("pass", "pass")


def test_a_certificate_about_to_expire_is_a_warning(authority: Authority) -> None:
    """Fourteen days ahead."""
    result = _secured(authority.server(timedelta(days=5, hours=1)), authority.trusted)
    assert (result.outcome, result.findings[0].what) == (Outcome.WARN, "The certificate expires in 5 days.")


def test_each_fault_of_a_certificate_has_its_own_words(authority: Authority, tmp_path: Path) -> None:
    """Expired, not valid yet, for another host, self-signed, of a private authority, of an unknown one."""
    faults = {
        "expired": authority.server(timedelta(hours=-1), timedelta(days=9)),
        "not valid yet": authority.server(age=timedelta(hours=-5)),
        "another host name": authority.server(host="other.example.com"),
        "self-signed": Authority(tmp_path, "Self").self_signed(),
        "authority of somebody's own": Authority(tmp_path, "Own").with_root(),
        "issuer is not known": Authority(tmp_path, "Unknown").server(),
    }
    results = {words: _secured(tls, authority.trusted) for words, tls in faults.items()}
    assert [words for words, result in results.items() if words not in result.findings[0].what] == []
    assert {result.outcome for result in results.values()} == {Outcome.FAIL}


async def _plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers what is HTTP, and hangs up on the rest, as most servers do."""
    line = await reader.readline()
    if line.startswith(b"OPTIONS"):
        writer.write(OK + b"Content-Length: 0\r\n\r\n")


def test_plain_http_behind_an_https_url_is_told(authority: Authority) -> None:
    """By what the port makes of a call over plain http that tells nothing."""
    result = _secured(None, authority.trusted, _plain)
    assert result.findings[0].what == "The URL says https, and the port speaks plain http."


def test_tls_behind_an_http_url_is_told(authority: Authority) -> None:
    """Where the URL says http, which this machine alone may."""
    result = _secured(authority.server(), authority.trusted, _plain, scheme="http")
    assert (result.outcome, result.findings[0].what) == (
        Outcome.FAIL,
        "The URL says http, and the port speaks TLS.",
    )


def _old_server(authority: Authority) -> ssl.SSLContext:
    server = authority.server()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        server.minimum_version = ssl.TLSVersion.TLSv1
    server.set_ciphers("DEFAULT:@SECLEVEL=0")
    return server


def test_an_old_version_of_tls_that_is_spoken_is_a_warning(authority: Authority) -> None:
    """With its name."""
    result = _secured(_old_server(authority), authority.trusted, check="T02")
    assert (result.outcome, result.findings[0].what) == (Outcome.WARN, "The server agreed to speak TLS 1.1.")


def test_old_versions_of_tls_that_are_refused_pass(authority: Authority) -> None:
    """The server's context takes 1.2 and 1.3, which is Python's default."""
    assert _secured(authority.server(), authority.trusted, check="T02").outcome is Outcome.PASS


def _timed(*seconds: float) -> Seen:
    context = Context(_target(Endpoint("http", "127.0.0.1", 1, "/")), WORLD, Sessions(1))
    context.minted += [Exchange(CALL, Answer(200, (), b"{}", each)) for each in seconds]
    return asyncio.run(_seen(context))


async def _seen(context: Context) -> Seen:
    return await BY_ID["T05"].run(context)


def _weight(finding: Finding) -> Severity:
    assert finding.severity
    return finding.severity


@pytest.mark.parametrize(
    ("seconds", "weights", "words"),
    [
        ((0.1, 0.1, 0.1), [], ""),
        ((2.0, 2.0), [], ""),
        ((7.5, 0.1, 0.1), [Severity.MUST], "cold start"),
        ((3.0, 0.1, 0.1), [Severity.SHOULD], "cold start"),
        ((3.0,), [Severity.SHOULD], "took 3.0 s."),
        ((0.1, 2.5, 2.5), [Severity.SHOULD], "2.5 s in the median"),
        ((3.0, 2.5, 2.5), [Severity.SHOULD], "2.5 s in the median"),
        ((0.1, 8.0, 8.0), [Severity.MUST], "8.0 s in the median"),
    ],
)
def test_slow_answers_are_told_from_a_cold_start(
    seconds: tuple[float, ...], weights: list[Severity], words: str
) -> None:
    """Over 7 seconds fails, over 2 warns, by the first call and by the median of those after it."""
    seen = _timed(*seconds)
    assert [_weight(finding) for finding in seen.findings] == weights
    assert all(words in finding.what for finding in seen.findings)


def test_without_a_good_call_there_is_nothing_to_time() -> None:
    """And nothing is said about it."""
    with pytest.raises(NotApplicable):
        _timed()


def test_a_handshake_that_is_cut_off_is_told(authority: Authority) -> None:
    """Whoever takes the connection and does not speak TLS or HTTP."""
    result = _secured(None, authority.trusted, holding(b"\x00" * 20))
    assert result.outcome is Outcome.FAIL
    assert "TLS handshake" in result.findings[0].what
