"""Rules of containers: those that do the pod's work, those that prepare it, and those added to look inside."""

from __future__ import annotations

from typing import NamedTuple

from bascule.control.kinds import check, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import environment, handlers, images, mounts, resource_rules, security
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_RULE_ACTIONS = ("Restart", "RestartAllContainers")
_RULE_OPERATORS = ("In", "NotIn")
_RULES_MAX = 20
_CODES_MAX = 255
_EPHEMERAL_FIELDS = frozenset(
    (
        *("name", "image", "command", "args", "workingDir", "envFrom", "env", "volumeMounts", "volumeDevices"),
        *("terminationMessagePath", "terminationMessagePolicy", "imagePullPolicy", "securityContext", "stdin"),
        *("stdinOnce", "tty", "targetContainerName"),
    )
)
_NOT_EPHEMERAL = "cannot be set for an Ephemeral Container"
_NOT_BEFORE = "may not be set for init containers without restartPolicy=Always"


class Around(NamedTuple):
    """What the rules of a container know of its pod."""

    volumes: dict[str, Object]
    claims: frozenset[str]
    restart_policy: object
    grace_seconds: object
    host_users: bool
    pod: bool
    """A pod's spec, not a template's."""


def problems(path: str, spec: Object, around: Around) -> Causes:
    """Rules of all containers of the spec at `path`."""
    containers = shape.items(spec, "containers")
    if not containers:
        yield errors.required(f"{path}.containers", "")
    names: set[str] = set()
    for index, container in enumerate(containers):
        at = f"{path}.containers[{index}]"
        yield from _common(at, container, around)
        yield from _unique(at, container, names)
        yield from handlers.problems(at, container, around.grace_seconds)
        if container.get("restartPolicy") is not None or container.get("restartPolicyRules"):
            yield from _restarting(at, container)
    yield from _host_ports(f"{path}.containers", containers)
    if spec.get("initContainers"):
        yield from _init(f"{path}.initContainers", shape.items(spec, "initContainers"), names, around)
    if spec.get("ephemeralContainers"):
        yield from _ephemeral(f"{path}.ephemeralContainers", shape.items(spec, "ephemeralContainers"), names, around)


def _unique(path: str, container: Object, names: set[str]) -> Causes:
    name = shape.text(container, "name")
    if name in names:
        yield errors.duplicate(f"{path}.name", name)
    elif name:
        names.add(name)


def _init(path: str, containers: list[Object], names: set[str], around: Around) -> Causes:
    for index, container in enumerate(containers):
        at = f"{path}[{index}]"
        yield from _common(at, container, around)
        if container.get("restartPolicy") is not None or container.get("restartPolicyRules"):
            yield from _restarting(at, container)
        yield from _unique(at, container, names)
        yield from _host_ports(path, [container])
        if container.get("restartPolicy") == "Always":
            yield from handlers.problems(at, container, around.grace_seconds)
            continue
        for field in ("lifecycle", *handlers.PROBES):
            if container.get(field) is not None:
                yield errors.forbidden_field(f"{at}.{field}", _NOT_BEFORE)


def _ephemeral(path: str, containers: list[Object], others: set[str], around: Around) -> Causes:
    names = set(others)
    for index, container in enumerate(containers):
        at = f"{path}[{index}]"
        yield from _common(at, container, around)
        yield from _unique(at, container, names)
        target = shape.text(container, "targetContainerName")
        if target and target not in others:
            yield errors.value_not_found(f"{at}.targetContainerName", target)
        for field, value in container.items():
            if field not in _EPHEMERAL_FIELDS and value not in (None, "", [], {}):
                yield errors.forbidden_field(f"{at}.{field}", _NOT_EPHEMERAL)
        for number, mount in enumerate(shape.items(container, "volumeMounts")):
            for field in ("subPath", "subPathExpr"):
                if mount.get(field):
                    yield errors.forbidden_field(f"{at}.volumeMounts[{number}].{field}", _NOT_EPHEMERAL)


def _common(path: str, container: Object, around: Around) -> Causes:
    name, image = container.get("name"), container.get("image")
    if type(name) is not str or not name:
        yield errors.required(f"{path}.name", "")
    else:
        for problem in metadata.label(name):
            yield errors.invalid_value(f"{path}.name", name, problem)
    if not image:
        yield errors.required(f"{path}.image", "")
    elif around.pod and type(image) is str and image != image.strip():
        yield errors.invalid_value(f"{path}.image", image, "must not have leading or trailing whitespace")
    policy = container.get("terminationMessagePolicy")
    if policy not in _MESSAGE_POLICIES:
        yield from check.required(f"{path}.terminationMessagePolicy", policy)
        if policy:
            yield errors.not_supported(f"{path}.terminationMessagePolicy", policy, _MESSAGE_POLICIES, in_order=True)
    if container.get("ports"):
        yield from _ports(f"{path}.ports", shape.items(container, "ports"))
    if container.get("env"):
        yield from environment.problems(f"{path}.env", shape.items(container, "env"), around.volumes)
    if container.get("envFrom"):
        yield from environment.from_problems(f"{path}.envFrom", shape.items(container, "envFrom"))
    if container.get("volumeMounts"):
        yield from mounts.problems(f"{path}.volumeMounts", container, around.volumes)
    if container.get("volumeDevices"):
        yield from mounts.device_problems(f"{path}.volumeDevices", container, around.volumes)
    yield from images.policy_problems(f"{path}.imagePullPolicy", container.get("imagePullPolicy"))
    if container.get("resources"):
        yield from resource_rules.problems(f"{path}.resources", shape.mapping(container, "resources"), around.claims)
    if container.get("resizePolicy"):
        policies = shape.items(container, "resizePolicy")
        yield from resource_rules.resize_policy_problems(f"{path}.resizePolicy", policies, around.restart_policy)
    if container.get("securityContext"):
        context = shape.mapping(container, "securityContext")
        yield from security.container_problems(f"{path}.securityContext", context, host_users=around.host_users)


def _restarting(path: str, container: Object) -> Causes:
    """A container's own restart policy, and its exceptions by exit code."""
    policy, rules = container.get("restartPolicy"), shape.items(container, "restartPolicyRules")
    if policy is None:
        message = "must specify restartPolicy when restart rules are used"
        yield errors.required(f"{path}.restartPolicy", message)
    elif policy not in _RESTART_POLICIES:
        yield errors.not_supported(f"{path}.restartPolicy", policy, _RESTART_POLICIES)
    if len(rules) > _RULES_MAX:
        yield errors.too_many(f"{path}.restartPolicyRules", len(rules), _RULES_MAX)
    for index, rule in enumerate(rules):
        at = f"{path}.restartPolicyRules[{index}]"
        if rule.get("action") not in _RULE_ACTIONS:
            yield errors.not_supported(f"{at}.action", shape.text(rule, "action"), _RULE_ACTIONS)
        codes = rule.get("exitCodes")
        if type(codes) is not dict:
            yield errors.required(f"{at}.exitCodes", "must be specified")
            continue
        if codes.get("operator") not in _RULE_OPERATORS:
            yield errors.not_supported(f"{at}.exitCodes.operator", shape.text(codes, "operator"), _RULE_OPERATORS)
        count = len(shape.sequence(codes, "values"))
        if count > _CODES_MAX:
            yield errors.too_many(f"{at}.exitCodes.values", count, _CODES_MAX)


def _ports(path: str, ports: list[Object]) -> Causes:
    seen = set()
    for index, port in enumerate(ports):
        at = f"{path}[{index}]"
        name, protocol = shape.text(port, "name"), port.get("protocol")
        if name:
            found = check.port_name_problems(name)
            for problem in found:
                yield errors.invalid_value(f"{at}.name", name, problem)
            if not found and name in seen:
                yield errors.duplicate(f"{at}.name", name)
            elif not found:
                seen.add(name)
        if not port.get("containerPort"):
            yield errors.required(f"{at}.containerPort", "")
        else:
            yield from check.port(f"{at}.containerPort", port["containerPort"])
        if port.get("hostPort"):
            yield from check.port(f"{at}.hostPort", port["hostPort"])
        if protocol not in _PROTOCOLS:
            yield from check.required(f"{at}.protocol", protocol)
            yield from check.one_of(f"{at}.protocol", protocol, _PROTOCOLS)


def _host_ports(path: str, containers: list[Object]) -> Causes:
    """A port of the node is taken once."""
    seen = set()
    for index, container in enumerate(containers):
        if not container.get("ports"):
            continue
        for number, port in enumerate(shape.items(container, "ports")):
            if not shape.count(port, "hostPort"):
                continue
            taken = f"{shape.text(port, 'protocol')}/{shape.text(port, 'hostIP')}/{port['hostPort']}"
            if taken in seen:
                yield errors.duplicate(f"{path}[{index}].ports[{number}].hostPort", taken)
            seen.add(taken)
