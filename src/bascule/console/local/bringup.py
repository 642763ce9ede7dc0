"""``bascule up``: the order in which an installation comes to life.

``up`` is idempotent: what runs is left alone, what is missing is started, and the data of an earlier run is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bascule.client import faults
from bascule.client.api import Client
from bascule.console.local import access, bridge, choices, hostnet, plan, processes, supervisor
from bascule.console.local.layout import Installation, Layout
from bascule.vocabulary import builtins, conditions, errors

Say = Callable[[str], None]
READY_SECONDS = 120.0
HOLLOW_SECONDS = 0.6
"""How much longer each hollow node may take: they share one process."""
TELL_SECONDS = 10.0


async def up(wishes: choices.Wishes, say: Say) -> Installation:
    """Brings everything up and returns when it is ready. Raises BringUpError or LayoutError."""
    layout = Layout(wishes.data_dir)
    layout.prepare()
    installation = layout.load()
    if installation is None:
        installation = choices.choose(wishes, layout)
        layout.save(installation)
        say(f"new installation in {layout.data_dir}: runtime {installation.runtime}, {_count(installation)}")
    else:
        say(f"installation in {layout.data_dir}: runtime {installation.runtime}, {_count(installation)}")
        choices.refuse_changes(wishes, installation)
    if installation.link:
        hostnet.raise_links(installation, layout.tag)
    control = plan.control_tower(installation, layout)
    say("starting the control tower")
    await _started(control, say)
    async with access.client_of(layout) as api:
        await access.provide_tokens(api, installation, layout)
        data = plan.data_tower(installation, layout)
        say("starting the data tower")
        await _started(data, say)
        await _nodes_ready(api, installation, layout, say)
    return installation


def _count(installation: Installation) -> str:
    count = installation.hollow_count or len(installation.nodes)
    return f"{count} node{'s' if count != 1 else ''}"


async def _started(tower: supervisor.Tower, say: Say) -> None:
    keeper = supervisor.start(tower)
    for process in tower.processes:
        await _ready(tower, process.name, keeper, say)


async def _ready(tower: supervisor.Tower, name: str, keeper: processes.Identity, say: Say) -> dict[str, Any]:
    """Waits for one process, following the supervisor's restarts. Raises BringUpError with its last words."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + READY_SECONDS
    deaths, last = 0, None
    while loop.time() < deadline:
        known = supervisor.read_state(tower.state_file)
        identity = known.get(name)
        line = processes.ready_line(tower.out(name)) if identity is not None and identity.alive else None
        if line is not None:
            say(f"  {name} is ready")
            return line
        if identity is not None and not identity.alive and identity != last:
            deaths, last = deaths + 1, identity
        if deaths >= 3 or not keeper.alive:
            break
        await asyncio.sleep(0.05)
    raise choices.BringUpError(
        f"{name} does not come up. Its last words ({tower.log(name)}):\n"
        + processes.last_words(tower.log(name), lines=8)
    )


async def _raised(layout: Layout, installation: Installation) -> bool:
    try:
        return bool((await bridge.ask(layout, installation))["raised"])
    except (errors.StatusError, faults.Unreachable, KeyError):
        return False


async def _nodes_ready(api: Client, installation: Installation, layout: Layout, say: Say) -> None:
    wanted = installation.hollow_count or len(installation.nodes)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + READY_SECONDS + installation.hollow_count * HOLLOW_SECONDS
    ready, tell_at = 0, loop.time() + TELL_SECONDS
    while loop.time() < deadline:
        listed = await api.list(builtins.NODES)
        ready = sum(conditions.is_true(node, "Ready") for node in listed["items"])
        if ready < wanted and await _raised(layout, installation):
            say("  the bridge is raised: nodes act on their ledgers. bascule bridge lower lets them in again")
            return
        if ready >= wanted:
            say(f"  {ready} of {wanted} nodes ready")
            return
        if loop.time() > tell_at:
            say(f"  {ready} of {wanted} nodes ready")
            tell_at += TELL_SECONDS
        await asyncio.sleep(0.1 if wanted < 100 else 1.0)
    raise choices.BringUpError(
        f"{ready} of {wanted} nodes became ready. See the agents' logs under logs/, and bascule status for the bridge."
    )
