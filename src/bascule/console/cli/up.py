"""``bascule up``."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from bascule.console.cli import options
from bascule.console.local import bringup, choices, machine
from bascule.console.local.layout import Installation, Layout


def _duration(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """A whole number of seconds, minutes, hours or days, as the agent takes it."""
    if value is not None and not re.fullmatch(r"\d+[smhd]", value):
        raise click.BadParameter(f"{value!r} is not a time; write it as 90m, 12h or 7d")
    return value


@click.command("up")
@options.data_dir
@click.option("--nodes", type=click.IntRange(1, 5000), help="how many nodes (default 1)")
@click.option("--zones", type=click.IntRange(1, 100), help="spread the nodes over this many zones (default 1)")
@click.option(
    "--runtime",
    type=click.Choice(choices.RUNTIMES),
    help="containerd: real containers, needs root; process: plain processes; hollow: nodes that only pretend "
    "(default: containerd where it can be used, else process)",
)
@click.option("--port", type=click.IntRange(0, 65535), help="the API server's port (default 6443 when free)")
@click.option(
    "--offline-grace",
    callback=_duration,
    metavar="TIME",
    help="the outage that nodes' certificates outlive (default 7d)",
)
@click.option("--install/--no-install", default=True, help="as root, install missing engines first", show_default=True)
def command(
    data_dir: Path,
    nodes: int | None,
    zones: int | None,
    runtime: str | None,
    port: int | None,
    offline_grace: str | None,
    install: bool,
) -> None:
    """Start the platform in the background: control plane and nodes. Returns when it is ready.

    Everything lives under --data-dir; the admin's kubeconfig is admin.kubeconfig in it. A second up starts what
    is missing and keeps the data.

    \b
    bascule up                                one node
    bascule up --nodes 3 --zones 3            three nodes, each in a zone of its own
    bascule up --runtime hollow --nodes 1000  a thousand nodes that run nothing, for scale
    """
    wishes = choices.Wishes(data_dir, nodes, zones, runtime, port, offline_grace)
    if options.found(Layout(data_dir)) is None and install:
        _install(runtime)
    installation = options.run(lambda: bringup.up(wishes, options.say))
    _try_next(Layout(data_dir), installation)


def _install(runtime: str | None) -> None:
    wants_containers = runtime == "containerd" or (runtime is None and machine.is_root())
    wants_envoy = runtime == "process" or (runtime is None and not machine.is_root())
    if (wants_containers and not machine.containerd_ready()) or (wants_envoy and machine.envoy_binary() is None):
        for failure in machine.install(options.say):
            options.say(f"  could not install: {failure}")


def _try_next(layout: Layout, installation: Installation) -> None:
    shown = os.path.relpath(layout.admin_kubeconfig)
    options.say(f"\nready: https://127.0.0.1:{installation.api_port}\n\ntry next:")
    options.say(f"  export KUBECONFIG={shown if not shown.startswith('..') else layout.admin_kubeconfig}")
    if layout.data_dir != options.DEFAULT_DATA_DIR.resolve():
        options.say(f"  export BASCULE_DATA_DIR={layout.data_dir}")
    options.say("  kubectl get nodes")
    options.say("  bascule status")
    options.say("  bascule demo        the control plane dies, nothing stops")
    options.say("  bascule down        stop it all; the data stays")
    if machine.program("kubectl") is None:
        options.say("\nkubectl is not on this machine: any Kubernetes client works with that kubeconfig.")
