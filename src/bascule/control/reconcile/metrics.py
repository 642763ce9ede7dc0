"""The numbers each controller shows at `/metrics`, in a registry of the process's own."""

import prometheus_client as prometheus

_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """All are labelled by `controller`; durations are in seconds."""

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        by, to = ["controller"], self.registry
        self.depth = prometheus.Gauge("bascule_reconcile_queue_depth", "Requests waiting", by, registry=to)
        self.waiting = prometheus.Histogram(
            "bascule_reconcile_wait_seconds", "From added to begun", by, buckets=_BUCKETS, registry=to
        )
        self.working = prometheus.Histogram(
            "bascule_reconcile_seconds", "From begun to finished", by, buckets=_BUCKETS, registry=to
        )
        self.failures = prometheus.Counter("bascule_reconcile_failures", "Reconciles that failed", by, registry=to)
        self.quarantined = prometheus.Gauge("bascule_reconcile_quarantined", "Objects set aside", by, registry=to)
        self.restarts = prometheus.Counter("bascule_reconcile_restarts", "Loops started again", by, registry=to)

    def text(self) -> bytes:
        return prometheus.generate_latest(self.registry)
