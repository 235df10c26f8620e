"""What Prometheus is told: counts of what happened, made from the records of our own log lines.

Decided here: names, labels and buckets (docs/operations.md lists them). No label holds a client, a session or anything
that a caller can make up. Counting is a few dictionary steps for each call; the library's own counters would cost more
than a call's journal and log line together, so it only writes the text. Fed and read by `http.ops`.
"""

import asyncio
import logging
import platform
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
DISTRIBUTION = "cekura-customer-kit"
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.0, 10.0)
"""Bounds, with the default answer budget among them."""
LAG_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
LAG_INTERVAL = 0.5
_WRONG = frozenset({"unauthenticated", "too_many_failures"})
_PREFIX = "session_endpoint_"

T = TypeVar("T")
_Rows = Iterable[tuple[Sequence[str], T]]
"""Label values, and what is told of them."""


class Histogram:
    """How many observations fell under each bound, and their sum."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def add(self, other: "Histogram") -> None:
        """Count what another one of the same bounds has counted."""
        self.counts = [one + more for one, more in zip(self.counts, other.counts, strict=True)]
        self.sum += other.sum

    def buckets(self) -> list[tuple[str, float]]:
        """Bound and cumulative count, as the text format has them."""
        total, found = 0, []
        for bound, count in zip([*map(str, self.bounds), "+Inf"], self.counts, strict=True):
            total += count
            found.append((bound, float(total)))
        return found


class Metrics:
    """Counts since the start. `limit` is how many sessions the deployment may have."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._calls: dict[tuple[str | None, str, str | None, str | None], Histogram] = {}
        self._ended: Counter[str] = Counter()
        self._failed_ends = 0
        self._lag = Histogram(LAG_SECONDS)

    def count(self, record: logging.LogRecord) -> None:
        """Take an event in. Called as it is logged, one at a time."""
        values = vars(record)
        event = values.get("event")
        if event == "call":
            self._call(values)
        elif event == "session.ended":
            self._ended[str(values["reason"])] += 1
        elif event == "session.end_failed":
            self._failed_ends += 1

    def late(self, seconds: float) -> None:
        """The event loop came back to a timer so much later than it was due."""
        self._lag.observe(seconds)

    def text(self, sessions: Mapping[str, int]) -> bytes:
        """Everything in Prometheus' text format; `sessions` is how many are in which state now."""
        registry = CollectorRegistry()
        registry.register(_Families(lambda: self._families(sessions)))
        ProcessCollector(registry=registry)
        return generate_latest(registry)

    def _call(self, values: dict[str, Any]) -> None:
        kind = values.get("method"), values["outcome"], values.get("secret"), values.get("agent")
        took = self._calls.get(kind)
        if took is None:
            took = self._calls[kind] = Histogram(REQUEST_SECONDS)
        took.observe(values.get("ms", 0.0) / 1000)

    def _families(self, sessions: Mapping[str, int]) -> Iterator[Metric]:
        yield from self._of_calls()
        yield _gauge("sessions", "Sessions that take a slot, by state.", ["state"], _labelled(sessions))
        yield _gauge("sessions_limit", "SESSION_MAX_SESSIONS.", [], [((), self._limit)])
        yield _counter("sessions_ended", "Sessions that ended, by reason.", ["reason"], _labelled(self._ended))
        failed = [((), self._failed_ends)]
        yield _counter("end_failures", "Steps of an end that failed and were tried again.", [], failed)
        yield _histogram("event_loop_lag_seconds", "How late the event loop comes to a timer.", [], [((), self._lag)])
        versions = [((_version(), platform.python_version()), 1)]
        yield _gauge("build_info", "What runs here.", ["version", "python"], versions)

    def _of_calls(self) -> Iterator[Metric]:
        requests: Counter[tuple[str, str]] = Counter()
        auth: Counter[tuple[str, str]] = Counter()
        launchers: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(REQUEST_SECONDS))
        for (method, outcome, label, launcher), took in self._calls.items():
            requests[method or "", outcome] += sum(took.counts)
            if label or outcome in _WRONG:
                auth["ok" if label else "failed", label or ""] += sum(took.counts)
            launchers[launcher or ""].add(took)
        yield _counter(
            "requests", "Calls of the session endpoint, by outcome.", ["method", "outcome"], requests.items()
        )
        yield _counter("auth", "Secrets that were right, and wrong.", ["result", "secret_label"], auth.items())
        took_by = _labelled(launchers)
        yield _histogram("request_duration_seconds", "From a call to its answer, by launcher.", ["launcher"], took_by)


class Lag:
    """Measures the event loop: a timer that says how late it was. A context of the running loop."""

    def __init__(self, late: Callable[[float], None]) -> None:
        self._late = late
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        self._set()

    def __exit__(self, *failure: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _set(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + LAG_INTERVAL
        self._timer = loop.call_at(due, self._fire, due)

    def _fire(self, due: float) -> None:
        self._late(max(0.0, asyncio.get_running_loop().time() - due))
        self._set()


class _Families(Collector):
    """What the library asks for when it writes its text."""

    def __init__(self, families: Callable[[], Iterator[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return self._families()


def _labelled(numbers: Mapping[str, T]) -> list[tuple[tuple[str], T]]:
    """Rows of one label."""
    return [((label,), number) for label, number in numbers.items()]


def _counter(name: str, text: str, labels: list[str], counts: _Rows[int]) -> Metric:
    family = CounterMetricFamily(_PREFIX + name, text, labels=labels)
    for values, number in counts:
        family.add_metric(values, number)
    return family


def _gauge(name: str, text: str, labels: list[str], numbers: _Rows[int]) -> Metric:
    family = GaugeMetricFamily(_PREFIX + name, text, labels=labels)
    for values, number in numbers:
        family.add_metric(values, number)
    return family


def _histogram(name: str, text: str, labels: list[str], found: _Rows[Histogram]) -> Metric:
    family = HistogramMetricFamily(_PREFIX + name, text, labels=labels)
    for values, histogram in found:
        family.add_metric(values, histogram.buckets(), histogram.sum)
    return family


def _version() -> str:
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:  # run from its source, as the tests do
        return "unknown"
