"""Defaults of a pod's spec, shared by pods and by the templates of workloads."""

from __future__ import annotations

from bascule.control.kinds import quantities, shape
from bascule.control.kinds.pod import containers, volumes
from bascule.vocabulary.objects import Object

_DEFAULTS = (("restartPolicy", "Always"), ("dnsPolicy", "ClusterFirst"), ("schedulerName", "default-scheduler"))
CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")


def default_spec(spec: Object) -> None:
    for key, value in _DEFAULTS:
        if not spec.get(key):
            spec[key] = value
    shape.fill(spec, "terminationGracePeriodSeconds", 30)
    shape.ensure(spec, "securityContext")
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        # The old name of the field is kept equal to the new one for old clients.
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for key in CONTAINER_LISTS:
        if key in spec:
            for container in shape.items(spec, key):
                containers.default(container)
    for volume in shape.items(spec, "volumes"):
        volumes.default(volume)
    if spec.get("overhead"):
        quantities.canonicalize(spec, "overhead")


def default(template: Object) -> None:
    """A workload's `spec.template`."""
    shape.ensure(template, "metadata")
    default_spec(shape.ensure(template, "spec"))
