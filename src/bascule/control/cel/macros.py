"""Macros: calls that the parser replaces by loops, tests and bindings.

A loop keeps the shape in which upstream checks and prices it (accumulator, condition, step, result); what it does
is also kept apart, as filter and transform, for the evaluator.
"""

from __future__ import annotations

from collections.abc import Callable

from bascule.control.cel import ast

ACCUMULATOR = "@result"
_UNUSED = "#unused"


class MacroError(Exception):
    """The arguments do not fit the macro."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(message)
        self.position = position


def expand(function: str, target: ast.Node | None, args: list[ast.Node], position: int) -> ast.Node | None:
    """What the call stands for, or None when it is no macro."""
    if target is None:
        return _has(args[0], position) if function == "has" and len(args) == 1 else None
    if isinstance(target, ast.Ident) and target.name == "cel" and function == "bind" and len(args) == 3:
        return _bind(args, position)
    if function in ("optMap", "optFlatMap") and len(args) == 2:
        return _optional_map(function, target, args, position)
    two = len(args) >= 3 and (function, len(args)) in _TWO
    builder = _TWO.get((function, len(args))) if two else _ONE.get((function, len(args)))
    if builder is None:
        return None
    names, rest = (args[:2], args[2:]) if two else (args[:1], args[1:])
    variables = [_variable(name, function, two=two) for name in names]
    return builder(_Loop(function, variables, target, position), rest)


def _variable(node: ast.Node, function: str, *, two: bool) -> str:
    if not isinstance(node, ast.Ident) or node.name.startswith("."):
        plain = two or function in ("all", "exists", "exists_one", "existsOne")
        raise MacroError(node.position, "argument must be a simple name" if plain else "argument is not an identifier")
    if node.name == ACCUMULATOR:
        raise MacroError(node.position, "iteration variable overwrites accumulator variable")
    return node.name


def _has(arg: ast.Node, position: int) -> ast.Node:
    if not isinstance(arg, ast.Select) or arg.test_only:
        raise MacroError(arg.position, "invalid argument to has() macro")
    return ast.Select(arg.operand, arg.field, test_only=True, optional=arg.optional, position=position)


def _bind(args: list[ast.Node], position: int) -> ast.Node:
    if not isinstance(args[0], ast.Ident):
        raise MacroError(args[0].position, "cel.bind() variable names must be simple identifiers")
    return _binding(args[0].name, args[1], args[2], position)


def _binding(name: str, value: ast.Node, result: ast.Node, position: int) -> ast.Comprehension:
    return ast.Comprehension(
        kind="bind",
        iter_var=_UNUSED,
        iter_var2="",
        iter_range=ast.ListNode([], position=position),
        accu_var=name,
        init=value,
        condition=ast.Literal(False, position=position),
        step=ast.Ident(name, position=position),
        result=result,
        position=position,
    )


def _optional_map(function: str, target: ast.Node, args: list[ast.Node], position: int) -> ast.Node:
    """``target.hasValue() ? optional.of(x bound to target.value() in e) : optional.none()``."""
    if not isinstance(args[0], ast.Ident):
        raise MacroError(args[0].position, f"{function}() variable name must be a simple identifier")
    name = "@target" if not isinstance(target, ast.Ident) else target.name
    source: ast.Node = ast.Ident(name, position=position) if name == "@target" else target
    value = ast.Call("value", source, [], position=position)
    inner: ast.Node = _binding(args[0].name, value, args[1], position)
    if function == "optMap":
        inner = ast.Call("optional.of", None, [inner], position=position)
    has_value = ast.Call("hasValue", ast.Ident(name, position=position), [], position=position)
    none = ast.Call("optional.none", None, [], position=position)
    chosen = ast.Call("_?_:_", None, [has_value, inner, none], position=position)
    return _binding(name, target, chosen, position) if name == "@target" else chosen


class _Loop:
    """What all loops of one call have in common, and the small nodes they are made of."""

    def __init__(self, kind: str, variables: list[str], target: ast.Node, position: int) -> None:
        self.kind = "exists_one" if kind == "existsOne" else kind
        self.variables = variables
        self.target = target
        self.position = position

    def accumulator(self) -> ast.Node:
        return ast.Ident(ACCUMULATOR, position=self.position)

    def literal(self, value: object) -> ast.Node:
        return ast.Literal(value, position=self.position)

    def call(self, function: str, *args: ast.Node) -> ast.Node:
        return ast.Call(function, None, list(args), position=self.position)

    def build(
        self,
        init: ast.Node,
        condition: ast.Node,
        step: ast.Node,
        result: ast.Node | None = None,
        *,
        filter: ast.Node | None = None,
        transform: ast.Node | None = None,
    ) -> ast.Comprehension:
        return ast.Comprehension(
            kind=self.kind,
            iter_var=self.variables[0],
            iter_var2=self.variables[1] if len(self.variables) > 1 else "",
            iter_range=self.target,
            accu_var=ACCUMULATOR,
            init=init,
            condition=condition,
            step=step,
            result=result if result is not None else self.accumulator(),
            filter=filter,
            transform=transform,
            position=self.position,
        )

    def collect(self, init: ast.Node, grown: ast.Node, keep: ast.Node | None, transform: ast.Node) -> ast.Comprehension:
        """Grows the accumulator by each element, or by each that ``keep`` is true of."""
        step = grown if keep is None else self.call("_?_:_", keep, grown, self.accumulator())
        return self.build(init, self.literal(True), step, filter=keep, transform=transform)


def _all(loop: _Loop, args: list[ast.Node]) -> ast.Node:
    going = loop.call("@not_strictly_false", loop.accumulator())
    step = loop.call("_&&_", loop.accumulator(), args[0])
    return loop.build(loop.literal(True), going, step, filter=args[0])


def _exists(loop: _Loop, args: list[ast.Node]) -> ast.Node:
    going = loop.call("@not_strictly_false", loop.call("!_", loop.accumulator()))
    step = loop.call("_||_", loop.accumulator(), args[0])
    return loop.build(loop.literal(False), going, step, filter=args[0])


def _exists_one(loop: _Loop, args: list[ast.Node]) -> ast.Node:
    counted = loop.call("_+_", loop.accumulator(), loop.literal(1))
    step = loop.call("_?_:_", args[0], counted, loop.accumulator())
    result = loop.call("_==_", loop.accumulator(), loop.literal(1))
    return loop.build(loop.literal(0), loop.literal(True), step, result, filter=args[0])


def _list(loop: _Loop, args: list[ast.Node]) -> ast.Node:
    """``map`` and ``transformList``, with or without a filter in front."""
    keep, transform = (args[0], args[1]) if len(args) > 1 else (None, args[0])
    grown = loop.call("_+_", loop.accumulator(), ast.ListNode([transform], position=loop.position))
    return loop.collect(ast.ListNode([], position=loop.position), grown, keep, transform)


def _filter(loop: _Loop, args: list[ast.Node]) -> ast.Node:
    element = ast.Ident(loop.variables[0], position=loop.position)
    grown = loop.call("_+_", loop.accumulator(), ast.ListNode([element], position=loop.position))
    return loop.collect(ast.ListNode([], position=loop.position), grown, args[0], element)


def _map(loop: _Loop, args: list[ast.Node]) -> ast.Node:
    keep, transform = (args[0], args[1]) if len(args) > 1 else (None, args[0])
    key = ast.Ident(loop.variables[0], position=loop.position)
    grown = loop.call("cel.@mapInsert", loop.accumulator(), key, transform)
    return loop.collect(ast.MapNode([], position=loop.position), grown, keep, transform)


def _map_entry(loop: _Loop, args: list[ast.Node]) -> ast.Node:
    keep, transform = (args[0], args[1]) if len(args) > 1 else (None, args[0])
    grown = loop.call("cel.@mapInsert", loop.accumulator(), transform)
    return loop.collect(ast.MapNode([], position=loop.position), grown, keep, transform)


_Builder = Callable[[_Loop, list[ast.Node]], ast.Node]

_ONE: dict[tuple[str, int], _Builder] = {
    ("all", 2): _all,
    ("exists", 2): _exists,
    ("exists_one", 2): _exists_one,
    ("existsOne", 2): _exists_one,
    ("map", 2): _list,
    ("map", 3): _list,
    ("filter", 2): _filter,
}
_TWO: dict[tuple[str, int], _Builder] = {
    ("all", 3): _all,
    ("exists", 3): _exists,
    ("exists_one", 3): _exists_one,
    ("existsOne", 3): _exists_one,
    ("transformList", 3): _list,
    ("transformList", 4): _list,
    ("transformMap", 3): _map,
    ("transformMap", 4): _map,
    ("transformMapEntry", 3): _map_entry,
    ("transformMapEntry", 4): _map_entry,
}
