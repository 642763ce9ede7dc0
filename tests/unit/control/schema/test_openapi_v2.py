"""OpenAPI v2: references resolve, and the protobuf form says the same as the JSON."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from bascule.control.schema import openapi_v2, openapi_v2_protobuf, protobuf
from bascule.vocabulary import builtins


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return openapi_v2.document(builtins.REGISTRY, "v1.36.0")


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_every_reference_resolves(described: dict[str, Any]) -> None:
    assert references(described) == {f"#/definitions/{name}" for name in described["definitions"]}
    assert orjson.loads(openapi_v2.as_json(described))["swagger"] == "2.0"


def test_scalars_with_alternatives_are_text(described: dict[str, Any]) -> None:
    definitions = described["definitions"]
    either = definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]
    assert (either["type"], either["format"]) == ("string", "int-or-string")
    assert definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"]["type"] == "string"


def fields(data: bytes, number: int) -> list[Any]:
    return [value for found, value in protobuf._raw_fields(data, 0, None) if found == number]


def named(entries: list[bytes]) -> dict[str, bytes]:
    return {fields(entry, 1)[0].decode(): fields(entry, 2)[0] for entry in entries}


def test_protobuf_says_the_same(described: dict[str, Any]) -> None:
    whole = openapi_v2_protobuf.encode(described)
    assert fields(whole, 1) == [b"2.0"]
    assert named(fields(fields(whole, 8)[0], 2)).keys() == described["paths"].keys()
    definitions = named(fields(fields(whole, 9)[0], 1))
    assert definitions.keys() == described["definitions"].keys()
    spec = definitions["io.k8s.api.core.v1.PodSpec"]
    properties = named(fields(fields(spec, 25)[0], 1))
    expected = described["definitions"]["io.k8s.api.core.v1.PodSpec"]["properties"]
    assert properties.keys() == expected.keys()
    containers = properties["containers"]
    assert fields(fields(containers, 22)[0], 1) == [b"array"]
    extensions = {name: fields(value, 2)[0] for name, value in named(fields(containers, 31)).items()}
    assert orjson.loads(extensions["x-kubernetes-patch-merge-key"]) == "name"
