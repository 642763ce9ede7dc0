"""Where a pod runs, and which of its containers is meant; the texts are upstream's."""

from __future__ import annotations

from typing import Any, Final

from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.streaming import bridge
from bascule.vocabulary import builtins, errors, objects

TUNNEL_ANNOTATION: Final = "bascule.dev/tunnel"
_GROUPS: Final = ("containers", "initContainers", "ephemeralContainers")


def pod(call: calls.Call) -> objects.Object:
    """The pod that the path names."""
    stored = call.endpoint.records.get(call.key)
    if stored is None:
        raise call.not_found()
    return stored.decode()


def place(platform: platforms.Platform, pod: objects.Object, container: str = "") -> bridge.Place:
    """Where the pod runs; 400 when it does not yet, 503 when its node is away."""
    name, node = objects.name(pod), (pod.get("spec") or {}).get("nodeName")
    if not node:
        raise errors.bad_request(f"pod {name} does not have a host assigned")
    key = objects.key(pod)
    return bridge.Place(
        address(platform, node, f" of pod {name}"),
        node,
        key.cluster,
        key.namespace,
        name,
        objects.uid(pod),
        container,
    )


def address(platform: platforms.Platform, node: str, of: str = "") -> str:
    """The bridgehead that holds the node."""
    found = platform.reader.get("", builtins.NODES.plural, objects.ROOT, "", node)
    address = objects.annotations(found).get(TUNNEL_ANNOTATION) if found else None
    if not address:
        raise errors.service_unavailable(f"the node {node}{of} is not connected at the moment")
    return address


def container(pod: objects.Object, asked: str) -> str:
    """The container that is meant; 400 when that is not clear."""
    spec, name = pod.get("spec") or {}, objects.name(pod)
    own, first, _ = (_names(spec, group) for group in _GROUPS)
    if asked:
        if not any(asked in _names(spec, group) for group in _GROUPS):
            raise errors.bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    if len(own) == 1:
        return own[0]
    text = f"a container name must be specified for pod {name}"
    if own:
        text += f", choose one of: [{' '.join(own)}]"
        if first:
            text += f" or one of the init containers: [{' '.join(first)}]"
    raise errors.bad_request(text)


def _names(spec: dict[str, Any], group: str) -> list[str]:
    return [container["name"] for container in spec.get(group) or []]
