"""Rules of a pod's spec and of pod templates."""

from __future__ import annotations

import ipaddress

from bascule.control.kinds import check, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import approved, container_rules, resource_rules, scheduling, volumes
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_PREEMPTION_POLICIES = ("Never", "PreemptLowerPriority")
_NO_VOLUMES: dict[str, Object] = {}
_SECONDS_MAX = 2**31 - 1
_NAMED = ("nodeName", "serviceAccountName", "priorityClassName", "runtimeClassName")
_LABELLED = ("hostname", "subdomain")
_SCHEDULING = ("nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "schedulingGates")


def problems(path: str, spec: Object) -> Causes:
    """All rules of a pod's spec at `path` (`spec`, `spec.template.spec`, …)."""
    key = approved.digest(spec)
    if approved.knows(key):
        return
    clean = True
    for cause in _problems(path, spec):
        clean = False
        yield cause
    if clean:
        approved.remember(key)


def _problems(path: str, spec: Object) -> Causes:
    declared = spec.get("volumes")
    known = _NO_VOLUMES
    if declared:
        listed = shape.items(spec, "volumes")
        known = {shape.text(volume, "name"): volume for volume in listed}
        yield from volumes.problems(f"{path}.volumes", listed)
    if not spec.get("containers"):
        yield errors.required(f"{path}.containers", "")
    seen: set[str] = set()
    for role in ("containers", "initContainers", "ephemeralContainers"):
        if spec.get(role):
            yield from container_rules.problems(f"{path}.{role}", shape.items(spec, role), known, seen, role)
    policy = spec.get("restartPolicy")
    if policy not in _RESTART_POLICIES:
        yield from check.required(f"{path}.restartPolicy", policy)
        yield from check.one_of(f"{path}.restartPolicy", policy, _RESTART_POLICIES)
    if spec.get("dnsPolicy") not in _DNS_POLICIES:
        yield from check.required(f"{path}.dnsPolicy", spec.get("dnsPolicy"))
        yield from check.one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)
    yield from _names_and_numbers(path, spec)
    for key in _SCHEDULING:
        if spec.get(key):
            yield from scheduling.problems(path, spec)
            break
    yield from _rare(path, spec)


def _names_and_numbers(path: str, spec: Object) -> Causes:
    grace = spec.get("terminationGracePeriodSeconds")
    if type(grace) is int and grace < 0:
        yield errors.invalid_value(f"{path}.terminationGracePeriodSeconds", grace, check.NOT_NEGATIVE)
    deadline = spec.get("activeDeadlineSeconds")
    if type(deadline) is int and not 1 <= deadline <= _SECONDS_MAX:
        yield errors.invalid_value(
            f"{path}.activeDeadlineSeconds", deadline, f"must be between 1 and {_SECONDS_MAX}, inclusive"
        )
    for key in _NAMED:
        value = spec.get(key)
        if value and type(value) is str:
            for problem in metadata.subdomain(value):
                yield errors.invalid_value(f"{path}.{key}", value, problem)
    for key in _LABELLED:
        value = spec.get(key)
        if value and type(value) is str:
            for problem in metadata.label(value):
                yield errors.invalid_value(f"{path}.{key}", value, problem)


def _rare(path: str, spec: Object) -> Causes:
    if spec.get("hostNetwork") is True:
        yield from _host_ports(path, spec)
    if spec.get("dnsPolicy") == "None" and not shape.mapping(spec, "dnsConfig").get("nameservers"):
        yield errors.required(
            f"{path}.dnsConfig.nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None"
        )
    if spec.get("preemptionPolicy"):
        yield from check.one_of(f"{path}.preemptionPolicy", spec["preemptionPolicy"], _PREEMPTION_POLICIES)
    if spec.get("hostAliases"):
        for index, alias in enumerate(shape.items(spec, "hostAliases")):
            yield from ip(f"{path}.hostAliases[{index}].ip", shape.text(alias, "ip"))
            for index_of_name, name in enumerate(shape.texts(alias, "hostnames")):
                yield from check.subdomain(f"{path}.hostAliases[{index}].hostnames[{index_of_name}]", name)
    if spec.get("resources"):
        yield from resource_rules.problems(f"{path}.resources", shape.mapping(spec, "resources"))
    context = spec.get("securityContext")
    if type(context) is dict and context:
        yield from check.not_negative_fields(f"{path}.securityContext", context, ("runAsUser", "runAsGroup", "fsGroup"))
    if spec.get("overhead"):
        for name, value in shape.mapping(spec, "overhead").items():
            yield from check.quantity_value(f"{path}.overhead[{name}]", value)


def ip(path: str, value: str) -> Causes:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        yield errors.invalid_value(path, value, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")


def _host_ports(path: str, spec: Object) -> Causes:
    seen = set()
    for index, container in enumerate(shape.items(spec, "containers")):
        for at, port in enumerate(shape.items(container, "ports")):
            host_port = port.get("hostPort")
            if type(host_port) is not int or not host_port:
                continue
            where = f"{path}.containers[{index}].ports[{at}]"
            if port.get("containerPort") != host_port:
                yield errors.invalid_value(
                    f"{where}.containerPort",
                    port.get("containerPort"),
                    "must match `hostPort` when `hostNetwork` is true",
                )
            key = (shape.text(port, "protocol"), shape.text(port, "hostIP"), host_port)
            if key in seen:
                yield errors.duplicate(f"{where}.hostPort", f"{host_port}/{port.get('protocol')}")
            seen.add(key)


def template_problems(path: str, template: Object) -> Causes:
    """Rules of a pod template: its labels, annotations and spec."""
    own = shape.mapping(template, "metadata")
    yield from metadata.label_problems(f"{path}.labels", own.get("labels"))
    yield from metadata.annotation_problems(f"{path}.annotations", own.get("annotations"))
    spec = shape.mapping(template, "spec")
    yield from problems(f"{path}.spec", spec)
    if spec.get("ephemeralContainers"):
        yield errors.forbidden_field(
            f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template"
        )


def always_restarted(path: str, template: Object, kind: str = "ReplicaSet") -> Causes:
    """Workloads that keep pods running make pods that always restart; `kind` is what the message calls them."""
    spec = shape.mapping(template, "spec")
    policy = spec.get("restartPolicy")
    if type(policy) is str and policy and policy != "Always":
        yield errors.not_supported(f"{path}.spec.restartPolicy", policy, ("Always",))
    if spec.get("activeDeadlineSeconds") is not None:
        yield errors.forbidden_field(
            f"{path}.spec.activeDeadlineSeconds", f"activeDeadlineSeconds in {kind} is not Supported"
        )
