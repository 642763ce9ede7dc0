"""The core/v1 Endpoints object that mirrors a Service's backends, for clients that still read it. Pure.

At most 1,000 addresses, as upstream; terminating pods are left out.
"""

from collections.abc import Sequence
from typing import Any

from bascule.control.controllers import backends, slicing
from bascule.vocabulary import objects

MOST = 1000
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
MANAGED_BY = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"


def decide(
    service: objects.Object, found: Sequence[backends.Backend], present: objects.Object | None
) -> objects.Object | None:
    """The object to write, or None if `present` is right."""
    family = ((service.get("spec") or {}).get("ipFamilies") or ["IPv4"])[0]
    mine = [one for one in found if one.family == family and _shown(one)]
    subsets = _subsets(mine[:MOST])
    labels = {key: value for key, value in objects.labels(service).items() if key != slicing.HEADLESS} | {
        MANAGED_BY: MANAGER
    }
    if (service.get("spec") or {}).get("clusterIP") == "None":
        labels[slicing.HEADLESS] = ""
    annotations = {OVER_CAPACITY: "truncated"} if len(mine) > MOST else {}
    if present is not None:
        noted = OVER_CAPACITY in objects.annotations(present)
        same = (present.get("subsets") or []) == subsets and objects.labels(present) == labels
        if same and noted == bool(annotations):
            return None
    document: objects.Object = (
        objects.deep_copy(present)
        if present
        else {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": objects.name(service), "namespace": objects.namespace(service)},
        }
    )
    others = {key: value for key, value in objects.annotations(document).items() if key != OVER_CAPACITY}
    document["metadata"]["annotations"] = others | annotations
    document["metadata"]["labels"] = labels
    document["subsets"] = subsets
    return document


def _shown(backend: backends.Backend) -> bool:
    state = backend.endpoint["conditions"]
    return bool(state["ready"] or not state["terminating"])


def _subsets(found: Sequence[backends.Backend]) -> list[dict[str, Any]]:
    groups: dict[tuple[backends.Port, ...], dict[str, list[dict[str, Any]]]] = {}
    for backend in sorted(found, key=lambda one: str(one.endpoint["addresses"])):
        group = groups.setdefault(backend.ports, {})
        field = "addresses" if backend.endpoint["conditions"]["ready"] else "notReadyAddresses"
        address = {"ip": backend.endpoint["addresses"][0]}
        for key in ("hostname", "nodeName", "targetRef"):
            if key in backend.endpoint:
                address[key] = backend.endpoint[key]
        group.setdefault(field, []).append(address)
    subsets = []
    for ports, group in sorted(groups.items()):
        subset: dict[str, Any] = dict(group)
        if ports:
            subset["ports"] = [port.document() for port in ports]
        subsets.append(subset)
    return subsets
