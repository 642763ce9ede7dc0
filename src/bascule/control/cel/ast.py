"""The tree of an expression. Macros are expanded by the parser, so only these shapes are left.

The checker writes what it found out into ``type`` and ``overloads``; nothing else changes a tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from bascule.control.cel import types
    from bascule.control.cel.declarations import Overload


@dataclass(slots=True, eq=False, kw_only=True)
class Annotated:
    """What every node carries: its place in the source, and what the checker says of it."""

    position: int = 0
    type: types.Type | None = None


@dataclass(slots=True, eq=False)
class Literal(Annotated):
    """A constant, as the evaluator's value."""

    value: Any


@dataclass(slots=True, eq=False)
class Ident(Annotated):
    """A variable. The checker may resolve a dotted name to one."""

    name: str


@dataclass(slots=True, eq=False)
class Select(Annotated):
    """``operand.field``; of ``has(…)`` when ``test_only``; ``operand.?field`` when ``optional``."""

    operand: Node
    field: str
    test_only: bool = False
    optional: bool = False
    resolved: str = ""
    """The variable or type that the dotted name turned out to be."""


@dataclass(slots=True, eq=False)
class Call(Annotated):
    """A function, with or without a receiver, or an operator (``_+_``, ``_[_]``, ``_?_:_`` …)."""

    function: str
    target: Node | None
    args: list[Node]
    overloads: list[Overload] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class ListNode(Annotated):
    """``[a, ?b]``; ``optional`` holds the indices of the elements with a question mark."""

    elements: list[Node]
    optional: frozenset[int] = frozenset()


@dataclass(slots=True, eq=False)
class Entry:
    """``key: value`` of a map; ``?key: value`` when optional."""

    key: Node
    value: Node
    optional: bool = False


@dataclass(slots=True, eq=False)
class MapNode(Annotated):
    entries: list[Entry]


@dataclass(slots=True, eq=False)
class Comprehension(Annotated):
    """A macro's loop, in the form in which it is checked and priced.

    ``kind`` names the macro; the evaluator runs it by ``filter`` and ``transform`` and needs no accumulator.
    """

    kind: str
    iter_var: str
    iter_var2: str
    iter_range: Node
    accu_var: str
    init: Node
    condition: Node
    step: Node
    result: Node
    filter: Node | None = None
    transform: Node | None = None


Node: TypeAlias = Literal | Ident | Select | Call | ListNode | MapNode | Comprehension


def qualified_name(node: Node) -> str | None:
    """``a.b.c`` when the node is nothing but a dotted name."""
    if isinstance(node, Ident):
        return node.name
    if isinstance(node, Select) and not node.test_only and not node.optional:
        prefix = qualified_name(node.operand)
        return f"{prefix}.{node.field}" if prefix is not None else None
    return None


def children(node: Node) -> list[Node]:
    """The nodes right below, in the order of the source."""
    if isinstance(node, Select):
        return [node.operand]
    if isinstance(node, Call):
        return [*([node.target] if node.target is not None else []), *node.args]
    if isinstance(node, ListNode):
        return node.elements
    if isinstance(node, MapNode):
        return [child for entry in node.entries for child in (entry.key, entry.value)]
    if isinstance(node, Comprehension):
        return [node.iter_range, node.init, node.condition, node.step, node.result]
    return []
