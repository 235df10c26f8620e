"""What Prometheus is told: counts that follow from the log's events, in a format that its own tool takes."""

import asyncio
import logging
import re
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from session_service.metrics import LAG_INTERVAL, Lag, Metrics, Now
from session_service.sessions.model import Reason
from tests.agora.tools import tool
from tests.virtual_time import run

DOCUMENT = Path(__file__).parent.parent / "docs" / "operations.md"


def counted(*events: Mapping[str, object], sessions: int = 0) -> str:
    """The text after these events."""
    metrics = Metrics(50, Reason)
    for event in events:
        metrics.count(logging.makeLogRecord(event))
    metrics.late(0.003)
    metrics.stored("admit", 0.0004)
    states = {"starting": 0, "running": sessions, "ending": 0}
    told = Now(states, {"admitted": 4, "draining": 0}, {("rtc", "applied"): 2}, {("joined", "ok"): 1})
    return metrics.text(told).decode()


def call(
    outcome: str, *, ms: float = 3.0, secret: str | None = None, agent: str | None = None, token: int | None = None
) -> dict[str, object]:
    """The event of a call."""
    known = {"event": "call", "method": "POST", "outcome": outcome}
    return {**known, "secret": secret, "agent": agent, "token_seconds": token, "ms": ms}


ENDED: Mapping[str, object] = {
    "event": "session.ended",
    "launcher": "http",
    "reason": "idle",
    "stop_seconds": 0.2,
    "lag_seconds": 3.5,
}
FAILED: Mapping[str, object] = {"event": "session.end_failed", "launcher": "http", "step": "stop", "seconds": 8.0}
STARTED: Mapping[str, object] = {"event": "agent.started", "launcher": "http", "seconds": 0.3}
NOT_STARTED: Mapping[str, object] = {**STARTED, "event": "agent.not_started", "code": "agent_timeout"}


def value(text: str, series: str) -> float:
    """What one series says."""
    return float(re.findall(rf"^{re.escape('session_endpoint_' + series)} (\S+)$", text, re.MULTILINE)[0])


def test_calls_are_counted_by_outcome() -> None:
    """Whatever else is known of them."""
    text = counted(call("ok", secret="a"), call("ok", secret="b", agent="process"), call("session_limit", secret="a"))
    assert value(text, 'requests_total{method="POST",outcome="ok"}') == 2
    assert value(text, 'requests_total{method="POST",outcome="session_limit"}') == 1


def test_secrets_are_counted_by_label() -> None:
    """So that a rotation shows when the old one is not sent any more; and wrong ones without one."""
    text = counted(call("ok", secret="old"), call("client_not_allowed", secret="new"), call("unauthenticated"))
    assert value(text, 'auth_total{result="ok",secret_label="old"}') == 1
    assert value(text, 'auth_total{result="ok",secret_label="new"}') == 1
    assert value(text, 'auth_total{result="failed",secret_label=""}') == 1


def test_durations_are_told_by_launcher_in_seconds() -> None:
    """In buckets that add up."""
    text = counted(call("ok", ms=3, agent="process"), call("ok", ms=300, agent="process"), call("ok", ms=30))
    assert value(text, 'request_duration_seconds_bucket{launcher="process",le="0.005"}') == 1
    assert value(text, 'request_duration_seconds_bucket{launcher="process",le="+Inf"}') == 2
    assert value(text, 'request_duration_seconds_sum{launcher="process"}') == pytest.approx(0.303)
    assert value(text, 'request_duration_seconds_count{launcher=""}') == 1


def test_a_call_that_never_became_one_counts_too() -> None:
    """What `connection` refuses has no method and takes no time."""
    assert value(
        counted({"event": "call", "outcome": "bad_request"}), 'requests_total{method="",outcome="bad_request"}'
    )


def test_lifetimes_of_tokens_are_told_whatever_else_a_call_is_counted_by() -> None:
    """Of answers that hold one."""
    text = counted(
        call("ok", token=3900), call("ok", token=3900, agent="http"), call("ok", token=300), call("draining")
    )
    assert value(text, 'token_lifetime_seconds_bucket{le="600.0"}') == 1
    assert value(text, 'token_lifetime_seconds_bucket{le="3600.0"}') == 1
    assert value(text, 'token_lifetime_seconds_bucket{le="7200.0"}') == 3
    assert value(text, "token_lifetime_seconds_sum") == 8100
    assert value(text, 'requests_total{method="POST",outcome="ok"}') == 3


def test_what_is_known_beforehand_is_told_from_the_start() -> None:
    """A rate over a series that begins with its first count misses that one."""
    text = counted()
    assert all(value(text, f'sessions_ended_total{{reason="{reason}"}}') == 0 for reason in Reason)
    assert value(text, 'admission_total{result="draining"}') == 0


def test_ends_and_sessions_are_told() -> None:
    """By reason, and by state."""
    text = counted(ENDED, FAILED, sessions=3)
    assert value(text, 'sessions_ended_total{reason="idle"}') == 1
    assert value(text, "end_failures_total") == 1
    assert value(text, 'sessions{state="running"}') == 3
    assert value(text, "sessions_limit") == 50


def test_starts_are_told_by_launcher_and_outcome() -> None:
    """A reason is the code that the caller is answered with."""
    text = counted(STARTED, NOT_STARTED, NOT_STARTED)
    started = 'agent_start_duration_seconds_count{launcher="http",reason="",status="ok"}'
    failed = 'agent_start_duration_seconds_count{launcher="http",reason="agent_timeout",status="failed"}'
    assert (value(text, started), value(text, failed)) == (1, 2)


def test_stops_are_told_by_launcher_and_outcome() -> None:
    """What failed in the store, and agents that had gone by themselves, are none."""
    text = counted(ENDED, {**ENDED, "stop_seconds": None}, FAILED, {**FAILED, "step": "record"})
    assert value(text, 'agent_stop_duration_seconds_count{launcher="http",status="ok"}') == 1
    assert value(text, 'agent_stop_duration_seconds_sum{launcher="http",status="failed"}') == 8
    assert value(text, "end_failures_total") == 2


def test_how_late_an_end_was_over_is_told_of_every_session() -> None:
    """From the instant at which it was due."""
    text = counted(ENDED, {**ENDED, "stop_seconds": None})
    assert value(text, "cleanup_lag_seconds_count") == 2
    assert value(text, "cleanup_lag_seconds_sum") == 7


def test_what_has_no_line_of_its_own_is_told_all_the_same() -> None:
    """Steps of the store, admissions, notifications and reports."""
    text = counted()
    assert value(text, 'admission_total{result="admitted"}') == 4
    assert value(text, 'store_duration_seconds_bucket{le="0.0005",op="admit"}') == 1
    assert value(text, 'notifications_total{outcome="applied",product="rtc"}') == 2
    assert value(text, 'agent_reports_total{event="joined",outcome="ok"}') == 1


def test_no_label_names_a_client_or_a_session() -> None:
    """Each would be a series for ever."""
    known = {"client": "acme", "session": "s-1", "channel": "c", "request_id": "r"}
    text = counted(*({**event, **known} for event in (call("ok", secret="a"), ENDED, FAILED, STARTED, NOT_STARTED)))
    labels = {name for found in re.findall(r"\{(.*?)\}", text) for name in re.findall(r"(\w+)=", found)}
    assert labels <= {
        "method",
        "outcome",
        "result",
        "secret_label",
        "launcher",
        "le",
        "state",
        "reason",
        "version",
        "python",
        "status",
        "op",
        "product",
        "event",
    }


def test_the_loops_lag_is_measured() -> None:
    """Stepped time is never late; a loop that is held up is."""

    async def main() -> list[float]:
        late: list[float] = []
        with Lag(late.append):
            await asyncio.sleep(3.5 * LAG_INTERVAL)
        await asyncio.sleep(2 * LAG_INTERVAL)
        return late

    assert run(main) == [0.0] * 3


def test_every_metric_is_told_in_the_documentation() -> None:
    """By its name, with its labels."""
    text = counted(call("ok", secret="a"), ENDED, STARTED)
    families = {name: set[str]() for name in re.findall(r"^# TYPE (session_endpoint_\w+) ", text, re.MULTILINE)}
    for series, labels in re.findall(r"^(session_endpoint_\w+)\{(.*?)\}", text, re.MULTILINE):
        name = series if series in families else re.sub(r"_(bucket|count|sum)$", "", series)
        families[name] |= set(re.findall(r"(\w+)=", labels)) - {"le"}
    rows = re.findall(r"^\| `(session_endpoint_\w+)` \|([^|]*)\|", DOCUMENT.read_text(), re.MULTILINE)
    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows} == families


def test_every_histogram_adds_up() -> None:
    """As Prometheus' own parser reads it: each bucket holds the ones before it, the last one all."""
    text = counted(call("ok", token=3900), call("ok", ms=900, agent="http"), ENDED, FAILED, STARTED, NOT_STARTED)
    for family in text_string_to_metric_families(text):
        found: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
        for sample in family.samples:
            if sample.name.endswith(("_bucket", "_count")):
                found[tuple(word for name, word in sample.labels.items() if name != "le")].append(sample.value)
        for counts in found.values():
            assert counts == sorted(counts)
            assert counts[-2] == counts[-1] > 0


@pytest.mark.real
def test_promtool_has_nothing_against_it() -> None:
    """Neither the format nor the names."""
    promtool = tool("promtool", "apt-get install prometheus")
    text = counted(call("ok", secret="a", agent="process", token=3900), ENDED, FAILED, STARTED)
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
