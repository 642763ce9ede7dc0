"""What a CustomResourceDefinition makes: kinds of its own, one for each version it serves.

A `Definition` is compiled from a definition that validated, and again whenever it changes; versions know how to prune,
default, validate and print their objects. Validators are compiled at the first object. Pure; which definitions are
served, and converting between their versions, is the API's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bascule.control.custom import columns as printing
from bascule.control.custom import defaulting, json_path, pruning, structural, type_schema
from bascule.control.kinds import columns, custom_resource, custom_rows, duration, generic, shape
from bascule.control.kinds.strategy import Cells, Column, Scale, SelectableFields, Strategy
from bascule.control.schema import types
from bascule.vocabulary import resources
from bascule.vocabulary.objects import Object


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a custom resource."""

    resource: resources.Resource
    node: structural.Node
    schema: types.TypeSchema
    strategy: Strategy
    selectable: tuple[str, ...]
    """Paths of selectable fields besides the metadata's, `spec.color`."""
    storage: bool
    served: bool
    deprecation: str
    """The warning for those who use the version; empty if it is not deprecated."""

    def prune(self, obj: Object) -> list[str]:
        """Drops undeclared fields in place; their paths. Raises a StatusError for metadata that is none."""
        return pruning.prune(obj, self.node)

    def default(self, obj: Object) -> bool:
        """Fills in defaults in place, on requests and on reading from the store; whether anything changed."""
        return defaulting.default(obj, self.node)


@dataclass(frozen=True, slots=True)
class Definition:
    """A custom resource in all its versions."""

    group: str
    plural: str
    kind: str
    versions: dict[str, Version]
    """Those served, best first."""
    known: dict[str, Version]
    """All of them: objects may be stored in one that is served no more."""
    storage: str
    conversion: Object
    uid: str


def compile(crd: Object) -> Definition:
    """The definition of a CustomResourceDefinition that validated."""
    spec = shape.mapping(crd, "spec")
    declared = {shape.text(version, "name"): version for version in shape.items(spec, "versions")}
    known = {name: _version(crd, declared[name]) for name in sorted(declared, key=custom_rows.version_order)}
    return Definition(
        group=shape.text(spec, "group"),
        plural=shape.text(_names(crd), "plural"),
        kind=shape.text(_names(crd), "kind"),
        versions={name: version for name, version in known.items() if version.served},
        known=known,
        storage=next((name for name, version in known.items() if version.storage), ""),
        conversion=shape.mapping(spec, "conversion") or {"strategy": "None"},
        uid=shape.text(shape.mapping(crd, "metadata"), "uid"),
    )


def _names(crd: Object) -> Object:
    """The names in use: those accepted, once they are."""
    accepted = shape.mapping(shape.mapping(crd, "status"), "acceptedNames")
    return accepted if accepted.get("plural") else shape.mapping(shape.mapping(crd, "spec"), "names")


def _version(crd: Object, version: Object) -> Version:
    spec = shape.mapping(crd, "spec")
    node = structural.parse(shape.mapping(shape.mapping(version, "schema"), "openAPIV3Schema"))
    resource = custom_rows.row(spec, _names(crd), version)
    selectable = tuple(
        shape.text(field, "jsonPath").removeprefix(".") for field in shape.items(version, "selectableFields")
    )
    own_columns, cells = _columns(version)
    group_version_kind = (resource.group, resource.version, resource.kind)
    return Version(
        resource=resource,
        node=node,
        schema=type_schema.of(node, group_version_kind),
        strategy=replace(
            custom_resource.make(node, version),
            columns=own_columns,
            cells=cells,
            selectable_fields=_selectable(selectable, namespaced=spec.get("scope") != "Cluster"),
            scale=_scale(version),
        ),
        selectable=selectable,
        storage=version.get("storage") is True,
        served=version.get("served") is True,
        deprecation=_deprecation(resource, version, shape.items(spec, "versions")),
    )


def _scale(version: Object) -> Scale | None:
    scale = shape.mapping(shape.mapping(version, "subresources"), "scale")
    if not scale:
        return None
    return Scale(
        spec_replicas=shape.text(scale, "specReplicasPath").removeprefix("."),
        status_replicas=shape.text(scale, "statusReplicasPath").removeprefix("."),
        selector=shape.text(scale, "labelSelectorPath").removeprefix("."),
    )


def _columns(version: Object) -> tuple[tuple[Column, ...], Cells]:
    declared, more_cells = printing.columns(version, duration.since)

    def cells(obj: Object, now: datetime) -> list[Any]:
        return [shape.mapping(obj, "metadata").get("name"), *more_cells(obj, now)]

    return (columns.NAME, *(Column(*column) for column in declared)), cells


def _selectable(paths: tuple[str, ...], *, namespaced: bool) -> SelectableFields:
    finders: list[tuple[str, Callable[[Any], list[Any]]]] = [(path, json_path.parse("." + path)) for path in paths]

    def selectable(obj: Object) -> dict[str, str]:
        fields = generic.name_fields(obj)
        if not namespaced:
            del fields["metadata.namespace"]
        for path, find in finders:
            found = find(obj)
            fields[path] = columns.shown(found[0], "") if found else ""
        return fields

    return selectable


def _deprecation(resource: resources.Resource, version: Object, versions: list[Object]) -> str:
    """What those are told who use the version: in its own words, or to use the best of the later ones."""
    if version.get("deprecated") is not True:
        return ""
    warning = version.get("deprecationWarning")
    if type(warning) is str:
        return warning
    named = sorted(
        (shape.text(other, "name") for other in versions if other.get("served") and not other.get("deprecated")),
        key=custom_rows.version_order,
    )
    told = f"{resource.api_version} {resource.kind} is deprecated"
    if named and custom_rows.version_order(named[0]) < custom_rows.version_order(resource.version):
        return f"{told}; use {resource.group}/{named[0]} {resource.kind}"
    return told
