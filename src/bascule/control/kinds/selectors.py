"""Label selectors inside objects: their rules, how they are printed, and whether they choose a template's labels."""

from __future__ import annotations

from typing import Any

from bascule.control.kinds import check, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors, labels
from bascule.vocabulary.objects import Object

_OPERATORS = {"In": " in ", "NotIn": " notin "}


def problems(path: str, selector: Any) -> Causes:
    """Rules of a label selector: well-formed labels, known operators, values where they belong."""
    if type(selector) is not dict:
        return
    match_labels = selector.get("matchLabels")
    if match_labels:
        yield from metadata.label_problems(f"{path}.matchLabels", match_labels)
    for index, expression in enumerate(shape.items(selector, "matchExpressions")):
        yield from _expression(f"{path}.matchExpressions[{index}]", expression)


def _expression(path: str, expression: Object) -> Causes:
    operator, values = shape.text(expression, "operator"), shape.sequence(expression, "values")
    if operator in ("In", "NotIn"):
        if not values:
            yield errors.required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            yield errors.forbidden_field(
                f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            )
    else:
        yield errors.invalid_value(f"{path}.operator", operator, "not a valid selector operator")
    key = shape.text(expression, "key")
    yield from metadata.label_problems(f"{path}.key", {key: ""})
    for index, value in enumerate(values):
        if type(value) is str:
            yield from metadata.label_value_problems(f"{path}.values[{index}]", value)


def is_empty(selector: Object) -> bool:
    return not selector.get("matchLabels") and not selector.get("matchExpressions")


def chooses_template(selector: Object | None, spec: Object) -> Causes:
    """A workload's selector and the labels of the pods its template makes; None chooses nothing.

    Of a selector that cannot be read nothing is said: `problems` has done so.
    """
    template = shape.mapping(shape.mapping(spec, "template"), "metadata")
    own = shape.strings(template, "labels")
    if selector is None or (not is_empty(selector) and not _matches(selector, own) and not any(problems("", selector))):
        shown = own if template.get("labels") is not None else None
        yield errors.invalid_value(
            "spec.template.metadata.labels", shown, "`selector` does not match template `labels`"
        )


def _matches(selector: Object, own: dict[str, str]) -> bool:
    if not selector.get("matchExpressions"):
        return all(own.get(key) == value for key, value in shape.mapping(selector, "matchLabels").items())
    try:
        return labels.from_label_selector(selector).matches(own)
    except (errors.StatusError, KeyError, TypeError, ValueError, AttributeError):
        return True  # malformed, which `problems` has said already


def shown(selector: Any) -> str:
    """As kubectl prints it: `app=web,tier in (a,b)`, `<none>` when it selects everything."""
    if type(selector) is not dict:
        return "<none>"
    parts = [f"{key}={value}" for key, value in sorted(shape.strings(selector, "matchLabels").items())]
    for expression in shape.items(selector, "matchExpressions"):
        key, operator = shape.text(expression, "key"), shape.text(expression, "operator")
        if operator in _OPERATORS:
            parts.append(f"{key}{_OPERATORS[operator]}({','.join(sorted(shape.texts(expression, 'values')))})")
        elif operator == "Exists":
            parts.append(key)
        elif operator == "DoesNotExist":
            parts.append(f"!{key}")
        else:
            return "<error>"
    return ",".join(parts) or "<none>"


def shown_map(pairs: Any) -> str:
    """A plain map of labels: `a=b,c=d`."""
    if type(pairs) is not dict:
        return "<none>"
    return ",".join(f"{key}={value}" for key, value in sorted(pairs.items())) or "<none>"


def immutable(new: Object, old: Object) -> Causes:
    yield from check.immutable("spec.selector", new.get("selector"), old.get("selector"))
