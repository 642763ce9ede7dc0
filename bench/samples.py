"""The objects of the load: a ConfigMap of 1 KB, a Pod as a Deployment makes it."""

from __future__ import annotations

from typing import Any

import orjson

NAMESPACE = "bench"
CORE = f"/api/v1/namespaces/{NAMESPACE}"


def config_map(name: str, marker: str = "0") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": "bench"}},
        "data": {"marker": marker, "payload": "x" * 1000},
    }


def pod(name: str, group: int = 0) -> dict[str, Any]:
    """Label ``group`` is what selectors choose by."""
    labels = {"app": "web", "pod-template-hash": "5d59d67564", "group": str(group)}
    container = {
        "name": "web",
        "image": "registry.example/web:1.4.2",
        "ports": [{"containerPort": 8080, "name": "http"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 30},
    }


def status_patch(number: int) -> dict[str, Any]:
    """What a kubelet sends when a pod is ready; a pod keeps its address, which lists of addresses are merged by."""
    moment = f"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}Z"
    conditions = [
        {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": moment}
        for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    running = {
        "name": "web",
        "image": "registry.example/web:1.4.2",
        "imageID": "registry.example/web@sha256:" + "0" * 64,
        "containerID": "containerd://" + "0" * 64,
        "ready": True,
        "started": True,
        "restartCount": number,
        "state": {"running": {"startedAt": moment}},
    }
    address = "10.244.1.2"
    return {
        "status": {
            "phase": "Running",
            "hostIP": "10.0.0.1",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "startTime": moment,
            "conditions": conditions,
            "containerStatuses": [running],
        }
    }


def encode(obj: Any) -> bytes:
    return orjson.dumps(obj)


def config_map_marked(name: str, number: int) -> dict[str, Any]:
    """The ConfigMap with something in it that a number decides."""
    return config_map(name, str(number))


def renamed(stored: bytes, name: str) -> dict[str, Any]:
    """A stored object under another name and uid."""
    obj: dict[str, Any] = orjson.loads(stored)
    obj["metadata"] |= {"name": name, "uid": f"{name:0>36}"}
    return obj
