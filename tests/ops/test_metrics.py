"""What /metrics says after something has really happened: each figure, from the service's own two ports."""

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.agents.agent_servers import SECRET, HostedAgents
from tests.contract.given import PATH
from tests.contract.telling import LEFT, body, signature, user
from tests.ops.serving import DEADLINE, Serving
from tests.standins.faults import never_answers, refuses

pytestmark = pytest.mark.real

WEBHOOK = {"SESSION_RTC_WEBHOOK_SECRET": "sentinel-webhook-secret"}
PROCESS = {"SESSION_LAUNCHER": "process", "SESSION_PROCESS_COMMAND": "cat"}
TOLD = {
    "SESSION_LAUNCHER": "process",
    "SESSION_PROCESS_COMMAND": "sh -c 'cat > handed; echo ready; exec sleep 600'",
    "SESSION_PROCESS_READY": "line",
}


def figure(serving: Serving, series: str) -> float:
    """What one series says; 0 where there is none yet."""
    text = serving.ops.get("/metrics").text
    found = re.findall(rf"^session_endpoint_{re.escape(series)} (\S+)$", text, re.MULTILINE)
    return float(found[0]) if found else 0.0


def until(serving: Serving, series: str, wanted: float) -> None:
    """Ask until it says so: what is told after an answer comes when it comes."""
    serving.until(lambda: figure(serving, series) == wanted)


def with_server(hosted: HostedAgents) -> Mapping[str, str]:
    """Agents are a customer's server's."""
    return {"SESSION_LAUNCHER": "http", "SESSION_HTTP_URL": hosted.url, "SESSION_HTTP_SECRETS": SECRET}


def notify(serving: Serving, channel: str, notice: str = "n-1", secret: bytes = b"sentinel-webhook-secret") -> int:
    """Agora tells that somebody left; returns the answer's status."""
    sent = body(LEFT, user(channel, 99, 1), notice)
    name, value = signature(sent, secret)
    url = f"http://127.0.0.1:{serving.port}/agora/v1/events/rtc"
    headers = {name.decode(): value.decode(), "Content-Type": "application/json"}
    return httpx2.post(url, content=sent, headers=headers, timeout=DEADLINE, trust_env=False).status_code


def test_starts_and_stops_of_a_server_are_timed() -> None:
    """By launcher; a refusal with its code, a stop that failed beside the one that worked."""
    with HostedAgents() as hosted, Serving(with_server(hosted)) as serving:
        session = serving.session()
        hosted.api.plays("start", refuses(400, "no"))
        assert serving.open().status_code == 502
        hosted.api.plays("stop", refuses(500, "not now"))
        assert serving.ops.delete(f"/sessions/{session}").status_code == 204
        assert figure(serving, 'agent_start_duration_seconds_count{launcher="http",reason="",status="ok"}') == 1
        refused = 'agent_start_duration_seconds_count{launcher="http",reason="agent_refused",status="failed"}'
        assert figure(serving, refused) == 1
        assert figure(serving, 'agent_stop_duration_seconds_count{launcher="http",status="failed"}') == 1
        assert figure(serving, 'agent_stop_duration_seconds_count{launcher="http",status="ok"}') == 2
        assert figure(serving, "end_failures_total") == 1
        assert figure(serving, "cleanup_lag_seconds_sum") >= 1.0, "the pause after the failure"


def test_whoever_asks_for_a_session_is_counted_by_what_became_of_that() -> None:
    """A start that fails was admitted; what is wrong with the call itself never asked."""
    with HostedAgents() as hosted, Serving({**with_server(hosted), "SESSION_MAX_SESSIONS": "1"}) as serving:
        hosted.api.plays("start", refuses(400, "no"))
        assert [serving.open().status_code for _ in range(3)] == [502, 200, 429]
        assert serving.open("wrong-secret-0123456789").status_code == 401
        assert figure(serving, 'admission_total{result="admitted"}') == 2
        assert figure(serving, 'admission_total{result="session_limit"}') == 1


def test_no_caller_makes_a_series_of_its_own() -> None:
    """A method that HTTP has not is none of the labels."""
    with Serving() as serving:
        url = f"http://127.0.0.1:{serving.port}{PATH}"
        for method in ("PUT", "MADEUP"):
            httpx2.request(method, url, timeout=DEADLINE, trust_env=False)
        assert figure(serving, 'requests_total{method="PUT",outcome="method_not_allowed"}') == 1
        assert figure(serving, 'requests_total{method="",outcome="bad_request"}') == 1
        assert "MADEUP" not in serving.ops.get("/metrics").text


def test_lifetimes_of_tokens_are_those_of_the_answers() -> None:
    """In the seconds that are configured; a refused call has none."""
    with Serving({"SESSION_TOKEN_LIFETIME": "5400", "SESSION_MAX_SESSIONS": "2"}) as serving:
        assert [serving.open().status_code for _ in range(3)] == [200, 200, 429]
        assert figure(serving, "token_lifetime_seconds_sum") == 2 * 5400
        assert figure(serving, 'token_lifetime_seconds_bucket{le="3600.0"}') == 0
        assert figure(serving, 'token_lifetime_seconds_bucket{le="7200.0"}') == 2


def test_a_start_that_takes_too_long_is_timed_by_its_budget() -> None:
    """With the code of the answer, and the budget of its settings: the default one would take six seconds more."""
    with HostedAgents() as hosted, Serving({**with_server(hosted), "SESSION_ANSWER_BUDGET": "1"}) as serving:
        hosted.api.plays("start", never_answers)
        assert serving.open().json()["error"]["code"] == "agent_timeout"
        series = 'agent_start_duration_seconds_sum{launcher="http",reason="agent_timeout",status="failed"}'
        assert 0.4 <= figure(serving, series) < 6


def test_an_agent_that_ends_by_itself_is_no_stop_and_ends_its_session() -> None:
    """Its end is due when it comes."""
    with Serving(PROCESS) as serving:
        serving.open()
        until(serving, 'sessions_ended_total{reason="agent_exited"}', 1)
        assert figure(serving, 'agent_stop_duration_seconds_count{launcher="process",status="ok"}') == 0
        assert figure(serving, "cleanup_lag_seconds_count") == 1
        assert figure(serving, "cleanup_lag_seconds_sum") < DEADLINE


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_the_stores_steps_are_timed(tmp_path: Path, store: str) -> None:
    """Each under its own name."""
    place = f"sqlite:{tmp_path / 'sessions.db'}" if store == "sqlite" else store
    with Serving({"SESSION_STORE": place}) as serving:
        session = serving.session()
        serving.ops.delete(f"/sessions/{session}")
        for step in ("admit", "accepted", "ending", "ended"):
            assert figure(serving, f'store_duration_seconds_count{{op="{step}"}}') == 1
        assert 0 < figure(serving, 'store_duration_seconds_sum{op="admit"}') < DEADLINE


def test_notifications_are_counted_by_what_became_of_them() -> None:
    """Ours, nobody's, a repetition, and one that nobody signed."""
    with Serving(WEBHOOK) as serving:
        channel = serving.open().json()["agora_channel"]
        assert [notify(serving, channel), notify(serving, channel), notify(serving, "nobodys", "n-2")] == [200] * 3
        assert notify(serving, channel, secret=b"another") == 401
        until(serving, 'notifications_total{outcome="applied",product="rtc"}', 1)
        until(serving, 'notifications_total{outcome="unknown",product="rtc"}', 1)
        assert figure(serving, 'notifications_total{outcome="repeated",product="rtc"}') == 1
        assert figure(serving, 'notifications_total{outcome="bad_signature",product="rtc"}') == 1


def test_reports_are_counted_by_event(tmp_path: Path) -> None:
    """Those of the agent, and those of somebody else."""
    command = f"sh -c 'cat > {tmp_path}/handed; echo ready; exec sleep 600'"
    with Serving({**TOLD, "SESSION_PROCESS_COMMAND": command}) as serving:
        serving.open()
        report = json.loads((tmp_path / "handed").read_text())["report"]
        for event in ("joined", "renew"):
            assert reported(serving, report, {"event": event}) == 200
        assert reported(serving, {**report, "token": "somebody's"}, {"event": "joined"}) == 401
        until(serving, 'agent_reports_total{event="joined",outcome="ok"}', 1)
        assert figure(serving, 'agent_reports_total{event="renew",outcome="ok"}') == 1
        assert figure(serving, 'agent_reports_total{event="",outcome="bad_report_token"}') == 1


def reported(serving: Serving, report: Mapping[str, str], value: object) -> int:
    """The status of a report, sent to where this service really listens."""
    url = f"http://127.0.0.1:{serving.port}{httpx2.URL(report['url']).path}"
    headers = {"Authorization": f"Bearer {report['token']}"}
    return httpx2.post(url, json=value, headers=headers, timeout=DEADLINE, trust_env=False).status_code


def test_every_metric_of_the_documentation_moves() -> None:
    """As Prometheus' own parser reads them, once a service has seen all that it counts."""
    with HostedAgents() as hosted, Serving({**with_server(hosted), **WEBHOOK}) as serving:
        ended = serving.session()
        hosted.api.plays("stop", refuses(500, "not now"))
        assert serving.ops.delete(f"/sessions/{ended}").status_code == 204
        serving.open()
        assert notify(serving, "nobodys", secret=b"another") == 401
        assert reported(serving, {"url": f"/agent/v1/sessions/{ended}/events", "token": "x"}, {}) == 401
        serving.until(lambda: figure(serving, "event_loop_lag_seconds_count") >= 1)
        assert moved(serving.ops.get("/metrics").text) == documented()


def moved(text: str) -> set[str]:
    """The metrics that say more than nothing."""
    return {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(text)
        if any(sample.value > 0 for sample in family.samples) and family.name.startswith("session_endpoint_")
    }


def documented() -> set[str]:
    """The metrics that the operator reads of."""
    document = Path(__file__).parents[2] / "docs" / "operations.md"
    return set(re.findall(r"^\| `(session_endpoint_\w+)` \|", document.read_text(), re.MULTILINE))


def test_calls_secrets_sessions_and_the_loop_are_told() -> None:
    """The figures of every service, whatever its launcher."""
    with Serving({"SESSION_MAX_SESSIONS": "7"}) as serving:
        begun = time.monotonic()
        serving.open()
        serving.open("wrong-secret-0123456789")
        assert figure(serving, 'requests_total{method="POST",outcome="ok"}') == 1
        assert figure(serving, 'auth_total{result="failed",secret_label=""}') == 1
        assert figure(serving, 'request_duration_seconds_sum{launcher=""}') < time.monotonic() - begun
        assert figure(serving, 'sessions{state="running"}') == 1
        assert figure(serving, "sessions_limit") == 7
        serving.until(lambda: figure(serving, "event_loop_lag_seconds_count") >= 1)
        assert re.search(r"^session_endpoint_build_info\{.*\} 1\.0$", serving.ops.get("/metrics").text, re.MULTILINE)
