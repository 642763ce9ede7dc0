"""How an object looks to a node, and what version names that look. Pure.

Most objects travel as they are. Namespaces lose everything but name and labels; routes are what is left of Nodes for
other nodes. Pods and Nodes carry a version made of their content without what the node itself reports, so that a
report does not come back as news.
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from bascule.bridge import messages
from bascule.vocabulary import objects

OWN_CONDITIONS = frozenset({"Ready", "ContainersReady", "Initialized", "PodReadyToStartContainers"})
"""Pod conditions that the node reports; all others are somebody else's."""
_NODE_STATUS = ("allocatable", "capacity", "addresses")


def desired(kind: str, obj: objects.Object) -> messages.Desired:
    shaped, version = obj, objects.metadata(obj).get("resourceVersion") or ""
    if kind == "namespaces":
        shaped = _namespace(obj)
        version = _hash(shaped)
    elif kind == "pods":
        version = _hash(_without_reports(obj))
    elif kind == "nodes":
        shaped = _node(obj)
        version = _hash(shaped)
    return messages.Desired(kind, objects.key(obj).text(), version, orjson.dumps(shaped))


def tokens(pod: objects.Object, issued: list[dict[str, Any]]) -> messages.Desired:
    """The tokens of one pod, named by its uid."""
    key = objects.key(pod)
    uid = objects.uid(pod)
    body = {
        "metadata": {"name": uid, "namespace": key.namespace},
        "pod": key.name,
        "tokens": issued,
    }
    name = f"{key.cluster}/{key.namespace}/{uid}"
    return messages.Desired("tokens", name, _hash(body), orjson.dumps(body))


def route(node: objects.Object) -> messages.Desired | None:
    """Where a node's pods are: their addresses and the node's own; None for a node that has no range of them."""
    spec = node.get("spec") or {}
    ranges = spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])
    if not ranges:
        return None
    body = {
        "metadata": {"name": objects.name(node)},
        "spec": {"podCIDRs": ranges},
        "status": {"addresses": (node.get("status") or {}).get("addresses") or []},
    }
    return messages.Desired("routes", objects.key(node).text(), _hash(body), orjson.dumps(body))


def withdraws(old: objects.Object | None, new: objects.Object | None) -> bool:
    """Whether an EndpointSlice stops naming an address that traffic goes to."""
    return bool(_serving(old) - _serving(new))


def _serving(slice_: objects.Object | None) -> set[str]:
    return {
        address
        for endpoint in (slice_ or {}).get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready") is not False
        for address in endpoint.get("addresses") or ()
    }


def _namespace(obj: objects.Object) -> objects.Object:
    metadata: dict[str, Any] = {"name": objects.name(obj), "uid": objects.uid(obj), "labels": objects.labels(obj)}
    cluster = objects.annotations(obj).get(objects.CLUSTER_ANNOTATION)
    if cluster:
        metadata["annotations"] = {objects.CLUSTER_ANNOTATION: cluster}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _node(obj: objects.Object) -> objects.Object:
    metadata = {
        "name": objects.name(obj),
        "uid": objects.uid(obj),
        "labels": objects.labels(obj),
        "annotations": _foreign(objects.annotations(obj)),
    }
    status = obj.get("status") or {}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": metadata,
        "spec": obj.get("spec") or {},
        "status": {field: status[field] for field in _NODE_STATUS if field in status},
    }


def _foreign(annotations: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in annotations.items() if not key.startswith("bascule.dev/")}


def _without_reports(pod: objects.Object) -> objects.Object:
    status = pod.get("status") or {}
    metadata = {key: value for key, value in objects.metadata(pod).items() if key != "resourceVersion"}
    conditions = [
        [condition.get("type"), condition.get("status")]
        for condition in status.get("conditions") or ()
        if condition.get("type") not in OWN_CONDITIONS
    ]
    return {"metadata": metadata, "spec": pod.get("spec"), "status": [status.get("qosClass"), conditions]}


def _hash(value: Any) -> str:
    return hashlib.blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=12).hexdigest()
