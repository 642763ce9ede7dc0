"""LimitRanges."""

from __future__ import annotations

from bascule.control.kinds import check, generic, quantities, resource_names, shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors, names
from bascule.vocabulary.objects import Object

_AMOUNTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
_TYPES = ("Pod", "Container", "PersistentVolumeClaim")
_COMPARED = (
    ("min", "max", "min", "min", "min value {} is greater than max value {}"),
    (
        "min",
        "defaultRequest",
        "defaultRequest",
        "defaultRequest",
        "min value {} is greater than default request value {}",
    ),
    (
        "defaultRequest",
        "max",
        "defaultRequest",
        "defaultRequest",
        "default request value {} is greater than max value {}",
    ),
    (
        *("defaultRequest", "default", "defaultRequest", "defaultRequest"),
        "default request value {} is greater than default limit value {}",
    ),
    ("min", "default", "default", "min", "min value {} is greater than default value {}"),
    ("default", "max", "default", "max", "default value {} is greater than max value {}"),
)
"""What is at most what, which of the two is blamed, whose value is shown, and what is said."""


def _default(obj: Object) -> None:
    for item in shape.items(shape.mapping(obj, "spec"), "limits"):
        for key in _AMOUNTS:
            quantities.canonicalize(item, key)
        if item.get("type") == "Container":
            _fill(item, "default", "max")
            _fill(item, "defaultRequest", "default", "min")


def _fill(item: Object, key: str, *sources: str) -> None:
    """Amounts not said at `key` come from the first source that has them; without any the field stays absent."""
    filled = dict(shape.mapping(item, key))
    for source in sources:
        for name, value in shape.mapping(item, source).items():
            shape.fill(filled, name, value)
    if filled:
        item[key] = filled


def _rules(obj: Object) -> Causes:
    seen = set()
    for index, item in enumerate(shape.items(shape.mapping(obj, "spec"), "limits")):
        at, kind = f"spec.limits[{index}]", shape.text(item, "type")
        found = names.is_qualified_name(kind)
        if not found and "/" not in kind and kind not in _TYPES:
            found = ["must be a standard limit type or fully qualified"]
        for problem in found:
            yield errors.invalid_value(f"{at}.type", kind, problem)
        if kind in seen:
            yield errors.duplicate(f"{at}.type", kind)
        seen.add(kind)
        yield from _amounts(at, kind, item)
        for name in sorted({name for key in _AMOUNTS for name in shape.mapping(item, key)}):
            yield from _ordered(at, name, item)


def _amounts(at: str, kind: str, item: Object) -> Causes:
    rule = resource_names.container_problems if kind in ("Pod", "Container") else resource_names.problems
    for key in _AMOUNTS:
        if kind == "Pod" and key in ("default", "defaultRequest"):
            if item.get(key):
                yield errors.forbidden_field(f"{at}.{key}", "may not be specified when `type` is 'Pod'")
            continue
        bounded = any("storage" in shape.mapping(item, side) for side in ("min", "max"))
        if key == "maxLimitRequestRatio" and kind == "PersistentVolumeClaim" and not bounded:
            message = "either minimum or maximum storage value is required, but neither was provided"
            yield errors.required(f"{at}.limits", message)
        for name in shape.mapping(item, key):
            for problem in rule(name):
                yield errors.invalid_value(f"{at}.{key}[{name}]", name, problem)


def _ordered(at: str, name: str, item: Object) -> Causes:
    """min ≤ defaultRequest ≤ default ≤ max, and a ratio that max and min allow, where both of two are given."""
    texts = {key: str(shape.mapping(item, key)[name]) for key in _AMOUNTS if name in shape.mapping(item, key)}
    if item.get("type") == "Pod":
        texts = {key: text for key, text in texts.items() if not key.startswith("default")}
    amounts = {key: check.milli(text) for key, text in texts.items()}
    for low, high, blamed, shown, message in _COMPARED:
        small, large = amounts.get(low), amounts.get(high)
        if small is not None and large is not None and small > large:
            text = message.format(texts[low], texts[high])
            yield errors.invalid_value(f"{at}.{blamed}[{name}]", texts[shown], text)
    ratio, least, most = (amounts.get(key) for key in ("maxLimitRequestRatio", "min", "max"))
    path = f"{at}.maxLimitRequestRatio[{name}]"
    if ratio is not None:
        shown = texts["maxLimitRequestRatio"]
        if ratio < 1000:
            yield errors.invalid_value(path, shown, f"ratio {shown} is less than 1")
        if least and most is not None and ratio / 1000 > most / least:
            yield errors.invalid_value(path, shown, f"ratio {shown} is greater than max/min = {most / least:f}")
    limit, request = amounts.get("default"), amounts.get("defaultRequest")
    if not resource_names.overcommits(name) and limit is not None and request is not None and limit != request:
        message = f"default value {texts['default']} must equal to defaultRequest value {texts['defaultRequest']}"
        yield errors.invalid_value(f"{at}.defaultRequest[{name}]", texts["defaultRequest"], f"{message} in {name}")


STRATEGY = generic.make(default=_default, rules=_rules, create_on_update=True)
