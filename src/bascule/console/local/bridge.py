"""The drawbridge, as an operator sees it: the bridgehead's own small API, asked with the admin's certificate."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from bascule.client import kubeconfig
from bascule.client.api import Client
from bascule.console.local.layout import Installation, Layout

TIMEOUT_SECONDS = 5.0


async def ask(layout: Layout, installation: Installation, action: str = "") -> dict[str, Any]:
    """The bridge's state; ``action`` is ``raise``, ``lower`` or nothing. Raises what the client raises."""
    admin = kubeconfig.load(layout.admin_kubeconfig)
    address = f"https://127.0.0.1:{installation.admin_ports['bridgehead']}"
    async with Client(dataclasses.replace(admin, server=address)) as client:
        method, path = ("POST", f"/bridge/{action}") if action else ("GET", "/bridge")
        answer = await client.raw(method, path, timeout_seconds=TIMEOUT_SECONDS)
    state: dict[str, Any] = json.loads(answer)
    return state
