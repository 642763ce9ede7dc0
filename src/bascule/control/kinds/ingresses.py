"""Ingresses."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from bascule.control.kinds import addresses, check, columns, generic, identifiers, ingress_classes, services, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_NOT_AN_ADDRESS = "must be a DNS name, not an IP address"
_SHOWN_MAX = 3


def _create(obj: Object, context: Context) -> None:
    obj["status"] = {"loadBalancer": {}}


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    backend, rules = spec.get("defaultBackend"), shape.items(spec, "rules")
    if not rules and type(backend) is not dict:
        yield errors.invalid_value("spec", rules, "either `defaultBackend` or `rules` must be specified")
    if type(backend) is dict:
        yield from _backend("spec.defaultBackend", backend)
    for index, rule in enumerate(rules):
        yield from _rule(f"spec.rules[{index}]", rule)
    for index, tls in enumerate(shape.items(spec, "tls")):
        for index_of_host, host in enumerate(shape.texts(tls, "hosts")):
            yield from addresses.host_problems(f"spec.tls[{index}].hosts[{index_of_host}]", host)
        if tls.get("secretName"):
            yield from identifiers.subdomain(f"spec.tls[{index}].secretName", tls["secretName"])
    name = spec.get("ingressClassName")
    yield from identifiers.subdomain("spec.ingressClassName", name)


def _rule(at: str, rule: Object) -> Causes:
    host, http = shape.text(rule, "host"), rule.get("http")
    if host:
        if addresses.is_address(host):
            yield errors.invalid_value(f"{at}.host", host, _NOT_AN_ADDRESS)
        yield from addresses.host_problems(f"{at}.host", host)
    if type(http) is dict:
        paths = shape.items(http, "paths")
        if not paths:
            yield errors.required(f"{at}.http.paths", "")
        for index, path in enumerate(paths):
            yield from _path(f"{at}.http.paths[{index}]", path)


def _path(at: str, path: Object) -> Causes:
    kind, text = path.get("pathType"), shape.text(path, "path")
    if kind is None:
        yield errors.required(f"{at}.pathType", "pathType must be specified")
        return
    if kind in ("Exact", "Prefix"):
        if not text.startswith("/"):
            yield errors.invalid_value(f"{at}.path", text, "must be an absolute path")
        for part in ("//", "/./", "/../", "%2f", "%2F"):
            if part in text:
                yield errors.invalid_value(f"{at}.path", text, f"must not contain '{part}'")
        for end in ("/..", "/."):
            if text.endswith(end):
                yield errors.invalid_value(f"{at}.path", text, f"cannot end with '{end}'")
    elif kind == "ImplementationSpecific":
        if text and not text.startswith("/"):
            yield errors.invalid_value(f"{at}.path", text, "must be an absolute path")
    else:
        yield errors.not_supported(f"{at}.pathType", kind, _PATH_TYPES)
    yield from _backend(f"{at}.backend", shape.mapping(path, "backend"))


def _backend(at: str, backend: Object) -> Causes:
    service, resource = backend.get("service"), backend.get("resource")
    if type(service) is dict and type(resource) is dict:
        yield errors.invalid_value(at, "", "cannot set both resource and service backends")
    elif type(resource) is dict:
        yield from ingress_classes.reference_problems(f"{at}.resource", resource)
    elif type(service) is dict:
        yield from _service(at, service)
    else:
        yield errors.invalid_value(at, "", "resource or service backend is required")


def _service(at: str, service: Object) -> Causes:
    if not service.get("name"):
        yield errors.required(f"{at}.service.name", "")
    else:
        yield from identifiers.label(f"{at}.service.name", service["name"])
    port = shape.mapping(service, "port")
    name, number = shape.text(port, "name"), shape.count(port, "number")
    if name and number:
        yield errors.invalid_value(at, "", "cannot set both port name & port number")
    elif name:
        for problem in check.port_name_problems(name):
            yield errors.invalid_value(f"{at}.service.port.name", name, problem)
    elif number:
        yield from check.port(f"{at}.service.port.number", number)
    else:
        yield errors.required(at, "port name or number is required")


def _one_class(obj: Object) -> Causes:
    """Asked at creation alone."""
    wanted = shape.mapping(obj, "spec").get("ingressClassName")
    noted = shape.strings(shape.mapping(obj, "metadata"), "annotations").get(_CLASS_ANNOTATION)
    if noted is not None and wanted is not None and noted != wanted:
        yield errors.invalid_value(
            f"annotations.{_CLASS_ANNOTATION}", noted, "must match `ingressClassName` when both are specified"
        )


def _status_rules(new: Object, old: Object) -> Causes:
    balancer = shape.mapping(shape.mapping(new, "status"), "loadBalancer")
    for index, entry in enumerate(shape.items(balancer, "ingress")):
        at, host, address = f"status.loadBalancer.ingress[{index}]", shape.text(entry, "hostname"), entry.get("ip")
        if address:
            yield from addresses.any_address_problems(f"{at}.ip", address)
        if host:
            yield from identifiers.subdomain(f"{at}.hostname", host)
            if addresses.is_address(host):
                yield errors.invalid_value(f"{at}.hostname", host, _NOT_AN_ADDRESS)


def _warnings(obj: Object) -> list[str]:
    annotations = shape.strings(shape.mapping(obj, "metadata"), "annotations")
    if _CLASS_ANNOTATION not in annotations:
        return []
    return [f"annotation \"{_CLASS_ANNOTATION}\" is deprecated, please use 'spec.ingressClassName' instead"]


def _hosts(spec: Object) -> str:
    rules = shape.items(spec, "rules")
    hosts = [shape.text(rule, "host") for rule in rules[:_SHOWN_MAX] if rule.get("host")]
    if not hosts:
        return "*"
    text = ",".join(hosts)
    return f"{text} + {len(rules) - _SHOWN_MAX} more..." if len(rules) > _SHOWN_MAX else text


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    return [
        columns.name(obj),
        columns.NONE if spec.get("ingressClassName") is None else shape.text(spec, "ingressClassName"),
        _hosts(spec),
        ",".join(services.balancer_addresses(obj)),
        "80, 443" if spec.get("tls") else "80",
        columns.age(obj, now),
    ]


_STRATEGY = generic.make(
    create=_create,
    rules=_rules,
    status_rules=_status_rules,
    warnings=_warnings,
    columns=(
        columns.NAME,
        Column("Class", description="The class that serves the ingress."),
        Column("Hosts", description="Hosts the rules match."),
        Column("Address", description="Where it answers."),
        Column("Ports", description="Ports it opens."),
        columns.AGE,
    ),
    cells=_cells,
    status=True,
    generation=True,
)


def _validate_create(obj: Object) -> list[errors.Cause]:
    return [*_STRATEGY.validate(obj), *_one_class(obj)]


STRATEGY = dataclasses.replace(_STRATEGY, validate_create=_validate_create)
