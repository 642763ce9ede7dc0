"""The run as a JSON document, and as the table in the README, where goals stand beside what was measured."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from bench.figures import Figure
from bench.goals import GOALS, PEER_RAW_US, Goal

_HERE = Path(__file__).resolve().parent
_BEGIN, _END = "<!-- latest run -->", "<!-- end -->"
_HEAD = ("what", "measured", "÷ raw", "goal ÷ raw", "peer ÷ raw", "")
_BESIDE = ("what", "measured", "÷ raw", "goal ÷ raw", "peer, measured", "peer ÷ raw", "of the peer's", "")


@dataclass
class Found:
    """What a run measured: of ours, and of a peer beside it, where one was named.

    ``peer``: its version. ``stopped``: by hand, before its last suite.
    """

    ours: list[Figure] = field(default_factory=list)
    peers: list[Figure] = field(default_factory=list)
    peer: str = ""
    stopped: bool = False


def line(figure: Figure) -> str:
    """The figure as it appears while the run goes on."""
    rate = f"{figure.rate:,.0f}/s" if figure.rate else ""
    if figure.raw_us:
        rate += f" raw {figure.raw_us:.0f} µs"
    more = "  ".join(f"{name} {value:.3g}" for name, value in figure.more.items())
    return f"  {figure.name:48} {figure.value:10.4g} {figure.unit:16} {rate:24} {more}"


def document(found: Found, *, quick: bool) -> dict[str, Any]:
    beside = {"peer": found.peer, "peer_figures": [figure.document() for figure in found.peers]}
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "quick": quick,
        "stopped": found.stopped,
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "load_average": os.getloadavg()[0],
            "python": platform.python_version(),
        },
        "figures": [figure.document() for figure in found.ours],
        **(beside if found.peer else {}),
    }


def table(run: dict[str, Any]) -> str:
    """Markdown. With a peer in the run, what it took stands beside ours in place of what one took elsewhere."""
    peers = {figure["name"]: figure for figure in run.get("peer_figures", ())}
    head = _BESIDE if peers else _HEAD
    rows = [head, ("---",) * len(head)]
    for figure in run["figures"]:
        what, measured, ratio, limit, elsewhere, mark = _row(figure)
        beside = _beside(figure, peers.get(figure["name"])) if peers else (elsewhere,)
        rows.append((what, measured, ratio, limit, *beside, mark))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _beside(figure: dict[str, Any], peer: dict[str, Any] | None) -> tuple[str, str, str]:
    """The peer's figure, in units of the bare server around it, and ours as a part of it."""
    if peer is None:
        return "", "", ""
    measured = _measured(peer)
    if peer["value"] <= 0:  # Less than could be seen: memory that was given back meanwhile, CPU below a clock tick.
        return measured, "", ""
    if _of_memory(peer):
        return measured, "", _part(figure["value"] / peer["value"])
    theirs, ours = _in_raw(peer), _in_raw(figure)
    return measured, _plain(theirs), _part(ours / theirs)


def _of_memory(figure: dict[str, Any]) -> bool:
    return figure["unit"] in {"MB", "KB"}


def _part(ratio: float) -> str:
    return f"{ratio:.1%}" if ratio < 0.1 else f"{ratio:.0%}"


def _in_raw(figure: dict[str, Any]) -> float:
    scale = 1e6 if figure["unit"].startswith("s") else 1e3 if figure["unit"].startswith("ms") else 1.0
    return float(figure["value"] * scale / figure["raw_us"])


def _measured(figure: dict[str, Any]) -> str:
    said = f"{figure['value']:,.3g} {figure['unit']}"
    if figure.get("rate"):
        said += f", {figure['rate']:,.0f}/s"
    if "wall_s" in figure.get("more", {}):
        said += f", {figure['more']['wall_s']:.2g} s wall"
    return said


def _row(figure: dict[str, Any]) -> tuple[str, str, str, str, str, str]:
    goal = GOALS.get(figure["name"], Goal(None, None))
    value, measured = figure["value"], _measured(figure)
    if goal.floor:
        met = figure["rate"] >= (goal.limit or 0)
        return figure["name"], measured, "", f"≥ {goal.limit:,.0f}/s", f"{goal.peer:,.0f}/s", _mark(met)
    if not goal.scaled or _of_memory(figure) or figure.get("raw_us") is None or figure["unit"].startswith("ms"):
        met_plain = None if goal.limit is None else value <= goal.limit
        return figure["name"], measured, "", _plain(goal.limit), _plain(goal.peer), _mark(met_plain)
    scale, ratio = 1e6 if figure["unit"].startswith("s") else 1.0, _in_raw(figure)
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
    name = run["date"].replace(":", "")
    (results / f"{name}.json").write_bytes(orjson.dumps(run, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    readme = _HERE / "README.md"
    before, _, rest = readme.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    kind = ("stopped, " if run["stopped"] else "") + ("quick" if run["quick"] else "full")
    machine = run["machine"]
    told = f"{run['date'][:10]}, {kind} run, {machine['cores']} cores, load {machine['load_average']:.1f} at its end"
    if "peer" in run:
        told += f", beside {run['peer']}"
    readme.write_text(f"{before}{_BEGIN}\n{told}\n\n{table(run)}\n{_END}{after}")
    print(table(run))
