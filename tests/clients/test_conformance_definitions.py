"""Definitions of custom resources as conformance tests look at them: statuses, validation, publication, defaults."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bascule.vocabulary import objects
from tests import waiting
from tests.clients import plane as planes
from tests.clients.conftest import Kubectl

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ANYTHING: objects.Object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[planes.Plane]:
    with planes.running(tmp_path_factory.mktemp("definitions")) as running:
        yield running


def definition(group: str, *versions: str, schema: objects.Object = ANYTHING, **more: Any) -> objects.Object:
    """As Go's clients send it, with a status of nothing."""
    names = {"plural": "foos", "singular": "foo", "kind": "Foo", "listKind": "FooList"}
    served = [
        {"name": name, "served": True, "storage": not number, "schema": {"openAPIV3Schema": schema}}
        for number, name in enumerate(versions or ("v1",))
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"foos.{group}", "creationTimestamp": None, "labels": {"group": group}},
        "spec": {"group": group, "names": names, "scope": "Cluster", "versions": served, **more},
        "status": {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": None},
    }


def define(plane: planes.Plane, group: str, *versions: str, **more: Any) -> str:
    """The path of the objects of the first version, once they are served."""
    plane.make(DEFINITIONS, definition(group, *versions, **more))
    path = f"/apis/{group}/{versions[0] if versions else 'v1'}"
    plane.until(path, lambda found: any(one["name"] == "foos" for one in found["resources"]))
    return f"{path}/foos"


def stepwise(plane: planes.Plane, path: str, *steps: objects.Object) -> Any:
    return plane.done("PATCH", path, json.dumps(steps).encode(), planes.JSON_PATCH)


def test_a_status_may_say_anything(plane: planes.Plane) -> None:
    define(plane, "status.example.com")
    path = f"{DEFINITIONS}/foos.status.example.com"

    def update() -> Any:
        current = plane.get(f"{path}/status")
        empty = {"type": "", "status": "", "lastTransitionTime": None, "message": "updated"}
        current["status"]["conditions"].append(empty)
        code, answer = plane.ask("PUT", f"{path}/status", current)
        assert code in (200, 409), answer
        return answer if code == 200 else None

    updated = waiting.until_sync(update)
    assert "updated" in [one.get("message") for one in updated["status"]["conditions"]]
    only = {"op": "add", "path": "/status/conditions", "value": [{"message": "patched"}]}
    patched = stepwise(plane, f"{path}/status", only)
    assert [one["message"] for one in patched["status"]["conditions"]] == ["patched"]
    plane.done("DELETE", f"{DEFINITIONS}?labelSelector=group%3Dstatus.example.com")
    plane.gone(path)
    plane.gone("/apis/status.example.com/v1")


PORT = {
    "type": "object",
    "required": ["containerPort", "protocol"],
    "properties": {"containerPort": {"type": "integer", "format": "int32"}, "protocol": {"type": "string"},
                   "name": {"type": "string"}},
}  # fmt: skip
PORTS = {
    "type": "array", "items": PORT, "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
}  # fmt: skip
TEMPLATE = {
    "type": "object", "x-kubernetes-embedded-resource": True,
    "properties": {"metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
                   "spec": {"type": "object"}},
}  # fmt: skip
SPEC = {"type": "object", "properties": {"foo": {"type": "string"}, "ports": PORTS, "template": TEMPLATE}}
STRICT = {"type": "object", "properties": {"spec": SPEC}}
LENIENT = {"type": "object", "properties": {"spec": {**SPEC, "x-kubernetes-preserve-unknown-fields": True}}}
BODY = """
apiVersion: {group}/v1beta1
kind: Foo
metadata:
  name: mytest
{meta}  finalizers:
  - test-finalizer
{top}spec:
{spec}  foo: foo1
  ports:
  - name: x
    containerPort: 80
    protocol: TCP"""
EMBEDDED = """  template:
    apiVersion: foo/v1
    kind: Sub
    metadata:
      unknownSubMeta: unknown
      name: subobject
"""


@pytest.mark.parametrize(
    ("schema", "parts", "refusals"),
    [
        (STRICT, {}, ()),
        (ANYTHING, {"spec": "  unknown: uk1\n"}, ()),
        (STRICT, {"top": "unknownField: unknown\n"}, (".unknownField: field not declared in schema",)),
        (
            LENIENT,
            {"meta": "  unknownMeta: unknown\n", "spec": EMBEDDED},
            (
                ".metadata.unknownMeta: field not declared in schema",
                ".spec.template.metadata.unknownSubMeta: field not declared in schema",
            ),
        ),
        (LENIENT, {"spec": "  unknown: uk1\n  foo: foo0\n"}, ('line 11: key "foo" already set in map',)),
    ],
    ids=["valid", "no-schema", "unknown-field", "unknown-metadata", "repeated-field"],
)
def test_an_apply_is_validated_strictly(
    plane: planes.Plane,
    request: pytest.FixtureRequest,
    schema: objects.Object,
    parts: dict[str, str],
    refusals: tuple[str, ...],
) -> None:
    group = f"{request.node.callspec.id}.example.com"
    path = define(plane, group, "v1beta1", "v1beta2", schema=schema)
    text = BODY.format(group=group, **{"meta": "", "top": "", "spec": "", **parts})
    query = "fieldManager=field_validation_mgr&fieldValidation=Strict"
    code, answer = plane.ask("PATCH", f"{path}/mytest?{query}", text.encode(), planes.APPLY, Accept="*/*")
    assert code == (400 if refusals else 201), answer
    assert all(text in answer["message"] for text in refusals), answer["message"]


# --- Publication


BAR = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "description": "Name of Bar."},
        "feeling": {"type": "string", "description": "Feeling of Bar.", "enum": ["Great", "Down"]},
        "bazs": {"type": "array", "description": "List of Bazs.", "items": {"type": "string"}},
    },
}
BARS = {"type": "array", "description": "List of Bars and their specs.", "items": BAR}
DESCRIBED: objects.Object = {
    "description": "Foo CRD for Testing",
    "type": "object",
    "properties": {"spec": {"type": "object", "description": "Specification of Foo", "properties": {"bars": BARS}}},
}


class Published:
    """The published document, asked for with its tag as long as it does not change."""

    def __init__(self, plane: planes.Plane) -> None:
        self._plane, self._tag, self._document = plane, "", {}

    def _read(self) -> objects.Object:
        connection = self._plane.client._connection
        connection.request("GET", "/openapi/v2", headers={"If-None-Match": self._tag} if self._tag else {})
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status in (200, 304)
        if answer.status == 200:
            self._tag, self._document = answer.getheader("ETag") or "", json.loads(content)
        return self._document

    def has(self, name: str, schema: objects.Object | None) -> None:
        """Waits until the definition is the schema, but for what the server adds; with None, until it is gone."""

        def right() -> bool:
            found = self._read()["definitions"].get(name)
            if found is None or schema is None:
                return found is schema
            added = {"metadata", "apiVersion", "kind"}
            found = {key: value for key, value in found.items() if key != "x-kubernetes-group-version-kind"}
            rest = {key: value for key, value in found.pop("properties", {}).items() if key not in added}
            return bool(({**found, "properties": rest} if rest else found) == schema)

        waiting.until_sync(right, what=name, timeout_seconds=20)


def test_what_is_served_is_published_and_nothing_else(plane: planes.Plane) -> None:
    define(plane, "publish.example.com", "v2", "v3", schema=DESCRIBED)
    define(plane, "empty.example.com", "v1")
    path, name = f"{DEFINITIONS}/foos.publish.example.com", "com.example.publish.{}.Foo"
    published = Published(plane)
    published.has("com.example.empty.v1.Foo", {"type": "object"})
    for version in ("v2", "v3"):
        published.has(name.format(version), DESCRIBED)
    stepwise(
        plane,
        path,
        {"op": "test", "path": "/spec/versions/1/name", "value": "v3"},
        {"op": "replace", "path": "/spec/versions/1/name", "value": "v4"},
    )
    published.has(name.format("v4"), DESCRIBED)
    published.has(name.format("v3"), None)
    published.has(name.format("v2"), DESCRIBED)
    stepwise(plane, path, {"op": "replace", "path": "/spec/versions/1/served", "value": False})
    published.has(name.format("v4"), None)
    published.has(name.format("v2"), DESCRIBED)
    plane.done("DELETE", path)
    published.has(name.format("v2"), None)


def test_kubectl_validates_and_explains(plane: planes.Plane, kubectl_binary: str, tmp_path: Path) -> None:
    define(plane, "explain.example.com", schema=DESCRIBED)
    define(plane, "free.example.com")
    kubectl = Kubectl(plane.data / "admin.kubeconfig", tmp_path)
    foos = "foos.v1.explain.example.com"

    def foo(spec: objects.Object, group: str = "explain") -> str:
        head = {"kind": "Foo", "apiVersion": f"{group}.example.com/v1", "metadata": {"name": "test-foo"}}
        return json.dumps({**head, **spec})

    for verb in ("create", "apply"):
        kubectl(verb, "-f", "-", stdin=foo({"spec": {"bars": [{"name": "test-bar"}]}}))
        kubectl("delete", foos, "test-foo")
        kubectl(verb, "-f", "-", stdin=foo({"a": {"b": [{"c": "d"}]}}, "free"))
        kubectl("delete", "foos.v1.free.example.com", "test-foo")
        for bad, said in (
            ({"foo": True}, 'unknown field "spec.foo"'),
            ({"bars": [{"bazs": ["a"]}]}, "spec.bars[0].name: Required value"),
            ({"bars": [{"name": "a", "feeling": "None"}]}, 'Unsupported value: "None"'),
        ):
            refused = kubectl.run(verb, "-f", "-", stdin=foo({"spec": bad}))
            assert refused.code != 0
            assert said in refused.err
    version = ("--api-version", "explain.example.com/v1")
    whole = kubectl("explain", "foos", *version)
    assert "Foo CRD for Testing" in whole
    assert "Specification of Foo" in whole
    assert "Standard object's metadata" in kubectl("explain", "foos.metadata", *version)
    bars = kubectl("explain", "foos.spec.bars", *version)
    assert all(text in bars for text in ("List of Bars and their specs", "<[]string>", "List of Bazs", "Name of Bar"))
    assert 'field "bars2" does not exist' in kubectl.run("explain", "foos.spec.bars2", *version).err
    assert "<empty>" in kubectl("explain", "foos", "--api-version", "free.example.com/v1")


# --- Defaults and watches


def test_defaults_come_and_go(plane: planes.Plane) -> None:
    properties = {"a": {"type": "string"}, "b": {"type": "string"}}
    path = define(plane, "defaults.example.com", schema={**ANYTHING, "properties": properties})
    head = {"apiVersion": "defaults.example.com/v1", "kind": "Foo"}
    plane.make(path, {**head, "metadata": {"name": "one"}})
    at, place = f"{DEFINITIONS}/foos.defaults.example.com", "/spec/versions/0/schema/openAPIV3Schema/properties"
    stepwise(plane, at, {"op": "add", "path": f"{place}/a/default", "value": "A"})
    plane.until(f"{path}/one", lambda one: one.get("a") == "A")
    assert plane.make(path, {**head, "metadata": {"name": "two"}})["a"] == "A"
    stepwise(
        plane,
        at,
        {"op": "remove", "path": f"{place}/a/default"},
        {"op": "add", "path": f"{place}/b/default", "value": "B"},
    )
    assert "a" not in plane.until(f"{path}/one", lambda one: one.get("b") == "B")
    assert plane.until(f"{path}/two", lambda one: one.get("b") == "B")["a"] == "A"


def test_watches_of_one_name_tell_of_it_alone(plane: planes.Plane) -> None:
    path = define(plane, "watched.example.com")
    head = {"apiVersion": "watched.example.com/v1", "kind": "Foo"}
    with (
        plane.watching(f"{path}?fieldSelector=metadata.name%3Dname1") as first,
        plane.watching(f"{path}?fieldSelector=metadata.name%3Dname2") as second,
    ):
        for name in ("name1", "name2"):
            plane.make(path, {**head, "metadata": {"name": name}})
            stepwise(plane, f"{path}/{name}", {"op": "add", "path": "/dummy", "value": "test"})
        for name, watch in (("name1", first), ("name2", second)):
            plane.done("DELETE", f"{path}/{name}")
            watch.saw(lambda type_, _: type_ == "DELETED", "its end")
            assert watch.types() == watch.types(name) == ["ADDED", "MODIFIED", "DELETED"]
