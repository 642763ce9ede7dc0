"""Kubernetes' own default roles and bindings, one line for each rule: `verbs | groups | resources | names`.

`core` is the core group; lines of the form `verbs | paths | /…` are rules about paths. Those of upstream's own
controllers are in `controllers`.
"""

from typing import Final

Table = dict[str, tuple[str, ...]]

_READ = "get,list,watch"
_WRITE = "create,update,patch,delete,deletecollection"
_EVENTS = (
    "create,update,patch | core | events",
    "create,update,patch | events.k8s.io | events",
)
_REVIEWS = (
    "create | authentication.k8s.io | tokenreviews",
    "create | authorization.k8s.io | subjectaccessreviews",
)
_SELECTED_READ = "limitranges,resourcequotas,bindings,events,pods/status,resourcequotas/status,namespaces/status"
_CERTIFICATES = "system:certificates.k8s.io:"

AGGREGATED: Final = {"admin": ("admin", ()), "edit": ("edit", ("admin",)), "view": ("view", ("edit",))}
"""Name: (label value it selects, aggregates it belongs to itself)."""

AGGREGATES: Final[dict[str, tuple[str, ...]]] = {
    "system:aggregate-to-admin": ("admin",),
    "system:aggregate-to-edit": ("edit",),
    "system:aggregate-to-view": ("view",),
}

CLUSTER_ROLES: Final[Table] = {
    "cluster-admin": ("* | * | *", "* | paths | *"),
    "system:discovery": (
        "get | paths | /livez,/readyz,/healthz,/version,/version/,/openapi,/openapi/*,/api,/api/*,/apis,/apis/*",
    ),
    "system:monitoring": (
        "get | paths | /metrics,/metrics/slis,/livez,/readyz,/healthz,/livez/*,/readyz/*,/healthz/*,/statusz,/flagz",
    ),
    "system:basic-user": (
        "create | authorization.k8s.io | selfsubjectaccessreviews,selfsubjectrulesreviews",
        "create | authentication.k8s.io | selfsubjectreviews",
    ),
    "system:public-info-viewer": ("get | paths | /livez,/readyz,/healthz,/version,/version/",),
    "system:service-account-issuer-discovery": (
        "get | paths | /.well-known/openid-configuration,/.well-known/openid-configuration/,/openid/v1/jwks,"
        "/openid/v1/jwks/",
    ),
    "system:aggregate-to-admin": (
        "create | authorization.k8s.io | localsubjectaccessreviews",
        f"{_READ},{_WRITE} | rbac.authorization.k8s.io | roles,rolebindings",
    ),
    "system:aggregate-to-edit": (
        f"{_READ} | core | pods/attach,pods/proxy,pods/exec,pods/portforward,secrets,services/proxy",
        "impersonate | core | serviceaccounts",
        f"{_WRITE} | core | pods,pods/attach,pods/proxy,pods/exec,pods/portforward",
        "create | core | pods/eviction",
        f"{_WRITE} | core | replicationcontrollers,replicationcontrollers/scale,serviceaccounts,services,"
        "services/proxy,persistentvolumeclaims,configmaps,secrets,events",
        "create | core | serviceaccounts/token",
        f"{_WRITE} | apps | statefulsets,statefulsets/scale,daemonsets,deployments,deployments/scale,"
        "deployments/rollback,replicasets,replicasets/scale",
        f"{_WRITE} | autoscaling | horizontalpodautoscalers",
        f"{_WRITE} | batch | jobs,cronjobs",
        f"{_WRITE} | extensions | daemonsets,deployments,deployments/rollback,deployments/scale,ingresses,"
        "networkpolicies,replicasets,replicasets/scale,replicationcontrollers/scale",
        f"{_WRITE} | policy | poddisruptionbudgets",
        f"{_WRITE} | networking.k8s.io | networkpolicies,ingresses",
        f"{_READ},{_WRITE} | coordination.k8s.io | leases",
        f"{_WRITE} | resource.k8s.io | resourceclaims,resourceclaimtemplates",
    ),
    "system:aggregate-to-view": (
        f"{_READ} | core | pods,replicationcontrollers,replicationcontrollers/scale,serviceaccounts,services,"
        "services/status,endpoints,persistentvolumeclaims,persistentvolumeclaims/status,configmaps",
        f"{_READ} | core | {_SELECTED_READ},replicationcontrollers/status,pods/log",
        f"{_READ} | core | namespaces",
        f"{_READ} | discovery.k8s.io | endpointslices",
        f"{_READ} | apps | controllerrevisions,statefulsets,statefulsets/status,statefulsets/scale,daemonsets,"
        "daemonsets/status,deployments,deployments/status,deployments/scale,replicasets,replicasets/status,"
        "replicasets/scale",
        f"{_READ} | autoscaling | horizontalpodautoscalers,horizontalpodautoscalers/status",
        f"{_READ} | batch | jobs,cronjobs,cronjobs/status,jobs/status",
        f"{_READ} | extensions | daemonsets,daemonsets/status,deployments,deployments/scale,deployments/status,"
        "ingresses,ingresses/status,networkpolicies,replicasets,replicasets/scale,replicasets/status,"
        "replicationcontrollers/scale",
        f"{_READ} | policy | poddisruptionbudgets,poddisruptionbudgets/status",
        f"{_READ} | networking.k8s.io | networkpolicies,ingresses,ingresses/status",
        f"{_READ} | resource.k8s.io | resourceclaims,resourceclaims/status,resourceclaimtemplates",
    ),
    "system:heapster": (
        f"{_READ} | core | events,pods,nodes,namespaces",
        f"{_READ} | extensions | deployments",
    ),
    "system:node-problem-detector": (
        "get | core | nodes",
        "patch | core | nodes/status",
        *_EVENTS,
    ),
    "system:kubelet-api-admin": (
        f"{_READ},proxy | core | nodes",
        "* | core | nodes/proxy,nodes/metrics,nodes/stats,nodes/log,nodes/configz,nodes/healthz,nodes/pods",
    ),
    "system:node-bootstrapper": (f"create,{_READ} | certificates.k8s.io | certificatesigningrequests",),
    "system:auth-delegator": _REVIEWS,
    "system:kube-aggregator": (f"{_READ} | core | services,endpoints",),
    "system:kube-controller-manager": (
        *_EVENTS,
        "create | coordination.k8s.io | leases",
        "get,update | coordination.k8s.io | leases | kube-controller-manager",
        "create | core | secrets,serviceaccounts",
        "delete | core | secrets",
        "get | core | namespaces,secrets,serviceaccounts,configmaps",
        "update | core | secrets,serviceaccounts",
        *_REVIEWS,
        "list,watch | * | *",
        "create | core | serviceaccounts/token",
    ),
    "system:kube-dns": (
        "list,watch | core | endpoints,services",
        "list,watch | discovery.k8s.io | endpointslices",
    ),
    "system:persistent-volume-provisioner": (
        f"{_READ},create,delete | core | persistentvolumes",
        f"{_READ},update | core | persistentvolumeclaims",
        f"{_READ} | storage.k8s.io | storageclasses",
        "watch | core | events",
        *_EVENTS,
    ),
    f"{_CERTIFICATES}certificatesigningrequests:nodeclient": (
        "create | certificates.k8s.io | certificatesigningrequests/nodeclient",
    ),
    f"{_CERTIFICATES}certificatesigningrequests:selfnodeclient": (
        "create | certificates.k8s.io | certificatesigningrequests/selfnodeclient",
    ),
    **{
        f"{_CERTIFICATES}{signer}-approver": (f"approve | certificates.k8s.io | signers | kubernetes.io/{signer}",)
        for signer in ("legacy-unknown", "kubelet-serving", "kube-apiserver-client", "kube-apiserver-client-kubelet")
    },
    "system:node-proxier": (
        "list,watch | core | services,endpoints",
        f"{_READ} | core | nodes",
        *_EVENTS,
        "list,watch | discovery.k8s.io | endpointslices",
        "list,watch | networking.k8s.io | servicecidrs",
    ),
    "system:kube-scheduler": (
        *_EVENTS,
        "create | coordination.k8s.io | leases",
        "get,list,update,watch | coordination.k8s.io | leases | kube-scheduler",
        f"{_READ} | core | nodes,namespaces",
        f"{_READ},delete | core | pods",
        "create | core | pods/binding,bindings",
        "patch,update | core | pods/status",
        f"{_READ} | core | services,replicationcontrollers,persistentvolumeclaims,persistentvolumes",
        f"{_READ} | apps | replicasets,statefulsets",
        f"{_READ} | policy | poddisruptionbudgets",
        *_REVIEWS,
        f"{_READ} | storage.k8s.io | csinodes,csidrivers,csistoragecapacities,volumeattachments",
        f"{_READ} | resource.k8s.io | deviceclasses,resourceslices",
        f"{_READ},update,patch | resource.k8s.io | resourceclaims,resourceclaims/status",
    ),
    "system:volume-scheduler": (
        f"{_READ},update,patch | core | persistentvolumes,persistentvolumeclaims",
        f"{_READ} | storage.k8s.io | storageclasses",
    ),
}

BINDINGS: Final[dict[str, tuple[str, ...]]] = {
    "cluster-admin": ("group system:masters",),
    "system:monitoring": ("group system:monitoring",),
    "system:discovery": ("group system:authenticated",),
    "system:basic-user": ("group system:authenticated",),
    "system:public-info-viewer": ("group system:authenticated", "group system:unauthenticated"),
    "system:node-proxier": ("user system:kube-proxy",),
    "system:kube-controller-manager": ("user system:kube-controller-manager",),
    "system:kube-dns": ("account kube-system/kube-dns",),
    "system:kube-scheduler": ("user system:kube-scheduler",),
    "system:volume-scheduler": ("user system:kube-scheduler",),
    "system:service-account-issuer-discovery": ("group system:serviceaccounts",),
    "system:node": (),
}
"""A ClusterRoleBinding of the same name as its ClusterRole."""

ROLES: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("kube-system", "extension-apiserver-authentication-reader"): (
        f"{_READ} | core | configmaps | extension-apiserver-authentication",
    ),
    ("kube-system", "system::leader-locking-kube-scheduler"): (
        "watch | core | configmaps",
        "get,update | core | configmaps | kube-scheduler",
    ),
    ("kube-system", "system::leader-locking-kube-controller-manager"): (
        "watch | core | configmaps",
        "get,update | core | configmaps | kube-controller-manager",
    ),
    ("kube-system", "system:controller:bootstrap-signer"): (f"{_READ} | core | secrets",),
    ("kube-system", "system:controller:cloud-provider"): (f"create,{_READ} | core | configmaps",),
    ("kube-system", "system:controller:token-cleaner"): (f"{_READ},delete | core | secrets", *_EVENTS),
    ("kube-public", "system:controller:bootstrap-signer"): (
        f"{_READ} | core | configmaps",
        "update | core | configmaps | cluster-info",
        *_EVENTS,
    ),
}

ROLE_BINDINGS: Final[dict[tuple[str, str], tuple[str, tuple[str, ...]]]] = {
    ("kube-system", "system::extension-apiserver-authentication-reader"): (
        "extension-apiserver-authentication-reader",
        ("user system:kube-controller-manager", "user system:kube-scheduler"),
    ),
    ("kube-system", "system::leader-locking-kube-scheduler"): (
        "system::leader-locking-kube-scheduler",
        ("user system:kube-scheduler", "account kube-system/kube-scheduler"),
    ),
    ("kube-system", "system::leader-locking-kube-controller-manager"): (
        "system::leader-locking-kube-controller-manager",
        ("user system:kube-controller-manager", "account kube-system/kube-controller-manager"),
    ),
    **{
        (namespace, f"system:controller:{account}"): (
            f"system:controller:{account}",
            (f"account kube-system/{account}",),
        )
        for namespace, account in (
            ("kube-system", "bootstrap-signer"),
            ("kube-system", "cloud-provider"),
            ("kube-system", "token-cleaner"),
            ("kube-public", "bootstrap-signer"),
        )
    },
}
"""(namespace, name): (role, subjects)."""
