"""The command line, pointed at what is no session endpoint: each is one clear finding, in time."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from session_service.check.model import Need
from tests.certificates import Authority
from tests.check import strangers
from tests.check.correct import CLIENT, PROJECT, SECRET
from tests.check.strangers import answering, endless, greeting, listening
from tests.commands import PROGRAM, environment

pytestmark = pytest.mark.real

TIMEOUT = 1.0
MOST_WAITS = 12
"""Answers that a run waits for in vain, at most, before it is certain; each takes a connection and an answer long."""
SLACK = 60.0
"""Seconds for a process to start, and to write its reports, on a machine that is busy."""

LOGIN = b"<!doctype html><title>Sign in</title><form><input type=password></form>"
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@dataclass(frozen=True, slots=True)
class Case:
    """What listens there, how the URL begins, the check that fails, and words of its finding.

    `unknown` is the number of calls that were taken and not answered: a session may have come of each.
    """

    listens: Callable[[], AbstractContextManager[int]]
    fails: str
    words: str
    scheme: str = "http"
    unknown: int = 0


def at(stranger: strangers.Stranger) -> Callable[[], AbstractContextManager[int]]:
    """It, listening."""
    return lambda: listening(stranger)


CASES = {
    "a closed port": Case(strangers.closed, "T01", "Nothing listens there"),
    "a black hole": Case(strangers.black_hole, "T01", "No connection within the time"),
    "a server that is silent": Case(at(strangers.silent), "R01", "no answer came within the time", unknown=1),
    "an endless body": Case(at(endless(JSON + b"\r\n", b" " * 65536)), "R01", "does not end within 1 MiB"),
    "a header of 10 MB": Case(at(endless(JSON + b"X: ", b"x" * 65536, 10 << 20)), "R01", "does not end within 64 KiB"),
    "an endless header": Case(at(endless(JSON, b"X: x\r\n" * 9999)), "R01", "does not end within 64 KiB"),
    "https on a port of http": Case(at(answering("200 OK", b"{}")), "T01", "plain http", "https"),
    "a redirect loop": Case(at(answering("308 Permanent Redirect", b"", "Location: /sessions")), "R01", "redirected"),
    "a login page": Case(at(answering("200 OK", LOGIN, "Content-Type: text/html")), "R01", "A login page"),
    "a way to a login": Case(at(answering("302 Found", b"", "Location: /login")), "R01", "redirected"),
    "ngrok's warning": Case(
        at(answering("200 OK", b"<!doctype html>ERR_NGROK_6024", "Content-Type: text/html")), "R01", "ngrok's warning"
    ),
    "an ssh server": Case(at(greeting(b"SSH-2.0-OpenSSH_9.6\r\n")), "R01", "not HTTP"),
    "a server that drips": Case(at(strangers.dripping), "R01", "did not end within the time", unknown=1),
}


def checked(url: str, **variables: str) -> "tuple[subprocess.CompletedProcess[str], Mapping[str, Any]]":
    """What the command says, on all streams, and its report. It has ended in time."""
    words = [*PROGRAM, "check", url, "--client-id", CLIENT, "--timeout", f"{TIMEOUT:g}", "--profile", "full"]
    given = {"SESSION_SECRET": SECRET, "AGORA_APP_CERTIFICATE": PROJECT.certificate, **variables}
    begun = time.monotonic()
    done = subprocess.run(
        [*words, "--json", "-"], env=environment(given), capture_output=True, text=True, check=False, timeout=300
    )
    assert time.monotonic() - begun < SLACK + MOST_WAITS * 2 * TIMEOUT
    return done, json.loads(done.stdout)


@pytest.mark.parametrize("name", CASES)
def test_what_is_no_endpoint_is_one_clear_finding(name: str) -> None:
    """With exit code 1."""
    case = CASES[name]
    with case.listens() as port:
        done, report = checked(f"{case.scheme}://127.0.0.1:{port}/sessions")
    judge(done, report, case.fails, case.words, case.unknown)


@contextmanager
def speaking_tls(folder: Path, host: str) -> Iterator[tuple[int, str]]:
    """A port of TLS with a certificate for that host, and the file of the authority that signed it."""
    authority = Authority(folder)
    file = folder / "authority.pem"
    file.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    with listening(answering("200 OK", b"{}"), authority.server(host=host)) as port:
        yield port, str(file)


def test_http_on_a_port_of_tls_is_one_clear_finding(tmp_path: Path) -> None:
    """The secret is not sent into it."""
    with speaking_tls(tmp_path, "localhost") as (port, _):
        done, report = checked(f"http://localhost:{port}/sessions")
    judge(done, report, "T01", "the port speaks TLS")


def test_a_certificate_for_another_host_is_one_clear_finding(tmp_path: Path) -> None:
    """Though its authority is trusted."""
    with speaking_tls(tmp_path, "agents.example.com") as (port, file):
        done, report = checked(f"https://localhost:{port}/sessions", SSL_CERT_FILE=file)
    judge(done, report, "T01", "issued for another host name")


def judge(
    done: "subprocess.CompletedProcess[str]", report: Mapping[str, Any], fails: str, words: str, unknown: int = 0
) -> None:
    """One check fails with one finding, those that come after it are skipped with its id, and nothing was started."""
    assert done.returncode == 1, done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert PROJECT.certificate not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert report["sessions"]["started"] == unknown
    (failed,) = [one for one in report["checks"] if one["outcome"] not in ("pass", "skip")]
    (finding,) = failed["findings"]
    assert (failed["id"], failed["outcome"]) == (fails, "fail")
    assert words in finding["what"]
    assert finding["why"]
    assert finding["mend"]
    others = [one for one in report["checks"] if one["id"] != fails and one["id"] not in ("T01", "T02", "T03")]
    assert {one["reason"] for one in others} <= {f"{fails} did not pass", *(need.value for need in Need)}
