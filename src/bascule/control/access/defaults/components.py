"""The roles of Bascule's own components: what each needs, and no more. The same notation as in `roles`."""

from typing import Final

_READ = "get,list,watch"

CLUSTER_ROLES: Final[dict[str, tuple[str, ...]]] = {
    # Garbage collection and namespace deletion reach every kind there is or ever will be; creating is by kind. Nothing
    # here lets it grant rights: writes of roles and bindings are checked against escalation.
    "bascule:controllers": (
        f"{_READ},update,patch,delete,deletecollection | * | *",
        "create | core | pods,serviceaccounts,configmaps,secrets,endpoints,persistentvolumes,persistentvolumeclaims,"
        "resourcequotas,replicationcontrollers",
        "create | core | pods/eviction",
        "create | apps | replicasets,controllerrevisions,deployments",
        "create | batch | jobs",
        "create | discovery.k8s.io | endpointslices",
        "create | coordination.k8s.io | leases",
        "create | policy | poddisruptionbudgets",
        "create | storage.k8s.io | volumeattachments,csistoragecapacities",
        "create | networking.k8s.io | ipaddresses",
        "create | core | events",
        "create | events.k8s.io | events",
    ),
    # What nodes need to know is read here; what nodes say is written as the node itself.
    "bascule:bridgehead": (
        f"{_READ} | core | pods,services,endpoints,configmaps,secrets,namespaces,nodes,serviceaccounts,"
        "persistentvolumeclaims,persistentvolumes",
        f"{_READ} | discovery.k8s.io | endpointslices",
        f"{_READ} | networking.k8s.io | networkpolicies,ingresses,ingressclasses",
        f"{_READ} | gateway.networking.k8s.io | *",
        f"{_READ} | node.k8s.io | runtimeclasses",
        f"{_READ} | coordination.k8s.io | leases",
        f"{_READ} | certificates.k8s.io | certificatesigningrequests",
        "impersonate | core | users | system:node:*",
        "impersonate | core | groups | system:nodes",
        "create | authentication.k8s.io | tokenreviews",
        "create | authorization.k8s.io | subjectaccessreviews",
        "create,update,patch | core | events",
    ),
    "bascule:api": ("get,create | paths | /tunnel/*",),
    "bascule:discovery": ("get | paths | /bascule,/bascule/*",),
}

BINDINGS: Final[dict[str, tuple[str, ...]]] = {
    "bascule:controllers": ("user bascule:controllers",),
    "bascule:bridgehead": ("user bascule:bridgehead",),
    "bascule:api": ("user bascule:api",),
    "bascule:discovery": ("group system:authenticated",),
}

EXTRA_BINDINGS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "bascule:node-bootstrappers": ("system:node-bootstrapper", ("group system:bootstrappers",)),
    "bascule:component-metrics": (
        "system:monitoring",
        ("user bascule:controllers", "user bascule:bridgehead", "user system:kube-scheduler"),
    ),
}
"""Name: (ClusterRole, subjects)."""
