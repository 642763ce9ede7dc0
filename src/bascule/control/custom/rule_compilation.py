"""One rule of a schema, compiled: its programs, what they can cost at most, or why it is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bascule.control.cel import ast, declarations, estimate, program, types
from bascule.control.cel.data import Declared
from bascule.control.cel.errors import CompileError
from bascule.control.cel.libraries.kubernetes import ENVIRONMENT
from bascule.control.custom import effort, patterns, rule_paths, structural

_COMPILE_COST = 16
"""Of a character."""


@dataclass(slots=True)
class Compiled:
    """A rule ready to run. Problems are empty for a rule that stands."""

    text: str
    message: str
    reason: str
    optional_old: bool
    field_path: str = ""
    run: program.Program | None = None
    explain: program.Program | None = None
    problem: str = ""
    explain_problem: str = ""
    cost_max: int = 0
    explain_cost_max: int = 0

    @property
    def uses_old(self) -> bool:
        """Whether this is a transition rule."""
        return self.run is not None and self.run.uses("oldSelf")

    @property
    def shown(self) -> str:
        """The rule in messages: its own message, else its text."""
        return (self.message or self.text).strip()


def compile(rule: dict[str, Any], node: structural.Node, declared: Declared) -> Compiled:
    """Never raises: what is wrong is in the result."""
    compiled = Compiled(
        _text(rule, "rule"), _text(rule, "message"), _text(rule, "reason"), rule.get("optionalOldSelf") is True
    )
    if not compiled.text.strip():
        return compiled
    old = types.optional(declared.type) if compiled.optional_old else declared.type
    environment = ENVIRONMENT.with_variables({"self": declared.type, "oldSelf": old})
    sizes = {"self": declared, "oldSelf": declared}
    effort.spend(_COMPILE_COST * len(compiled.text))
    try:
        found = program.compile(compiled.text, environment)
    except CompileError as error:
        compiled.problem = f"compilation failed: {error}"
        return compiled
    if found.result != types.BOOL:
        compiled.problem = "cel expression must evaluate to a bool"
        return compiled
    compiled.problem = _pattern_problem(found.tree)
    if compiled.problem:
        return compiled
    compiled.run = found
    compiled.cost_max = estimate.cost(found.tree, sizes).most
    expression = _text(rule, "messageExpression")
    if expression:
        _add_explanation(compiled, expression, environment, sizes)
    if path := _text(rule, "fieldPath"):
        try:
            compiled.field_path = rule_paths.normalized(path, node)
        except rule_paths.PathError:
            compiled.field_path = ""
    return compiled


def _pattern_problem(tree: ast.Node) -> str:
    """What is wrong with a pattern that is written out (those of ``matches`` the checker has seen)."""
    stack = [tree]
    while stack:
        node = stack.pop()
        stack.extend(ast.children(node))
        if isinstance(node, ast.Call) and node.function in ("find", "findAll") and node.args:
            pattern = node.args[0]
            problem = patterns.problem(pattern.value) if isinstance(pattern, ast.Literal) else ""
            if problem:
                return f"program instantiation failed: {problem}"
    return ""


def _add_explanation(
    compiled: Compiled, expression: str, environment: declarations.Environment, sizes: dict[str, Declared]
) -> None:
    effort.spend(_COMPILE_COST * len(expression))
    try:
        found = program.compile(expression, environment)
    except CompileError as error:
        compiled.explain_problem = f"messageExpression compilation failed: {error}"
        return
    if found.result != types.STRING:
        compiled.explain_problem = "messageExpression must evaluate to a string"
        return
    compiled.explain = found
    compiled.explain_cost_max = estimate.cost(found.tree, sizes).most


def _text(rule: dict[str, Any], key: str) -> str:
    value = rule.get(key)
    return value if type(value) is str else ""
