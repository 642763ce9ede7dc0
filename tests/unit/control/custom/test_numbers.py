"""Numbers without a fraction become integers, whatever holds them, and nothing else changes."""

from __future__ import annotations

import copy
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.custom import numbers

_NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False, allow_infinity=False)
_VALUES = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.text(max_size=3),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["spec", "status", "a"]), _VALUES))
def test_settled_numbers_are_equal_and_whole_ones_integers(obj: dict[str, Any]) -> None:
    settled = copy.deepcopy(obj)
    numbers.settle(settled)
    assert settled == obj
    assert not [number for number in _floats(settled) if number.is_integer() and -(2**63) <= number < 2**63]
    again = orjson.loads(orjson.dumps(settled))
    assert again == settled


def test_metadata_is_left_alone() -> None:
    obj = {"metadata": {"a": 1.0}, "spec": {"metadata": {"a": 1.0}, "b": [1e2, {"c": -0.0}], "d": 1.5, "e": 1e20}}
    numbers.settle(obj)
    assert orjson.dumps(obj["metadata"]) == b'{"a":1.0}'
    assert orjson.dumps(obj["spec"]) == b'{"metadata":{"a":1},"b":[100,{"c":0}],"d":1.5,"e":1e+20}'


def _floats(value: Any) -> list[float]:
    if isinstance(value, float):
        return [value]
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [number for member in members for number in _floats(member)]
