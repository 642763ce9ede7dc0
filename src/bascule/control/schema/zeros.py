"""Members that say nothing: nulls and zeros which upstream's types leave out when they are written.

`hostNetwork: false`, `env: []` and `labels: {}` are absent members there, while `automountServiceAccountToken: false`,
`emptyDir: {}` and the `rules: []` of a role are not. Which is which depends on the Go field (a pointer or not, with
`omitempty` or not) and is known from the table that protobuf bodies are decoded with.

An empty `managedFields` is kept: it asks that owners be forgotten.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from typing import Any, Final

from bascule.control.schema import catalog, protobuf, types

_CLASSES: Final[Mapping[str, type]] = {"s": str, "B": str, "i": int, "u": int, "b": bool, "[": list, "{": dict}
"""Of types that have a zero which is left out, by their code; a message that is no pointer is always written."""

_METADATA: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

Unsaid = Mapping[str, frozenset[type]]
"""For each member that can say nothing, the classes of the nulls and zeros with which it does."""


@functools.cache
def of(definition: str) -> Unsaid:
    """What a type leaves out; nothing where the type is not known."""
    found: dict[str, frozenset[type]] = {}
    for field in _packed().get(definition, "").split():
        name, _, code = field.partition(":")
        if name:
            found[sys.intern(name)] = _classes(code)
        else:
            found |= of(code)
    return found


@functools.cache
def _packed() -> dict[str, str]:
    """Of each type what it may leave out, as `name:code` and `:type` for an inlined one: the whole table is large."""
    return {
        definition: " ".join(
            f":{code[1:]}" if "n" in flags else f"{name}:{'' if 'p' in flags else code[0]}"
            for name, code, flags in fields.values()
            if "n" in flags or ("o" in flags and name != "managedFields")
        )
        for definition, fields in protobuf.rows().items()
    }


@functools.cache
def _classes(code: str) -> frozenset[type]:
    return frozenset({type(None)} | ({_CLASSES[code]} if code in _CLASSES else set()))


@functools.cache
def metadata() -> types.TypeSchema:
    """The type of every object's metadata, that of custom resources too."""
    return catalog.load().by_definition(_METADATA) or types.ANYTHING


def is_unsaid(name: str, member: Any, unsaid: Unsaid) -> bool:
    """Whether a null, zero or empty member is left out. One of a wrong type is not: validation is to see it."""
    classes = unsaid.get(name)
    return classes is not None and member.__class__ in classes


def leave_out(value: Any, schema: types.TypeSchema) -> None:
    """In place; what does not fit its type is left to validation."""
    if value.__class__ is list:
        if schema.items is not None and not schema.items.is_scalar:
            for item in value:
                leave_out(item, schema.items)
        return
    if value.__class__ is not dict or schema.shape not in ("struct", "map"):
        return
    if schema.shape == "struct":
        unsaid = of(schema.definition)
        for name in [name for name, member in value.items() if not member and is_unsaid(name, member, unsaid)]:
            del value[name]
    for name, member in value.items():
        if member.__class__ is dict or member.__class__ is list:
            below = schema.field(name)
            if below is not None:
                leave_out(member, below)
