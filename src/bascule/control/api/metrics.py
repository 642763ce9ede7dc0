"""Counts of requests and what the server holds, in Prometheus text.

Counted into plain dicts, as this is done for every request; turned into metrics only when somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import prometheus_client
from prometheus_client import core, registry

Gauges = Callable[[], dict[str, float]]


class Requests(registry.Collector):
    """By verb, resource and code; `gauges` gives what is current."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges
        self._counts: dict[tuple[str, str, int], int] = {}
        self._seconds: dict[tuple[str, str], float] = {}
        self._registry = prometheus_client.CollectorRegistry()
        self._registry.register(self)
        prometheus_client.ProcessCollector(registry=self._registry)

    def count(self, verb: str, resource: str, code: int, seconds: float) -> None:
        key = (verb, resource, code)
        self._counts[key] = self._counts.get(key, 0) + 1
        if verb != "watch":
            self._seconds[verb, resource] = self._seconds.get((verb, resource), 0.0) + seconds

    def collect(self) -> Iterator[core.Metric]:
        total = core.CounterMetricFamily(
            "bascule_api_requests", "Requests answered.", labels=["verb", "resource", "code"]
        )
        for (verb, resource, code), count in list(self._counts.items()):
            total.add_metric([verb, resource, str(code)], count)
        yield total
        seconds = core.CounterMetricFamily(
            "bascule_api_request_seconds", "Time spent on requests, watches apart.", labels=["verb", "resource"]
        )
        for (verb, resource), spent in list(self._seconds.items()):
            seconds.add_metric([verb, resource], spent)
        yield seconds
        for name, value in self._gauges().items():
            yield core.GaugeMetricFamily(f"bascule_api_{name}", name.replace("_", " "), value=value)

    def text(self) -> bytes:
        return prometheus_client.generate_latest(self._registry)
