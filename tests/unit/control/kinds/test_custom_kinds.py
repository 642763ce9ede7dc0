"""What a definition compiles to: versions that prepare, validate, print and select."""

from __future__ import annotations

import copy
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from bascule.control.kinds import custom_kinds
from bascule.control.kinds.strategy import Column, Context, Scale

CONTEXT = Context(datetime(2026, 1, 2, tzinfo=UTC), random.Random(7))
NOW = datetime(2026, 1, 3, tzinfo=UTC)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "maximum": 10},
                "color": {"type": "string", "default": "red"},
                "replicas": {"type": "integer"},
            },
            "x-kubernetes-validations": [{"rule": "self.size >= oldSelf.size", "message": "only grows"}],
        },
        "status": {
            "type": "object",
            "properties": {"replicas": {"type": "integer"}, "selector": {"type": "string"}},
        },
    },
}
COLUMN = {"name": "Size", "type": "integer", "jsonPath": ".spec.size"}


def version(name: str, **more: Any) -> dict[str, Any]:
    made = {"name": name, "served": True, "storage": False, "schema": {"openAPIV3Schema": copy.deepcopy(SCHEMA)}}
    return made | more


def definition(*versions: dict[str, Any], **spec: Any) -> custom_kinds.Definition:
    names = {"plural": "foos", "singular": "foo", "kind": "Foo", "listKind": "Foos", "shortNames": ["f"]}
    return custom_kinds.compile(
        {
            "metadata": {"name": "foos.example.com", "uid": "u"},
            "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [*versions], **spec},
        }
    )


def one(**more: Any) -> custom_kinds.Version:
    return definition(version("v1", storage=True, **more)).versions["v1"]


def foo(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Foo",
        "metadata": {"name": "f", "namespace": "d", "creationTimestamp": "2026-01-02T00:00:00Z"},
        "spec": {"size": 1, **spec},
    }


def texts(causes: Any) -> list[str]:
    return [f"{cause.field}: {cause.message}" for cause in causes]


def test_versions_in_order_of_preference() -> None:
    names = ["v1beta1", "v10", "foo", "v2", "v1alpha1", "v11beta2", "v1", "bar", "v2beta3"]
    made = definition(*(version(name, storage=name == "v1") for name in names))
    assert list(made.versions) == ["v10", "v2", "v1", "v11beta2", "v2beta3", "v1beta1", "v1alpha1", "bar", "foo"]
    assert made.storage == "v1"


def test_what_is_not_served_is_known() -> None:
    made = definition(version("v1", storage=True, served=False), version("v2"))
    assert (list(made.versions), set(made.known), made.storage) == (["v2"], {"v1", "v2"}, "v1")
    assert (made.group, made.plural, made.kind, made.uid) == ("example.com", "foos", "Foo", "u")
    assert made.conversion == {"strategy": "None"}


def test_the_row() -> None:
    row = one(subresources={"status": {}, "scale": {"specReplicasPath": ".spec.replicas"}}).resource
    assert (row.qualified, row.api_version, row.kind, row.list_kind) == (
        "foos.example.com",
        "example.com/v1",
        "Foo",
        "Foos",
    )
    assert (row.singular, row.short_names, row.namespaced) == ("foo", ("f",), True)
    assert row.subresources == ("status", "scale")


def test_accepted_names_win() -> None:
    crd = {
        "metadata": {"name": "foos.example.com"},
        "spec": {"group": "example.com", "names": {"plural": "foos", "kind": "Foo"}, "versions": [version("v1")]},
        "status": {"acceptedNames": {"plural": "foos", "kind": "Accepted"}},
    }
    assert custom_kinds.compile(crd).versions["v1"].resource.kind == "Accepted"


def test_deprecation() -> None:
    assert one().deprecation == ""
    assert one(deprecated=True).deprecation == "example.com/v1 Foo is deprecated"
    assert one(deprecated=True, deprecationWarning="no more").deprecation == "no more"


def test_deprecation_names_the_best_of_the_later_versions() -> None:
    old = [version(name, deprecated=True) for name in ("v1beta1", "v2")]
    made = definition(version("v1alpha1"), *old, version("v1", storage=True), version("v3", served=False))
    assert made.versions["v1beta1"].deprecation == "example.com/v1beta1 Foo is deprecated; use example.com/v1 Foo"
    assert made.versions["v2"].deprecation == "example.com/v2 Foo is deprecated"


def test_reading_prunes_and_defaults() -> None:
    obj = foo(extra=1)
    made = one()
    assert made.prune(obj) == ["spec.extra"]
    assert made.default(obj)
    assert obj["spec"] == {"size": 1, "color": "red"}
    assert not made.default(obj)


class TestPreparation:
    def test_create_without_a_status_subresource_keeps_the_status(self) -> None:
        for subresources, kept in (({"status": {}}, False), ({}, True)):
            obj = foo() | {"status": {"replicas": 1}}
            one(subresources=subresources).strategy.prepare_create(obj, CONTEXT)
            assert ("status" in obj) == kept
            assert obj["metadata"]["generation"] == 1

    @pytest.mark.parametrize(
        ("subresources", "change", "generation"),
        [
            ({"status": {}}, {"spec": {"size": 2}}, 2),
            ({"status": {}}, {"status": {"replicas": 2}}, 1),
            ({}, {"status": {"replicas": 2}}, 2),
            ({}, {"metadata": {"name": "f", "labels": {"a": "b"}}}, 1),
            ({"status": {}}, {"other": 1}, 2),
        ],
    )
    def test_generation(self, subresources: Any, change: Any, generation: int) -> None:
        old = foo()
        old["metadata"]["generation"] = 1
        new = copy.deepcopy(old) | change
        one(subresources=subresources).strategy.prepare_update(new, old, CONTEXT)
        assert new["metadata"]["generation"] == generation

    def test_an_update_leaves_the_status(self) -> None:
        old = foo() | {"status": {"replicas": 1}}
        new = foo() | {"status": {"replicas": 2}}
        one(subresources={"status": {}}).strategy.prepare_update(new, old, CONTEXT)
        assert new["status"] == {"replicas": 1}

    def test_a_status_update_changes_the_status_alone(self) -> None:
        old = foo()
        new = foo(size=5) | {"status": {"replicas": 2}}
        new["metadata"] |= {"labels": {"a": "b"}, "managedFields": [{"manager": "m"}]}
        one(subresources={"status": {}}).strategy.prepare_status(new, old, CONTEXT)
        assert new["spec"] == old["spec"]
        assert new["status"] == {"replicas": 2}
        assert new["metadata"] == {**old["metadata"], "managedFields": [{"manager": "m"}]}


class TestValidation:
    STRATEGY = one(subresources={"status": {}}).strategy

    def test_create(self) -> None:
        assert self.STRATEGY.validate(foo()) == []
        bad = foo(size=11)
        bad["metadata"]["name"] = "F"
        found = texts(self.STRATEGY.validate(bad))
        assert found[0].startswith('metadata.name: Invalid value: "F": ')
        assert found[1] == "spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10"

    def test_finalizers_may_have_plain_names(self) -> None:
        obj = foo()
        obj["metadata"]["finalizers"] = ["plain", "example.com/full"]
        assert self.STRATEGY.validate(obj) == []
        (warning,) = self.STRATEGY.warnings(obj)
        assert warning.startswith('metadata.finalizers: "plain": prefer a domain-qualified finalizer name')

    def test_update_sees_the_old_object(self) -> None:
        (shrunk,) = texts(self.STRATEGY.validate_update(foo(size=1), foo(size=2)))
        assert shrunk.startswith("spec: Invalid value: ")
        assert shrunk.endswith("only grows")
        assert self.STRATEGY.validate_update(foo(size=12), foo(size=12)) == []
        assert self.STRATEGY.update_validates_alone

    def test_rules_are_not_asked_about_an_unsound_object(self) -> None:
        obj = foo()
        del obj["spec"]["size"]
        assert texts(self.STRATEGY.validate(obj)) == [
            "spec.size: Required value",
            "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; "
            "correct the existing errors to complete validation",
        ]

    def test_status(self) -> None:
        bad = foo() | {"status": {"replicas": "x"}}
        assert texts(self.STRATEGY.validate_status(bad, foo()))[0] == (
            'status.replicas: Invalid value: "string": replicas in body must be of type integer: "string"'
        )
        assert self.STRATEGY.validate_status(foo() | {"status": {"replicas": 3}}, foo()) == []

    def test_scale(self) -> None:
        scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
        strategy = one(subresources={"scale": scale | {"labelSelectorPath": ".status.selector"}}).strategy
        assert strategy.scale == Scale("spec.replicas", "status.replicas", "status.selector")
        assert texts(strategy.validate(foo(replicas=-1))) == [
            ".spec.replicas: Invalid value: -1: should be a non-negative integer"
        ]
        assert texts(strategy.validate(foo(replicas=1 << 31))) == [
            ".spec.replicas: Invalid value: 2147483648: should be less than or equal to 2147483647"
        ]


def test_columns() -> None:
    strategy = one(additionalPrinterColumns=[COLUMN]).strategy
    described = "Custom resource definition column (in JSONPath format): .spec.size"
    assert strategy.columns[1:] == (Column("Size", "integer", "", 0, described),)
    assert strategy.cells(foo(), NOW) == ["f", 1]
    assert one().strategy.cells(foo(), NOW) == ["f", "24h"]


def test_selectable_fields() -> None:
    made = one(selectableFields=[{"jsonPath": ".spec.color"}, {"jsonPath": ".spec.size"}])
    assert made.selectable == ("spec.color", "spec.size")
    assert made.strategy.selectable_fields(foo()) == {
        "metadata.name": "f",
        "metadata.namespace": "d",
        "spec.color": "",
        "spec.size": "1",
    }
    cluster = definition(version("v1", storage=True), scope="Cluster").versions["v1"]
    assert cluster.strategy.selectable_fields(foo()) == {"metadata.name": "f"}


def test_the_type_tree() -> None:
    schema = one().schema
    assert schema.definition == "com.example.v1.Foo"
    assert schema.shape == "struct"
    assert schema.fields["metadata"].fields["labels"].shape == "map"
    assert schema.fields["spec"].fields["size"].shape == "integer"
    assert schema.field("unknown") is None
