"""OpenAPI v2 (Swagger): one document for everything, made from the paths and schemas of version 3.

Older clients and tools still ask for it, most of them as protobuf (`openapi_v2_protobuf`). What version 2 cannot say is
simplified: alternatives of scalars are text, references stand beside descriptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from bascule.control.schema import catalog, openapi_v3
from bascule.vocabulary import resources

_V3_REF = "#/components/schemas/"
_REF = "#/definitions/"
_METHODS = ("get", "put", "post", "delete", "patch")


def document(
    rows: Iterable[resources.Resource],
    server_version: str,
    *,
    definitions: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The document of all rows. Takes some hundredths of a second: compute it once, away from the event loop."""
    source = definitions if definitions is not None else catalog.definitions()
    paths = openapi_v3.paths(rows)
    schemas = openapi_v3.components(paths, source)
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": server_version},
        "paths": {path: _item(item) for path, item in sorted(paths.items())},
        "definitions": {name: schema_v2(schema, definition=name) for name, schema in sorted(schemas.items())},
        "securityDefinitions": {
            "BearerToken": {
                "type": "apiKey",
                "name": "authorization",
                "in": "header",
                "description": "Bearer Token authentication",
            }
        },
        "security": [{"BearerToken": []}],
    }


def fragment(rows: Iterable[resources.Resource], custom: openapi_v3.Custom) -> dict[str, Any]:
    """What custom resources add to the document; `custom` in the words of version 2."""
    paths = openapi_v3.paths(rows, custom)
    return {
        "swagger": "",
        "info": {"title": "", "version": ""},
        "paths": {path: _item(item) for path, item in sorted(paths.items())},
        "definitions": {name: schema for schemas in custom.values() for name, schema in schemas.items()},
    }


def as_json(described: Mapping[str, Any]) -> bytes:
    """The document as JSON."""
    return orjson.dumps(described)


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    converted: dict[str, Any] = {method: _operation(item[method]) for method in _METHODS if method in item}
    if "parameters" in item:
        converted["parameters"] = [_parameter(parameter) for parameter in item["parameters"]]
    return converted


def _operation(operation: Mapping[str, Any]) -> dict[str, Any]:
    parameters = [_parameter(parameter) for parameter in operation.get("parameters", ())]
    converted: dict[str, Any] = {
        "tags": operation["tags"],
        "consumes": ["*/*"],
        "produces": ["application/json"],
        "schemes": ["https"],
        **{key: value for key, value in operation.items() if key.startswith("x-")},
    }
    body = operation.get("requestBody")
    if body is not None:
        content = body["content"]
        converted["consumes"] = list(content)
        schema = schema_v2(next(iter(content.values()))["schema"])
        parameters.insert(0, {"name": "body", "in": "body", "required": body.get("required", False), "schema": schema})
    if parameters:
        converted["parameters"] = parameters
    answer = operation["responses"]["200"]
    schema = schema_v2(answer["content"]["application/json"]["schema"])
    converted["responses"] = {"200": {"description": answer["description"], "schema": schema}}
    return converted


def _parameter(parameter: Mapping[str, Any]) -> dict[str, Any]:
    flat = {key: value for key, value in parameter.items() if key != "schema"}
    return {**flat, **parameter["schema"]}


def schema_v2(schema: Mapping[str, Any], *, definition: str = "") -> dict[str, Any]:
    """A version 3 schema as version 2 says it."""
    if definition.endswith("intstr.IntOrString"):
        return {**_without(schema, "oneOf"), "type": "string", "format": "int-or-string"}
    if definition.endswith("resource.Quantity"):
        return {**_without(schema, "oneOf"), "type": "string"}
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "$ref":
            result[key] = value.replace(_V3_REF, _REF)
        elif key == "allOf" and len(value) == 1:
            result.update(schema_v2(value[0]))
        elif key == "properties":
            result[key] = {name: schema_v2(member) for name, member in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            result[key] = schema_v2(value)
        elif key not in ("oneOf", "default", "nullable"):
            result[key] = value
    return result


def _without(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != name}
