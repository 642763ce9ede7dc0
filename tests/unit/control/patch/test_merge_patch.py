"""JSON merge patch: the RFC's cases, and that a diff applied gives the target."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.patch import merge_patch

# Null means removal in a patch, so it cannot be a value.
VALUES = st.recursive(
    st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_rfc_cases(document: Any, patch: Any, expected: Any) -> None:
    before = copy.deepcopy(document)
    assert merge_patch.apply(document, patch) == expected
    assert document == before


@pytest.mark.parametrize("present", [None, 1, [1], [{"b": 1}]])
def test_objects_in_a_list_lose_their_nulls_as_upstream(present: Any) -> None:
    patch = {"a": [{"b": None, "c": [{"d": None}]}, None, 1]}
    assert merge_patch.apply({"a": present}, patch) == {"a": [{"c": [{}]}, None, 1]}
    assert merge_patch.apply({}, patch) == {"a": [{"c": [{}]}, None, 1]}
    assert merge_patch.apply({"a": {}}, patch) == patch


@given(before=VALUES, after=VALUES)
def test_a_diff_leads_from_before_to_after(before: Any, after: Any) -> None:
    assert merge_patch.apply(before, merge_patch.diff(before, after)) == after


@given(document=VALUES)
def test_the_empty_patch_changes_nothing(document: Any) -> None:
    if isinstance(document, dict):
        assert merge_patch.apply(document, {}) == document
        assert merge_patch.diff(document, document) == {}
