"""The metadata of resources inside custom resources, and of those themselves: in its own shape, or refused.

What ObjectMeta does not know is dropped and reported; what has another type than ObjectMeta says is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bascule.control.custom import structural
from bascule.control.schema import catalog, fitting, json_problems, moments, types, validation
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def object_meta() -> types.TypeSchema:
    """The type of `metadata`."""
    found = catalog.load().by_definition(_OBJECT_META)
    assert found is not None, "the catalog has ObjectMeta"
    return found


def coerce_root(obj: Object) -> list[str]:
    """In place; the paths dropped from `metadata`. Raises a StatusError (400)."""
    return _metadata(obj, "")


def coerce_embedded(obj: Object, node: structural.Node) -> list[str]:
    """In place, for every embedded resource; the paths dropped. Raises a StatusError (400)."""
    dropped = []
    if node.embeds:
        for path, resource in resources(obj, node, ""):
            for key in ("apiVersion", "kind"):
                if key in resource and resource[key].__class__ is not str:
                    cause = errors.invalid_value(f"{path}.{key}", resource[key], "must be a string")
                    raise errors.bad_request(f"{cause.field}: {cause.message}")
            dropped += _metadata(resource, path)
    return dropped


def resources(value: Any, node: structural.Node, path: str) -> Iterator[tuple[str, Object]]:
    """Each embedded resource below a value, with its path: `spec.template`, `spec.byName[key]`, `spec.list[0]`."""
    if value.__class__ is list:
        if node.items is not None and (node.items.embedded_resource or node.items.embeds):
            for index, item in enumerate(value):
                yield from _at(item, node.items, f"{path}[{index}]")
    elif value.__class__ is dict:
        for name, member in value.items():
            below = node.properties.get(name)
            if below is not None:
                if below.embedded_resource or below.embeds:
                    yield from _at(member, below, f"{path}.{name}" if path else name)
            elif node.additional is not None and (node.additional.embedded_resource or node.additional.embeds):
                yield from _at(member, node.additional, f"{path}[{name}]")


def _at(value: Any, node: structural.Node, path: str) -> Iterator[tuple[str, Object]]:
    if node.embedded_resource and value.__class__ is dict:
        yield path, value
    yield from resources(value, node, path)


def _metadata(resource: Object, path: str) -> list[str]:
    if "metadata" not in resource:
        return []
    schema, metadata = object_meta(), resource["metadata"]
    place = f"{path}.metadata" if path else "metadata"
    if metadata.__class__ is not dict:
        if metadata is None:
            resource["metadata"] = {}
            return []
        problem = f"json: cannot unmarshal {json_problems.kind(metadata)} into Go value of type v1.ObjectMeta"
        raise errors.bad_request(_at_place(path, metadata, problem))
    if fitting.fits(schema)(metadata):
        return []
    findings = validation.check(metadata, schema)
    if findings.type_errors:
        raise errors.bad_request(_at_place(path, metadata, findings.type_errors[0]))
    moments.settle(metadata, schema)
    resource["metadata"] = validation.prune_unknown(metadata, schema)
    return [f"{place}.{name}" for name in findings.unknown_fields]


def _at_place(path: str, metadata: Any, problem: str) -> str:
    """The root's metadata needs no path."""
    if not path:
        return problem
    cause = errors.invalid_value(f"{path}.metadata", metadata, problem)
    return f"{cause.field}: {cause.message}"
