"""OpenAPI v3: what kubectl looks for is there, every reference resolves, hashes are stable."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from bascule.control.schema import catalog, openapi_v3
from bascule.vocabulary import builtins


@pytest.fixture(scope="module")
def documents() -> dict[tuple[str, str], Any]:
    definitions = catalog.definitions()
    return {
        (group, version): orjson.loads(
            openapi_v3.document(group, version, list(builtins.REGISTRY), "v1.36.0", definitions=definitions)
        )
        for group, version in builtins.REGISTRY.group_versions()
    }


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_every_reference_resolves(documents: dict[tuple[str, str], Any]) -> None:
    for document in documents.values():
        known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
        assert references(document) == known


def test_every_resource_can_be_explained_and_validated(documents: dict[tuple[str, str], Any]) -> None:
    for row in builtins.REGISTRY:
        document = documents[row.group, row.version]
        item = document["paths"].get(row.path("{namespace}" if row.namespaced else "", "{name}"), {})
        gvk = {"group": row.group, "version": row.version, "kind": row.kind}
        if "patch" in row.verbs:
            patch = item["patch"]
            assert patch["x-kubernetes-group-version-kind"] == gvk
            assert "fieldValidation" in {parameter["name"] for parameter in patch["parameters"]}
            assert "application/strategic-merge-patch+json" in patch["requestBody"]["content"]
        schemas = document["components"]["schemas"].values()
        assert any(gvk in schema.get("x-kubernetes-group-version-kind", ()) for schema in schemas), row


def test_types_are_single_and_directives_kept(documents: dict[tuple[str, str], Any]) -> None:
    schemas = documents["", "v1"]["components"]["schemas"]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["type"] == "array"
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert containers["items"] == {"$ref": "#/components/schemas/io.k8s.api.core.v1.Container"}
    assert schemas["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]["format"] == "int-or-string"


def test_index_and_hash() -> None:
    rows = list(builtins.REGISTRY)
    first, second = (openapi_v3.document("batch", "v1", rows, "v1.36.0") for _ in range(2))
    assert openapi_v3.content_hash(first) == openapi_v3.content_hash(second)
    assert openapi_v3.index({("", "v1"): "A", ("apps", "v1"): "B"}) == {
        "paths": {
            "api/v1": {"serverRelativeURL": "/openapi/v3/api/v1?hash=A"},
            "apis/apps/v1": {"serverRelativeURL": "/openapi/v3/apis/apps/v1?hash=B"},
        }
    }
