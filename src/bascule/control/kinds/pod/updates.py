"""What may change of a pod by a plain update.

Images, the deadline (down), tolerations (by addition), scheduling gates (by removal), and, while gated, more exact
words on where the pod may go. Resources change through `resize`, debugging containers are added through
`ephemeralcontainers` (both in `doors`), the node is set through `binding`.
"""

from __future__ import annotations

from typing import Any

from bascule.control.kinds import shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import annotated, difference
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_ONLY = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_FREE = ("activeDeadlineSeconds", "tolerations", "schedulingGates")
_LISTS = ("containers", "initContainers")
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_SECONDS_MAX = 2**31 - 1


def problems(new: Object, old: Object) -> Causes:
    yield from annotated.update_problems("metadata.annotations", new, old)
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    if spec == before:
        return
    for key in _LISTS:
        containers = shape.items(spec, key)
        if len(containers) != len(shape.items(before, key)):
            yield errors.forbidden_field(f"spec.{key}", "pod updates may not add or remove containers")
            return
    stop = False
    for cause in _deadline(spec, before):
        yield cause
        stop = spec.get("activeDeadlineSeconds") is not None
    if stop:
        return
    yield from _tolerations(spec, before)
    yield from _gates(spec, before)
    fixed = _as_before(spec, before)
    if before.get("schedulingGates"):
        yield from _narrowed(fixed, before)
    wanted, was = without_absent(fixed), without_absent(before)
    if wanted != was:
        yield errors.forbidden_field("spec", f"{_ONLY}\n{difference.shown('core.PodSpec', was, wanted)}")


def without_absent(value: Any) -> Any:
    """The same without nulls and empty containers, which mean the same as nothing."""
    if type(value) is dict:
        found = {key: without_absent(inner) for key, inner in value.items()}
        return {key: inner for key, inner in found.items() if inner not in (None, [], {})}
    if type(value) is list:
        return [without_absent(inner) for inner in value]
    return value


def _as_before(spec: Object, before: Object) -> Object:
    """The wanted spec with everything that may change put back to what it was."""
    fixed = dict(spec)
    for key in _FREE:
        fixed[key] = before.get(key)
    for key in _LISTS:
        if fixed.get(key):
            pairs = zip(shape.items(spec, key), shape.items(before, key), strict=True)
            fixed[key] = [{**container, "image": was.get("image")} for container, was in pairs]
    grace = before.get("terminationGracePeriodSeconds")
    if type(grace) is int and grace < 0 and spec.get("terminationGracePeriodSeconds") == 1:
        fixed["terminationGracePeriodSeconds"] = grace
    return fixed


def _deadline(spec: Object, before: Object) -> Causes:
    path = "spec.activeDeadlineSeconds"
    deadline, was = spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    if type(deadline) is not int:
        if type(was) is int:
            yield errors.invalid_value(path, deadline, "must not update from a positive integer to nil value")
    elif not 0 <= deadline <= _SECONDS_MAX:
        yield errors.invalid_value(path, deadline, f"must be between 0 and {_SECONDS_MAX}, inclusive")
    elif type(was) is int and deadline > was:
        yield errors.invalid_value(path, deadline, "must be less than or equal to previous value")


def _tolerations(spec: Object, before: Object) -> Causes:
    now = [_toleration(one) for one in shape.items(spec, "tolerations")]
    for toleration in shape.items(before, "tolerations"):
        if _toleration(toleration) not in now:
            message = "existing toleration can not be modified except its tolerationSeconds"
            yield errors.forbidden_field("spec.tolerations", message)
            return


def _toleration(toleration: Object) -> tuple[str, ...]:
    return tuple(shape.text(toleration, key) for key in ("key", "operator", "value", "effect"))


def _gates(spec: Object, before: Object) -> Causes:
    was = {shape.text(gate, "name") for gate in shape.items(before, "schedulingGates")}
    for index, gate in enumerate(shape.items(spec, "schedulingGates")):
        name = shape.text(gate, "name")
        if name not in was:
            message = f"only deletion is allowed, but found new scheduling gate '{name}'"
            yield errors.forbidden_field(f"spec.schedulingGates[{index}].name", message)


def _narrowed(fixed: Object, before: Object) -> Causes:
    """A gated pod may be told more exactly where to go, never less; what was told is taken out of `fixed`."""
    selector = shape.mapping(fixed, "nodeSelector")
    if any(selector.get(key) != value for key, value in shape.mapping(before, "nodeSelector").items()):
        message = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        yield errors.invalid_value("spec.nodeSelector", selector, message)
    fixed["nodeSelector"] = before.get("nodeSelector")
    affinity, old_affinity = shape.mapping(fixed, "affinity"), shape.mapping(before, "affinity")
    wanted, was = affinity.get("nodeAffinity"), old_affinity.get("nodeAffinity")
    if wanted != was:
        yield from _affinity(shape.mapping(affinity, "nodeAffinity"), shape.mapping(old_affinity, "nodeAffinity"))
        fixed["affinity"] = {**affinity, "nodeAffinity": was}


def _affinity(wanted: Object, was: Object) -> Causes:
    path = f"spec.affinity.nodeAffinity.{_REQUIRED}.nodeSelectorTerms"
    old = shape.items(shape.mapping(was, _REQUIRED), "nodeSelectorTerms")
    new = shape.items(shape.mapping(wanted, _REQUIRED), "nodeSelectorTerms")
    if old and len(old) != len(new):
        message = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        yield errors.invalid_value(path, new, message)
        return
    for index, term in enumerate(old):
        if not _only_additions(new[index], term):
            message = "only additions are allowed (no mutations or deletions)"
            yield errors.invalid_value(f"{path}[{index}]", new[index], message)


def _only_additions(new: Object, old: Object) -> bool:
    kinds = ("matchExpressions", "matchFields")
    if not any(old.get(kind) for kind in kinds) and any(new.get(kind) for kind in kinds):
        return False
    return all(
        shape.sequence(new, kind)[: len(shape.sequence(old, kind))] == shape.sequence(old, kind) for kind in kinds
    )
