"""The compiled walk says what the two general ones say: whether a value is fit, and what it states."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.patch import field_tree, fitness, statement
from bascule.control.schema import catalog, types

NONSENSE = st.sampled_from([None, "", "x", 0, 1.5, True, [], [None], ["x"], ["x", "x"], {}, {"x": 1}, [{"x": None}]])
USUAL: dict[str, st.SearchStrategy[Any]] = {
    "string": st.sampled_from("xy"),
    "integer": st.sampled_from([1, 80]),
    "number": st.sampled_from([1, 1.5]),
    "boolean": st.booleans(),
    "quantity": st.sampled_from(["1", 2]),
    "int-or-string": st.sampled_from(["x", 80]),
    "time": st.just("2026-01-01T00:00:00Z"),
    "any": st.sampled_from([{"a": {"b": [1]}}, [1], "x", 2]),
}


@st.composite
def values(draw: st.DrawFn, schema: types.TypeSchema, depth: int = 5) -> Any:
    if draw(st.integers(0, 40)) == 0:
        return draw(NONSENSE)
    if schema.shape in USUAL:
        return draw(USUAL[schema.shape])
    if depth == 0:
        return [] if schema.shape == "list" else {}
    if schema.shape == "list":
        return draw(st.lists(values(schema.items or types.ANYTHING, depth - 1), max_size=2))
    known = sorted(schema.fields) or ["a", "b"]
    # What tells items apart is stated more often than not.
    keys = [name for name in ("name", "containerPort", "type", "mountPath", "key") if name in schema.fields]
    names = set(draw(st.lists(st.sampled_from([*known, *keys * 9]), max_size=4)))
    if draw(st.integers(0, 40)) == 0:
        names.add("undeclared")
    return {name: draw(values(schema.field(name) or types.ANYTHING, depth - 1)) for name in sorted(names)}


def kind(api_version: str, name: str) -> types.TypeSchema:
    found = catalog.schema_of(api_version, name)
    assert found is not None
    return found


def open_struct() -> types.TypeSchema:
    """As a custom resource may describe: members of all sorts, more of them undescribed."""
    schema = types.TypeSchema("struct")
    schema.additional = types.DEDUCED
    texts, whole = types.TypeSchema("list"), types.TypeSchema("struct")
    texts.items = types.TypeSchema("string")
    texts.direct({"x-kubernetes-list-type": "set"})
    whole.fields = {"a": types.TypeSchema("string"), "b": texts}
    whole.direct({"x-kubernetes-map-type": "atomic"})
    schema.fields = {"texts": texts, "whole": whole, "self": schema, "any": types.ANYTHING}
    return schema


SCHEMAS = [
    kind("v1", "ConfigMap"),
    kind("v1", "Pod"),
    kind("v1", "Service"),
    kind("apps/v1", "Deployment"),
    kind("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    open_struct(),
]


def stated_in_general(value: Any, schema: types.TypeSchema, *, keyed: bool) -> Any:
    unfit = next(fitness.problems(value, schema), None) is not None
    return None if unfit else field_tree.applied(value, schema, keyed=keyed)


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.definition.rpartition(".")[2] or "open")
@given(data=st.data(), keyed=st.booleans())
def test_what_a_value_states_is_what_the_general_walks_say(
    schema: types.TypeSchema, data: st.DataObject, keyed: bool
) -> None:
    value = data.draw(values(schema).filter(lambda value: value is not None))
    found = statement.walker(schema, keyed=keyed)(value)
    general = stated_in_general(value, schema, keyed=keyed)
    assert found == general
    assert found is None or repr(found) == repr(general), "in the same order"


POD = kind("v1", "Pod")


@pytest.mark.parametrize(
    ("spec", "is_fit"),
    [
        ({"containers": [{"name": "a"}, {"name": "b", "ports": [{"containerPort": 80}]}]}, True),
        ({"containers": [{"name": "a", "ports": [{"protocol": "TCP"}]}]}, True),
        ({"nodeSelector": {"a": None}, "containers": None}, True),
        ({"containers": [{"name": "a"}, {"name": "a"}]}, False),
        ({"containers": [{"image": "a"}]}, False),
        ({"containers": [None]}, False),
        ({"containers": {"name": "a"}}, False),
        ({"hostNetwork": 1}, False),
        ({"hostname": {}}, False),
        ({"priority": True}, False),
        ({"undeclared": 1}, False),
    ],
)
def test_what_is_unfit_is_refused(spec: Any, is_fit: bool) -> None:
    found = statement.walker(POD)({"spec": spec})
    assert found == stated_in_general({"spec": spec}, POD, keyed=False)
    assert (found is not None) is is_fit
