"""Reading untrusted documents.

Objects arrive schema-checked, but nulls are allowed almost everywhere and stand for "absent". These accessors never
raise and never return a value of another type than they promise, so rules can be written as if all were present.
What they return for an absent field is fresh: writing to it changes nothing of the object.
"""

from __future__ import annotations

from typing import Any

from bascule.vocabulary.objects import Object


def mapping(container: Object, key: str) -> Object:
    value = container.get(key)
    return value if type(value) is dict else {}


def sequence(container: Object, key: str) -> list[Any]:
    value = container.get(key)
    return value if type(value) is list else []


def items(container: Object, key: str) -> list[Object]:
    """The objects in a list; elements that are not objects are left out."""
    value = container.get(key)
    if type(value) is not list:
        return []
    for item in value:
        if type(item) is not dict:
            return [item for item in value if type(item) is dict]
    return value


def texts(container: Object, key: str) -> list[str]:
    return [item for item in sequence(container, key) if type(item) is str]


def text(container: Object, key: str) -> str:
    value = container.get(key)
    return value if type(value) is str else ""


def integer(container: Object, key: str) -> int | None:
    value = container.get(key)
    return value if type(value) is int else None


def count(container: Object, key: str) -> int:
    """An integer that is zero when absent, as counters in a status are."""
    value = container.get(key)
    return value if type(value) is int else 0


def flag(container: Object, key: str) -> bool:
    return container.get(key) is True


def strings(container: Object, key: str) -> dict[str, str]:
    """A map of strings, such as labels or a plain selector."""
    return {name: value for name, value in mapping(container, key).items() if type(value) is str}


def ensure(container: Object, key: str) -> Object:
    """The object at `key`, created there when absent."""
    value = container.get(key)
    if type(value) is not dict:
        value = container[key] = {}
    return value


def fill(container: Object, key: str, value: Any) -> None:
    """Default of an optional field: set when absent or null."""
    if container.get(key) is None:
        container[key] = value


def fill_zero(container: Object, key: str, value: Any) -> None:
    """Default of a plain field, where the zero value (0, "", false) means absent too."""
    if not container.get(key):
        container[key] = value
