"""The run as a JSON document, and as the table in the README, where goals stand beside what was measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from bench.figures import Figure
from bench.goals import GOALS, PEER_RAW_US, Goal

_HERE = Path(__file__).resolve().parent
_BEGIN, _END = "<!-- latest run -->", "<!-- end -->"
_HEAD = ("what", "measured", "÷ raw", "goal ÷ raw", "peer ÷ raw", "")


def line(figure: Figure) -> str:
    """The figure as it appears while the run goes on."""
    rate = f"{figure.rate:,.0f}/s" if figure.rate else ""
    if figure.raw_us:
        rate += f" raw {figure.raw_us:.0f} µs"
    more = "  ".join(f"{name} {value:.3g}" for name, value in figure.more.items())
    return f"  {figure.name:48} {figure.value:10.4g} {figure.unit:16} {rate:24} {more}"


def document(figures: Sequence[Figure], *, quick: bool, peer: bool) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "of": "a peer" if peer else "bascule",
        "quick": quick,
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "load_average": os.getloadavg()[0],
            "python": platform.python_version(),
        },
        "figures": [figure.document() for figure in figures],
    }


def table(run: dict[str, Any]) -> str:
    """Markdown."""
    rows = [_HEAD, ("---",) * len(_HEAD)]
    rows += [_row(figure) for figure in run["figures"]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(figure: dict[str, Any]) -> tuple[str, ...]:
    goal = GOALS.get(figure["name"], Goal(None, None))
    value, raw_us = figure["value"], figure.get("raw_us")
    measured = f"{value:,.3g} {figure['unit']}"
    if figure.get("rate"):
        measured += f", {figure['rate']:,.0f}/s"
    if "wall_s" in figure.get("more", {}):
        measured += f", {figure['more']['wall_s']:.2g} s wall"
    if goal.floor:
        met = figure["rate"] >= (goal.limit or 0)
        return figure["name"], measured, "", f"≥ {goal.limit:,.0f}/s", f"{goal.peer:,.0f}/s", _mark(met)
    if not goal.scaled or raw_us is None or figure["unit"].startswith("ms"):
        met_plain = None if goal.limit is None else value <= goal.limit
        return figure["name"], measured, "", _plain(goal.limit), _plain(goal.peer), _mark(met_plain)
    scale = 1e6 if figure["unit"].startswith("s") else 1.0
    ratio = value * scale / raw_us
    limit = None if goal.limit is None else goal.limit * scale / PEER_RAW_US
    peer = None if goal.peer is None else goal.peer * scale / PEER_RAW_US
    met_ratio = None if limit is None else ratio <= limit
    return figure["name"], measured, _plain(ratio), _plain(limit), _plain(peer), _mark(met_ratio)


def _plain(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 10 else f"{value:.0f}"


def _mark(met: bool | None) -> str:
    return "" if met is None else "met" if met else "**missed**"


def write(run: dict[str, Any]) -> None:
    """Into ``results/<date>.json`` and between the marks of the README."""
    results = _HERE / "results"
    results.mkdir(exist_ok=True)
    name = run["date"].replace(":", "") + ("-peer" if run["of"] != "bascule" else "")
    (results / f"{name}.json").write_bytes(orjson.dumps(run, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    if run["of"] == "bascule":
        readme = _HERE / "README.md"
        before, _, rest = readme.read_text().partition(_BEGIN)
        after = rest.partition(_END)[2]
        kind = "quick" if run["quick"] else "full"
        machine = run["machine"]
        told = (
            f"{run['date'][:10]}, {kind} run, {machine['cores']} cores, load {machine['load_average']:.1f} at its end"
        )
        readme.write_text(f"{before}{_BEGIN}\n{told}\n\n{table(run)}\n{_END}{after}")
    print(table(run))
