"""The kinds and their strategies: one row each. A kind without a row is generic."""

from __future__ import annotations

from bascule.control.kinds import (
    admission_policies,
    api_services,
    certificate_signing_requests,
    component_statuses,
    config_maps,
    controller_revisions,
    cron_jobs,
    custom_resource_definitions,
    daemon_sets,
    deployments,
    devices,
    endpoint_slices,
    endpoints,
    events,
    flow_control,
    generic,
    horizontal_pod_autoscalers,
    ingress_classes,
    ingresses,
    jobs,
    leases,
    limit_ranges,
    namespaces,
    network_policies,
    nodes,
    persistent_volume_claims,
    persistent_volumes,
    pod_disruption_budgets,
    pod_templates,
    pods,
    priority_classes,
    replica_sets,
    replication_controllers,
    resource_quotas,
    role_bindings,
    roles,
    runtime_classes,
    secrets,
    service_accounts,
    service_cidrs,
    services,
    stateful_sets,
    storage_classes,
    storage_drivers,
    unheeded,
    webhook_configurations,
)
from bascule.control.kinds.strategy import Strategy
from bascule.vocabulary import builtins

_ADMISSION = "admissionregistration.k8s.io"
_FLOW_CONTROL = "flowcontrol.apiserver.k8s.io"
_NETWORKING = "networking.k8s.io"
_RBAC = "rbac.authorization.k8s.io"
_RESOURCE = "resource.k8s.io"
_STORAGE = "storage.k8s.io"

_ROWS: dict[tuple[str, str], Strategy] = {
    ("", "componentstatuses"): component_statuses.STRATEGY,
    ("", "configmaps"): config_maps.STRATEGY,
    ("", "endpoints"): endpoints.STRATEGY,
    ("", "events"): events.STRATEGY,
    ("", "limitranges"): limit_ranges.STRATEGY,
    ("", "namespaces"): namespaces.STRATEGY,
    ("", "nodes"): nodes.STRATEGY,
    ("", "persistentvolumeclaims"): persistent_volume_claims.STRATEGY,
    ("", "persistentvolumes"): persistent_volumes.STRATEGY,
    ("", "pods"): pods.STRATEGY,
    ("", "podtemplates"): pod_templates.STRATEGY,
    ("", "replicationcontrollers"): replication_controllers.STRATEGY,
    ("", "resourcequotas"): resource_quotas.STRATEGY,
    ("", "secrets"): secrets.STRATEGY,
    ("", "serviceaccounts"): service_accounts.STRATEGY,
    ("", "services"): services.STRATEGY,
    (_ADMISSION, "mutatingadmissionpolicies"): admission_policies.MUTATING,
    (_ADMISSION, "mutatingadmissionpolicybindings"): admission_policies.MUTATING_BINDING,
    (_ADMISSION, "mutatingwebhookconfigurations"): webhook_configurations.MUTATING,
    (_ADMISSION, "validatingadmissionpolicies"): admission_policies.VALIDATING,
    (_ADMISSION, "validatingadmissionpolicybindings"): admission_policies.VALIDATING_BINDING,
    (_ADMISSION, "validatingwebhookconfigurations"): webhook_configurations.VALIDATING,
    ("apiextensions.k8s.io", "customresourcedefinitions"): custom_resource_definitions.STRATEGY,
    ("apiregistration.k8s.io", "apiservices"): api_services.STRATEGY,
    ("apps", "controllerrevisions"): controller_revisions.STRATEGY,
    ("apps", "daemonsets"): daemon_sets.STRATEGY,
    ("apps", "deployments"): deployments.STRATEGY,
    ("apps", "replicasets"): replica_sets.STRATEGY,
    ("apps", "statefulsets"): stateful_sets.STRATEGY,
    ("autoscaling", "horizontalpodautoscalers"): horizontal_pod_autoscalers.STRATEGY,
    ("batch", "cronjobs"): cron_jobs.STRATEGY,
    ("batch", "jobs"): jobs.STRATEGY,
    ("certificates.k8s.io", "certificatesigningrequests"): certificate_signing_requests.STRATEGY,
    ("coordination.k8s.io", "leases"): leases.STRATEGY,
    ("discovery.k8s.io", "endpointslices"): endpoint_slices.STRATEGY,
    ("events.k8s.io", "events"): events.MODERN,
    (_FLOW_CONTROL, "flowschemas"): flow_control.FLOW_SCHEMA,
    (_FLOW_CONTROL, "prioritylevelconfigurations"): flow_control.PRIORITY_LEVEL,
    (_NETWORKING, "ingressclasses"): ingress_classes.STRATEGY,
    (_NETWORKING, "ingresses"): ingresses.STRATEGY,
    (_NETWORKING, "ipaddresses"): service_cidrs.IP_ADDRESS,
    (_NETWORKING, "networkpolicies"): network_policies.STRATEGY,
    (_NETWORKING, "servicecidrs"): service_cidrs.SERVICE_CIDR,
    ("node.k8s.io", "runtimeclasses"): runtime_classes.STRATEGY,
    ("policy", "poddisruptionbudgets"): pod_disruption_budgets.STRATEGY,
    (_RBAC, "clusterrolebindings"): role_bindings.CLUSTER_ROLE_BINDING,
    (_RBAC, "clusterroles"): roles.CLUSTER_ROLE,
    (_RBAC, "rolebindings"): role_bindings.ROLE_BINDING,
    (_RBAC, "roles"): roles.ROLE,
    (_RESOURCE, "deviceclasses"): devices.DEVICE_CLASS,
    (_RESOURCE, "resourceclaims"): devices.RESOURCE_CLAIM,
    (_RESOURCE, "resourceclaimtemplates"): devices.RESOURCE_CLAIM_TEMPLATE,
    (_RESOURCE, "resourceslices"): devices.RESOURCE_SLICE,
    ("scheduling.k8s.io", "priorityclasses"): priority_classes.STRATEGY,
    (_STORAGE, "csidrivers"): storage_drivers.CSI_DRIVER,
    (_STORAGE, "csinodes"): storage_drivers.CSI_NODE,
    (_STORAGE, "csistoragecapacities"): storage_drivers.CSI_STORAGE_CAPACITY,
    (_STORAGE, "storageclasses"): storage_classes.STRATEGY,
    (_STORAGE, "volumeattachments"): storage_drivers.VOLUME_ATTACHMENT,
    (_STORAGE, "volumeattributesclasses"): storage_classes.VOLUME_ATTRIBUTES_CLASS,
}
STRATEGIES = {key: unheeded.told(*key, strategy) for key, strategy in _ROWS.items()}

_STATUS_KINDS = {(row.group, row.plural) for row in builtins.REGISTRY if "status" in row.subresources}


def strategy_for(group: str, plural: str) -> Strategy:
    """The strategy of a kind; kinds unknown here get the generic one (with status, where it is a subresource)."""
    key = (group, plural)
    found = STRATEGIES.get(key)
    if found is not None:
        return found
    return generic.WITH_STATUS if key in _STATUS_KINDS else generic.PLAIN
