"""Values that Python has no type of its own for.

The others are Python's: bool, int (signed, 64 bits, checked by the operators), float, str, bytes, None, list, dict.
Times and durations count nanoseconds. Lists, maps and objects of declared data are in ``data``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

INT_MAX, INT_MIN, UINT_MAX = 2**63 - 1, -(2**63), 2**64 - 1
SECOND = 1_000_000_000
"""Nanoseconds."""


class Uint(int):
    """An unsigned integer of 64 bits."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{int(self)}u"


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A span of time, signed."""

    nanoseconds: int


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """A moment, counted from 1970 in UTC; years 1 to 9999. As text it keeps the offset it was written with."""

    nanoseconds: int
    offset_seconds: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class TypeValue:
    """What ``type(x)`` gives, and what ``int``, ``string`` … are."""

    name: str


class Optional:
    """A value or none: ``optional.of(x)``, ``a.?b``."""

    __slots__ = ("present", "value")

    def __init__(self, value: Any = None, *, present: bool = True) -> None:
        self.value = value
        self.present = present

    def __repr__(self) -> str:
        return f"optional.of({self.value!r})" if self.present else "optional.none()"


NONE = Optional(present=False)


class Opaque:
    """A value only its library looks into. ``name`` is its type's; equality is the subclass's own."""

    __slots__ = ()
    name = ""


class Lazy:
    """A variable that is computed when it is first read; its cost is then charged to who reads it.

    ``compute`` gives the value and the cost.
    """

    __slots__ = ("_compute", "_error", "_value", "done")

    def __init__(self, compute: Callable[[], tuple[Any, int]]) -> None:
        self._compute = compute
        self._value: Any = None
        self._error: Exception | None = None
        self.done = False

    @classmethod
    def failed(cls, error: Exception) -> Lazy:
        """A variable that has no value but an error."""
        found = cls(lambda: (None, 0))
        found._error, found.done = error, True
        return found

    def force(self) -> tuple[Any, int]:
        """The value, and what it cost now (nothing from the second time on)."""
        cost = 0
        if not self.done:
            self.done = True
            try:
                self._value, cost = self._compute()
            except Exception as error:
                self._error = error
                raise
        if self._error is not None:
            raise self._error
        return self._value, cost


_NAMES: dict[type, str] = {
    bool: "bool",
    int: "int",
    Uint: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    type(None): "null_type",
    list: "list",
    dict: "map",
    Duration: "google.protobuf.Duration",
    Timestamp: "google.protobuf.Timestamp",
    TypeValue: "type",
    Optional: "optional_type",
}


def register(python_type: type, name: str) -> None:
    """Tells the name of a further type of values."""
    _NAMES[python_type] = name


def type_name(value: Any) -> str:
    """The name of a value's type, as ``type(value)`` shows it."""
    return _NAMES.get(type(value), "dyn")


def size(value: Any) -> int:
    """How much a value counts when something walks over it: its length, or 1."""
    return len(value) if hasattr(value, "__len__") else 1
