"""OpenAPI v3: one document for each group version, computed from registry rows and the schemas.

Has what kubectl reads: paths with kinds, patch types and the parameters it looks for, and the schemas they reach with
their merge directives and descriptions. It is no full description of every verb's parameters and answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from bascule.control.schema import catalog
from bascule.vocabulary import resources

_REF = "#/components/schemas/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_PATCH_TYPES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
_BODY_TYPES = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
# Subresources that speak of another kind than their resource; the rest speak of the resource itself.
_SUBRESOURCE_KINDS = {
    "scale": ("autoscaling/v1", "Scale"),
    "eviction": ("policy/v1", "Eviction"),
    "binding": ("v1", "Binding"),
    "token": ("authentication.k8s.io/v1", "TokenRequest"),
}
_CREATED_SUBRESOURCES = frozenset({"eviction", "binding", "token"})
_STREAMED_SUBRESOURCES = frozenset({"log", "exec", "attach", "portforward", "proxy"})

_PARAMETERS = {
    "labelSelector": "Labels that restrict the list of returned objects; all by default.",
    "fieldSelector": "Fields that restrict the list of returned objects; all by default.",
    "limit": "The most objects of one answer; what is left over is had with `continue`.",
    "continue": "From the answer before, whose rest is wanted.",
    "resourceVersion": "How new the answer must be.",
    "resourceVersionMatch": "How `resourceVersion` is meant.",
    "sendInitialEvents": "Begins a watch with all there is, up to a bookmark.",
    "allowWatchBookmarks": "Asks for events of type BOOKMARK.",
    "timeoutSeconds": "How long a list or a watch may take.",
    "watch": "Watch for changes to the described resources, told as they are added, modified and deleted.",
    "dryRun": "`All`: everything happens but the writing.",
    "fieldManager": "Who makes the change.",
    "fieldValidation": "What unknown and repeated fields are: Ignore, Warn or Strict.",
    "force": "Takes fields from other managers; for apply.",
    "propagationPolicy": "What becomes of dependents: Orphan, Background or Foreground.",
}

Custom = Mapping[tuple[str, str], Mapping[str, Any]]
"""By apiVersion and kind, the definitions of a custom resource and of its lists, in this order."""


class _Words(NamedTuple):
    """What paths say of a resource: the names of its schemas where the catalog has none, and which bodies it takes."""

    names: Mapping[tuple[str, str], str]
    bodies: tuple[str, ...]
    patches: tuple[str, ...]


_BUILT_IN = _Words({}, _BODY_TYPES, _PATCH_TYPES)


def _words(rows: Iterable[resources.Resource], custom: Custom) -> _Words:
    if not custom:
        return _BUILT_IN
    names = {}
    for row in rows:
        if (row.api_version, row.kind) in custom:
            names[row.api_version, row.kind], names[row.api_version, row.list_kind] = custom[row.api_version, row.kind]
    return _Words(names, _BODY_TYPES[:2], _PATCH_TYPES[:3])


def index(hashes: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """The `/openapi/v3` answer, from (group, version) to the hash of its document."""
    listed = {}
    for (group, version), value in hashes.items():
        path = f"apis/{group}/{version}" if group else f"api/{version}"
        listed[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={value}"}
    return {"paths": listed}


def content_hash(document_bytes: bytes) -> str:
    """The hash in a document's URL: the same for the same document, in every process."""
    return hashlib.sha256(document_bytes).hexdigest().upper()


def document(
    group: str,
    version: str,
    rows: Sequence[resources.Resource],
    server_version: str,
    *,
    definitions: Mapping[str, Mapping[str, Any]] | None = None,
    custom: Custom | None = None,
) -> bytes:
    """The JSON document of one group version. `definitions` spares a second reading of the schemas.

    `custom`: the rows are custom resources', with these schemas.
    """
    source = definitions if definitions is not None else catalog.definitions()
    described = paths([row for row in rows if (row.group, row.version) == (group, version)], custom)
    own = {name: schema for schemas in (custom or {}).values() for name, schema in schemas.items()}
    whole = {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": server_version},
        "paths": described,
        "components": {
            "schemas": components([described, own], source) | own,
            "securitySchemes": {
                "BearerToken": {
                    "type": "apiKey",
                    "description": "Bearer Token authentication",
                    "name": "authorization",
                    "in": "header",
                }
            },
        },
    }
    return orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)


def paths(rows: Iterable[resources.Resource], custom: Custom | None = None) -> dict[str, Any]:
    """The path items of the rows."""
    rows = list(rows)
    words = _words(rows, custom or {})
    described: dict[str, Any] = {}
    for row in rows:
        described.update(_paths_of(row, words))
    return described


def _paths_of(row: resources.Resource, words: _Words) -> Iterator[tuple[str, Any]]:
    namespace = "{namespace}" if row.namespaced else ""
    kind = _reference(row.api_version, row.kind, words)
    listed = _reference(row.api_version, row.list_kind, words)
    collection: dict[str, Any] = {}
    if "list" in row.verbs:
        collection["get"] = _operation(row, "list", listed or kind)
    if "create" in row.verbs:
        collection["post"] = _operation(row, "post", kind, body=words.bodies)
    if "deletecollection" in row.verbs:
        collection["delete"] = _operation(row, "deletecollection", f"{_META}Status")
    yield row.path(namespace), _item(collection, namespace, "")
    if namespace and "list" in row.verbs:
        yield row.path(), _item({"get": _operation(row, "list", listed or kind)}, "", "")
    item: dict[str, Any] = {}
    if "get" in row.verbs:
        item["get"] = _operation(row, "get", kind)
    if "update" in row.verbs:
        item["put"] = _operation(row, "put", kind, body=words.bodies)
    if "patch" in row.verbs:
        item["patch"] = _operation(row, "patch", kind, body=words.patches)
    if "delete" in row.verbs:
        item["delete"] = _operation(row, "delete", f"{_META}Status")
    if item:
        yield row.path(namespace, "{name}"), _item(item, namespace, "{name}")
    for subresource in row.subresources:
        yield row.path(namespace, "{name}", subresource), _subresource(row, namespace, subresource, words)


def _subresource(row: resources.Resource, namespace: str, subresource: str, words: _Words) -> dict[str, Any]:
    api_version, kind = _SUBRESOURCE_KINDS.get(subresource, (row.api_version, row.kind))
    spoken = resources.Resource(*_split(api_version), row.plural, kind)
    reference = _reference(api_version, kind, words)
    if subresource in _STREAMED_SUBRESOURCES:
        operations = {"get": _operation(row, "connect" if subresource != "log" else "get", "")}
    elif subresource in _CREATED_SUBRESOURCES:
        operations = {"post": _operation(spoken, "post", reference, body=_BODY_TYPES)}
    else:
        operations = {
            "get": _operation(spoken, "get", reference),
            "put": _operation(spoken, "put", reference, body=words.bodies),
            "patch": _operation(spoken, "patch", reference, body=words.patches),
        }
    return _item(operations, namespace, "{name}")


def _split(api_version: str) -> tuple[str, str]:
    group, _, version = api_version.rpartition("/")
    return group, version


def _reference(api_version: str, kind: str, words: _Words) -> str:
    named = words.names.get((api_version, kind))
    if named is not None:
        return named
    schema = catalog.schema_of(api_version, kind)
    return schema.definition if schema is not None else ""


def _operation(row: resources.Resource, action: str, reference: str, *, body: Sequence[str] = ()) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": [f"{row.group.partition('.')[0] or 'core'}_{row.version}"],
        "responses": {"200": {"description": "OK", **_content(("application/json",), reference)}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {"group": row.group, "version": row.version, "kind": row.kind},
    }
    if body:
        reference = f"{_META}Patch" if action == "patch" else reference
        operation["requestBody"] = {"required": True, **_content(body, reference)}
        operation["parameters"] = [_query("dryRun"), _query("fieldManager"), _query("fieldValidation")]
        if action == "patch":
            operation["parameters"].append(_query("force", "boolean"))
    elif action in ("delete", "deletecollection"):
        operation["parameters"] = [_query("dryRun"), _query("propagationPolicy")]
        operation["requestBody"] = _content(_BODY_TYPES, f"{_META}DeleteOptions")
    elif action == "list":
        operation["parameters"] = [
            _query("labelSelector"),
            _query("fieldSelector"),
            _query("limit", "integer"),
            _query("continue"),
            _query("resourceVersion"),
            _query("resourceVersionMatch"),
            _query("sendInitialEvents", "boolean"),
            _query("allowWatchBookmarks", "boolean"),
            _query("timeoutSeconds", "integer"),
            _query("watch", "boolean"),
        ]
    return operation


def _content(media_types: Sequence[str], reference: str) -> dict[str, Any]:
    schema = {"$ref": f"{_REF}{reference}"} if reference else {"type": "string"}
    return {"content": {media_type: {"schema": schema} for media_type in media_types}}


def _query(name: str, kind: str = "string") -> dict[str, Any]:
    described = {"description": _PARAMETERS[name]} if name in _PARAMETERS else {}
    return {**described, "name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}


def _item(operations: dict[str, Any], namespace: str, name: str) -> dict[str, Any]:
    parameters = [
        {"name": part, "in": "path", "required": True, "schema": {"type": "string", "uniqueItems": True}}
        for part, present in (("name", name), ("namespace", namespace))
        if present
    ]
    return {**operations, "parameters": parameters} if parameters else operations


def components(described: Any, source: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The schemas that described paths refer to, directly or through others."""
    components: dict[str, Any] = {}
    waiting = list(_references(described))
    while waiting:
        name = waiting.pop()
        if name not in components and name in source:
            components[name] = schema_v3(source[name], definition=name)
            waiting.extend(_references(components[name]))
    return components


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            if key == "$ref" and isinstance(member, str):
                yield member.removeprefix(_REF)
            elif isinstance(member, (dict, list)):
                yield from _references(member)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def schema_v3(schema: Mapping[str, Any], *, definition: str = "") -> dict[str, Any]:
    """A definition of the catalog as OpenAPI v3 says it: one type each, references beside descriptions."""
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "type":
            result["type"] = value[0] if isinstance(value, list) else value
        elif key == "$ref":
            reference = {"$ref": value.replace("#/$defs/", _REF)}
            if len(schema) == 1:
                return reference
            result["allOf"] = [reference]
            result["default"] = {}
        elif key == "properties":
            result[key] = {name: schema_v3(member) for name, member in value.items()}
        elif key in ("items", "additionalProperties"):
            result[key] = schema_v3(value) if isinstance(value, dict) else value
        elif key == "oneOf":
            result[key] = [schema_v3(option) for option in value]
        elif key != "enum" or "x-kubernetes-group-version-kind" not in schema:
            result[key] = value
    if definition and "x-kubernetes-group-version-kind" in schema:
        for name in ("apiVersion", "kind"):
            result.get("properties", {}).get(name, {}).pop("enum", None)
    if definition.endswith("intstr.IntOrString"):
        result["format"] = "int-or-string"
    return result
