"""Rules of a pod's spec and of pod templates."""

from __future__ import annotations

import re

from bascule.control.kinds import check, ips, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import (
    annotated,
    approved,
    container_rules,
    resource_rules,
    scheduling,
    security,
    volumes,
    windows,
)
from bascule.vocabulary import errors, names
from bascule.vocabulary.objects import Object

_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
_SECONDS_MAX = 2**31 - 1
ip = ips.ip
_NAMED = ("serviceAccountName", "nodeName")
_LABELLED = ("hostname", "subdomain")
_SCHEDULING = ("nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "schedulingGates")
_NAMESERVERS_MAX = 3
_SEARCHES_MAX = 32
_SEARCH_BYTES_MAX = 253
_SEARCH_CHARACTERS_MAX = 2048
_HOST_NAME_MAX = 64
_SEARCH = re.compile(r"[a-z0-9_]([-_a-z0-9]*[a-z0-9_])?(\.[a-z0-9_]([-_a-z0-9]*[a-z0-9_])?)*")
_SEARCH_MESSAGE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')"
)


def problems(path: str, spec: Object, *, pod: bool = False) -> Causes:
    """All rules of a pod's spec at `path` (`spec`, `spec.template.spec`, …); `pod`: it is not a template's."""
    key = approved.digest(spec, pod=pod)
    if approved.knows(key):
        return
    clean = True
    for cause in _problems(path, spec, pod=pod):
        clean = False
        yield cause
    if clean:
        approved.remember(key)


def _problems(path: str, spec: Object, *, pod: bool) -> Causes:
    grace, policy, dns = (spec.get(key) for key in ("terminationGracePeriodSeconds", "restartPolicy", "dnsPolicy"))
    known: dict[str, Object] = {}
    if spec.get("volumes"):
        yield from volumes.problems(f"{path}.volumes", shape.items(spec, "volumes"), known, pod=pod)
    if spec.get("resourceClaims"):
        yield from _claims(f"{path}.resourceClaims", shape.items(spec, "resourceClaims"))
    claims = resource_rules.claim_names(spec)
    around = container_rules.Around(known, claims, policy, grace, spec.get("hostUsers") is not False, pod)
    yield from container_rules.problems(path, spec, around)
    if spec.get("resources"):
        yield from resource_rules.pod_problems(f"{path}.resources", spec)
    if spec.get("hostNetwork") is True:
        yield from _host_network(f"{path}.containers", spec, pod=pod)
    if policy not in _RESTART_POLICIES:
        yield from _enumeration(f"{path}.restartPolicy", policy, _RESTART_POLICIES)
    if dns not in _DNS_POLICIES:
        yield from _enumeration(f"{path}.dnsPolicy", dns, _DNS_POLICIES)
    if spec.get("securityContext"):
        yield from security.pod_problems(f"{path}.securityContext", spec)
    if dns == "None" or spec.get("dnsConfig") is not None:
        yield from _dns(f"{path}.dnsConfig", spec.get("dnsConfig"), required=dns == "None")
    for key in _SCHEDULING:
        if spec.get(key):
            yield from scheduling.problems(path, spec)
            break
    yield from windows.host_process_problems(path, spec)
    yield from _names_and_numbers(path, spec)
    yield from _rare(path, spec)


def _enumeration(path: str, value: object, supported: tuple[str, ...]) -> Causes:
    if value in (None, ""):
        yield errors.required(path, "")
    elif type(value) is str:
        yield errors.not_supported(path, value, supported, in_order=True)


def _names_and_numbers(path: str, spec: Object) -> Causes:
    for key in _NAMED:
        value = spec.get(key)
        if value and type(value) is str:
            for problem in metadata.subdomain(value):
                yield errors.invalid_value(f"{path}.{key}", value, problem)
    deadline = spec.get("activeDeadlineSeconds")
    if type(deadline) is int and not 1 <= deadline <= _SECONDS_MAX:
        message = f"must be between 1 and {_SECONDS_MAX}, inclusive"
        yield errors.invalid_value(f"{path}.activeDeadlineSeconds", deadline, message)
    for key in _LABELLED:
        value = spec.get(key)
        if value and type(value) is str:
            for problem in metadata.label(value):
                yield errors.invalid_value(f"{path}.{key}", value, problem)


def _rare(path: str, spec: Object) -> Causes:
    for index, gate in enumerate(shape.items(spec, "readinessGates")):
        kind = shape.text(gate, "conditionType")
        for problem in names.is_qualified_name(kind):
            yield errors.invalid_value(f"{path}.readinessGates[{index}].conditionType", kind, problem)
    if spec.get("hostUsers") is False:
        for key, shown in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
            if spec.get(key) is True:
                yield errors.forbidden_field(f"{path}.{shown}", "when `pod.Spec.HostUsers` is false")
    if spec.get("hostnameOverride") is not None:
        yield from _hostname_override(path, spec)
    for index, alias in enumerate(shape.items(spec, "hostAliases")):
        yield from ip(f"{path}.hostAliases[{index}].ip", shape.text(alias, "ip"))
        for index_of_name, name in enumerate(shape.texts(alias, "hostnames")):
            yield from check.subdomain(f"{path}.hostAliases[{index}].hostnames[{index_of_name}]", name)
    priority, runtime = shape.text(spec, "priorityClassName"), spec.get("runtimeClassName")
    if priority:
        yield from check.subdomain(f"{path}.priorityClassName", priority)
    if type(runtime) is str:
        yield from check.subdomain(f"{path}.runtimeClassName", runtime)
    preemption = spec.get("preemptionPolicy")
    if preemption is not None and preemption not in _PREEMPTION_POLICIES:
        yield from _enumeration(f"{path}.preemptionPolicy", preemption, _PREEMPTION_POLICIES)
    if spec.get("overhead"):
        yield from resource_rules.problems(f"{path}.overhead", {"limits": spec["overhead"]})
    if spec.get("os"):
        yield from windows.system_problems(path, spec)


def _hostname_override(path: str, spec: Object) -> Causes:
    name = shape.text(spec, "hostnameOverride")
    yield from check.subdomain(f"{path}.hostnameOverride", name)
    if len(name) > _HOST_NAME_MAX:
        yield errors.too_long(f"{path}.hostnameOverride", _HOST_NAME_MAX)
    for key in ("setHostnameAsFQDN", "hostNetwork"):
        if spec.get(key) is True:
            yield errors.forbidden_field(f"{path}.hostnameOverride", f"may not be specified when {key} is true")


def _claims(path: str, claims: list[Object]) -> Causes:
    """The pod's resource claims: named once, and each from a claim or a template."""
    seen = set()
    sources = ("resourceClaimName", "resourceClaimTemplateName")
    for index, claim in enumerate(claims):
        at, name = f"{path}[{index}]", shape.text(claim, "name")
        if not name:
            yield errors.required(f"{at}.name", "")
        elif name in seen:
            yield errors.duplicate(f"{at}.name", name)
        else:
            yield from check.label(f"{at}.name", name)
            seen.add(name)
        given = [source for source in sources if claim.get(source) is not None]
        if len(given) > 1:
            message = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            yield errors.invalid_value(at, claim, message)
        elif not given:
            message = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            yield errors.invalid_value(at, claim, message)
        for source in given:
            yield from check.subdomain(f"{at}.{source}", shape.text(claim, source))


def _dns(path: str, config: object, *, required: bool) -> Causes:
    if type(config) is not dict:
        if required:
            yield errors.required(path, "must provide `dnsConfig` when `dnsPolicy` is None")
        return
    servers, searches = shape.texts(config, "nameservers"), shape.texts(config, "searches")
    if required and not servers:
        message = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        yield errors.required(f"{path}.nameservers", message)
        return
    if len(servers) > _NAMESERVERS_MAX:
        message = f"must not have more than {_NAMESERVERS_MAX} nameservers"
        yield errors.invalid_value(f"{path}.nameservers", servers, message)
    for index, server in enumerate(servers):
        yield from ip(f"{path}.nameservers[{index}]", server)
    if len(searches) > _SEARCHES_MAX:
        message = f"must not have more than {_SEARCHES_MAX} search paths"
        yield errors.invalid_value(f"{path}.searches", searches, message)
    if len(" ".join(searches)) > _SEARCH_CHARACTERS_MAX:
        message = f"must not have more than {_SEARCH_CHARACTERS_MAX} characters (including spaces) in the search list"
        yield errors.invalid_value(f"{path}.searches", searches, message)
    for index, search in enumerate(searches):
        trimmed = search.removesuffix(".")
        if len(trimmed) > _SEARCH_BYTES_MAX:
            yield errors.invalid_value(
                f"{path}.searches[{index}]", trimmed, f"must be no more than {_SEARCH_BYTES_MAX} characters"
            )
        if search != "." and not _SEARCH.fullmatch(trimmed):
            yield errors.invalid_value(f"{path}.searches[{index}]", trimmed, _SEARCH_MESSAGE)
    for index, option in enumerate(shape.items(config, "options")):
        if not option.get("name"):
            yield errors.required(f"{path}.options[{index}]", "must not be empty")


def _host_network(path: str, spec: Object, *, pod: bool) -> Causes:
    """On the host's network a port is the host's; a template may leave that to be filled in."""
    for index, container in enumerate(shape.items(spec, "containers")):
        for number, port in enumerate(shape.items(container, "ports")):
            host_port = shape.count(port, "hostPort")
            if (pod or host_port) and host_port != shape.count(port, "containerPort"):
                message = "must match `containerPort` when `hostNetwork` is true"
                yield errors.invalid_value(f"{path}[{index}].ports[{number}].hostPort", host_port, message)


def pod_problems(pod: Object) -> Causes:
    """A whole pod: its spec, and what its annotations and name have to do with it."""
    spec = shape.mapping(pod, "spec")
    special = annotated.of(pod)
    if special:
        yield from annotated.problems("metadata.annotations", special, spec)
    yield from problems("spec", spec, pod=True)
    if spec.get("volumes"):
        listed = shape.items(spec, "volumes")
        yield from volumes.claim_problems("spec.volumes", listed, shape.text(shape.mapping(pod, "metadata"), "name"))
        if not spec.get("serviceAccountName"):
            yield from _tokens_without_account(listed)


def _tokens_without_account(listed: list[Object]) -> Causes:
    for index, volume in enumerate(listed):
        for number, source in enumerate(shape.items(shape.mapping(volume, "projected"), "sources")):
            if type(source.get("serviceAccountToken")) is dict:
                at = f"spec.volumes[{index}].projected.sources[{number}].serviceAccountToken"
                yield errors.forbidden_field(at, "must not be specified when serviceAccountName is not set")


def creation_problems(pod: Object) -> Causes:
    """What a new pod may not have yet."""
    spec = shape.mapping(pod, "spec")
    if spec.get("ephemeralContainers"):
        yield errors.forbidden_field("spec.ephemeralContainers", "cannot be set on create")
    if spec.get("nodeName") and spec.get("schedulingGates"):
        yield errors.forbidden_field("spec.nodeName", "cannot be set until all schedulingGates have been cleared")
    special = annotated.of(pod)
    if special:
        yield from annotated.agreement_problems("spec", special, spec)


def template_problems(path: str, template: Object) -> Causes:
    """Rules of a pod template: its labels, annotations and spec."""
    own, spec = shape.mapping(template, "metadata"), shape.mapping(template, "spec")
    yield from metadata.label_problems(f"{path}.labels", own.get("labels"))
    yield from metadata.annotation_problems(f"{path}.annotations", own.get("annotations"))
    special = annotated.of(template)
    if special:
        yield from annotated.problems(f"{path}.annotations", special, spec)
    yield from problems(f"{path}.spec", spec)
    if special:
        yield from annotated.agreement_problems(f"{path}.spec", special, spec)
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
