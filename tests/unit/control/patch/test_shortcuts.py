"""What merging and comparing pass over makes no difference."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.patch import field_set, field_tree, managed_fields, merging, standing, statement
from bascule.control.schema import types
from tests.unit.control.patch import shapes

SCHEMAS = [shapes.kind("v1", "ConfigMap"), shapes.kind("v1", "Pod"), shapes.kind("apps/v1", "Deployment")]
each_schema = pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.definition.rpartition(".")[2])


def fit(data: st.DataObject, schema: types.TypeSchema) -> Any:
    fitting = shapes.values(schema).filter(lambda value: value and statement.walker(schema)(value) is not None)
    return data.draw(fitting)


def merged_whole(live: Any, applied: Any, schema: types.TypeSchema) -> Any:
    """`merging.merge` that copies all it meets and takes no list for one in order."""
    if schema.is_leaf(applied) or live is None or live.__class__ is not applied.__class__:
        return merging.without_nulls(applied, schema)
    if isinstance(applied, list):
        lefts, rights = field_tree.labels(live, schema), field_tree.labels(applied, schema)
        return merging.interleaved(live, applied, lefts, rights, schema.items or types.ANYTHING)
    if not isinstance(applied, dict):
        return applied
    merged = dict(live)
    for name, member in applied.items():
        below = schema.field(name) or types.ANYTHING
        present = live.get(name)
        if member is not None:
            merged[name] = present if present == member else merged_whole(present, member, below)
        elif not isinstance(present, (dict, list)) or below.is_leaf(present):
            merged.pop(name, None)
            if below.keeps_null:
                merged[name] = None
    return merged


def compared_member_by_member(before: Any, after: Any, schema: types.TypeSchema) -> field_tree.Difference:
    """`field_tree.compare` of two objects, each member of which is compared in the same way."""
    changed: dict[str, Any] = {}
    removed: dict[str, Any] = {}
    for name, member in after.items():
        old = before.get(name, field_tree.ABSENT)
        if old is field_tree.ABSENT and name in standing.members(schema):
            old = None
        below = schema.field(name) or types.ANYTHING
        field_tree.compare_member(old, member, f"f:{name}", below, changed, removed)
    removed |= {f"f:{name}": {} for name in before if name not in after}
    return field_tree.Difference(changed, removed)


@each_schema
@given(data=st.data())
def test_merging_keeps_what_does_not_change(schema: types.TypeSchema, data: st.DataObject) -> None:
    live, applied = fit(data, schema), fit(data, schema)
    before = copy.deepcopy((live, applied))
    merged = merging.merge(live, applied, schema)
    assert repr(merged) == repr(merged_whole(live, applied, schema))
    assert (live, applied) == before
    again = merging.merge(merged, applied, schema)
    states_nulls = ": None" in repr(applied)  # Those are left out anew each time.
    assert again is merged or again != merged or states_nulls


@each_schema
@given(data=st.data())
def test_texts_are_compared_as_all_members_are(schema: types.TypeSchema, data: st.DataObject) -> None:
    for name in ("metadata", "data", "spec"):
        below = schema.fields.get(name)
        if below is not None:
            before, after = fit(data, below), fit(data, below)
            found, general = field_tree.compare(before, after, below), compared_member_by_member(before, after, below)
            assert repr(found) == repr(general)


@each_schema
@given(data=st.data())
def test_what_may_be_owned_is_what_is_stated_but_for_the_servers(schema: types.TypeSchema, data: st.DataObject) -> None:
    value = fit(data, schema)
    stated = statement.walker(schema)(value)
    assert stated is not None
    general = field_set.difference(field_tree.applied(value, schema), managed_fields.UNOWNED)
    assert repr(managed_fields.owned(stated)) == repr(general)


_TEXT = st.sampled_from(["", "a", "Apply", "Update"])
_ENTRIES = st.dictionaries(st.sampled_from(["manager", "operation", "apiVersion", "subresource"]), _TEXT | st.none())


@given(one=_ENTRIES, other=_ENTRIES)
def test_an_entry_is_of_whom_its_identity_says(one: dict[str, Any], other: dict[str, Any]) -> None:
    mine = managed_fields.identity(one)
    assert managed_fields.is_of(other, mine) == (managed_fields.identity(other) == mine)
    assert managed_fields.is_of(one, mine)
