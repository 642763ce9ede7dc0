"""What is wrong with an access review, in upstream's words and fields. Pure."""

from collections.abc import Iterator
from typing import Any, Final

from bascule.vocabulary import errors, objects

_LISTED: Final = ("In", "NotIn")
_BARE: Final = ("Exists", "DoesNotExist")
_KEPT: Final = {"LocalSubjectAccessReview": ("managedFields", "namespace")}


def of(review: objects.Object) -> list[errors.Cause]:
    """Of a SubjectAccessReview, LocalSubjectAccessReview or SelfSubjectAccessReview."""
    kind, spec = review.get("kind") or "", review.get("spec") or {}
    return [*_spec(kind, spec), *_place(kind, spec, review)]


def _spec(kind: str, spec: dict[str, Any]) -> Iterator[errors.Cause]:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and path is not None:
        text = "cannot be specified in combination with resourceAttributes"
        yield errors.invalid_value("spec.nonResourceAttributes", path, text)
    if resource is None and path is None:
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        yield errors.invalid_value("spec.resourceAttributes", None, text)
    if kind != "SelfSubjectAccessReview" and not spec.get("user") and not spec.get("groups"):
        yield errors.invalid_value("spec.user", "", "at least one of user or group must be specified")
    for field in ("fieldSelector", "labelSelector"):
        selector = (resource or {}).get(field)
        if selector is not None:
            yield from _selector(f"spec.resourceAttributes.{field}", selector)


def _selector(at: str, selector: dict[str, Any]) -> Iterator[errors.Cause]:
    raw, requirements = selector.get("rawSelector") or "", selector.get("requirements") or []
    if raw and requirements:
        text = "may not specified at the same time as requirements"
        yield errors.invalid_value(f"{at}.rawSelector", raw, text)
    if not raw and not requirements:
        yield errors.required(f"{at}.requirements", f"when {at} is specified, requirements or rawSelector is required")
    for index, term in enumerate(requirements):
        place, operator, values = f"{at}.requirements[{index}]", term.get("operator") or "", term.get("values") or []
        if not term.get("key"):
            yield errors.required(f"{place}.key", "must be specified")
        if operator in _LISTED and not values:
            text = "must be specified when `operator` is 'In' or 'NotIn'"
            yield errors.required(f"{place}.values", text)
        elif operator in _BARE and values:
            text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield errors.forbidden_field(f"{place}.values", text)
        elif operator not in (*_LISTED, *_BARE):
            yield errors.invalid_value(f"{place}.operator", operator, "not a valid selector operator")


def _place(kind: str, spec: dict[str, Any], review: objects.Object) -> Iterator[errors.Cause]:
    kept = _KEPT.get(kind, ("managedFields",))
    given = {key: value for key, value in (review.get("metadata") or {}).items() if value and key not in kept}
    if given:
        text = "must be empty except for namespace" if "namespace" in kept else "must be empty"
        yield errors.invalid_value("metadata", given, text)
    if kind != "LocalSubjectAccessReview":
        return
    resource = spec.get("resourceAttributes")
    named = (resource or {}).get("namespace") or ""
    if resource is not None and named != objects.namespace(review):
        yield errors.invalid_value("spec.resourceAttributes.namespace", named, "must match metadata.namespace")
    if spec.get("nonResourceAttributes") is not None:
        path = spec["nonResourceAttributes"]
        yield errors.invalid_value("spec.nonResourceAttributes", path, "disallowed on this kind of request")
