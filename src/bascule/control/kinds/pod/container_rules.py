"""Rules of containers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from bascule.control.kinds import check, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import resource_rules
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("FallbackToLogsOnError", "File")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_SCHEMES = ("HTTP", "HTTPS")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_HANDLERS = ("exec", "httpGet", "tcpSocket", "sleep")
_PROBE_NUMBERS = (
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
)
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_FIELD_PATHS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)


@lru_cache(maxsize=4096)
def _environment_name(name: str) -> str:
    """A problem with a variable's name, or nothing: any printable ASCII but `=` will do."""
    if name and all(" " <= c <= "~" and c != "=" for c in name):
        return ""
    return "a valid environment variable name must consist only of printable ASCII characters other than '='"


def problems(path: str, containers: list[Object], volumes: dict[str, Object], seen: set[str], role: str) -> Causes:
    """Rules of one list of containers; `seen` holds the names of all lists so far, `role` which list it is."""
    for index, container in enumerate(containers):
        at = f"{path}[{index}]"
        name = container.get("name")
        if type(name) is not str or not name:
            yield errors.required(f"{at}.name", "")
        else:
            for problem in metadata.label(name):
                yield errors.invalid_value(f"{at}.name", name, problem)
            if name in seen:
                yield errors.duplicate(f"{at}.name", name)
            seen.add(name)
        yield from _container(at, container, volumes, role)


def _container(path: str, container: Object, volumes: dict[str, Object], role: str) -> Causes:
    image = container.get("image")
    if not image:
        yield errors.required(f"{path}.image", "")
    elif type(image) is str and image != image.strip():
        yield errors.invalid_value(f"{path}.image", image, "must not have leading or trailing whitespace")
    if container.get("imagePullPolicy") not in _PULL_POLICIES:
        yield from check.one_of(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), _PULL_POLICIES)
    if container.get("terminationMessagePolicy") not in _MESSAGE_POLICIES:
        yield from check.one_of(
            f"{path}.terminationMessagePolicy", container.get("terminationMessagePolicy"), _MESSAGE_POLICIES
        )
    if container.get("ports"):
        yield from _ports(f"{path}.ports", shape.items(container, "ports"))
    if container.get("env"):
        yield from _environment(f"{path}.env", shape.items(container, "env"))
    if container.get("envFrom"):
        yield from _environment_from(f"{path}.envFrom", shape.items(container, "envFrom"))
    if container.get("volumeMounts"):
        yield from _mounts(f"{path}.volumeMounts", shape.items(container, "volumeMounts"), volumes)
    if container.get("volumeDevices"):
        yield from _devices(f"{path}.volumeDevices", shape.items(container, "volumeDevices"), volumes)
    if container.get("resources"):
        yield from resource_rules.problems(f"{path}.resources", shape.mapping(container, "resources"))
    if container.get("securityContext"):
        yield from _security(f"{path}.securityContext", shape.mapping(container, "securityContext"))
    yield from _probes(path, container, role)
    if role != "initContainers" and container.get("restartPolicy") and not container.get("restartPolicyRules"):
        yield from check.one_of(
            f"{path}.restartPolicy", container.get("restartPolicy"), ("Always", "Never", "OnFailure")
        )


def _probes(path: str, container: Object, role: str) -> Causes:
    sidecar = container.get("restartPolicy") == "Always"
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(kind)
        if type(probe) is not dict:
            continue
        if role == "ephemeralContainers":
            yield errors.forbidden_field(f"{path}.{kind}", "cannot be set for an Ephemeral Container")
        elif role == "initContainers" and not sidecar:
            yield errors.forbidden_field(
                f"{path}.{kind}", "may not be set for init containers without restartPolicy=Always"
            )
        else:
            yield from _probe(f"{path}.{kind}", probe, kind)
    lifecycle = container.get("lifecycle")
    if type(lifecycle) is dict:
        if role == "initContainers" and not sidecar:
            yield errors.forbidden_field(
                f"{path}.lifecycle", "may not be set for init containers without restartPolicy=Always"
            )
            return
        for hook in ("postStart", "preStop"):
            if type(lifecycle.get(hook)) is dict:
                yield from _handler(f"{path}.lifecycle.{hook}", lifecycle[hook], _HOOK_HANDLERS)


def _probe(path: str, probe: Object, kind: str) -> Causes:
    yield from _handler(path, probe, _HANDLERS)
    yield from check.not_negative_fields(path, probe, _PROBE_NUMBERS)
    threshold = probe.get("successThreshold")
    if kind != "readinessProbe" and type(threshold) is int and threshold > 1:
        yield errors.invalid_value(f"{path}.successThreshold", threshold, "must be 1")
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None:
        if kind == "readinessProbe":
            yield errors.invalid_value(
                f"{path}.terminationGracePeriodSeconds", grace, "must not be set for readinessProbes"
            )
        else:
            yield from check.positive(f"{path}.terminationGracePeriodSeconds", grace)


def _handler(path: str, handler: Object, allowed: tuple[str, ...]) -> Causes:
    kinds = [kind for kind in allowed if type(handler.get(kind)) is dict]
    if not kinds:
        yield errors.required(path, "must specify a handler type")
    for extra in kinds[1:]:
        yield errors.forbidden_field(f"{path}.{extra}", "may not specify more than 1 handler type")
    for kind in kinds[:1]:
        action = handler[kind]
        at = f"{path}.{kind}"
        if kind == "exec":
            yield from check.required(f"{at}.command", action.get("command"))
        elif kind == "httpGet":
            yield from check.required(f"{at}.path", action.get("path"))
            yield from check.port_or_name(f"{at}.port", action.get("port"))
            yield from check.one_of(f"{at}.scheme", action.get("scheme"), _SCHEMES)
        elif kind == "tcpSocket":
            yield from check.port_or_name(f"{at}.port", action.get("port"))
        elif kind == "grpc":
            yield from check.port(f"{at}.port", action.get("port"))
        else:
            yield from check.not_negative(f"{at}.seconds", action.get("seconds"))


def _ports(path: str, ports: list[Object]) -> Causes:
    seen = set()
    for index, port in enumerate(ports):
        at = f"{path}[{index}]"
        name = shape.text(port, "name")
        if name:
            for problem in check.port_name_problems(name):
                yield errors.invalid_value(f"{at}.name", name, problem)
            if name in seen:
                yield errors.duplicate(f"{at}.name", name)
            seen.add(name)
        if not port.get("containerPort"):
            yield errors.required(f"{at}.containerPort", "")
        else:
            yield from check.port(f"{at}.containerPort", port["containerPort"])
        if port.get("hostPort"):
            yield from check.port(f"{at}.hostPort", port["hostPort"])
        yield from check.one_of(f"{at}.protocol", port.get("protocol"), _PROTOCOLS)


def _environment(path: str, variables: list[Object]) -> Causes:
    for index, variable in enumerate(variables):
        name = shape.text(variable, "name")
        if not name:
            yield errors.required(f"{path}[{index}].name", "")
        elif problem := _environment_name(name):
            yield errors.invalid_value(f"{path}[{index}].name", name, problem)
        if type(variable.get("valueFrom")) is dict:
            yield from _source(f"{path}[{index}].valueFrom", variable["valueFrom"], variable)


def _source(path: str, source: Object, variable: Object) -> Causes:
    kinds = [kind for kind in _SOURCES if type(source.get(kind)) is dict]
    if variable.get("value"):
        if kinds:
            yield errors.invalid_value(path, "", "may not be specified when `value` is not empty")
    elif not kinds:
        yield errors.invalid_value(
            path, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        )
    if len(kinds) > 1:
        yield errors.invalid_value(path, "", "may not have more than one field specified at a time")
    for kind in kinds:
        inner, at = source[kind], f"{path}.{kind}"
        if kind == "fieldRef":
            yield from _field_reference(f"{at}.fieldPath", inner.get("fieldPath"))
        elif kind == "resourceFieldRef":
            yield from check.required(f"{at}.resource", inner.get("resource"))
        else:
            if kind != "fileKeyRef":
                yield from check.required(f"{at}.name", inner.get("name"))
            yield from check.required(f"{at}.key", inner.get("key"))


def _field_reference(path: str, field: Any) -> Causes:
    if not field:
        yield errors.required(path, "")
    elif type(field) is str and field not in _FIELD_PATHS:
        if field.startswith(("metadata.annotations['", "metadata.labels['")) and field.endswith("']"):
            return
        yield errors.not_supported(path, field, _FIELD_PATHS)


def _environment_from(path: str, sources: list[Object]) -> Causes:
    for index, source in enumerate(sources):
        at = f"{path}[{index}]"
        kinds = [kind for kind in ("configMapRef", "secretRef") if type(source.get(kind)) is dict]
        if not kinds:
            yield errors.invalid_value(at, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(kinds) > 1:
            yield errors.invalid_value(at, "", "may not have more than one field specified at a time")
        for kind in kinds:
            yield from check.required(f"{at}.{kind}.name", source[kind].get("name"))


def _mounts(path: str, mounts: list[Object], volumes: dict[str, Object]) -> Causes:
    seen = set()
    for index, mount in enumerate(mounts):
        at = f"{path}[{index}]"
        name, target = shape.text(mount, "name"), shape.text(mount, "mountPath")
        if not name:
            yield errors.required(f"{at}.name", "")
        elif name not in volumes:
            yield errors.value_not_found(f"{at}.name", name)
        if not target:
            yield errors.required(f"{at}.mountPath", "")
        elif target in seen:
            yield errors.invalid_value(f"{at}.mountPath", target, "must be unique")
        seen.add(target)
        sub_path = mount.get("subPath")
        if type(sub_path) is str and sub_path:
            if sub_path.startswith("/"):
                yield errors.invalid_value(f"{at}.subPath", sub_path, "must be a relative path")
            if ".." in sub_path.split("/"):
                yield errors.invalid_value(f"{at}.subPath", sub_path, "must not contain '..'")
            if mount.get("subPathExpr"):
                yield errors.invalid_value(
                    f"{at}.subPathExpr", mount["subPathExpr"], "subPathExpr and subPath are mutually exclusive"
                )
        yield from check.one_of(
            f"{at}.mountPropagation",
            mount.get("mountPropagation"),
            ("Bidirectional", "HostToContainer", "None"),
        )


def _devices(path: str, devices: list[Object], volumes: dict[str, Object]) -> Causes:
    for index, device in enumerate(devices):
        at = f"{path}[{index}]"
        name = shape.text(device, "name")
        if not name:
            yield errors.required(f"{at}.name", "")
        elif name not in volumes:
            yield errors.value_not_found(f"{at}.name", name)
        yield from check.required(f"{at}.devicePath", device.get("devicePath"))


def _security(path: str, context: Object) -> Causes:
    yield from check.not_negative_fields(path, context, ("runAsUser", "runAsGroup"))
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged") is True:
            yield errors.invalid_value(
                path, context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            )
        elif "CAP_SYS_ADMIN" in shape.texts(shape.mapping(context, "capabilities"), "add"):
            yield errors.invalid_value(
                path,
                context,
                "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
            )
