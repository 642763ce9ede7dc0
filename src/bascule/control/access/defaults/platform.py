"""Namespaces and their accounts, priority classes, the `kubernetes` Service and its endpoints, APIServices, the CA."""

import ipaddress
from typing import Any, Final

from bascule.vocabulary import builtins, objects

NAMESPACES: Final = ("default", "kube-system", "kube-public", "kube-node-lease")
_CORE_PRIORITY: Final = 18000
_PRIORITIES: Final = {
    "apps": 17800,
    "events.k8s.io": 17750,
    "authentication.k8s.io": 17700,
    "authorization.k8s.io": 17600,
    "autoscaling": 17500,
    "batch": 17400,
    "certificates.k8s.io": 17300,
    "networking.k8s.io": 17200,
    "policy": 17100,
    "rbac.authorization.k8s.io": 17000,
    "storage.k8s.io": 16800,
    "apiextensions.k8s.io": 16700,
    "admissionregistration.k8s.io": 16700,
    "scheduling.k8s.io": 16600,
    "coordination.k8s.io": 16500,
    "node.k8s.io": 16300,
    "discovery.k8s.io": 16200,
    "flowcontrol.apiserver.k8s.io": 16100,
    "resource.k8s.io": 15900,
}
"""Upstream's order of groups in discovery, for those who ask for the most important one that has a kind."""
_VERSION_PRIORITIES: Final = {
    ("", "v1"): 1,
    ("autoscaling", "v2"): 30,
    ("events.k8s.io", "v1"): 5,
    ("flowcontrol.apiserver.k8s.io", "v1"): 21,
}
_SERVICE_LABELS: Final = {"component": "apiserver", "provider": "kubernetes"}


def namespaces() -> list[objects.Object]:
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        }
        for name in NAMESPACES
    ]


def accounts() -> list[objects.Object]:
    """The account of each, which a controller gives to later namespaces: the first pods need not wait for it."""
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}}
        for name in NAMESPACES
    ]


def priority_classes() -> list[objects.Object]:
    described = {
        "system-node-critical": (
            2_000_001_000,
            "Used for system critical pods that must not be moved from their current node.",
        ),
        "system-cluster-critical": (
            2_000_000_000,
            "Used for system critical pods that must run in the cluster, but can be moved to another node if "
            "necessary.",
        ),
    }
    return [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": value,
            "description": text,
            "preemptionPolicy": "PreemptLowerPriority",
        }
        for name, (value, text) in described.items()
    ]


def service_range(text: str) -> objects.Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": "kubernetes", "finalizers": ["networking.k8s.io/service-cidr-finalizer"]},
        "spec": {"cidrs": text.split(",")},
        "status": {"conditions": []},
    }


def client_authority(pem: str) -> objects.Object:
    """Who signs clients' certificates, for servers that extend the API and ask whom to trust."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"},
        "data": {"client-ca-file": pem},
    }


def kubernetes_service(text: str, address: str, port: int) -> list[objects.Object]:
    """The Service, its Endpoints and its EndpointSlice: three objects that say the same."""
    network = ipaddress.ip_network(text.split(",")[0])
    first, family = str(network[1]), f"IPv{network.version}"
    metadata = {"name": "kubernetes", "namespace": "default"}
    spec: dict[str, Any] = {
        "clusterIP": first,
        "clusterIPs": [first],
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "ipFamilies": [family],
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
        "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": port}],
    }
    endpoint_port = {"name": "https", "port": port, "protocol": "TCP"}
    address_family = f"IPv{ipaddress.ip_address(address).version}"
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {**metadata, "labels": dict(_SERVICE_LABELS)},
            "spec": spec,
        },
        {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {**metadata, "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
            "subsets": [{"addresses": [{"ip": address}], "ports": [dict(endpoint_port)]}],
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": {"kubernetes.io/service-name": "kubernetes"}},
            "addressType": address_family,
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
            "ports": [dict(endpoint_port)],
        },
    ]


def api_services() -> list[objects.Object]:
    """One for each group and version the server itself has, but the group of APIServices; marked available."""
    made = []
    for group, version in builtins.REGISTRY.group_versions():
        if group == "apiregistration.k8s.io":
            continue
        made.append(
            {
                "apiVersion": "apiregistration.k8s.io/v1",
                "kind": "APIService",
                "metadata": {
                    "name": f"{version}.{group}",
                    "labels": {"kube-aggregator.kubernetes.io/automanaged": "onstart"},
                },
                "spec": {
                    "group": group,
                    "version": version,
                    "groupPriorityMinimum": _PRIORITIES[group] if group else _CORE_PRIORITY,
                    "versionPriority": _VERSION_PRIORITIES.get((group, version), 15),
                },
                "status": {
                    "conditions": [
                        {
                            "type": "Available",
                            "status": "True",
                            "reason": "Local",
                            "message": "Local APIServices are always available",
                        }
                    ]
                },
            }
        )
    return made
