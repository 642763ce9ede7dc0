"""Objects as tests need them."""

from datetime import UTC, datetime

from bascule.vocabulary import objects

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
LONG_AGO = "2026-01-01T00:00:00Z"


def pod(
    name="a", *, node="", ready=False, labels=None, ip="", phase="Running", leaving=False, **spec
) -> objects.Object:
    metadata = {"name": name, "namespace": "n", "uid": f"uid-{name}", "labels": labels or {"app": "web"}}
    if leaving:
        metadata["deletionTimestamp"] = LONG_AGO
    state = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": LONG_AGO}
    status = {"phase": phase, "conditions": [state]}
    if ip:
        status["podIP"] = ip
    spec = {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 80}]}], **spec}
    if node:
        spec["nodeName"] = node
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def node(name="x", *, ready="True", connected=None, zone="", since=LONG_AGO, taints=None) -> objects.Object:
    items = []
    if ready:
        items.append({"type": "Ready", "status": ready, "lastTransitionTime": since})
    if connected is not None:
        items.append({"type": "bascule.dev/Connected", "status": connected, "lastTransitionTime": since})
    labels = {"topology.kubernetes.io/zone": zone} if zone else {}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": labels},
        "spec": {"taints": taints} if taints else {},
        "status": {"conditions": items},
    }


def service(**spec) -> objects.Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "n", "uid": "s", "labels": {"team": "t"}},
        "spec": {
            "selector": {"app": "web"},
            "ipFamilies": ["IPv4"],
            "ports": [{"port": 8080, "targetPort": "http", "protocol": "TCP"}],
            **spec,
        },
    }
