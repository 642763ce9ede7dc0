"""StatefulSets."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from bascule.control.kinds import (
    check,
    columns,
    generic,
    identifiers,
    metadata,
    persistent_volume_claims,
    shape,
    workloads,
)
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import claims, template
from bascule.control.kinds.pod import rules as pod_rules
from bascule.control.kinds.strategy import Column, Scale
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_FORBIDDEN = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_RETENTION = ("Delete", "Retain")


def default(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    shape.fill(spec, "replicas", 1)
    shape.fill(spec, "revisionHistoryLimit", 10)
    shape.fill_zero(spec, "podManagementPolicy", "OrderedReady")
    strategy = shape.ensure(spec, "updateStrategy")
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        shape.ensure(strategy, "rollingUpdate")
    if strategy["type"] == "RollingUpdate" and type(strategy.get("rollingUpdate")) is dict:
        shape.fill(strategy["rollingUpdate"], "partition", 0)
    retention = shape.ensure(spec, "persistentVolumeClaimRetentionPolicy")
    shape.fill_zero(retention, "whenDeleted", "Retain")
    shape.fill_zero(retention, "whenScaled", "Retain")
    template.default(shape.ensure(spec, "template"))
    for claim in shape.items(spec, "volumeClaimTemplates"):
        claim["apiVersion"], claim["kind"] = "v1", "PersistentVolumeClaim"
        persistent_volume_claims.default(claim)
        shape.fill_zero(shape.ensure(claim, "status"), "phase", "Pending")


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from check.not_negative_fields("spec", spec, ("replicas", "minReadySeconds"))
    policy = spec.get("podManagementPolicy")
    if policy not in ("OrderedReady", "Parallel"):
        yield errors.invalid_value("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'")
    yield from _strategy(shape.mapping(spec, "updateStrategy"))
    retention = shape.mapping(spec, "persistentVolumeClaimRetentionPolicy")
    for key in ("whenDeleted", "whenScaled"):
        yield from check.one_of(f"spec.persistentVolumeClaimRetentionPolicy.{key}", retention.get(key), _RETENTION)
    yield from check.not_negative("spec.ordinals.start", shape.mapping(spec, "ordinals").get("start"))
    yield from workloads.selector_problems(spec, "statefulset", refusal="")
    own = shape.mapping(spec, "template")
    yield from _template(own, spec)
    yield from pod_rules.always_restarted("spec.template", own, "StatefulSet")


def _template(own: Object, spec: Object) -> Causes:
    """Volumes of the claim templates count as the pods' volumes, though no pod names them."""
    claims = [
        shape.text(shape.mapping(claim, "metadata"), "name") for claim in shape.items(spec, "volumeClaimTemplates")
    ]
    if not claims:
        yield from pod_rules.template_problems("spec.template", own)
        return
    pod_spec = shape.mapping(own, "spec")
    listed = shape.items(pod_spec, "volumes")
    named = {shape.text(volume, "name") for volume in listed}
    volumes = [
        *listed,
        *({"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in claims if claim not in named),
    ]
    yield from pod_rules.template_problems("spec.template", {**own, "spec": {**pod_spec, "volumes": volumes}})


def _strategy(strategy: Object) -> Causes:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind == "OnDelete":
        if rolling is not None:
            yield errors.invalid_value(
                "spec.updateStrategy.rollingUpdate",
                rolling,
                "only allowed for updateStrategy 'RollingUpdate'",
            )
    elif kind != "RollingUpdate":
        yield errors.invalid_value("spec.updateStrategy", strategy, "must be 'RollingUpdate' or 'OnDelete'")
    elif type(rolling) is dict:
        path, unavailable = "spec.updateStrategy.rollingUpdate", rolling.get("maxUnavailable")
        yield from check.not_negative(f"{path}.partition", rolling.get("partition"))
        yield from check.percent_or_count(f"{path}.maxUnavailable", unavailable)
        if unavailable is not None and check.is_zero(unavailable):
            yield errors.invalid_value(f"{path}.maxUnavailable", unavailable, "cannot be 0")
        yield from check.at_most_full(f"{path}.maxUnavailable", unavailable)


def _creation_rules(obj: Object) -> Causes:
    """Of what can not be changed later, and was not always looked at."""
    spec = shape.mapping(obj, "spec")
    if spec.get("serviceName"):
        yield from identifiers.label("spec.serviceName", spec["serviceName"])
    for index, claim in enumerate(shape.items(spec, "volumeClaimTemplates")):
        path, meta = f"spec.volumeClaimTemplates[{index}]", shape.mapping(claim, "metadata")
        yield from identifiers.subdomain(f"{path}.metadata.name", meta.get("name"))
        yield from metadata.label_problems(f"{path}.metadata.labels", meta.get("labels"))
        yield from metadata.annotation_problems(f"{path}.metadata.annotations", meta.get("annotations"))
        yield from claims.problems(f"{path}.spec", shape.mapping(claim, "spec"))


def _update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    keys = (spec.keys() | before.keys()) - set(_MUTABLE)
    if any(spec.get(key) != before.get(key) for key in keys):
        yield errors.forbidden_field("spec", _FORBIDDEN)


def _status_rules(new: Object, old: Object) -> Causes:
    status = shape.mapping(new, "status")
    keys = ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    yield from check.not_negative_fields("status", status, (*keys, "observedGeneration"))
    yield from workloads.at_most_replicas(status, keys[1:])
    yield from workloads.available_at_most_ready(status, "status.readyReplicas")
    yield from workloads.collisions(new, old)


def _warnings(obj: Object) -> list[str]:
    kept = shape.integer(shape.mapping(obj, "spec"), "revisionHistoryLimit")
    found = workloads.template_warnings(obj)
    if kept is not None and kept < 0:
        found.append(
            "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"
        )
    return found


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec, status = shape.mapping(obj, "spec"), shape.mapping(obj, "status")
    return [
        columns.name(obj),
        f"{shape.count(status, 'readyReplicas')}/{shape.count(spec, 'replicas')}",
        columns.age(obj, now),
        *columns.container_cells(shape.mapping(spec, "template")),
    ]


_STRATEGY = generic.make(
    name_rule=metadata.label,
    default=default,
    rules=_rules,
    update_rules=_update_rules,
    status_rules=_status_rules,
    columns=(
        columns.NAME,
        Column("Ready", description="Ready replicas of those wanted."),
        columns.AGE,
        columns.CONTAINERS,
        columns.IMAGES,
    ),
    cells=_cells,
    warnings=_warnings,
    status=True,
    zero_counts=("replicas", "availableReplicas"),
    generation=True,
    scale=Scale(),
)


def _validate_create(obj: Object) -> list[errors.Cause]:
    return [*_STRATEGY.validate(obj), *_creation_rules(obj)]


STRATEGY = dataclasses.replace(_STRATEGY, validate_create=_validate_create)
