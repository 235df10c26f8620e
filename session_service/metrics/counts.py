"""What is counted since the start, and under which labels. Fed and read by `http.ops`, which `app` builds.

Decided here: names, labels and buckets (docs/operations.md lists them). No label holds a client, a session or anything
that a caller can make up. Counts are made from the records of our own log lines, so that log and figures cannot
disagree. Four things have no line, because it would drown the others, and are told otherwise: each step of the store
(several for a call) and each look at the event loop's lag by a call; and what became of admissions, and of
notifications and reports, by whoever took them, who is asked when somebody reads: Agora tells of every channel of a
whole project.
"""

import logging
import platform
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from prometheus_client.core import Metric

from session_service.metrics.families import counter, gauge, histogram, labelled, text
from session_service.metrics.histogram import Histogram

DISTRIBUTION = "cekura-customer-kit"
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 7.0, 10.0)
"""Bounds of calls, and of starts, which are their greatest part. Among them the two seconds within which an answer of a
warm service is wanted, after which `check` remarks on it, and the default answer budget.
"""
STOP_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 8.0, 10.0, 60.0)
"""With the grace of a process, the patience of the other launchers, and the time after which a stop has failed."""
CLEANUP_SECONDS = (0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0)
STORE_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5)
"""With the second that a statement waits for somebody else's lock."""
LIFETIME_SECONDS = (600.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0, 86400.0)
"""With what `check` judges by: a call may outlast ten minutes, over two hours is long, and over a day too long."""
LAG_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_WRONG = frozenset({"unauthenticated", "too_many_failures"})

_Pairs = Mapping[tuple[str, str], int]
_Calls = tuple[str | None, str, str | None, str | None, int | None]
"""Method, outcome, label of the secret, launcher, and the seconds for which the token is valid."""


@dataclass(frozen=True, slots=True)
class Now:
    """What is known elsewhere when somebody asks: sessions by state, admissions by result, notifications by product and
    outcome, reports by event and outcome.
    """

    sessions: Mapping[str, int]
    admissions: Mapping[str, int]
    notifications: _Pairs = field(default_factory=dict)
    reports: _Pairs = field(default_factory=dict)


class Metrics:
    """Counts since the start. `limit` is how many sessions the deployment may have, `reasons` all why one may end."""

    def __init__(self, limit: int, reasons: Iterable[str]) -> None:
        self._limit = limit
        self._calls: defaultdict[_Calls, Histogram] = defaultdict(lambda: Histogram(REQUEST_SECONDS))
        self._starts: defaultdict[tuple[str, ...], Histogram] = defaultdict(lambda: Histogram(REQUEST_SECONDS))
        self._stops: defaultdict[tuple[str, ...], Histogram] = defaultdict(lambda: Histogram(STOP_SECONDS))
        self._store: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(STORE_SECONDS))
        self._ended: Counter[str] = Counter(dict.fromkeys(reasons, 0))
        self._failed_ends = 0
        self._cleanup = Histogram(CLEANUP_SECONDS)
        self._lag = Histogram(LAG_SECONDS)
        self._counted = {
            "call": self._call,
            "agent.started": self._started,
            "agent.not_started": self._not_started,
            "session.end_failed": self._end_failed,
            "session.ended": self._session_ended,
        }

    def count(self, record: logging.LogRecord) -> None:
        """Take an event in. Called as it is logged, one at a time."""
        values = vars(record)
        counted = self._counted.get(values.get("event", ""))
        if counted is not None:
            counted(values)

    def late(self, seconds: float) -> None:
        """The event loop came back to a timer so much later than it was due."""
        self._lag.observe(seconds)

    def stored(self, step: str, seconds: float) -> None:
        """A step of the store took so long."""
        self._store[step].observe(seconds)

    def text(self, now: Now) -> bytes:
        """Everything in Prometheus' text format."""
        return text(lambda: self._families(now))

    def _call(self, values: dict[str, Any]) -> None:
        token = values.get("token_seconds")
        kind = values.get("method"), values["outcome"], values.get("secret"), values.get("agent"), token
        self._calls[kind].observe(values.get("ms", 0.0) / 1000)

    def _started(self, values: dict[str, Any]) -> None:
        self._starts[values["launcher"], "ok", ""].observe(values["seconds"])

    def _not_started(self, values: dict[str, Any]) -> None:
        self._starts[values["launcher"], "failed", values["code"]].observe(values["seconds"])

    def _end_failed(self, values: dict[str, Any]) -> None:
        self._failed_ends += 1
        if values["step"] == "stop":
            self._stops[values["launcher"], "failed"].observe(values["seconds"])

    def _session_ended(self, values: dict[str, Any]) -> None:
        self._ended[str(values["reason"])] += 1
        self._cleanup.observe(values["lag_seconds"])
        if values["stop_seconds"] is not None:
            self._stops[values["launcher"], "ok"].observe(values["stop_seconds"])

    def _families(self, now: Now) -> Iterator[Metric]:
        yield from self._of_calls()
        yield from self._of_sessions(now)
        yield from self._of_agents(now)
        heard = now.notifications.items()
        yield counter("notifications", "Notifications, by what became of them.", ["product", "outcome"], heard)
        store = labelled(self._store)
        yield histogram("store_duration_seconds", "Steps of the store.", ["op"], store)
        yield histogram("event_loop_lag_seconds", "How late the event loop comes to a timer.", [], [((), self._lag)])
        versions = [((_version(), platform.python_version()), 1)]
        yield gauge("build_info", "What runs here.", ["version", "python"], versions)

    def _of_calls(self) -> Iterator[Metric]:
        requests: Counter[tuple[str, str]] = Counter()
        auth: Counter[tuple[str, str]] = Counter()
        launchers: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(REQUEST_SECONDS))
        lifetimes = Histogram(LIFETIME_SECONDS)
        for (method, outcome, label, launcher, lifetime), took in self._calls.items():
            calls = sum(took.counts)
            requests[method or "", outcome] += calls
            if label or outcome in _WRONG:
                auth["ok" if label else "failed", label or ""] += calls
            launchers[launcher or ""].add(took)
            if lifetime is not None:
                lifetimes.observe_alike(lifetime, calls)
        yield counter("requests", "Calls of the session endpoint, by outcome.", ["method", "outcome"], requests.items())
        yield counter("auth", "Secrets that were right, and wrong.", ["result", "secret_label"], auth.items())
        took_by = labelled(launchers)
        yield histogram("request_duration_seconds", "From a call to its answer, by launcher.", ["launcher"], took_by)
        valid = [((), lifetimes)]
        yield histogram("token_lifetime_seconds", "For how long the tokens of answers are valid.", [], valid)

    def _of_sessions(self, now: Now) -> Iterator[Metric]:
        yield gauge("sessions", "Sessions that take a slot, by state.", ["state"], labelled(now.sessions))
        yield gauge("sessions_limit", "SESSION_MAX_SESSIONS.", [], [((), self._limit)])
        admitted = labelled(now.admissions)
        yield counter("admission", "Calls that asked for a session, by what became of that.", ["result"], admitted)
        yield counter("sessions_ended", "Sessions that ended, by reason.", ["reason"], labelled(self._ended))
        failed = [((), self._failed_ends)]
        yield counter("end_failures", "Steps of an end that failed and were tried again.", [], failed)
        late = [((), self._cleanup)]
        yield histogram("cleanup_lag_seconds", "From the instant at which an end was due until it was over.", [], late)

    def _of_agents(self, now: Now) -> Iterator[Metric]:
        labels, starts = ["launcher", "status", "reason"], self._starts.items()
        yield histogram("agent_start_duration_seconds", "Starts, by launcher and outcome.", labels, starts)
        labels, stops = ["launcher", "status"], self._stops.items()
        yield histogram("agent_stop_duration_seconds", "Tries to stop an agent, by outcome.", labels, stops)
        reports = now.reports.items()
        yield counter("agent_reports", "Agents' reports, by what became of them.", ["event", "outcome"], reports)


def _version() -> str:
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:  # run from its source, as the tests do
        return "unknown"
