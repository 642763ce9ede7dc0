"""IngressClasses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, identifiers, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_CONTROLLER_LENGTH_MAX = 250


def _default(obj: Object) -> None:
    parameters = shape.mapping(obj, "spec").get("parameters")
    if type(parameters) is dict:
        shape.fill(parameters, "scope", "Cluster")


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    controller, parameters = spec.get("controller"), spec.get("parameters")
    if type(controller) is str and len(controller) > _CONTROLLER_LENGTH_MAX:
        yield errors.too_long("spec.controller", _CONTROLLER_LENGTH_MAX)
    yield from identifiers.behind_domain("spec.controller", controller)
    if type(parameters) is dict:
        yield from reference_problems("spec.parameters", parameters)
        yield from _scope("spec.parameters", parameters)


def reference_problems(path: str, reference: Object) -> Causes:
    """A reference to an object of any kind; also that of an ingress's backend."""
    yield from identifiers.subdomain(f"{path}.apiGroup", reference.get("apiGroup"))
    for key in ("kind", "name"):
        yield from identifiers.required_segment(f"{path}.{key}", reference.get(key), f"{key} is required")


def _scope(path: str, parameters: Object) -> Causes:
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope is None:
        yield errors.required(f"{path}.scope", "")
    elif scope not in ("Cluster", "Namespace"):
        yield errors.not_supported(f"{path}.scope", scope, ("Cluster", "Namespace"))
    elif scope == "Cluster" and namespace is not None:
        yield errors.forbidden_field(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'")
    elif scope == "Namespace" and namespace is None:
        yield errors.required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'")
    elif scope == "Namespace":
        yield from identifiers.label(f"{path}.namespace", namespace)


def _update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    yield from check.immutable("spec.controller", spec.get("controller"), before.get("controller"))


def _parameters(spec: Object) -> str:
    parameters = shape.mapping(spec, "parameters")
    if not parameters:
        return columns.NONE
    group = shape.text(parameters, "apiGroup")
    kind = shape.text(parameters, "kind") + (f".{group}" if group else "")
    return f"{kind}/{shape.text(parameters, 'name')}"


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    return [columns.name(obj), shape.text(spec, "controller"), _parameters(spec), columns.age(obj, now)]


STRATEGY = generic.make(
    default=_default,
    rules=_rules,
    update_rules=_update_rules,
    columns=(
        columns.NAME,
        Column("Controller", description="Who serves ingresses of the class."),
        Column("Parameters", description="Further settings."),
        columns.AGE,
    ),
    cells=_cells,
    generation=True,
)
