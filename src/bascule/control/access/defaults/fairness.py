"""The default FlowSchemas and PriorityLevelConfigurations, as stored objects.

Beside upstream's: the platform's own endpoint writers have a level of their own, so that a morning of deployments never
delays what running services depend on.
"""

from typing import Any, Final

from bascule.vocabulary import objects

_GROUP_VERSION: Final = "flowcontrol.apiserver.k8s.io/v1"
_LEVELS: Final = {
    # name: (shares, lendable percent, queues, hand size, queue length)
    "catch-all": (5, 0, 0, 0, 0),
    "system": (30, 33, 64, 6, 50),
    "node-high": (40, 25, 64, 6, 50),
    "leader-election": (10, 0, 16, 4, 50),
    "endpoints": (30, 0, 64, 6, 50),
    "workload-high": (40, 50, 128, 6, 50),
    "workload-low": (100, 90, 128, 6, 50),
    "global-default": (20, 50, 128, 6, 50),
}
_ALL_RESOURCES: Final = (("*", "*", "*"),)
_ELECTION: Final = (("get,create,update", "coordination.k8s.io", "leases"),)
_ENDPOINTS: Final = (("*", "core", "endpoints"), ("*", "discovery.k8s.io", "endpointslices"))
_NODE_WRITES: Final = (
    ("*", "core", "nodes,nodes/status"),
    ("*", "coordination.k8s.io", "leases"),
)

_SCHEMAS: Final[tuple[tuple[str, str, int, str, str, tuple[tuple[str, str, str], ...], bool], ...]] = (
    # name, level, precedence, distinguisher, subjects, resources, also paths
    ("exempt", "exempt", 1, "", "group system:masters", _ALL_RESOURCES, True),
    ("probes", "exempt", 2, "", "group system:unauthenticated,group system:authenticated", (), True),
    ("system-leader-election", "leader-election", 100, "ByUser", "user system:kube-controller-manager,"
     "user system:kube-scheduler,user bascule:controllers,account kube-system/*", _ELECTION, False),
    ("endpoint-controller", "endpoints", 150, "ByUser", "user bascule:controllers", _ENDPOINTS, False),
    ("workload-leader-election", "leader-election", 200, "ByUser", "account kube-system/*", _ELECTION, False),
    ("system-node-high", "node-high", 400, "ByUser", "group system:nodes", _NODE_WRITES, False),
    ("system-nodes", "system", 500, "ByUser", "group system:nodes,user bascule:bridgehead", _ALL_RESOURCES, True),
    ("kube-controller-manager", "workload-high", 800, "ByNamespace", "user system:kube-controller-manager,"
     "user bascule:controllers", _ALL_RESOURCES, True),
    ("kube-scheduler", "workload-high", 800, "ByNamespace", "user system:kube-scheduler", _ALL_RESOURCES, True),
    ("kube-system-service-accounts", "workload-high", 900, "ByNamespace", "account kube-system/*",
     _ALL_RESOURCES, True),
    ("service-accounts", "workload-low", 9000, "ByUser", "group system:serviceaccounts", _ALL_RESOURCES, True),
    ("global-default", "global-default", 9900, "ByUser", "group system:unauthenticated,group system:authenticated",
     _ALL_RESOURCES, True),
    ("catch-all", "catch-all", 10000, "ByUser", "group system:unauthenticated,group system:authenticated",
     _ALL_RESOURCES, True),
)  # fmt: skip


def levels() -> list[objects.Object]:
    exempt = {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}}
    made = [_object("PriorityLevelConfiguration", "exempt", exempt)]
    for name, (shares, lendable, queues, hand, length) in _LEVELS.items():
        queuing = {"queues": queues, "handSize": hand, "queueLengthLimit": length}
        response: dict[str, Any] = {"type": "Queue", "queuing": queuing} if queues else {"type": "Reject"}
        limited = {"nominalConcurrencyShares": shares, "lendablePercent": lendable, "limitResponse": response}
        made.append(_object("PriorityLevelConfiguration", name, {"type": "Limited", "limited": limited}))
    return made


def schemas() -> list[objects.Object]:
    made = []
    for name, level, precedence, distinguisher, subjects, resources, paths in _SCHEMAS:
        rule: dict[str, Any] = {"subjects": [_subject(text) for text in subjects.split(",")]}
        if resources:
            rule["resourceRules"] = [
                {
                    "verbs": verbs.split(","),
                    "apiGroups": ["" if group == "core" else group],
                    "resources": plurals.split(","),
                    "clusterScope": True,
                    "namespaces": ["*"],
                }
                for verbs, group, plurals in resources
            ]
        if paths:
            urls = ["/healthz", "/readyz", "/livez"] if name == "probes" else ["*"]
            verbs = ["get"] if name == "probes" else ["*"]
            rule["nonResourceRules"] = [{"verbs": verbs, "nonResourceURLs": urls}]
        spec: dict[str, Any] = {
            "priorityLevelConfiguration": {"name": level},
            "matchingPrecedence": precedence,
            "rules": [rule],
        }
        if distinguisher:
            spec["distinguisherMethod"] = {"type": distinguisher}
        made.append(_object("FlowSchema", name, spec))
    return made


def _subject(text: str) -> dict[str, Any]:
    kind, _, name = text.partition(" ")
    if kind == "account":
        namespace, _, account = name.partition("/")
        return {"kind": "ServiceAccount", "serviceAccount": {"namespace": namespace, "name": account}}
    return {"kind": kind.capitalize(), kind: {"name": name}}


def _object(kind: str, name: str, spec: dict[str, Any]) -> objects.Object:
    notes = {"apf.kubernetes.io/autoupdate-spec": "true"}
    return {"apiVersion": _GROUP_VERSION, "kind": kind, "metadata": {"name": name, "annotations": notes}, "spec": spec}
