"""JSON patch: every operation, refusals, bounds, and that inputs stay as they were."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.patch import json_patch
from bascule.vocabulary import errors

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("document", "operation", "expected"),
    [
        ({"a": 1}, {"op": "add", "path": "/b", "value": 2}, {"a": 1, "b": 2}),
        ({"a": [1, 3]}, {"op": "add", "path": "/a/1", "value": 2}, {"a": [1, 2, 3]}),
        ({"a": [1]}, {"op": "add", "path": "/a/-", "value": 2}, {"a": [1, 2]}),
        ({"a": 1}, {"op": "replace", "path": "", "value": [1]}, [1]),
        ({"a": 1}, {"op": "replace", "path": "/missing", "value": 2}, {"a": 1, "missing": 2}),
        ({"a": [1, 2]}, {"op": "add", "path": "/a/-1", "value": 3}, {"a": [1, 2, 3]}),
        ({"a": [1, 2]}, {"op": "add", "path": "/a/-3", "value": 3}, {"a": [3, 1, 2]}),
        ({"a": [1, 2]}, {"op": "remove", "path": "/a/-1"}, {"a": [1]}),
        ({"a": [1, 2]}, {"op": "replace", "path": "/a/-2", "value": 3}, {"a": [3, 2]}),
        ({"a": [1, 2]}, {"op": "replace", "path": "/a/01", "value": 3}, {"a": [1, 3]}),
        ({"a": [{"b": 1}]}, {"op": "replace", "path": "/a/-1/b", "value": 2}, {"a": [{"b": 2}]}),
        ({"a": 1}, {"op": "test", "path": "/missing", "value": None}, {"a": 1}),
        ({"a": 1}, {"op": "test", "path": "/missing"}, {"a": 1}),
        ({"a": 1}, {"op": "test", "path": "", "value": {"a": 1}}, {"a": 1}),
        ({"a": 1}, {"op": "add", "path": "/b"}, {"a": 1, "b": None}),
        ({"a": 1}, {"op": "copy", "from": "/missing", "path": "/b"}, {"a": 1, "b": None}),
        ({"a": 1, "b": 2}, {"op": "remove", "path": "/a"}, {"b": 2}),
        ({"a": [1, 2]}, {"op": "remove", "path": "/a/0"}, {"a": [2]}),
        ({"a": {"b": 1}}, {"op": "replace", "path": "/a/b", "value": None}, {"a": {"b": None}}),
        ({"a": {"b": 1}}, {"op": "move", "from": "/a/b", "path": "/c"}, {"a": {}, "c": 1}),
        ({"a": {"b": 1}}, {"op": "copy", "from": "/a", "path": "/c"}, {"a": {"b": 1}, "c": {"b": 1}}),
        ({"a": 1}, {"op": "test", "path": "/a", "value": 1}, {"a": 1}),
        ({"a/b": 1, "m~n": 2}, {"op": "remove", "path": "/a~1b"}, {"m~n": 2}),
        ({"m~n": 2}, {"op": "replace", "path": "/m~0n", "value": 3}, {"m~n": 3}),
    ],
)
def test_operations(document: Any, operation: dict[str, Any], expected: Any) -> None:
    before = copy.deepcopy(document)
    assert json_patch.apply(document, [operation]) == expected
    assert document == before


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/missing"},
        {"op": "replace", "path": "/missing/deep", "value": 1},
        {"op": "replace", "path": "/l/2", "value": 1},
        {"op": "replace", "path": "", "value": 1},
        {"op": "test", "path": "/missing", "value": 1},
        {"op": "test", "path": "/missing/deep", "value": None},
        {"op": "test", "path": "/l/2", "value": None},
        {"op": "move", "from": "/missing", "path": "/b"},
        {"op": "add", "path": "", "value": {}},
        {"path": "/a"},
        {"op": "add", "path": "/missing/deep", "value": 1},
        {"op": "add", "path": "/l/7", "value": 1},
        {"op": "add", "path": "/l/-4", "value": 1},
        {"op": "remove", "path": "/l/-3"},
        {"op": "add", "path": "/l/x", "value": 1},
        {"op": "remove", "path": "/l/" + "9" * 5000},
        {"op": "test", "path": "/a", "value": True},
        {"op": "add", "path": "a", "value": 1},
        {"op": "add", "path": "/a/b", "value": 1},
        {"op": "move", "from": "/m", "path": "/m/x"},
        {"op": "conjure", "path": "/a"},
    ],
)
def test_impossible_operations_are_unprocessable(operation: dict[str, Any]) -> None:
    with pytest.raises(errors.StatusError) as refusal:
        json_patch.apply({"a": 1, "l": [1, 2], "m": {}}, [operation])
    assert refusal.value.code == 422
    assert refusal.value.message.startswith("the server rejected our request due to an error in our request")


def test_what_is_no_patch_is_a_bad_request() -> None:
    for patch in ({"op": "add"}, [1], [None]):
        with pytest.raises(errors.StatusError) as refusal:
            json_patch.apply({}, patch)  # type: ignore[arg-type]
        assert refusal.value.code == 400


def test_too_many_operations_are_refused_unread() -> None:
    with pytest.raises(errors.StatusError) as refusal:
        json_patch.apply({}, [{"op": "test", "path": "/x", "value": 1}] * 10_001)
    assert refusal.value.code == 413
    assert "10000, got 10001" in refusal.value.message


def test_copies_cannot_be_amplified() -> None:
    doubling = [{"op": "copy", "from": "/a", "path": "/a/-"}] * 40
    with pytest.raises(errors.StatusError) as refusal:
        json_patch.apply({"a": ["x" * 100]}, doubling)
    assert refusal.value.code == 422
    assert "exceeding the limit" in refusal.value.message


def test_a_copy_is_not_the_original() -> None:
    operations = [
        {"op": "copy", "from": "/a", "path": "/b"},
        {"op": "add", "path": "/b/x", "value": 1},
        {"op": "add", "path": "/a/y", "value": 2},
    ]
    assert json_patch.apply({"a": {}}, operations) == {"a": {"y": 2}, "b": {"x": 1}}


@given(document=st.dictionaries(st.text(max_size=3), VALUES, max_size=4), value=VALUES)
def test_adding_then_removing_restores(document: dict[str, Any], value: Any) -> None:
    document.pop("new", None)
    before = copy.deepcopy(document)
    operations = [{"op": "add", "path": "/new", "value": value}, {"op": "test", "path": "/new", "value": value}]
    assert json_patch.apply(document, [*operations, {"op": "remove", "path": "/new"}]) == before
    assert document == before
