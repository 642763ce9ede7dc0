"""LimitRange: containers get their namespace's defaults, and stay within its bounds."""

from collections.abc import Iterator
from typing import Any, Final

from bascule.control.access.admission import context, quota_usage, request
from bascule.vocabulary import objects, quantity

ANNOTATION: Final = "kubernetes.io/limit-ranger"


def mutate(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object) -> bool:
    """Whether it filled in amounts, which are as the namespace's owner wrote them."""
    if asked.subresource or asked.operation != "CREATE":
        return False
    changes: list[str] = []
    for item in _items(held, asked):
        if item.get("type") == "Container":
            for field in ("containers", "initContainers"):
                for container in (obj.get("spec") or {}).get(field) or ():
                    changes += _default(container, item, "init container" if field[0] == "i" else "container")
    if changes:
        note = "LimitRanger plugin set: " + "; ".join(dict.fromkeys(changes))
        obj["metadata"]["annotations"] = {**objects.annotations(obj), ANNOTATION: note}
    return bool(changes)


def validate(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object | None) -> None:
    if obj is None or asked.operation not in ("CREATE", "UPDATE") or not _concerns(asked):
        return
    plural = asked.resource.plural
    problems: list[str] = []
    for item in _items(held, asked):
        kind = item.get("type") or ""
        if kind == "PersistentVolumeClaim" and plural == "persistentvolumeclaims":
            problems += _check(item, kind, (obj.get("spec") or {}).get("resources") or {})
        elif kind == "Container" and plural == "pods":
            for container in _containers(obj):
                problems += _check(item, kind, container.get("resources") or {})
        elif kind == "Pod" and plural == "pods":
            problems += _check(item, kind, _pod_totals(obj))
    if problems:
        raise context.forbid(asked, problems[0] if len(problems) == 1 else "[" + ", ".join(problems) + "]")


def _concerns(asked: request.AdmissionRequest) -> bool:
    """Of an existing pod only a resize changes what is limited."""
    if asked.operation == "UPDATE" and asked.resource.plural == "pods":
        return asked.subresource == "resize"
    return not asked.subresource


def _items(held: context.Context, asked: request.AdmissionRequest) -> Iterator[dict[str, Any]]:
    for ranged in held.listed("", "limitranges", asked.cluster, asked.namespace):
        for item in (ranged.get("spec") or {}).get("limits") or ():
            if item and all(_readable(item.get(field)) for field in ("min", "max", "maxLimitRequestRatio")):
                yield item


def _readable(bounds: dict[str, Any] | None) -> bool:
    return not bounds or len(quota_usage.readable(bounds)) == len(bounds)


def _containers(pod: objects.Object) -> Iterator[dict[str, Any]]:
    spec = pod.get("spec") or {}
    yield from spec.get("containers") or ()
    yield from spec.get("initContainers") or ()


def _default(container: dict[str, Any], item: dict[str, Any], kind: str) -> Iterator[str]:
    resources = container.get("resources")
    if resources is None:
        resources = container["resources"] = {}
    given = {field: dict(resources.get(field) or {}) for field in ("limits", "requests")}
    wanted = {"limits": item.get("default") or {}, "requests": item.get("defaultRequest") or {}}
    for field, shown in (("requests", "request"), ("limits", "limit")):
        added = []
        for resource, amount in sorted(wanted[field].items()):
            if resource in given[field]:
                continue
            if field == "requests" and resource in given["limits"]:
                continue  # a limit without a request means a request of the same size
            resources[field] = {**(resources.get(field) or {}), resource: amount}
            added.append(resource)
        if added:
            yield f"{', '.join(added)} {shown} for {kind} {container.get('name')}"


def _pod_totals(pod: objects.Object) -> dict[str, dict[str, str]]:
    return {
        field: {key: quota_usage.text(key, amount) for key, amount in quota_usage.pod_totals(pod, field).items()}
        for field in ("requests", "limits")
    }


def _check(item: dict[str, Any], kind: str, resources: dict[str, Any]) -> Iterator[str]:
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for resource, bound in (item.get("min") or {}).items():
        text = f"minimum {resource} usage per {kind} is {_shown(bound)}"
        if resource not in requests:
            yield f"{text}.  No request is specified"
        elif quota_usage.amount(requests[resource]) < quota_usage.amount(bound):
            yield f"{text}, but request is {_shown(requests[resource])}"
        elif resource in limits and quota_usage.amount(limits[resource]) < quota_usage.amount(bound):
            yield f"{text}, but limit is {_shown(limits[resource])}"
    for resource, bound in (item.get("max") or {}).items():
        text = f"maximum {resource} usage per {kind} is {_shown(bound)}"
        if kind == "PersistentVolumeClaim":
            if resource not in requests:
                yield f"{text}.  No request is specified"
            elif quota_usage.amount(requests[resource]) > quota_usage.amount(bound):
                yield f"{text}, but request is {_shown(requests[resource])}"
            continue
        if resource not in limits:
            yield f"{text}.  No limit is specified"
        elif quota_usage.amount(limits[resource]) > quota_usage.amount(bound):
            yield f"{text}, but limit is {_shown(limits[resource])}"
        elif resource in requests and quota_usage.amount(requests[resource]) > quota_usage.amount(bound):
            yield f"{text}, but request is {_shown(requests[resource])}"
    for resource, ratio in (item.get("maxLimitRequestRatio") or {}).items():
        text = f"{resource} max limit to request ratio per {kind} is {_shown(ratio)}"
        requested = quota_usage.amount(requests.get(resource, "0"))
        if not requested:
            yield f"{text}, but no request is specified or request is 0"
        elif not quota_usage.amount(limits.get(resource, "0")):
            yield f"{text}, but no limit is specified or limit is 0"
        elif quota_usage.amount(limits[resource]) * quota_usage.BILLION > quota_usage.amount(ratio) * requested:
            yield f"{text}, but provided ratio is {quota_usage.amount(limits[resource]) / requested:f}"


def _shown(amount: Any) -> str:
    return quantity.canonical(str(amount))
