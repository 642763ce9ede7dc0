"""Puts backends into EndpointSlices: at most 100 in each, and what is in one stays there. Pure.

Invariant: after the changes every backend is in exactly one slice of its family and ports. A change of one backend
changes one slice, so that what nodes must be told grows with the change and not with the Service.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bascule.control.controllers import backends
from bascule.vocabulary import objects

MOST = 100
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
HEADLESS = "service.kubernetes.io/headless"
_RESERVED = frozenset({SERVICE_NAME, MANAGED_BY, HEADLESS})

Group = tuple[str, tuple[backends.Port, ...]]


@dataclass
class Changes:
    create: list[objects.Object] = field(default_factory=list)
    update: list[objects.Object] = field(default_factory=list)
    delete: list[objects.Object] = field(default_factory=list)


def decide(
    service: objects.Object,
    found: Sequence[backends.Backend],
    slices: Iterable[objects.Object],
    *,
    manager: str,
) -> Changes:
    """`slices`: those of this Service and this manager that exist."""
    wanted: dict[Group, list[dict[str, Any]]] = {}
    for backend in found:
        wanted.setdefault((backend.family, backend.ports), []).append(backend.endpoint)
    for family in (service.get("spec") or {}).get("ipFamilies") or ["IPv4"]:
        if not any(group[0] == family for group in wanted):
            wanted[(family, ())] = []  # An empty slice says: this Service has no backends, and we know it.
    changes = Changes()
    existing: dict[Group, list[objects.Object]] = {}
    for one in sorted(slices, key=objects.name):
        if objects.deletion_timestamp(one) is None:
            existing.setdefault(_group_of(one), []).append(one)
    for group, old in existing.items():
        if group not in wanted:
            changes.delete += old
    labels = slice_labels(service, manager)
    for group, endpoints in wanted.items():
        _place(service, group, endpoints, existing.get(group, []), labels, changes)
    # A slice whose ports changed is reused where possible: nodes then see a change, not a loss and a gain.
    while changes.create and changes.delete:
        if changes.create[-1]["addressType"] != changes.delete[-1]["addressType"]:
            break
        made, reused = changes.create.pop(), objects.deep_copy(changes.delete.pop())
        reused |= {"ports": made["ports"], "endpoints": made["endpoints"]}
        reused["metadata"]["labels"] = labels
        changes.update.append(reused)
    return changes


def slice_labels(service: objects.Object, manager: str) -> dict[str, str]:
    labels = {key: value for key, value in objects.labels(service).items() if key not in _RESERVED}
    labels |= {SERVICE_NAME: objects.name(service), MANAGED_BY: manager}
    if (service.get("spec") or {}).get("clusterIP") == "None":
        labels[HEADLESS] = ""
    return labels


def _group_of(one: objects.Object) -> Group:
    ports = tuple(
        backends.Port(
            port.get("name") or "",
            port.get("protocol") or "TCP",
            port.get("port") or 0,
            port.get("appProtocol") or "",
        )
        for port in one.get("ports") or ()
    )
    return one.get("addressType") or "IPv4", ports


def _identity(endpoint: dict[str, Any]) -> tuple[str, str]:
    addresses = endpoint.get("addresses") or [""]
    return addresses[0], (endpoint.get("targetRef") or {}).get("uid") or ""


def _place(
    service: objects.Object,
    group: Group,
    endpoints: list[dict[str, Any]],
    old: list[objects.Object],
    labels: dict[str, str],
    changes: Changes,
) -> None:
    left = {_identity(endpoint): endpoint for endpoint in endpoints}
    kept: list[list[dict[str, Any]]] = []
    for one in old:
        there = [_identity(each) for each in one.get("endpoints") or ()]
        kept.append([left.pop(each) for each in there if each in left][:MOST])
    # What did not fit (a slice made by hand may be too long) goes with the new ones.
    placed = {_identity(each) for held in kept for each in held}
    new = [endpoint for endpoint in endpoints if _identity(endpoint) not in placed]
    for held in sorted(kept, key=len, reverse=True):
        if new and held and len(held) < MOST:
            room = MOST - len(held)
            held += new[:room]
            del new[:room]
    for held in kept:
        if new and not held:
            held += new[:MOST]
            del new[:MOST]
    for one, held in zip(old, kept, strict=True):
        _keep_or_drop(one, held, labels, changes, needed=bool(held) or (not endpoints and one is old[0]))
    while new or (not endpoints and not old):
        changes.create.append(_slice(service, group, new[:MOST], labels))
        if not new:
            break
        del new[:MOST]


def _keep_or_drop(
    one: objects.Object,
    held: list[dict[str, Any]],
    labels: dict[str, str],
    changes: Changes,
    *,
    needed: bool,
) -> None:
    if not needed:
        changes.delete.append(one)
    elif (one.get("endpoints") or []) != held or objects.labels(one) != labels:
        fresh = objects.deep_copy(one)
        fresh["endpoints"] = held
        fresh["metadata"]["labels"] = labels
        changes.update.append(fresh)


def _slice(
    service: objects.Object, group: Group, endpoints: list[dict[str, Any]], labels: dict[str, str]
) -> objects.Object:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{objects.name(service)}-",
            "namespace": objects.namespace(service),
            "labels": labels,
            "ownerReferences": [objects.owner_reference(service)],
        },
        "addressType": group[0],
        "ports": [port.document() for port in group[1]],
        "endpoints": endpoints,
    }
