"""Rules of a pod's status: what has ended stays ended unless it may run again, and addresses are addresses."""

from __future__ import annotations

from bascule.control.kinds import check, ips, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import annotated
from bascule.vocabulary import errors, names
from bascule.vocabulary.objects import Object

_SYSTEM_CONDITIONS = ("PodScheduled", "Ready", "Initialized")
_HEALTH = ("Healthy", "Unhealthy", "Unknown")
_ID_MAX = 2**31 - 1
_LISTS = (
    ("containerStatuses", "containers"),
    ("initContainerStatuses", "initContainers"),
    ("ephemeralContainerStatuses", "ephemeralContainers"),
)


def problems(new: Object, old: Object) -> Causes:
    """What the status shares with the stored one was checked before."""
    status, before = shape.mapping(new, "status"), shape.mapping(old, "status")
    if shape.mapping(new, "metadata").get("annotations") is not shape.mapping(old, "metadata").get("annotations"):
        yield from annotated.update_problems("metadata.annotations", new, old)
    for index, condition in enumerate(shape.items(status, "conditions")):
        if condition.get("type") not in _SYSTEM_CONDITIONS:
            kind = shape.text(condition, "type")
            for problem in names.is_qualified_name(kind):
                yield errors.invalid_value(f"metadata.conditions[{index}].Type", kind, problem)
    nominated = shape.text(status, "nominatedNodeName")
    if nominated and nominated != before.get("nominatedNodeName"):
        yield from check.subdomain("status.nominatedNodeName", nominated)
    if status.get("qosClass") != before.get("qosClass"):
        yield from check.immutable("status.qosClass", status.get("qosClass"), before.get("qosClass"))
    for key, role in _LISTS:
        if before.get(key):
            yield from _transitions(f"status.{key}", shape.items(status, key), shape.items(before, key), old, role)
    if status.get("resourceClaimStatuses"):
        yield from _claims(shape.items(status, "resourceClaimStatuses"), shape.mapping(old, "spec"))
    yield from _addresses(status, before)
    for key, role in _LISTS:
        if status.get(key):
            for index, one in enumerate(shape.items(status, key)):
                yield from _container(f"status.{key}[{index}]", one, shape.mapping(old, "spec"), role)


def _addresses(status: Object, before: Object) -> Causes:
    pods, hosts = status.get("podIPs"), status.get("hostIPs")
    if pods and pods is not before.get("podIPs"):
        yield from _ips("status.podIPs", shape.items(status, "podIPs"))
    if hosts:
        listed = shape.items(status, "hostIPs")
        if listed and shape.text(listed[0], "ip") != shape.text(status, "hostIP"):
            message = "must be equal to `hostIP`"
            yield errors.invalid_value("status.hostIPs[0].ip", shape.text(listed[0], "ip"), message)
        if hosts is not before.get("hostIPs"):
            yield from _ips("status.hostIPs", listed)


def _container(path: str, status: Object, spec: Object, role: str) -> Causes:
    if status.get("user") is not None:
        yield from _user(path, shape.mapping(status, "user"), spec)
    if status.get("allocatedResourcesStatus"):
        yield from _allocated(f"{path}.allocatedResourcesStatus", status, spec, role)


def _restarts(container: Object, spec: Object, role: str, code: int) -> bool:
    """Whether a container that ended with the code may run again."""
    if role == "ephemeralContainers":
        return False
    policy = container.get("restartPolicy") or spec.get("restartPolicy")
    for rule in shape.items(container, "restartPolicyRules"):
        codes = shape.mapping(rule, "exitCodes")
        listed = code in shape.sequence(codes, "values")
        if listed == (codes.get("operator") == "In"):
            return True
    if policy == "Always":
        return True
    return policy == "OnFailure" and code != 0


def _transitions(path: str, now: list[Object], before: list[Object], old: Object, role: str) -> Causes:
    ended = [
        (index, was, state["terminated"])
        for index, was in enumerate(before)
        if type(state := was.get("state")) is dict and type(state.get("terminated")) is dict
    ]
    if not ended:
        return
    spec = shape.mapping(old, "spec")
    if role != "ephemeralContainers" and _restarts_together(spec):
        return
    declared = {shape.text(container, "name"): container for container in shape.items(spec, role)}
    for index, was, end in ended:
        name = shape.text(was, "name")
        if _restarts(declared.get(name, {}), spec, role, shape.count(end, "exitCode")):
            continue
        for one in now:
            if one.get("name") == name and type(shape.mapping(one, "state").get("terminated")) is not dict:
                message = "may not be transitioned to non-terminated state"
                yield errors.forbidden_field(f"{path}[{index}].state", message)


def _restarts_together(spec: Object) -> bool:
    """Whether a container may say that all of them start again."""
    return any(
        rule.get("action") == "RestartAllContainers"
        for key in ("containers", "initContainers")
        for container in shape.items(spec, key)
        for rule in shape.items(container, "restartPolicyRules")
    )


def _claims(statuses: list[Object], spec: Object) -> Causes:
    known = {shape.text(claim, "name") for claim in shape.items(spec, "resourceClaims")}
    seen = set()
    for index, status in enumerate(statuses):
        at, name = f"status.resourceClaimStatuses[{index}].name", shape.text(status, "name")
        if name not in known:
            yield errors.invalid_value(at, name, "must match the name of an entry in `spec.resourceClaims`")
        if name in seen:
            yield errors.duplicate(at, name)
        seen.add(name)
        claim = status.get("resourceClaimName")
        if type(claim) is str:
            yield from check.subdomain(at, claim)


def _ips(path: str, listed: list[Object]) -> Causes:
    texts = [shape.text(one, "ip") for one in listed]
    for index, text in enumerate(texts):
        yield from ips.ip(f"{path}[{index}]", text)
    if len(texts) > 1:
        if not ips.one_of_each_family(texts):
            yield errors.invalid_value(path, listed, "may specify no more than one IP for each IP family")
        for index, text in enumerate(texts):
            if text in texts[:index]:
                yield errors.duplicate(f"{path}[{index}]", listed[index])


def _user(path: str, user: Object, spec: Object) -> Causes:
    linux = user.get("linux")
    if type(linux) is not dict:
        return
    if shape.mapping(spec, "os").get("name") == "windows":
        yield errors.forbidden_field(f"{path}.linux", "cannot be set for a windows pod")
        return
    ids = [(key, linux.get(key)) for key in ("uid", "gid")]
    ids += [(f"supplementalGroups[{i}]", group) for i, group in enumerate(shape.sequence(linux, "supplementalGroups"))]
    for key, value in ids:
        if type(value) is int and not 0 <= value <= _ID_MAX:
            message = f"must be between 0 and {_ID_MAX}, inclusive"
            yield errors.invalid_value(f"{path}.linux.{key}", value, message)


def _allocated(path: str, status: Object, spec: Object, role: str) -> Causes:
    """Devices' health, of devices that the container asked for."""
    if role == "ephemeralContainers":
        yield errors.forbidden_field(path, "must not be specified in container status")
        return
    container = next((one for one in shape.items(spec, role) if one.get("name") == status.get("name")), None)
    for index, resource in enumerate(shape.items(status, "allocatedResourcesStatus")):
        at, name = f"{path}[{index}]", shape.text(resource, "name")
        if container is not None:
            yield from _asked(f"{at}.name", name, shape.mapping(container, "resources"))
        seen = set()
        for number, device in enumerate(shape.items(resource, "resources")):
            health, identity = shape.text(device, "health"), shape.text(device, "resourceID")
            if health not in _HEALTH:
                yield errors.not_supported(f"{at}.resources[{number}].health", health, _HEALTH)
            if identity in seen:
                yield errors.duplicate(f"{at}.resources[{number}].resourceID", identity)
            seen.add(identity)


def _asked(path: str, name: str, resources: Object) -> Causes:
    if name.startswith("claim:"):
        known = set()
        for claim in shape.items(resources, "claims"):
            request = shape.text(claim, "request")
            known.add(f"claim:{shape.text(claim, 'name')}" + (f"/{request}" if request else ""))
        message = (
            "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or "
            "'claim:<claimName>' if request is empty"
        )
    else:
        known = set(shape.mapping(resources, "requests"))
        message = "must match one of the container's resource requests"
    if name not in known:
        yield errors.invalid_value(path, name, message)
