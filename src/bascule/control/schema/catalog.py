"""The schemas of the built-in kinds, loaded from the installed `kubernetes_validate` package on first use.

Loading keeps structure and merge directives and drops descriptions; `definitions` reads the file again, descriptions
and all, for those who publish it. Defaults are not in these schemas; the few that identify list items are here.
"""

from __future__ import annotations

import functools
import importlib.util
import pathlib
from collections.abc import Mapping
from typing import Any

import orjson

from bascule.control.schema import types

VERSION = "v1.36.0"

_REF = "#/$defs/"
_UNTYPED = frozenset(
    {
        "io.k8s.apimachinery.pkg.runtime.RawExtension",
        "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
        "io.k8s.apimachinery.pkg.apis.meta.v1.Patch",
    }
)
_NAMED_SHAPES: dict[str, types.Shape] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "time",
}
# Ports are identified by number and protocol, and an absent protocol means TCP.
_IDENTITY_DEFAULTS = {
    "io.k8s.api.core.v1.ContainerPort": {"protocol": "TCP"},
    "io.k8s.api.core.v1.ServicePort": {"protocol": "TCP"},
}


def definitions() -> dict[str, dict[str, Any]]:
    """The OpenAPI definitions by name, as published upstream, with descriptions. Not cached: some 8 MB."""
    spec = importlib.util.find_spec("kubernetes_validate")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package kubernetes-validate, which carries the schemas, is not installed")
    path = pathlib.Path(spec.origin).parent / "kubernetes-json-schema" / f"{VERSION}-local" / "_definitions.json"
    loaded: dict[str, dict[str, Any]] = orjson.loads(path.read_bytes())["$defs"]
    return loaded


class Catalog:
    """Every built-in type, by definition name and by kind."""

    def __init__(self, source: Mapping[str, Mapping[str, Any]]) -> None:
        self._by_definition: dict[str, types.TypeSchema] = {}
        self._by_kind: dict[tuple[str, str], types.TypeSchema] = {}
        for name, schema in source.items():
            node = types.TypeSchema(_NAMED_SHAPES.get(name) or _shape(schema, name))
            node.definition = name
            node.direct(schema)
            self._by_definition[name] = node
        for name, schema in source.items():
            self._fill(self._by_definition[name], schema)
            for field, value in _IDENTITY_DEFAULTS.get(name, {}).items():
                defaulted = self._by_definition[name].fields[field].placed({"x-kubernetes-map-type": "granular"})
                defaulted.default = value
                self._by_definition[name].fields[field] = defaulted
            for kind in schema.get("x-kubernetes-group-version-kind") or ():
                api_version = f"{kind['group']}/{kind['version']}" if kind["group"] else kind["version"]
                self._by_kind[api_version, kind["kind"]] = self._by_definition[name]

    def by_kind(self, api_version: str, kind: str) -> types.TypeSchema | None:
        """The schema of a kind, for example `("apps/v1", "Deployment")`."""
        return self._by_kind.get((api_version, kind))

    def by_definition(self, name: str) -> types.TypeSchema | None:
        """The schema of a definition, for example `io.k8s.api.core.v1.PodSpec`."""
        return self._by_definition.get(name)

    def _fill(self, node: types.TypeSchema, schema: Mapping[str, Any]) -> None:
        node.format = schema.get("format") or ""
        if node.shape == "struct":
            node.required = tuple(schema.get("required") or ())
            for name, member in (schema.get("properties") or {}).items():
                node.fields[name] = self._node(member)
        elif node.shape == "map":
            node.additional = self._node(schema["additionalProperties"])
        elif node.shape == "list":
            node.items = self._node(schema["items"])

    def _node(self, schema: Mapping[str, Any]) -> types.TypeSchema:
        reference = schema.get("$ref")
        if reference is not None:
            return self._by_definition[reference.removeprefix(_REF)].placed(schema)
        shape = _shape(schema, "")
        if len(schema) <= 2 + ("description" in schema) and shape in ("string", "boolean", "integer", "number"):
            return _plain(shape, schema.get("format") or "")
        node = types.TypeSchema(shape)
        node.direct(schema)
        self._fill(node, schema)
        return node


@functools.cache
def _plain(shape: types.Shape, format_name: str) -> types.TypeSchema:
    node = types.TypeSchema(shape)
    node.format = format_name
    return node


def _shape(schema: Mapping[str, Any], definition: str) -> types.Shape:
    declared = schema.get("type")
    kind = declared[0] if isinstance(declared, list) else declared
    if definition in _UNTYPED or kind is None:
        return "any"
    if kind == "array":
        return "list"
    if kind == "object":
        if "additionalProperties" in schema:
            return "map"
        return "struct" if definition or "properties" in schema else "any"
    shape: types.Shape = kind
    return shape


@functools.cache
def load() -> Catalog:
    """The catalog of this version's built-ins; the first call takes a few hundredths of a second."""
    return Catalog(definitions())


def schema_of(api_version: str, kind: str) -> types.TypeSchema | None:
    """The schema of a built-in kind, or nothing when there is no such kind."""
    return load().by_kind(api_version, kind)
