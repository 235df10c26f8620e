"""`session-service sessions`, and how `dev` and `serve` take the operator's port."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agents.agent_servers import SECRET as SIGNED
from tests.agents.agent_servers import HostedAgents
from tests.agents.programs import alive
from tests.cli.conftest import Call, call
from tests.commands import command, run
from tests.contract.given import PLENTY
from tests.ops.serving import Serving
from tests.ops.test_gate import TOKEN

pytestmark = pytest.mark.real
__all__ = ["call"]

PROCESS = {
    "SESSION_LAUNCHER": "process",
    "SESSION_PROCESS_COMMAND": "sh -c 'printf \"ready \\033[2J\\n\"; exec sleep 600'",
    "SESSION_PROCESS_READY": "line",
}


@contextmanager
def taken() -> Iterator[str]:
    """A port that somebody else has."""
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        yield str(somebody.getsockname()[1])


def at(serving: Serving, **more: str) -> dict[str, str]:
    """The environment of a command beside that service."""
    return {"SESSION_OPS_PORT": str(serving.ops_port), **more}


def test_sessions_are_listed_for_a_person_and_for_a_program(call: Call) -> None:
    """A line each, or what the service answered."""
    with Serving() as serving:
        session = serving.session()
        shown = call("sessions list", at(serving))
        document = json.loads(call("sessions list --json", at(serving)).stdout)
    assert shown.exit_code == 0
    head, row = shown.stdout.splitlines()
    assert (head.split()[0], row.split()[0], row.split()[3]) == ("session_id", session, "running")
    assert [one["session_id"] for one in document["sessions"]] == [session]


def test_no_session_is_no_failure(call: Call) -> None:
    """Said where a program that reads the list does not see it."""
    with Serving() as serving:
        done = call("sessions list", at(serving))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "There is no session.\n")


def test_a_session_is_shown_with_its_timeline(call: Call) -> None:
    """A line an event, and none that could move a terminal's cursor."""
    with Serving(PROCESS) as serving:
        session = serving.session()
        output = call(f"sessions show {session}", at(serving)).stdout
        assert json.loads(call(f"sessions show {session} --json", at(serving)).stdout)["session_id"] == session
    assert re.search(rf"^session_id +{session}$", output, re.MULTILINE)
    assert re.search(r"^\S+  agent\.output  line=ready ", output, re.MULTILINE)
    assert "\033" not in output


def test_a_session_is_stopped(call: Call) -> None:
    """And then it has ended."""
    with Serving(PROCESS) as serving:
        session = serving.session()
        done = call(f"sessions stop {session}", at(serving))
        assert (done.exit_code, done.stdout) == (0, "It has ended.\n")
        assert " operator " in call("sessions list", at(serving)).stdout


@pytest.mark.parametrize("words", ["show nobody", "stop nobody", "stop ../metrics"])
def test_an_unknown_session_is_exit_code_1(call: Call, words: str) -> None:
    """With the service's sentence."""
    with Serving() as serving:
        done = call(f"sessions {words}", at(serving))
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)


def test_the_token_of_the_environment_is_sent(call: Call) -> None:
    """Without it the service says what is missing; neither shows it."""
    with Serving({"SESSION_OPS_TOKEN": TOKEN}) as serving:
        assert call("sessions list", at(serving, SESSION_OPS_TOKEN=TOKEN)).exit_code == 0
        refused = call("sessions list", at(serving))
    assert refused.exit_code == 1
    assert "SESSION_OPS_TOKEN" in refused.stderr
    assert TOKEN not in refused.output


def test_no_proxy_is_taken_from_the_environment(call: Call) -> None:
    """It would be handed the operator's token."""
    names = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
    proxied = {"NO_PROXY": "", "no_proxy": "", **dict.fromkeys(names, "http://127.0.0.1:9")}
    with Serving() as serving:
        assert call("sessions list", at(serving, **proxied)).exit_code == 0


def test_where_nothing_answers_it_says_where_it_looked(call: Call) -> None:
    """Exit code 2, in one line."""
    with taken() as port:
        pass
    done = call("sessions list", {"SESSION_OPS_PORT": port})
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert f"127.0.0.1:{port}" in done.stderr


@pytest.mark.parametrize("port", ["0", "off", "x"])
def test_a_port_that_is_none_is_exit_code_2(call: Call, port: str) -> None:
    """Nobody could say which was taken."""
    done = call("sessions list", {"SESSION_OPS_PORT": port})
    assert done.exit_code == 2
    assert "SESSION_OPS_PORT" in done.stderr


def test_somebody_else_s_port_is_told_from_ours(call: Call) -> None:
    """Here the one that the platform calls."""
    with Serving() as serving:
        done = call("sessions list", {"SESSION_OPS_PORT": str(serving.port)})
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("line", ["serve", "dev"])
def test_an_operators_port_that_was_asked_for_and_is_taken_stops_the_start(tmp_path: Path, line: str) -> None:
    """In one sentence that names its settings, with exit code 2."""
    with taken() as port:
        done = run(tmp_path, line, {**PLENTY, "SESSION_PORT": "0", "SESSION_OPS_PORT": port})
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(rf"Cannot listen on 127\.0\.0\.1:{port}: .* SESSION_OPS_PORT .*\n", done.stderr)


def test_serve_refuses_to_let_others_in_without_a_token(call: Call) -> None:
    """Before anything listens."""
    done = call("serve", {**PLENTY, "SESSION_OPS_HOST": "192.0.2.1"})
    assert done.exit_code == 2
    assert "SESSION_OPS_TOKEN: It is missing" in done.stderr


def test_serve_says_which_port_the_operator_has(tmp_path: Path) -> None:
    """Both where one is taken and where there is to be none."""
    for setting, told in (("0", int), ("off", type(None))):
        with command(tmp_path, "serve", {**PLENTY, "SESSION_OPS_PORT": setting}) as serve:
            assert isinstance(json.loads(serve.until("service.listening"))["ops_port"], told)
            assert serve.terminate() == 0


def test_a_stranded_session_says_what_it_is_and_ends_by_the_operators_word(tmp_path: Path, call: Call) -> None:
    """Its agent is at a server that is not configured any more: list and show say so, and what to do."""
    store = {"SESSION_STORE": f"sqlite:{tmp_path / 'sessions.db'}", "SESSION_LAUNCHER": "http"}
    with HostedAgents() as first, HostedAgents() as other:
        settings = [{**store, "SESSION_HTTP_URL": one.url, "SESSION_HTTP_SECRETS": SIGNED} for one in (first, other)]
        with Serving(settings[0]) as serving:
            session = serving.session()
        with Serving(settings[1]) as serving:
            assert first.url in call("sessions list", at(serving)).stderr
            assert first.url in call(f"sessions show {session}", at(serving)).stdout
            refused = call(f"sessions stop {session}", at(serving))
            assert (refused.exit_code, refused.stdout, "Show the session" in refused.stderr) == (1, "", True)
            done = call(f"sessions stop {session} --agent-is-gone", at(serving))
            assert (done.exit_code, done.stdout) == (0, "It has ended.\n")
            assert " operator " in call("sessions list", at(serving)).stdout
        assert (list(first.api.running), other.api.calls.count("stop")) == ([session], 0)


def test_the_operators_word_about_an_agent_that_can_be_ended_ends_it(call: Call) -> None:
    """Nobody runs on because somebody was mistaken."""
    with Serving(PROCESS) as serving:
        session = serving.session()
        pid = serving.ops.get(f"/sessions/{session}").json()["agent"]["pid"]
        assert call(f"sessions stop {session} --agent-is-gone", at(serving)).exit_code == 0
        assert not alive(pid)
