"""Members that an object of a type has even when nobody set them: structs held by value, lists never left out.

Filling one in adds what is in it, not the member itself, so that nobody comes to own the member.
"""

from __future__ import annotations

from typing import Final

from bascule.control.schema import types

_NONE: Final[frozenset[str]] = frozenset()
_CORE: Final = "io.k8s.api.core.v1."
_MEMBERS: Final = {
    f"{_CORE}Event": {"source"},
    f"{_CORE}NodeDaemonEndpoints": {"kubeletEndpoint"},
    f"{_CORE}NodeStatus": {"daemonEndpoints", "nodeInfo"},
    f"{_CORE}PersistentVolumeClaimSpec": {"resources"},
    f"{_CORE}PodSpec": {"containers"},
    f"{_CORE}PodTemplate": {"template"},
    f"{_CORE}PodTemplateSpec": {"metadata", "spec"},
    f"{_CORE}ServiceStatus": {"loadBalancer"},
    "io.k8s.api.apps.v1.DaemonSetSpec": {"template", "updateStrategy"},
    "io.k8s.api.apps.v1.DeploymentSpec": {"strategy", "template"},
    "io.k8s.api.apps.v1.ReplicaSetSpec": {"template"},
    "io.k8s.api.apps.v1.StatefulSetSpec": {"template", "updateStrategy"},
    "io.k8s.api.batch.v1.CronJobSpec": {"jobTemplate"},
    "io.k8s.api.batch.v1.JobSpec": {"template"},
    "io.k8s.api.batch.v1.JobTemplateSpec": {"metadata", "spec"},
    "io.k8s.api.networking.v1.IngressStatus": {"loadBalancer"},
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
