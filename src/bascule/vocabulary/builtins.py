"""The stable kinds of Kubernetes 1.36, one row each. Names, short names, categories and subresources are upstream's."""

from __future__ import annotations

from bascule.vocabulary.resources import ALL_VERBS, Registry, Resource

_ALL = ("all",)
_EXTENSIONS = ("api-extensions",)
_CREATE = ("create",)


def _row(
    group: str,
    version: str,
    plural: str,
    kind: str,
    *,
    namespaced: bool = True,
    short: tuple[str, ...] = (),
    categories: tuple[str, ...] = (),
    sub: tuple[str, ...] = (),
    verbs: tuple[str, ...] = ALL_VERBS,
    storage_version: str = "",
    stored_as: tuple[str, str] | None = None,
) -> Resource:
    return Resource(
        group,
        version,
        plural,
        kind,
        kind.lower(),
        namespaced,
        short,
        categories,
        verbs,
        sub,
        storage_version,
        stored_as,
    )


_STATUS = ("status",)
_SCALED = ("scale", "status")

BINDINGS = _row("", "v1", "bindings", "Binding", verbs=_CREATE)
COMPONENT_STATUSES = _row(
    "", "v1", "componentstatuses", "ComponentStatus", namespaced=False, short=("cs",), verbs=("get", "list")
)
CONFIG_MAPS = _row("", "v1", "configmaps", "ConfigMap", short=("cm",))
ENDPOINTS = _row("", "v1", "endpoints", "Endpoints", short=("ep",))
EVENTS = _row("", "v1", "events", "Event", short=("ev",))
LIMIT_RANGES = _row("", "v1", "limitranges", "LimitRange", short=("limits",))
NAMESPACES = _row(
    "",
    "v1",
    "namespaces",
    "Namespace",
    namespaced=False,
    short=("ns",),
    sub=("finalize", "status"),
    verbs=tuple(v for v in ALL_VERBS if v != "deletecollection"),
)
NODES = _row("", "v1", "nodes", "Node", namespaced=False, short=("no",), sub=("proxy", "status"))
PERSISTENT_VOLUME_CLAIMS = _row(
    "", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", short=("pvc",), sub=_STATUS
)
PERSISTENT_VOLUMES = _row(
    "", "v1", "persistentvolumes", "PersistentVolume", namespaced=False, short=("pv",), sub=_STATUS
)
PODS = _row(
    "",
    "v1",
    "pods",
    "Pod",
    short=("po",),
    categories=_ALL,
    sub=(
        "attach",
        "binding",
        "ephemeralcontainers",
        "eviction",
        "exec",
        "log",
        "portforward",
        "proxy",
        "resize",
        "status",
    ),
)
POD_TEMPLATES = _row("", "v1", "podtemplates", "PodTemplate")
REPLICATION_CONTROLLERS = _row(
    "", "v1", "replicationcontrollers", "ReplicationController", short=("rc",), categories=_ALL, sub=_SCALED
)
RESOURCE_QUOTAS = _row("", "v1", "resourcequotas", "ResourceQuota", short=("quota",), sub=_STATUS)
SECRETS = _row("", "v1", "secrets", "Secret")
SERVICE_ACCOUNTS = _row("", "v1", "serviceaccounts", "ServiceAccount", short=("sa",), sub=("token",))
SERVICES = _row("", "v1", "services", "Service", short=("svc",), categories=_ALL, sub=("proxy", "status"))

_ADMISSION = "admissionregistration.k8s.io"
MUTATING_ADMISSION_POLICIES = _row(
    _ADMISSION,
    "v1",
    "mutatingadmissionpolicies",
    "MutatingAdmissionPolicy",
    namespaced=False,
    categories=_EXTENSIONS,
)
MUTATING_ADMISSION_POLICY_BINDINGS = _row(
    _ADMISSION,
    "v1",
    "mutatingadmissionpolicybindings",
    "MutatingAdmissionPolicyBinding",
    namespaced=False,
    categories=_EXTENSIONS,
)
MUTATING_WEBHOOK_CONFIGURATIONS = _row(
    _ADMISSION,
    "v1",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    namespaced=False,
    categories=_EXTENSIONS,
)
VALIDATING_ADMISSION_POLICIES = _row(
    _ADMISSION,
    "v1",
    "validatingadmissionpolicies",
    "ValidatingAdmissionPolicy",
    namespaced=False,
    categories=_EXTENSIONS,
    sub=_STATUS,
)
VALIDATING_ADMISSION_POLICY_BINDINGS = _row(
    _ADMISSION,
    "v1",
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
    namespaced=False,
    categories=_EXTENSIONS,
)
VALIDATING_WEBHOOK_CONFIGURATIONS = _row(
    _ADMISSION,
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
    categories=_EXTENSIONS,
)
CUSTOM_RESOURCE_DEFINITIONS = _row(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    namespaced=False,
    short=("crd", "crds"),
    categories=_EXTENSIONS,
    sub=_STATUS,
)
API_SERVICES = _row(
    "apiregistration.k8s.io",
    "v1",
    "apiservices",
    "APIService",
    namespaced=False,
    categories=_EXTENSIONS,
    sub=_STATUS,
)

CONTROLLER_REVISIONS = _row("apps", "v1", "controllerrevisions", "ControllerRevision")
DAEMON_SETS = _row("apps", "v1", "daemonsets", "DaemonSet", short=("ds",), categories=_ALL, sub=_STATUS)
DEPLOYMENTS = _row("apps", "v1", "deployments", "Deployment", short=("deploy",), categories=_ALL, sub=_SCALED)
REPLICA_SETS = _row("apps", "v1", "replicasets", "ReplicaSet", short=("rs",), categories=_ALL, sub=_SCALED)
STATEFUL_SETS = _row("apps", "v1", "statefulsets", "StatefulSet", short=("sts",), categories=_ALL, sub=_SCALED)

SELF_SUBJECT_REVIEWS = _row(
    "authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False, verbs=_CREATE
)
TOKEN_REVIEWS = _row("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", namespaced=False, verbs=_CREATE)
LOCAL_SUBJECT_ACCESS_REVIEWS = _row(
    "authorization.k8s.io", "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview", verbs=_CREATE
)
SELF_SUBJECT_ACCESS_REVIEWS = _row(
    "authorization.k8s.io",
    "v1",
    "selfsubjectaccessreviews",
    "SelfSubjectAccessReview",
    namespaced=False,
    verbs=_CREATE,
)
SELF_SUBJECT_RULES_REVIEWS = _row(
    "authorization.k8s.io",
    "v1",
    "selfsubjectrulesreviews",
    "SelfSubjectRulesReview",
    namespaced=False,
    verbs=_CREATE,
)
SUBJECT_ACCESS_REVIEWS = _row(
    "authorization.k8s.io",
    "v1",
    "subjectaccessreviews",
    "SubjectAccessReview",
    namespaced=False,
    verbs=_CREATE,
)

HORIZONTAL_POD_AUTOSCALERS = _row(
    "autoscaling",
    "v2",
    "horizontalpodautoscalers",
    "HorizontalPodAutoscaler",
    short=("hpa",),
    categories=_ALL,
    sub=_STATUS,
)
HORIZONTAL_POD_AUTOSCALERS_V1 = _row(
    "autoscaling",
    "v1",
    "horizontalpodautoscalers",
    "HorizontalPodAutoscaler",
    short=("hpa",),
    categories=_ALL,
    sub=_STATUS,
    storage_version="v2",
)
CRON_JOBS = _row("batch", "v1", "cronjobs", "CronJob", short=("cj",), categories=_ALL, sub=_STATUS)
JOBS = _row("batch", "v1", "jobs", "Job", categories=_ALL, sub=_STATUS)
CERTIFICATE_SIGNING_REQUESTS = _row(
    "certificates.k8s.io",
    "v1",
    "certificatesigningrequests",
    "CertificateSigningRequest",
    namespaced=False,
    short=("csr",),
    sub=("approval", "status"),
)
LEASES = _row("coordination.k8s.io", "v1", "leases", "Lease")
ENDPOINT_SLICES = _row("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
EVENTS_V1 = _row("events.k8s.io", "v1", "events", "Event", short=("ev",), stored_as=("", "events"))
FLOW_SCHEMAS = _row("flowcontrol.apiserver.k8s.io", "v1", "flowschemas", "FlowSchema", namespaced=False, sub=_STATUS)
PRIORITY_LEVEL_CONFIGURATIONS = _row(
    "flowcontrol.apiserver.k8s.io",
    "v1",
    "prioritylevelconfigurations",
    "PriorityLevelConfiguration",
    namespaced=False,
    sub=_STATUS,
)
INGRESS_CLASSES = _row("networking.k8s.io", "v1", "ingressclasses", "IngressClass", namespaced=False)
INGRESSES = _row("networking.k8s.io", "v1", "ingresses", "Ingress", short=("ing",), sub=_STATUS)
IP_ADDRESSES = _row("networking.k8s.io", "v1", "ipaddresses", "IPAddress", namespaced=False, short=("ip",))
NETWORK_POLICIES = _row("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", short=("netpol",))
SERVICE_CIDRS = _row("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", namespaced=False, sub=_STATUS)
RUNTIME_CLASSES = _row("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", namespaced=False)
POD_DISRUPTION_BUDGETS = _row(
    "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", short=("pdb",), sub=_STATUS
)

_RBAC = "rbac.authorization.k8s.io"
CLUSTER_ROLE_BINDINGS = _row(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
CLUSTER_ROLES = _row(_RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False)
ROLE_BINDINGS = _row(_RBAC, "v1", "rolebindings", "RoleBinding")
ROLES = _row(_RBAC, "v1", "roles", "Role")

DEVICE_CLASSES = _row("resource.k8s.io", "v1", "deviceclasses", "DeviceClass", namespaced=False)
RESOURCE_CLAIMS = _row("resource.k8s.io", "v1", "resourceclaims", "ResourceClaim", sub=_STATUS)
RESOURCE_CLAIM_TEMPLATES = _row("resource.k8s.io", "v1", "resourceclaimtemplates", "ResourceClaimTemplate")
RESOURCE_SLICES = _row("resource.k8s.io", "v1", "resourceslices", "ResourceSlice", namespaced=False)
PRIORITY_CLASSES = _row("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False, short=("pc",))

_STORAGE = "storage.k8s.io"
CSI_DRIVERS = _row(_STORAGE, "v1", "csidrivers", "CSIDriver", namespaced=False)
CSI_NODES = _row(_STORAGE, "v1", "csinodes", "CSINode", namespaced=False)
CSI_STORAGE_CAPACITIES = _row(_STORAGE, "v1", "csistoragecapacities", "CSIStorageCapacity")
STORAGE_CLASSES = _row(_STORAGE, "v1", "storageclasses", "StorageClass", namespaced=False, short=("sc",))
VOLUME_ATTACHMENTS = _row(_STORAGE, "v1", "volumeattachments", "VolumeAttachment", namespaced=False, sub=_STATUS)
VOLUME_ATTRIBUTES_CLASSES = _row(
    _STORAGE, "v1", "volumeattributesclasses", "VolumeAttributesClass", namespaced=False, short=("vac",)
)

_GROUP_ORDER = (
    "",
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "resource.k8s.io",
    "flowcontrol.apiserver.k8s.io",
)
"""As discovery lists them: where two groups have a name in common, clients take the first."""

REGISTRY = Registry(
    sorted(
        (value for value in list(globals().values()) if isinstance(value, Resource)),
        key=lambda row: _GROUP_ORDER.index(row.group),
    )
)
