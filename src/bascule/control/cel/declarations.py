"""What expressions may use: functions with their overloads, and variables with their types.

An `Environment` is extended, never changed: libraries and variables added to one give another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bascule.control.cel import types

RuntimeCost = Callable[..., int]
"""From the arguments and the result to what the call cost."""


@dataclass(frozen=True, slots=True, eq=False)
class Overload:
    """One signature of a function. A receiver is the first of ``args``."""

    id: str
    args: tuple[types.Type, ...]
    result: types.Type
    member: bool
    implementation: Callable[..., Any]
    cost: int | RuntimeCost = 1
    generic: bool = False
    """Takes arguments of any type and sees to errors itself; the others rely on their signature."""


Functions = dict[str, list[Overload]]


class Library:
    """A set of functions, declared one overload at a time."""

    def __init__(self) -> None:
        self.functions: Functions = {}

    def add(
        self,
        name: str,
        signature: str,
        implementation: Callable[..., Any],
        *,
        id: str = "",
        cost: int | RuntimeCost = 1,
        generic: bool = False,
    ) -> None:
        """``signature``: ``string, int -> bool``; ``string . int -> bool`` with a receiver."""
        before, _, result = signature.partition("->")
        receiver, dot, rest = before.partition(" . ")
        texts = _split(rest if dot else before)
        member = bool(dot) or before.strip().endswith(" .")
        if member and not dot:
            receiver, texts = before.strip()[:-2], []
        args = tuple(types.parse(text) for text in ([receiver, *texts] if member else texts))
        name_of_overload = id or "_".join([name, *(arg.kind for arg in args)])
        overload = Overload(name_of_overload, args, types.parse(result), member, implementation, cost, generic)
        self.functions.setdefault(name, []).append(overload)


def _split(text: str) -> list[str]:
    """At commas that are not within angle brackets."""
    parts, depth, current = [], 0, ""
    for character in text:
        depth += (character == "<") - (character == ">")
        if character == "," and not depth:
            parts.append(current)
            current = ""
        else:
            current += character
    return [part.strip() for part in [*parts, current] if part.strip()]


@dataclass(frozen=True, slots=True)
class Environment:
    """Functions, variables and named types, ready to compile expressions against."""

    functions: Mapping[str, list[Overload]]
    variables: Mapping[str, types.Type] = field(default_factory=dict)
    type_names: Mapping[str, types.Type] = field(default_factory=dict)
    """Names that stand for types within expressions: ``int``, ``list``, ``kubernetes.Quantity``."""

    def with_variables(self, variables: Mapping[str, types.Type]) -> Environment:
        return Environment(self.functions, {**self.variables, **variables}, self.type_names)

    def with_libraries(
        self, libraries: Iterable[Library], type_names: Mapping[str, types.Type] | None = None
    ) -> Environment:
        functions = {name: list(overloads) for name, overloads in self.functions.items()}
        for library in libraries:
            for name, overloads in library.functions.items():
                functions.setdefault(name, []).extend(overloads)
        return Environment(functions, self.variables, {**self.type_names, **(type_names or {})})
