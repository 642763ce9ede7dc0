"""What calls can cost at most, and how large their results can be: one rule for each function that is not simply 1."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bascule.control.cel import ast
from bascule.control.cel.costs import REGEX, TRAVERSAL
from bascule.control.cel.libraries import addresses, formats, quantities, semvers, urls
from bascule.control.cel.ranges import GREATEST, ONE, ZERO, Range

if TYPE_CHECKING:
    from bascule.control.cel.estimate import _Estimate

Found = tuple[Range, Range | None]
"""Cost and, when known, the result's size."""

_UNIT_EQUALITY = frozenset({quantities.NAME, semvers.NAME, addresses.IP, addresses.CIDR})


def cost(estimate: _Estimate, node: ast.Call, overload: str, argument_costs: Sequence[Range]) -> Found:
    """One overload's cost, the arguments' included."""
    spent = ZERO
    for argument in argument_costs:
        spent = spent.plus(argument)
    special = _OPERATORS.get(overload)
    if special is not None:
        return special(estimate, node, argument_costs)
    rule = _RULES.get(node.function) or _OVERLOADS.get(overload)
    found = rule(estimate, node, overload) if rule is not None else None
    called, size = found if found is not None else (ONE, None)
    return called.plus(spent), size


# Operators that do not run all their arguments


def _logical(_estimate: _Estimate, _node: ast.Call, costs: Sequence[Range]) -> Found:
    return Range(costs[0].least, costs[0].plus(costs[1]).most), None


def _conditional(estimate: _Estimate, node: ast.Call, costs: Sequence[Range]) -> Found:
    size = estimate.size_or_unknown(node.args[1]).union(estimate.size_or_unknown(node.args[2]))
    estimate.hold(node, node.args[1], node.args[2])
    return costs[0].plus(costs[1].union(costs[2])), size


_OPERATORS: dict[str, Callable[[_Estimate, ast.Call, Sequence[Range]], Found]] = {
    "logical_and": _logical,
    "logical_or": _logical,
    "conditional": _conditional,
}

# Functions. Those of libraries go by name, the language's own by overload.


def _subject(estimate: _Estimate, node: ast.Call) -> Range:
    """The size of what is worked on: the receiver, or the first argument."""
    return estimate.size_or_unknown(node.target if node.target is not None else node.args[0])


def _walk(estimate: _Estimate, node: ast.Call, _overload: str) -> Found:
    return _subject(estimate, node).scaled(TRAVERSAL), None


def _walk_twice(estimate: _Estimate, node: ast.Call, _overload: str) -> Found:
    return _subject(estimate, node).scaled(2 * TRAVERSAL), None


def _same_size(estimate: _Estimate, node: ast.Call, _overload: str) -> Found:
    size = _subject(estimate, node)
    return size.scaled(TRAVERSAL), size


def _over_items(estimate: _Estimate, node: ast.Call, _overload: str) -> Found | None:
    if node.target is None:
        return None
    item = estimate.item(node.target)
    size = estimate.size_or_unknown(node.target)
    if item is None:
        return size.scaled(TRAVERSAL), None
    kind, item_size = item
    each = ONE.plus(item_size.scaled(TRAVERSAL)) if kind.kind in ("string", "bytes") else ONE
    return size.times(each), None


def _times(size: int, by: int) -> int:
    return min(size * by, GREATEST)


def _replacements(size: int, old: int, new: int, *, most: bool) -> tuple[int, int]:
    """How often something can be replaced, and how much of the text stays."""
    if old == 0:
        return min(size + 1, GREATEST), size
    if (most and new <= old) or (not most and old <= new):
        return 0, size
    return math.ceil(size / old), 0


def _replace(estimate: _Estimate, node: ast.Call, _overload: str) -> Found:
    size = _subject(estimate, node)
    old, new = estimate.size_or_unknown(node.args[0]), estimate.size_or_unknown(node.args[1])
    count, kept = _replacements(size.most, old.least, new.most, most=True)
    count_least, kept_least = _replacements(size.least, old.most, new.least, most=False)
    least = min(_times(count_least, new.least) + kept_least, GREATEST)
    result = Range(least, min(_times(count, new.most) + kept, GREATEST))
    return size.scaled(2 * TRAVERSAL), result


def _split(estimate: _Estimate, node: ast.Call, _overload: str) -> Found:
    size = _subject(estimate, node)
    most = size.most
    if len(node.args) > 1:
        limit = node.args[1]
        if isinstance(limit, ast.Literal) and type(limit.value) is int:
            most = limit.value % (GREATEST + 1)
    return size.scaled(2 * TRAVERSAL), Range(0, most)


def _join(estimate: _Estimate, node: ast.Call, _overload: str) -> Found | None:
    if node.target is None:
        return None
    count, item = estimate.size_or_unknown(node.target), estimate.item(node.target)
    size = count.times(item[1]) if item is not None else ZERO
    if node.args:
        separators = Range(max(count.least - 1, 0), max(count.most - 1, 0))
        size = size.plus(estimate.size_or_unknown(node.args[0]).times(separators))
    return size.scaled(TRAVERSAL), size


def _pattern_cost(estimate: _Estimate, text: ast.Node, pattern: ast.Node) -> Range:
    walked = estimate.size_or_unknown(text).plus(ONE).scaled(TRAVERSAL)
    return walked.times(estimate.size_or_unknown(pattern).scaled(REGEX))


def _find(estimate: _Estimate, node: ast.Call, _overload: str) -> Found | None:
    if node.target is None:
        return None
    found = Range(0, estimate.size_or_unknown(node.target).most)
    return _pattern_cost(estimate, node.target, node.args[0]), found


def _matches(estimate: _Estimate, node: ast.Call, _overload: str) -> Found | None:
    # Without a receiver upstream has no estimate but 1. A rule so written is as bounded when it runs.
    return (_pattern_cost(estimate, node.target, node.args[0]), None) if node.target is not None else None


def _contains(estimate: _Estimate, node: ast.Call, _overload: str) -> Found:
    part = estimate.size_or_unknown(node.args[0]).scaled(TRAVERSAL)
    return _subject(estimate, node).scaled(TRAVERSAL).times(part), None


def _argument_walk(estimate: _Estimate, node: ast.Call, _overload: str) -> Found:
    return estimate.size_or_unknown(node.args[-1]).scaled(TRAVERSAL), None


def _membership(estimate: _Estimate, node: ast.Call, _overload: str) -> Found:
    return estimate.size_or_unknown(node.args[1]).scaled(1), None


def _addition(estimate: _Estimate, node: ast.Call, overload: str) -> Found:
    size = estimate.size_or_unknown(node.args[0]).plus(estimate.size_or_unknown(node.args[1]))
    estimate.hold(node, node.args[0], node.args[1])
    return (ONE if overload == "add_list" else size.scaled(TRAVERSAL)), size


def _equality(estimate: _Estimate, node: ast.Call, _overload: str) -> Found:
    left, right = node.args[0].type, node.args[1].type
    if left is not None and left == right and node.function == "_==_":
        if left.name in _UNIT_EQUALITY:
            return ONE, None
        if left.name == formats.NAME:
            return Range(1, 64).scaled(TRAVERSAL), None
        if left.name == urls.NAME:
            return Range(1, estimate.size_or_unknown(node.args[1]).most).scaled(TRAVERSAL), None
    most = min(estimate.size_or_unknown(node.args[0]).most, estimate.size_or_unknown(node.args[1]).most)
    return Range(1 if most else 0, most).scaled(TRAVERSAL), None


def _to_bytes(estimate: _Estimate, node: ast.Call, _overload: str) -> Found:
    size = estimate.size_or_unknown(node.args[0])
    return size.scaled(TRAVERSAL), Range(size.least, _times(size.most, 4))


def _of_bytes(estimate: _Estimate, node: ast.Call, _overload: str) -> Found:
    size = estimate.size_or_unknown(node.args[0])
    return size.scaled(TRAVERSAL), Range(size.least // 4, size.most)


def _quote(estimate: _Estimate, node: ast.Call, _overload: str) -> Found:
    size = estimate.size_or_unknown(node.args[0])
    return size.scaled(TRAVERSAL), Range(size.least + 2, min(_times(size.most, 2) + 2, GREATEST))


def _inside(estimate: _Estimate, node: ast.Call, overload: str) -> Found:
    packed = Range(4, 16)
    called = packed.plus(packed).scaled(TRAVERSAL)
    if overload.startswith("cidr_contains_cidr"):
        called = called.plus(packed.scaled(TRAVERSAL)).plus(ONE)
    if overload.endswith("_string"):
        called = called.plus(estimate.size_or_unknown(node.args[0]).scaled(TRAVERSAL))
    return called, None


def _ip(estimate: _Estimate, node: ast.Call, overload: str) -> Found:
    return (ONE, None) if overload == "cidr_ip" else _walk(estimate, node, overload)


def _validate(estimate: _Estimate, node: ast.Call, _overload: str) -> Found:
    walked = estimate.size_or_unknown(node.args[0]).scaled(TRAVERSAL)
    return walked.scaled(formats.REGEX_SIZE_MAX * REGEX), None


def _sets(factor: int) -> _Rule:
    def rule(estimate: _Estimate, node: ast.Call, _overload: str) -> Found:
        size = estimate.size_or_unknown(node.args[0]).times(estimate.size_or_unknown(node.args[1]))
        return size.scaled(factor).plus(ONE), None

    return rule


def _square(estimate: _Estimate, node: ast.Call, _overload: str) -> Found:
    size = _subject(estimate, node)
    return size.times(size).plus(ONE), size


_Rule = Callable[["_Estimate", ast.Call, str], Found | None]

_RULES: dict[str, _Rule] = {
    **dict.fromkeys(("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"), _over_items),
    **dict.fromkeys(("lowerAscii", "upperAscii", "substring", "trim", "url"), _same_size),
    **dict.fromkeys(("cidr", "isIP", "isCIDR", "quantity", "isQuantity", "semver", "isSemver"), _walk),
    **dict.fromkeys(("find", "findAll"), _find),
    **dict.fromkeys(("containsIP", "containsCIDR"), _inside),
    **dict.fromkeys(("distinct", "sort"), _square),
    "replace": _replace,
    "split": _split,
    "join": _join,
    "ip": _ip,
    "ip.isCanonical": _walk_twice,
    "validate": _validate,
    "sets.contains": _sets(1),
    "sets.intersects": _sets(1),
    "sets.equivalent": _sets(2),
    "strings.quote": _quote,
    "matches": _matches,
    "_==_": _equality,
    "_!=_": _equality,
}
_OVERLOADS: dict[str, _Rule] = {
    "starts_with_string": _argument_walk,
    "ends_with_string": _argument_walk,
    "contains_string": _contains,
    "in_list": _membership,
    "add_string": _addition,
    "add_bytes": _addition,
    "add_list": _addition,
    "order_string": _equality,
    "order_bytes": _equality,
    "string_to_bytes": _to_bytes,
    "bytes_to_string": _of_bytes,
    "ext_format_string": _walk,
}
