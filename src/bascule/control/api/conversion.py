"""Between the versions of kinds that are served in two: autoscaling v1 and v2, events of both groups.

Stored are autoscaling/v2 and core events; the other version is converted at the edge. Nothing that one version can
say is lost on the way through the other, as far as the other has a place for it.
"""

from __future__ import annotations

from typing import Final

from bascule.control.api import endpoint
from bascule.control.kinds import autoscaler_versions
from bascule.vocabulary import objects, resources

_EVENT_FIELDS: Final = (
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
)
_EVENT_SELECTORS: Final = {
    "reportingController": "reportingComponent",
    **{
        f"regarding.{part}": f"involvedObject.{part}"
        for part in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    },
}


def of(row: resources.Resource) -> endpoint.Conversion | None:
    """The row's conversion; None where the served version is the stored one."""
    if row.group == "events.k8s.io":
        return endpoint.Conversion(_event_to_core, _event_from_core, _EVENT_SELECTORS)
    if row.group == "autoscaling" and row.version == "v1":
        return endpoint.Conversion(autoscaler_versions.to_v2, autoscaler_versions.from_v2)
    return None


def _event_to_core(obj: objects.Object) -> objects.Object:
    obj["apiVersion"] = "v1"
    for modern, core in _EVENT_FIELDS:
        if modern in obj:
            obj[core] = obj.pop(modern)
    return obj


def _event_from_core(obj: objects.Object) -> objects.Object:
    obj["apiVersion"] = "events.k8s.io/v1"
    for modern, core in _EVENT_FIELDS:
        if core in obj:
            obj[modern] = obj.pop(core)
    return obj
