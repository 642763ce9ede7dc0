"""StorageClasses and VolumeAttributesClasses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, identifiers, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import warnings as pod_warnings
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_DEFAULT_ANNOTATIONS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_DEFAULT_ATTRIBUTES = "volumeattributesclass.alpha.kubernetes.io/is-default-class"
_PARAMETERS_MAX, _PARAMETERS_SIZE_MAX = 512, 256 * 1024
_BINDING_MODES = ("Immediate", "WaitForFirstConsumer")


def _default(obj: Object) -> None:
    shape.fill_zero(obj, "reclaimPolicy", "Delete")
    shape.fill_zero(obj, "volumeBindingMode", "Immediate")


def _rules(obj: Object) -> Causes:
    yield from _provisioner("provisioner", obj.get("provisioner"))
    yield from _parameters(obj)
    yield from check.one_of("reclaimPolicy", obj.get("reclaimPolicy"), ("Delete", "Retain"))
    mode = obj.get("volumeBindingMode")
    if mode not in _BINDING_MODES:
        yield errors.not_supported("volumeBindingMode", mode, _BINDING_MODES)
    terms: list[dict[str, frozenset[str]]] = []
    for index, term in enumerate(shape.items(obj, "allowedTopologies")):
        yield from _topology(f"allowedTopologies[{index}]", term, terms)


def _provisioner(path: str, name: object) -> Causes:
    if not name:
        yield errors.required(path, "")
    elif type(name) is str:
        yield from identifiers.qualified(path, name.lower())


def _parameters(obj: Object) -> Causes:
    parameters = shape.mapping(obj, "parameters")
    if len(parameters) > _PARAMETERS_MAX:
        yield errors.too_long("parameters", _PARAMETERS_MAX)
        return
    if "" in parameters:
        yield errors.invalid_value("parameters", "", "field can not be empty.")
    size = sum(len(key.encode()) + len(str(value).encode()) for key, value in parameters.items())
    if size > _PARAMETERS_SIZE_MAX:
        yield errors.too_long("parameters", _PARAMETERS_SIZE_MAX)


def _topology(path: str, term: Object, seen: list[dict[str, frozenset[str]]]) -> Causes:
    """`seen` holds what the terms before said, and gets this one's."""
    said: dict[str, frozenset[str]] = {}
    expressions = shape.items(term, "matchLabelExpressions")
    if not expressions and term.get("matchLabelExpressions") is not None:
        yield errors.required(f"{path}.matchLabelExpressions", "")
    for index, expression in enumerate(expressions):
        at, key = f"{path}.matchLabelExpressions[{index}]", shape.text(expression, "key")
        values = shape.texts(expression, "values")
        if not values:
            yield errors.required(f"{at}.values", "")
        for index_of_value, value in enumerate(values):
            if value in values[:index_of_value]:
                yield errors.duplicate(f"{at}.values[{index_of_value}]", value)
        yield from metadata.label_problems(f"{at}.key", {key: ""})
        if key in said:
            yield errors.duplicate(f"{at}.key", key)
        said[key] = frozenset(values)
    if said in seen:
        yield errors.duplicate(f"{path}.matchLabelExpressions", "")
    seen.append(said)


def _update_rules(new: Object, old: Object) -> Causes:
    if (new.get("parameters") or {}) != (old.get("parameters") or {}):
        yield errors.forbidden_field("parameters", "updates to parameters are forbidden.")
    if new.get("provisioner") != old.get("provisioner"):
        yield errors.forbidden_field("provisioner", "updates to provisioner are forbidden.")
    if new.get("reclaimPolicy") != old.get("reclaimPolicy"):
        yield errors.forbidden_field("reclaimPolicy", "updates to reclaimPolicy are forbidden.")
    yield from check.immutable("volumeBindingMode", new.get("volumeBindingMode"), old.get("volumeBindingMode"))


def _warnings(obj: Object) -> list[str]:
    found = []
    for index, term in enumerate(shape.items(obj, "allowedTopologies")):
        for index_of_expression, expression in enumerate(shape.items(term, "matchLabelExpressions")):
            message = pod_warnings.of_node_label(shape.text(expression, "key"))
            if message:
                at = f"allowedTopologies[{index}].matchLabelExpressions[{index_of_expression}].key"
                found.append(f"{at}: {message}")
    return found


def _cells(obj: Object, now: datetime) -> list[Any]:
    annotations = shape.strings(shape.mapping(obj, "metadata"), "annotations")
    default = any(annotations.get(key) == "true" for key in _DEFAULT_ANNOTATIONS)
    return [
        columns.name(obj) + (" (default)" if default else ""),
        shape.text(obj, "provisioner"),
        shape.text(obj, "reclaimPolicy") or "Delete",
        shape.text(obj, "volumeBindingMode") or "Immediate",
        shape.flag(obj, "allowVolumeExpansion"),
        columns.age(obj, now),
    ]


def _attributes_rules(obj: Object) -> Causes:
    yield from _provisioner("driverName", obj.get("driverName"))
    yield from _parameters(obj)
    if not shape.mapping(obj, "parameters"):
        yield errors.required("parameters", "must contain at least one key/value pair")


def _attributes_update_rules(new: Object, old: Object) -> Causes:
    for key in ("driverName", "parameters"):
        if (new.get(key) or None) != (old.get(key) or None):
            yield errors.forbidden_field(key, f"updates to {key} are forbidden.")


def _attributes_cells(obj: Object, now: datetime) -> list[Any]:
    annotations = shape.strings(shape.mapping(obj, "metadata"), "annotations")
    default = " (default)" if annotations.get(_DEFAULT_ATTRIBUTES) == "true" else ""
    return [columns.name(obj) + default, shape.text(obj, "driverName"), columns.age(obj, now)]


STRATEGY = generic.make(
    default=_default,
    rules=_rules,
    update_rules=_update_rules,
    columns=(
        columns.NAME,
        Column("Provisioner", description="Who makes the volumes."),
        Column("ReclaimPolicy", description="What happens to a volume whose claim is gone."),
        Column("VolumeBindingMode", description="When a volume is made."),
        Column("AllowVolumeExpansion", description="Whether volumes can grow."),
        columns.AGE,
    ),
    cells=_cells,
    warnings=_warnings,
    delete_returns_object=True,
)
VOLUME_ATTRIBUTES_CLASS = generic.make(
    rules=_attributes_rules,
    update_rules=_attributes_update_rules,
    columns=(columns.NAME, Column("DriverName", description="The driver the attributes are for."), columns.AGE),
    cells=_attributes_cells,
    delete_returns_object=True,
)
