"""The catalog: every stable kind has a schema, with the directives that merging needs."""

from __future__ import annotations

from bascule.control.schema import catalog, types
from bascule.vocabulary import builtins


def pod_spec() -> types.TypeSchema:
    pod = catalog.schema_of("v1", "Pod")
    assert pod is not None
    spec = pod.field("spec")
    assert spec is not None
    return spec


def test_every_stable_kind_has_a_schema() -> None:
    missing = [row.kind for row in builtins.REGISTRY if catalog.schema_of(row.api_version, row.kind) is None]
    assert missing == []


def test_unknown_kinds_have_none() -> None:
    assert catalog.schema_of("v1", "Nothing") is None
    assert catalog.load().by_definition("io.k8s.api.core.v1.PodSpec") is not None


def test_lists_carry_their_directives() -> None:
    containers = pod_spec().fields["containers"]
    assert (containers.list_type, containers.map_keys) == ("map", ("name",))
    assert (containers.patch_strategy, containers.patch_merge_key) == (("merge",), "name")
    assert containers.items is not None
    ports = containers.items.fields["ports"]
    assert ports.map_keys == ("containerPort", "protocol")
    assert ports.items is not None
    assert ports.items.fields["protocol"].default == "TCP"
    assert pod_spec().fields["volumes"].patch_strategy == ("merge", "retainKeys")
    assert pod_spec().fields["tolerations"].is_atomic


def test_shapes() -> None:
    container = pod_spec().fields["containers"].items
    assert container is not None
    limits = container.fields["resources"].fields["limits"]
    assert limits.shape == "map"
    assert limits.additional is not None
    assert limits.additional.shape == "quantity"
    port = container.fields["livenessProbe"].fields["httpGet"].fields["port"]
    assert port.shape == "int-or-string"
    assert pod_spec().fields["nodeSelector"].map_type == "atomic"
    assert types.ANYTHING.field("whatever") is types.ANYTHING


def test_recursive_types_refer_to_themselves() -> None:
    props = catalog.load().by_definition("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps")
    assert props is not None
    properties = props.fields["properties"].additional
    assert properties is not None
    assert properties.fields["properties"].additional is properties
