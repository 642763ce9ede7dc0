"""What may change of a pod, by which door.

A plain update may change images, the deadline (down), tolerations (by addition), scheduling gates (by removal) and,
while gated, narrow where the pod may go. Resources change through `resize`, debugging containers are added through
`ephemeralcontainers`, the node is set through `binding`.
"""

from __future__ import annotations

from bascule.control.kinds import shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_ONLY = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_FREE = frozenset(("activeDeadlineSeconds", "tolerations", "schedulingGates"))
_GATED = frozenset(("nodeSelector", "affinity"))


def problems(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    if spec == before:
        return
    yield from _containers(spec, before)
    yield from _deadline(spec, before)
    yield from _tolerations(spec, before)
    gated = bool(before.get("schedulingGates"))
    yield from _gates(spec, before)
    if gated:
        yield from _narrowed(spec, before)
    if _fixed(spec, gated=gated) != _fixed(before, gated=gated) and not _grace_repaired(spec, before):
        yield errors.forbidden_field("spec", _ONLY)


def _fixed(spec: Object, *, gated: bool) -> Object:
    """The spec without what may change."""
    fixed = {
        key: value
        for key, value in spec.items()
        if value is not None and key not in _FREE and not (gated and key in _GATED)
    }
    for key in ("containers", "initContainers"):
        if key in fixed:
            fixed[key] = [
                {field: value for field, value in container.items() if field != "image" and value is not None}
                for container in shape.items(spec, key)
            ]
    return fixed


def _grace_repaired(spec: Object, before: Object) -> bool:
    key = "terminationGracePeriodSeconds"
    was = before.get(key)
    if type(was) is not int or was >= 0 or spec.get(key) != 1:
        return False
    return _fixed({**spec, key: was}, gated=False) == _fixed(before, gated=False)


def _containers(spec: Object, before: Object) -> Causes:
    for key in ("containers", "initContainers"):
        if len(shape.items(spec, key)) != len(shape.items(before, key)):
            yield errors.forbidden_field(f"spec.{key}", "pod updates may not add or remove containers")


def _deadline(spec: Object, before: Object) -> Causes:
    path = "spec.activeDeadlineSeconds"
    deadline, was = spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    if deadline == was or type(was) is not int:
        return
    if type(deadline) is not int:
        yield errors.invalid_value(path, deadline, "must not update from a positive integer to nil value")
    elif deadline > was:
        yield errors.invalid_value(path, deadline, "must be less than or equal to previous value")


def _tolerations(spec: Object, before: Object) -> Causes:
    now = shape.items(spec, "tolerations")
    for toleration in shape.items(before, "tolerations"):
        if not any(_same_toleration(toleration, other) for other in now):
            yield errors.forbidden_field(
                "spec.tolerations", "existing toleration can not be modified except its tolerationSeconds"
            )
            return


def _same_toleration(left: Object, right: Object) -> bool:
    return all((left.get(key) or "") == (right.get(key) or "") for key in ("key", "operator", "value", "effect"))


def _gates(spec: Object, before: Object) -> Causes:
    was = {shape.text(gate, "name") for gate in shape.items(before, "schedulingGates")}
    added = {shape.text(gate, "name") for gate in shape.items(spec, "schedulingGates")} - was
    if added:
        yield errors.forbidden_field(
            "spec.schedulingGates", f"only deletion is allowed, but found new scheduling gates {sorted(added)}"
        )


def _narrowed(spec: Object, before: Object) -> Causes:
    """A gated pod may be told more exactly where to go, never less."""
    selector = shape.mapping(spec, "nodeSelector")
    for key, value in shape.mapping(before, "nodeSelector").items():
        if selector.get(key) != value:
            yield errors.invalid_value("spec.nodeSelector", selector, "only additions to spec.nodeSelector are allowed")
            return


def ephemeral_problems(new: Object, old: Object) -> Causes:
    """The `ephemeralcontainers` subresource: containers are added, never changed or removed."""
    path = "spec.ephemeralContainers"
    now = {shape.text(c, "name"): c for c in shape.items(shape.mapping(new, "spec"), "ephemeralContainers")}
    for container in shape.items(shape.mapping(old, "spec"), "ephemeralContainers"):
        name = shape.text(container, "name")
        if name not in now:
            yield errors.forbidden_field(path, f'existing ephemeral containers "{name}" may not be removed')
        elif now[name] != container:
            yield errors.forbidden_field(path, f'existing ephemeral containers "{name}" may not be changed')


def resize_problems(new: Object, old: Object) -> Causes:
    """The `resize` subresource: only resources of containers change, and not the class of service."""

    def without_resources(spec: Object) -> Object:
        kept = dict(spec)
        for key in ("containers", "initContainers"):
            if key in kept:
                kept[key] = [
                    {field: value for field, value in container.items() if field not in ("resources", "resizePolicy")}
                    for container in shape.items(spec, key)
                ]
        return kept

    if without_resources(shape.mapping(new, "spec")) != without_resources(shape.mapping(old, "spec")):
        yield errors.forbidden_field("spec", "only cpu and memory resources are mutable")
