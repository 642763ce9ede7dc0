"""The roles of upstream's own controllers, each bound to the account of its name in kube-system.

None of those controllers runs here. Installations refer to the roles all the same, by name or to aggregate them, and a
controller of that kind may be brought along. The same notation as in `roles`.
"""

from typing import Final

PREFIX: Final = "system:controller:"

_READ = "get,list,watch"
_EVENTS = "create,update,patch | core,events.k8s.io | events"
_SETS = "extensions,apps"
_SERVICES_FINALIZED = "update | core | services/finalizers"
_SLICES = f"{_READ},create,update,delete | discovery.k8s.io | endpointslices"

CLUSTER_ROLES: Final[dict[str, tuple[str, ...]]] = {
    "attachdetach-controller": (
        "list,watch | core | persistentvolumes,persistentvolumeclaims",
        f"{_READ} | core | nodes",
        "patch,update | core | nodes/status",
        "list,watch | core | pods",
        _EVENTS,
        "get,create,delete,list,watch | storage.k8s.io | volumeattachments",
        "get,watch,list | storage.k8s.io | csidrivers",
        "get,watch,list | storage.k8s.io | csinodes",
    ),
    "clusterrole-aggregation-controller": (
        f"escalate,{_READ},update,patch | rbac.authorization.k8s.io | clusterroles",
    ),
    "cronjob-controller": (
        f"{_READ},update | batch | cronjobs",
        f"{_READ},create,update,delete,patch | batch | jobs",
        "update | batch | cronjobs/status",
        "update | batch | cronjobs/finalizers",
        "list,watch,delete | core | pods",
        _EVENTS,
    ),
    "daemon-set-controller": (
        f"{_READ} | {_SETS} | daemonsets",
        f"update | {_SETS} | daemonsets/status",
        f"update | {_SETS} | daemonsets/finalizers",
        "list,watch | core | nodes",
        "list,watch,create,delete,patch | core | pods",
        "create | core | pods/binding",
        f"{_READ},create,delete,update,patch | apps | controllerrevisions",
        _EVENTS,
    ),
    "deployment-controller": (
        f"{_READ},update | {_SETS} | deployments",
        f"update | {_SETS} | deployments/status",
        f"update | {_SETS} | deployments/finalizers",
        f"{_READ},create,update,patch,delete | apps,extensions | replicasets",
        f"{_READ},update | core | pods",
        _EVENTS,
    ),
    "disruption-controller": (
        f"{_READ} | {_SETS} | deployments",
        f"{_READ} | apps,extensions | replicasets",
        f"{_READ} | core | replicationcontrollers",
        f"{_READ} | policy | poddisruptionbudgets",
        f"{_READ} | apps | statefulsets",
        "update | policy | poddisruptionbudgets/status",
        "patch,update | core | pods/status",
        "get | * | */scale",
        _EVENTS,
    ),
    "endpoint-controller": (
        f"{_READ} | core | services,pods",
        f"{_READ},create,update,delete | core | endpoints",
        "create | core | endpoints/restricted",
        _EVENTS,
    ),
    "endpointslice-controller": (f"{_READ} | core | services,pods,nodes", _SERVICES_FINALIZED, _SLICES, _EVENTS),
    "endpointslicemirroring-controller": (
        f"{_READ} | core | services,endpoints",
        _SERVICES_FINALIZED,
        "update | core | endpoints/finalizers",
        _SLICES,
        _EVENTS,
    ),
    "expand-controller": (
        f"{_READ},update,patch | core | persistentvolumes",
        "update,patch | core | persistentvolumeclaims/status",
        f"{_READ} | core | persistentvolumeclaims",
        _EVENTS,
        "get | core | services",
    ),
    "ephemeral-volume-controller": (
        f"{_READ} | core | pods",
        "update | core | pods/finalizers",
        f"{_READ},create | core | persistentvolumeclaims",
        _EVENTS,
    ),
    "resource-claim-controller": (
        f"{_READ} | core | pods",
        "update | core | pods/finalizers",
        f"{_READ},create,delete | resource.k8s.io | resourceclaims",
        "update,patch | resource.k8s.io | resourceclaims,resourceclaims/status",
        "update,patch | core | pods/status",
        _EVENTS,
    ),
    "device-taint-eviction-controller": (
        f"{_READ},delete | core | pods",
        "update,patch | core | pods/status",
        f"{_READ} | resource.k8s.io | resourceclaims",
        f"{_READ} | resource.k8s.io | resourceslices",
        f"{_READ} | resource.k8s.io | deviceclasses",
        f"{_READ} | resource.k8s.io | devicetaintrules",
        _EVENTS,
    ),
    "generic-garbage-collector": (f"{_READ},patch,update,delete | * | *", _EVENTS),
    "horizontal-pod-autoscaler": (
        f"{_READ} | autoscaling | horizontalpodautoscalers",
        "update | autoscaling | horizontalpodautoscalers/status",
        "get,update | * | */scale",
        "list,watch | core | pods",
        "list,watch | metrics.k8s.io | pods",
        f"{_READ} | custom.metrics.k8s.io | *",
        f"{_READ} | external.metrics.k8s.io | *",
        _EVENTS,
    ),
    "job-controller": (
        f"{_READ},update,patch | batch | jobs",
        "update | batch | jobs/status",
        "update | batch | jobs/finalizers",
        "list,watch,create,delete,patch | core | pods",
        _EVENTS,
    ),
    "namespace-controller": (
        f"{_READ},delete | core | namespaces",
        "update | core | namespaces/finalize,namespaces/status",
        f"{_READ},delete,deletecollection | * | *",
    ),
    "node-controller": (
        f"{_READ},update,delete,patch | core | nodes",
        "patch,update | core | nodes/status",
        "patch,update | core | pods/status",
        "list,watch,get,delete | core | pods",
        _EVENTS,
    ),
    "persistent-volume-binder": (
        f"{_READ},update,create,delete | core | persistentvolumes",
        "update | core | persistentvolumes/status",
        f"{_READ},update | core | persistentvolumeclaims",
        "update | core | persistentvolumeclaims/status",
        "list,watch,get,create,delete | core | pods",
        f"{_READ} | storage.k8s.io | storageclasses",
        "list,watch | core | nodes",
        _EVENTS,
        "watch | core | events",
        "get | core | services",
    ),
    "pod-garbage-collector": (
        "list,watch,delete | core | pods",
        f"{_READ} | core | nodes",
        "patch | core | pods/status",
    ),
    "replicaset-controller": (
        f"{_READ},update | apps,extensions | replicasets",
        "update | apps,extensions | replicasets/status",
        "update | apps,extensions | replicasets/finalizers",
        "list,watch,patch,create,delete | core | pods",
        _EVENTS,
    ),
    "replication-controller": (
        f"{_READ},update | core | replicationcontrollers",
        "update | core | replicationcontrollers/status",
        "update | core | replicationcontrollers/finalizers",
        "list,watch,patch,create,delete | core | pods",
        _EVENTS,
    ),
    "resourcequota-controller": ("list,watch | * | *", "update | core | resourcequotas/status", _EVENTS),
    "route-controller": ("list,watch | core | nodes", "patch | core | nodes/status", _EVENTS),
    "service-account-controller": ("create | core | serviceaccounts", _EVENTS),
    "service-controller": (
        f"{_READ} | core | services",
        "patch,update | core | services/status",
        "list,watch | core | nodes",
        _EVENTS,
    ),
    "service-cidrs-controller": (
        f"{_READ},patch,update | networking.k8s.io | servicecidrs",
        "patch,update | networking.k8s.io | servicecidrs/finalizers",
        "patch,update | networking.k8s.io | servicecidrs/status",
        f"{_READ} | networking.k8s.io | ipaddresses",
        _EVENTS,
    ),
    "statefulset-controller": (
        "list,watch | core | pods",
        f"{_READ} | apps | statefulsets",
        "update | apps | statefulsets/status",
        "update | apps | statefulsets/finalizers",
        "get,create,delete,update,patch | core | pods",
        "get,create,delete,update,patch,list,watch | apps | controllerrevisions",
        "get,create,list,watch | core | persistentvolumeclaims",
        "update,delete | core | persistentvolumeclaims",
        "update | core | pods/finalizers",
        _EVENTS,
    ),
    "ttl-controller": ("update,patch,list,watch | core | nodes", _EVENTS),
    "certificate-controller": (
        f"{_READ},delete | certificates.k8s.io | certificatesigningrequests",
        "update | certificates.k8s.io | certificatesigningrequests/status,certificatesigningrequests/approval",
        "approve | certificates.k8s.io | signers | kubernetes.io/kube-apiserver-client-kubelet",
        "sign | certificates.k8s.io | signers | kubernetes.io/legacy-unknown,kubernetes.io/kube-apiserver-client,"
        "kubernetes.io/kube-apiserver-client-kubelet,kubernetes.io/kubelet-serving",
        "create | authorization.k8s.io | subjectaccessreviews",
        _EVENTS,
    ),
    "pvc-protection-controller": (
        f"{_READ},update | core | persistentvolumeclaims",
        "list,watch,get | core | pods",
        _EVENTS,
    ),
    "pv-protection-controller": (f"{_READ},update | core | persistentvolumes", _EVENTS),
    "volumeattributesclass-protection-controller": (
        "list,watch,get | core | persistentvolumeclaims",
        "list,watch,get | core | persistentvolumes",
        f"{_READ},update | storage.k8s.io | volumeattributesclasses",
        _EVENTS,
    ),
    "ttl-after-finished-controller": (f"{_READ},delete | batch | jobs", _EVENTS),
    "root-ca-cert-publisher": ("create,update | core | configmaps", _EVENTS),
    "validatingadmissionpolicy-status-controller": (
        f"{_READ} | admissionregistration.k8s.io | validatingadmissionpolicies",
        "get,patch,update | admissionregistration.k8s.io | validatingadmissionpolicies/status",
        _EVENTS,
    ),
    "legacy-service-account-token-cleaner": (
        "get | core | configmaps | kube-apiserver-legacy-service-account-token-tracking",
        "patch,delete | core | secrets",
    ),
    "selinux-warning-controller": (
        _EVENTS,
        f"{_READ} | core | persistentvolumes",
        f"{_READ} | core | persistentvolumeclaims",
        f"{_READ} | core | pods",
        f"{_READ} | storage.k8s.io | csidrivers",
    ),
}
"""By the name after `PREFIX`, which is that of the account too."""
