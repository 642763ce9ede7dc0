"""Compiled expressions: checked once, run often, never for more than a budget allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bascule.control.cel import ast, checker, errors, evaluation, parser, selection, types
from bascule.control.cel.declarations import Environment
from bascule.control.cel.errors import FAILURES, BudgetExceededError, EvaluationError

PER_CALL_LIMIT = 1_000_000
"""What one run of one expression may cost: about a tenth of a second, upstream."""


class Outcome(NamedTuple):
    """What a run came to, and what it cost: a value, or the error instead."""

    value: Any
    cost: int
    error: EvaluationError | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """An expression ready to run. ``names`` are the variables it reads, with their places in the frame."""

    source: str
    tree: ast.Node
    result: types.Type
    code: evaluation.Code
    names: Mapping[str, int]
    width: int

    def run(self, values: Mapping[str, Any], limit: int = PER_CALL_LIMIT) -> Outcome:
        """Runs on values of the variables; those left out are an error only when they are read."""
        frame: list[Any] = [self.code.cost, limit, *[selection.UNSET] * (self.width - 2)]
        for name, place in self.names.items():
            if name in values:
                frame[place] = values[name]
        try:
            value = self.code.run(frame)
            if frame[0] > limit:
                raise BudgetExceededError
            return Outcome(value, frame[0])
        except BudgetExceededError as error:
            return Outcome(None, frame[0], error)
        except FAILURES as error:
            return Outcome(None, frame[0], errors.failure(error))
        except RecursionError:
            return Outcome(None, frame[0], EvaluationError("evaluation nests too deeply"))

    def evaluate(self, values: Mapping[str, Any], limit: int = PER_CALL_LIMIT) -> Any:
        """The value. Raises EvaluationError."""
        outcome = self.run(values, limit)
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    def uses(self, name: str) -> bool:
        """Whether the expression reads the variable."""
        return name in self.names


def compile(source: str, environment: Environment) -> Program:
    """Raises CompileError."""
    try:
        tree = parser.parse(source)
        result = checker.check(source, tree, environment)
        used = sorted(_used(tree) & environment.variables.keys())
        names = {name: index + 2 for index, name in enumerate(used)}
        compiler = evaluation.Compiler(names)
        code = compiler.code(tree)
    except RecursionError as error:
        raise errors.CompileError(source, [errors.Issue(0, "expression recursion limit exceeded")]) from error
    return Program(source, tree, result, code, names, compiler.width)


def _used(tree: ast.Node) -> set[str]:
    """All names that occur as variables; loops' own may be among them."""
    found: set[str] = set()
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Ident):
            found.add(node.name.removeprefix("."))
        elif isinstance(node, ast.Select) and node.resolved:
            found.add(node.resolved)
            continue
        stack.extend(ast.children(node))
    return found
