"""Rules of what a container answers and runs on the node's behalf: probes and lifecycle hooks."""

from __future__ import annotations

import re

from bascule.control.kinds import check, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import approved
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_SCHEMES = ("HTTP", "HTTPS")
_OF_PROBES = ("exec", "httpGet", "tcpSocket", "grpc")
_OF_HOOKS = ("exec", "httpGet", "tcpSocket", "sleep")
_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_HEADER = re.compile(r"[-A-Za-z0-9]+")
_HEADER_MESSAGE = (
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', "
    "regex used for validation is '[-A-Za-z0-9]+')"
)


def problems(path: str, container: Object, grace_seconds: object) -> Causes:
    """Probes and hooks of a container that may have them; `grace_seconds` is the pod's."""
    lifecycle = container.get("lifecycle")
    if type(lifecycle) is dict:
        for hook in ("postStart", "preStop"):
            if type(lifecycle.get(hook)) is dict:
                yield from _handler(f"{path}.lifecycle.{hook}", lifecycle[hook], _OF_HOOKS, grace_seconds)
    for kind in PROBES:
        probe = container.get(kind)
        if type(probe) is dict:
            yield from _probe(f"{path}.{kind}", probe, kind, grace_seconds)


@approved.part
def _probe(path: str, probe: Object, kind: str, grace_seconds: object) -> Causes:
    yield from _handler(path, probe, _OF_PROBES, grace_seconds)
    yield from check.not_negative_fields(path, probe, _NUMBERS)
    grace = probe.get("terminationGracePeriodSeconds")
    yield from check.positive(f"{path}.terminationGracePeriodSeconds", grace)
    if kind == "readinessProbe":
        if grace is not None:
            message = "must not be set for readinessProbes"
            yield errors.invalid_value(f"{path}.terminationGracePeriodSeconds", grace, message)
    elif type(probe.get("successThreshold")) is int and probe["successThreshold"] != 1:
        yield errors.invalid_value(f"{path}.successThreshold", probe["successThreshold"], "must be 1")


def _handler(path: str, handler: Object, allowed: tuple[str, ...], grace_seconds: object) -> Causes:
    kinds = [kind for kind in allowed if type(handler.get(kind)) is dict]
    if not kinds:
        yield errors.required(path, "must specify a handler type")
        return
    action, at = handler[kinds[0]], f"{path}.{kinds[0]}"
    match kinds[0]:
        case "exec":
            yield from check.required(f"{at}.command", action.get("command"))
        case "httpGet":
            yield from _http(at, action)
        case "tcpSocket":
            yield from check.port_or_name(f"{at}.port", action.get("port"))
        case "grpc":
            yield from check.port(f"{at}.port", shape.count(action, "port"))
        case "sleep":
            seconds = shape.count(action, "seconds")
            if type(grace_seconds) is int and not 0 <= seconds <= grace_seconds:
                message = f"must be non-negative and less than terminationGracePeriodSeconds ({grace_seconds})"
                yield errors.invalid_value(at, seconds, message)
    for extra in kinds[1:]:
        yield errors.forbidden_field(f"{path}.{extra}", "may not specify more than 1 handler type")


def _http(path: str, action: Object) -> Causes:
    yield from check.required(f"{path}.path", action.get("path"))
    yield from check.port_or_name(f"{path}.port", action.get("port"))
    scheme = action.get("scheme")
    if scheme not in _SCHEMES:
        yield errors.not_supported(f"{path}.scheme", scheme or "", _SCHEMES)
    for header in shape.items(action, "httpHeaders"):
        name = shape.text(header, "name")
        if not _HEADER.fullmatch(name):
            yield errors.invalid_value(f"{path}.httpHeaders", name, _HEADER_MESSAGE)
