"""`session-service serve` as a process."""

import json
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.commands import command, run
from tests.settings.given import RIGHT

pytestmark = pytest.mark.real


def test_serve_writes_json_lines_to_standard_error_only(tmp_path: Path) -> None:
    """Its start, its warnings and its end: whatever collects the log can parse each line."""
    with command(tmp_path, "serve > out", {**RIGHT, "SESSION_SECRTE": "x"}) as serve:
        line = json.loads(serve.until("service.listening"))
        assert serve.terminate() == 0
    assert (line["event"], line["launchers"], line["clients"]) == ("service.listening", ["none"], ["default"])
    assert {json.loads(line)["event"] for line in serve.said.splitlines()} >= {"service.listening", "service.warning"}
    assert (tmp_path / "out").read_text() == ""


def test_sigterm_ends_serve_with_0(tmp_path: Path) -> None:
    """What an orchestrator sends is a wish, and not a failure."""
    with command(tmp_path, "serve", RIGHT) as serve:
        serve.until("service.listening")
        assert serve.terminate() == 0
    assert "Traceback" not in serve.said


def test_serve_can_write_text(tmp_path: Path) -> None:
    """For a person; also where the TOML file says so."""
    (tmp_path / "clients.toml").write_text('log_format = "text"\n')
    with command(tmp_path, "serve", {**RIGHT, "SESSION_CONFIG": "clients.toml"}) as serve:
        assert not serve.until("listening").startswith("{")


def test_serve_ends_with_2_where_nothing_can_be_listened_on(tmp_path: Path) -> None:
    """An address that is not this machine's (RFC 5737)."""
    done = run(tmp_path, "serve", {**RIGHT, "SESSION_HOST": "192.0.2.1"})
    assert done.returncode == 2
    assert done.stderr.startswith("Cannot listen on 192.0.2.1:8080")
    assert done.stderr.count("\n") == 1


REPORTS = """
import json, sys, urllib.request
report = json.load(sys.stdin)["report"]
for event in ("joined", "renew", "left"):
    headers = {"Authorization": "Bearer " + report["token"]}
    body = json.dumps({"event": event}).encode()
    print(urllib.request.urlopen(urllib.request.Request(report["url"], body, headers)).read().decode(), flush=True)
"""


def test_an_agent_reports_to_the_port_that_was_free(tmp_path: Path) -> None:
    """SESSION_PORT=0: the agent is told the real one, renews its token, and ends its session.

    What it prints of the fresh token is taken out, like what it was handed.
    """
    (tmp_path / "agent.py").write_text(REPORTS)
    settings = {**RIGHT, "SESSION_LAUNCHER": "process", "SESSION_PROCESS_COMMAND": f"{sys.executable} agent.py"}
    with command(tmp_path, "serve", settings) as serve:
        port = json.loads(serve.until("service.listening"))["port"]
        body = json.dumps({"client_id": RIGHT["SESSION_CLIENT_ID"]}).encode()
        call = urllib.request.Request(f"http://127.0.0.1:{port}/cekura/v1/sessions", body)
        call.add_header("X-Cekura-Secret", RIGHT["SESSION_SECRET"])
        call.add_header("Content-Type", "application/json")
        urllib.request.urlopen(call).read()  # noqa: S310 - loopback
        ended = json.loads(serve.until("session.ended"))
        assert serve.terminate() == 0
    assert ended["reason"] == "tester_left"
    printed = [json.loads(line)["line"] for line in serve.said.splitlines() if "agora_token" in line]
    assert [json.loads(line)["agora_token"].rstrip("=") for line in printed] == ["[removed]"]
    assert {json.loads(line)["event"] for line in serve.said.splitlines()} >= {"tester.joined", "agent.token_renewed"}


@pytest.mark.parametrize(
    ("changes", "join_deadline", "idle_timeout"),
    [
        ({}, None, None),
        ({"SESSION_LAUNCHER": "process", "SESSION_PROCESS_COMMAND": "true"}, None, 45.0),
        ({"SESSION_RTC_WEBHOOK_SECRET": "sentinel-of-the-console"}, 60.0, 45.0),
    ],
)
def test_serve_says_which_clocks_run_and_why(
    tmp_path: Path, changes: dict[str, str], join_deadline: float | None, idle_timeout: float | None
) -> None:
    """Nobody has to find out by a call that was cut, or by one that was not."""
    settings = {**RIGHT, **changes, "SESSION_IDLE_TIMEOUT": "45", "SESSION_ANSWER_BUDGET": "6"}
    with command(tmp_path, "serve", settings) as serve:
        line = json.loads(serve.until("service.clocks"))
        assert serve.terminate() == 0
    assert (line["join_deadline"], line["idle_timeout"]) == (join_deadline, idle_timeout)
    assert (line["answer_budget"], line["max_duration"]) == (6.0, 3600.0)
    assert ("not set" in line["why"]) == (join_deadline is None)
    assert "sentinel" not in serve.said
