"""The registry: findable by both names, and every row checked against the published schemas of Kubernetes 1.36."""

from __future__ import annotations

import re

import pytest

from bascule.control.schema import catalog
from bascule.vocabulary import builtins, names
from bascule.vocabulary.resources import Registry, Resource

KIND = "x-kubernetes-group-version-kind"
ABSENT = {
    ("", "v1", "APIGroup"),  # a discovery document, not a resource
}
SUBRESOURCES = {"status", "scale"}
EVERY = [pytest.param(row, id=f"{row.api_version}-{row.kind}") for row in builtins.REGISTRY]


@pytest.fixture(scope="module")
def published() -> dict[tuple[str, str, str], dict[str, object]]:
    """Each published kind with the fields of its schema."""
    return {
        (named["group"], named["version"], named["kind"]): schema.get("properties") or {}
        for schema in catalog.definitions().values()
        for named in schema.get(KIND) or ()
    }


def test_every_row_is_a_published_kind(published: dict[tuple[str, str, str], dict[str, object]]) -> None:
    assert [row for row in builtins.REGISTRY if (row.group, row.version, row.kind) not in published] == []


def test_no_stable_kind_is_missing(published: dict[tuple[str, str, str], dict[str, object]]) -> None:
    """A kind is a resource when it has a List; the create-only reviews have none and are rows all the same."""
    stable = {key for key in published if re.fullmatch(r"v[0-9]+", key[1])}
    listed = {key for key in stable if (key[0], key[1], key[2] + "List") in stable}
    rows = {(row.group, row.version, row.kind) for row in builtins.REGISTRY}
    assert listed - rows == ABSENT
    assert rows - listed == {
        (row.group, row.version, row.kind) for row in builtins.REGISTRY if row.verbs == ("create",)
    }


def test_a_status_subresource_needs_a_status(published: dict[tuple[str, str, str], dict[str, object]]) -> None:
    for row in builtins.REGISTRY:
        if "status" in row.subresources:
            assert "status" in published[row.group, row.version, row.kind], row
        if "scale" in row.subresources:
            assert {"status", "spec"} <= published[row.group, row.version, row.kind].keys(), row


@pytest.mark.parametrize("row", EVERY)
def test_rows_are_well_formed(row: Resource) -> None:
    assert names.is_dns1123_label(row.plural) == []
    assert row.plural == row.plural.lower()
    assert row.singular == row.kind.lower()
    assert row.list_kind == row.kind + "List"
    assert list(row.subresources) == sorted(row.subresources)
    assert builtins.REGISTRY.by_plural(row.group, row.version, row.plural) is row
    assert builtins.REGISTRY.by_kind(row.api_version, row.kind) is row
    assert row.qualified == (f"{row.plural}.{row.group}" if row.group else row.plural)
    assert row.key_group == (row.group or "core")


def test_plurals_follow_the_kind() -> None:
    """Upstream's rule, with its one exception: Endpoints is already plural."""
    for row in builtins.REGISTRY:
        word = row.kind.lower()
        plural = word[:-1] + "ies" if word.endswith("y") else word + "es" if word.endswith("s") else word + "s"
        assert row.plural == ("endpoints" if row.kind == "Endpoints" else plural)


def test_constants_are_named_after_their_plurals() -> None:
    rows = {name: value for name, value in vars(builtins).items() if isinstance(value, Resource)}
    assert len(rows) == len(builtins.REGISTRY)
    for name, row in rows.items():
        assert name.removesuffix("_V1").replace("_", "").lower() == row.plural


def test_short_names_are_unambiguous_within_a_group() -> None:
    seen: dict[tuple[str, str], str] = {}
    for row in builtins.REGISTRY:
        for short in (*row.short_names, row.plural, row.singular):
            assert seen.setdefault((row.group, short), row.plural) == row.plural


def test_stored_elsewhere() -> None:
    for row in builtins.REGISTRY:
        if row.stored_as:
            assert any((other.group, other.plural) == row.stored_as for other in builtins.REGISTRY)
        if row.storage_version:
            assert builtins.REGISTRY.by_plural(row.group, row.storage_version, row.plural) is not None


def test_versions_keep_the_order_of_the_rows() -> None:
    assert builtins.REGISTRY.versions("autoscaling") == ["v2", "v1"]
    assert builtins.REGISTRY.versions("nobody") == []
    assert builtins.REGISTRY.group_versions()[0] == ("", "v1")


def test_paths() -> None:
    assert builtins.PODS.path() == "/api/v1/pods"
    assert builtins.PODS.path("ns", "a", "log") == "/api/v1/namespaces/ns/pods/a/log"
    assert builtins.PODS.path("ns", cluster="team") == "/clusters/team/api/v1/namespaces/ns/pods"
    assert builtins.DEPLOYMENTS.path("ns", "web") == "/apis/apps/v1/namespaces/ns/deployments/web"
    assert builtins.NODES.path("ignored", "n") == "/api/v1/nodes/n"


def test_a_registry_knows_each_name_once() -> None:
    with pytest.raises(ValueError, match="two rows"):
        Registry([builtins.PODS, builtins.PODS])
    assert Registry([]).by_kind("v1", "Pod") is None
    assert len(Registry([builtins.PODS])) == 1
