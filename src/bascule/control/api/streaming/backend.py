"""What a proxied request is for: a pod's port, behind a service or named itself. The texts are upstream's."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.streaming import bridge, target
from bascule.vocabulary import builtins, errors, names, objects

_SCHEMES: Final = ("http", "https")
_SERVICE: Final = "kubernetes.io/service-name"


class Backend(NamedTuple):
    """`authority` is the pod's address and port, by which the backend may call itself."""

    scheme: str
    authority: str
    place: bridge.Place
    port: int


class Named(NamedTuple):
    scheme: str
    name: str
    port: str


def named(text: str, kind: str) -> Named:
    """`name`, `name:port` or `scheme:name:port`; 400 for anything else."""
    parts = text.split(":")
    scheme, name, port = {1: ("", *parts, ""), 2: ("", *parts), 3: tuple(parts)}.get(len(parts), ("", "", ""))
    if not name or scheme not in ("", *_SCHEMES) or names.is_dns1123_subdomain(name):
        raise errors.bad_request(f'invalid {kind} request "{text}"')
    return Named(scheme or "http", name, port)


def of_pod(platform: platforms.Platform, call: calls.Call) -> Backend:
    """Without a port it is the first that the pod declares, or the scheme's own."""
    asked = named(call.name, "pod")
    stored = call.endpoint.records.get(call.key._replace(name=asked.name))
    if stored is None:
        raise errors.not_found(call.resource.qualified, asked.name)
    pod = stored.decode()
    port = asked.port
    if not port:
        declared = (
            one for container in pod["spec"].get("containers") or [] for one in (container.get("ports") or [])[:1]
        )
        first = next(declared, None)
        port = str(first["containerPort"]) if first else "443" if asked.scheme == "https" else "80"
    return _backend(platform, pod, asked.scheme, port)


def of_service(platform: platforms.Platform, call: calls.Call) -> Backend:
    """A ready pod behind one of the service's ports, by number or name; without one, behind the port without a name."""
    asked = named(call.name, "service")
    stored = call.endpoint.records.get(call.key._replace(name=asked.name))
    if stored is None:
        raise errors.not_found(call.resource.qualified, asked.name)
    port_name = _port_name(stored.decode(), asked)
    found: list[tuple[dict[str, Any], int]] = []
    for piece in platform.reader.list("discovery.k8s.io", "endpointslices", call.cluster, call.namespace):
        if objects.labels(piece).get(_SERVICE) == asked.name and piece.get("addressType") == "IPv4":
            numbers = [one.get("port") for one in piece.get("ports") or [] if (one.get("name") or "") == port_name]
            if numbers and numbers[0]:
                found += [(one, numbers[0]) for one in piece.get("endpoints") or [] if _is_ready(one)]
    platform.random.shuffle(found)
    for endpoint, number in found:
        pod = _pod_of(platform, call, endpoint)
        if pod is not None:
            return _backend(platform, pod, asked.scheme, str(number))
    raise errors.service_unavailable(f'no endpoints available for service "{asked.name}"')


def _port_name(service: objects.Object, asked: Named) -> str:
    if not asked.port.isdigit():
        return asked.port
    for one in service["spec"].get("ports") or []:
        if str(one.get("port")) == asked.port:
            return str(one.get("name") or "")
    raise errors.service_unavailable(f'no service port {asked.port} found for service "{asked.name}"')


def _is_ready(endpoint: dict[str, Any]) -> bool:
    return (endpoint.get("conditions") or {}).get("ready") is not False


def _pod_of(platform: platforms.Platform, call: calls.Call, endpoint: dict[str, Any]) -> objects.Object | None:
    """The pod of an endpoint if it really is that: an endpoint may be written by anybody, the pod tells its address."""
    reference = endpoint.get("targetRef") or {}
    if reference.get("kind") != "Pod" or reference.get("namespace", call.namespace) != call.namespace:
        return None
    pod = platform.reader.get("", builtins.PODS.plural, call.cluster, call.namespace, str(reference.get("name")))
    if pod is None or reference.get("uid") not in (None, objects.uid(pod)):
        return None
    own = [(pod.get("status") or {}).get("podIP")]
    return pod if own == (endpoint.get("addresses") or [])[:1] else None


def _backend(platform: platforms.Platform, pod: objects.Object, scheme: str, port: str) -> Backend:
    if not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536):
        raise errors.service_unavailable(f'error trying to reach service: "{port[:40]}" is no port of a pod')
    address = (pod.get("status") or {}).get("podIP")
    if not address:
        raise errors.bad_request("address not allowed")
    return Backend(scheme, f"{address}:{port}", target.place(platform, pod), int(port))
