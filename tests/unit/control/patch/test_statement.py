"""The compiled walk says what the two general ones say: whether a value is fit, and what it states."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.patch import field_tree, fitness, statement
from bascule.control.schema import types
from tests.unit.control.patch import shapes


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
    shapes.kind("v1", "ConfigMap"),
    shapes.kind("v1", "Pod"),
    shapes.kind("v1", "Service"),
    shapes.kind("apps/v1", "Deployment"),
    shapes.kind("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
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
    value = data.draw(shapes.values(schema).filter(lambda value: value is not None))
    found = statement.walker(schema, keyed=keyed)(value)
    general = stated_in_general(value, schema, keyed=keyed)
    assert found == general
    assert found is None or repr(found) == repr(general), "in the same order"


POD = shapes.kind("v1", "Pod")


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
