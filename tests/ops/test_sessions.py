"""What an operator is told of sessions, and how one is stopped."""

import json
from pathlib import Path

import pytest

from tests.agents.programs import alive
from tests.contract import given
from tests.contract.sockets import Connection
from tests.ops.serving import Serving

pytestmark = pytest.mark.real

PROCESS = {
    "SESSION_LAUNCHER": "process",
    "SESSION_PROCESS_COMMAND": "sh -c 'echo ready; exec sleep 600'",
    "SESSION_PROCESS_READY": "line",
}
STUBBORN = {**PROCESS, "SESSION_PROCESS_COMMAND": "sh -c 'trap \"\" TERM; echo ready; while :; do sleep 1; done'"}


def test_a_session_is_listed_with_all_that_is_no_secret() -> None:
    """Row and status of the store, instants as the log writes them."""
    with Serving() as serving:
        serving.open()
        (found,) = serving.ops.get("/sessions").json()["sessions"]
    assert (found["state"], found["client"], found["launcher"], found["reason"]) == ("running", "default", "none", None)
    assert found["channel"].startswith("cekura-")
    assert found["created_at"].endswith("+00:00")
    assert not found.keys() & {"report_hash", "ref"}


def test_a_session_is_shown_with_what_happened_to_it() -> None:
    """Its agent's output and its call, in their order."""
    with Serving(PROCESS) as serving:
        found = serving.ops.get(f"/sessions/{serving.session()}").json()
        assert alive(found["agent"]["pid"])
    assert [event["event"] for event in found["timeline"]] == ["agent.output", "agent.started", "call"]
    assert found["complete"] is True


def test_a_start_that_failed_is_shown_with_its_reason_and_its_call() -> None:
    """Though the call's line names no session."""
    with Serving({**PROCESS, "SESSION_PROCESS_COMMAND": "sh -c 'exit 3'"}) as serving:
        assert serving.open().status_code == 502
        (one,) = serving.ops.get("/sessions").json()["sessions"]
        found = serving.ops.get(f"/sessions/{one['session_id']}").json()
    assert (found["state"], found["reason"]) == ("ended", "start_failed")
    events = {event["event"]: event["values"] for event in found["timeline"]}
    assert "exit code 3" in events["agent.not_started"]["why"]
    assert events["call"]["outcome"] == "agent_refused"


def test_stopping_ends_the_agent_and_says_so_when_it_is_gone() -> None:
    """204, reason operator; again is no failure."""
    with Serving(PROCESS) as serving:
        path = f"/sessions/{serving.session()}"
        pid = serving.ops.get(path).json()["agent"]["pid"]
        assert serving.ops.delete(path).status_code == 204
        assert not alive(pid)
        assert serving.ops.get(path).json()["reason"] == "operator"
        assert serving.ops.delete(path).status_code == 204


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("path", ["/sessions/none", "/sessions/%2e%2e", "/sessions/" + 300 * "x"])
def test_an_unknown_session_is_404(method: str, path: str) -> None:
    """In the one shape of every refusal, without what was asked for."""
    with Serving() as serving:
        answer = serving.ops.request(method, path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] in ("unknown_session", "not_found")
    assert "xxx" not in answer.text


def test_what_is_not_here_is_refused_like_everywhere() -> None:
    """Path, method and broken message: the platform's port and this one are held to the same."""
    with Serving() as serving, Connection(serving.ops_port) as connection:
        absent = serving.ops.get("/cekura/v1/sessions")
        assert absent.status_code == 404
        assert "/metrics" in absent.json()["error"]["message"], "an operator is told what this port has"
        assert serving.ops.post("/sessions").headers["Allow"] == "GET"
        connection.send(b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert connection.answer().code == "bad_request"


def test_a_broken_message_at_this_port_is_no_call(caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the log nor in the figures: those are the platform's."""
    with Serving() as serving, Connection(serving.ops_port) as connection:
        connection.send(b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        refused = connection.answer()
        assert "bad_request" not in serving.ops.get("/metrics").text
    told = [vars(one) for one in caplog.records if vars(one).get("event") in ("call", "ops.refused")]
    assert [(one["event"], one["code"], one["request_id"]) for one in told] == [
        ("ops.refused", "bad_request", refused.request_id)
    ]


def test_metrics_follow_what_happens() -> None:
    """In the format that Prometheus has always taken."""
    with Serving() as serving:
        serving.open()
        answer = serving.ops.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'session_endpoint_requests_total{method="POST",outcome="ok"} 1.0' in answer.text
    assert 'session_endpoint_sessions{state="running"} 1.0' in answer.text
    assert "session_endpoint_event_loop_lag_seconds_count" in answer.text


def test_everything_is_kept_across_a_restart_but_the_timeline(tmp_path: Path) -> None:
    """The store remembers, the journal is this process's own."""
    store = {"SESSION_STORE": f"sqlite:{tmp_path / 'sessions.db'}"}
    with Serving(store) as serving:
        session = serving.session()
    with Serving(store) as serving:
        found = serving.ops.get(f"/sessions/{session}").json()
    assert found["session_id"] == session
    assert "call" not in [event["event"] for event in found["timeline"]]


def test_no_answer_holds_a_secret() -> None:
    """What the tester was answered and what is configured, looked for in every answer of the port."""
    with Serving(PROCESS | {"SESSION_ENCRYPTION_MODE": "aes_256_gcm2"}) as serving:
        details = serving.open().json()
        serving.open(secret="x" * 30)
        shown = [serving.ops.get(path).text for path in ("/sessions", "/metrics")]
        for one in json.loads(shown[0])["sessions"]:
            shown.append(serving.ops.get(f"/sessions/{one['session_id']}").text)
        with serving.listen() as listener:
            shown += [listener.line() for _ in range(8)]
    secrets = [details[name] for name in ("agora_token", "encryption_key", "encryption_salt")]
    secrets += [given.SECRET, given.CERTIFICATE]
    assert [secret[:6] for secret in secrets if any(secret in text for text in shown)] == []
