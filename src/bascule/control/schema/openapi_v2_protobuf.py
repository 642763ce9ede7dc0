"""OpenAPI v2 as protobuf, in the messages of gnostic's `openapiv2/OpenAPIv2.proto`, whose field numbers these are.

Encodes what `openapi_v2` makes and no more. Values of any shape (extensions, enums) travel as YAML text, which JSON is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

ACCEPTED_TYPE = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
"""What clients put into `Accept`."""
CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""What the answer says: the `@` of the other name is no legal character of a media type."""

_METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "patch": 8}
_SCHEMA_EXTENSIONS = 31
_OPERATION_EXTENSIONS = 13

Described = Mapping[str, Any]


def encode(document: Described) -> bytes:
    """The bytes of the message `Document`."""
    info = _text(1, document["info"]["title"]) + _text(2, document["info"]["version"])
    paths = b"".join(_field(2, _named(path, _item(item))) for path, item in document["paths"].items())
    definitions = _schemas(document["definitions"])
    return _text(1, document["swagger"]) + _field(2, info) + _field(8, paths) + _field(9, definitions)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _text(number: int, value: str) -> bytes:
    return _field(number, value.encode()) if value else b""


def _texts(number: int, values: Iterable[str]) -> bytes:
    return b"".join(_field(number, value.encode()) for value in values)


def _flag(number: int, *, value: bool) -> bytes:
    return _varint(number << 3) + b"\x01" if value else b""


def _named(name: str, value: bytes) -> bytes:
    return _text(1, name) + _field(2, value)


def _any(value: Any) -> bytes:
    return _field(2, orjson.dumps(value))


def _extensions(number: int, described: Described) -> bytes:
    return b"".join(
        _field(number, _named(key, _any(value))) for key, value in described.items() if key.startswith("x-")
    )


def _schemas(schemas: Mapping[str, Described]) -> bytes:
    return b"".join(_field(1, _named(name, _schema(schema))) for name, schema in schemas.items())


def _schema(schema: Described) -> bytes:
    parts = [
        _text(1, schema.get("$ref", "")),
        _text(2, schema.get("format", "")),
        _text(4, schema.get("description", "")),
        _texts(19, schema.get("required", ())),
    ]
    parts += [_field(20, _any(value)) for value in schema.get("enum", ())]
    additional = schema.get("additionalProperties")
    if isinstance(additional, dict):
        parts.append(_field(21, _field(1, _schema(additional))))
    elif additional is not None:
        parts.append(_field(21, _flag(2, value=True) if additional else b"\x10\x00"))
    if "type" in schema:
        parts.append(_field(22, _text(1, schema["type"])))
    if "items" in schema:
        parts.append(_field(23, _field(1, _schema(schema["items"]))))
    parts += [_field(24, _schema(part)) for part in schema.get("allOf", ())]
    if "properties" in schema:
        parts.append(_field(25, _schemas(schema["properties"])))
    parts.append(_extensions(_SCHEMA_EXTENSIONS, schema))
    return b"".join(parts)


def _item(item: Described) -> bytes:
    operations = [_field(number, _operation(item[method])) for method, number in _METHODS.items() if method in item]
    parameters = [_field(9, _parameter(parameter)) for parameter in item.get("parameters", ())]
    return b"".join(operations + parameters)


def _operation(operation: Described) -> bytes:
    responses = b"".join(
        _field(1, _named(code, _field(1, _response(response)))) for code, response in operation["responses"].items()
    )
    return b"".join(
        [
            _texts(1, operation["tags"]),
            _texts(6, operation["produces"]),
            _texts(7, operation["consumes"]),
            *(_field(8, _parameter(parameter)) for parameter in operation.get("parameters", ())),
            _field(9, responses),
            _texts(10, operation["schemes"]),
            _extensions(_OPERATION_EXTENSIONS, operation),
        ]
    )


def _response(response: Described) -> bytes:
    return _text(1, response["description"]) + _field(2, _field(1, _schema(response["schema"])))


def _parameter(parameter: Described) -> bytes:
    """A `ParametersItem`: a parameter of the body, the query or the path."""
    name, place = parameter["name"], parameter["in"]
    required = parameter.get("required", False)
    if place == "body":
        body = _text(2, name) + _text(3, place) + _flag(4, value=required)
        return _field(1, _field(1, body + _field(5, _schema(parameter["schema"]))))
    common = _flag(1, value=required) + _text(2, place) + _text(4, name)
    if place == "query":
        described = _field(3, common + _text(6, parameter["type"]) + _flag(20, value=True))
    else:
        described = _field(4, common + _text(5, parameter["type"]) + _flag(19, value=True))
    return _field(1, _field(2, described))
