"""Rules that workloads share: their selectors and templates, and the counts in their status."""

from __future__ import annotations

from collections.abc import Iterable

from bascule.control.kinds import check, metadata, selectors, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import warnings as pod_warnings
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

ABOVE_REPLICAS = "cannot be greater than status.replicas"


def selector_problems(spec: Object, kind: str, *, refusal: str | None = "invalid label selector") -> Causes:
    """Present, not empty, and choosing the pods the template makes; `refusal` is said of one that cannot be read."""
    selector = spec.get("selector")
    if type(selector) is not dict:
        yield errors.required("spec.selector", "")
        yield from selectors.chooses_template(None, spec)
        return
    found = list(selectors.problems("spec.selector", selector))
    yield from found
    if selectors.is_empty(selector):
        yield errors.invalid_value("spec.selector", selector, f"empty selector is invalid for {kind}")
    if not found:
        yield from selectors.chooses_template(selector, spec)
    elif refusal is not None:
        yield errors.invalid_value("spec.selector", selector, refusal)


def warnings(obj: Object) -> list[str]:
    """Of the template and of a name that its pods will carry."""
    return [*name_warnings(obj), *template_warnings(obj)]


def template_warnings(obj: Object) -> list[str]:
    own = shape.mapping(shape.mapping(obj, "spec"), "template")
    return pod_warnings.of_template("spec.template", own)


def name_warnings(obj: Object) -> list[str]:
    name = shape.text(shape.mapping(obj, "metadata"), "name")
    problems = metadata.label(name) if name else ()
    if not problems:
        return []
    return [
        "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; "
        f"a DNS label is recommended: [{' '.join(problems)}]"
    ]


def at_most_replicas(status: Object, keys: Iterable[str]) -> Causes:
    total = shape.count(status, "replicas")
    for key in keys:
        if shape.count(status, key) > total:
            yield errors.invalid_value(f"status.{key}", shape.count(status, key), ABOVE_REPLICAS)


def available_at_most_ready(status: Object, ready: str) -> Causes:
    """`ready` is what the message calls the ready replicas."""
    available = shape.count(status, "availableReplicas")
    if available > shape.count(status, "readyReplicas"):
        yield errors.invalid_value("status.availableReplicas", available, f"cannot be greater than {ready}")


def collisions(new: Object, old: Object) -> Causes:
    """The count of name collisions only grows; both are objects with a status."""
    status, before = shape.mapping(new, "status"), shape.mapping(old, "status")
    yield from check.not_negative("status.collisionCount", status.get("collisionCount"))
    if shape.integer(before, "collisionCount") is None:
        return
    if shape.count(status, "collisionCount") < shape.count(before, "collisionCount") or (
        shape.integer(status, "collisionCount") is None
    ):
        yield errors.invalid_value(
            "status.collisionCount", shape.count(status, "collisionCount"), "cannot be decremented"
        )
