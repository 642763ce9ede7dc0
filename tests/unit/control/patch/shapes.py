"""Values of any type, mostly as its schema says."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

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
    """One member in forty is nonsense."""
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
    """The schema of a built-in kind."""
    found = catalog.schema_of(api_version, name)
    assert found is not None
    return found
