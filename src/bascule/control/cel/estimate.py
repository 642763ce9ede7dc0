"""What an expression can cost at most, told from its tree and from how large declared data may be.

Upstream decides by this number which rules may be written, so it follows upstream's estimate step by step, including
its oddities: a change here would accept or refuse other rules than any other cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bascule.control.cel import ast, estimate_calls, types
from bascule.control.cel.data import Declared
from bascule.control.cel.macros import ACCUMULATOR
from bascule.control.cel.ranges import EMPTY_UNION, ONE, UNKNOWN, ZERO, Range, exactly

_LIST_COST, _MAP_COST = exactly(10), exactly(30)
_INDEXING = frozenset({"index_list", "index_map"})
_SCALARS = frozenset({"bool", "double", "duration", "int", "timestamp", "uint"})


def cost(tree: ast.Node, variables: Mapping[str, Declared]) -> Range:
    """The least and the most a run can cost. ``variables`` says what is known of their sizes."""
    try:
        return _Estimate(variables).cost(tree)
    except RecursionError:  # nested too deeply to tell
        return UNKNOWN


@dataclass(slots=True)
class _Local:
    """What is known of a loop's variable, an accumulator, or a binding."""

    declared: Declared | None
    size: Range | None
    entries: Entries | None = None
    is_made: bool = False
    """As `_Estimate.is_made`."""


@dataclass(slots=True)
class Entries:
    """Sizes of what a container holds."""

    is_list: bool
    keys: Range
    values: Range


def _joined(first: Entries | None, second: Entries | None) -> Entries | None:
    if first is None or second is None:
        return None
    return Entries(first.is_list, first.keys.union(second.keys), first.values.union(second.values))


class _Estimate:
    def __init__(self, variables: Mapping[str, Declared]) -> None:
        self.variables = variables
        self.root = variables.get("self")
        """The whole value; upstream takes it for the parts of what was made, and for any other name."""
        self.locals: dict[str, list[_Local]] = {}
        self.declared: dict[ast.Node, Declared | None] = {}
        self.sizes: dict[ast.Node, Range] = {}
        self.entries: dict[ast.Node, Entries] = {}

    # Nodes

    def cost(self, node: ast.Node) -> Range:
        if isinstance(node, ast.Literal):
            return ZERO
        if isinstance(node, ast.Ident):
            return ONE
        if isinstance(node, ast.Select):
            return self.select(node)
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, ast.ListNode):
            return self.list_of(node)
        if isinstance(node, ast.MapNode):
            return self.map_of(node)
        return self.bind(node) if node.kind == "bind" else self.comprehension(node)

    def select(self, node: ast.Select) -> Range:
        if node.resolved:
            return ONE
        total = self.cost(node.operand)
        if node.test_only:
            return total
        kind = node.operand.type.kind if node.operand.type is not None else "dyn"
        if kind in ("map", "object", "param") or node.optional:
            total = total.plus(ONE)
        operand = self.place(node.operand)
        if operand is None and self.is_made(node.operand):
            self.declared[node] = self.root
        elif operand is not None:
            found = operand.fields.get(node.field)
            self.declared[node] = found.declared if found is not None else None
        return total

    def call(self, node: ast.Call) -> Range:
        if node.function == "dyn":
            total = ONE.plus(self.cost(node.args[0]))
            self.copy(node, node.args[0])
            return total
        argument_costs = [self.cost(arg) for arg in node.args]
        total = self.cost(node.target) if node.target is not None else ZERO
        spent, size = EMPTY_UNION, None
        for overload in node.overloads:
            called, result = estimate_calls.cost(self, node, overload.id, argument_costs)
            spent = spent.union(called)
            if result is not None:
                size = result if size is None else size.union(result)
            if overload.id in _INDEXING:
                self.indexed(node)
                held = self.held(node.args[0])
                size = held.values if held is not None else None
            if size is None:
                size = self.size(node)
        if size is not None:
            self.sizes[node] = size
        return total.plus(spent) if node.overloads else ZERO

    def indexed(self, node: ast.Call) -> None:
        container = self.place(node.args[0])
        if container is not None:
            self.declared[node] = container.element
        elif self.is_made(node.args[0]):
            self.declared[node] = self.root

    def list_of(self, node: ast.ListNode) -> Range:
        total, item = _LIST_COST, EMPTY_UNION if node.elements else Range(0, 0)
        for element in node.elements:
            total = total.plus(self.cost(element))
            item = item.union(self.size_or_unknown(element))
        self.entries[node] = Entries(True, ONE, item)
        return total

    def map_of(self, node: ast.MapNode) -> Range:
        total, keys = _MAP_COST, EMPTY_UNION if node.entries else Range(0, 0)
        values = keys
        for entry in node.entries:
            total = total.plus(self.cost(entry.key)).plus(self.cost(entry.value))
            keys = keys.union(self.size_or_unknown(entry.key))
            values = values.union(self.size_or_unknown(entry.value))
        self.entries[node] = Entries(False, keys, values)
        return total

    # Loops and bindings

    def comprehension(self, node: ast.Comprehension) -> Range:
        total = self.cost(node.iter_range).plus(self.cost(node.init))
        self.push(node.accu_var, self.local_of(node.init))
        variables = self.iterated(node)
        for name, local in variables:
            self.push(name, local)
        each = self.cost(node.condition).plus(self.cost(node.step))
        step_entries = self.held(node.step)
        for name, _ in variables:
            self.locals[name].pop()
        total = total.plus(self.cost(node.result))
        self.locals[node.accu_var].pop()
        count = self.size_or_unknown(node.iter_range)
        if isinstance(node.init, ast.Literal):
            self.sizes[node] = ONE
        else:
            self.sizes[node] = count
            if step_entries is not None:
                self.entries[node] = step_entries
        return total.plus(count.times(each))

    def iterated(self, node: ast.Comprehension) -> list[tuple[str, _Local]]:
        container, held = self.place(node.iter_range), self.held(node.iter_range)
        over = node.iter_range.type
        is_list = held.is_list if held is not None else over is not None and over.kind == "list"
        rest = self.root if self.is_made(node.iter_range) else None
        keys = _Local((container.key if container else rest) if not is_list else None, held.keys if held else None)
        values = _Local(container.element if container else rest, held.values if held else None)
        if node.iter_var2:
            return [(node.iter_var, keys), (node.iter_var2, values)]
        return [(node.iter_var, values if is_list else keys)]

    def bind(self, node: ast.Comprehension) -> Range:
        total = self.cost(node.iter_range).plus(self.cost(node.init))
        self.push(node.accu_var, self.local_of(node.init))
        total = total.plus(self.cost(node.result))
        self.copy(node, node.result)
        self.locals[node.accu_var].pop()
        return total

    def local_of(self, node: ast.Node) -> _Local:
        return _Local(self.place(node), self.size(node), self.held(node), self.is_made(node))

    def push(self, name: str, local: _Local) -> None:
        self.locals.setdefault(name, []).append(local)

    def local(self, node: ast.Node) -> _Local | None:
        stack = self.locals.get(node.name) if isinstance(node, ast.Ident) else None
        return stack[-1] if stack else None

    # What is known of a node

    def is_made(self, node: ast.Node) -> bool:
        """Whether the value is an expression's own, as of `split`, so that no path in declared data leads to it."""
        local = self.local(node)
        if local is not None:
            return local.is_made
        if isinstance(node, ast.Call):
            return not any(overload.id in _INDEXING for overload in node.overloads)
        return not isinstance(node, (ast.Ident, ast.Select))

    def place(self, node: ast.Node) -> Declared | None:
        """Where in declared data the node's value comes from."""
        local = self.local(node)
        if local is not None:
            return local.declared
        if isinstance(node, ast.Ident):
            return self.variables.get(node.name, self.root)
        return self.declared.get(node)

    def size(self, node: ast.Node) -> Range | None:
        known = self.sizes.get(node)
        if known is None:
            known = _written(node)
        if known is not None:
            return known
        place = self.place(node)
        if place is not None and not (isinstance(node, ast.Ident) and node.name == ACCUMULATOR):
            return Range(0, place.maximum)
        if node.type is not None and _is_scalar(node.type):
            return ONE
        local = self.local(node)
        return local.size if local is not None else None

    def size_or_unknown(self, node: ast.Node) -> Range:
        return self.size(node) or UNKNOWN

    def held(self, node: ast.Node) -> Entries | None:
        known = self.entries.get(node)
        if known is None:
            local = self.local(node)
            known = local.entries if local is not None else None
        return known

    def hold(self, node: ast.Node, first: ast.Node, second: ast.Node) -> None:
        """The node holds what either of the others holds."""
        joined = _joined(self.held(first), self.held(second))
        if joined is not None:
            self.entries[node] = joined

    def item(self, node: ast.Node) -> tuple[types.Type, Range] | None:
        """Type and size of a container's items; None when the node's type has none."""
        if node.type is None or not node.type.params:
            return None
        place = self.place(node)
        known = Range(0, place.element.maximum) if place is not None and place.element is not None else UNKNOWN
        return node.type.params[0], known

    def copy(self, to: ast.Node, source: ast.Node) -> None:
        size, held = self.size(source), self.held(source)
        if size is not None:
            self.sizes[to] = size
        if held is not None:
            self.entries[to] = held


def _written(node: ast.Node) -> Range | None:
    """The size of what is written out."""
    if isinstance(node, ast.Literal):
        return exactly(len(node.value)) if isinstance(node.value, (str, bytes)) else ONE
    if isinstance(node, ast.ListNode):
        return exactly(len(node.elements))
    if isinstance(node, ast.MapNode):
        return exactly(len(node.entries))
    return None


def _is_scalar(given: types.Type) -> bool:
    if given.name == "optional_type":
        return _is_scalar(given.params[0])
    return given.kind in _SCALARS
