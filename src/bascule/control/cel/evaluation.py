"""A checked tree as closures: fast to run, and counting what running costs.

Code runs on a frame, a plain list: cost so far, limit, then variables and loops' locals at places known beforehand.
What code costs in any case is known when it is made (`Code.cost`), and charged where branches meet: at ``&&``, ``||``,
``?:``, loops and the top. Calls that depend on their arguments charge themselves. The limit is looked at in loops and
such calls: straight code is bounded by the length of the expression.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from bascule.control.cel import ast, dispatch, errors, loops, selection
from bascule.control.cel.errors import FAILURES, BudgetExceededError, EvaluationError, no_such_overload
from bascule.control.cel.selection import UNSET
from bascule.control.cel.values import Lazy, Optional, TypeValue

Frame = list[Any]
Evaluate = Callable[[Frame], Any]

LIST_COST, MAP_COST = 10, 30


class Code(NamedTuple):
    """Runs a node; ``cost`` is what it costs in any case, to be charged by who runs it.

    What is ``constant`` was computed when the expression compiled, and costs nothing.
    """

    run: Evaluate
    cost: int
    constant: bool = False


def constant(value: Any) -> Code:
    return Code(lambda frame: value, 0, True)


class Compiler:
    """Makes code of nodes. ``names`` are the variables' places; loops take further ones."""

    def __init__(self, names: dict[str, int]) -> None:
        self.names = dict(names)
        self.plain: set[int] = set()
        """Places of loops' own variables: always set, never lazy."""
        self.width = max(names.values(), default=1) + 1

    def place(self) -> int:
        """A fresh place in the frame."""
        self.width += 1
        return self.width - 1

    def code(self, node: ast.Node) -> Code:
        if isinstance(node, ast.Literal):
            return constant(node.value)
        if isinstance(node, ast.Ident):
            return self.variable(node.name)
        if isinstance(node, ast.Select):
            return self.select(node)
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, ast.ListNode):
            return self.list(node)
        if isinstance(node, ast.MapNode):
            return self.map(node)
        return loops.code(self, node)

    # Names

    def variable(self, name: str) -> Code:
        place = self.names.get(name.removeprefix("."))
        if place is None:
            return constant(TypeValue(name.removeprefix(".")))
        if place in self.plain:
            return Code(operator.itemgetter(place), 1)

        def read(frame: Frame) -> Any:
            value = frame[place]
            if type(value) is Lazy:
                value = force(frame, value)
            elif value is UNSET:
                raise EvaluationError(f"no such attribute(s): {name}")
            return value

        return Code(read, 1)

    def select(self, node: ast.Select) -> Code:
        if node.resolved:
            return self.variable(node.resolved)
        operand = self.code(node.operand)
        if node.test_only:
            # Upstream does not charge for the test itself.
            return Code(selection.tested(operand.run, node.field), operand.cost)
        if node.optional:
            return Code(selection.optional(operand.run, node.field), operand.cost + 1)
        return Code(selection.selected(operand.run, node.field), operand.cost + 1 + _entered(node.operand))

    # Calls

    def call(self, node: ast.Call) -> Code:
        special = _SPECIAL.get(node.function)
        if special is not None:
            return special(self, node)
        nodes = [*([node.target] if node.target is not None else []), *node.args]
        codes = [self.code(arg) for arg in nodes]
        if node.function == "@in" and codes[1].constant:
            member = selection.member_of(codes[0].run, codes[1].run([]))
            if member is not None:
                return Code(member, codes[0].cost)
        run, cost = dispatch.call(node, nodes, [code.run for code in codes], [code.constant for code in codes])
        if node.function in _CONVERSIONS and all(code.constant for code in codes):
            try:
                return constant(run([0, _FREE]))
            except EvaluationError:
                pass  # it will say so when it runs
        return Code(run, cost + sum(code.cost for code in codes))

    def logical(self, node: ast.Call, decisive: bool) -> Code:
        """``&&`` and ``||``: one side that decides absorbs the other's error."""
        left, (right, right_cost, _) = self.code(node.args[0]), self.code(node.args[1])
        left_run, wanted, other = left.run, cast(object, decisive), cast(object, not decisive)

        def absorbed(failure: EvaluationError, right: Evaluate, frame: Frame) -> bool:
            """The left side failed: the right one decides, or that failure stands."""
            try:
                if right(frame) is wanted:
                    return decisive
            except FAILURES as error:
                errors.failure(error)
            raise failure

        def run(frame: Frame) -> bool:
            try:
                first = left_run(frame)
                if first is wanted:
                    return decisive
                failure = None if type(first) is bool else no_such_overload()
            except FAILURES as error:
                failure = errors.failure(error)
            frame[0] += right_cost
            if failure is not None:
                return absorbed(failure, right, frame)
            second = right(frame)
            if second is wanted:
                return decisive
            if second is other:
                return not decisive
            raise no_such_overload()

        return Code(run, left.cost)

    def conditional(self, node: ast.Call) -> Code:
        condition, first, second = map(self.code, node.args)
        test, chosen, other = condition.run, first.run, second.run
        # A branch that only reads something is read for one unit less, upstream.
        chosen_cost = first.cost - (_reads(node.args[1]) and not first.constant)
        other_cost = second.cost - (_reads(node.args[2]) and not second.constant)

        def run(frame: Frame) -> Any:
            decided = test(frame)
            if decided is True:
                frame[0] += chosen_cost
                return chosen(frame)
            if decided is False:
                frame[0] += other_cost
                return other(frame)
            raise no_such_overload()

        return Code(run, condition.cost)

    def index(self, node: ast.Call) -> Code:
        operand, key = map(self.code, node.args)
        indexed = selection.indexed(operand.run, key.run, optional=node.function == "_[?_]")
        own = 0 if _reads(node.args[1]) and not key.constant else 1
        return Code(indexed, operand.cost + key.cost + own + _entered(node.args[0]))

    def alternative(self, node: ast.Call) -> Code:
        """``a.or(b)`` and ``a.orValue(b)``: the other is looked at only when there is none."""
        if node.target is None:
            raise no_such_overload()
        operand, (other, other_cost, _) = self.code(node.target), self.code(node.args[0])
        first, bare = operand.run, node.function == "orValue"

        def run(frame: Frame) -> Any:
            value = first(frame)
            if type(value) is not Optional:
                raise no_such_overload()
            if value.present:
                return value.value if bare else value
            frame[0] += other_cost
            return other(frame)

        return Code(run, operand.cost + 1)

    # Aggregates

    def list(self, node: ast.ListNode) -> Code:
        codes = [self.code(element) for element in node.elements]
        if not node.optional and all(code.constant for code in codes):
            return constant([code.run([]) for code in codes])
        runs = [code.run for code in codes]
        cost = LIST_COST + sum(code.cost for code in codes)
        if not node.optional:
            return Code(lambda frame: [run(frame) for run in runs], cost)
        marked = node.optional

        def run(frame: Frame) -> list[Any]:
            values = []
            for index, element in enumerate(runs):
                value = element(frame)
                if index not in marked:
                    values.append(value)
                elif type(value) is not Optional:
                    raise no_such_overload()
                elif value.present:
                    values.append(value.value)
            return values

        return Code(run, cost)

    def map(self, node: ast.MapNode) -> Code:
        pairs = [(self.code(entry.key), self.code(entry.value), entry.optional) for entry in node.entries]
        runs = [(key.run, value.run, optional) for key, value, optional in pairs]

        def run(frame: Frame) -> dict[Any, Any]:
            made: dict[Any, Any] = {}
            for key_run, value_run, optional in runs:
                key, value = key_run(frame), value_run(frame)
                if optional:
                    if type(value) is not Optional:
                        raise no_such_overload()
                    if not value.present:
                        continue
                    value = value.value
                selection.insert(made, key, value)
            return made

        if all(key.constant and value.constant and not optional for key, value, optional in pairs):
            try:
                return constant(run([]))
            except EvaluationError:
                pass  # it will say so when it runs
        return Code(run, MAP_COST + sum(key.cost + value.cost for key, value, _ in pairs))


_CONVERSIONS = frozenset({"bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"})
_FREE = 2**62


def _reads(node: ast.Node) -> bool:
    """Whether the node only reads: a variable, a field, an item."""
    if isinstance(node, ast.Select):
        return not node.test_only
    return isinstance(node, ast.Ident) or (isinstance(node, ast.Call) and node.function in ("_[_]", "_[?_]"))


def _entered(node: ast.Node) -> int:
    """What it costs to read from a computed value, beyond reading itself."""
    return 0 if _reads(node) or (isinstance(node, ast.Call) and node.function == "_?_:_") else 1


def force(frame: Frame, value: Lazy) -> Any:
    """A lazy variable's value; what it cost is charged."""
    found, cost = value.force()
    if cost:
        frame[0] += cost
        if frame[0] > frame[1]:
            raise BudgetExceededError
    return found


_SPECIAL: dict[str, Callable[[Compiler, ast.Call], Code]] = {
    "_&&_": lambda compiler, node: compiler.logical(node, False),
    "_||_": lambda compiler, node: compiler.logical(node, True),
    "_?_:_": Compiler.conditional,
    "_[_]": Compiler.index,
    "_[?_]": Compiler.index,
    "or": Compiler.alternative,
    "orValue": Compiler.alternative,
}
