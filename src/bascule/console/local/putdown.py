"""``bascule down``: stops both towers and every workload, takes the host network away, keeps the data."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bascule.console.local import hostnet, plan, processes, supervisor
from bascule.console.local.bringup import Say
from bascule.console.local.layout import Installation, Layout

TEAR_DOWN_SECONDS = 60.0


async def down(data_dir: Path, say: Say) -> bool:
    """Stops both towers and the workloads, takes the host network away, keeps the data. False: nothing was there."""
    layout = Layout(data_dir)
    installation = layout.load()
    if installation is None:
        return False
    for tower in (plan.data_tower(installation, layout), plan.control_tower(installation, layout)):
        say(f"stopping the {tower.name} tower")
        known = supervisor.read_state(tower.state_file)
        keeper = known.pop("supervisor", None)
        if keeper is not None:
            await processes.stop(keeper, timeout_seconds=60.0)
        for identity in known.values():
            await processes.stop(identity)
        tower.state_file.unlink(missing_ok=True)
        if tower.name == plan.DATA:
            await _tear_down_workloads(installation, layout, say)
    if installation.link:
        hostnet.lower_links(installation, layout.tag)
    return True


async def _tear_down_workloads(installation: Installation, layout: Layout, say: Say) -> None:
    for node in () if installation.hollow_count else installation.nodes:
        name = f"agent-{node.name}"
        out, log = layout.run / f"{name}.tear-down.out", layout.logs / f"{name}.log"
        # A node whose namespace is gone may still have left mounts and processes.
        enter = plan.inside(node) if node.namespace in hostnet.namespaces() else ()
        identity = processes.spawn((*enter, *plan.agent(installation, layout, node), "--tear-down"), out=out, log=log)
        try:
            async with asyncio.timeout(TEAR_DOWN_SECONDS):
                await processes.wait_gone(identity)
        except TimeoutError:
            await processes.stop(identity)
            say(f"  the pods of {node.name} did not stop within {TEAR_DOWN_SECONDS:g} s; see {log}")
