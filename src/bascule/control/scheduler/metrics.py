"""What the scheduler counts, named as kube-scheduler names it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

DECISION_SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)


class Metrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.attempts = Counter("scheduler_schedule_attempts_total", "Decisions", ["result"], registry=registry)
        self.decision_seconds = Histogram(
            "scheduler_scheduling_algorithm_duration_seconds",
            "Time of one decision",
            buckets=DECISION_SECONDS,
            registry=registry,
        )
        self.pending = Gauge("scheduler_pending_pods", "Pods without a node", registry=registry)
