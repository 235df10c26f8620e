"""`session-service check` as a person and a pipeline call it: options, exit codes, and where each report goes."""

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from session_service.app import World as ServiceWorld
from session_service.app.in_thread import running
from session_service.check import glossary
from session_service.check.catalogue import CHECKS
from session_service.check.plan import PROFILES, plan
from session_service.cli import check, commands
from tests.check.correct import CLIENT, PROJECT, SECRET, Correct, Refused, serving
from tests.commands import PROGRAM, environment

GIVEN = {"SESSION_SECRET": SECRET}
NOTHING = ("SESSION_SECRET", "SESSION_SECRET_FILE", "AGORA_APP_CERTIFICATE", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY")


class Counting(Correct):
    """Counts the calls that it gets."""

    calls = 0

    def routed(self) -> None:
        Counting.calls += 1
        super().routed()


class Storable(Correct):
    """Lets its answers be stored, which is a warning."""

    def common(self) -> Mapping[str, str]:
        return {"Cache-Control": "public"}


class Closed(Correct):
    """Refuses everybody."""

    def authorized(self) -> None:
        raise Refused(401)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A correct endpoint."""
    with serving(Correct) as found:
        yield found


def call(words: str, variables: Mapping[str, str] = GIVEN) -> Result:
    """The command with these words, and no other settings."""
    nothing: dict[str, str | None] = dict.fromkeys(NOTHING)
    return CliRunner().invoke(commands, ["check", *shlex.split(words)], env={**nothing, **variables})


def checked(url: str, words: str = "--profile quick", variables: Mapping[str, str] = GIVEN) -> Result:
    """The command on that endpoint."""
    return call(f"{url} --client-id {CLIENT} {words}", variables)


def test_a_correct_endpoint_passes(url: str) -> None:
    """With exit code 0; what may be started is told before, and what was started after."""
    done = checked(url)
    assert done.exit_code == 0, done.output
    sessions = plan("quick").sessions
    assert f"at most {sessions} sessions will be started" in done.stdout
    assert f"{sessions} sessions started, {sessions} announced" in done.stdout
    assert done.stderr == ""


def test_a_broken_endpoint_fails() -> None:
    """With exit code 1, and the one finding from which all else follows."""
    with serving(Closed) as url:
        done = checked(url)
    assert done.exit_code == 1
    assert "Not passed: " in done.stdout
    assert "R01" in done.stdout.split("Not passed: ")[1]


@pytest.mark.parametrize(("words", "code"), [("", 0), ("--strict", 1)])
def test_a_warning_fails_a_strict_run_alone(words: str, code: int) -> None:
    """As the schema and docs/check.md say."""
    with serving(Storable) as url:
        assert checked(url, f"--only S {words}").exit_code == code


BAD = {
    "no url": ("", GIVEN, "Give one URL"),
    "no endpoint": ("ftp://x --client-id acme", GIVEN, "not that of a session endpoint"),
    "the secret in the URL": (f"URL?key={SECRET} --client-id acme", GIVEN, "The URL holds the secret"),
    "no client": ("URL", GIVEN, "--client-id is missing"),
    "no secret": ("URL --client-id acme", {}, "SESSION_SECRET is not set. Set it"),
    "no such variable": ("URL --client-id acme --secret-env MINE", GIVEN, "MINE is not set"),
    "no such file": ("URL --client-id acme", {"SESSION_SECRET_FILE": "nowhere"}, "cannot be read"),
    "a secret for a name": (f"URL --client-id acme --secret-env {SECRET}", GIVEN, "takes the name"),
    "a bad certificate": ("URL --client-id acme", {**GIVEN, "AGORA_APP_CERTIFICATE": SECRET}, "32 hexadecimal"),
    "a bad mode": ("URL --client-id acme --expect-encryption rot13", GIVEN, "mode"),
    "no such check": ("URL --client-id acme --only Z99", GIVEN, "no check and no group"),
    "nothing left": ("URL --client-id acme --only T03 --skip T", GIVEN, "No check is left"),
    "too many sessions": ("URL --client-id acme --max-sessions 0", GIVEN, "0 are allowed"),
    "no such folder": ("URL --client-id acme --json no/such/file", GIVEN, "No report can be written"),
    "one place twice": ("URL --client-id acme --json - --junit -", GIVEN, "the same place"),
    "nothing to explain": ("explain", {}, "Name a check"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_run_says_why_before_anything_is_sent(name: str) -> None:
    """With exit code 2, a sentence on standard error, and not the secret."""
    words, variables, sentence = BAD[name]
    with serving(Counting) as url:
        Counting.calls = 0
        done = call(words.replace("URL", url), variables)
    assert (done.exit_code, done.stdout, Counting.calls) == (2, "", 0)
    assert sentence in done.stderr
    assert SECRET not in done.output


def test_the_secret_may_stand_in_another_variable_and_in_a_file(url: str, tmp_path: Path) -> None:
    """What repeats a call names that variable, and says how to set it."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    done = checked(url, "--only A01 --secret-env MINE", {"MINE_FILE": str(tmp_path / "secret")})
    assert done.exit_code == 0
    assert 'MINE=$(cat "$MINE_FILE")' in done.stdout


def test_neither_secret_nor_certificate_is_an_option() -> None:
    """Arguments show in process lists."""
    options = [name for one in check.command.params for name in one.opts]
    assert not [name for name in options if name in ("--secret", "--certificate", "--app-certificate")]


def test_list_shows_every_check_without_an_endpoint() -> None:
    """Id, severity, sessions and profile of each; less of them where fewer are asked for."""
    lines = call("--list", {}).stdout.splitlines()
    assert [line.split()[0] for line in lines] == [one.id for one in CHECKS]
    assert len(call("--list --profile quick", {}).stdout.splitlines()) == len(PROFILES["quick"])


@pytest.mark.parametrize("words", ["explain A01", "explain a01", "explain A01 R01"])
def test_explain_prints_the_page_of_a_check(words: str) -> None:
    """Without an endpoint and without a secret."""
    done = call(words, {})
    assert done.exit_code == 0
    assert done.stdout.startswith("# A01: ")
    assert "## How to mend it" in done.stdout


def test_explain_words_tells_what_agoras_words_mean() -> None:
    """In lines that a terminal has, but for the two to be copied."""
    done = call("explain words", {})
    assert done.exit_code == 0
    assert set(glossary.WORDS) <= set(done.stdout.splitlines())
    long = [line.strip() for line in done.stdout.splitlines() if len(line) > 110]
    assert set(long) <= set(glossary.BUILDERS.values())


def test_only_and_skip_take_ids_and_groups_in_any_case(url: str) -> None:
    """Comma separated, or repeated."""
    done = checked(url, "--only s,k01 --only a01 --skip S04,k --json -")
    assert {one["id"][0] for one in json.loads(done.stdout)["checks"]} == {"T", "A", "R", "S"}


def test_json_on_standard_output_is_alone_there(url: str) -> None:
    """People read standard error meanwhile."""
    done = checked(url, "--profile quick --json -")
    found = json.loads(done.stdout)
    assert found["passed"] is True
    assert found["plan"] == list(PROFILES["quick"])
    assert "Passed: " in done.stderr


def test_reports_go_to_files(url: str, tmp_path: Path) -> None:
    """Both at once, and the report for people to standard output."""
    done = checked(url, f"--profile quick --json {tmp_path}/a.json --junit {tmp_path}/b.xml")
    assert json.loads((tmp_path / "a.json").read_text())["profile"] == "quick"
    assert ElementTree.parse(tmp_path / "b.xml").getroot().get("failures") == "0"  # noqa: S314 - our own
    assert "Passed: " in done.stdout


def test_github_is_told_by_itself(tmp_path: Path) -> None:
    """Annotations after the report, and the summary after what other steps wrote."""
    (tmp_path / "summary").write_text("before\n")
    variables = {**GIVEN, "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    with serving(Closed) as url:
        done = checked(url, "--profile quick", variables)
    assert done.stdout.splitlines()[-1].startswith("::error title=R01 ")
    assert (tmp_path / "summary").read_text().startswith("before\n### Session endpoint: not passed\n")


def test_no_form_of_a_real_run_shows_a_secret(tmp_path: Path) -> None:
    """Neither the secret nor the certificate, and nothing that begins like a token."""
    variables = {**GIVEN, "AGORA_APP_CERTIFICATE": PROJECT.certificate, "GITHUB_STEP_SUMMARY": str(tmp_path / "c")}
    with serving(Closed) as url, serving(Storable) as other:
        for one in (url, other):
            done = checked(one, f"--github --json {tmp_path}/a --junit {tmp_path}/b", variables)
            texts = [done.output, *((tmp_path / name).read_text() for name in "abc")]
            assert not [text for text in texts if SECRET in text or PROJECT.certificate in text or "007eJ" in text]


@pytest.mark.real
def test_a_session_of_our_own_service_is_followed() -> None:
    """With an agent that leaves at once; the check joins whatever else was asked for."""
    values = {"SESSION_OPS_PORT": "9090", "SESSION_LAUNCHER": "process", "SESSION_PROCESS_COMMAND": "true"}
    with running(values, ServiceWorld(time.time, time.monotonic, os.urandom, os.environ)) as service:
        variables = {"SESSION_SECRET": service.secret}
        words = (
            f"{service.url} --client-id {service.client_id} --profile quick --follow --ops {service.ops_url} --json -"
        )
        found = json.loads(call(words, variables).stdout)
    (followed,) = [one for one in found["checks"] if one["id"] not in PROFILES["quick"]]
    assert followed["outcome"] == "pass", followed


@pytest.mark.real
def test_ctrl_c_ends_with_what_was_found(tmp_path: Path) -> None:
    """Exit code 130, no traceback, and reports that say that they are not complete."""
    with silent() as (url, asked):
        words = [*PROGRAM, "check", url, "--client-id", CLIENT, "--json", "report"]
        process = subprocess.Popen(words, cwd=tmp_path, env=environment(GIVEN), stderr=subprocess.PIPE, text=True)
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")
    found = json.loads((tmp_path / "report").read_text())
    assert (found["complete"], found["passed"]) == (False, False)


@contextlib.contextmanager
def silent() -> Iterator[tuple[str, threading.Event]]:
    """An endpoint that takes a call and never answers; the event tells that one has come."""
    asked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    kept.append(server.accept()[0])
                    if kept[-1].recv(1):
                        asked.set()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/session", asked
        for one in kept:
            one.close()
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.real
def test_a_person_at_a_terminal_sees_progress_and_colour(url: str) -> None:
    """And nobody else; NO_COLOR takes the colour away."""
    words = [*PROGRAM, "check", url, "--client-id", CLIENT, "--profile", "quick"]
    said = terminal(words, environment({**GIVEN, "TERM": "xterm"}))
    assert f"[1/{len(PROFILES['quick'])}] T03 " in said
    assert "\x1b[32m" in said
    assert "\x1b[32m" not in terminal(words, environment({**GIVEN, "TERM": "xterm", "NO_COLOR": "1"}))


def terminal(words: list[str], variables: Mapping[str, str]) -> str:
    """What the program writes to a terminal that is its own."""
    ours, its = os.openpty()
    with subprocess.Popen(words, env=dict(variables), stdin=its, stdout=its, stderr=its) as process:
        os.close(its)
        said = b""
        with contextlib.suppress(OSError):  # what reading the last of a terminal raises once nobody writes
            while more := os.read(ours, 65536):
                said += more
        process.wait(60)
    os.close(ours)
    return said.decode()
