"""ConfigMaps."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from bascule.control.kinds import columns, generic, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors, names
from bascule.vocabulary.objects import Object

SIZE_MAX = 1024 * 1024
_WHEN_IMMUTABLE = "field is immutable when `immutable` is set"


@lru_cache(maxsize=4096)
def key_problems(key: str) -> tuple[str, ...]:
    return tuple(names.is_config_key(key))


def size(value: Any) -> int:
    """Bytes of a text."""
    if type(value) is not str:
        return 0
    return len(value) if value.isascii() else len(value.encode(errors="surrogatepass"))


def decoded_size(value: Any) -> int:
    """Bytes that a base64 text stands for."""
    return len(value) * 3 // 4 - value[-2:].count("=") if type(value) is str else 0


def data_problems(path: str, data: Any) -> Causes:
    if type(data) is dict:
        for key in data:
            for problem in key_problems(key):
                yield errors.invalid_value(f"{path}[{key}]", key, problem)


def immutable_problems(new: Object, old: Object, fields: tuple[str, ...]) -> Causes:
    """Once `immutable` is set neither it nor the data changes; Secrets have the same rule."""
    if old.get("immutable") is not True:
        return
    if new.get("immutable") is not True:
        yield errors.forbidden_field("immutable", _WHEN_IMMUTABLE)
    for field in fields:
        if (new.get(field) or {}) != (old.get(field) or {}):
            yield errors.forbidden_field(field, _WHEN_IMMUTABLE)


def _rules(obj: Object) -> Causes:
    data, binary = shape.mapping(obj, "data"), shape.mapping(obj, "binaryData")
    for key in data:
        for problem in key_problems(key):
            yield errors.invalid_value(f"data[{key}]", key, problem)
        if key in binary:
            yield errors.invalid_value(f"data[{key}]", key, "duplicate of key present in binaryData")
    if binary:
        yield from data_problems("binaryData", binary)
    if sum(map(size, data.values())) + sum(map(decoded_size, binary.values())) > SIZE_MAX:
        yield errors.too_long("", SIZE_MAX)


def _update_rules(new: Object, old: Object) -> Causes:
    yield from immutable_problems(new, old, ("data", "binaryData"))


def _cells(obj: Object, now: datetime) -> list[Any]:
    keys = len(shape.mapping(obj, "data")) + len(shape.mapping(obj, "binaryData"))
    return [columns.name(obj), keys, columns.age(obj, now)]


STRATEGY = generic.make(
    rules=_rules,
    update_rules=_update_rules,
    columns=(columns.NAME, Column("Data", description="How many keys there are."), columns.AGE),
    cells=_cells,
)
