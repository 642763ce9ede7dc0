"""Ingresses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, services, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_SHOWN_MAX = 3


def _create(obj: Object, context: Context) -> None:
    obj["status"] = {"loadBalancer": {}}


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    backend = spec.get("defaultBackend")
    if not shape.items(spec, "rules") and type(backend) is not dict:
        yield errors.invalid_value("spec", spec, "either `defaultBackend` or `rules` must be specified")
    if type(backend) is dict:
        yield from _backend("spec.defaultBackend", backend)
    for index, rule in enumerate(shape.items(spec, "rules")):
        at, host = f"spec.rules[{index}]", shape.text(rule, "host")
        if host:
            yield from check.subdomain(f"{at}.host", host.removeprefix("*."))
        http = rule.get("http")
        if type(http) is dict:
            paths = shape.items(http, "paths")
            if not paths:
                yield errors.required(f"{at}.http.paths", "")
            for index_of_path, path in enumerate(paths):
                yield from _path(f"{at}.http.paths[{index_of_path}]", path)
    name = shape.text(spec, "ingressClassName")
    if name:
        yield from check.subdomain("spec.ingressClassName", name)


def _path(at: str, path: Object) -> Causes:
    kind, text = shape.text(path, "pathType"), shape.text(path, "path")
    if not kind:
        yield errors.required(f"{at}.pathType", "pathType must be specified")
    yield from check.one_of(f"{at}.pathType", kind, _PATH_TYPES)
    if kind in ("Exact", "Prefix"):
        if not text.startswith("/"):
            yield errors.invalid_value(f"{at}.path", text, "must be an absolute path")
        for part in ("//", "/./", "/../", "%2f", "%2F"):
            if part in text:
                yield errors.invalid_value(f"{at}.path", text, f"must not contain '{part}'")
    elif text and not text.startswith("/"):
        yield errors.invalid_value(f"{at}.path", text, "must be an absolute path")
    yield from _backend(f"{at}.backend", shape.mapping(path, "backend"))


def _backend(at: str, backend: Object) -> Causes:
    service, resource = backend.get("service"), backend.get("resource")
    if type(service) is dict and type(resource) is dict:
        yield errors.invalid_value(at, "", "cannot set both resource and service backends")
    elif type(service) is dict:
        yield from check.required(f"{at}.service.name", service.get("name"))
        port = shape.mapping(service, "port")
        if not port.get("name") and not port.get("number"):
            yield errors.required(at, "port name or number is required")
        elif port.get("name") and port.get("number"):
            yield errors.invalid_value(at, "", "cannot set both port name & port number")
        elif port.get("number"):
            yield from check.port(f"{at}.service.port.number", port["number"])
    elif type(resource) is not dict:
        yield errors.required(at, "either `service` or `resource` must be specified")


def _hosts(spec: Object) -> str:
    rules = shape.items(spec, "rules")
    hosts = [shape.text(rule, "host") for rule in rules[:_SHOWN_MAX] if rule.get("host")]
    if not hosts:
        return "*"
    text = ",".join(hosts)
    return f"{text} + {len(rules) - _SHOWN_MAX} more..." if len(rules) > _SHOWN_MAX else text


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    annotations = shape.strings(shape.mapping(obj, "metadata"), "annotations")
    return [
        columns.name(obj),
        columns.or_none(spec.get("ingressClassName") or annotations.get(_CLASS_ANNOTATION)),
        _hosts(spec),
        ",".join(services.balancer_addresses(obj)),
        "80, 443" if spec.get("tls") else "80",
        columns.age(obj, now),
    ]


STRATEGY = generic.make(
    create=_create,
    rules=_rules,
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
