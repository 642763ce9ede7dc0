"""A node for tests: a real ledger and the hollow (or given) runtime, acting as the bridge would."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from bascule.bridge import messages
from bascule.data.agent import network, node_status
from bascule.data.agent.events import Events
from bascule.data.agent.host import Host
from bascule.data.agent.node import Node
from bascule.data.ledger.ledger import Ledger
from bascule.data.runtime import contract
from bascule.vocabulary import clock as clocks
from bascule.vocabulary.objects import Object
from tests import waiting


def pod(name: str = "web", uid: str = "", **spec: Any) -> Object:
    container = {"name": "main", "image": "img:1", "command": ["/bin/sleep", "1000"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": uid or f"uid-{name}", "resourceVersion": "1"},
        "spec": {"containers": [container], "restartPolicy": "Always", "nodeName": "n1"} | spec,
        "status": {"phase": "Pending", "qosClass": "BestEffort"},
    }


class Bench:
    """What the bridge and the control side are to a node."""

    def __init__(self, ledger: Ledger, node: Node) -> None:
        self.ledger = ledger
        self.node = node
        self._generation = 0

    async def tell(self, kind: str, *put: Object, removed: tuple[str, ...] = ()) -> None:
        self._generation = (self.ledger.position or messages.Position("i", 1, 0)).generation + 1
        desired = tuple(
            messages.Desired(
                kind,
                "/".join(("root", obj["metadata"].get("namespace", ""), obj["metadata"]["name"])),
                f"{self._generation}",
                json.dumps(obj).encode(),
            )
            for obj in put
        )
        position = messages.Position("i", 1, self._generation)
        applied = self.ledger.apply(messages.Update(kind, position, desired, removed, confirmed=True))
        assert isinstance(applied, messages.Applied), applied
        await self.node.on_desired(kind, applied.changed)

    def reports(self, kind: str) -> dict[str, Any]:
        found = {}
        for report in self.ledger.pending(10_000):
            if report.kind == kind:
                found[report.name] = json.loads(report.body)
        return found

    def status(self, name: str = "web") -> Object:
        return dict(self.reports(messages.POD_STATUS).get(f"root/shop/{name}") or {})

    async def until(self, holds: Callable[[], Any], seconds: float = 10.0) -> Any:
        return await waiting.until(holds, timeout_seconds=seconds)

    def containers(self) -> list[contract.Container]:
        views = self.node.observer.views.values()
        return [run for view in views for run in view.containers]


@contextlib.asynccontextmanager
async def running(
    runtime: contract.Runtime, directory: Path, clock: clocks.Clock | None = None, *, pod_addresses: bool = True
) -> AsyncIterator[Bench]:
    """A node until the block ends; the runtime's containers stay."""
    clock = clock or clocks.SystemClock()
    ledger = Ledger.open(directory / "ledger.db")
    names = network.Names()
    loopback = network.LoopbackNetwork("127.0.0.1", names, "127.61.0.0/24", ledger)
    host = Host(
        node="n1",
        host_ip="127.0.0.1",
        directory=directory,
        runtime=runtime,
        ledger=ledger,
        network=loopback if pod_addresses else network.NamesOnly("127.0.0.1", names),
        manages_hosts_file=not pod_addresses,
        events=Events(ledger, "n1", clock),
        clock=clock,
    )
    node = Node(host, node_status.Profile())
    task = asyncio.create_task(node.run())
    try:
        yield Bench(ledger, node)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        ledger.close()
