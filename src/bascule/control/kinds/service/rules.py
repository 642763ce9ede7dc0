"""Rules of Services: of one, of a change, and of what a load balancer reports."""

from __future__ import annotations

from typing import Any

from bascule.control.kinds import check, ips, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.service import fields
from bascule.vocabulary import errors, names
from bascule.vocabulary.objects import Object

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_TRAFFIC = ("Cluster", "Local")
_FAMILIES = ("IPv4", "IPv6")
_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_DISTRIBUTIONS = ("PreferClose", "PreferSameNode", "PreferSameZone")
_STICKY_SECONDS_MAX = 86400
_HINTS = "service.kubernetes.io/topology-aware-hints"
_MODE = "service.kubernetes.io/topology-mode"
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_BALANCED_ONLY = "may only be used when `type` is 'LoadBalancer'"
_ONCE = "may not change once set"


def problems(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    annotations = shape.mapping(shape.mapping(obj, "metadata"), "annotations")
    kind, ports = spec.get("type"), shape.items(spec, "ports")
    if _MODE in annotations and _HINTS in annotations and annotations[_MODE] != annotations[_HINTS]:
        message = f"must match annotations[{_HINTS}] when both are specified"
        yield errors.invalid_value(f"metadata.annotations[{_MODE}]", annotations[_MODE], message)
    headless = fields.is_headless(spec)
    if not ports and not headless and kind != "ExternalName":
        yield errors.required("spec.ports", "")
    if headless and kind in fields.WITH_PORTS:
        message = f"may not be set to 'None' for {kind} services"
        yield errors.invalid_value("spec.clusterIPs[0]", fields.HEADLESS, message)
    if kind == "ExternalName":
        yield from _external_name(spec)
    yield from _ports(ports)
    yield from metadata.label_problems("spec.selector", spec.get("selector"))
    yield from _affinity(spec)
    yield from address_problems(spec)
    for index, address in enumerate(shape.texts(spec, "externalIPs")):
        found = list(ips.ip(f"spec.externalIPs[{index}]", address))
        yield from found or ips.special(f"spec.externalIPs[{index}]", address)
    if not kind:
        yield errors.required("spec.type", "")
    yield from check.one_of("spec.type", kind, _TYPES)
    yield from _duplicates(ports, kind)
    yield from _balancer(spec, annotations)
    yield from _traffic(spec)


def _external_name(spec: Object) -> Causes:
    message = "may not be set for ExternalName services"
    for key in ("clusterIPs", "ipFamilies"):
        if spec.get(key):
            yield errors.forbidden_field(f"spec.{key}", message)
    if spec.get("ipFamilyPolicy") is not None:
        yield errors.forbidden_field("spec.ipFamilyPolicy", message)
    name = shape.text(spec, "externalName").removesuffix(".")
    if name:
        yield from check.subdomain("spec.externalName", name)
    else:
        yield errors.required("spec.externalName", "")


def _ports(ports: list[Object]) -> Causes:
    seen = set()
    for index, port in enumerate(ports):
        at, name = f"spec.ports[{index}]", shape.text(port, "name")
        if not name and len(ports) > 1:
            yield errors.required(f"{at}.name", "")
        elif name:
            yield from check.label(f"{at}.name", name)
            if name in seen:
                yield errors.duplicate(f"{at}.name", name)
            seen.add(name)
        yield from check.port(f"{at}.port", shape.count(port, "port"))
        if not port.get("protocol"):
            yield errors.required(f"{at}.protocol", "")
        yield from check.one_of(f"{at}.protocol", port.get("protocol"), _PROTOCOLS)
        yield from check.port_or_name(f"{at}.targetPort", port.get("targetPort"))
        protocol = port.get("appProtocol")
        for problem in names.is_qualified_name(protocol) if type(protocol) is str else ():
            yield errors.invalid_value(f"{at}.appProtocol", protocol, problem)


def _affinity(spec: Object) -> Causes:
    affinity, config = spec.get("sessionAffinity"), spec.get("sessionAffinityConfig")
    path = "spec.sessionAffinityConfig"
    if not affinity:
        yield errors.required("spec.sessionAffinity", "")
    yield from check.one_of("spec.sessionAffinity", affinity, ("ClientIP", "None"))
    if affinity == "None" and config is not None:
        yield errors.forbidden_field(path, "must not be set when session affinity is None")
    if affinity != "ClientIP":
        return
    when = "when session affinity type is ClientIP"
    if type(config) is not dict:
        yield errors.required(path, when)
    elif type(config.get("clientIP")) is not dict:
        yield errors.required(f"{path}.clientIP", when)
    elif config["clientIP"].get("timeoutSeconds") is None:
        yield errors.required(f"{path}.clientIP.timeoutSeconds", when)
    elif not 0 < shape.count(config["clientIP"], "timeoutSeconds") <= _STICKY_SECONDS_MAX:
        message = f"must be greater than 0 and less than {_STICKY_SECONDS_MAX}"
        seconds = config["clientIP"]["timeoutSeconds"]
        yield errors.invalid_value(f"{path}.clientIP.timeoutSeconds", seconds, message)


def address_problems(spec: Object) -> Causes:
    """Addresses and families of a Service that has them; also asked before addresses are given out."""
    if spec.get("type") == "ExternalName":
        return
    address, listed = shape.text(spec, "clusterIP"), shape.texts(spec, "clusterIPs")
    if address and not listed:
        yield errors.required("spec.clusterIPs", "")
    elif address and listed[0] != address:
        yield errors.invalid_value("spec.clusterIPs", listed, "first value must match `clusterIP`")
    elif not address and listed:
        yield errors.invalid_value("spec.clusterIPs", listed, "must be empty when `clusterIP` is not specified")
    families = shape.texts(spec, "ipFamilies")
    for index, family in enumerate(families):
        if family not in _FAMILIES:
            yield errors.not_supported(f"spec.ipFamilies[{index}]", family, _FAMILIES)
        if family in families[:index]:
            yield errors.duplicate(f"spec.ipFamilies[{index}]", family)
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in _POLICIES:
        yield errors.not_supported("spec.ipFamilyPolicy", policy, _POLICIES)
    yield from _listed_addresses(listed, [] if fields.is_headless(spec) else families)


def _listed_addresses(listed: list[str], families: list[str]) -> Causes:
    bad = False
    for index, text in enumerate(listed):
        if index == 0 and text == fields.HEADLESS:
            if len(listed) > 1:
                bad = True
                yield errors.invalid_value("spec.clusterIPs", listed, "'None' must be the first and only value")
            continue
        for cause in ips.ip(f"spec.clusterIPs[{index}]", text):
            bad = True
            yield cause
    if len(listed) > 2:
        yield errors.invalid_value("spec.clusterIPs", listed, "may only hold up to 2 values")
    if bad:
        return
    if len(listed) > 1 and len({":" in text for text in listed}) < 2:
        message = "may specify no more than one IP for each IP family"
        yield errors.invalid_value("spec.clusterIPs", listed, message)
    for index, (text, family) in enumerate(zip(listed, families, strict=False)):
        if family in _FAMILIES and (family == "IPv6") != (":" in text):
            message = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            yield errors.invalid_value(f"spec.clusterIPs[{index}]", text, message)


def _duplicates(ports: list[Object], kind: Any) -> Causes:
    if kind == "ClusterIP":
        for index, port in enumerate(ports):
            if port.get("nodePort"):
                message = "may not be used when `type` is 'ClusterIP'"
                yield errors.forbidden_field(f"spec.ports[{index}].nodePort", message)
    seen = set()
    for index, port in enumerate(ports):
        node_port = shape.count(port, "nodePort")
        key = (shape.text(port, "protocol"), node_port)
        if node_port and key in seen:
            yield errors.duplicate(f"spec.ports[{index}].nodePort", node_port)
        seen.add(key)
    seen = set()
    for index, port in enumerate(ports):
        key = (shape.text(port, "protocol"), shape.count(port, "port"))
        if key in seen:
            shown = {
                "Name": "",
                "Protocol": key[0],
                "AppProtocol": None,
                "Port": key[1],
                "TargetPort": 0,
                "NodePort": 0,
            }
            yield errors.duplicate(f"spec.ports[{index}]", shown)
        seen.add(key)


def _balancer(spec: Object, annotations: Object) -> Causes:
    balanced, ranges = spec.get("type") == "LoadBalancer", shape.texts(spec, "loadBalancerSourceRanges")
    path = "spec.LoadBalancerSourceRanges"
    if ranges:
        if not balanced:
            yield errors.forbidden_field(path, _BALANCED_ONLY)
        for index, value in enumerate(ranges):
            yield from ips.cidr(f"{path}[{index}]", value.strip())
    elif type(annotations.get(_RANGES)) is str:
        path = f"metadata.annotations[{_RANGES}]"
        if not balanced:
            yield errors.forbidden_field(path, _BALANCED_ONLY)
        text = annotations[_RANGES].strip()
        for value in text.split(",") if text else ():
            yield from ips.cidr(path, value.strip())
    allocate, driver = spec.get("allocateLoadBalancerNodePorts"), spec.get("loadBalancerClass")
    if allocate is not None and not balanced:
        yield errors.forbidden_field("spec.allocateLoadBalancerNodePorts", _BALANCED_ONLY)
    if allocate is None and balanced:
        yield errors.required("allocateLoadBalancerNodePorts", "")
    if type(driver) is str:
        if not balanced:
            yield errors.forbidden_field("spec.loadBalancerClass", _BALANCED_ONLY)
        for problem in names.is_qualified_name(driver) if balanced else ():
            yield errors.invalid_value("spec.loadBalancerClass", driver, problem)


def _traffic(spec: Object) -> Causes:
    external, health = spec.get("externalTrafficPolicy"), shape.count(spec, "healthCheckNodePort")
    if not fields.externally_accessible(spec):
        if external:
            message = "may only be set for externally-accessible services"
            yield errors.invalid_value("spec.externalTrafficPolicy", external, message)
    elif not external:
        yield errors.required("spec.externalTrafficPolicy", "")
    else:
        yield from check.one_of("spec.externalTrafficPolicy", external, _TRAFFIC)
    if not fields.needs_health_port(spec):
        if health:
            message = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
            yield errors.invalid_value("spec.healthCheckNodePort", health, message)
    elif not health:
        yield errors.required("spec.healthCheckNodePort", "")
    else:
        yield from check.port("spec.healthCheckNodePort", health)
    internal = spec.get("internalTrafficPolicy")
    if internal is None and spec.get("type") in fields.WITH_ADDRESS:
        yield errors.required("spec.internalTrafficPolicy", "")
    if internal is not None and internal not in _TRAFFIC:
        yield errors.not_supported("spec.internalTrafficPolicy", internal, _TRAFFIC)
    distribution = spec.get("trafficDistribution")
    if distribution is not None and distribution not in _DISTRIBUTIONS:
        yield errors.not_supported("spec.trafficDistribution", distribution, _DISTRIBUTIONS)


def update_problems(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    if spec.get("type") != "ExternalName" and before.get("type") != "ExternalName":
        headless, was_headless = fields.is_headless(spec), fields.is_headless(before)
        if not (headless and was_headless):
            yield from _kept("clusterIPs", "clusterIP", spec, before)
        if not headless and not was_headless:
            yield from _kept("ipFamilies", "ipFamily", spec, before)
    if spec.get("type") == before.get("type") == "LoadBalancer":
        driver = spec.get("loadBalancerClass")
        if driver != before.get("loadBalancerClass"):
            yield errors.invalid_value("spec.loadBalancerClass", driver, _ONCE)
    if (
        fields.needs_health_port(before)
        and fields.needs_health_port(spec)
        and shape.count(spec, "healthCheckNodePort") != shape.count(before, "healthCheckNodePort")
    ):
        yield errors.forbidden_field("spec.healthCheckNodePort", "field is immutable")


def _kept(key: str, one: str, spec: Object, before: Object) -> Causes:
    """The first stays; a second may come, and goes only by saying so."""
    now, was = shape.texts(spec, key), shape.texts(before, key)
    path = f"spec.{key}"
    if len(now) == len(was):
        for index, (value, old) in enumerate(zip(now, was, strict=True)):
            if value != old:
                yield errors.invalid_value(f"{path}[{index if key == 'clusterIPs' else 0}]", now, _ONCE)
        return
    if len(was) > len(now) and not now:
        yield errors.invalid_value(f"{path}[0]", now, f"primary {one} can not be unset")
    if now and was and now[0] != was[0]:
        yield errors.invalid_value(f"{path}[0]", now, _ONCE)
    if len(was) > len(now) == 1 and spec.get("ipFamilyPolicy") != "SingleStack":
        message = f"must be set to 'SingleStack' when releasing the secondary {one}"
        yield errors.invalid_value("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), message)


def status_problems(new: Object, old: Object) -> Causes:
    spec, path = shape.mapping(new, "spec"), "status.loadBalancer.ingress"
    entries = shape.items(shape.mapping(shape.mapping(new, "status"), "loadBalancer"), "ingress")
    if entries and spec.get("type") != "LoadBalancer":
        yield errors.forbidden_field(path, "may only be used when `spec.type` is 'LoadBalancer'")
        return
    for index, entry in enumerate(entries):
        at, address, mode, host = (
            f"{path}[{index}]",
            shape.text(entry, "ip"),
            entry.get("ipMode"),
            entry.get("hostname"),
        )
        if address:
            yield from ips.ip(f"{at}.ip", address)
        if mode is None:
            if address:
                yield errors.required(f"{at}.ipMode", "must be specified when `ip` is set")
        elif not address:
            yield errors.forbidden_field(f"{at}.ipMode", "may not be specified when `ip` is not set")
        elif mode not in ("Proxy", "VIP"):
            yield errors.not_supported(f"{at}.ipMode", mode, ("Proxy", "VIP"))
        if type(host) is str and host:
            yield from check.subdomain(f"{at}.hostname", host)
            if ips.parsed(host) is not None:
                yield errors.invalid_value(f"{at}.hostname", host, "must be a DNS name, not an IP address")


def warnings(obj: Object) -> list[str]:
    spec = shape.mapping(obj, "spec")
    found = []
    if _HINTS in shape.mapping(shape.mapping(obj, "metadata"), "annotations"):
        found.append(f"annotation {_HINTS} is deprecated, please use {_MODE} instead")
    kind = spec.get("type")
    headless = kind == "ClusterIP" and spec.get("clusterIP") == fields.HEADLESS
    if headless:
        for key in ("loadBalancerIP", "externalIPs"):
            if spec.get(key):
                found.append(f"spec.{key} is ignored for headless services")
        if spec.get("sessionAffinity") != "None":
            found.append("spec.SessionAffinity is ignored for headless services")
    if spec.get("externalIPs") and not headless and kind != "ExternalName":
        found.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if kind == "ExternalName" and spec.get("externalIPs"):
        found.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if kind != "ExternalName" and spec.get("externalName"):
        found.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        found.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return found
