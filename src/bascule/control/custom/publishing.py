"""The schemas of custom resources as OpenAPI publishes them: version 3 whole, version 2 with what old clients bear.

The root and embedded resources are given the built-ins' `apiVersion`, `kind` and `metadata`. In version 2 there are no
combinations, what may be null has no type, and below content that is kept unseen nothing is described: kubectl would
refuse what the server takes.
"""

from __future__ import annotations

from typing import Any, Literal

Schema = dict[str, Any]
Version = Literal[2, 3]

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_MORE = "More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
# Clients' tests look for these very words.
_API_VERSION = (
    "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized "
    f"schemas to the latest internal value, and may reject unrecognized values. {_MORE}#resources"
)
_KIND = (
    "Kind is a string value representing the REST resource this object represents. Servers may infer this from the "
    f"endpoint the client submits requests to. Cannot be updated. In CamelCase. {_MORE}#types-kinds"
)
_METADATA = f"Standard object's metadata. {_MORE}#metadata"
_LIST_METADATA = f"Standard list metadata. {_MORE}#types-kinds"
_EMBEDDED_API_VERSION = (
    f"apiVersion defines the versioned schema of this representation of an object. {_MORE}#resources"
)
_EMBEDDED_KIND = f"kind is a string value representing the type of this object. In CamelCase. {_MORE}#types-kinds"
_KEPT = (
    *("title", "description", "type", "format", "default", "nullable", "externalDocs", "required", "enum", "pattern"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"),
    *("minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"),
    *("x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string"),
    *("x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-map-type", "x-kubernetes-validations"),
)
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]


def definition_name(group: str, version: str, kind: str) -> str:
    """`com.example.stable.v1.CronTab`."""
    return ".".join([*reversed(group.split(".")), version, kind])


def definitions(
    name: str,
    schema: Schema,
    group_version_kind: tuple[str, str, str],
    *,
    version: Version,
    list_kind: str = "",
    plural: str = "",
) -> dict[str, Schema]:
    """The schemas of a kind and of its lists, by definition name. `schema` is its version's, as written."""
    group, api_version, kind = group_version_kind
    list_kind = list_kind or f"{kind}List"
    list_name = name.removesuffix(kind) + list_kind
    return {
        name: {**_root(schema, version), **_says(group, api_version, kind)},
        list_name: {
            **_list(name, kind, list_kind, plural or kind.lower(), version),
            **_says(group, api_version, list_kind),
        },
    }


def _says(group: str, version: str, kind: str) -> Schema:
    return {"x-kubernetes-group-version-kind": [{"group": group, "version": version, "kind": kind}]}


def _root(schema: Schema, version: Version) -> Schema:
    if not schema or (version == 2 and _is_open(schema)):
        return {"type": "object"}
    made = _schema(schema, version)
    made["properties"] = {**made.get("properties", {}), **_resource(version)}
    return made


def _resource(version: Version, *, embedded: bool = False) -> Schema:
    return {
        "apiVersion": {"type": "string", "description": _EMBEDDED_API_VERSION if embedded else _API_VERSION},
        "kind": {"type": "string", "description": _EMBEDDED_KIND if embedded else _KIND},
        "metadata": _reference(f"{_META}ObjectMeta", _METADATA, version),
    }


def _reference(name: str, description: str, version: Version) -> Schema:
    """Version 2 has references beside descriptions; version 3 wraps them."""
    if version == 2:
        return {"description": description, "$ref": f"#/definitions/{name}"}
    return {"description": description, "allOf": [{"$ref": f"#/components/schemas/{name}"}]}


def _list(name: str, kind: str, list_kind: str, plural: str, version: Version) -> Schema:
    prefix = "#/definitions/" if version == 2 else "#/components/schemas/"
    return {
        "type": "object",
        "description": f"{list_kind} is a list of {kind}",
        "required": ["items"],
        "properties": {
            **_resource(version),
            "items": {
                "type": "array",
                "description": f"List of {plural}. {_MORE}",
                "items": {"$ref": prefix + name},
            },
            "metadata": _reference(f"{_META}ListMeta", _LIST_METADATA, version),
        },
    }


def _schema(schema: Schema, version: Version) -> Schema:
    made = {key: schema[key] for key in _KEPT if key in schema and not _says_nothing(key, schema[key])}
    items, properties, additional = schema.get("items"), schema.get("properties"), schema.get("additionalProperties")
    if type(items) is dict:
        made["items"] = _schema(items, version)
    if properties:
        made["properties"] = {name: _schema(member, version) for name, member in properties.items()}
    if additional is not None:
        made["additionalProperties"] = _schema(additional, version) if type(additional) is dict else additional
    if version == 3:
        _combine(schema, made)
    else:
        _reduce(schema, made)
    if schema.get("x-kubernetes-embedded-resource") is True and not (version == 2 and _is_open(schema)):
        made["properties"] = {**made.get("properties", {}), **_resource(version, embedded=True)}
        required = made.get("required", [])
        made["required"] = [*required, *(key for key in ("kind", "apiVersion") if key not in required)]
    return made


def _says_nothing(key: str, value: Any) -> bool:
    return value is None or (key != "default" and (value is False or value in ("", [])))


def _is_open(schema: Schema) -> bool:
    return schema.get("x-kubernetes-preserve-unknown-fields") is True


def _combine(schema: Schema, made: Schema) -> None:
    """Combinations as written; int-or-string says what it is in plain words, too."""
    for key in ("allOf", "anyOf", "oneOf"):
        if schema.get(key):
            made[key] = schema[key]
    if type(schema.get("not")) is dict:
        made["not"] = schema["not"]
    if schema.get("x-kubernetes-int-or-string") is not True:
        return
    all_of = schema.get("allOf") or []
    if schema.get("anyOf") == _INT_OR_STRING or (all_of and all_of[0].get("anyOf") == _INT_OR_STRING):
        return
    if "anyOf" in made:
        made["allOf"] = [{"anyOf": _INT_OR_STRING}, *all_of]
    else:
        made["anyOf"] = _INT_OR_STRING


def _reduce(schema: Schema, made: Schema) -> None:
    """What kubectl cannot cope with in version 2 is left out."""
    if made.pop("nullable", False):
        for key in ("type", "items", "properties"):
            made.pop(key, None)
    if _is_open(schema):
        made.pop("items", None)
        made.pop("properties", None)
        if made.get("type") == "object":
            del made["type"]
    if made.get("type") == "array" and "items" not in made:
        del made["type"]
    nullable = {name for name, member in (schema.get("properties") or {}).items() if member.get("nullable") is True}
    additional = schema.get("additionalProperties")
    if type(additional) is dict and additional.get("nullable") is True:
        made.pop("required", None)
    elif nullable and "properties" in made:
        made["required"] = [name for name in made.get("required", []) if name not in nullable]
        if not made["required"]:
            del made["required"]
