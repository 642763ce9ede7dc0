"""A node's identity writes its own objects only, and never what would steer workloads to it.

The Node authorizer decides what a node may ask for at all; here the content of its writes is held against its name.
"""

from typing import Any, Final

from bascule.control.access import node as node_authorizer
from bascule.control.access.admission import context, request
from bascule.vocabulary import errors, objects

MIRROR: Final = "kubernetes.io/config.mirror"
_RESTRICTED_DOMAIN: Final = "node-restriction.kubernetes.io"
_OWN_DOMAIN: Final = "bascule.dev"
_NODE_LABELS: Final = frozenset(
    {
        "kubernetes.io/hostname",
        "kubernetes.io/arch",
        "kubernetes.io/os",
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/instance-type",
        "node.kubernetes.io/instance-type",
        "node.kubernetes.io/windows-build",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
    }
)
_NODE_LABEL_DOMAINS: Final = ("kubelet.kubernetes.io", "node.kubernetes.io")


def validate(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object | None) -> None:
    node = asked.user.node_name()
    if node is None:
        return
    match asked.resource.qualified:
        case "pods":
            problem = _pod(held, asked, obj, node)
        case "nodes":
            problem = _node(asked, obj, node)
        case "persistentvolumeclaims":
            problem = _claim(asked, obj, node)
        case "serviceaccounts":
            problem = _token(held, asked, obj, node)
        case "leases.coordination.k8s.io":
            problem = _lease(asked, obj, node)
        case "csinodes.storage.k8s.io":
            named = objects.name(obj) if asked.operation == "CREATE" and obj else asked.name
            problem = "" if named == node else "can only access CSINode with the same name as the requesting node"
        case "events" | "events.events.k8s.io":
            problem = _event(obj, node)
        case _:
            problem = ""
    if problem:
        raise context.forbid(asked, problem)


def _pod(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object | None, node: str) -> str:
    match asked.subresource, asked.operation:
        case "", "CREATE":
            return _mirror_pod(held, asked, obj or {}, node)
        case "", "DELETE":
            action = "delete pods"
        case "status", "UPDATE":
            if objects.labels(asked.old or {}) != objects.labels(obj or {}):
                return f'node "{node}" cannot update labels through pod status'
            action = "update pod status for pods"
        case "eviction", "CREATE":
            action = "evict pods"
        case "", operation:
            return f'unexpected operation "{operation}", node "{node}" can only create and delete mirror pods'
        case "status" | "eviction", operation:
            return f'unexpected operation "{operation}"'
        case subresource, _:
            return f"unexpected pod subresource \"{subresource}\", only 'status' and 'eviction' are allowed"
    pod = asked.old or held.source.get("", "pods", asked.cluster, asked.namespace, asked.name)
    if pod is None:
        raise errors.not_found("pods", asked.name)
    if (pod.get("spec") or {}).get("nodeName") != node:
        return f'node "{node}" can only {action} with spec.nodeName set to itself'
    return ""


def _mirror_pod(held: context.Context, asked: request.AdmissionRequest, pod: objects.Object, node: str) -> str:
    spec = pod.get("spec") or {}
    if MIRROR not in objects.annotations(pod):
        return f'pod does not have "{MIRROR}" annotation, node "{node}" can only create mirror pods'
    if spec.get("nodeName") != node:
        return f'node "{node}" can only create pods with spec.nodeName set to itself'
    owners = objects.owner_references(pod)
    if len(owners) != 1:
        return f'node "{node}" can only create pods with a single owner reference set to itself'
    owner = owners[0]
    if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", node):
        return f'node "{node}" can only create pods with an owner reference set to itself'
    if not owner.get("controller") or owner.get("blockOwnerDeletion"):
        return f'node "{node}" can only create pods with a controller owner reference that does not block deletion'
    found = held.source.get("", "nodes", objects.ROOT, "", node)
    if found is None:
        raise errors.not_found("nodes", node)
    if owner.get("uid") != objects.uid(found):
        return f"node {node} UID mismatch: expected {owner.get('uid')} got {objects.uid(found)}"
    needed = node_authorizer.references(pod)
    for what, names in (
        ("a service account", needed.account),
        ("secrets", needed.secrets),
        ("configmaps", needed.config_maps),
        ("persistentvolumeclaims", needed.claims),
    ):
        if names:
            return f'node "{node}" can not create pods that reference {what}'
    return ""


def _node(asked: request.AdmissionRequest, obj: objects.Object | None, node: str) -> str:
    named = asked.name or objects.name(obj or {})
    if named != node:
        return f'node "{node}" is not allowed to modify node "{named}"'
    if obj is None:
        return f'node "{node}" is not allowed to delete itself'
    old = asked.old or {}
    if asked.operation == "UPDATE":
        old_taints, taints = ((one.get("spec") or {}).get("taints") or [] for one in (old, obj))
        if old_taints != taints:
            return f'node "{node}" is not allowed to modify taints'
        if objects.owner_references(old) != objects.owner_references(obj):
            return f'node "{node}" is not allowed to modify ownerReferences'
    before, after = objects.labels(old), objects.labels(obj)
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    refused = sorted(key for key in changed if not _may_label(key))
    if not refused:
        return ""
    if asked.operation == "CREATE":
        return f'node "{node}" is not allowed to set the following labels: {", ".join(refused)}'
    return f"is not allowed to modify labels: {', '.join(refused)}"


def _may_label(key: str) -> bool:
    """Outside Kubernetes' own domains a node may label itself; inside, only with what describes it."""
    if key in _NODE_LABELS:
        return True
    domain = key.partition("/")[0] if "/" in key else ""
    if _under(domain, _RESTRICTED_DOMAIN) or (_under(domain, _OWN_DOMAIN) and not domain.startswith("node.")):
        return False
    if _under(domain, "kubernetes.io") or _under(domain, "k8s.io"):
        return any(_under(domain, allowed) for allowed in _NODE_LABEL_DOMAINS)
    return True


def _under(domain: str, parent: str) -> bool:
    return domain == parent or domain.endswith("." + parent)


def _claim(asked: request.AdmissionRequest, obj: objects.Object | None, node: str) -> str:
    if asked.subresource != "status" or asked.operation != "UPDATE":
        return "may only update PVC status"
    if _without_status(asked.old or {}) != _without_status(obj or {}):
        return f'node "{node}" is not allowed to update fields other than status.capacity and status.conditions'
    return ""


def _without_status(claim: objects.Object) -> dict[str, Any]:
    kept = {key: value for key, value in claim.items() if key not in ("status", "apiVersion", "kind")}
    ignored = ("resourceVersion", "managedFields")
    kept["metadata"] = {key: value for key, value in objects.metadata(claim).items() if key not in ignored}
    return kept


def _token(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object | None, node: str) -> str:
    if asked.operation != "CREATE" or asked.subresource != "token":
        return ""
    reference = ((obj or {}).get("spec") or {}).get("boundObjectRef") or {}
    name, uid = reference.get("name") or "", reference.get("uid") or ""
    if reference.get("kind") != "Pod" or not name:
        return "node requested token not bound to a pod"
    if not uid:
        return "node requested token with a pod binding without a uid"
    pod = held.source.get("", "pods", asked.cluster, asked.namespace, name)
    if pod is None:
        raise errors.not_found("pods", name)
    if objects.uid(pod) != uid:
        text = f"the UID in the bound object reference ({uid}) does not match the UID in record"
        return f"{text}. The object might have been deleted and then recreated"
    if (pod.get("spec") or {}).get("nodeName") != node:
        return "node requested token bound to a pod scheduled on a different node"
    return ""


def _lease(asked: request.AdmissionRequest, obj: objects.Object | None, node: str) -> str:
    if asked.namespace != node_authorizer.LEASE_NAMESPACE:
        return f'can only access leases in the "{node_authorizer.LEASE_NAMESPACE}" system namespace'
    named = objects.name(obj) if asked.operation == "CREATE" and obj else asked.name
    return "" if named == node else "can only access node lease with the same name as the requesting node"


def _event(obj: objects.Object | None, node: str) -> str:
    """Stricter than upstream: a node reports events in its own name only."""
    if obj is None:
        return ""
    host = (obj.get("source") or {}).get("host") or (obj.get("deprecatedSource") or {}).get("host") or ""
    if host and host != node:
        return f'node "{node}" can only report events of its own, not of "{host}"'
    return ""
