"""The two kinds that histories are made of: config maps, and a custom resource in two versions."""

from __future__ import annotations

from typing import NamedTuple

from tests.history import record
from tests.unit.control.api import crds

COLORS = ("red", "blue")


class Kind(NamedTuple):
    """`versions` are served alike; `color` is the path of the field that fields select by."""

    plural: str
    kind: str
    roots: tuple[str, ...]
    api_versions: tuple[str, ...]
    has_status: bool

    def collection(self, cluster: str = "", namespace: str = "", version: int = 0) -> str:
        prefix = f"/clusters/{cluster}" if cluster else ""
        within = f"/namespaces/{namespace}" if namespace else ""
        return f"{prefix}{self.roots[version]}{within}/{self.plural}"

    def body(self, name: str, color: str, mark: str, version: int = 0) -> record.Object:
        metadata = {"name": name, "labels": {"color": color}, "annotations": {"mark": mark}}
        held = {"spec": {"image": color}} if self.has_status else {"data": {"image": color}}
        return {"apiVersion": self.api_versions[version], "kind": self.kind, "metadata": metadata, **held}


MAPS = Kind("configmaps", "ConfigMap", ("/api/v1",), ("v1",), has_status=False)
_GROUP = f"/apis/{crds.GROUP}"
TABS = Kind(
    "crontabs", "CronTab", (f"{_GROUP}/v1", f"{_GROUP}/v2"), (f"{crds.GROUP}/v1", f"{crds.GROUP}/v2"), has_status=True
)


def definition() -> record.Object:
    """Of the custom resource."""
    properties = {"image": {"type": "string"}}
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": properties},
            "status": {"type": "object", "properties": {"mark": {"type": "string"}}},
        },
    }
    more = {"selectableFields": [{"jsonPath": ".spec.image"}], "subresources": {"status": {}}}
    versions = [
        {**crds.version("v1", **more), "schema": {"openAPIV3Schema": schema}},
        {**crds.version("v2", storage=False, **more), "schema": {"openAPIV3Schema": schema}},
    ]
    return crds.definition("CronTab", *versions)


def views(kind: Kind) -> list[record.View]:
    """Every way of looking at the resource that watchers take."""
    everywhere, own, team = kind.collection("*"), kind.collection(), kind.collection(namespace="default")
    newest = len(kind.roots) - 1
    table, metadata = "table", "metadata"
    found = [
        record.View("every cluster", everywhere, cluster=None),
        record.View("every namespace", own),
        record.View("another version", kind.collection(version=newest)),
        record.View("another cluster", kind.collection("east"), cluster="east"),
        record.View("one namespace", team, namespace="default"),
        record.View("red", team, "labelSelector=color=red", namespace="default", label=("color", "red")),
        record.View("blue everywhere", everywhere, "labelSelector=color%20in%20(blue)", None, label=("color", "blue")),
        record.View("one name", own, "fieldSelector=metadata.name=n1", name="n1"),
        record.View("as tables", team, "includeObject=Object", namespace="default", shape=table),  # type: ignore[arg-type]
        record.View("rows' metadata", own, shape=metadata),  # type: ignore[arg-type]
        record.View("metadata", kind.collection(version=newest), shape=metadata),  # type: ignore[arg-type]
    ]
    if kind.has_status:
        red = (("spec", "image"), "red")
        found.append(record.View("red by field", own, "fieldSelector=spec.image=red", content=red))
        found.append(record.View("red by v2", kind.collection(version=1), "fieldSelector=spec.image=red", content=red))
    return found
