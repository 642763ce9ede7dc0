"""Which objects a node needs: its pods and what they refer to, every service and its endpoints, the ways to
other nodes' pods, and its own Node.

Kept as pods come, change and go, so that one change costs what it touches. Pure. It answers for names, existing or
not: a ConfigMap that does not exist yet is needed by the pod that waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from bascule.vocabulary import objects

EVERYWHERE = frozenset({"services", "endpointslices", "routes"})
"""Kinds that every node needs whole."""


class Item(NamedTuple):
    kind: str
    name: str


class Need(NamedTuple):
    """`node` needs the item now, or (not `wanted`) no longer does."""

    node: str
    item: Item
    wanted: bool


class Relevance:
    def __init__(self) -> None:
        self._pods: dict[str, tuple[str, frozenset[Item]]] = {}
        self._counts: dict[str, dict[Item, int]] = {}
        self._nodes: dict[Item, set[str]] = {}

    def pod(self, name: str, pod: objects.Object | None) -> list[Need]:
        """Takes in a pod's newest state (None: gone); what began or ceased to be needed by it."""
        old_node, old_items = self._pods.pop(name, ("", frozenset[Item]()))
        node = ((pod or {}).get("spec") or {}).get("nodeName") or ""
        items = frozenset(references(pod)) if pod is not None and node else frozenset[Item]()
        if node:
            self._pods[name] = (node, items)
        gone = old_items if node != old_node else old_items - items
        new = items if node != old_node else items - old_items
        needs = [Need(node, item, True) for item in sorted(new) if self._add(node, item)]
        needs += [Need(old_node, item, False) for item in sorted(gone) if self._drop(old_node, item)]
        return needs

    def node_of(self, pod_name: str) -> str:
        return self._pods.get(pod_name, ("", frozenset()))[0]

    def audience(self, item: Item) -> frozenset[str] | None:
        """The nodes that need it; None for every node."""
        if item.kind in EVERYWHERE:
            return None
        if item.kind == "nodes":
            return frozenset({item.name.rsplit("/", 1)[-1]})
        return frozenset(self._nodes.get(item, ()))

    def wants(self, node: str, item: Item) -> bool:
        audience = self.audience(item)
        return audience is None or node in audience

    def names(self, node: str, kind: str) -> list[str]:
        """What the node needs of a kind that is not everywhere."""
        if kind == "nodes":
            return [f"{objects.ROOT}//{node}"]
        return [item.name for item in self._counts.get(node, ()) if item.kind == kind]

    def _add(self, node: str, item: Item) -> bool:
        counts = self._counts.setdefault(node, {})
        counts[item] = counts.get(item, 0) + 1
        self._nodes.setdefault(item, set()).add(node)
        return counts[item] == 1

    def _drop(self, node: str, item: Item) -> bool:
        counts = self._counts[node]
        counts[item] -= 1
        if counts[item]:
            return False
        del counts[item]
        if not counts:
            del self._counts[node]
        self._nodes[item].discard(node)
        if not self._nodes[item]:
            del self._nodes[item]
        return True


def references(pod: objects.Object) -> Iterator[Item]:
    """The pod itself and everything it names."""
    key = objects.key(pod)
    spec = pod.get("spec") or {}
    yield Item("pods", key.text())
    yield Item("namespaces", f"{key.cluster}//{key.namespace}")

    def item(kind: str, name: Any) -> Iterator[Item]:
        if isinstance(name, str) and name:
            yield Item(kind, f"{key.cluster}/{key.namespace}/{name}")

    for secret in spec.get("imagePullSecrets") or ():
        yield from item("secrets", secret.get("name"))
    for volume in spec.get("volumes") or ():
        for kind, name in _volume(volume, objects.uid(pod)):
            yield from item(kind, name)
    for containers in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(containers) or ():
            for kind, name in _container(container):
                yield from item(kind, name)


def _volume(volume: dict[str, Any], uid: str) -> Iterator[tuple[str, Any]]:
    yield "configmaps", (volume.get("configMap") or {}).get("name")
    yield "secrets", (volume.get("secret") or {}).get("secretName")
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield "configmaps", (source.get("configMap") or {}).get("name")
        yield "secrets", (source.get("secret") or {}).get("name")
        if source.get("serviceAccountToken") is not None:
            yield "tokens", uid


def _container(container: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for source in container.get("envFrom") or ():
        yield "configmaps", (source.get("configMapRef") or {}).get("name")
        yield "secrets", (source.get("secretRef") or {}).get("name")
    for variable in container.get("env") or ():
        origin = variable.get("valueFrom") or {}
        yield "configmaps", (origin.get("configMapKeyRef") or {}).get("name")
        yield "secrets", (origin.get("secretKeyRef") or {}).get("name")
