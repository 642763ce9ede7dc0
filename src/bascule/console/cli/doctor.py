"""``bascule doctor``."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from bascule.console.cli import options
from bascule.console.local import machine


@click.command("doctor")
@click.option("--install", is_flag=True, help="install what is missing: Debian packages as root, Envoy for everyone")
def command(install: bool) -> None:
    """Say what this machine has, what it lacks, and what each lack costs."""
    failures = machine.install(options.say) if install else []
    table = Table(box=None, pad_edge=False)
    for title in ("", "part", "found", "without it", "remedy"):
        table.add_column(title, overflow="fold")
    found = list(machine.findings())
    for finding in found:
        lacking = () if finding.present else (finding.cost, finding.remedy)
        table.add_row("ok" if finding.present else "--", finding.name, finding.detail, *lacking)
    Console().print(table)
    options.say(
        "\npods run as " + ("containers" if machine.containerd_ready() else "plain processes on loopback addresses")
    )
    for failure in failures:
        options.say(f"could not install: {failure}")
    if any(finding.required and not finding.present for finding in found):
        raise SystemExit(1)
