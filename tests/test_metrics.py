"""What Prometheus is told: counts that follow from the log's events, in a format that its own tool takes."""

import asyncio
import logging
import re
import subprocess
from pathlib import Path

import pytest

from session_service.metrics import LAG_INTERVAL, Lag, Metrics
from tests.agora.tools import tool
from tests.virtual_time import run

DOCUMENT = Path(__file__).parent.parent / "docs" / "operations.md"


def counted(*events: dict[str, object], sessions: int = 0) -> str:
    """The text after these events."""
    metrics = Metrics(50)
    for event in events:
        metrics.count(logging.makeLogRecord(event))
    metrics.late(0.003)
    return metrics.text({"starting": 0, "running": sessions, "ending": 0}).decode()


def call(outcome: str, *, ms: float = 3.0, secret: str | None = None, agent: str | None = None) -> dict[str, object]:
    """The event of a call."""
    return {"event": "call", "method": "POST", "outcome": outcome, "secret": secret, "agent": agent, "ms": ms}


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


def test_ends_and_sessions_are_told() -> None:
    """By reason, and by state."""
    text = counted({"event": "session.ended", "reason": "idle"}, {"event": "session.end_failed"}, sessions=3)
    assert value(text, 'sessions_ended_total{reason="idle"}') == 1
    assert value(text, "end_failures_total") == 1
    assert value(text, 'sessions{state="running"}') == 3
    assert value(text, "sessions_limit") == 50


def test_no_label_names_a_client_or_a_session() -> None:
    """Each would be a series for ever."""
    event = {**call("ok", secret="a"), "client": "acme", "session": "s-1", "channel": "c", "request_id": "r"}
    labels = {name for found in re.findall(r"\{(.*?)\}", counted(event)) for name in re.findall(r"(\w+)=", found)}
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
    families = re.findall(r"^# TYPE (session_endpoint_\w+) ", counted(call("ok")), re.MULTILINE)
    told = re.findall(r"^\| `(session_endpoint_\w+)`", DOCUMENT.read_text(), re.MULTILINE)
    assert sorted(told) == sorted(families)


@pytest.mark.real
def test_promtool_has_nothing_against_it() -> None:
    """Neither the format nor the names."""
    promtool = tool("promtool", "apt-get install prometheus")
    text = counted(call("ok", secret="a", agent="process"), {"event": "session.ended", "reason": "idle"})
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
