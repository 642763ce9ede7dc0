"""Rules of resource requests and limits, of containers and of whole pods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bascule.control.kinds import check, resource_names, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import approved, totals
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_WHOLE_POD = ("cpu", "memory")
_NO_CLAIMS: frozenset[str] = frozenset()
Names = Callable[[str], tuple[str, ...]]


def claim_names(spec: Object) -> frozenset[str]:
    """Of the pod's resource claims."""
    if not spec.get("resourceClaims"):
        return _NO_CLAIMS
    return frozenset(shape.text(claim, "name") for claim in shape.items(spec, "resourceClaims")) - {""}


def problems(path: str, resources: Object, claims: frozenset[str] = _NO_CLAIMS) -> Causes:
    """A container's resources; `claims` are the names of the pod's resource claims."""
    yield from _of_container(path, resources)
    if resources.get("claims"):
        yield from _claims(f"{path}.claims", shape.items(resources, "claims"), claims)


@approved.part
def _of_container(path: str, resources: Object) -> Causes:
    return _requirements(path, resources, resource_names.container_problems)


def _requirements(path: str, resources: Object, name_problems: Names) -> Causes:
    limits, requests = shape.mapping(resources, "limits"), shape.mapping(resources, "requests")
    huge = compute = False
    for name, value in limits.items():
        yield from _amount(f"{path}.limits[{name}]", name, value, name_problems)
        huge = huge or resource_names.is_huge(name)
        compute = compute or name in _WHOLE_POD
    for name, value in requests.items():
        yield from _amount(f"{path}.requests[{name}]", name, value, name_problems)
        yield from _within(path, name, value, limits.get(name))
        huge = huge or resource_names.is_huge(name)
        compute = compute or name in _WHOLE_POD
    if huge and not compute:
        yield errors.forbidden_field(path, "HugePages require cpu or memory")


def _within(path: str, name: str, value: Any, limit: Any) -> Causes:
    """A request against its limit."""
    if limit is None:
        if not resource_names.overcommits(name):
            yield errors.required(f"{path}.limits", "Limit must be set for non overcommitable resources")
        return
    if value == limit:
        return
    requested, limited = totals.milli(value), totals.milli(limit)
    if requested is None or limited is None:
        return
    if requested != limited and not resource_names.overcommits(name):
        yield errors.invalid_value(f"{path}.requests", str(value), f"must be equal to {name} limit of {limit}")
    elif requested > limited:
        message = f"must be less than or equal to {name} limit of {limit}"
        yield errors.invalid_value(f"{path}.requests", str(value), message)


def _amount(path: str, name: str, value: Any, name_problems: Names) -> Causes:
    for problem in name_problems(name):
        yield errors.invalid_value(path, name, problem)
    yield from resource_names.amount_problems(path, name, value)
    if resource_names.is_huge(name):
        size, amount = check.milli(name.removeprefix("hugepages-")), totals.milli(value)
        if amount is not None and (not size or size <= 0 or amount <= 0 or amount % size):
            yield errors.invalid_value(path, str(value), f"{value} is not positive integer multiple of {name}")


def _claims(path: str, used: list[Object], claims: frozenset[str]) -> Causes:
    seen: set[str] = set()
    for index, claim in enumerate(used):
        at, name, request = f"{path}[{index}]", shape.text(claim, "name"), shape.text(claim, "request")
        if not name:
            yield errors.required(at, "")
            continue
        key = f"{name}/{request}" if request else name
        if name in seen:
            yield errors.duplicate(at, name)
        else:
            if request:
                yield from check.label(f"{at}.request", request)
            if key in seen or (not request and any(other.startswith(f"{name}/") for other in seen)):
                yield errors.duplicate(at, key)
            seen.add(key)
        if name not in claims:
            listed = f": {', '.join(sorted(claims))}" if claims else " which is empty"
            cause = errors.value_not_found(at, name)
            message = f"{cause.message}: must be one of the names in pod.spec.resourceClaims{listed}"
            yield cause._replace(message=message)


def pod_problems(path: str, spec: Object) -> Causes:
    """`spec.resources` at `path`: the pod as a whole asks for no less than its containers do."""
    resources = shape.mapping(spec, "resources")
    if resources.get("claims") is not None:
        yield errors.forbidden_field(f"{path}.claims", "claims cannot be set for Resources at pod-level")
    yield from _requirements(path, resources, resource_names.problems)
    limits, requests = shape.mapping(resources, "limits"), shape.mapping(resources, "requests")
    for side, amounts in (("limits", limits), ("requests", requests)):
        for name in amounts:
            if not resource_names.problems(name) and name not in _WHOLE_POD and not resource_names.is_huge(name):
                yield errors.not_supported(f"{path}.{side}[{name}]", name, ("cpu", "hugepages-", "memory"))
    for name, total in totals.of_containers(spec, "requests").items():
        given = requests.get(name)
        if (totals.milli(given) or 0) < (totals.milli(total) or 0):
            message = f"must be greater than or equal to aggregate container requests of {total}"
            yield errors.invalid_value(f"{path}.requests[{name}]", str(given or "0"), message)
    for index, container in enumerate(shape.items(spec, "containers")):
        for name, value in shape.mapping(shape.mapping(container, "resources"), "limits").items():
            limit = limits.get(name)
            if limit is not None and (totals.milli(value) or 0) > (totals.milli(limit) or 0):
                message = f"must be less than or equal to pod limits of {limit}"
                yield errors.invalid_value(f"{path}.containers[{index}][{name}].limits", str(value), message)


def resize_policy_problems(path: str, policies: list[Object], restart_policy: object) -> Causes:
    """What a change of resources does to the running container; `restart_policy` is the pod's."""
    seen = set()
    for index, policy in enumerate(policies):
        name, action = shape.text(policy, "resourceName"), shape.text(policy, "restartPolicy")
        if name in seen:
            yield errors.duplicate(f"{path}[{index}]", name)
        seen.add(name)
        if not name:
            yield errors.required(path, "")
        elif name not in _WHOLE_POD:
            yield errors.not_supported(path, name, _WHOLE_POD)
        if not action:
            yield errors.required(path, "")
        elif action not in ("NotRequired", "RestartContainer"):
            yield errors.not_supported(path, action, ("NotRequired", "RestartContainer"))
        if restart_policy == "Never" and action != "NotRequired":
            yield errors.invalid_value(path, action, "must be 'NotRequired' when `restartPolicy` is 'Never'")
