"""The algebra of field sets, checked against plain sets of paths."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bascule.control.patch import field_set

LABELS = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"y"'])
PATHS = st.frozensets(st.lists(LABELS, min_size=1, max_size=3).map(tuple), max_size=8)

Path = tuple[str, ...]


def tree_of(paths: frozenset[Path]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path in paths:
        node = tree
        for label in path:
            node = node.setdefault(label, {})
        node["."] = {}
    return normal(tree)


def normal(tree: dict[str, Any]) -> dict[str, Any]:
    return {label: {} if set(node) <= {"."} else normal(node) if label != "." else {} for label, node in tree.items()}


def paths_of(tree: dict[str, Any], prefix: Path = ()) -> set[Path]:
    found: set[Path] = set()
    for label, node in tree.items():
        if label != ".":
            if field_set.is_member(node):
                found.add((*prefix, label))
            found |= paths_of(node, (*prefix, label))
    return found


@given(left=PATHS, right=PATHS)
def test_algebra_is_that_of_sets(left: frozenset[Path], right: frozenset[Path]) -> None:
    a, b = tree_of(left), tree_of(right)
    assert paths_of(field_set.union(a, b)) == left | right
    assert paths_of(field_set.intersection(a, b)) == left & right
    assert paths_of(field_set.difference(a, b)) == left - right
    assert (a, b) == (tree_of(left), tree_of(right))


@given(left=PATHS, right=PATHS)
def test_without_subtrees_removes_everything_below(left: frozenset[Path], right: frozenset[Path]) -> None:
    kept = paths_of(field_set.without_subtrees(tree_of(left), tree_of(right)))
    assert kept == {path for path in left if not any(path[: len(top)] == top for top in right)}


@given(paths=PATHS)
def test_nothing_taken_is_the_same_set(paths: frozenset[Path]) -> None:
    tree = tree_of(paths)
    assert field_set.difference(tree, {}) is tree
    assert field_set.without_subtrees(tree, {}) is tree
    assert field_set.is_valid(tree)


def test_paths_read_as_kubectl_shows_them() -> None:
    tree = {"f:spec": {"f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}}}, "f:args": {"v:1": {}}}}
    assert list(field_set.paths(tree)) == [
        ".spec.args[=1]",
        '.spec.containers[name="web"]',
        '.spec.containers[name="web"].image',
    ]


def test_what_is_no_set_is_told_apart() -> None:
    for tree in ([], {"x": {}}, {"f:a": 1}, {".": {"f:a": {}}}, {"k:{": {}}, {"k:[1]": {}}):
        assert not field_set.is_valid(tree)
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"f:a": deep}
    assert not field_set.is_valid(deep)
