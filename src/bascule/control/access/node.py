"""The Node authorizer: a node's identity reaches what its own pods need, and nothing else.

Relations are read from the node's own pods (an index of the reader), with each pod's references remembered by
version, so a check costs what the node runs, not what the installation holds. What a node may write is bounded again,
by content, in `admission.node_restriction`.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from bascule.control.access import attributes, reader, rules
from bascule.vocabulary import objects

LEASE_NAMESPACE: Final = "kube-node-lease"
_READ: Final = ("get", "list", "watch")
_REMEMBERED_MAX: Final = 50_000

RULES: Final = (
    rules.Rule(("create",), ("authentication.k8s.io",), ("tokenreviews",)),
    rules.Rule(("create",), ("authorization.k8s.io",), ("subjectaccessreviews", "localsubjectaccessreviews")),
    rules.Rule(_READ, ("",), ("services",)),
    rules.Rule(("create", *_READ), ("",), ("nodes",)),
    rules.Rule(("update", "patch"), ("",), ("nodes", "nodes/status")),
    rules.Rule(("create", "update", "patch"), ("", "events.k8s.io"), ("events",)),
    rules.Rule((*_READ, "create", "delete"), ("",), ("pods",)),
    rules.Rule(("update", "patch"), ("",), ("pods/status",)),
    rules.Rule(("create",), ("",), ("pods/eviction",)),
    rules.Rule(_READ, ("",), ("secrets", "configmaps")),
    rules.Rule(("get",), ("",), ("persistentvolumeclaims", "persistentvolumes")),
    rules.Rule(("get", "update", "patch"), ("",), ("persistentvolumeclaims/status",)),
    rules.Rule(("get",), ("",), ("endpoints",)),
    rules.Rule(("create", *_READ), ("certificates.k8s.io",), ("certificatesigningrequests",)),
    rules.Rule(("get", "create", "update", "patch", "delete"), ("coordination.k8s.io",), ("leases",)),
    rules.Rule(("get",), ("storage.k8s.io",), ("volumeattachments",)),
    rules.Rule(("create",), ("",), ("serviceaccounts/token",)),
    rules.Rule(_READ, ("storage.k8s.io",), ("csidrivers",)),
    rules.Rule(("get", "create", "update", "patch", "delete"), ("storage.k8s.io",), ("csinodes",)),
    rules.Rule(_READ, ("node.k8s.io",), ("runtimeclasses",)),
)


class References(NamedTuple):
    """What one pod needs, by name, all in its own namespace."""

    secrets: frozenset[str]
    config_maps: frozenset[str]
    claims: frozenset[str]
    account: str


def references(pod: objects.Object) -> References:
    spec = pod.get("spec") or {}
    secrets = {item.get("name") for item in spec.get("imagePullSecrets") or ()}
    config_maps: set[Any] = set()
    claims: set[Any] = set()
    for field in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            for item in container.get("env") or ():
                source = item.get("valueFrom") or {}
                secrets.add((source.get("secretKeyRef") or {}).get("name"))
                config_maps.add((source.get("configMapKeyRef") or {}).get("name"))
            for item in container.get("envFrom") or ():
                secrets.add((item.get("secretRef") or {}).get("name"))
                config_maps.add((item.get("configMapRef") or {}).get("name"))
    for volume in spec.get("volumes") or ():
        sources = [volume, *((volume.get("projected") or {}).get("sources") or ())]
        for source in sources:
            secret = source.get("secret") or {}
            secrets |= {secret.get("secretName"), secret.get("name")}
            config_maps.add((source.get("configMap") or {}).get("name"))
        claims.add((volume.get("persistentVolumeClaim") or {}).get("claimName"))
        if "ephemeral" in volume:
            claims.add(f"{objects.name(pod)}-{volume.get('name')}")
        for driver in ("azureFile", "cephfs", "csi", "flexVolume", "iscsi", "rbd", "scaleIO", "storageos"):
            source = volume.get(driver) or {}
            for key in ("secretRef", "nodePublishSecretRef"):
                secrets.add((source.get(key) or {}).get("name"))
            secrets.add(source.get("secretName"))
    account = spec.get("serviceAccountName") or ""
    return References(_named(secrets), _named(config_maps), _named(claims), account)


def _named(names: Iterable[str | None]) -> frozenset[str]:
    return frozenset(name for name in names if name)


class NodeAuthorizer:
    def __init__(self, source: reader.Reader) -> None:
        self._source = source
        self._remembered: dict[str, tuple[int, References]] = {}
        self._static: dict[tuple[str, str, str], bool] = {}

    def decide(self, node: str, asked: attributes.Attributes) -> attributes.Decision:
        problem = self._problem(node, asked)
        return attributes.Decision(not problem, problem or f"allowed to node {node!r}")

    def _problem(self, node: str, asked: attributes.Attributes) -> str:
        resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
        key = (asked.verb, asked.group, resource)
        known = self._static.get(key)
        if known is None:
            known = any(rule.allows(*key, "") for rule in RULES)
            if len(self._static) < _REMEMBERED_MAX:
                self._static[key] = known
        if not known:
            return f"nodes may not {asked.verb} {resource}"
        return self._relation_problem(node, asked, resource)

    def _relation_problem(self, node: str, asked: attributes.Attributes, resource: str) -> str:
        unrelated = f"no relationship found between node '{node}' and this object"
        match asked.group, resource:
            case "", "nodes" if asked.verb in _READ:
                if asked.name == node or _selects(asked, "metadata.name", node):
                    return ""
                return f"node '{node}' cannot read all nodes, only its own Node object"
            case "", "pods" if asked.verb in _READ:
                if asked.name:
                    pod = self._source.get("", "pods", asked.cluster, asked.namespace, asked.name)
                    on_node = pod is not None and (pod.get("spec") or {}).get("nodeName") == node
                    return "" if on_node or _selects(asked, "spec.nodeName", node) else unrelated
                if _selects(asked, "spec.nodeName", node):
                    return ""
                return f"can only list/watch pods with spec.nodeName field selector '{node}'"
            case "", "secrets" | "configmaps" | "persistentvolumeclaims" | "persistentvolumeclaims/status":
                if not asked.name:
                    return "No Object name found"
                return "" if self._needs(node, asked) else unrelated
            case "", "serviceaccounts/token":
                return "" if self._needs(node, asked) else unrelated
            case "", "persistentvolumes":
                return "" if self._mounts(node, asked) else unrelated
            case "coordination.k8s.io", "leases":
                if asked.namespace != LEASE_NAMESPACE:
                    return f'can only access leases in the "{LEASE_NAMESPACE}" system namespace'
                if asked.verb != "create" and asked.name != node:
                    return "can only access node lease with the same name as the requesting node"
            case "storage.k8s.io", "csinodes":
                if asked.verb != "create" and asked.name != node:
                    return "can only access CSINode with the same name as the requesting node"
        return ""

    def _needs(self, node: str, asked: attributes.Attributes) -> bool:
        for pod in self._pods(node, asked.cluster):
            if objects.namespace(pod) != asked.namespace:
                continue
            needed = self._references(pod)
            if asked.resource == "serviceaccounts":
                if needed.account == asked.name:
                    return True
            elif asked.name in (
                needed.secrets
                if asked.resource == "secrets"
                else needed.config_maps
                if asked.resource == "configmaps"
                else needed.claims
            ):
                return True
        return False

    def _mounts(self, node: str, asked: attributes.Attributes) -> bool:
        volume = self._source.get("", "persistentvolumes", asked.cluster, "", asked.name)
        claim = ((volume or {}).get("spec") or {}).get("claimRef") or {}
        return any(
            objects.namespace(pod) == claim.get("namespace") and claim.get("name") in self._references(pod).claims
            for pod in self._pods(node, asked.cluster)
        )

    def _pods(self, node: str, cluster: str) -> list[objects.Object]:
        return [pod for pod in self._source.pods_on(node) if objects.cluster(pod) == cluster]

    def _references(self, pod: objects.Object) -> References:
        uid, version = objects.uid(pod), objects.resource_version(pod)
        known = self._remembered.get(uid)
        if known is not None and known[0] == version:
            return known[1]
        if len(self._remembered) >= _REMEMBERED_MAX:
            self._remembered.clear()
        found = references(pod)
        self._remembered[uid] = (version, found)
        return found


def _selects(asked: attributes.Attributes, field: str, value: str) -> bool:
    return any(
        name == field and operator in ("=", "==", "In") and wanted == value
        for name, operator, wanted in asked.field_selector
    )
