"""``bascule status``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import click
from rich.console import Console
from rich.table import Table

from bascule.client import faults, kubeconfig
from bascule.console.cli import options
from bascule.console.local import bridge, plan, supervisor
from bascule.console.local.access import client_of
from bascule.console.local.layout import Installation, Layout
from bascule.vocabulary import builtins, conditions, objects
from bascule.vocabulary.errors import StatusError
from bascule.vocabulary.objects import Object

AWAY = (
    aiohttp.ClientError,
    faults.Unreachable,
    ConnectionError,
    TimeoutError,
    StatusError,
    kubeconfig.KubeconfigError,  # an up that ended before there was an identity
)


@click.command("status")
@options.data_dir
def command(data_dir: Path) -> None:
    """Show both towers, the bridge, and how far behind each node is. Exit code 1 when something is missing."""
    layout, installation = options.installed(data_dir)
    console = Console()
    control = _tower(console, plan.control_tower(installation, layout))
    data = _tower(console, plan.data_tower(installation, layout))
    state, nodes = options.run(lambda: _ask(layout, installation))
    _bridge(console, state)
    _nodes(console, state, nodes)
    if not (control and data and state is not None and not state["raised"]):
        raise SystemExit(1)


async def _ask(layout: Layout, installation: Installation) -> tuple[dict[str, Any] | None, list[Object] | None]:
    """The bridge's state and the Nodes, None for what does not answer."""
    state, nodes = None, None
    try:
        state = await bridge.ask(layout, installation)
    except AWAY:
        pass
    try:
        async with client_of(layout) as api:
            nodes = (await api.list(builtins.NODES))["items"]
    except AWAY:
        pass
    return state, nodes


def _tower(console: Console, tower: supervisor.Tower) -> bool:
    """Prints the tower's processes; whether all of them run."""
    table = Table(box=None, pad_edge=False, title=f"{tower.name} tower", title_justify="left")
    for title in ("process", "pid", "state", "address"):
        table.add_column(title)
    complete = True
    for name, state in supervisor.states(tower).items():
        ready = state["ready"] or {}
        word = "down" if not state["running"] else "running" if ready or name == "supervisor" else "starting"
        complete = complete and word == "running"
        table.add_row(name, str(state["pid"] or "-"), word, str(ready.get("address", "")))
    console.print(table)
    console.print()
    return complete


def _bridge(console: Console, state: dict[str, Any] | None) -> None:
    if state is None:
        console.print("bridge: the bridgehead does not answer; nodes act on their ledgers\n")
        return
    word = "raised: nodes act on their ledgers" if state["raised"] else "lowered"
    console.print(f"bridge: {word}; store {state.get('store', 'unknown')}\n")


def _nodes(console: Console, state: dict[str, Any] | None, nodes: list[Object] | None) -> None:
    if nodes is None:
        console.print("nodes: the API server does not answer")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("node", "zone", "ready", "connected", "synced", "sync lag", "refused"):
        table.add_column(title)
    bridged = (state or {}).get("nodes", {})
    for node in nodes:
        seen = bridged.get(objects.name(node), {})
        synced = conditions.find((node.get("status") or {}).get("conditions"), "bascule.dev/Synced") or {}
        table.add_row(
            objects.name(node),
            objects.labels(node).get("topology.kubernetes.io/zone", ""),
            "yes" if conditions.is_true(node, "Ready") else "no",
            _word(seen.get("connected")),
            _word(seen.get("in_force")) if seen else str(synced.get("status", "unknown")),
            _lag(seen),
            str(sum(len(names) for names in (seen.get("refused") or {}).values()) or ""),
        )
    console.print(table)
    for name, seen in sorted(bridged.items()):
        for line in _refusals(seen.get("refused") or {}):
            console.print(f"{name} refuses {line}", highlight=False, markup=False)
    if (state or {}).get("store_went_back"):
        console.print("the store is older than what nodes know: nothing is removed from them; restore a newer copy")


def _refusals(refused: dict[str, dict[str, str]]) -> list[str]:
    """The name "*" is everything of the kind."""
    return [
        f"{kind}: {reason}" if name == "*" else f"{kind} {name}: {reason}"
        for kind, names in sorted(refused.items())
        for name, reason in sorted(names.items())
    ][:10]


def _word(value: object) -> str:
    return "yes" if value else "unknown" if value is None else "no"


def _lag(seen: dict[str, Any]) -> str:
    lag = seen.get("lag_seconds")
    return f"{lag * 1000:.0f} ms" if isinstance(lag, int | float) else "-"
