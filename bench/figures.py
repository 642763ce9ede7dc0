"""One measured thing, and the list of them that a run makes."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench import load


@dataclass(frozen=True, slots=True)
class Figure:
    """``value`` in ``unit`` is what is compared; ``more`` is what was measured beside it.

    ``raw_us``: what the bare server took around the same time.
    """

    name: str
    value: float
    unit: str
    rate: float | None = None
    more: dict[str, float] = field(default_factory=dict)
    raw_us: float | None = None

    def document(self) -> dict[str, Any]:
        return {name: _rounded(value) for name, value in asdict(self).items() if value not in (None, {})}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def of_rounds(name: str, rounds: Sequence[load.Measured], raws: Sequence[float] = ()) -> Figure:
    """The median round by CPU, or by wall time where the server's CPU is not known. ``raws``: the bare server's."""
    raw_us = statistics.median(raws) if raws else None
    middle = sorted(rounds, key=lambda one: one.cpu_us or one.seconds)[len(rounds) // 2]
    more = {"p50_ms": middle.p50_ms, "p99_ms": middle.p99_ms}
    if middle.cpu_us is None:
        return Figure(name, 1e6 / middle.rate, "µs each, wall", middle.rate, more, raw_us)
    return Figure(name, middle.cpu_us, "µs of CPU each", middle.rate, more, raw_us)


def median(name: str, values: Sequence[float], unit: str, **more: float) -> Figure:
    return Figure(name, statistics.median(values), unit, more=dict(more))
