"""``bascule bridge raise|lower|show``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bascule.console.cli import options
from bascule.console.local import bridge


@click.group("bridge")
def command() -> None:
    """Raise (cut) or lower (restore) the bridge between the towers, on purpose.

    Raised, no node hears from the control tower and none is heard: changes stop, everything that runs goes on.
    The setting outlives a restart of the bridgehead.
    """


def _act(data_dir: Path, action: str) -> None:
    layout, installation = options.installed(data_dir)
    state = options.run(lambda: bridge.ask(layout, installation, action))
    connected = sum(node["connected"] for node in state["nodes"].values())
    options.say(f"the bridge is {'raised' if state['raised'] else 'lowered'}; {connected} nodes connected")


@command.command("raise")
@options.data_dir
def raise_(data_dir: Path) -> None:
    """Cut every node from the control tower."""
    _act(data_dir, "raise")


@command.command("lower")
@options.data_dir
def lower(data_dir: Path) -> None:
    """Let the nodes in again."""
    _act(data_dir, "lower")


@command.command("show")
@options.data_dir
def show(data_dir: Path) -> None:
    """The bridge's state as JSON."""
    layout, installation = options.installed(data_dir)
    options.say(json.dumps(options.run(lambda: bridge.ask(layout, installation)), indent=2))
