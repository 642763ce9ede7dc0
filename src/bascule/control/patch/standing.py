"""Members that an object of a type has even when nobody set them: structs held by value, lists never left out.

Filling one in adds what is in it, not the member itself, so that nobody comes to own the member.
"""

from __future__ import annotations

from typing import Final

from bascule.control.schema import types

_NONE: Final[frozenset[str]] = frozenset()
_CORE: Final = "io.k8s.api.core.v1."
_MEMBERS: Final = {
    f"{_CORE}Container": {"resources"},
    f"{_CORE}EphemeralContainer": {"resources"},
    f"{_CORE}Event": {"involvedObject", "source"},
    f"{_CORE}NodeDaemonEndpoints": {"kubeletEndpoint"},
    f"{_CORE}NodeStatus": {"daemonEndpoints", "nodeInfo"},
    f"{_CORE}PersistentVolumeClaimSpec": {"resources"},
    f"{_CORE}PersistentVolumeClaimTemplate": {"spec"},
    f"{_CORE}PodSpec": {"containers"},
    f"{_CORE}PodTemplate": {"template"},
    f"{_CORE}PodTemplateSpec": {"metadata", "spec"},
    f"{_CORE}ServiceStatus": {"loadBalancer"},
    "io.k8s.api.admissionregistration.v1.MutatingWebhook": {"clientConfig"},
    "io.k8s.api.admissionregistration.v1.ValidatingWebhook": {"clientConfig"},
    "io.k8s.api.apps.v1.DaemonSetSpec": {"template", "updateStrategy"},
    "io.k8s.api.apps.v1.DeploymentSpec": {"strategy", "template"},
    "io.k8s.api.apps.v1.ReplicaSetSpec": {"template"},
    "io.k8s.api.apps.v1.StatefulSetSpec": {"template", "updateStrategy"},
    "io.k8s.api.autoscaling.v1.HorizontalPodAutoscalerSpec": {"scaleTargetRef"},
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec": {"scaleTargetRef"},
    "io.k8s.api.batch.v1.CronJobSpec": {"jobTemplate"},
    "io.k8s.api.batch.v1.JobSpec": {"template"},
    "io.k8s.api.batch.v1.JobTemplateSpec": {"metadata", "spec"},
    "io.k8s.api.events.v1.Event": {"deprecatedSource", "regarding"},
    "io.k8s.api.flowcontrol.v1.FlowSchemaSpec": {"priorityLevelConfiguration"},
    "io.k8s.api.flowcontrol.v1.LimitedPriorityLevelConfiguration": {"limitResponse"},
    "io.k8s.api.networking.v1.IngressServiceBackend": {"port"},
    "io.k8s.api.networking.v1.IngressStatus": {"loadBalancer"},
    "io.k8s.api.networking.v1.NetworkPolicySpec": {"podSelector"},
    "io.k8s.api.rbac.v1.ClusterRoleBinding": {"roleRef"},
    "io.k8s.api.rbac.v1.RoleBinding": {"roleRef"},
    "io.k8s.api.resource.v1.AllocatedDeviceStatus": {"conditions"},
    "io.k8s.api.resource.v1.AllocationResult": {"devices"},
    "io.k8s.api.resource.v1.ResourceClaimSpec": {"devices"},
    "io.k8s.api.resource.v1.ResourceClaimTemplateSpec": {"metadata", "spec"},
    "io.k8s.api.resource.v1.ResourceSliceSpec": {"pool"},
    "io.k8s.api.storage.v1.CSINodeSpec": {"drivers"},
    "io.k8s.api.storage.v1.VolumeAttachmentSpec": {"source"},
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionSpec": {"names"},
}
_OF: Final = {definition: frozenset(members) for definition, members in _MEMBERS.items()}


_BUILT_IN: Final = ("io.k8s.api.", "io.k8s.apiextensions-apiserver.", "io.k8s.kube-aggregator.")
_HALVES: Final = frozenset({"spec", "status"})


def of_object(schema: types.TypeSchema) -> frozenset[str]:
    """The names of a kind's standing members; custom resources have none."""
    return _HALVES | members(schema) if schema.definition.startswith(_BUILT_IN) else _NONE


def members(schema: types.TypeSchema) -> frozenset[str]:
    """The names of a type's standing members."""
    return _OF.get(schema.definition, _NONE)
