"""ReplicationControllers: older ReplicaSets, whose selector is a plain map and defaults to the template's labels."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, replica_sets, selectors, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import rules as pod_rules
from bascule.control.kinds.pod import template, warnings
from bascule.control.kinds.strategy import Scale
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object


def _default(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    shape.fill(spec, "replicas", 1)
    own = spec.get("template")
    if type(own) is not dict:
        return
    template.default(own)
    labels = shape.strings(shape.mapping(own, "metadata"), "labels")
    if labels:
        shape.fill_zero(spec, "selector", labels)
        shape.fill_zero(shape.ensure(obj, "metadata"), "labels", dict(labels))


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from check.not_negative_fields("spec", spec, ("minReadySeconds",))
    selector = shape.strings(spec, "selector")
    if not selector:
        yield errors.required("spec.selector", "")
    yield from check.not_negative_fields("spec", spec, ("replicas",))
    own = spec.get("template")
    if type(own) is not dict:
        yield errors.required("spec.template", "")
        return
    if selector:
        yield from selectors.chooses_template({"matchLabels": selector}, spec)
    yield from pod_rules.template_problems("spec.template", own)
    yield from pod_rules.always_restarted("spec.template", own, "ReplicationController")


def _warnings(obj: Object) -> list[str]:
    return warnings.of_template("template", shape.mapping(shape.mapping(obj, "spec"), "template"))


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    wide = columns.container_cells(shape.mapping(spec, "template"))
    selector = selectors.shown_map(spec.get("selector"))
    return [columns.name(obj), *replica_sets.counts(obj), columns.age(obj, now), *wide, selector]


STRATEGY = generic.make(
    default=_default,
    rules=_rules,
    warnings=_warnings,
    status_rules=replica_sets.status_rules,
    fields=replica_sets.fields,
    columns=replica_sets.COLUMNS,
    cells=_cells,
    status=True,
    zero_counts=("replicas",),
    generation=True,
    scale=Scale(),
)
