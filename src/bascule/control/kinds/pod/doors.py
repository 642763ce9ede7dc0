"""What may change of a pod through doors of its own.

`ephemeralcontainers` adds containers to look inside with, `resize` changes what running containers may use. Each takes
over its own part of what is wanted, and says what is wrong with it.
"""

from __future__ import annotations

from typing import Any

from bascule.control.kinds import shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import annotated, difference, qos
from bascule.control.kinds.pod.updates import without_absent
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_LISTS = ("containers", "initContainers")
_RESIZED = ("resources", "resizePolicy")
_MUTABLE = ("cpu", "memory")


def take_ephemeral(pod: Object, wanted: Object) -> None:
    """Takes over the ephemeral containers that are wanted."""
    spec, asked = shape.ensure(pod, "spec"), shape.mapping(wanted, "spec")
    if asked.get("ephemeralContainers"):
        spec["ephemeralContainers"] = asked["ephemeralContainers"]
    else:
        spec.pop("ephemeralContainers", None)


def ephemeral_problems(new: Object, old: Object) -> Causes:
    """Ephemeral containers are added, never changed or removed."""
    path = "spec.ephemeralContainers"
    if annotated.MIRROR in annotated.of(old):
        yield errors.forbidden_field("", "static pods do not support ephemeral containers")
        return
    yield from annotated.update_problems("metadata.annotations", new, old)
    now = {shape.text(c, "name"): c for c in shape.items(shape.mapping(new, "spec"), "ephemeralContainers")}
    for container in shape.items(shape.mapping(old, "spec"), "ephemeralContainers"):
        name = shape.text(container, "name")
        if name not in now:
            yield errors.forbidden_field(path, f'existing ephemeral containers "{name}" may not be removed\n')
        elif without_absent(now[name]) != without_absent(container):
            shown = difference.shown("core.EphemeralContainer", container, now[name])
            yield errors.forbidden_field(path, f'existing ephemeral containers "{name}" may not be changed\n{shown}')


def take_resize(pod: Object, wanted: Object) -> None:
    """Takes over containers' resources and resize policies; containers that were added, renamed or moved are taken
    over whole, so that they are seen and refused."""
    spec, asked = shape.ensure(pod, "spec"), shape.mapping(wanted, "spec")
    if any(len(shape.items(spec, key)) != len(shape.items(asked, key)) for key in _LISTS):
        for key in _LISTS:
            spec[key] = asked.get(key)
        return
    for key in _LISTS:
        pairs = list(zip(shape.items(spec, key), shape.items(asked, key), strict=True))
        if any(container.get("name") != other.get("name") for container, other in pairs):
            spec[key] = asked.get(key)
            continue
        for container, other in pairs:
            for field in _RESIZED:
                if field in other:
                    container[field] = other[field]
                else:
                    container.pop(field, None)


def resize_problems(new: Object, old: Object) -> Causes:
    """Only cpu and memory of containers that run, never out of the pod's class of service."""
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    refusal = _never_resized(spec, before, old)
    if refusal:
        yield errors.forbidden_field("", refusal)
        return
    for key in _LISTS:
        if len(shape.items(spec, key)) != len(shape.items(before, key)):
            yield errors.forbidden_field(f"spec.{key}", "pod updates may not add or remove containers")
            return
    found = False
    for cause in _resize_problems(new, old, spec, before):
        found = True
        yield cause
    if not found and _settled(spec) != _settled(before):
        yield errors.forbidden_field("spec", "only cpu and memory resources are mutable")


def _never_resized(spec: Object, before: Object, old: Object) -> str:
    for one in (before, spec):
        resources = shape.mapping(one, "resources")
        if resources.get("requests") or resources.get("limits"):
            return "pods with pod-level resources cannot be resized"
    if annotated.MIRROR in annotated.of(old):
        return "static pods cannot be resized"
    return "windows pods cannot be resized" if shape.mapping(before, "os").get("name") == "windows" else ""


def _settled(spec: Object) -> Any:
    """The spec without what containers' own rules speak of."""
    return without_absent({key: value for key, value in spec.items() if key not in _LISTS})


def _resize_problems(new: Object, old: Object, spec: Object, before: Object) -> Causes:
    was = shape.text(shape.mapping(old, "status"), "qosClass") or qos.class_of(before)
    if was != qos.class_of(spec):
        message = "Pod QOS Class may not change as a result of resizing"
        yield errors.invalid_value("spec", shape.text(shape.mapping(new, "status"), "qosClass"), message)
    for status in shape.items(shape.mapping(old, "status"), "containerStatuses"):
        if type(shape.mapping(status, "state").get("running")) is dict:
            if status.get("resources") is None:
                yield errors.forbidden_field("spec", "Pod running on node without support for resize")
            break
    for key in ("initContainers", "containers"):
        for index, (container, other) in enumerate(zip(shape.items(spec, key), shape.items(before, key), strict=True)):
            if key == "containers" or other.get("restartPolicy") == "Always":
                yield from _removals(f"spec.{key}[{index}].resources", container, other)
    for key, running, changed in (
        ("containers", True, "only cpu and memory resources are mutable"),
        ("initContainers", True, "only cpu and memory resources for sidecar containers are mutable"),
        ("initContainers", False, "resources for non-sidecar init containers are immutable"),
    ):
        for container, other in zip(shape.items(spec, key), shape.items(before, key), strict=True):
            runs = key == "containers" or container.get("restartPolicy") == "Always"
            if runs is running and _rest(container, other, munge=runs) != without_absent(other):
                yield errors.forbidden_field("spec", changed)


def _removals(path: str, container: Object, other: Object) -> Causes:
    now, was = shape.mapping(container, "resources"), shape.mapping(other, "resources")
    for side in ("requests", "limits"):
        if not shape.mapping(was, side).keys() <= shape.mapping(now, side).keys():
            yield errors.forbidden_field(f"{path}.{side}", f"resource {side} cannot be removed")


def _rest(container: Object, other: Object, *, munge: bool) -> Any:
    """The container with the cpu and memory it had, where those may change."""
    if not munge:
        return without_absent(container)
    now, was = shape.mapping(container, "resources"), shape.mapping(other, "resources")
    resources = {}
    for side in ("limits", "requests"):
        amounts = {name: value for name, value in shape.mapping(now, side).items() if name not in _MUTABLE}
        before = shape.mapping(was, side)
        resources[side] = {**amounts, **{name: before[name] for name in _MUTABLE if name in before}}
        if not before and not amounts:
            resources[side] = {}
    return without_absent({**container, "resources": {**resources, "claims": was.get("claims")}})
