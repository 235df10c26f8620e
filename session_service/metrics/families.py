"""Numbers as Prometheus' text: the place that knows how the library is used. Called by `counts`.

Decided here: that every name begins with `session_endpoint_`, and that the figures of the process come with ours.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from session_service.metrics.histogram import Histogram

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "session_endpoint_"

T = TypeVar("T")
Rows = Iterable[tuple[Sequence[str], T]]
"""Label values, and what is told of them."""


class _Families(Collector):
    """What the library asks for when it writes its text."""

    def __init__(self, families: Callable[[], Iterator[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return self._families()


def text(families: Callable[[], Iterator[Metric]]) -> bytes:
    """These, and the process's own, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Families(families))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


def labelled(numbers: Mapping[str, T]) -> list[tuple[tuple[str], T]]:
    """Rows of one label."""
    return [((label,), number) for label, number in numbers.items()]


def counter(name: str, told: str, labels: list[str], counts: Rows[int]) -> Metric:
    """What only grows."""
    family = CounterMetricFamily(_PREFIX + name, told, labels=labels)
    for values, number in counts:
        family.add_metric(values, number)
    return family


def gauge(name: str, told: str, labels: list[str], numbers: Rows[int]) -> Metric:
    """What is so now."""
    family = GaugeMetricFamily(_PREFIX + name, told, labels=labels)
    for values, number in numbers:
        family.add_metric(values, number)
    return family


def histogram(name: str, told: str, labels: list[str], found: Rows[Histogram]) -> Metric:
    """How often something took how long."""
    family = HistogramMetricFamily(_PREFIX + name, told, labels=labels)
    for values, observed in found:
        family.add_metric(values, observed.buckets(), observed.sum)
    return family
