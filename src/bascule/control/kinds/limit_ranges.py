"""LimitRanges."""

from __future__ import annotations

from bascule.control.kinds import check, generic, quantities, shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_AMOUNTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


def _default(obj: Object) -> None:
    for item in shape.items(shape.mapping(obj, "spec"), "limits"):
        for key in _AMOUNTS:
            quantities.canonicalize(item, key)
        if item.get("type") == "Container":
            limits = shape.ensure(item, "default")
            for name, value in shape.mapping(item, "max").items():
                shape.fill(limits, name, value)
            requests = shape.ensure(item, "defaultRequest")
            for source in ("default", "min"):
                for name, value in shape.mapping(item, source).items():
                    shape.fill(requests, name, value)


def _rules(obj: Object) -> Causes:
    seen = set()
    for index, item in enumerate(shape.items(shape.mapping(obj, "spec"), "limits")):
        at = f"spec.limits[{index}]"
        kind = shape.text(item, "type")
        yield from check.required(f"{at}.type", kind)
        if kind in seen:
            yield errors.duplicate(f"{at}.type", kind)
        seen.add(kind)
        if kind == "Pod":
            for key in ("default", "defaultRequest"):
                if item.get(key):
                    yield errors.forbidden_field(f"{at}.{key}", "may not be specified when `type` is 'Pod'")
        for key in _AMOUNTS:
            for name, value in shape.mapping(item, key).items():
                yield from check.quantity_value(f"{at}.{key}[{name}]", value)
        yield from _ordered(at, item)


def _ordered(path: str, item: Object) -> Causes:
    """min ≤ defaultRequest ≤ default ≤ max, where both ends of a comparison are given."""
    order = ("min", "defaultRequest", "default", "max")
    names = {"defaultRequest": "default request", "default": "default"}
    for index, low in enumerate(order):
        for high in order[index + 1 :]:
            for name, value in shape.mapping(item, low).items():
                limit = shape.mapping(item, high).get(name)
                if type(value) is str and type(limit) is str:
                    left, right = check.milli(value), check.milli(limit)
                    if left is not None and right is not None and left > right:
                        yield errors.invalid_value(
                            f"{path}.{low}[{name}]",
                            value,
                            f"{names.get(low, low)} value {value} is greater than "
                            f"{names.get(high, high)} value {limit}",
                        )


STRATEGY = generic.make(default=_default, rules=_rules, create_on_update=True)
