"""A node that is only what it says: it binds every pod to itself, calls it ready, lets go of those that leave."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bascule.vocabulary import objects
from tests.clients import admin, plane

NAME = "stand-in"
_NOW = "2026-01-02T03:04:05Z"


def _ready(pod: objects.Object, address: str) -> objects.Object:
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": _NOW}
        for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    statuses = [
        {"name": one["name"], "image": one["image"], "imageID": "", "ready": True, "restartCount": 0,
         "state": {"running": {"startedAt": _NOW}}}
        for one in pod["spec"]["containers"]
    ]  # fmt: skip
    return {
        "phase": "Running",
        "conditions": conditions,
        "containerStatuses": statuses,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": _NOW,
    }


class Node:
    def __init__(self, client: admin.Client, watch: plane.Watch) -> None:
        self._client, self._watch = client, watch
        self._stopped = threading.Event()
        self._count = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        done = 0
        while not self._stopped.wait(0.02):
            while done < len(self._watch.events):
                event = self._watch.events[done]
                done += 1
                if event["type"] in ("ADDED", "MODIFIED"):
                    self._see(event["object"])

    def _see(self, pod: objects.Object) -> None:
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        if metadata.get("deletionTimestamp"):
            if not metadata.get("finalizers"):
                self._client.ask("DELETE", f"{path}?gracePeriodSeconds=0")
        elif not pod["spec"].get("nodeName"):
            self._client.ask("POST", f"{path}/binding", {"target": {"kind": "Node", "name": NAME}})
        elif pod["status"].get("phase") == "Pending":
            self._count += 1
            status = {"status": _ready(pod, f"10.244.{self._count // 250}.{self._count % 250 + 1}")}
            self._client.ask("PATCH", f"{path}/status", status, plane.STRATEGIC)

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


@contextmanager
def node(running: plane.Plane) -> Iterator[None]:
    running.make("/api/v1/nodes", {"metadata": {"name": NAME, "labels": {"kubernetes.io/hostname": NAME}}})
    conditions = [{"type": "Ready", "status": "True", "lastHeartbeatTime": _NOW, "lastTransitionTime": _NOW}]
    status = {"conditions": conditions, "allocatable": {"cpu": "8", "memory": "8Gi", "pods": "500"}}
    running.done("PATCH", f"/api/v1/nodes/{NAME}/status", {"status": status}, plane.STRATEGIC)
    client = admin.Client(running.data, running.address)
    with running.watching("/api/v1/pods", seconds=600) as watch:
        playing = Node(client, watch)
        try:
            yield
        finally:
            playing.stop()
            with contextlib.suppress(OSError):
                client.close()
