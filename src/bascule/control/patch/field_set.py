"""Sets of field paths in the API's own form, FieldsV1, and their algebra.

A set is a tree of labels: `f:<name>` a member, `k:{<keys>}` and `v:<value>` list items, `i:<index>` a position. A node
that is `{}`, or that has the label `.`, is itself in the set; other nodes only lead to members. Functions never change
their arguments, and results may share nodes with them: treat every tree as frozen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

Tree = dict[str, Any]

SELF = "."


def is_member(node: Tree) -> bool:
    """Whether the node's own path is in the set."""
    return not node or SELF in node


def union(left: Tree, right: Tree) -> Tree:
    """Paths in either set; the left set itself if it has all. Both are roots, whose own path does not count."""
    merged = left
    for label, node in right.items():
        present = left.get(label)
        if present is None:
            joined = node
        elif present is node or not (present or node):
            continue
        else:
            joined = _union_nodes(present, node)
            if joined is present:
                continue
        if merged is left:
            merged = left.copy()
        merged[label] = joined
    return merged


def _union_nodes(left: Tree, right: Tree) -> Tree:
    merged = union(left, right)
    if SELF not in merged and (not left or not right):
        merged = {**merged, SELF: {}}
    return merged


def difference(left: Tree, right: Tree) -> Tree:
    """Paths of the left set that are not in the right one; the left set itself if that is all of them."""
    if not right:
        return left
    kept: Tree = {}
    changed = False
    for label, node in left.items():
        other = right.get(label)
        if other is None or label == SELF:
            kept[label] = node
            continue
        remainder = _difference_nodes(node, other)
        changed = changed or remainder is not node
        if remainder is not None:
            kept[label] = remainder
    return kept if changed else left


def _difference_nodes(left: Tree, right: Tree) -> Tree | None:
    removed = is_member(right)
    if not left:
        return None if removed else left
    remainder = difference(left, right)
    if removed and SELF in remainder:
        remainder = {label: node for label, node in remainder.items() if label != SELF}
    if not remainder:
        return None
    return _normal(remainder)


def without_subtrees(left: Tree, right: Tree) -> Tree:
    """The left set without everything at or below a path of the right one; the left set itself if nothing was."""
    if not right:
        return left
    kept: Tree = {}
    changed = False
    for label, node in left.items():
        other = right.get(label)
        if other is None or label == SELF:
            kept[label] = node
            continue
        remainder = None if is_member(other) else (without_subtrees(node, other) if node else node)
        changed = changed or remainder is not node
        if remainder or (remainder is not None and not node):
            kept[label] = _normal(remainder)
    return kept if changed else left


def intersection(left: Tree, right: Tree) -> Tree:
    """Paths in both sets."""
    common: Tree = {}
    for label, node in left.items():
        other = right.get(label)
        if other is None or label == SELF:
            continue
        below = intersection(node, other)
        if is_member(node) and is_member(other):
            common[label] = {SELF: {}, **below} if below else {}
        elif below:
            common[label] = below
    return common


def _normal(node: Tree) -> Tree:
    return {} if len(node) == 1 and SELF in node else node


def paths(tree: Tree, prefix: str = "") -> Iterator[str]:
    """Every path in the set as people read it: `.spec.containers[name="web"].image`."""
    for label, node in sorted(tree.items()):
        if label != SELF and is_member(node):
            yield prefix + readable(label)
    for label, node in sorted(tree.items()):
        if label != SELF and node:
            yield from paths(node, prefix + readable(label))


def readable(label: str) -> str:
    """One label as it appears in messages: `.name`, `[name="web"]`, `[="x"]`, `[0]`."""
    sort, _, rest = label.partition(":")
    if sort == "f":
        return f".{rest}"
    if sort == "v":
        return f"[={rest}]"
    if sort == "k":
        keys = orjson.loads(rest)
        return "[" + ",".join(f"{name}={orjson.dumps(value).decode()}" for name, value in keys.items()) + "]"
    return f"[{rest}]"


def is_valid(tree: Any, depth_max: int = 200) -> bool:
    """Whether a value from outside is a FieldsV1 set."""
    if not isinstance(tree, dict) or depth_max == 0:
        return False
    return all(
        not node if label == SELF else _is_label(label) and is_valid(node, depth_max - 1)
        for label, node in tree.items()
    )


def _is_label(label: str) -> bool:
    if label[:2] == "k:":
        return _is_key(label[2:])
    return label[:2] in ("f:", "v:", "i:")


def _is_key(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False
