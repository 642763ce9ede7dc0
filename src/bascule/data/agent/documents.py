"""What a node says of itself through its proxy: health, its pods and what they use, at the paths a kubelet has."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from bascule.data.agent.node import Node
from bascule.data.agent.pods import model
from bascule.data.runtime import contract
from bascule.vocabulary import objects, timestamps


async def document(node: Node, path: str) -> bytes | None:
    """The document at a path; None where there is none."""
    match path:
        case "/healthz":
            return b"ok"
        case "/pods" | "/runningpods":
            items = [worker.pod | {"status": worker.memory.previous or {}} for worker in _workers(node, path)]
            return json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items}).encode()
        case "/stats/summary":
            return json.dumps(await _summary(node)).encode()
        case "/metrics/resource" | "/metrics":
            return (await _metrics(node)).encode()
    return None


def _workers(node: Node, path: str) -> list[Any]:
    every = sorted(node.workers.values(), key=lambda worker: str(worker.name))
    return [worker for worker in every if path == "/pods" or worker.view.live()]


async def _uses(node: Node) -> dict[str, contract.Usage]:
    return {usage.container_id: usage for usage in await node.host.runtime.usage()}


async def _summary(node: Node) -> dict[str, Any]:
    uses, now = await _uses(node), timestamps.format(datetime.now(UTC))
    pods = []
    for worker in _workers(node, "/pods"):
        key = objects.key(worker.pod)
        containers = [
            {
                "name": run.name,
                "cpu": {"time": now, "usageCoreNanoSeconds": uses[run.id].cpu_nanoseconds},
                "memory": {"time": now, "workingSetBytes": uses[run.id].memory_bytes},
            }
            for run in worker.view.live()
            if run.id in uses
        ]
        reference = {"name": key.name, "namespace": key.namespace, "uid": worker.uid}
        pods.append({"podRef": reference, "containers": containers})
    return {"node": {"nodeName": node.host.node}, "pods": pods}


async def _metrics(node: Node) -> str:
    uses = await _uses(node)
    lines = ["# TYPE container_cpu_usage_seconds_total counter", "# TYPE container_memory_working_set_bytes gauge"]
    for worker in _workers(node, "/pods"):
        key = objects.key(worker.pod)
        for run in filter(model.is_live, worker.view.containers):
            if run.id in uses:
                labels = f'{{container="{run.name}",namespace="{key.namespace}",pod="{key.name}"}}'
                lines.append(f"container_cpu_usage_seconds_total{labels} {uses[run.id].cpu_nanoseconds / 1e9}")
                lines.append(f"container_memory_working_set_bytes{labels} {uses[run.id].memory_bytes}")
    return "\n".join([*lines, ""])
