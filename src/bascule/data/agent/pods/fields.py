"""The downward API: a pod's own fields and its containers' resources, as text. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from bascule.data.agent.pods import model
from bascule.data.agent.sources import ConfigFault
from bascule.vocabulary import objects, quantity
from bascule.vocabulary.objects import Object

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")


@dataclass(frozen=True, slots=True)
class Addresses:
    pod_ip: str = ""
    host_ip: str = ""


def field(pod: Object, path: str, addresses: Addresses) -> str:
    """The value of a `fieldPath`; ConfigFault where there is no such field."""
    if match := _SUBSCRIPT.fullmatch(path):
        return str((objects.metadata(pod).get(match[1]) or {}).get(match[2], ""))
    spec = model.spec(pod)
    simple = {
        "metadata.name": objects.name(pod),
        "metadata.namespace": objects.namespace(pod),
        "metadata.uid": objects.uid(pod),
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.hostIP": addresses.host_ip,
        "status.hostIPs": addresses.host_ip,
        "status.podIP": addresses.pod_ip,
        "status.podIPs": addresses.pod_ip,
    }
    if path in simple:
        return str(simple[path])
    if path in ("metadata.labels", "metadata.annotations"):
        pairs = objects.metadata(pod).get(path.split(".")[1]) or {}
        return "\n".join(f"{key}={_quoted(value)}" for key, value in sorted(pairs.items()))
    raise ConfigFault(f"unsupported fieldPath: {path}")


def _quoted(value: str) -> str:
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
    return '"' + "".join(escapes.get(letter, letter) for letter in value) + '"'


def resource(pod: Object, container_name: str, ref: dict[str, Any], allocatable: dict[str, Any]) -> str:
    """A `resourceFieldRef` divided by its divisor, rounded up; unset limits are the node's allocatable."""
    container = model.container_spec(pod, ref.get("containerName") or container_name)
    if container is None:
        raise ConfigFault(f"container {ref.get('containerName')} not found")
    group, _, name = str(ref["resource"]).partition(".")
    value = ((container.get("resources") or {}).get(group) or {}).get(name)
    if value is None:
        value = allocatable.get(name, "0") if group == "limits" else "0"
    divisor = quantity.parse(str(ref.get("divisor") or "1")) or quantity.parse("1")
    return str(math.ceil(quantity.parse(str(value)) / divisor))
