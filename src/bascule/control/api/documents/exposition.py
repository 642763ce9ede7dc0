"""What the server counted and holds, in Prometheus text: imported when somebody asks, as few starts need it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import prometheus_client
from prometheus_client import core, registry

from bascule.control.api.documents import metrics

MEDIA: Final = prometheus_client.CONTENT_TYPE_LATEST


def text(requests: metrics.Requests, gauges: Mapping[str, float]) -> bytes:
    """`gauges` are what is current."""
    collectors = registry.CollectorRegistry()
    collectors.register(_Counted(requests, gauges))
    prometheus_client.ProcessCollector(registry=collectors)
    return prometheus_client.generate_latest(collectors)


class _Counted(registry.Collector):
    def __init__(self, requests: metrics.Requests, gauges: Mapping[str, float]) -> None:
        self._requests = requests
        self._gauges = gauges

    def collect(self) -> Iterator[core.Metric]:
        total = core.CounterMetricFamily(
            "bascule_api_requests", "Requests answered.", labels=["verb", "resource", "code"]
        )
        for (verb, resource, code), count in self._requests.counts().items():
            total.add_metric([verb, resource, str(code)], count)
        yield total
        seconds = core.CounterMetricFamily(
            "bascule_api_request_seconds", "Time spent on requests, watches apart.", labels=["verb", "resource"]
        )
        for (verb, resource), spent in self._requests.seconds().items():
            seconds.add_metric([verb, resource], spent)
        yield seconds
        for name, value in self._gauges.items():
            yield core.GaugeMetricFamily(f"bascule_api_{name}", name.replace("_", " "), value=value)
