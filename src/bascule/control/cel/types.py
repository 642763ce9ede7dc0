"""Types of expressions, and when one may stand where another is expected.

Type parameters (``A`` of a function, or of an empty list) are bound by unification; ``dyn`` fits everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Type:
    """``kind`` is one of the simple names, ``list``, ``map``, ``type``, ``opaque``, ``object``, ``param``."""

    kind: str
    name: str
    params: tuple[Type, ...] = ()
    fields: Mapping[str, Type] | None = field(default=None, compare=False, hash=False)
    """Of an object: what may be selected."""

    def __str__(self) -> str:
        if self.kind == "error":
            return "!error!"
        name = _SHOWN.get(self.name, self.name)
        return f"{name}({', '.join(map(str, self.params))})" if self.params else name


_SHOWN = {"null_type": "null", "google.protobuf.Duration": "duration", "google.protobuf.Timestamp": "timestamp"}


def _simple(kind: str, name: str = "") -> Type:
    return Type(kind, name or kind)


BOOL, INT, UINT, DOUBLE = _simple("bool"), _simple("int"), _simple("uint"), _simple("double")
STRING, BYTES, NULL = _simple("string"), _simple("bytes"), _simple("null", "null_type")
DURATION = _simple("duration", "google.protobuf.Duration")
TIMESTAMP = _simple("timestamp", "google.protobuf.Timestamp")
DYN, ERROR = _simple("dyn"), _simple("error")


def list_of(element: Type) -> Type:
    return Type("list", "list", (element,))


def map_of(key: Type, value: Type) -> Type:
    return Type("map", "map", (key, value))


def type_of(inner: Type) -> Type:
    return Type("type", "type", (inner,))


def optional(inner: Type) -> Type:
    return Type("opaque", "optional_type", (inner,))


def opaque(name: str, *params: Type) -> Type:
    return Type("opaque", name, params)


def object_type(name: str, fields: Mapping[str, Type]) -> Type:
    return Type("object", name, (), fields)


def param(name: str) -> Type:
    return Type("param", name)


SIMPLE = {str(t): t for t in (BOOL, INT, UINT, DOUBLE, STRING, BYTES, DURATION, TIMESTAMP, DYN)} | {"null_type": NULL}
_WORD = re.compile(r"[A-Za-z_.0-9]+|[<>,]")


def parse(text: str) -> Type:
    """A type as signatures write it: ``list<A>``, ``map<string, dyn>``, ``optional<T>``, ``kubernetes.Quantity``."""
    words = _WORD.findall(text)
    found = _read(words)
    if words:
        raise ValueError(f"no type: {text}")
    return found


def _read(words: list[str]) -> Type:
    name, params = words.pop(0), []
    if words and words[0] == "<":
        while words.pop(0) != ">":
            params.append(_read(words))
            if words[0] not in "<>,":
                raise ValueError(name)
    if name in SIMPLE:
        return SIMPLE[name]
    if name in ("list", "map", "type"):
        return Type(name, name, tuple(params))
    if name == "optional":
        return optional(params[0])
    return param(name) if len(name) == 1 and name.isupper() else opaque(name, *params)


class Bindings:
    """What type parameters stand for. A failed attempt leaves no trace (`attempt`)."""

    def __init__(self) -> None:
        self._bound: dict[str, Type] = {}
        self._count = 0

    def fresh(self) -> Type:
        """A parameter nobody else has."""
        self._count += 1
        return param(f"_var{self._count - 1}")

    def attempt(self, actual: list[Type], expected: list[Type]) -> bool:
        """Whether every actual type fits; binds parameters only when all do."""
        before = dict(self._bound)
        if len(actual) == len(expected) and all(map(self._assignable, actual, expected)):
            return True
        self._bound = before
        return False

    def substitute(self, given: Type, *, free_is_dyn: bool = False) -> Type:
        if given.kind == "param":
            bound = self._bound.get(given.name)
            if bound is not None:
                return self.substitute(bound, free_is_dyn=free_is_dyn)
            return DYN if free_is_dyn else given
        if not given.params:
            return given
        params = tuple(self.substitute(inner, free_is_dyn=free_is_dyn) for inner in given.params)
        return Type(given.kind, given.name, params, given.fields)

    def instantiate(self, given: Type, fresh: dict[str, Type]) -> Type:
        """The type with its own parameters replaced by fresh ones, the same ones for one call."""
        if given.kind == "param":
            if given.name not in fresh:
                fresh[given.name] = self.fresh()
            return fresh[given.name]
        if not given.params:
            return given
        return Type(given.kind, given.name, tuple(self.instantiate(p, fresh) for p in given.params), given.fields)

    def _resolved(self, given: Type) -> Type:
        while given.kind == "param" and given.name in self._bound:
            given = self._bound[given.name]
        return given

    def _assignable(self, actual: Type, expected: Type) -> bool:
        actual, expected = self._resolved(actual), self._resolved(expected)
        if actual == expected:
            return True
        if expected.kind == "param":
            return self._bind(expected, actual)
        if actual.kind == "param":
            return self._bind(actual, expected)
        if actual.kind in ("dyn", "error") or expected.kind in ("dyn", "error"):
            return True
        if actual.kind == "null":
            return expected.kind in ("opaque", "object", "duration", "timestamp")
        if actual.kind != expected.kind or actual.name != expected.name or actual.kind == "object":
            return False
        if actual.kind == "type":
            return True
        return len(actual.params) == len(expected.params) and all(map(self._assignable, actual.params, expected.params))

    def _bind(self, parameter: Type, to: Type) -> bool:
        if self._occurs(parameter, to):
            return False
        self._bound[parameter.name] = to
        return True

    def _occurs(self, parameter: Type, within: Type) -> bool:
        within = self._resolved(within)
        return within == parameter or any(self._occurs(parameter, inner) for inner in within.params)


def most_general(first: Type, second: Type) -> Type:
    """Of two types that fit each other, the one that says less."""
    if first.kind in ("dyn", "error"):
        return first
    if second.kind in ("dyn", "error"):
        return second
    if first.kind == "null":
        return second
    if first.params and len(first.params) == len(second.params):
        params = tuple(map(most_general, first.params, second.params))
        return Type(first.kind, first.name, params, first.fields)
    return first
