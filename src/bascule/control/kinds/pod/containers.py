"""Defaults of containers, in pods and templates alike."""

from __future__ import annotations

from bascule.control.kinds import quantities, shape
from bascule.control.kinds.pod import images
from bascule.vocabulary.objects import Object

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE_NUMBERS = (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3))
_HOOKS = ("postStart", "preStop")


def default(container: Object) -> None:
    fill = shape.fill_zero
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = images.pull_policy(shape.text(container, "image"))
    fill(container, "terminationMessagePath", "/dev/termination-log")
    fill(container, "terminationMessagePolicy", "File")
    resources = shape.ensure(container, "resources")
    if resources:
        quantities.canonicalize(resources, "limits")
        quantities.canonicalize(resources, "requests")
    for port in shape.items(container, "ports"):
        fill(port, "protocol", "TCP")
    for variable in shape.items(container, "env"):
        source = variable.get("valueFrom")
        if type(source) is dict:
            _default_source(source)
    for kind in _PROBES:
        probe = container.get(kind)
        if type(probe) is dict:
            _default_probe(probe)
    lifecycle = container.get("lifecycle")
    if type(lifecycle) is dict:
        for hook in _HOOKS:
            _default_http(shape.mapping(lifecycle, hook))


def _default_source(source: Object) -> None:
    field = source.get("fieldRef")
    if type(field) is dict:
        shape.fill_zero(field, "apiVersion", "v1")
    resource = source.get("resourceFieldRef")
    if type(resource) is dict:
        resource["divisor"] = quantities.canonical(resource.get("divisor") or "0")


def _default_probe(probe: Object) -> None:
    for field, value in _PROBE_NUMBERS:
        shape.fill_zero(probe, field, value)
    _default_http(probe)
    grpc = probe.get("grpc")
    if type(grpc) is dict:
        shape.fill(grpc, "service", "")


def _default_http(handler: Object) -> None:
    http = handler.get("httpGet")
    if type(http) is dict:
        shape.fill_zero(http, "path", "/")
        shape.fill_zero(http, "scheme", "HTTP")


def default_requests(container: Object) -> None:
    """What a pod's container limits but does not request, it requests: templates are left as written."""
    resources = shape.mapping(container, "resources")
    limits = resources.get("limits")
    if type(limits) is dict and limits:
        requests = shape.ensure(resources, "requests")
        for name, value in limits.items():
            if requests.get(name) is None:
                requests[name] = value


def default_host_ports(container: Object) -> None:
    """On the host's network a container's port is the host's."""
    for port in shape.items(container, "ports"):
        if not port.get("hostPort") and port.get("containerPort"):
            port["hostPort"] = port["containerPort"]
